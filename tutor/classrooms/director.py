"""The director: who acts next in a classroom, and how. It chooses among acts that are legal, never makes one up.

`legal` is code and holds whatever model chooses: a student's open question is answered before anything else, a wrong
answer is gone over again, nobody speaks into a test or over a raised hand, and no classmate speaks beyond their share.
Among what is left, a rule decides, or the configured model does where it was measured to be better (`direction.py`).
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync

from courses.models import Course
from tutor.classrooms.models import Act, Function
from tutor.classrooms.models.direction import measured
from tutor.llm import client
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint

log = logging.getLogger(__name__)

PROMPTS = Path(__file__).with_name("prompts")
SECONDS = 5.0  # for a model's decision; the class does not wait longer

STUDENT = "student"  # the speaker of what a person said, beside the functions of the agents
CLASSMATES = {  # what each classmate does when it acts; teacher and assistant do several things
    Function.DEPTH: Act.Kind.REMARK,
    Function.CURIOSITY: Act.Kind.WONDER,
    Function.LEVITY: Act.Kind.JOKE,
    Function.NOTES: Act.Kind.NOTE,
}
TOGETHER = "classmates"  # the key of `bounds` for all classmates together
LONG = 90.0  # seconds without a word from a student that count as silence
SPARING = 0.5  # of what a classmate may say; beyond it they only speak where they are needed

LOST = re.compile(
    r"(?<!nothing is )(?<!not )(?<!n['’]t )"
    r"\b(lost|confus\w+|don['’]?t (get|understand|follow|see)|do not (get|understand|follow|see)|no idea|"
    r"makes? no sense|unclear|too fast|explain|what do(es)? (that|this|it) mean|huh)\b",
    re.IGNORECASE,
)

ORGANISING = re.compile(
    r"\b(homework|assignment|due|deadline|exams?|grades?|graded|slides|recordings?|recorded|handouts?|break|pause|"
    r"attendance|office hours?|download|upload|links?|log ?in|password|microphone|sound|screen|load(s|ing)?|schedule|"
    r"next (week|lecture|class)|how long (is|does) (the|this) (class|lesson|lecture))\b",
    re.IGNORECASE,
)
HARD = re.compile(  # what may surprise, or holds only within limits
    r"\b(never|always|only|none|no longer|however|even (if|when|though)|unless|except|exactly|not (of|by|the)|cannot|neither|"
    r"must|too (small|large|late|few|many)|as (many|much|large) as|surprising\w*|paradox\w*)\b",
    re.IGNORECASE,
)
ANNOUNCED = re.compile(
    r"\b(next (comes|we|to)|let us (go on|turn|begin)|now (we|to) (come|turn|go))\b", re.IGNORECASE
)
GRAVE = re.compile(
    r"\b(di(e|ed|es|ing)|dead|deaths?|kill\w*|murder\w*|suicid\w*|famine|hunger|wars?|genocid\w*|cancer|abus\w+|rap(e|ed|es)|"
    r"slave(s|ry)?|victims?|casualt\w+)\b",
    re.IGNORECASE,
)
DOWN = re.compile(
    r"\b(stupid|hate|afraid|scared|nervous|fail\w*|give up|frustrat\w*|hopeless|worried|sorry)\b",
    re.IGNORECASE,
)
KEEP = re.compile(
    r"\b(write (this|that|it) down|note (this|that) down|remember (this|that|these|those)|in the notes)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Participant:
    """An agent in the room. `talkativeness` 0..1."""

    id: int
    function: str
    talkativeness: float = 0.5


@dataclass(frozen=True)
class Utterance:
    """What was said: by an agent of a function, or by a student (`name` tells students apart)."""

    speaker: str
    text: str
    name: str = ""


CAST = [Participant(number, str(function)) for number, function in enumerate(Function, 1)]


@dataclass(frozen=True)
class Situation:
    """What the director sees; plain data, as it is stored with each decision."""

    next: str = "read"  # kind of the next scripted action; "" at the end of the script
    page: int = 1  # 1-based; 0 before the first page
    pages: int = 8
    covered: Sequence[str] = field(
        default_factory=list
    )  # titles of the pages shown so far, the current one last
    acts: Sequence[str] = field(
        default_factory=list
    )  # kinds of the acts since the current page was shown, oldest first
    last: Sequence[Utterance] = field(default_factory=list)  # the latest of the dialogue, oldest first
    open_questions: int = 0
    hands: int = 0
    quiz: str = ""  # of the last item, until it was gone over: "", pending, right, partial, wrong
    mode: str = "continuous"
    seconds_since_student: float | None = None  # None: no student has said anything yet
    shares: dict[str, float] = field(default_factory=dict)  # of what was said, by function; students too
    bounds: dict[str, float] = field(default_factory=dict)  # largest share by function, and of TOGETHER
    agents: Sequence[Participant] = field(default_factory=lambda: list(CAST))

    @classmethod
    def of(cls, data: dict[str, Any]) -> Situation:
        """From what `dataclasses.asdict` made, or a part of it."""
        said = [
            Utterance(**row) if isinstance(row, dict) else Utterance(*row) for row in data.get("last", ())
        ]
        agents = [Participant(**row) for row in data["agents"]] if "agents" in data else list(CAST)
        return cls(**{**data, "last": said, "agents": agents})

    @property
    def speaker(self) -> str:
        """Who spoke last; "" where nobody has."""
        return self.last[-1].speaker if self.last else ""

    def functions(self, *wanted: str) -> list[Participant]:
        return [agent for agent in self.agents if agent.function in wanted]


@dataclass(frozen=True)
class Candidate:
    """A legal act: an agent's id and what it would do. `score` is the chooser's, higher is better."""

    agent: int
    act: str
    function: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Choice:
    """What was chosen: `candidates[index]`, by `by` (code, rule, model, random), with the reason in words."""

    index: int
    candidates: list[Candidate]
    by: str
    reason: str

    @property
    def chosen(self) -> Candidate:
        return self.candidates[self.index]


class NobodyToAct(Exception):
    """No act is legal: the room waits for a person, or has no agents."""


def legal(situation: Situation) -> list[Candidate]:
    """Every act that may come next. Empty where the room has to wait for a person."""
    s = situation
    teachers = s.functions(Function.TEACHING) or s.functions(Function.ASSISTING)
    keepers = s.functions(Function.ASSISTING) or teachers
    both = s.functions(Function.TEACHING, Function.ASSISTING)

    def by(agents: Sequence[Participant], act: str) -> list[Candidate]:
        return [Candidate(agent.id, str(act), agent.function) for agent in agents]

    if s.open_questions:
        return by(both, Act.Kind.ANSWER)
    if s.quiz in ("wrong", "partial"):
        return by(both, Act.Kind.EXPLAIN)
    script = by(teachers[:1], s.next) if s.next else []
    called = s.speaker == Function.ASSISTING
    call = [] if called else by(keepers, Act.Kind.CALL)
    if s.quiz == "pending":  # whoever speaks now could give it away
        return call + (script if s.mode == "continuous" else [])
    if s.hands:  # a person wants to speak: no classmate does, and the page stays
        return (script if s.next != Act.Kind.SHOW else []) + call
    found = script + call
    if any(said.speaker == STUDENT for said in s.last[-2:]):
        found += by(teachers[:1], Act.Kind.EXPLAIN)
    taught = {Act.Kind.READ, Act.Kind.ASK, Act.Kind.DISCUSS} & {*s.acts}
    if taught or any(said.speaker == Function.TEACHING for said in s.last):
        for agent in s.functions(*CLASSMATES):
            if agent.function != s.speaker and _within(s, agent.function):
                found += by([agent], CLASSMATES[Function(agent.function)])
    return found


def _within(s: Situation, function: str) -> bool:
    """Whether a classmate's share, and that of all classmates, leaves room for one more utterance."""
    together = sum(s.shares.get(name, 0.0) for name in CLASSMATES)
    return s.shares.get(function, 0.0) < s.bounds.get(function, 1.0) and together < s.bounds.get(
        TOGETHER, 1.0
    )


