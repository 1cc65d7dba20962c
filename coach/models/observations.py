"""An observation: one observed class with its de-identified transcript."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from coach.talk import Transcript, Utterance, Voice, Word
from tutor.jobs import Job
from tutor.llm.models import cipher

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from tutor.accounts.models import User


def upload_path(observation: Observation, filename: str) -> str:
    """Where the uploaded file waits until it has been read; of the person's name for it only the ending is used."""
    return f"observations/{observation.uuid}/original{Path(filename).suffix.lower()[:12]}"


class ObservationQuerySet(models.QuerySet["Observation"]):
    def of_teacher(self, user: User | AnonymousUser) -> ObservationQuerySet:
        """The lessons in which the user taught."""
        return self.filter(teacher_id=user.pk) if user.pk else self.none()

    def editable_by(self, user: User | AnonymousUser) -> ObservationQuerySet:
        """Whose transcript the user may see and correct: the teacher, and who brought it for the teacher."""
        return self.filter(Q(teacher_id=user.pk) | Q(brought_by_id=user.pk)) if user.pk else self.none()

    def readable_by(self, user: User | AnonymousUser) -> ObservationQuerySet:
        """Whose report the user may read: the teacher's own, and for coaches and admins those that were shared."""
        if not user.pk:
            return self.none()
        own = Q(teacher_id=user.pk)
        if not (user.is_authenticated and (user.is_coach or user.is_superuser)):
            return self.filter(own)
        from coach.models.reports import Report

        shared = Report.objects.filter(observation=OuterRef("pk")).exclude(status=Report.Status.PRIVATE)
        return self.filter(own | Q(Exists(shared)))


class Observation(Job):
    """One observed class. The job reads (and, for a recording, transcribes) what was brought and takes names out.

    The job's stages are read, transcribe, names. Then a person checks who is who (`step`), and reports are made.
    """

    DIED = (
        "The worker died {attempts} times while reading this. Try a smaller file, or the transcript as text."
    )

    class Step(models.TextChoices):
        COLUMNS = "columns"  # a table whose columns a person has to name
        SPEAKERS = "speakers"  # who is the teacher, who are students: proposed, to be confirmed
        READY = "ready"  # can be scored

    class Purpose(models.TextChoices):
        GROWTH = "growth", "My own growth"
        COACHING = "coaching", "Work with a coach"
        RESEARCH = "research", "Research that its participants agreed to"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    teacher = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="observations"
    )
    brought_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    title = models.CharField(max_length=200)
    taught_on = models.DateField()
    subject = models.CharField(max_length=100, blank=True)
    grade = models.CharField(max_length=60, blank=True)
    goal_of_lesson = models.CharField(
        max_length=300, blank=True
    )  # what students were to learn, in the teacher's words
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.GROWTH)
    consent_at = models.DateTimeField(null=True)  # when the person who brought it declared the consent
    kind = models.CharField(max_length=12)  # see coach.readers.READERS
    file = models.FileField(
        upload_to=upload_path, max_length=255, blank=True
    )  # gone once the lesson has been read
    keep_recording = models.BooleanField(
        default=False
    )  # a recording stays, to be listened to from the report
    columns = models.JSONField(default=dict)  # {"speaker": name, "text": name, "start": name | "", "end": …}
    step = models.CharField(max_length=10, choices=Step.choices, default=Step.SPEAKERS)
    notes = models.JSONField(default=list)  # what reading had to say to the person, in words
    revision = models.PositiveIntegerField(default=1)  # moves when the transcript or its speakers are edited
    created = models.DateTimeField(auto_now_add=True)

    objects = ObservationQuerySet.as_manager()

    class Meta:
        ordering = ["-taught_on", "-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("coach:observation", args=[self.uuid])

    def enqueue(self) -> None:
        from coach.tasks import read_observation

        read_observation.delay(self.pk)

    def transcript(self) -> Transcript:
        """Its talk, as it stands in the database."""
        rows = self.utterances.select_related("speaker").order_by("line")
        return Transcript(tuple(row.utterance() for row in rows))


class Speaker(models.Model):
    """Who speaks in one observation, under a name that is nobody's."""

    observation = models.ForeignKey(Observation, on_delete=models.CASCADE, related_name="speakers")
    label = models.CharField(max_length=60)  # "Teacher", "Student A"
    voice = models.CharField(
        max_length=10, choices=[(voice.value, voice.value) for voice in Voice], default=Voice.OTHER.value
    )
    confirmed = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["observation", "label"], name="one_speaker_label")]

    def __str__(self) -> str:
        return self.label


class UtteranceRow(models.Model):
    """One line of a transcript as it is kept; `coach.talk.Utterance` is what is computed with."""

    observation = models.ForeignKey(Observation, on_delete=models.CASCADE, related_name="utterances")
    line = models.PositiveIntegerField()
    speaker = models.ForeignKey(Speaker, on_delete=models.CASCADE, related_name="utterances")
    text = models.TextField()
    start = models.PositiveIntegerField(null=True)  # milliseconds
    end = models.PositiveIntegerField(null=True)
    words = models.JSONField(default=list)  # [[text, start, end], …]

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["observation", "line"], name="one_utterance_a_line")]

    def __str__(self) -> str:
        return f"{self.line} {self.text[:60]}"

    def utterance(self) -> Utterance:
        return Utterance(
            line=self.line,
            speaker=self.speaker.label,
            voice=Voice(self.speaker.voice),
            text=self.text,
            start=self.start,
            end=self.end,
            words=tuple(Word(*word) for word in self.words),
        )


class NameMap(models.Model):
    """Which name stands behind which label, encrypted and apart from everything else. Deleting it loses nothing else."""

    observation = models.OneToOneField(Observation, on_delete=models.CASCADE, related_name="name_map")
    secret = models.BinaryField(default=b"", editable=False)

    def __str__(self) -> str:
        return f"names of {self.observation_id}"

    @property
    def names(self) -> dict[str, str]:
        """Name as it was brought -> label. Raises cryptography.fernet.InvalidToken after a change of SECRET_KEY."""
        return json.loads(cipher().decrypt(bytes(self.secret))) if self.secret else {}

    @names.setter
    def names(self, mapping: dict[str, str]) -> None:
        self.secret = cipher().encrypt(json.dumps(mapping).encode())

    def known(self) -> dict[str, str] | None:
        """`names`; None where nobody can read them any more, because SECRET_KEY has changed."""
        try:
            return self.names
        except InvalidToken:
            return None
