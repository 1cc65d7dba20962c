"""A classmate to teach: it knows of a section what a student explained, takes a short test, and the result is compared.

Each answer is decided from the student's explanations and nothing else: of a question's options, the one that a sentence
about the question names. That is deterministic, and follows a wrong explanation as readily as a right one.
`make bench BENCH=teaching` has the figures, also of the small model as the judge, which is worse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from courses.models import Passage
from courses.verification import SUPPORTED, verify_all
from courses.verification.vectors import sentence_spans, vectors_of
from courses.verification.words import words
from tutor.accounts.models import User
from tutor.classrooms.models import Agent, Explanation, Function, Lesson, Objection, Teaching, Trial
from tutor.jobs import State
from tutor.llm.embeddings import EmbeddingError
from tutor.practice import items
from tutor.practice.grading import grade
from tutor.practice.models import Attempt, Item, Skill
from tutor.practice.quantities import quantities

LONGEST = 4_000  # characters of an explanation
MOST = 12  # explanations
QUESTIONS = 8  # of a test
FEWEST = 2
OTHERS = 4  # beside the right one, where a question has no options
MEANING = 0.4  # how much likeness of meaning counts beside shared words
WHOLE = 0.6  # and how much likeness to question and option together
SURE = 0.4  # below, "I don't know yet"
NAMED = 0.5  # share of its words by which a sentence names a subject
NUMBERS = ["one", "two", "three", "ten"]  # where the passage has no other ones
WHAT_IS = re.compile(
    r"what (?:is|are) (?!the term )(?P<subject>.+?)(?: (?:of|for|in|by)\b.*)?\?", re.IGNORECASE
)
AHEAD = 1.05  # how far the best option has to lie before the next
JUDGE = "Shared words and likeness of meaning; no language model"
IRRELEVANT = (Path(__file__).parent / "data" / "irrelevant.txt").read_text(encoding="utf-8").splitlines()

Condition = Trial.Condition


class CannotTeach(Exception):
    """What was asked cannot be done. The message says why, for the student."""


@dataclass(frozen=True)
class Answer:
    """What the classmate says: an option, or "" where it does not know; and the sentence it goes by."""

    response: str
    sure: float = 0.0
    sentence: str = ""


def answer(prompt: str, options: Sequence[str], texts: Sequence[str]) -> Answer:
    """The option that the texts give for the question, or none. Raises EmbeddingError.

    A sentence speaks for an option by how much it is about the question, times how much of the option it names; words that
    the question has itself name nothing.
    """
    said = [text[start:end] for text in texts for start, end in sentence_spans(text)]
    if not said or not options:
        return Answer("")
    asked, subject = _keys(prompt), _subject(prompt)
    wholes = vectors_of([f"{prompt} {option}" for option in options])
    vectors = vectors_of(said)
    about = vectors @ vectors_of([prompt])[0]
    held = [_all(sentence) for sentence in said]
    scores = np.zeros((len(options), len(said)))
    for row, option in enumerate(options):
        own = _keys(option)
        known = 1.0 if own - asked else 0.5
        for column, keys in enumerate(held):
            if len(subject & keys) < NAMED * len(subject):
                continue
            shared = len(own & keys) / max(1, len(own)) * known + 0.02 * min(len(own & keys), 3)
            alike = max(0.0, float(wholes[row] @ vectors[column]))
            words_of_it = len((asked - own) & keys) / max(1, len(asked - own))
            relevance = MEANING * max(0.0, float(about[column])) + (1 - MEANING) * words_of_it
            scores[row, column] = relevance * (shared + WHOLE * alike)
    best = scores.max(axis=1)
    first = int(best.argmax())
    second = float(np.partition(best, -2)[-2]) if len(best) > 1 else 0.0
    sure = float(best[first])
    if sure < SURE or sure < AHEAD * second:
        return Answer("", sure)
    return Answer(options[first], sure, said[int(scores[first].argmax())])


def respond(item: Item, texts: Sequence[str], others: Sequence[str]) -> tuple[Answer, bool]:
    """What the classmate says to an item of any kind, and whether that is right. Raises EmbeddingError.

    A short answer is chosen among `others`, what else could stand there; an explanation is the student's sentence that is
    most about the question, graded as a person's answer would be.
    """
    if item.kind == Item.Kind.EXPLAIN:
        said = _about(item.prompt, texts)
        right = bool(said.response) and grade(item, said.response).outcome == Attempt.Outcome.RIGHT
        return said, right
    options = item.options if item.kind == Item.Kind.CHOICE else sorted({item.answer, *others})
    said = answer(item.prompt, options, texts)
    return said, said.response == item.answer


def _about(prompt: str, texts: Sequence[str]) -> Answer:
    """The sentence that is most about the question, if it names what is asked for."""
    subject = _subject(re.sub(r"^.*?:\s*", "", prompt))
    said = [text[start:end] for text in texts for start, end in sentence_spans(text)]
    named = [one for one in said if subject and len(subject & _all(one)) >= NAMED * len(subject)]
    if not named:
        return Answer("")
    near = vectors_of(named) @ vectors_of([prompt])[0]
    best = int(near.argmax())
    return Answer(named[best], float(near[best]), named[best])


def _others(item: Item) -> list[str]:
    """What else could stand in the place of a short answer: numbers of the passage, or names of the course's skills."""
    if item.kind != Item.Kind.SHORT:
        return []
    own = _keys(item.answer)
    if quantities(item.answer):
        found = NUMBERS + re.findall(r"\d+(?:\.\d+)?", item.passage.text if item.passage else "")
        known = {item.answer, *re.findall(r"\d+(?:\.\d+)?", f"{item.prompt} {item.answer}")}
        return [number for number in dict.fromkeys(reversed(found)) if number not in known][:OTHERS]
    names = Skill.objects.filter(course=item.course).order_by("name").values_list("name", flat=True)
    return [name for name in names if not _keys(name) & own][:OTHERS]


