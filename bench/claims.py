"""Labelled claims to fit and measure the verifier with: by hand, from CLAPNQ, and falsified by rule."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lxml import etree

from courses.verification.tables import OPPOSITES, UNITS
from courses.verification.vectors import sentence_spans
from courses.verification.words import stem, words

HERE = Path(__file__).parent.parent
CLAIMS = HERE / "tests/data/claims.jsonl"
MORE = HERE / "bench/claims.jsonl"  # of modules of the fit half only: nothing is measured on them
CNX = "{http://cnx.rice.edu/cnxml}"


@dataclass(frozen=True, slots=True)
class Labelled:
    claim: str
    passages: list[str]
    supported: bool
    kind: str
    group: str  # claims of one group are never split between fit and test
    weight: float = 1.0


def half(group: str) -> str:
    """fit or test, by group, the same for ever."""
    return "test" if sha256(group.encode()).digest()[0] % 2 else "fit"


def modules(folder: Path) -> dict[str, dict[str, str]]:
    """The paragraphs of each OpenStax module: module id -> paragraph id -> text."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("*/index.cnxml")):
        root = etree.parse(str(path)).getroot()
        found[path.parent.name] = {
            str(node.get("id")): text
            for node in root.iter(f"{CNX}para", "para")
            if node.get("id") and (text := re.sub(r"\s+", " ", "".join(node.itertext())).strip())
        }
    return found


def by_hand(folder: Path, file: Path = CLAIMS, weight: float = 3.0, seed: int = 0) -> Iterator[Labelled]:
    """The claims of a file that were written by hand, each with its passage and up to five others of the same module."""
    chance = random.Random(seed)
    text = modules(folder)
    for line in file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        paragraphs = text[row["module"]]
        gold = [paragraphs[name] for name in row["passage"]]
        rest = [p for name, p in paragraphs.items() if name not in row["passage"] and len(p) > 80]
        others = chance.sample(rest, min(len(rest), chance.choice([0, 0, 1, 2, 3, 5])))
        passages = gold + others
        chance.shuffle(passages)
        yield Labelled(
            row["claim"], passages, row["label"] == "supported", row["kind"], row["module"], weight
        )


def elsewhere(claims: list[Labelled], seed: int = 1) -> Iterator[Labelled]:
    """True claims beside passages of another module: not supported there."""
    chance = random.Random(seed)
    true = [claim for claim in claims if claim.supported]
    for claim in true:
        other = chance.choice([c for c in true if abs(int(c.group[1:]) - int(claim.group[1:])) > 6])
        yield Labelled(claim.claim, other.passages, False, "elsewhere", claim.group, 0.5)


def from_clapnq(folder: Path, weight: float = 1.0) -> Iterator[Labelled]:
    """Sentences of CLAPNQ's gold answers beside the passage they were written from."""
    for line in (folder / "clapnq_answerable.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        passage = clean(row["passages"][0]["text"])
        title = row["passages"][0]["title"]
        for output in row["output"][:1]:
            answer = clean(output["answer"])
            for start, end in sentence_spans(answer):
                sentence = answer[start:end]
                if sum(word.content for word in words(sentence)) >= 4:
                    yield Labelled(sentence, [f"{title}\n\n{passage}"], True, "gold", "q" + row["id"], weight)


def clean(text: str) -> str:
    """Detokenised Wikipedia text as CLAPNQ has it."""
    text = re.sub(r"\s+([.,;:!?)%\]])", r"\1", text)
    text = re.sub(r"([(\[$])\s+", r"\1", text)
    text = re.sub(r"\s+(['’]s\b)", r"\1", text).replace("``", '"').replace("''", '"')
    return re.sub(r"(\w) - (\w)", r"\1-\2", re.sub(r"\s+", " ", text)).strip()


AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|may|might|must|should|has|have|does|do|did)\b", re.IGNORECASE
)
OPPOSITE_PAIRS = [(row.split()[0], row.split()[1]) for row in OPPOSITES.replace("\n", "").split("|")]
OPPOSITE = dict(OPPOSITE_PAIRS) | {b: a for a, b in OPPOSITE_PAIRS}
STRONGER = {
    "some": "all", "many": "all", "most": "all", "may": "must", "can": "must", "often": "always", "usually": "always",
    "sometimes": "always", "several": "only two", "typically": "always", "might": "must", "generally": "always",
    "all": "only some", "always": "sometimes", "every": "only one", "any": "only one", "must": "need not",
}  # fmt: skip


