"""A point once more, after a wrong answer or a lost face: in other words of the material."""

from __future__ import annotations

from courses.models import Passage
from tutor.chat import finding
from tutor.classrooms import phrases
from tutor.classrooms.classmates import Sentence, heard, keys
from tutor.classrooms.models import Act, Classroom
from tutor.llm.models import Endpoint
from tutor.practice.models import Item

MOST = 2  # statements
LONGEST = 70  # words of a statement that can be said
NEW = 0.25  # share of its words that a statement has to have beyond the quote


def sentences(act: Act) -> list[Sentence]:
    """What is said."""
    item = item_of(act)
    room = act.classroom
    if item is None:
        return _again(question_of(act), "", room) or [
            Sentence(phrases.AGAIN),
            *map(Sentence.of, heard(room)[:MOST]),
        ]
    found = _again(question_of(act), item.quote, room)
    if item.passage and item.quote:
        start = item.start - item.passage.start
        quoted = Sentence(item.quote, "supported", [(item.passage, start, start + len(item.quote))])
        found = [*(found or [Sentence(phrases.AGAIN)]), quoted]
    return found


def item_of(act: Act) -> Item | None:
    """The quiz item that is gone over again."""
    rows = Item.objects.select_related("passage__material__course", "passage__material__extract")
    return rows.filter(pk=act.about.get("item")).first()


def question_of(act: Act) -> str:
    """What is to be explained, as a question to the material."""
    item = item_of(act)
    if item:
        return item.prompt
    return act.about.get("words") or f"What is {act.page}?"


def _again(question: str, said: str, room: Classroom) -> list[Sentence]:
    """Statements that answer the question beyond what was said."""
    passages = Passage.objects.for_agent(room.course)
    request = finding.Request(room.course, None, question, [], Endpoint(), passages)
    known, chosen = keys(said), []
    for statement in finding.look(request, question).statements:
        own = keys(statement.text)
        if statement.listing is not None or "\n" in statement.text.strip():  # lists are not spoken
            continue
        if len(statement.text.split()) > LONGEST:
            continue
        if said and len(own - known) < NEW * max(1, len(own)):
            continue
        chosen.append(
            Sentence(statement.text, "supported", [(statement.passage, statement.start, statement.end)])
        )
    return [Sentence(phrases.AGAIN), *chosen[:MOST]] if chosen else []