def _subject(prompt: str) -> set[str]:
    """What a question for the meaning of something asks about: a sentence that does not name it cannot answer."""
    found = WHAT_IS.match(prompt)
    return _keys(found["subject"]) if found else set()


def _keys(text: str) -> set[str]:
    """The telling words of a text; where it has none, as "the mean", what is not an article."""
    found = words(text)
    telling = {word.key for word in found if word.content}
    return telling or {word.key for word in found if word.lower not in ("the", "a", "an")}


def _all(text: str) -> set[str]:
    return {word.key for word in words(text)}


# What a student does --------------------------------------------------------------------------------------------------


def sections(lesson: Lesson) -> list[tuple[list[str], int]]:
    """The sections with enough questions for a test, as their pages have them, with how many; the whole lesson is []."""
    pages = lesson.pages.filter(state=State.DONE).order_by("ordinal")
    found: list[list[str]] = []
    for section in [*pages.values_list("section", flat=True), []]:
        if section not in found:
            found.append(section)
    counted = [(section, _ready(lesson, section).count()) for section in found]
    return [(section, min(count, QUESTIONS)) for section, count in counted if count >= FEWEST]


def _ready(lesson: Lesson, section: list[str]) -> QuerySet[Item]:
    rows = Item.objects.askable(lesson.course).filter(passage__in=_passages(lesson, section))
    return rows.order_by("pk")


def _passages(lesson: Lesson, section: list[str]) -> QuerySet[Passage]:
    pages = [page.pk for page in lesson.pages.all() if not section or page.section == section]
    readable = Passage.objects.for_agent(lesson.course).select_related("material__course")
    return readable.filter(lesson_pages__in=pages).distinct().order_by("material", "ordinal")


