"""The demo's observations and reports as rows: brought, scored and reviewed by the code that people use.

Loading twice changes nothing, and what a person changed, took back or deleted stays so.
"""

from __future__ import annotations

import datetime

from django.core.files import File
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from coach import bringing, goals, reporting, reviewing
from coach.demo.build import BUILT, filename
from coach.demo.lesson import Lesson, lessons
from coach.demo.reviews import REVIEWS, End, Review
from coach.models import Comment, Goal, Observation, Report
from courses.demo.course import people
from tutor.accounts.demo import DEMO_USERS, DOMAIN
from tutor.accounts.models import User
from tutor.jobs import State

# Their lessons' files begin with the key. The first one's login is among the demo's; they all have the same password.
TEACHERS = {
    "okafor": ("teacher", "Nora Okafor"),
    "reyes": ("daniel.reyes", "Daniel Reyes"),
    "raman": ("priya.raman", "Priya Raman"),
    "lindqvist": ("tom.lindqvist", "Tom Lindqvist"),
    "karimi": ("aisha.karimi", "Aisha Karimi"),
    "novak": ("peter.novak", "Peter Novak"),
}
COLUMNS = {
    "speaker": "Speaker",
    "text": "Text",
    "start": "Start",
    "end": "End",
}  # as coach.demo.build writes them


def load() -> list[Report]:
    """The demo's reports that still have to be scored. Only a teacher without any observation is given lessons."""
    people()
    for key in TEACHERS:
        teacher = _teacher(key)
        _clear_interrupted(key, teacher)
        if not teacher.observations.exists():
            _bring_all(key, teacher)
    waiting = reports().exclude(state=State.DONE).select_related("observation__teacher")
    return list(waiting.order_by("observation__taught_on", "pk"))


def reports() -> QuerySet[Report]:
    """The reports on the lessons of the demo's teachers."""
    emails = [f"{login}@{DOMAIN}" for login, _ in TEACHERS.values()]
    return Report.objects.filter(observation__teacher__email__in=emails)


def score(report: Report) -> bool:
    """Score a report in this process, and play what its teacher and the coach did with it. False if it could not be scored."""
    if report.state != State.QUEUED:  # it failed, or an earlier start was interrupted
        report.queue()
    reporting.work(report)
    report.refresh_from_db()
    if report.state != State.DONE:
        return False
    lesson = next((one for one in lessons() if one.title == report.observation.title), None)
    if lesson is not None and lesson.name in REVIEWS:
        _review(report, REVIEWS[lesson.name])
    return True


def _teacher(key: str) -> User:
    login, name = TEACHERS[key]
    email = f"{login}@{DOMAIN}"
    password = next(person.password for person in DEMO_USERS if person.email == f"teacher@{DOMAIN}")
    return User.objects.filter(email=email).first() or User.objects.create_user(email, password, name=name)


def _coach() -> User:
    return User.objects.get(email=next(person.email for person in DEMO_USERS if person.coach))


def _lessons(key: str) -> list[Lesson]:
    return [lesson for lesson in lessons() if lesson.name.startswith(f"{key}-")]


def _bring_all(key: str, teacher: User) -> None:
    """All lessons of a teacher. Their reports come last and all at once: they say that the start was not interrupted."""
    observations = [_bring(lesson, teacher) for lesson in _lessons(key)]
    with transaction.atomic():
        for observation in observations:
            Report.objects.create(observation=observation)


def _clear_interrupted(key: str, teacher: User) -> None:
    """Remove what an interrupted start left of a teacher's lessons, so that this one brings them all."""
    found = teacher.observations.filter(title__in=[lesson.title for lesson in _lessons(key)])
    if not found.filter(report__isnull=False).exists():
        for observation in found:
            bringing.remove(observation)


def _bring(lesson: Lesson, teacher: User) -> Observation:
    fields = bringing.Fields(
        title=lesson.title,
        taught_on=lesson.taught_on(timezone.localdate()),
        subject=lesson.subject,
        grade=lesson.grade,
        goal_of_lesson=lesson.goal,
        purpose=Observation.Purpose.COACHING,
        consent=True,
        roster=lesson.students,
    )
    with (
        transaction.atomic()
    ):  # short: the reading's heartbeat, in a thread of its own, writes to the database too
        with (BUILT / filename(lesson)).open("rb") as source:
            observation = bringing.bring(teacher, teacher, File(source, name=filename(lesson)), fields)
        if observation.step == Observation.Step.COLUMNS:
            bringing.name_columns(observation, COLUMNS)
        observation.claim()  # before the queue hears of it, so that no worker takes it
    bringing.work_claimed(observation)
    bringing.confirm_speakers(observation, {})
    return observation


@transaction.atomic
def _review(report: Report, review: Review) -> None:
    """Share, judge, comment, return or sign off, on days after the lesson."""
    if review.end == End.PRIVATE:
        return
    teacher, coach = report.observation.teacher, _coach()
    reviewing.share(report)
    Report.objects.filter(pk=report.pk).update(shared_at=_after(report, 1))
    for judged in review.judged:
        rows = reviewing.KINDS[judged.kind]._default_manager.filter(report=report)
        if judged.place < len(rows):
            person, row = coach if judged.by_coach else teacher, rows[judged.place]
            reviewing.judge(report, person, judged.kind, row.pk, judged.verdict, judged.value, judged.note)
    suggestion = report.suggestions.first()
    if review.goal and suggestion is not None:
        goal = goals.choose(suggestion, teacher)
        Goal.objects.filter(pk=goal.pk).update(created=_after(report, 4))
    for number, said in enumerate(review.said, 2):
        line = _line(report, said.at) if said.at else None
        comment = reviewing.say(report, coach if said.by_coach else teacher, said.text, line)
        Comment.objects.filter(pk=comment.pk).update(created=_after(report, number))
    if review.end == End.RETURNED:
        comment = reviewing.give_back(report, coach, review.returned_with)
        Comment.objects.filter(pk=comment.pk).update(created=_after(report, 3))
    if review.end == End.SIGNED:
        reviewing.sign_off(report, coach)
        Report.objects.filter(pk=report.pk).update(signed_at=_after(report, 2 + len(review.said)))
    if review.visit_in:
        day = timezone.localdate() + datetime.timedelta(days=review.visit_in)
        reviewing.plan_visit(report, coach, day)


def _line(report: Report, words: str) -> int | None:
    row = report.observation.utterances.filter(text__contains=words).first()
    return row.line if row else None


def _after(report: Report, days: int) -> datetime.datetime:
    """An afternoon so many days after the lesson: a working day, and never the future."""
    day = report.observation.taught_on + datetime.timedelta(days=days)
    day += datetime.timedelta(days=7 - day.weekday() if day.weekday() > 4 else 0)
    afternoon = datetime.datetime.combine(day, datetime.time(15, 40), timezone.get_current_timezone())
    return min(afternoon, timezone.now())
