"""What the course staff reply to a question of a class is said in the class, too, as an act in the order of all others."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from tutor.accounts.models import User
from tutor.chat.models import Turn
from tutor.chat.signals import replied
from tutor.classrooms.models import Act, Question


@receiver(replied)
def say_in_class(sender: Any, turn: Turn, text: str, by: User, **kwargs: Any) -> None:
    """Store the reply as words of whoever wrote it, and let the question be answered by them."""
    from tutor.classrooms.acts import of_person  # this module is loaded by every command

    rows = Question.objects.select_related("act__turn", "classroom__conversation", "classroom__page")
    question = rows.filter(act__turn=turn).first()
    if question is None:  # it was asked in a chat
        return
    note = {"kind": "question", "question": str(turn.uuid), "state": Question.State.ANSWERED.value}
    about = {"asks": False, "replies": question.pk}
    said = of_person(question.classroom, by, Act.Kind.SPEAK, [note], text=text, about=about)
    Question.objects.filter(pk=question.pk).update(state=Question.State.ANSWERED, answer=said)
