"""A classroom: one running lesson, the people and agents in it, and what happens there.

Its dialogue is a conversation of `tutor.chat`; each act is a turn of it, so that events, citations, leases and resume are
those of the chat.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from courses.models import Course
from tutor.chat.models import Conversation, StaffQuestion, Turn
from tutor.classrooms.models.agents import Agent
from tutor.classrooms.models.lessons import Action, Lesson, LessonPage


class ClassroomQuerySet(models.QuerySet["Classroom"]):
    def open_to(self, user: Any, course: Course) -> ClassroomQuerySet:
        """The course's classrooms that the user may be in: their own, and those that are shared."""
        rows = self.filter(course=course, course__in=Course.objects.visible_to(user))
        return rows.filter(Q(created_by=user) | Q(shared=True))

    def due(self, owner: str, now: datetime) -> ClassroomQuerySet:
        """Those that `owner` has to go on with now: its own, and those whose process is gone."""
        free = Q(owner=owner) | Q(lease_until=None) | Q(lease_until__lt=now)
        return self.filter(free, state__in=Classroom.LIVE, step_at__lte=now)


class Classroom(models.Model):
    class State(models.TextChoices):
        OPEN = "open"  # made, not begun
        RUNNING = "running"
        PAUSED = "paused"  # by a person, or because nobody is there
        ENDED = "ended"

    class Mode(models.TextChoices):
        CONTINUOUS = "continuous"  # goes on unless somebody speaks
        INTERACTIVE = "interactive"  # waits for the students where the script asks them something

    LIVE = (State.RUNNING, State.PAUSED)  # where something may come next; paused: an answer to a question

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # its conversation's, too
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="classrooms")
    lesson = models.ForeignKey(Lesson, on_delete=models.PROTECT, related_name="classrooms")
    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="classroom")
    agents = models.ManyToManyField(Agent, related_name="classrooms")
    shared = models.BooleanField(default=False)  # others of the course may join
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN, db_index=True)
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.CONTINUOUS)
    pace = models.FloatField(default=1.0)  # 0.5 slow to 2 fast
    talkativeness = models.FloatField(
        default=0.5
    )  # of the classmates together: their largest share of what is said
    page = models.ForeignKey(
        LessonPage, null=True, on_delete=models.SET_NULL, related_name="+"
    )  # where we are
    action = models.ForeignKey(
        Action, null=True, on_delete=models.SET_NULL, related_name="+"
    )  # the next to perform
    line = models.PositiveSmallIntegerField(default=0)  # lines of it that were read already
    waits_for = models.CharField(max_length=10, blank=True)  # kind of the action that waits for the students
    waits_until = models.DateTimeField(null=True)  # None: until they act
    reminded = models.BooleanField(default=False)
    floor_until = models.DateTimeField(null=True)  # somebody who raised a hand has the floor
    owner = models.CharField(max_length=64, blank=True)  # the process that drives it
    lease_until = models.DateTimeField(null=True)
    step_at = models.DateTimeField(null=True)  # when the next step is due
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)

    objects = ClassroomQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.lesson}"

    def get_absolute_url(self) -> str:
        return reverse("classrooms:classroom", args=[self.course.slug, self.uuid])


class Seat(models.Model):
    """A person in a classroom."""

    classroom = models.ForeignKey(Classroom, on_delete=models.CASCADE, related_name="seats")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="seats")
    hand = models.DateTimeField(null=True)  # raised since
    pages = models.ManyToManyField(
        LessonPage, related_name="+", blank=True
    )  # that were shown while they were there
    joined = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField(null=True)  # last time one of their tabs was open

    class Meta:
        constraints = [models.UniqueConstraint(fields=["classroom", "user"], name="one_seat_each")]

    def __str__(self) -> str:
        return str(self.user)


class Act(models.Model):
    """What a turn of the classroom's conversation is: whose, of what kind, at which place in the script."""

    class Kind(models.TextChoices):
        SHOW = "show"
        POINT = "point"
        READ = "read"
        ASK = "ask"
        QUIZ = "quiz"
        DISCUSS = "discuss"
        ANSWER = "answer"  # a student's question
        EXPLAIN = "explain"  # again, after a wrong quiz answer
        REMARK = "remark"  # a classmate's thought
        WONDER = "wonder"  # a classmate's question
        JOKE = "joke"
        NOTE = "note"  # for the notes
        CALL = "call"  # the assistant keeps order: welcomes, hands on, gives the floor
        SPEAK = "speak"  # a person's words
        RESPOND = "respond"  # a person's answer to a quiz item
        MOVE = "move"  # a person skips, goes back, pauses, changes the mode

    classroom = models.ForeignKey(Classroom, on_delete=models.CASCADE, related_name="acts")
    turn = models.OneToOneField(Turn, on_delete=models.CASCADE, related_name="act")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    agent = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="acts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    page = models.ForeignKey(LessonPage, null=True, on_delete=models.SET_NULL, related_name="acts")
    action = models.ForeignKey(Action, null=True, on_delete=models.SET_NULL, related_name="acts")
    about = models.JSONField(default=dict)  # what it is to say or do beyond the script
    words = models.PositiveIntegerField(null=True)  # that were said; None until what came of it was entered

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} by {self.agent or self.user}"


class Question(models.Model):
    """A question of a real student: it has precedence over everything, and blocks moving on until it is settled."""

    class State(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"
        ESCALATED = "escalated"  # to the course staff

    classroom = models.ForeignKey(Classroom, on_delete=models.CASCADE, related_name="questions")
    act = models.OneToOneField(
        Act, on_delete=models.CASCADE, related_name="question"
    )  # in which it was asked
    page = models.ForeignKey(LessonPage, null=True, on_delete=models.SET_NULL, related_name="questions")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN, db_index=True)
    answer = models.ForeignKey(Act, null=True, on_delete=models.SET_NULL, related_name="+")
    staff_question = models.ForeignKey(StaffQuestion, null=True, on_delete=models.SET_NULL, related_name="+")
    tries = models.PositiveSmallIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    settled = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.act.turn.question[:80]


class Decision(models.Model):
    """What the director saw, could choose from, chose and why; and what a person thinks would have been right."""

    classroom = models.ForeignKey(Classroom, on_delete=models.CASCADE, related_name="decisions")
    act = models.OneToOneField(Act, null=True, on_delete=models.SET_NULL, related_name="decision")
    state = models.JSONField()  # what the director saw
    candidates = models.JSONField()  # [{"agent", "act", "score"}], legal ones only
    chosen = models.PositiveSmallIntegerField()  # index into candidates
    reason = models.CharField(max_length=200)
    by = models.CharField(max_length=10)  # rule, model, code (where there was nothing to choose)
    better = models.PositiveSmallIntegerField(null=True)  # index of what would have been right
    marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.reason


class Note(models.Model):
    """What the note taker wrote down, with the line it rests on; a student keeps what they want."""

    classroom = models.ForeignKey(Classroom, on_delete=models.CASCADE, related_name="notes")
    act = models.ForeignKey(Act, null=True, on_delete=models.SET_NULL, related_name="notes")
    page = models.ForeignKey(LessonPage, null=True, on_delete=models.SET_NULL, related_name="notes")
    text = models.TextField(max_length=2000)
    url = models.CharField(max_length=300, blank=True)  # opens the source
    kept_by = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text[:80]
