"""What a step looks at: what came of an act, who may speak, and the situation that the director sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Sum
from django.db.models.functions import Coalesce

from courses.verification.words import words
from tutor.chat.models import Message, Turn
from tutor.classrooms import classmates, director, phrases, script
from tutor.classrooms.director import Participant, Situation, Utterance
from tutor.classrooms.models import Act, Agent, Classroom, Function, Line, Question

SEEN = 8  # of the latest utterances
QUIET = 180.0  # seconds without a student, after which the assistant asks whether all is clear

Kind = Act.Kind


def lines_read(act: Act) -> int:
    """How many lines of its action were read in an act."""
    notes = act.turn.events.filter(type="note").values_list("data", flat=True)
    return sum(note.get("kind") == "line" for note in notes)


def grounded(act: Act) -> bool:
    """Whether an answer stands on the material: it is whole, says something, and cites. Small talk needs nothing."""
    turn = act.turn
    if turn.state != Turn.State.DONE or turn.abstained:
        return False
    said = Message.objects.filter(turn=turn, author=Message.Author.AGENT).exclude(text="").first()
    return said is not None and (said.citations.exists() or not turn.query)


def on_the_page(question: Question, share: float) -> bool:
    """Whether a question is about what the page says: it has that share of the question's content words."""
    if question.page is None:
        return False
    asked = {word.key for word in words(question.act.turn.question) if word.content}
    lines = Line.objects.filter(action__page=question.page).values_list("text", flat=True)
    said = {word.key for word in words(" ".join([str(question.page), *lines]))}
    return bool(asked) and len(asked & said) >= share * len(asked)


def spoken(room: Classroom) -> dict[tuple[str, int | None], int]:
    """Words said so far, by function and agent; those of people under `director.STUDENT` and None."""
    rows = room.acts.values("agent__function", "agent").annotate(said=Coalesce(Sum("words"), 0))
    return {
        (row["agent__function"] or director.STUDENT, row["agent"]): row["said"] for row in rows.order_by()
    }


def cast(room: Classroom) -> list[Agent]:
    """The agents of a room, in their order."""
    return list(room.agents.select_related("endpoint").order_by("ordinal", "pk"))


def free_to_act(room: Classroom) -> list[Agent]:
    """Teachers, assistants, and the classmates whose share leaves room for a whole act of theirs, with something to say.

    What is asked is whether the share will hold after the longest act there may be; so it always holds.
    """
    said = spoken(room)
    total = sum(said.values())
    theirs = sum(count for (function, _), count in said.items() if function in director.CLASSMATES)
    own = {agent: count for (_, agent), count in said.items()}

    def may(agent: Agent) -> bool:
        kind = director.CLASSMATES.get(Function(agent.function))
        if kind is None:
            return True
        longest = classmates.LONGEST[kind]
        bound = room.talkativeness * (total + longest)
        fits = theirs + longest <= bound and own.get(agent.pk, 0) + longest <= bound * agent.talkativeness
        return fits and classmates.has_something(room, agent)

    return [agent for agent in cast(room) if may(agent)]


def situation(room: Classroom, now: datetime, agents: Sequence[Agent]) -> Situation:
    """What the director sees, where `agents` may act."""
    said: Counter[str] = Counter()
    for (function, _), count in spoken(room).items():
        said[function] += count
    total = max(1, said.total())
    pages = list(script.pages_of(room.lesson))
    shown = set(room.acts.filter(kind=Kind.SHOW).values_list("page", flat=True))
    last_shown = room.acts.filter(kind=Kind.SHOW).order_by("-pk").values_list("pk", flat=True).first() or 0
    since = room.acts.filter(pk__gt=last_shown).exclude(about__has_key="reminds").order_by("pk")
    people = room.acts.filter(kind__in=(Kind.SPEAK, Kind.RESPOND))
    heard = people.order_by("-pk").values_list("turn__created", flat=True).first()
    return Situation(
        next=str(room.action.kind) if room.action else "",
        page=sum(page.ordinal <= room.page.ordinal for page in pages) if room.page else 0,
        pages=len(pages),
        covered=[str(page) for page in pages if page.pk in shown and page.pk != room.page_id]
        + ([str(room.page)] if room.page else []),
        acts=[
            kind
            for kind in since.values_list("kind", flat=True)
            if kind not in (Kind.MOVE, Kind.SPEAK, Kind.RESPOND)
        ],
        last=utterances(room),
        mode=room.mode,
        seconds_since_student=(now - heard).total_seconds() if heard else None,
        shares={function: words / total for function, words in said.items()},
        bounds={director.TOGETHER: room.talkativeness}
        | {
            agent.function: room.talkativeness * agent.talkativeness
            for agent in agents
            if agent.function in director.CLASSMATES
        },
        agents=[Participant(agent.pk, agent.function, agent.talkativeness) for agent in agents],
    )


def utterances(room: Classroom) -> list[Utterance]:
    """The latest that was said, oldest first. An answer to a quiz is no talk: what came of it is in the acts."""
    acts = (
        room.acts.filter(words__gt=0)
        .exclude(kind=Kind.RESPOND)
        .select_related("turn", "agent", "user")
        .order_by("-pk")[:SEEN]
    )
    texts = dict(
        Message.objects.filter(
            turn__in=[act.turn_id for act in acts], author=Message.Author.AGENT
        ).values_list("turn", "text")
    )
    return [
        Utterance(act.agent.function, texts.get(act.turn_id, ""))
        if act.agent
        else Utterance(director.STUDENT, act.turn.question, act.user.get_full_name() if act.user else "")
        for act in reversed(acts)
    ]


def call_for(room: Classroom) -> str:
    """What the assistant says to keep the class together, as it stands now."""
    acts = room.acts.exclude(kind=Kind.MOVE).select_related("user").order_by("-pk")
    last = acts.first()
    if last is None:
        return phrases.WELCOME.format(lesson=room.lesson)
    if last.kind == Kind.SPEAK and last.user:
        thanks = acts.filter(kind=Kind.CALL, about__has_key="say").count()
        return phrases.THANKS[thanks % len(phrases.THANKS)].format(name=last.user.get_short_name())
    return phrases.QUIET
