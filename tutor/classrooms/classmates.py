"""What the classmates add: a connection, a question, a light remark, a note.

Without a capable model they have the material's own sentences, and phrases that claim nothing. With one, the model writes
in the agent's character, and of what it claims only what the material supports is said.
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

from asgiref.sync import async_to_sync

from courses.models import Course, Passage
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

QUOTED = 24  # words of a line that can be quoted in passing
LONGEST = {Act.Kind.REMARK: 64, Act.Kind.WONDER: 24, Act.Kind.JOKE: 24, Act.Kind.NOTE: 46}  # words of one act
NOTED = 42  # words of a line that can go into the notes
SHARED = 2  # content words that two lines need to belong together
RARE = 0.25  # share of the lines that may have a word which still tells something
LEANS = re.compile(  # on what was said before, or only leads to what comes
    r"(?:it|its|they|their|them|this|that|these|those|he|she|here|there|look|take|remember|today|so|then|for example|"
    r"of course|both|such|see|let|which)\b",
    re.IGNORECASE,
)
STATES = re.compile(
    r"\b(?:is|are|describes?|measures?|means?|falls?|covers?|says?|has|have|get|never|always)\b|="
)
LIMITED = re.compile(
    r"\b(?:only|unless|never|no longer|however|even (?:if|when)|as long as|once|without|cannot|assum\w+|if)\b",
    re.IGNORECASE,
)
PLACES = re.compile(
    r"\b(?:summary|recap|conclusions?|introduction|overview|outline|exercises?|examples?|objectives)\b"
)
CONSIDERED = 3  # questions that are tried before a classmate keeps quiet
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
            return connection(room) is not None or limit(room) is not None
        case Function.NOTES:
            return to_note(room) is not None
        case Function.CURIOSITY:
            return not _amid(room) and next(questions(room), None) is not None
    return False


def _amid(room: Classroom) -> bool:
    """Whether the teacher is in the middle of a point: what could be asked of it is looked for at its end, as that costs a
    search each."""
    return room.action is not None and room.action.kind in (Kind.READ, Kind.POINT)


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


def heard(room: Classroom, *, earlier: bool = False, longest: int = QUOTED) -> list[Line]:
    """The supported lines that were read on this page so far, or on earlier ones; of at most `longest` words."""
    read = room.acts.filter(kind=Kind.READ).exclude(action=None)
    here = read.exclude(page=room.page) if earlier else read.filter(page=room.page)
    lines = Line.objects.filter(
        action__in=here.values("action"), verdict="supported", passage__isnull=False
    ).select_related("passage__material__course", "passage__material__extract")
    return [line for line in lines.order_by("action__page__ordinal", "action__ordinal", "ordinal")
            if 4 <= len(line.text.split()) <= longest]  # fmt: skip


@lru_cache(maxsize=4096)
def keys(text: str) -> frozenset[str]:
    """The content words of a text, by stem."""
    return frozenset(word.key for word in words(text) if word.content and word.kind == "word")


def connection(room: Classroom) -> tuple[Line, Line] | None:
    """A line from before and one from here that speak of the same things, and have not been put together yet.

    Words that the lesson says everywhere tell nothing: one of them has to be rare among the lines that were read, and each
    counts by how rare it is.
    """
    now, before = alone(heard(room)), alone(heard(room, earlier=True))
    of = {line.pk: keys(line.text) for line in (*now, *before)}
    common = Counter(key for found in of.values() for key in found)
    said = " ".join(spoken(room, Kind.REMARK))
    best: tuple[float, Line, Line] | None = None
    for one, other in product(before, now):
        shared = of[one.pk] & of[other.pk]
        tells = any(common[key] <= max(2, RARE * len(of)) for key in shared)
        weight = sum(math.log(len(of) / common[key]) for key in shared)
        new = one.text != other.text and one.text not in said and other.text not in said
        if new and len(shared) >= SHARED and tells and (best is None or weight > best[0]):
            best = weight, one, other
    return best[1:] if best else None


def limit(room: Classroom) -> Line | None:
    """The last line from here that says under which condition something holds, and that nobody has taken up yet."""
    said = " ".join(spoken(room, Kind.REMARK))
    lines = [line for line in alone(heard(room)) if LIMITED.search(line.text) and line.text not in said]
    return lines[-1] if lines else None


def alone(lines: Sequence[Line]) -> list[Line]:
    """Those that can be understood without what was said before."""
    return [line for line in lines if not LEANS.match(line.text)]


def spoken(room: Classroom, kind: str) -> list[str]:
    """What was said in the acts of a kind, oldest first."""
    acts = room.acts.filter(kind=kind).values("turn")
    said = Message.objects.filter(turn__in=acts, author=Message.Author.AGENT).order_by("pk")
    return list(said.values_list("text", flat=True))


def concept(room: Classroom) -> str:
    """What the page is about, in a word or two, as it stands inside a sentence."""
    assert room.page is not None
    skill = room.page.skills.order_by("pk").values_list("name", flat=True).first()
    short = len(room.page.title.split()) <= 4 and not PLACES.search(room.page.title.lower())
    name = skill or (room.page.title if short else "")
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


# What is said without a model


def jokes(room: Classroom) -> Iterator[str]:
    """The light remarks that were not made in this class yet."""
    made = spoken(room, Kind.JOKE)
    for template in phrases.JOKES:
        beginning, _, end = template.partition("{concept}")
        joke = template.format(concept=concept(room))
        new = not any(text.startswith(beginning) and text.endswith(end) for text in made)
        if new and len(joke.split()) <= LONGEST[Kind.JOKE]:
            yield joke


def remark(room: Classroom) -> list[Sentence]:
    """Two statements of the material next to each other; or the condition under which one of them holds."""
    made, found = len(spoken(room, Kind.REMARK)), connection(room)
    if found is None:
        line = limit(room)
        if line is None:
            return []
        before, _, after = phrases.LIMITS[made % len(phrases.LIMITS)].partition("“{now}”")
        return [
            Sentence(before.strip()),
            Sentence(f"“{bare(line)}”", "supported", Sentence.of(line).quotes),
            Sentence(after.strip()),
        ]
    earlier, now = (bare(line) for line in found)
    template = phrases.CONNECTIONS[made % len(phrases.CONNECTIONS)]
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
    asked = next(questions(room), "")
    return [Sentence(asked)] if asked else []


def questions(room: Classroom) -> Iterator[str]:
    """What a classmate may ask on this page: new in this class, and known to be answered."""
    lines = heard(room)
    asked = {text.casefold() for text in spoken(room, Kind.WONDER)}
    about = [(question_about(line.text, line.text), line) for line in lines]
    if room.page and lines:
        template = phrases.WONDERS[len(asked) % len(phrases.WONDERS)]
        skills = room.page.skills.order_by("pk").values_list("name", flat=True)
        about += [(template.format(concept=skill), lines[0]) for skill in skills]
    fitting = [(text, line) for text, line in about
               if text and text.casefold() not in asked and len(text.split()) <= LONGEST[Kind.WONDER]]  # fmt: skip
    for text, line in fitting[:CONSIDERED]:
        if line.passage and _answered(room.course, room.course.index_version, text, line.passage):
            yield text


@lru_cache(maxsize=2048)
def _answered(course: Course, version: int, question: str, passage: Passage) -> bool:
    """Whether the agent would answer; looked up once for each version of the course's index."""
    return answered(course, question, passage)


