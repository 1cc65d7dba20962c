"""Made-up course text: as many pages as are asked for, with the sentence shapes and word lengths of real ones."""

from __future__ import annotations

import random
from collections.abc import Iterator

NOUNS = """algorithm boundary catalyst compiler condition conductor container current deviation diffusion distribution
element energy equation equilibrium experiment filter frequency function gradient hypothesis identity instrument
integral interface iteration kernel layer lens limit list loop magnet matrix measurement membrane method molecule
network object observation operator orbit parameter particle pattern polynomial pressure probability procedure process
protein quantity reaction recursion register residual sample sensor sequence signal solution solver spectrum state
statement stimulus structure surface system temperature tensor tissue transform tuple variable vector velocity voltage
wave""".split()  # noqa: SIM905
ADJECTIVES = """additive adjacent asymptotic biological bounded chemical circular continuous convex dense digital discrete
dynamic elastic electric empirical exact external finite global harmonic ideal implicit independent initial inverse
large linear local magnetic mean modular mutable natural normal numerical optical orthogonal partial periodic physical
positive quadratic random recursive regular relative sparse spatial stable static thermal uniform unstable""".split()  # noqa: SIM905
VERBS = """absorbs affects bounds calculates carries changes compares computes connects contains controls converts
describes detects determines drives encodes estimates exceeds filters follows generates increases introduces keeps
limits measures minimizes modifies needs obeys orders predicts preserves produces reduces reflects replaces requires
returns scales separates shapes stores transforms yields""".split()  # noqa: SIM905
SHAPES = (
    "The {a} {n} {v} the {n}.",
    "A {n} {v} each {n} of the {a} {n}, and it {v} the {n}.",
    "In a {a} {n}, the {n} {v} the {n} because the {n} is {a}.",
    "When the {n} is {a}, the {n} {v} a {n} with {d} {n}s.",
    "However, every {a} {n} {v} its {n} by a factor of {d}.{d}, which is {a}.",
    "The {n} {v} the {n} and {v} the {a} {n} at the same {n}.",
    "Although the {a} {n} is {a}, the {n} of a {n} {v} the {n} in most {n}s.",
    "It {v} the {n} (see the {a} {n}), so that the {n} stays {a} for {d} seconds.",
    "For example, a {n} of {d} {v} the {n}, the {n}, and the {a} {n}.",
)


def sentence(rng: random.Random) -> str:
    """One sentence."""
    text = rng.choice(SHAPES)
    for mark, words in (("{n}", NOUNS), ("{a}", ADJECTIVES), ("{v}", VERBS)):
        while mark in text:
            text = text.replace(mark, rng.choice(words), 1)
    while "{d}" in text:
        text = text.replace("{d}", str(rng.randint(2, 97)), 1)
    return text


def paragraph(rng: random.Random) -> str:
    """Three to eight sentences."""
    return " ".join(sentence(rng) for _ in range(rng.randint(3, 8)))


def pages(count: int, seed: int = 1) -> Iterator[str]:
    """Markdown pages of about 380 words: a heading on every third, four or five paragraphs, now and then a formula."""
    rng = random.Random(seed)
    for number in range(count):
        blocks = []
        if number % 3 == 0:
            blocks.append(f"## The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {number}")
        words = 0
        while words < 380:
            block = paragraph(rng)
            words += len(block.split())
            blocks.append(block)
            if rng.random() < 0.08:
                blocks.append(f"$$x_{{{number}}} = \\int_0^{{{rng.randint(1, 9)}}} f(t)\\,dt$$")
        yield "\n\n".join(blocks)