def by_rule(situation: Situation) -> Choice:
    """The choice of a few plain rules, tried in order; the script goes on where none applies. Raises NobodyToAct."""
    candidates = _candidates(situation)
    for reason, wants in RULES:
        for function, act in wants(situation):
            for index, candidate in enumerate(candidates):
                if act == candidate.act and function in ("", candidate.function):
                    return Choice(index, candidates, "rule", reason)
    return Choice(0, candidates, "rule", "the first act that is possible")


Wanted = list[tuple[str, str]]  # (function or "" for any, act), best first


def _question(s: Situation) -> Wanted:
    """The teacher answers, except for what is about the course rather than its subject."""
    if not s.open_questions:
        return []
    asked = next((said.text for said in reversed(s.last) if said.speaker == STUDENT), "")
    first = Function.ASSISTING if ORGANISING.search(asked) else Function.TEACHING
    return [(first, Act.Kind.ANSWER), ("", Act.Kind.ANSWER)]


def _wrong(s: Situation) -> Wanted:
    return (
        [(Function.TEACHING, Act.Kind.EXPLAIN), ("", Act.Kind.EXPLAIN)]
        if s.quiz in ("wrong", "partial")
        else []
    )


def _hand(s: Situation) -> Wanted:
    return [("", Act.Kind.CALL)] if s.hands else []


