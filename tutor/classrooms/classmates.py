"""What the classmates add: a connection, a question, a light remark, a note.

Without a capable model they have the material's own sentences, and phrases that claim nothing. With one, the model writes
in the agent's character, and of what it claims only what the material supports is said.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

from asgiref.sync import async_to_sync

from courses.models import Passage
from courses.verification import verify_all
from courses.verification.words import words
from tutor.chat.capable import claims, plain
from tutor.chat.models import Message
from tutor.chat.sentences import Splitter
from tutor.chat.starters import answered, question_about
from tutor.classrooms import phrases
from tutor.classrooms.models import Act, Agent, Classroom, Function, Line, Note
from tutor.llm import client
from tutor.llm.errors import EndpointError

log = logging.getLogger(__name__)

LONGEST = 60  # words of one act
QUOTED = 24  # words of a line that can be quoted in passing
SHARED = 2  # content words that two lines need to belong together
CONSIDERED = 6  # questions that are tried before a classmate keeps quiet
TOKENS = 120
LAST = 6  # utterances that a model is told of
PROMPTS = Path(__file__).parent / "prompts"

Kind = Act.Kind


@dataclass(frozen=True)
class Sentence:
    """Something said, with what it rests on: quotes as offsets in passages. Without a verdict it claims nothing."""

    text: str
    verdict: str = ""
    quotes: Sequence[tuple[Passage, int, int]] = ()
    line: int | None = None  # of the script

    @classmethod
    def of(cls, line: Line) -> Sentence:
        """A line of the script with its stored citation."""
        quotes = []
        if line.quote and line.passage:
            quotes.append((line.passage, line.start - line.passage.start, line.end - line.passage.start))
        return cls(line.text.strip(), line.verdict if line.claim else "", quotes, line.pk)


@dataclass(frozen=True)
class Said:
    """What an agent says, and what a model's part in it cost."""

    sentences: list[Sentence]
    model: str = ""
    usage: dict[str, int] = field(default_factory=dict)


def asks_model(agent: Agent) -> bool:
    """Whether a model writes what the agent says: a capable one only. Jokes are never left to one."""
    return agent.speaks_through().capable and agent.function != Function.LEVITY


def has_something(room: Classroom, agent: Agent) -> bool:
    """Whether a classmate may have anything to say on this page: once each, where there is material for it."""
    if room.page is None:
        return False
    if room.acts.filter(page=room.page, agent=agent).exists():
        return False
    match agent.function:
        case Function.LEVITY:
            return bool(concept(room)) and next(jokes(room), None) is not None
        case Function.DEPTH:
            return connection(room) is not None
        case Function.NOTES | Function.CURIOSITY:
            return bool(heard(room))
    return False


def sentences(act: Act) -> Said:
    """What a classmate says; nothing where nothing safe is to be said."""
    room, written = act.classroom, Said([])
    if act.turn.usage_id:
        try:
            written = write(act)
        except EndpointError as error:
            log.warning("%s has nothing from the model: %s", act.agent, error)
    if written.sentences:
        return written
    match act.kind:
        case Kind.JOKE:
            said = [Sentence(text) for text in [next(jokes(room), "")] if text]
        case Kind.REMARK:
            said = remark(room)
        case Kind.WONDER:
            said = wonder(room)
        case _:
            said = note(room)
    return replace(written, sentences=said)


# The material


def heard(room: Classroom, *, earlier: bool = False) -> list[Line]:
    """The supported lines that were read on this page so far, or on earlier ones; short enough to be quoted."""
    read = room.acts.filter(kind=Kind.READ).exclude(action=None)
    here = read.exclude(page=room.page) if earlier else read.filter(page=room.page)
    lines = Line.objects.filter(
        action__in=here.values("action"), verdict="supported", passage__isnull=False
    ).select_related("passage__material__course", "passage__material__extract")
    return [line for line in lines.order_by("action__page__ordinal", "action__ordinal", "ordinal")
            if 4 <= len(line.text.split()) <= QUOTED]  # fmt: skip


