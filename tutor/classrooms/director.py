"""The director: who acts next in a classroom, and how. It chooses among acts that are legal, never makes one up.

`legal` is code and holds whatever model chooses: a student's open question is answered before anything else, a wrong
answer is gone over again, nobody speaks into a test or over a raised hand, and no classmate speaks beyond their share.
Among what is left, a rule decides, or the configured model does where it was measured to be better (`direction.py`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from courses.models import Course
from tutor.classrooms.models import Act, Function

STUDENT = "student"  # the speaker of what a person said, beside the functions of the agents
CLASSMATES = {  # what each classmate does when it acts; teacher and assistant do several things
    Function.DEPTH: Act.Kind.REMARK,
    Function.CURIOSITY: Act.Kind.WONDER,
    Function.LEVITY: Act.Kind.JOKE,
    Function.NOTES: Act.Kind.NOTE,
}
TOGETHER = "classmates"  # the key of `bounds` for all classmates together
LONG = 90.0  # seconds without a word from a student that count as silence

LOST = re.compile(
    r"\b(lost|confus\w+|don['’]?t (get|understand|follow|see)|do not (get|understand|follow|see)|no idea|"
    r"makes? no sense|unclear|too fast|explain|what do(es)? (that|this|it) mean|huh)\b",
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
    covered: Sequence[str] = ()  # titles of the pages shown so far, the current one last
    acts: Sequence[str] = ()  # kinds of the acts since the current page was shown, oldest first
    last: Sequence[Utterance] = ()  # the latest of the dialogue, oldest first
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
        made = cls(**data)
        said = [Utterance(**row) if isinstance(row, dict) else Utterance(*row) for row in made.last]
        agents = [Participant(**row) if isinstance(row, dict) else row for row in made.agents]
        return replace(made, last=said, agents=agents)

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
    return [(Function.TEACHING, Act.Kind.ANSWER), ("", Act.Kind.ANSWER)] if s.open_questions else []


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


def _page_done(s: Situation) -> Wanted:
    """Before the page is turned: once the notes, then a classmate."""
    said = [act for act in s.acts if act in CLASSMATES.values()]
    if s.next != Act.Kind.SHOW or Act.Kind.READ not in s.acts or len(said) > 1:
        return []
    if Act.Kind.NOTE not in s.acts:
        return [("", Act.Kind.NOTE)]
    return []


RULES: list[tuple[str, Callable[[Situation], Wanted]]] = [
    ("a student's question is open", _question),
    ("an answer was wrong: that point again", _wrong),
    ("a hand is up", _hand),
    ("the quiz is waiting for an answer", _pending),
    ("nobody has said anything yet", _welcome),
    ("a student does not follow", _lost),
    ("a student said something", _spoke),
    ("the classmates have had their say", _chatter),
    ("the class was asked", _asked),
    ("the script is at its end", _end),
    ("the page is done", _page_done),
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


def choose(situation: Situation, course: Course) -> Choice:
    """The director's choice. Raises NobodyToAct where `legal` is empty.

    Where the course's model directs this asks it, and takes as long as that takes: call it outside of a transaction.
    """
    candidates = _candidates(situation)
    if len(candidates) == 1:
        return Choice(0, candidates, "code", "nothing else is possible")
    return by_rule(situation)
