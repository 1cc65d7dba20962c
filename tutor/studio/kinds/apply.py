"""Use: what a thing is for, how something is done, and what can be used for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from courses.wording import bag
from tutor.practice.items import Survey
from tutor.practice.statements import PRONOUNS, Statement, content
from tutor.studio.kinds import Draft, quoted, sentence_of
from tutor.studio.kinds.asking import askable

USED = re.compile(
    r"^(?:is|are|can be|may be|is often|are often|is commonly|are commonly) used (?P<to>to|for) "
    r"(?P<what>[a-z][^,;:()]{8,110})\.?$",
    re.IGNORECASE,
)
HELPS = re.compile(
    r"^(?:helps?|allows?|lets?|enables?) (?:\w+ )?(?:programmers?|users?|people|you|us|one|developers?) (?:to )?"
    r"(?P<what>[a-z][^,;:()]{8,110})\.?$",
    re.IGNORECASE,
)
TO = re.compile(r"^To (?P<what>[a-z][^,;:()]{6,70}), (?P<how>[^;:]{12,160})\.$")
VAGUE = bag("better best well understand know learn see reach begin continue make")
ADDRESS = re.compile(r"www\.|http|account|book|chapter", re.IGNORECASE)


def drafts(material: Survey, rows: Sequence[Statement]) -> Iterator[Draft]:
    """ "What is a set used for?", "How do you open a file?", "What can be used to read web pages?"."""
    for row in rows:
        sentence = sentence_of(row)
        if (
            (goal := TO.match(sentence)) is not None
            and _is_clear(goal["what"])
            and not ADDRESS.search(sentence)
        ):
            yield Draft(
                "apply",
                f"How do you {goal['what']}?",
                sentence,
                (quoted(row),),
                "a sentence that says how",
                row.term,
            )
        if not askable(row, material):
            continue
        if used := USED.match(row.predicate):
            be = "are" if row.plural else "is"
            yield Draft(
                "apply",
                f"What {be} {row.subject} used for?",
                sentence,
                (quoted(row),),
                "a stated use",
                row.term,
            )
            if used["to"] == "to" and _is_clear(used["what"]) and len(content(used["what"])) >= 4:
                question = f"What can be used to {used['what'].rstrip('.')}?"
                yield Draft(
                    "apply", question, sentence, (quoted(row),), "a stated use, asked for its means", row.term
                )
        elif HELPS.match(row.predicate) and not row.plural:
            verb = row.verb
            helps = {"helps": "help", "allows": "allow", "lets": "let", "enables": "enable"}.get(verb, "")
            if helps:
                question = f"What does {row.subject} {helps} people do?"
                yield Draft("apply", question, sentence, (quoted(row),), "a stated use", row.term)


def _is_clear(goal: str) -> bool:
    """Whether an aim is understood without what stands around it."""
    words = set(goal.lower().split())
    return not words & (PRONOUNS | VAGUE) and "above" not in words and "previous" not in words
