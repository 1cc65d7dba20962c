"""A lesson: a script of pages, teaching actions and cited lines, made from material."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.urls import reverse

from courses.models import TEACHING, Course, Material, Passage
from tutor.jobs import Job, State
from tutor.practice.models import Item, Skill

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from tutor.accounts.models import User


class LessonQuerySet(models.QuerySet["Lesson"]):
    def published(self) -> LessonQuerySet:
        return self.filter(status=Lesson.Status.PUBLISHED)

    def readable_by(
        self, user: User | AnonymousUser, course: Course, *, as_student: bool = False
    ) -> LessonQuerySet:
        """The course's lessons that the user may see: all for those who teach; for students the published ones, all
        of whose material they may read today (also in a version that a newer one has replaced).
        """
        role = course.role_of(user)
        if not role:
            return self.none()
        rows = self.filter(course=course)
        if role in TEACHING and not as_student:
            return rows
        withheld = LessonPage.objects.filter(lesson=OuterRef("pk")).exclude(
            material__in=Material.objects.filter(course=course).released()
        )
        return rows.published().filter(~Exists(withheld))


class Lesson(models.Model):
    """One version of a lesson. Editable as a draft, frozen once published; a change is a new draft that `replaces` it."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        PUBLISHED = "published"
        RETIRED = "retired"  # a newer version took its place, or somebody withdrew it

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="lessons")
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT, db_index=True)
    version = models.PositiveIntegerField(default=1)
    replaces = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="replaced_by")
    materials = models.ManyToManyField(Material, related_name="lessons")
    stop_requested = models.BooleanField(default=False)  # of the making of its pages
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    published_at = models.DateTimeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    objects = LessonQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("classrooms:lesson", args=[self.course.slug, self.uuid])

    @property
    def editable(self) -> bool:
        return self.status == Lesson.Status.DRAFT

    @property
    def busy(self) -> bool:
        """Whether a page of it is being made, or waits for that."""
        return self.pages.filter(state__in=(State.QUEUED, State.RUNNING)).exists()

    def open_flags(self) -> int:
        return Line.objects.filter(action__page__lesson=self, flag=Line.Flag.OPEN).count()


class LessonPage(Job):
    """A slide, a page, a section or a stretch of a recording, and the job that writes its part of the script.

    The job's stages are write, verify, describe. A page that fails costs the lesson this page and no other.
    """

    DIED = "The worker died {attempts} times while writing this page. Redo it; if it dies again, write its script by hand."

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="pages")
    ordinal = models.PositiveIntegerField()
    material = models.ForeignKey(Material, null=True, on_delete=models.SET_NULL, related_name="lesson_pages")
    anchor = models.JSONField(default=dict)  # of the page as a whole, as passages have it
    start = models.PositiveIntegerField(default=0)  # offsets in the material's text
    end = models.PositiveIntegerField(default=0)
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)  # two or three sentences
    section = models.JSONField(default=list)  # its place in the section tree: titles, outermost first
    skills = models.ManyToManyField(Skill, related_name="lesson_pages", blank=True)
    passages = models.ManyToManyField(Passage, related_name="lesson_pages", blank=True)
    note = models.CharField(max_length=400, blank=True)  # how it was drafted, where that needs saying

    class Meta:
        ordering = ["ordinal"]
        constraints = [models.UniqueConstraint(fields=["lesson", "ordinal"], name="one_lesson_page_each")]

    def __str__(self) -> str:
        return self.title or f"Page {self.ordinal}"

    def enqueue(self) -> None:
        from tutor.classrooms.tasks import write_page

        write_page.delay(self.pk)

    def source_url(self) -> str:
        """The link that opens the material at this page; "" when the material is gone."""
        if self.material is None:
            return ""
        first = self.passages.order_by("ordinal").values_list("pk", flat=True).first()
        return self.material.source_url(first, self.start, self.end)


class Action(models.Model):
    """One teaching action of a page, in order."""

    class Kind(models.TextChoices):
        SHOW = "show"  # bring the page up
        POINT = "point"  # at `region`
        READ = "read"  # the lines, in order
        ASK = "ask"  # a question to the class (one line); the answer is not graded
        QUIZ = "quiz"  # an item, graded
        DISCUSS = "discuss"  # pause, let the class talk about the line, if there is one

    page = models.ForeignKey(LessonPage, on_delete=models.CASCADE, related_name="actions")
    ordinal = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    region = models.JSONField(default=dict)  # {"start", "end"}: offsets in the material's text
    item = models.ForeignKey(Item, null=True, on_delete=models.SET_NULL, related_name="actions")

    class Meta:
        ordering = ["ordinal"]

    def __str__(self) -> str:
        return f"{self.kind} {self.ordinal}"


class Line(models.Model):
    """A sentence of the script, with the citation it rests on, or flagged until a person settles it."""

    class Flag(models.TextChoices):
        NONE = "none"  # supported and cited, or no claim at all
        OPEN = "open"  # not supported by the material; keeps the lesson from being published
        ACCEPTED = "accepted"  # somebody answers for it by name

    action = models.ForeignKey(Action, on_delete=models.CASCADE, related_name="lines")
    ordinal = models.PositiveIntegerField()
    text = models.TextField(max_length=2000)
    claim = models.BooleanField(default=True)  # questions and transitions state nothing
    verdict = models.CharField(
        max_length=12, blank=True
    )  # supported, partial, unsupported; "" where nothing is claimed
    flag = models.CharField(max_length=10, choices=Flag.choices, default=Flag.NONE, db_index=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    settled_at = models.DateTimeField(null=True)
    passage = models.ForeignKey(Passage, null=True, on_delete=models.SET_NULL, related_name="lines")
    quote = models.TextField(blank=True)  # verbatim
    start = models.PositiveIntegerField(default=0)  # of the quote in the material's text
    end = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["ordinal"]

    def __str__(self) -> str:
        return self.text[:80]

    def source_url(self) -> str:
        """The link that opens the source at the words the line rests on; "" where there are none."""
        return self.passage.url(self.start, self.end) if self.passage is not None and self.quote else ""