def keys(text: str) -> set[str]:
    """The content words of a text, by stem."""
    return {word.key for word in words(text) if word.content and word.kind == "word"}


def connection(room: Classroom) -> tuple[Line, Line] | None:
    """A line from before and one from here that speak of the same things, and have not been put together yet."""
    now, before = heard(room), heard(room, earlier=True)
    said = " ".join(spoken(room, Kind.REMARK))
    best: tuple[int, Line, Line] | None = None
    for one, other in product(before, now):
        shared = len(keys(one.text) & keys(other.text))
        new = one.text != other.text and one.text not in said and other.text not in said
        if new and shared >= SHARED and (best is None or shared > best[0]):
            best = shared, one, other
    return best[1:] if best else None


def spoken(room: Classroom, kind: str) -> list[str]:
    """What was said in the acts of a kind, oldest first."""
    acts = room.acts.filter(kind=kind).values("turn")
    said = Message.objects.filter(turn__in=acts, author=Message.Author.AGENT).order_by("pk")
    return list(said.values_list("text", flat=True))


def concept(room: Classroom) -> str:
    """What the page is about, in a word or two, as it stands inside a sentence."""
    assert room.page is not None
    skill = room.page.skills.order_by("pk").values_list("name", flat=True).first()
    name = skill or (room.page.title if len(room.page.title.split()) <= 4 else "")
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


# What is said without a model


def jokes(room: Classroom) -> Iterator[str]:
    """The light remarks that were not made in this class yet."""
    made = spoken(room, Kind.JOKE)
    for template in phrases.JOKES:
        beginning, _, end = template.partition("{concept}")
        if not any(text.startswith(beginning) and text.endswith(end) for text in made):
            yield template.format(concept=concept(room))


def remark(room: Classroom) -> list[Sentence]:
    """Two statements of the material next to each other."""
    found = connection(room)
    if found is None:
        return []
    earlier, now = (bare(line) for line in found)
    template = phrases.CONNECTIONS[len(spoken(room, Kind.REMARK)) % len(phrases.CONNECTIONS)]
    first, middle, rest = template.partition("“{now}”")
    lead, quote, between = first.partition("“{earlier}”")
    one, other = (Sentence.of(line).quotes for line in found)
    return [
        Sentence(lead.strip()),
        Sentence(quote.format(earlier=earlier), "supported", one),
        Sentence(between.strip()),
        Sentence(middle.format(now=now) + rest, "supported", other),
    ]


def bare(line: Line) -> str:
    """A line as it is quoted, without emphasis."""
    return plain(line.text.strip())


def wonder(room: Classroom) -> list[Sentence]:
    """A question about what was said here that the agent is known to answer from the material."""
    lines = heard(room)
    asked = {text.casefold() for text in spoken(room, Kind.WONDER)}
    about = [(question_about(line.text, line.text), line) for line in lines]
    if room.page and lines:
        number = len(asked)
        template = phrases.WONDERS[number % len(phrases.WONDERS)]
        skills = room.page.skills.order_by("pk").values_list("name", flat=True)
        about += [(template.format(concept=skill), lines[0]) for skill in skills]
    questions = [(text, line) for text, line in about if text and text.casefold() not in asked]
    for text, line in questions[:CONSIDERED]:
        if line.passage and answered(room.course, text, line.passage):
            return [Sentence(text)]
    return []


def note(room: Classroom) -> list[Sentence]:
    """The line that says most about what the page is about."""
    lines = heard(room)
    if not lines:
        return []
    topic = keys(f"{room.page} {concept(room)}")
    best = max(lines, key=lambda line: len(keys(line.text) & topic))
    lead = phrases.NOTED[len(spoken(room, Kind.NOTE)) % len(phrases.NOTED)].partition("{text}")[0]
    return [Sentence(lead.strip()), Sentence.of(best)]