def begin(lesson: Lesson, section: list[str], user: User) -> Teaching:
    """A classmate who knows nothing of the section. Raises CannotTeach."""
    if section not in [known for known, _ in sections(lesson)]:
        raise CannotTeach("Choose a section of the lesson.")
    curious = Agent.objects.filter(course=lesson.course, active=True, function=Function.CURIOSITY).first()
    return Teaching.objects.create(
        course=lesson.course, lesson=lesson, section=section, user=user, classmate=curious
    )


def explain(teaching: Teaching, text: str) -> Explanation:
    """Tell the classmate something. Raises CannotTeach."""
    text = " ".join(text.replace("\0", "").split())
    if teaching.state in (State.QUEUED, State.RUNNING):
        raise CannotTeach("The test is under way. Go on explaining when it is done.")
    if not any(character.isalnum() for character in text):
        raise CannotTeach("Write an explanation first.")
    if len(text) > LONGEST:
        raise CannotTeach(
            f"This has {len(text):,} characters, and one explanation may have {LONGEST:,}. Split it."
        )
    if teaching.explanations.count() >= MOST:
        raise CannotTeach(f"{MOST} explanations are enough. Take one back, or give the test.")
    return Explanation.objects.create(teaching=teaching, text=text)


def ask_for_test(teaching: Teaching) -> None:
    """Queue the test. Raises CannotTeach."""
    if not teaching.explanations.exists():
        raise CannotTeach("Explain something first: the classmate knows nothing yet.")
    with transaction.atomic():
        idle = Teaching.objects.filter(pk=teaching.pk).exclude(state__in=(State.QUEUED, State.RUNNING))
        if not idle.update(asked=timezone.now(), state=State.QUEUED, attempts=0):
            return
        teaching.refresh_from_db()
        teaching.queue()


# The test -------------------------------------------------------------------------------------------------------------


def examine(teaching: Teaching) -> None:
    """The work of the job: choose the questions, let the classmate answer under three conditions, look for mistakes."""
    if not teaching.claim():
        return
    with teaching.heartbeat():
        try:
            _examine(teaching)
        except CannotTeach as error:
            teaching.fail(str(error))
        except EmbeddingError as error:
            teaching.fail(f"The test could not be held: {error} Try again.")
        else:
            teaching.finish()


def _examine(teaching: Teaching) -> None:
    passages = list(_passages(teaching.lesson, teaching.section))
    teaching.advance("questions", 0.1)
    chosen = _questions(teaching, passages)
    told = list(teaching.explanations.all())
    texts = [explanation.text for explanation in told]
    trials: list[tuple[Trial, list[Explanation]]] = []
    misled: list[Objection] = []
    for number, item in enumerate(chosen):
        teaching.advance("test", 0.2 + 0.6 * number / len(chosen))
        by_condition = {Condition.TAUGHT: texts, Condition.UNTAUGHT: [], Condition.IRRELEVANT: IRRELEVANT}
        others = _others(item)
        for condition, known in by_condition.items():
            said, right = respond(item, known, others)
            trial = Trial(
                teaching=teaching,
                item=item,
                condition=condition,
                response=said.response,
                right=right,
                sure=said.sure,
            )
            taught = condition == Condition.TAUGHT and said.response
            trials.append((trial, list(_decided(item, told, said, others)) if taught else []))
            if taught and not trial.right and item.kind != Item.Kind.EXPLAIN:
                misled += _misled(item, told, said)
    teaching.advance("check", 0.85)
    objections = _unsupported(misled, passages)
    objections += _contradicted(told, passages, {objection.sentence for objection in objections})
    with transaction.atomic():
        teaching.trials.all().delete()
        Objection.objects.filter(explanation__teaching=teaching).delete()
        for trial, helped in trials:
            trial.save()
            trial.helped.set(helped)
        Objection.objects.bulk_create(objections)
        teaching.items.set(chosen)
        Teaching.objects.filter(pk=teaching.pk).update(judge=JUDGE)


