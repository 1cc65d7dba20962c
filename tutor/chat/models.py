"""Dialogues of students with the course agent, as rows and as an event stream."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from courses.models import Course, Enrolment, Material, Passage
from tutor.accounts.models import User


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def of(self, user: Any) -> ConversationQuerySet:
        """The user's own chats, without deleted ones, in courses they may still see."""
        if not user.is_authenticated:
            return self.none()
        mine = self.filter(user=user, kind=Conversation.Kind.CHAT, deleted=False)
        return mine.filter(course__in=Course.objects.visible_to(user))

    def open_to(self, user: Any) -> ConversationQuerySet:
        """What the user may follow: their own chats, and the dialogue of classrooms they sit in."""
        if not user.is_authenticated:
            return self.none()
        sits = Exists(Conversation.members.through.objects.filter(conversation=OuterRef("pk"), user=user))
        chat, classroom = Conversation.Kind.CHAT, Conversation.Kind.CLASSROOM
        rows = self.filter(Q(kind=chat, user=user) | Q(sits, kind=classroom), deleted=False)
        return rows.filter(course__in=Course.objects.visible_to(user))

    def admitted(self) -> ConversationQuerySet:
        """The chats that their own user may still see."""
        enrolled = Enrolment.objects.filter(course=OuterRef("course"), user=OuterRef("user"))
        rows = self.filter(kind=Conversation.Kind.CHAT, deleted=False, user__is_active=True)
        return rows.filter(Q(user__is_superuser=True) | Exists(enrolled))

    def admissions(self) -> set[tuple[int, int]]:
        """(conversation, person) for everybody who may follow one of these now."""
        enrolled = Enrolment.objects.filter(course=OuterRef("conversation__course"), user=OuterRef("user"))
        members = Conversation.members.through.objects.filter(
            Q(user__is_superuser=True) | Exists(enrolled),
            conversation__in=self.filter(kind=Conversation.Kind.CLASSROOM, deleted=False),
            user__is_active=True,
        )
        return {
            *self.admitted().values_list("pk", "user"),
            *members.values_list("conversation_id", "user_id"),
        }


class Conversation(models.Model):
    """A person's chat with the agent, or what is said in a classroom: then its `members` follow it, and nobody else."""

    class Kind(models.TextChoices):
        CHAT = "chat"
        CLASSROOM = "classroom"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="conversations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CHAT)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    title = models.CharField(max_length=120, blank=True)
    as_student = models.BooleanField(default=False)  # staff trying the course: sees only what students see
    deleted = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True, db_index=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-updated"]

    def __str__(self) -> str:
        return self.title or "New conversation"

    def get_absolute_url(self) -> str:
        page = "classrooms:classroom" if self.shared else "chat:conversation"
        return reverse(page, args=[self.course.slug, self.uuid])

    @property
    def shared(self) -> bool:
        """Whether several people follow it."""
        return self.kind == self.Kind.CLASSROOM


class TurnQuerySet(models.QuerySet["Turn"]):
    def unfinished(self) -> TurnQuerySet:
        return self.filter(state__in=Turn.UNFINISHED)

    def asked_by(self, user: Any) -> TurnQuerySet:
        """The questions a person asked, in chats and classrooms."""
        own = Q(speaker=None, conversation__kind=Conversation.Kind.CHAT, conversation__user=user)
        return self.filter(Q(speaker=user) | own)

    def moving(self, since: datetime) -> TurnQuerySet:
        """Turns that have, or may have, new events since then."""
        return self.filter(Q(state__in=Turn.UNFINISHED) | Q(changed__gte=since))

    def abandoned(self) -> TurnQuerySet:
        """Unfinished turns whose owner has not renewed its lease: it died, or lost its database."""
        return self.unfinished().filter(Q(lease_until=None) | Q(lease_until__lt=timezone.now()))


