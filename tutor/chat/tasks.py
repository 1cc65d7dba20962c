"""Work of the chat on the maintenance queue. Thin: load the row, call the work."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="chat.close_dead_turns", queue="maintenance")
def close_dead_turns() -> None:
    """Close the turns of servers that died. Web processes do it too; this is for when none is left."""
    from tutor.chat.outcome import close_dead
    from tutor.chat.turns import announce

    for turn in close_dead():
        announce(turn)


@shared_task(name="chat.refresh_starters", queue="maintenance")
def refresh_starters() -> None:
    """Make new starter questions where the material has changed."""
    from tutor.chat.starters import refresh_outdated

    refresh_outdated()


@shared_task(name="chat.mail_about", queue="maintenance", acks_late=True, reject_on_worker_lost=True)
def mail_about(question_id: int) -> None:
    """Tell the staff of a student's question, or the student of the reply."""
    from tutor.chat.mailing import write_about
    from tutor.chat.models import StaffQuestion

    question = StaffQuestion.objects.filter(pk=question_id).first()
    if question is not None:
        write_about(question)


@shared_task(name="chat.mail_waiting", queue="maintenance")
def mail_waiting() -> None:
    """Write what a mail server that failed, or a lost message, left unwritten."""
    from tutor.chat.mailing import write_due

    write_due()


@shared_task(name="chat.prune_events", queue="maintenance")
def prune_events() -> None:
    """Take away the events of turns that ended long ago."""
    from tutor.chat.pruning import prune

    prune()
