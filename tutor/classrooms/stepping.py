"""What a classroom does next: one decision, in one transaction, under the room's lease.

Whatever must hold is code here, and not left to a director or a prompt: nobody speaks while another does; an open
question of a person comes before everything and is answered or escalated before the class moves on; a wrong answer is
gone over again; classmates keep to their share; every act of the script is performed once, until its end.

The state of the room is in its rows alone, so whichever process holds the lease can go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db import transaction
from django.db.models import QuerySet

from courses.models import Course
from tutor.accounts.models import User
from tutor.chat import staff_questions
from tutor.chat.events import WRITING
from tutor.chat.models import Message, Turn
from tutor.classrooms import classmates, director, phrases, script, seeing
from tutor.classrooms.acts import of_agent, of_person, state_note
from tutor.classrooms.director import Choice, Situation
from tutor.classrooms.models import Act, Action, Agent, Classroom, Decision, Function, Question, Seat
from tutor.classrooms.presence import NOBODY, present
from tutor.llm.models import Quota, QuotaExceeded, Usage
from tutor.practice import knowledge

log = logging.getLogger(__name__)

LOOK = timedelta(seconds=5)  # how often a room is looked at in which nothing is due
FLOOR = timedelta(seconds=25)  # for whoever raised a hand
WAITS = {  # for the students, before the reminder and again after it
    Act.Kind.ASK: timedelta(seconds=15),
    Act.Kind.DISCUSS: timedelta(seconds=20),
    Act.Kind.QUIZ: timedelta(seconds=45),
}
TRIES = 2  # at a question, before it goes to the staff
BESIDE = 2  # acts beside the script, at most, between two of it
SCRIPTED = frozenset(Action.Kind.values)
SAID_WELL = 0.5  # share of a question's words that the page must have for the teacher to answer it

State, Kind = Classroom.State, Act.Kind
Chooser = Callable[[Situation, Course], Choice]


def step(pk: int, owner: str, now: datetime, choose: Chooser = director.choose) -> Act | None:
    """Take the next decision for a room that `owner` drives; gives the act that it has to perform now, if any.

    What the director sees is gathered, and the director asked, outside of transactions: those keep everybody else from
    writing. What it chose counts if nothing was done in the room meanwhile; each thing that is done is an act.
    """
    for _ in range(3):
        with WRITING, transaction.atomic():
            room = _locked(pk, owner)
            if room is None:
                return None
            decided = Step(room, now).decide()
            room.save()
        if not isinstance(decided, Fork):
            return decided
        agents = seeing.free_to_act(room)
        situation = seeing.situation(room, now, agents)
        choice = _choice(situation, room.course, choose)
        with WRITING, transaction.atomic():
            room = _locked(pk, owner)
            if room is None or newest(room) != decided.after:
                continue
            act = Step(room, now).follow(situation, choice, agents)
            room.save()
            return act
    return None  # people are busier than the director; it is asked again when the room is looked at


@dataclass(frozen=True)
class Fork:
    """Where the director has to choose, the act with the key `after` being the newest."""

    after: int | None


def newest(room: Classroom) -> int | None:
    """The key of the newest act."""
    return room.acts.order_by("-pk").values_list("pk", flat=True).first()


def _locked(pk: int, owner: str) -> Classroom | None:
    rows = Classroom.objects.select_for_update(of=("self",))
    rows = rows.select_related("conversation", "page", "action__page")  # the rest is needed at few steps
    return rows.filter(pk=pk, owner=owner, state__in=Classroom.LIVE).first()


def _choice(situation: Situation, course: Course, choose: Chooser) -> Choice | None:
    """The director's choice, and the rule's where the director fails: that never ends a class. None: the script."""
    try:
        return choose(situation, course)
    except director.NobodyToAct:
        return None
    except Exception:
        log.exception("The director failed; the rule decides")
    try:
        return director.by_rule(situation)
    except director.NobodyToAct:
        return None


# What people's acts change, too


def go_to(room: Classroom, action: Action | None) -> None:
    """Set the place in the script; whoever speaks breaks off."""
    room.action, room.line = action, 0
    heard(room, everything=True)
    hush(room)


def heard(room: Classroom, *, everything: bool = False) -> None:
    """A person spoke; or did something that ends all waiting."""
    room.floor_until = None
    if everything or room.waits_for != Kind.QUIZ:
        room.waits_for, room.waits_until, room.reminded = "", None, False


def hush(room: Classroom) -> None:
    """Ask whoever speaks to stop at once; their process hears of it within half a second."""
    Turn.objects.filter(conversation=room.conversation_id).unfinished().update(stop_requested=True)


def end(room: Classroom, now: datetime) -> None:
    """The class is over. What nobody has answered goes to the staff."""
    for question in room.questions.filter(state=Question.State.OPEN).select_related("act__turn"):
        escalate(room, question, now)
    room.state, room.ended, room.step_at = State.ENDED, now, None
    hush(room)


def escalate(room: Classroom, question: Question, now: datetime) -> None:
    """Hand the question to the course staff; their reply comes into the classroom."""
    page = f", page {script.position(question.page)} “{question.page}”" if question.page else ""
    comment = f"Asked in a class on “{room.lesson}”{page}; it could not be answered from the material there."
    question.staff_question = staff_questions.hand_over(question.act.turn, comment)
    question.state, question.settled = Question.State.ESCALATED, now
    question.save()


class Step:
    """One decision about a locked room."""

    def __init__(self, room: Classroom, now: datetime) -> None:
        self.room, self.now = room, now

    @cached_property
    def agents(self) -> list[Agent]:
        return seeing.cast(self.room)

    def decide(self) -> Act | Fork | None:
        """The act to perform; or the fork at which the director has to choose; or None: nothing is due."""
        room = self.room
        if Turn.objects.filter(conversation=room.conversation_id).unfinished().exists():
            self._later(LOOK)
            return None
        self._settle()
        if room.state == State.ENDED:
            return None
        room.step_at = self.now + LOOK
        if act := self._question():
            return act
        if room.state == State.PAUSED:
            room.step_at = None
            return None
        if not self._present().exists():
            room.state, room.step_at = State.PAUSED, None
            of_person(room, None, Kind.MOVE, [state_note(room)], about={"do": "pause", "why": NOBODY})
            return None
        if act := self._wonder() or self._hand():
            return act
        if room.floor_until and self.now < room.floor_until:
            self._later(room.floor_until - self.now)
            return None
        room.floor_until = None
        if room.waits_for and not self._all_acted():
            act = self._wait()
            if act or room.waits_for:
                return act
        room.waits_for, room.waits_until, room.reminded = "", None, False
        return self._explain() or self._known() or self._go_on()

    def _later(self, wait: timedelta) -> None:
        self.room.step_at = self.now + min(wait, LOOK)

    # Who

    def _agent(self, *functions: str) -> Agent:
        """The first agent with one of the functions, in their order; else any."""
        for function in functions:
            for agent in self.agents:
                if agent.function == function:
                    return agent
        return self.agents[0]

    @property
    def teacher(self) -> Agent:
        return self._agent(Function.TEACHING, Function.ASSISTING)

    @property
    def assistant(self) -> Agent:
        return self._agent(Function.ASSISTING, Function.TEACHING)

    def _present(self) -> QuerySet[Seat]:
        return present(self.room, self.now)

    def _call(self, say: str, **about: object) -> Act:
        return of_agent(self.room, self.assistant, Kind.CALL, about={"say": say, **about})

    def _reserve(self, agent: Agent, user: User) -> Usage | None:
        """Tokens for one answer, on the account of whoever it is for. Raises QuotaExceeded."""
        endpoint = agent.speaks_through()
        return Quota.reserve(user, self.room.course_id, endpoint.max_tokens, endpoint=endpoint)

    # What the last act came to

    def _settle(self) -> None:
        over = self.room.acts.filter(words=None).exclude(turn__state__in=Turn.UNFINISHED)
        for act in over.select_related("turn", "agent", "action__page").order_by("pk"):
            said = Message.objects.filter(turn=act.turn, author=Message.Author.AGENT).values_list(
                "text", flat=True
            )
            act.words = sum(len(text.split()) for text in said)
            act.save(update_fields=["words"])
            if act.kind in SCRIPTED and act.action_id == self.room.action_id:
                self._advance(act)
            elif act.kind == Kind.ANSWER and "question" in act.about:
                self._answered(act)
            elif act.about.get("ends") and not self._open().exists():
                end(self.room, self.now)
                of_person(self.room, None, Kind.MOVE, [state_note(self.room)], about={"do": "end"})

    def _advance(self, act: Act) -> None:
        """Go on in the script behind what was performed: always by something, whatever became of the act."""
        room, action = self.room, act.action
        assert action is not None
        whole = act.turn.state == Turn.State.DONE
        if act.kind == Kind.READ:
            read = act.about["line"] + seeing.lines_read(act)
            room.line = read if whole else max(read, act.about["line"] + 1)
            if room.line < action.lines.count():
                return
        room.action, room.line = script.following(action), 0
        if act.kind in WAITS and whole and not self._taken_up(act):
            room.waits_for, room.reminded = act.kind, False
            room.waits_until = self.now + WAITS[Kind(act.kind)]

    def _taken_up(self, act: Act) -> bool:
        """Whether somebody has already done what the act would wait for."""
        since = self.room.acts.filter(pk__gt=act.pk).exclude(user=None)
        spoke = act.kind != Kind.QUIZ and since.filter(kind=Kind.SPEAK).exists()
        return spoke or since.filter(kind=Kind.MOVE, about__do="continue").exists()

    def _answered(self, act: Act) -> None:
        question = Question.objects.select_related("act__turn", "page").get(pk=act.about["question"])
        if question.state != Question.State.OPEN:
            return
        question.tries += 1
        question.answer = act
        if seeing.grounded(act):
            question.state, question.settled = Question.State.ANSWERED, self.now
        elif act.turn.state == Turn.State.DONE or question.tries >= TRIES:
            escalate(self.room, question, self.now)
        question.save()
        if self.room.waits_for and self.room.waits_until:
            self.room.waits_until = max(
                self.room.waits_until, self.now + WAITS[Kind(self.room.waits_for)] / 2
            )

    # What comes before the script

    def _open(self) -> QuerySet[Question]:
        return self.room.questions.filter(state=Question.State.OPEN)

    def _question(self) -> Act | None:
        """The answer to the oldest open question; or word of one that went to the staff."""
        unsettled = self.room.questions.exclude(state=Question.State.ANSWERED)
        unanswered = list(unsettled.select_related("act__turn", "act__user", "page"))
        for question in unanswered:
            if question.state == Question.State.OPEN:
                return self._answer(question)
        if not unanswered:
            return None
        calls = self.room.acts.filter(kind=Kind.CALL, about__has_key="escalated")
        told = set(calls.values_list("about__escalated", flat=True))
        for question in unanswered:
            if question.pk not in told:
                note = {"kind": "question", "question": str(question.act.turn.uuid), "state": question.state}
                return self._call(phrases.ESCALATED, escalated=question.pk, notes=[note])
        return None

    def _answer(self, question: Question) -> Act | None:
        agent = self.teacher if seeing.on_the_page(question, SAID_WELL) else self.assistant
        turn, user = question.act.turn, question.act.user
        try:
            usage = self._reserve(agent, user or self.room.created_by)
        except QuotaExceeded:
            escalate(self.room, question, self.now)
            return self._question()
        about = {"question": question.pk, "of": str(turn.uuid)}
        return of_agent(
            self.room, agent, Kind.ANSWER, question=turn.question, speaker=user, usage=usage, about=about
        )

    def _wonder(self) -> Act | None:
        """The answer to what a classmate has just asked."""
        last = self.room.acts.exclude(agent=None).order_by("-pk").select_related("turn").first()
        if last is None or last.kind != Kind.WONDER or not last.words:
            return None
        asked = Message.objects.filter(turn=last.turn).values_list("text", flat=True).first() or ""
        try:
            usage = self._reserve(self.teacher, self.room.created_by)
        except QuotaExceeded:
            return None
        return of_agent(
            self.room, self.teacher, Kind.ANSWER, question=asked, usage=usage, about={"wonder": last.pk}
        )

    def _hand(self) -> Act | None:
        """Give the floor to whoever raised a hand first."""
        seat = self.room.seats.exclude(hand=None).select_related("user").order_by("hand").first()
        if seat is None:
            return None
        Seat.objects.filter(pk=seat.pk).update(hand=None)
        self.room.floor_until = self.now + FLOOR
        name = seat.user.get_short_name() or seat.user.get_full_name()
        note = {"kind": "hand", "up": False, "person": seat.user_id}
        return self._call(phrases.FLOOR.format(name=name), notes=[note])

    def _all_acted(self) -> bool:
        """Whether everybody who is here has answered the quiz. What else is waited for ends when somebody speaks."""
        if self.room.waits_for != Kind.QUIZ:
            return False
        quiz = self.room.acts.filter(kind=Kind.QUIZ).order_by("-pk").first()
        if quiz is None:
            return True
        done = self.room.acts.filter(kind=Kind.RESPOND, pk__gt=quiz.pk).values("user")
        return not self._present().exclude(user__in=done).exists()

    def _wait(self) -> Act | None:
        """For the students: a reminder when the time is up, then on; in interactive mode until they act or go away."""
        room = self.room
        kind = Kind(room.waits_for)
        if room.waits_until is None:
            self._later(LOOK)
            return None
        if self.now < room.waits_until:
            self._later(room.waits_until - self.now)
            return None
        if not room.reminded:
            room.reminded, room.waits_until = True, self.now + WAITS[kind]
            return self._call(phrases.REMINDERS[kind], reminds=True)
        if room.mode == Classroom.Mode.INTERACTIVE:
            room.waits_until = None
            self._later(LOOK)
            return None
        room.waits_for, room.waits_until, room.reminded = "", None, False
        if kind != Kind.QUIZ:
            return None  # a classmate may have something to say
        return self._explain() or self._call(phrases.GOES_ON, reminds=True)

    def _explain(self) -> Act | None:
        """Once more what was answered wrongly in the last quiz."""
        quiz = self.room.acts.filter(kind=Kind.QUIZ).order_by("-pk").select_related("action__item").first()
        item = quiz.action.item if quiz and quiz.action else None
        if quiz is None or item is None:
            return None
        since = self.room.acts.filter(pk__gt=quiz.pk)
        missed = since.filter(kind=Kind.RESPOND, about__outcome__in=["wrong", "partial"])
        if not missed.exists() or since.filter(kind=Kind.EXPLAIN, about__item=item.pk).exists():
            return None
        person = missed.select_related("user").first()
        return self._again(person.user if person else None, item.prompt, item=item.pk)

    def _again(self, user: User | None, words: str, **about: object) -> Act:
        """Explain: a capable model in its own words, verified; otherwise in other words of the material."""
        usage = self._for_model(self.teacher, user or self.room.created_by)
        question = phrases.EXPLAIN.format(words=words) if usage else ""
        return of_agent(
            self.room,
            self.teacher,
            Kind.EXPLAIN,
            question=question,
            usage=usage,
            about={**about, "words": words},
        )

    def _for_model(self, agent: Agent, user: User) -> Usage | None:
        """Tokens for what a capable model may say; None where it is said without one."""
        if not classmates.asks_model(agent):
            return None
        try:
            return self._reserve(agent, user)
        except QuotaExceeded:
            return None

    def _known(self) -> Act | None:
        """Leave out a page whose skills everybody here has shown."""
        action = self.room.action
        if action is None or action.page_id == self.room.page_id:
            return None
        page = action.page
        if self.room.acts.filter(page=page, kind__in=SCRIPTED).exists():
            return None  # somebody wanted to see it again
        skills, people = (
            list(page.skills.all()),
            [seat.user for seat in self._present().select_related("user")],
        )
        if not skills or not all(knowledge.shows(user, skill) for user in people for skill in skills):
            return None
        self.room.action, self.room.line = script.after(page), 0
        reason = f"You have shown what it is about: {', '.join(skill.name for skill in skills[:3])}."
        note = {"kind": "skipped", "page": script.position(page), "reason": reason}
        return self._call(phrases.SKIPPED.format(page=page, reason=reason), notes=[note])

    # The script, and what the director may put beside it

    def _go_on(self) -> Act | Fork:
        if self._may_choose(self.room.action):
            return Fork(newest(self.room))
        return self._perform(self.room.action)

    def follow(self, situation: Situation, choice: Choice | None, agents: list[Agent]) -> Act:
        """What the director chose in this situation; without a choice, the script."""
        if choice is None:
            return self._perform(self.room.action)
        act = self._beside(choice, agents) or self._perform(self.room.action)
        Decision.objects.create(
            classroom=self.room,
            act=act,
            state=asdict(situation),
            candidates=[
                {"agent": one.agent, "act": one.act, "score": one.score} for one in choice.candidates
            ],
            chosen=choice.index,
            reason=choice.reason[:200],
            by=choice.by,
        )
        return act

    def _may_choose(self, action: Action | None) -> bool:
        """Whether something may come before the next act of the script."""
        if self.room.line or (action is not None and action.kind == Kind.POINT):
            return False
        beside = 0  # what was chosen there: no reminder, no answer, nothing of a person's
        for kind, about in self.room.acts.order_by("-pk").values_list("kind", "about")[: 6 * BESIDE]:
            if kind in SCRIPTED:
                return beside < BESIDE and not (kind in (Kind.SHOW, Kind.POINT) and beside == 0)
            free = kind not in (Kind.MOVE, Kind.SPEAK, Kind.RESPOND, Kind.ANSWER)
            beside += free and "reminds" not in about and "escalated" not in about
        return beside < BESIDE

    def _beside(self, choice: Choice, agents: list[Agent]) -> Act | None:
        """What the director chose, if it is not the script."""
        kind = choice.chosen.act
        agent = next((one for one in agents if one.pk == choice.chosen.agent), None)
        if agent is None or kind in SCRIPTED:
            return None
        if kind == Kind.CALL:
            return self._perform(None) if self.room.action is None else self._call(seeing.call_for(self.room))
        if kind == Kind.EXPLAIN:
            last = (
                self.room.acts.filter(kind=Kind.SPEAK).select_related("turn", "user").order_by("-pk").first()
            )
            return self._again(last.user, last.turn.question) if last else None
        if director.CLASSMATES.get(Function(agent.function)) != kind:
            return None
        usage = self._for_model(agent, self.room.created_by)
        return of_agent(self.room, agent, kind, usage=usage)

    def _perform(self, action: Action | None) -> Act:
        """The next act of the script; behind the last one, the closing words."""
        if action is None:
            return self._call(phrases.CLOSING.format(lesson=self.room.lesson), ends=True)
        if self.room.page_id != action.page_id:
            self.room.page = action.page
            for seat in self._present():
                seat.pages.add(action.page)
        about = {"line": self.room.line} if action.kind == Kind.READ else {}
        return of_agent(self.room, self.teacher, action.kind, action=action, about=about)