class Turn(models.Model):
    """One question and its answer. Belongs to the process named in `owner` until its lease runs out."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"

    UNFINISHED = (State.QUEUED, State.RUNNING)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    client_id = models.UUIDField(null=True)  # chosen by the browser: asking again after a drop asks once
    ordinal = models.PositiveIntegerField()
    speaker = models.ForeignKey(  # who asked, where it need not be the conversation's person
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    question = models.TextField()
    query = models.TextField(blank=True)  # what was searched, with the conversation's context put in
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED, db_index=True)
    owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True)
    stop_requested = models.BooleanField(default=False)
    edits = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="edited_by")
    regenerates = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="regenerated_by"
    )
    reformulates = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="reformulated_by"
    )
    abstained = models.BooleanField(default=False)
    model = models.CharField(max_length=200, blank=True)
    usage = models.ForeignKey("llm.Usage", null=True, on_delete=models.SET_NULL, related_name="+")
    seconds = models.JSONField(default=dict)  # {"search", "first_token", "total"}
    error = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True)
    changed = models.DateTimeField(default=timezone.now, db_index=True)  # state, or an event after the end

    objects = TurnQuerySet.as_manager()

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "ordinal"], name="one_turn_each"),
            models.UniqueConstraint(fields=["conversation", "client_id"], name="one_turn_a_request"),
        ]

    def __str__(self) -> str:
        return self.question[:80]

    @property
    def asker(self) -> User:
        """Who asked, and gets the answer."""
        return self.speaker or self.conversation.user


class Event(models.Model):
    """One thing that happened in a turn. Stored before it is sent; never changed."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=12)
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["turn", "seq"]
        constraints = [models.UniqueConstraint(fields=["turn", "seq"], name="one_event_each")]

    def __str__(self) -> str:
        return f"{self.type} {self.seq}"


class Message(models.Model):
    """One utterance: the student's question, the agent's answer, or a reply of the course staff."""

    class Author(models.TextChoices):
        STUDENT = "student"
        AGENT = "agent"
        STAFF = "staff"

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="messages")
    author = models.CharField(max_length=10, choices=Author.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField()
    sentences = models.JSONField(default=list)  # [{"start", "end", "verdict"}], offsets in text
    notes = models.JSONField(default=list)  # the note events' data
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text[:80]


class Citation(models.Model):
    """A sentence of a message tied to a passage by a verbatim quote. Kept when the passage goes."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    sentence = models.PositiveIntegerField()
    marker = models.PositiveIntegerField()
    passage = models.ForeignKey(Passage, null=True, on_delete=models.SET_NULL, related_name="citations")
    material = models.ForeignKey(Material, null=True, on_delete=models.SET_NULL, related_name="citations")
    quote = models.TextField()
    start = models.PositiveIntegerField()  # of the quote in the material's text
    end = models.PositiveIntegerField()
    anchor = models.JSONField(default=dict)
    label = models.CharField(max_length=255)
    verdict = models.CharField(max_length=12)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"[{self.marker}] {self.label}"


class Feedback(models.Model):
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="feedback")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    up = models.BooleanField()
    reason = models.TextField(blank=True, max_length=2000)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["turn", "user"], name="one_feedback_each")]

    def __str__(self) -> str:
        return "up" if self.up else "down"


class Signal(models.Model):
    """What a student did with an answer; later learning rests on these."""

    class Kind(models.TextChoices):
        REFORMULATED = "reformulated"
        REGENERATED = "regenerated"
        STOPPED = "stopped"
        ABANDONED = "abandoned"
        CITATION_OPENED = "citation_opened"
        THUMB = "thumb"
        COPIED = "copied"
        ASKED_STAFF = "asked_staff"

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="signals")
    kind = models.CharField(max_length=20, choices=Kind.choices, db_index=True)
    data = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.kind


class StaffQuestion(models.Model):
    """A question handed to the course staff. The reply becomes a message and, as a material, a passage."""

    turn = models.OneToOneField(Turn, on_delete=models.CASCADE, related_name="staff_question")
    comment = models.TextField(blank=True, max_length=2000)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)
    reply = models.TextField(blank=True)
    material = models.ForeignKey(Material, null=True, on_delete=models.SET_NULL, related_name="+")
    seen_by_student = models.BooleanField(default=False)
    staff_mailed = models.DateTimeField(null=True)
    student_mailed = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.turn.question[:80]


class Starter(models.Model):
    """A question that the material was found to answer, offered to students who have not asked yet."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="starters")
    passage = models.ForeignKey(
        Passage, on_delete=models.CASCADE, related_name="+"
    )  # where the answer stands
    question = models.CharField(max_length=200)
    ordinal = models.PositiveSmallIntegerField()
    index_version = models.PositiveBigIntegerField()  # of the course when it was checked

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["course", "ordinal"], name="one_starter_each")]

    def __str__(self) -> str:
        return self.question