def _pending(s: Situation) -> Wanted:
    return [("", Act.Kind.CALL)] if s.quiz == "pending" else []


def _welcome(s: Situation) -> Wanted:
    return [("", Act.Kind.CALL)] if not s.last and not s.acts else []


def _lost(s: Situation) -> Wanted:
    said = s.last[-1].text if s.speaker == STUDENT else ""
    return [(Function.TEACHING, Act.Kind.EXPLAIN), ("", Act.Kind.EXPLAIN)] if LOST.search(said) else []


def _spoke(s: Situation) -> Wanted:
    return [("", Act.Kind.CALL)] if s.speaker == STUDENT else []


def _asked(s: Situation) -> Wanted:
    """The class was asked something, and nobody has taken it up."""
    if s.acts and s.acts[-1] in (Act.Kind.ASK, Act.Kind.DISCUSS):
        return [(Function.DEPTH, Act.Kind.REMARK), (Function.CURIOSITY, Act.Kind.WONDER)]
    return []


def _chatter(s: Situation) -> Wanted:
    classmates = [said for said in s.last[-2:] if said.speaker in CLASSMATES]
    return [("", s.next), ("", Act.Kind.CALL)] if len(classmates) == 2 else []


def _end(s: Situation) -> Wanted:
    if s.next:
        return []
    notes: Wanted = [] if Act.Kind.NOTE in s.acts else [("", Act.Kind.NOTE)]
    return [*notes, ("", Act.Kind.CALL)]


def _worth_keeping(s: Situation) -> Wanted:
    return [("", Act.Kind.NOTE)] if s.last and KEEP.search(s.last[-1].text) else []


def _hard(s: Situation) -> Wanted:
    """The page ends with what may surprise, or has its limits: somebody thinks about it aloud."""
    if not _page_ends(s) or s.speaker != Function.TEACHING or _drawn(s) or not HARD.search(s.last[-1].text):
        return []
    return [(Function.DEPTH, Act.Kind.REMARK), *_sparing(s, Function.CURIOSITY)]


def _after_quiz(s: Situation) -> Wanted:
    """A quiz is over and nothing had to be put right: a breath, or what somebody still wants to know."""
    if not s.acts or s.acts[-1] != Act.Kind.QUIZ or _drawn(s):
        return []
    return _sparing(s, *((Function.LEVITY, Function.CURIOSITY) if _light(s) else (Function.CURIOSITY,)))