def _questions(teaching: Teaching, passages: Sequence[Passage]) -> list[Item]:
    """The items of the test: the same ones again for the same section, so that a second try can be compared."""
    found = _ready(teaching.lesson, teaching.section)
    if found.count() < QUESTIONS:
        items.make(teaching.course, passages, QUESTIONS)
    if found.count() < FEWEST:
        raise CannotTeach(
            "There are not enough questions on this section to test anybody. Choose another section."
        )
    return list(found[:QUESTIONS])


def _decided(
    item: Item, told: Sequence[Explanation], said: Answer, others: Sequence[str]
) -> Iterator[Explanation]:
    """The explanations without which the classmate would have said something else."""
    for left_out in told:
        rest = [explanation.text for explanation in told if explanation != left_out]
        if respond(item, rest, others)[0].response != said.response:
            yield left_out


def _misled(item: Item, told: Sequence[Explanation], said: Answer) -> list[Objection]:
    """The sentence that led to a wrong answer, beside what the material says."""
    source = next((explanation for explanation in told if said.sentence in explanation.text), None)
    if source is None or not item.quote:
        return []
    return [
        Objection(
            explanation=source,
            sentence=said.sentence,
            passage=item.passage,
            quote=item.quote,
            start=item.start,
            end=item.end,
        )
    ]


def _unsupported(misled: Sequence[Objection], passages: Sequence[Passage]) -> list[Objection]:
    """Only what the material does not say: the classmate may also have drawn a wrong answer from a right sentence."""
    if not misled or not passages:
        return []
    verdicts = verify_all([row.sentence for row in misled], [passage.text for passage in passages])
    return [row for row, verdict in zip(misled, verdicts, strict=True) if verdict.verdict != SUPPORTED]


def _contradicted(
    told: Sequence[Explanation], passages: Sequence[Passage], known: set[str]
) -> list[Objection]:
    """What the verifier finds the material to say otherwise."""
    said = [
        (explanation, explanation.text[start:end])
        for explanation in told
        for start, end in sentence_spans(explanation.text)
    ]
    stated = [
        (row, sentence) for row, sentence in said if sentence not in known and not sentence.endswith("?")
    ]
    if not stated or not passages:
        return []
    verdicts = verify_all([sentence for _, sentence in stated], [passage.text for passage in passages])
    found = []
    for (explanation, sentence), verdict in zip(stated, verdicts, strict=True):
        if verdict.contradicted and verdict.quotes:
            quote = verdict.quotes[0]
            passage = passages[quote.passage]
            found.append(
                Objection(
                    explanation=explanation,
                    sentence=sentence,
                    passage=passage,
                    quote=quote.text,
                    start=passage.start + quote.start,
                    end=passage.start + quote.end,
                )
            )
    return found


@dataclass(frozen=True)
class Row:
    """One question of the result: the trial under each condition."""

    item: Item
    taught: Trial
    untaught: Trial
    irrelevant: Trial
    helped: list[int]  # numbers of the student's explanations, from 1

    @property
    def others(self) -> tuple[Trial, Trial]:
        """Without the student's teaching."""
        return self.untaught, self.irrelevant


def result(teaching: Teaching) -> list[Row]:
    """The test question by question; [] before it was held."""
    numbers = {pk: n for n, pk in enumerate(teaching.explanations.values_list("pk", flat=True), 1)}
    trials = teaching.trials.select_related("item__passage__material__course").prefetch_related("helped")
    by_item: dict[Item, dict[str, Trial]] = {}
    for trial in trials:
        by_item.setdefault(trial.item, {})[trial.condition] = trial
    return [
        Row(
            item,
            of[Condition.TAUGHT],
            of[Condition.UNTAUGHT],
            of[Condition.IRRELEVANT],
            sorted(numbers[row.pk] for row in of[Condition.TAUGHT].helped.all() if row.pk in numbers),
        )
        for item, of in by_item.items()
        if len(of) == len(Condition)
    ]