def falsified(true: Labelled, pool: list[str], chance: random.Random, weight: float) -> Iterator[Labelled]:
    """What a careless writer might make of a true claim: one falsehood of each kind that applies.

    pool: sentences of other groups, to add clauses from.
    """
    claim, source = true.claim, " ".join(true.passages)

    def made(kind: str, text: str) -> Iterator[Labelled]:
        if stem(text) != stem(claim) and text not in source:
            yield Labelled(text, true.passages, False, kind, true.group, weight)

    tokens = [word for word in words(claim) if word.content]
    theirs = [word for word in words(source) if word.content]

    def put(word_start: int, word_end: int, new: str) -> str:
        return claim[:word_start] + new + claim[word_end:]

    numbers = [word for word in tokens if word.kind == "number"]
    if numbers:
        word = chance.choice(numbers)
        others = [w.text for w in theirs if w.kind == "number" and w.key != word.key]
        spelled = {value: name for name, value in UNITS.items()}
        try:
            value = float(word.key.rstrip("th%"))
            new = (
                str(round(value + chance.choice([1, 2, 3, 10, -1])))
                if chance.random() < 0.5 or not others
                else chance.choice(others)
            )
            if word.text.isalpha() and new.isdigit() and int(new) in spelled:
                new = spelled[int(new)]
            yield from made("number", put(word.start, word.end, new))
        except ValueError:
            pass
    names = [word for word in tokens if word.kind == "name"]
    if names:
        word = chance.choice(names)
        others = [w.text for w in theirs if w.kind == "name" and w.key not in {t.key for t in tokens}]
        if others:
            yield from made("entity", put(word.start, word.end, chance.choice(others)))
    auxiliaries = list(AUXILIARY.finditer(claim))
    if auxiliaries:
        found = chance.choice(auxiliaries)
        after = claim[found.end() :]
        if after.startswith(" not "):
            yield from made("negation", claim[: found.end()] + after[4:])
        else:
            yield from made("negation", put(found.end(), found.end(), " not"))
    opposite = [word for word in words(claim) if word.lower in OPPOSITE]
    if opposite:
        word = chance.choice(opposite)
        yield from made("antonym", put(word.start, word.end, OPPOSITE[word.lower]))
    quantified = [word for word in words(claim) if word.lower in STRONGER]
    if quantified:
        word = chance.choice(quantified)
        yield from made("quantifier", put(word.start, word.end, STRONGER[word.lower]))
    plain = [word for word in tokens if word.kind in ("word", "name") and len(word.text) > 3]
    if len(plain) > 3:
        a, b = sorted(chance.sample(plain, 2), key=lambda word: word.start)
        if a.key != b.key and b.start - a.end > 2:
            swapped = claim[: a.start] + b.text + claim[a.end : b.start] + a.text + claim[b.end :]
            yield from made("swap", swapped)
        word = chance.choice(plain)
        mine = {t.key for t in tokens}
        others = [w.text for w in theirs if w.key not in mine and w.kind == word.kind and len(w.text) > 3]
        if others:
            yield from made("entity", put(word.start, word.end, chance.choice(others).lower()))
    extra = words(chance.choice(pool))
    extra_text = chance.choice(pool).rstrip(".")
    if len(extra) > 4:
        clause = " ".join(extra_text.split()[: chance.randint(5, 12)])
        joined = chance.choice([" and ", ", because ", ", which ", ", so "])
        yield from made("addition", claim.rstrip(".") + joined + clause[:1].lower() + clause[1:] + ".")
