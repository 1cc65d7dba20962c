"""Mail about questions to the staff: to those who teach when one comes, to the student when the reply does.

The row knows what was sent. A mail server that fails loses nothing: the clock tries again for some days.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from courses.models import TEACHING
from tutor.accounts.models import User
from tutor.chat.models import StaffQuestion

log = logging.getLogger(__name__)

GIVE_UP = timedelta(days=5)  # as long as mail servers try
LEASE = 300  # seconds for which one worker has a question's mail to itself
AT_ONCE = 200


def there_is_a_server() -> bool:
    """True where EMAIL_HOST is set."""
    return settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")


def soon(question: StaffQuestion) -> None:
    """When the transaction is through, let a worker write what is due. If no broker answers, the clock will."""
    from tutor.chat.tasks import mail_about

    if there_is_a_server():
        transaction.on_commit(lambda: mail_about.delay(question.pk), robust=True)


def due() -> QuerySet[StaffQuestion]:
    """Questions of which somebody is still to be told, oldest first."""
    since = timezone.now() - GIVE_UP
    staff = Q(staff_mailed=None, answered_at=None, created__gte=since)
    student = Q(student_mailed=None, answered_at__gte=since, seen_by_student=False)
    rows = StaffQuestion.objects.filter(staff | student).order_by("created")
    return rows.select_related(
        "turn__conversation__course", "turn__conversation__user", "turn__speaker", "answered_by"
    )


def write_due() -> None:
    """Write all that is due. Raises OSError when the server fails: the rest waits for the next time."""
    if there_is_a_server():
        for question in due()[:AT_ONCE]:
            write_about(question)


def write_about(question: StaffQuestion) -> None:
    """Write the mail that is due about a question, once. Raises OSError, as smtplib does, if the server fails."""
    key = f"mailing-{question.pk}"
    if not cache.add(key, True, LEASE):
        return
    try:
        row = due().filter(pk=question.pk).first()
        if row is None:
            return
        if row.answered_at is None:
            _to_staff(row)
            StaffQuestion.objects.filter(pk=row.pk).update(staff_mailed=timezone.now())
        else:
            _to_student(row)
            StaffQuestion.objects.filter(pk=row.pk).update(student_mailed=timezone.now())
    finally:
        cache.delete(key)


def _to_staff(question: StaffQuestion) -> None:
    conversation = question.turn.conversation
    course = conversation.course
    people = User.objects.filter(enrolments__course=course, enrolments__role__in=TEACHING, is_active=True)
    _send(
        f"{course.title}: a student asks",
        f"{question.turn.asker.get_full_name()} asks:\n\n{question.turn.question}\n\n{question.comment}\n\n"
        f"Reply here: {settings.SITE_URL}{reverse('chat:inbox', args=[course.slug])}\n",
        list(people.values_list("email", flat=True)),
    )


def _to_student(question: StaffQuestion) -> None:
    conversation = question.turn.conversation
    by = question.answered_by.get_full_name() if question.answered_by else "The course staff"
    url = f"{settings.SITE_URL}{conversation.get_absolute_url()}#turn-{question.turn.uuid}"
    asker = question.turn.asker
    still_there = asker.is_active and not conversation.deleted and conversation.course.role_of(asker)
    _send(
        f"{conversation.course.title}: a reply to your question",
        f"You asked:\n\n{question.turn.question}\n\n{by} replied:\n\n{question.reply}\n\nIn the conversation: {url}\n",
        [asker.email] if still_there else [],
    )


def _send(subject: str, text: str, people: list[str]) -> None:
    try:
        send_mail(" ".join(subject.split()), text, None, people)
    except SMTPRecipientsRefused as error:
        if any(code < 500 for code, _ in error.recipients.values()):
            raise
        log.warning("The mail server knows none of the people to be told: %s", error)  # nor will it tomorrow
