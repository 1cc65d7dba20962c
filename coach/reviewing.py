"""What people do with a report: judge its statements, share it, take it back, comment, return it, sign it off."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from coach.deidentification import without_names
from coach.models import (
    Comment,
    Finding,
    Judgement,
    Rating,
    RatingTask,
    Report,
    Suggestion,
    Visit,
)
from tutor.accounts.models import User
from tutor.jobs import State

Statement = Rating | Finding | Suggestion
KINDS: dict[str, type[Statement]] = {"rating": Rating, "finding": Finding, "suggestion": Suggestion}
LONGEST = 1000  # characters of a correction


class NotNow(Exception):
    """This cannot be done to the report as it stands; the message says why."""


def is_reviewer(user: User) -> bool:
    """Whether the person reviews what others share."""
    return user.is_coach or user.is_superuser


def inbox(user: User) -> QuerySet[Report]:
    """The reports that others shared with the coaches, newest first."""
    if not is_reviewer(user):
        return Report.objects.none()
    rows = Report.objects.exclude(status=Report.Status.PRIVATE).exclude(observation__teacher=user)
    return (
        rows.select_related("observation__teacher", "reviewer")
        .prefetch_related("visits")
        .order_by("-shared_at")
    )


def waiting(user: User) -> int:
    """How many reports wait for a reviewer."""
    return inbox(user).filter(status=Report.Status.SHARED).count()


def judge(
    report: Report, person: User, kind: str, pk: int, verdict: str, value: str = "", note: str = ""
) -> Judgement | None:
    """Keep a person's word on a statement, in place of an earlier one of theirs; an empty verdict takes it back.

    Raises NotNow after sign-off, and ValueError in words for a correction that says nothing or lies beyond the scale.
    """
    if report.status == Report.Status.SIGNED:
        raise NotNow("This report was signed off and stays as it is.")
    if kind == "rating" and RatingTask.objects.blind(person, report.observation):
        raise NotNow("You rate this lesson yourself. Its ratings appear when both raters are done.")
    if kind not in KINDS:
        raise ValueError("Say what is judged: a rating, a finding or a suggestion.")
    row = KINDS[kind]._default_manager.filter(report=report, pk=pk).first()
    if row is None:
        raise ValueError("This statement is not in the report any more. Load the page again.")
    mine: dict[str, Any] = {"person": person, kind: row}
    if not verdict:
        Judgement.objects.filter(**mine).delete()
        return None
    if verdict not in Judgement.Verdict.values:
        raise ValueError("Accept it, reject it or correct it.")
    kept = _corrected(row, value, report) if verdict == Judgement.Verdict.CORRECTED else None
    judgement, _ = Judgement.objects.update_or_create(
        **mine,
        defaults={
            "verdict": verdict,
            "value": kept,
            "note": without_names(report.observation, note.strip())[:600],
        },
    )
    return judgement


def _corrected(row: Statement, value: str, report: Report) -> Any:
    """The corrected score of a rating, the corrected words of everything else."""
    value = value.strip()
    if not isinstance(row, Rating):
        if not value:
            raise ValueError("Write how it should read.")
        if len(value) > LONGEST:
            raise ValueError(f"Keep it under {LONGEST} characters.")
        return without_names(report.observation, value)
    scale = row.dimension
    try:
        score = float(value.replace(",", "."))
    except ValueError:
        score = float("nan")
    if not scale.low <= score <= scale.high:
        raise ValueError(f"Give a rating from {scale.low} to {scale.high}.")
    return score


def share(report: Report) -> None:
    """Put the report into the coaches' inbox. Raises NotNow before it is scored."""
    if report.state != State.DONE:
        raise NotNow("Share the report when the lesson has been scored.")
    _move(
        report,
        [Report.Status.PRIVATE, Report.Status.RETURNED],
        Report.Status.SHARED,
        shared_at=timezone.now(),
    )


def take_back(report: Report) -> None:
    """Make a shared report the teacher's alone again. Raises NotNow after sign-off."""
    _move(report, [Report.Status.SHARED, Report.Status.RETURNED], Report.Status.PRIVATE, shared_at=None)


def give_back(report: Report, reviewer: User, words: str) -> Comment:
    """Return a shared report to its teacher, with words. Raises NotNow, and ValueError without words."""
    with transaction.atomic():
        comment = say(report, reviewer, words)
        _move(report, [Report.Status.SHARED], Report.Status.RETURNED, reviewer=reviewer)
    return comment


def sign_off(report: Report, reviewer: User) -> None:
    """End the review. The report stays as it is from now on. Raises NotNow unless it is shared, scored and not one's own."""
    if reviewer.pk == report.observation.teacher_id:
        raise NotNow("Somebody else signs off your own lesson.")
    if report.state != State.DONE:
        raise NotNow("This lesson is being scored again. Sign it off when that is done.")
    _move(
        report,
        [Report.Status.SHARED],
        Report.Status.SIGNED,
        reviewer=reviewer,
        signed_at=timezone.now(),
    )


def _move(report: Report, before: list[Report.Status], after: Report.Status, **values: Any) -> None:
    """Change the status if it still is one of those before; two people at once cannot both."""
    changed = Report.objects.filter(pk=report.pk, status__in=before).update(status=after, **values)
    if not changed:
        report.refresh_from_db(fields=["status"])
        words = {
            Report.Status.PRIVATE: "This report is the teacher’s alone now.",
            Report.Status.SHARED: "This report is shared already.",
            Report.Status.RETURNED: "This report was returned to the teacher; it can be signed off when it is shared again.",
            Report.Status.SIGNED: "This report was signed off and stays as it is.",
        }
        raise NotNow(words[Report.Status(report.status)])
    report.refresh_from_db()


def say(report: Report, author: User, text: str, line: int | None = None) -> Comment:
    """A comment on the report, or on one line of its transcript. Raises ValueError in words."""
    text = text.strip()
    if not text:
        raise ValueError("Write a comment first.")
    if len(text) > 4000:
        raise ValueError("Keep a comment under 4000 characters.")
    if line is not None and not report.observation.utterances.filter(line=line).exists():
        raise ValueError(f"There is no line {line} in this transcript.")
    return Comment.objects.create(
        report=report, author=author, line=line, text=without_names(report.observation, text)
    )


def unsay(report: Report, author: User, comment: int) -> None:
    """Delete a comment of one's own. Raises ValueError in words."""
    deleted, _ = report.comments.filter(pk=comment, author=author).delete()
    if not deleted:
        raise ValueError("This comment is not there any more, or it is somebody else’s.")


def plan_visit(report: Report, coach: User, due_on: date) -> Visit:
    """Say when the teacher's class is seen next, in place of an open plan for the same report. Raises ValueError."""
    if due_on < timezone.localdate():
        raise ValueError("Choose a day that is not past.")
    with transaction.atomic():
        report.visits.filter(done_at=None).delete()
        return Visit.objects.create(report=report, coach=coach, due_on=due_on)