def note(room: Classroom) -> list[Sentence]:
    """The line that is worth keeping."""
    line = to_note(room)
    if line is None:
        return []
    lead = phrases.NOTED[len(spoken(room, Kind.NOTE)) % len(phrases.NOTED)].partition("{text}")[0]
    return [Sentence(lead.strip()), Sentence.of(line)]


def to_note(room: Classroom) -> Line | None:
    """The line that says most about what the page is about, stands by itself and states something; the later of equals."""
    lines = alone(heard(room, longest=NOTED))
    topic = keys(f"{room.page} {concept(room)}")

    def worth(place: int) -> tuple[float, int]:
        text = lines[place].text
        return len(keys(text) & topic) + bool(STATES.search(text)) - 2 * text.endswith("?"), place

    return lines[max(range(len(lines)), key=worth)] if lines else None


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
    said = checked(answer.text, [line.passage for line in lines if line.passage], LONGEST[Kind(act.kind)])
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


def checked(text: str, passages: Sequence[Passage], longest: int) -> list[Sentence]:
    """The sentences of a text that claim nothing or are supported, up to so many words."""
    splitter = Splitter()
    spans = [*splitter.feed(text), *splitter.rest()]
    sources = list({passage.pk: passage for passage in passages}.values())
    said: list[Sentence] = []
    for start, end in spans:
        sentence = " ".join(splitter.text[start:end].split())
        if sum(len(one.text.split()) for one in said) + len(sentence.split()) > longest:
            break
        if not claims(sentence):
            said.append(Sentence(sentence))
            continue
        verdict = verify_all([plain(sentence)], [passage.text for passage in sources])[0]
        if verdict.verdict == "supported" and verdict.quotes:
            quote = verdict.quotes[0]
            said.append(Sentence(sentence, "supported", [(sources[quote.passage], quote.start, quote.end)]))
    return said
