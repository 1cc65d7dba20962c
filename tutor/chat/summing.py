"""What a material says in short, where a question asks for a summary of one: its most telling statements, in their order.

A statement tells the more, the nearer it is to all that the material states (centroid summarisation, Radev et al. 2004); a
section has one before another has two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from courses.models import Material, Passage, PassageQuerySet
from courses.verification.vectors import vectors_of
from courses.verification.words import words
from tutor.chat.composing import SHOWN, stated
from tutor.chat.growing import EXAMPLE
from tutor.chat.layout import heading, layouts
from tutor.chat.statement import Statement, repeats

ASKED = re.compile(
    r"^\W*(?:(?:please|can|could|would|will|you|kindly|now|briefly|and)\W+)*"
    r"(?:summari[sz]e|sum\s+up|recap"
    r"|(?:give|show|tell|write)\s+(?:me\s+|us\s+)?(?:an?|the)\s+(?:(?:short|brief|quick)\s+)?(?:summary|overview|recap|main\s+points|key\s+points)\s+of"
    r"|what\s+(?:is|are|were|was)\s+(?:the\s+)?(?:main|key|most\s+important)\s+(?:points?|ideas?|messages?|takeaways?)\s+(?:of|in|from)"
    r"|what\s+(?:is|was|does)(?=.*\b(?:about|covers?|say)\W*$))"
    r"\s+(?P<what>.+?)(?:\s+(?:about|covers?|say|(?:for|to)\s+(?:me|us)|please|briefly|in\s+short|in\s+(?:a\s+few|\w+)\s+sentences))*\W*$",
    re.IGNORECASE,
)
COUNTED = "one first two second three third four fourth five fifth six sixth seven seventh eight eighth nine ninth ten tenth"
NUMBERS = {word: str(place // 2 + 1) for place, word in enumerate(re.findall(r"\w+", COUNTED))}
EMPTY = frozenset(
    re.findall(r"\w+", "the a an of in on about this that my our your file material document pdf")
)
MOST = 6  # statements
LONGEST = 1_100  # characters of all of them
LONG = 320  # characters from which one statement is too much
READ = 150  # passages, of a book the first


def named(question: str, passages: PassageQuerySet) -> list[Passage]:
    """The passages of the material that a question asks to be summed up, [] where it asks for none or names none of its own.

    A material is named by words of its title and its number: "lecture 3", "the notes".
    """
    asked = ASKED.match(question)
    if asked is None:
        return []
    wanted = _names(asked["what"])
    rows = Material.objects.filter(
        pk__in=passages.order_by().values("material"), origin=Material.Origin.UPLOAD
    )
    meant = [pk for pk, title in rows.values_list("pk", "title") if wanted and wanted <= _names(title)]
    return list(passages.filter(material=meant[0]).order_by("ordinal")[:READ]) if len(meant) == 1 else []


def _names(text: str) -> set[str]:
    found = re.findall(r"[a-z]+|\d+", text.lower())
    return {NUMBERS.get(word, word.removesuffix("s")) for word in found if word not in EMPTY}


def told(passages: Sequence[Passage]) -> list[Statement]:
    """The statements that tell most of what these passages of one material say, in their order; at most MOST."""
    found = layouts(passages)
    places = [
        (rank, spot)
        for rank, layout in enumerate(found)
        for spot in stated(rank, layout)
        if not spot.aside and not spot.row and spot.end - spot.start <= LONG
    ]
    if not places:
        return []
    texts = [found[rank].passage.text[spot.start : spot.end] for rank, spot in places]
    vectors = vectors_of(texts)
    centre = vectors.mean(axis=0)
    pool = []
    for (rank, spot), text, vector in zip(places, texts, vectors, strict=True):
        score = float(vector @ centre)
        if EXAMPLE.match(text) or SHOWN.search(text) or re.search(r"\d", text):
            score -= 0.1  # an example of what is said, rather than it
        if sum(word.content for word in words(text)) < 5:
            score -= 0.1
        pool.append(Statement(found[rank].passage, spot.start, spot.end, score, vector, rank))
    pool.sort(key=lambda one: -one.score)
    chosen: list[Statement] = []
    for again in (False, True):
        for one in pool:
            seen = {heading(other.passage) for other in chosen}
            length = sum(len(other.source) for other in chosen) + len(one.source)
            if len(chosen) == MOST or length > LONGEST or (not again and heading(one.passage) in seen):
                continue
            if not any(repeats(one, other) for other in chosen):
                chosen.append(one)
    return sorted(chosen, key=lambda one: (one.rank, one.start))