def _silence(s: Situation) -> Wanted:
    """The students have been silent for long, and the page ends: a classmate's question may draw them in."""
    quiet = s.seconds_since_student is not None and s.seconds_since_student > 5 * LONG
    if s.next != Act.Kind.SHOW or not quiet or Act.Kind.NOTE not in s.acts or _drawn(s):
        return []
    return [*_sparing(s, Function.CURIOSITY, Function.DEPTH), ("", Act.Kind.CALL)]


def _lecture(s: Situation) -> Wanted:
    """A whole page in which only the teacher spoke, and nobody of the students: whoever has said least of what they may."""
    spoke = any(said.speaker == STUDENT for said in s.last[-4:])
    if not _page_ends(s) or spoke or _drawn(s):
        return []
    return _sparing(s, Function.CURIOSITY, Function.DEPTH, *((Function.LEVITY,) if _light(s) else ()))


def _page_done(s: Situation) -> Wanted:
    """Before a page with something on it is turned: the notes."""
    return [("", Act.Kind.NOTE)] if _page_ends(s) and Act.Kind.NOTE not in s.acts else []


def _page_ends(s: Situation) -> bool:
    """Whether a page with something on it is about to be turned, and the next one was not announced."""
    full = sum(act == Act.Kind.READ for act in s.acts) > 1
    said = s.last[-1].text if s.last else ""
    return s.next == Act.Kind.SHOW and full and not ANNOUNCED.search(said)


def _drawn(s: Situation) -> bool:
    """Whether somebody beside the teacher and the note taker has had a word on this page."""
    return bool({Act.Kind.WONDER, Act.Kind.REMARK, Act.Kind.JOKE, Act.Kind.CALL} & {*s.acts})


def _light(s: Situation) -> bool:
    """Whether a joke hurts nobody: nothing was just put right, no student is low, and the subject is not grave."""
    said = " ".join(said.text for said in s.last)
    students = " ".join(said.text for said in s.last if said.speaker == STUDENT)
    low = DOWN.search(students) or LOST.search(students)
    return Act.Kind.EXPLAIN not in s.acts and not low and not GRAVE.search(f"{said} {' '.join(s.covered)}")


def _sparing(s: Situation, *functions: str) -> Wanted:
    """What these classmates do, who has said least of what they may first; without those who have said half of it."""
    used = {name: s.shares.get(name, 0.0) / (s.bounds.get(name, 1.0) or 1.0) for name in functions}
    fresh = sorted((name for name in functions if used[name] < SPARING), key=used.__getitem__)
    return [(name, str(CLASSMATES[Function(name)])) for name in fresh]


RULES: list[tuple[str, Callable[[Situation], Wanted]]] = [
    ("a student's question is open", _question),
    ("an answer was wrong: that point again", _wrong),
    ("a hand is up", _hand),
    ("the quiz is waiting for an answer", _pending),
    ("nobody has said anything yet", _welcome),
    ("a student does not follow", _lost),
    ("it is to be kept", _worth_keeping),
    ("a student said something", _spoke),
    ("the classmates have had their say", _chatter),
    ("the class was asked", _asked),
    ("the script is at its end", _end),
    ("the quiz is over", _after_quiz),
    ("that was hard, or surprising", _hard),
    ("the page is done", _page_done),
    ("the students have been silent for long", _silence),
    ("only the teacher has spoken on this page", _lecture),
    ("the script goes on", lambda s: [("", s.next)]),
]


def at_random(situation: Situation, dice: random.Random | None = None) -> Choice:
    """Any legal act: what a director has to beat. Raises NobodyToAct."""
    candidates = _candidates(situation)
    return Choice((dice or random.Random()).randrange(len(candidates)), candidates, "random", "by chance")


def _candidates(situation: Situation) -> list[Candidate]:
    candidates = legal(situation)
    if not candidates:
        raise NobodyToAct("Nobody may act now: the room waits for a person.")
    return candidates


