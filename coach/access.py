"""Who may see what of coaching: functions that return the object with the caller's right to it, or raise 404."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import get_object_or_404

from coach.models import Observation, Report
from coach.reviewing import is_reviewer
from courses.models import Course

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from tutor.accounts.models import User


def may_bring(user: User | AnonymousUser) -> bool:
    """Whether the person may bring a lesson: anybody who signed in may bring their own."""
    return user.is_authenticated and user.is_active


def has_coaching(user: User | AnonymousUser) -> bool:
    """Whether coaching stands in the person's menu: they teach or may, review, or have a lesson here.

    Others who know the address may still bring a lesson; a student's menu is no place for it.
    """
    if not (user.is_authenticated and may_bring(user)):
        return False
    if is_reviewer(user) or user.may_create_courses:
        return True
    return Course.objects.taught_by(user).exists() or Observation.objects.editable_by(user).exists()


def may_bring_for_others(user: User | AnonymousUser) -> bool:
    """Whether the person may bring a lesson in which somebody else taught."""
    return bool(user.is_authenticated and is_reviewer(user))


def coaches_only(user: User | AnonymousUser) -> User:
    """The person, who reviews what others share; 404 for everybody else."""
    if not user.is_authenticated or not is_reviewer(user):
        raise Http404
    return user


def observation_of(user: User | AnonymousUser, observation: uuid.UUID) -> Observation:
    """The lesson with its transcript, for its teacher and for who brought it."""
    rows = Observation.objects.editable_by(user).select_related("teacher", "brought_by")
    return get_object_or_404(rows, uuid=observation)


def own_observation(user: User | AnonymousUser, observation: uuid.UUID) -> Observation:
    """The lesson, for its teacher alone: who is who behind the labels is nobody else's business."""
    return get_object_or_404(Observation.objects.of_teacher(user), uuid=observation)


def removable_observation(user: User | AnonymousUser, observation: uuid.UUID) -> Observation:
    """The lesson, for its teacher; for who else brought it only until there is a report, which is the teacher's."""
    row = observation_of(user, observation)
    if not may_remove(user, row):
        raise Http404
    return row


def may_remove(user: User | AnonymousUser, observation: Observation) -> bool:
    """Whether somebody who may correct the lesson's transcript may also delete it."""
    return observation.teacher_id == user.pk or not Report.objects.filter(observation=observation).exists()


def closed_to(user: User | AnonymousUser, observation: Observation, *, words: bool = False) -> str:
    """Why the person may not change the lesson's transcript or have it scored again (any more); "" where they may.

    Who brought a lesson for its teacher may until the report is shared: from then on it is the teacher's word to the
    coaches. What was signed off stays, but for the `words` of a line: its teacher can still take out a name.
    """
    report = Report.objects.filter(observation=observation).first()
    if report is None or report.status == Report.Status.PRIVATE:
        return ""
    if observation.teacher_id != user.pk:
        return "The report on this lesson was shared. From now on only its teacher corrects the transcript."
    if report.status == Report.Status.SIGNED and not words:
        return "The report on this lesson was signed off. Only the words of a line can still be corrected."
    return ""


def report_of(user: User | AnonymousUser, observation: uuid.UUID) -> Report:
    """The lesson's report, for its teacher, and for coaches and admins once it was shared."""
    readable = Observation.objects.readable_by(user)
    rows = Report.objects.filter(observation__in=readable).select_related("observation__teacher", "reviewer")
    return get_object_or_404(rows, observation__uuid=observation)
