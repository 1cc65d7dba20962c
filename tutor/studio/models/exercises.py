"""Coding exercises, and what students hand in for them."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse

from courses.models import Course, Passage
from tutor.jobs import Job
from tutor.practice.models import Item, Skill
from tutor.studio.exercises.running import LARGEST, Language


class ExerciseQuerySet(models.QuerySet["Exercise"]):
    def kept(self) -> ExerciseQuerySet:
        """What students may solve."""
        return self.filter(standing=Exercise.Standing.KEPT, passed=True)


class Exercise(Job):
    """A program to write, with a solution and the tests that show it; and the job that verifies it.

    The job's state says how far the verification is; `passed` what came of it (None: not verified as it stands now), and
    `standing` what a person decided. Nobody can keep what has not passed.
    """

    DIED = "The worker died {attempts} times while verifying this exercise. Verify it again; if it goes on, simplify it."

    class Standing(models.TextChoices):
        PROPOSED = "proposed"
        KEPT = "kept"
        REJECTED = "rejected"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="exercises")
    title = models.CharField(max_length=120)
    language = models.CharField(
        max_length=10,
        choices=[(one.value, one.capitalize()) for one in Language],
        default=Language.PYTHON.value,
    )
    prompt = models.TextField(max_length=8_000)
    starter = models.TextField(blank=True, max_length=LARGEST)
    solution = models.TextField(max_length=LARGEST)
    tests = models.TextField(max_length=LARGEST)
    hint = models.TextField(blank=True, max_length=2_000)
    skill = models.ForeignKey(
        Skill, null=True, blank=True, on_delete=models.SET_NULL, related_name="exercises"
    )
    passages = models.ManyToManyField(Passage, related_name="exercises", blank=True)
    standing = models.CharField(
        max_length=10, choices=Standing.choices, default=Standing.PROPOSED, db_index=True
    )
    passed = models.BooleanField(null=True)
    mutants = models.PositiveSmallIntegerField(default=0)
    killed = models.PositiveSmallIntegerField(default=0)
    versions = models.PositiveSmallIntegerField(default=0)  # that were tried, repairs included
    refusal = models.TextField(blank=True)  # why it may not be kept
    survivors = models.JSONField(default=list)  # wrong solutions that its tests did not notice, in words
    repair = models.BooleanField(
        default=False
    )  # the next verification may have a capable endpoint rewrite it
    made_how = models.CharField(max_length=120, blank=True)
    item = models.OneToOneField(
        Item, null=True, editable=False, on_delete=models.SET_NULL, related_name="exercise"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = ExerciseQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("exercises:exercise", args=[self.course.slug, self.uuid])

    def enqueue(self) -> None:
        from tutor.studio.tasks import verify_exercise

        verify_exercise.delay(self.pk)

    def verify(self, *, repair: bool = False) -> None:
        """Forget what was found and verify it as it stands now. A kept exercise is proposed again until it has passed."""
        if self.standing == self.Standing.KEPT:
            self.standing = self.Standing.PROPOSED
        self.passed, self.refusal, self.survivors, self.repair = None, "", [], repair
        self.mutants = self.killed = self.versions = 0
        with transaction.atomic():
            self.save()
            self.show_skill()
            self.queue()

    def decide(self, standing: str) -> None:
        """Keep or reject it. Raises ValueError for keeping what has not passed."""
        if standing == self.Standing.KEPT and not self.passed:
            raise ValueError("Only an exercise whose tests have been verified can be kept.")
        self.standing = standing
        with transaction.atomic():
            if standing == self.Standing.KEPT and self.skill is None and self.examples.exists():
                self.skill = self.skill_of_section()
            self.save(update_fields=["standing", "skill"])
            self.show_skill()

    def as_json(self) -> dict[str, Any]:
        """As it is exported with a dataset; what `exercises verify` takes."""
        return {
            "id": str(self.uuid),
            "title": self.title,
            "language": self.language,
            "prompt": self.prompt,
            "starter": self.starter,
            "solution": self.solution,
            "tests": self.tests,
            "hint": self.hint,
            "mutants": self.mutants,
            "killed": self.killed,
        }

    def skill_of_section(self) -> Skill | None:
        """For an exercise that a dataset brought: a skill of the passage it was made of, or else one named as its section."""
        passage = self.passages.first()
        if passage is None:
            return None
        known = Skill.objects.filter(course=self.course, passages=passage).first()
        if known is not None:
            return known
        name = str(passage.heading_path[-1]) if passage.heading_path else self.title
        skill, _ = Skill.objects.get_or_create(course=self.course, name=name[:120])
        skill.passages.add(passage)
        return skill

    def show_skill(self) -> None:
        """Bring the item through which attempts count for the skill up to date: there while the exercise is kept."""
        shown = self.standing == self.Standing.KEPT and self.skill is not None
        values: dict[str, Any] = {
            "state": Item.State.READY if shown else Item.State.RETIRED,
            "prompt": f"{self.title}. {self.prompt}"[:2000],
        }
        if self.skill is not None:
            values["skill"] = self.skill
        if self.item is not None:
            Item.objects.filter(pk=self.item.pk).update(**values)
        elif shown:
            passage = self.passages.select_related("material").first()
            place = {"passage": passage, "material": passage.material} if passage is not None else {}
            self.item = Item.objects.create(course=self.course, kind=Item.Kind.CODE, **values, **place)
            self.save(update_fields=["item"])


class ExerciseAttempt(Job):
    """What a person handed in for an exercise, and the job that runs its tests."""

    DIED = "The worker died {attempts} times while running your program. Run it again; if it goes on, tell your instructor."

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    exercise = models.ForeignKey(Exercise, on_delete=models.CASCADE, related_name="tries")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exercise_attempts"
    )
    code = models.TextField(max_length=LARGEST)
    passed = models.BooleanField(null=True)
    results = models.JSONField(default=list)  # [{"name", "passed", "note"}], as its person is shown them
    trouble = models.TextField(blank=True)  # why there are no results, or not all
    hint = models.TextField(blank=True)
    printed = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.user}: {self.exercise}"

    def enqueue(self) -> None:
        from tutor.studio.tasks import try_exercise

        try_exercise.delay(self.pk)

    @property
    def share(self) -> float:
        """The share of tests that passed."""
        return sum(bool(row["passed"]) for row in self.results) / len(self.results) if self.results else 0.0

    def as_json(self) -> dict[str, Any]:
        """What its person's page shows of it."""
        return {
            "attempt": str(self.uuid),
            "state": self.state,
            "error": self.error,
            "passed": self.passed,
            "results": self.results,
            "trouble": self.trouble,
            "hint": self.hint,
            "printed": self.printed,
        }