async def by_model(situation: Situation, endpoint: Endpoint) -> Choice:
    """The endpoint's choice among the legal acts. Raises NobodyToAct, EndpointError.

    From the embedded host: the act whose sentence is the most probable answer, by log-probability a token. (Less what it
    has in an empty class was tried, and was worse.) Elsewhere: an answer constrained to the acts' sentences.
    """
    candidates = _candidates(situation)
    options = [words_of(candidate) for candidate in candidates]
    asked = [_message(situation)]
    if endpoint.embedded:
        scores = [round(score, 4) for score in await client.score(endpoint, asked, options)]
        index = max(range(len(scores)), key=scores.__getitem__)
        candidates = [replace(row, score=score) for row, score in zip(candidates, scores, strict=True)]
    else:
        schema = {
            "type": "object",
            "properties": {"next": {"enum": options}},
            "required": ["next"],
            "additionalProperties": False,
        }
        answer = await client.complete(endpoint, asked, schema=schema, max_tokens=60, temperature=0)
        index = options.index(answer.data["next"])
    return Choice(index, candidates, "model", f"{endpoint.model} found it the most fitting")


@cache
def _sentences() -> dict[str, str]:
    """What each act is called before a model, by "function act"."""
    lines = (PROMPTS / "director_acts.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def words_of(candidate: Candidate) -> str:
    """An act as a sentence."""
    return _sentences()[f"{candidate.function} {candidate.act}"]


@cache
def _template() -> str:
    return (PROMPTS / "director.txt").read_text(encoding="utf-8")


def _message(s: Situation) -> client.Message:
    """What the model is told. What was said is cut, each utterance and all of it, so that nobody fills the prompt."""
    said = [f"{_who(row)}: {' '.join(row.text.split())[:300]}" for row in s.last[-6:]]
    quiet = s.seconds_since_student is not None and s.seconds_since_student > LONG
    state = [
        "A student's question is open." if s.open_questions else "",
        "A student has a hand up." if s.hands else "",
        "The quiz waits for an answer." if s.quiz == "pending" else "",
        f"A student's answer to the quiz was {s.quiz}." if s.quiz in ("wrong", "partial") else "",
        "The students have been silent for long." if quiet else "",
    ]
    values = {
        "page": str(s.page),
        "pages": str(s.pages),
        "title": s.covered[-1] if s.covered else "none yet",
        "acts": ", ".join(s.acts) or "nothing",
        "next": s.next or "the end of the script",
        "state": " ".join(filter(None, state)),
        "dialogue": "\n".join(said) or "(nobody has spoken yet)",
    }
    # One pass, so that braces in what somebody said are words and nothing else.
    text = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], _template())
    return {"role": "user", "content": text}


def _who(said: Utterance) -> str:
    names = {
        STUDENT: "Student",
        Function.TEACHING: "Teacher",
        Function.ASSISTING: "Assistant",
        Function.DEPTH: "Classmate who thinks deeply",
        Function.CURIOSITY: "Curious classmate",
        Function.LEVITY: "Classmate who jokes",
        Function.NOTES: "Classmate who takes notes",
    }
    return f"{names.get(said.speaker, 'Classmate')} {said.name}".strip()


def choose(situation: Situation, course: Course) -> Choice:
    """The director's choice. Raises NobodyToAct where `legal` is empty.

    The course's model directs where it was measured to be better than the rule; where it fails or is slow, the rule
    does. Then this takes up to SECONDS: call it outside of a transaction.
    """
    candidates = _candidates(situation)
    if len(candidates) == 1:
        return Choice(0, candidates, "code", "nothing else is possible")
    endpoint = Endpoint.objects.for_course(course)
    if not measured(endpoint).model_directs:
        return by_rule(situation)
    try:
        return async_to_sync(_in_time)(situation, endpoint)
    except (EndpointError, TimeoutError, LookupError) as error:
        log.warning("The model does not direct this time: %s", error)
        fallen = by_rule(situation)
        return replace(fallen, reason=f"{fallen.reason} (the model did not answer)")


async def _in_time(situation: Situation, endpoint: Endpoint) -> Choice:
    async with asyncio.timeout(SECONDS):
        return await by_model(situation, endpoint)