def keep(act: Act, said: Sequence[Sentence]) -> Note | None:
    """The note that a note taker's act leaves behind: what it says of the material."""
    kept = [sentence for sentence in said if sentence.verdict]
    if not kept:
        return None
    passage, start, end = kept[0].quotes[0]
    url = passage.url(passage.start + start, passage.start + end)
    text = " ".join(sentence.text for sentence in kept)
    return Note.objects.create(
        classroom=act.classroom, act=act, page=act.page, text=text[:2000], url=url[:300]
    )


# What a capable model says


@lru_cache
def prompt(name: str) -> str:
    """The text of a prompt file."""
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").strip()


def tasks() -> dict[str, str]:
    """What each kind of act asks of the model."""
    rows = (row.partition(": ") for row in prompt("classmate_tasks").splitlines())
    return {kind: task for kind, _, task in rows}


def write(act: Act) -> Said:
    """What the model says in the agent's character, without what the material does not support. Raises EndpointError."""
    room, agent = act.classroom, act.agent
    lines = (heard(room, earlier=True)[-6:] if act.kind == Kind.REMARK else []) + heard(room)
    if agent is None or not lines:
        return Said([])
    fields = {"name": agent.name, "character": agent.character, "lesson": room.lesson, "page": room.page}
    material = "\n".join(dict.fromkeys(line.text for line in lines))
    quoted = prompt("classmate_material").format(
        material=material, dialogue="\n".join(dialogue(room)), name=agent.name
    )
    endpoint = agent.speaks_through()
    answer = async_to_sync(client.complete)(
        endpoint,
        [
            {"role": "system", "content": prompt("classmate").format(**fields, task=tasks()[act.kind])},
            {"role": "user", "content": quoted},
        ],
        max_tokens=TOKENS,
    )
    usage = {"prompt_tokens": answer.usage.prompt, "completion_tokens": answer.usage.completion}
    said = checked(answer.text, [line.passage for line in lines if line.passage])
    if act.kind == Kind.WONDER:
        asked = next((one.text for one in said if one.text.endswith("?")), "")
        passage = lines[-1].passage
        known = asked and passage and answered(room.course, asked, passage)
        said = [Sentence(asked)] if known else []
    elif not any(one.verdict for one in said):
        said = []
    return Said(said, endpoint.model, usage)


def dialogue(room: Classroom) -> list[str]:
    """The last words in the room, with who said them."""
    acts = room.acts.filter(words__gt=0).select_related("turn", "agent", "user").order_by("-pk")[:LAST]
    rows = Message.objects.filter(turn__in=[act.turn_id for act in acts], author=Message.Author.AGENT)
    texts = dict(rows.values_list("turn", "text"))
    return [
        f"{act.agent or act.user}: {' '.join((texts.get(act.turn_id) or act.turn.question).split())[:300]}"
        for act in reversed(acts)
    ]


def checked(text: str, passages: Sequence[Passage]) -> list[Sentence]:
    """The sentences of a text that claim nothing or are supported, up to the longest an act may be."""
    splitter = Splitter()
    spans = [*splitter.feed(text), *splitter.rest()]
    sources = list({passage.pk: passage for passage in passages}.values())
    said: list[Sentence] = []
    for start, end in spans:
        sentence = " ".join(splitter.text[start:end].split())
        if sum(len(one.text.split()) for one in said) + len(sentence.split()) > LONGEST:
            break
        if not claims(sentence):
            said.append(Sentence(sentence))
            continue
        verdict = verify_all([plain(sentence)], [passage.text for passage in sources])[0]
        if verdict.verdict == "supported" and verdict.quotes:
            quote = verdict.quotes[0]
            said.append(Sentence(sentence, "supported", [(sources[quote.passage], quote.start, quote.end)]))
    return said
