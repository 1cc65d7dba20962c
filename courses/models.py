"""Courses, who is in them, and the material they rest on."""

from __future__ import annotations

import secrets
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from tutor.jobs import Job, State

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from tutor.accounts.models import User


class Role(models.TextChoices):
    STUDENT = "student"
    STAFF = "staff"  # a human teaching assistant
    INSTRUCTOR = "instructor"


TEACHING = (Role.STAFF, Role.INSTRUCTOR)


class CourseQuerySet(models.QuerySet["Course"]):
    def visible_to(self, user: User | AnonymousUser) -> CourseQuerySet:
        """Courses the user is enrolled in. Admins see every course."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(Exists(Enrolment.objects.filter(course=OuterRef("pk"), user=user)))

    def taught_by(self, user: User | AnonymousUser) -> CourseQuerySet:
        """Courses in which the user is staff or instructor. Admins teach everywhere."""
        if not user.is_authenticated:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(
            Exists(Enrolment.objects.filter(course=OuterRef("pk"), user=user, role__in=TEACHING))
        )


class Course(models.Model):
    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=150)
    description = models.TextField(blank=True)
    agent_name = models.CharField(max_length=60, default="Course agent")
    guidance = models.TextField(
        blank=True,
        max_length=600,
        help_text="How the agent should answer, in a sentence or two: tone, level, notation",
    )
    endpoint = models.ForeignKey(
        "llm.Endpoint", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    index_version = models.PositiveBigIntegerField(default=0)  # moves with every change to what can be found
    archived = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = CourseQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.slug:
            stem = slugify(self.title)[:60] or "course"
            taken = Course.objects.filter(slug=stem).exists()
            self.slug = f"{stem}-{secrets.token_hex(2)}" if taken else stem
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("chat:course", args=[self.slug])

    def role_of(self, user: User | AnonymousUser) -> str:
        """The user's role in this course, "" for none. Admins act as instructors."""
        if not user.is_authenticated:
            return ""
        if user.is_superuser:
            return Role.INSTRUCTOR
        return self.enrolments.filter(user=user).values_list("role", flat=True).first() or ""

    def touch_index(self) -> None:
        """Tell every process that this course's search indexes are out of date."""
        Course.objects.filter(pk=self.pk).update(index_version=F("index_version") + 1)


class Enrolment(models.Model):
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="enrolments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="enrolments")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.STUDENT)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["course", "user"], name="one_enrolment_each")]

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"


def new_token() -> str:
    """What nobody guesses: 192 bits, fit for a link."""
    return secrets.token_urlsafe(24)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def usable(self) -> InvitationQuerySet:
        return self.filter(
            Q(expires=None) | Q(expires__gt=timezone.now()),
            Q(max_uses=None) | Q(uses__lt=F("max_uses")),
            revoked=False,
            course__archived=False,
        )


class Invitation(models.Model):
    """A link that enrols whoever opens it, or only the person with `email` where one is named."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="invitations")
    token = models.CharField(max_length=43, unique=True, default=new_token, editable=False)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.STUDENT)
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=150, blank=True)
    expires = models.DateTimeField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)
    revoked = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.role} link {self.token[:6]}…"

    def get_absolute_url(self) -> str:
        return reverse("courses:join", args=[self.token])


class MaterialQuerySet(models.QuerySet["Material"]):
    def current(self) -> MaterialQuerySet:
        """Without versions that a newer one has replaced."""
        return self.filter(superseded=False)

    def readable_by(
        self, user: User | AnonymousUser, course: Course, *, as_student: bool = False
    ) -> MaterialQuerySet:
        """What the user may open in the course: all of it for those who teach, what was released for students."""
        role = course.role_of(user)
        if not role:
            return self.none()
        rows = self.filter(course=course)
        if role in TEACHING and not as_student:
            return rows
        return rows.released().current()

    def released(self) -> MaterialQuerySet:
        """What any student of its course may see today."""
        return self.filter(
            Q(release_at=None) | Q(release_at__lte=timezone.now()), hidden=False, answer_key=False
        )


def upload_path(material: Material, filename: str) -> str:
    """Where an original is stored; of the person's name for it only the ending is used."""
    return f"materials/{material.uuid}/original{Path(filename).suffix.lower()[:12]}"


def captions_path(material: Material, filename: str) -> str:
    """Where a recording's captions are stored."""
    return f"materials/{material.uuid}/captions{Path(filename).suffix.lower()[:12]}"


class Material(Job):
    """One uploaded file and the job that reads it. Immutable once read; a new version is a new row.

    The job's stages are read, split, embed, index. While it runs, what was read so far can be found.
    """

    class Origin(models.TextChoices):
        UPLOAD = "upload"
        ANSWER = "answer"  # written by the course staff: a correction, a pinned answer, a reply to a student

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="materials")
    title = models.CharField(max_length=200)
    filename = models.CharField(max_length=255)  # as the person named it
    kind = models.CharField(max_length=12, blank=True)  # a key of courses.readers.READERS; "" until sniffed
    file = models.FileField(upload_to=upload_path, max_length=255)
    captions = models.FileField(  # VTT or SRT of a recording, which then needs no speech recognition
        upload_to=captions_path, max_length=255, blank=True
    )
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.UPLOAD)
    version = models.PositiveIntegerField(default=1)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by"
    )
    refined = models.BooleanField(
        default=False
    )  # its propositions have their vectors, which comes after reading
    superseded = models.BooleanField(default=False)  # set when the version that replaces it has been read
    position = models.PositiveIntegerField(default=0)
    hidden = models.BooleanField(default=False)
    answer_key = models.BooleanField(default=False)
    release_at = models.DateTimeField(null=True, blank=True)
    meta = models.JSONField(default=dict, blank=True)  # pages, slides, duration_ms, read_ms, figures, …
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = MaterialQuerySet.as_manager()

    class Meta:
        ordering = ["position", "created"]

    def __str__(self) -> str:
        return self.title

    def enqueue(self) -> None:
        from courses.tasks import ingest_material

        ingest_material.delay(self.pk)

    @property
    def is_ready(self) -> bool:
        return self.state == State.DONE

    @property
    def is_released(self) -> bool:
        return (
            not self.hidden
            and not self.answer_key
            and (self.release_at is None or self.release_at <= timezone.now())
        )

    @property
    def folder(self) -> Path:
        """Where a reader puts the pictures that it takes out of the file: this machine's disk, until `keep_pictures`."""
        return Path(settings.MEDIA_ROOT) / "materials" / str(self.uuid)

    def stored(self) -> list[str]:
        """What the storage holds of the material: the original, captions, pictures. Names as the storage has them."""
        folder = f"materials/{self.uuid}"
        try:
            return [f"{folder}/{name}" for name in self.file.storage.listdir(folder)[1]]
        except FileNotFoundError:
            return []

    def picture(self, name: str) -> bytes:
        """A picture that was taken out of the file. Raises FileNotFoundError."""
        with self.file.storage.open(f"materials/{self.uuid}/{name}") as stream:
            content: bytes = stream.read()
        return content

    def keep_pictures(self) -> None:
        """Bring the pictures to where the original is, if that is an object storage."""
        storage = self.file.storage
        if isinstance(storage, FileSystemStorage) or not self.folder.is_dir():
            return
        for path in self.folder.glob("*.png"):
            with path.open("rb") as stream:
                storage.save(f"materials/{self.uuid}/{path.name}", File(stream))
        shutil.rmtree(self.folder)

    def discard_pictures(self) -> None:
        """Remove the pictures that an attempt to read the file took out of it."""
        for name in self.stored():
            if name.endswith(".png") and not Path(name).name.startswith("original"):
                self.file.storage.delete(name)
        if not isinstance(self.file.storage, FileSystemStorage):
            shutil.rmtree(self.folder, ignore_errors=True)

    def get_absolute_url(self) -> str:
        return reverse("courses:material", args=[self.course.slug, self.uuid])

    def source_url(self, passage: int | None = None, start: int | None = None, end: int | None = None) -> str:
        """The link that opens this material at a passage and marks the characters start–end of its text."""
        url = reverse("courses:source", args=[self.course.slug, self.uuid])
        query = [
            f"{key}={value}" for key, value in (("p", passage), ("s", start), ("e", end)) if value is not None
        ]
        return f"{url}?{'&'.join(query)}" if query else url


class Extract(models.Model):
    """The text of a material as it was read, and the blocks it is made of.

    blocks: [{"kind", "start", "end", "anchor", "level", "data"}], start and end being offsets in `text`.
    """

    material = models.OneToOneField(Material, on_delete=models.CASCADE, related_name="extract")
    text = models.TextField()
    blocks = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{len(self.text)} characters"


class PassageQuerySet(models.QuerySet["Passage"]):
    def readable_by(
        self, user: User | AnonymousUser, course: Course, *, as_student: bool = False
    ) -> PassageQuerySet:
        """Passages of what the user may open. Replaced versions are never found, not even by those who teach."""
        materials = Material.objects.readable_by(user, course, as_student=as_student).current()
        return self.filter(course=course, material__in=materials)

    def for_agent(self, course: Course) -> PassageQuerySet:
        """What the agent may tell any student of the course."""
        return self.filter(
            course=course, material__in=Material.objects.filter(course=course).released().current()
        )


class Passage(models.Model):
    """A retrieval unit of a material's text, with the anchor of its origin."""

    material = models.ForeignKey(Material, on_delete=models.CASCADE, related_name="passages")
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="passages")  # of the material
    ordinal = models.PositiveIntegerField()
    kind = models.CharField(
        max_length=12, default="text"
    )  # text, formula, code, table, figure, speech, answer
    text = models.TextField()
    start = models.PositiveIntegerField()  # offsets in the material's text
    end = models.PositiveIntegerField()
    heading_path = models.JSONField(default=list)
    anchor = models.JSONField(default=dict)
    pinned = models.BooleanField(default=False)  # a staff answer: ranks before the rest
    vector = models.BinaryField(null=True)  # float16 [384], unit length

    objects = PassageQuerySet.as_manager()

    class Meta:
        ordering = ["material", "ordinal"]
        constraints = [models.UniqueConstraint(fields=["material", "ordinal"], name="one_passage_each")]

    def __str__(self) -> str:
        return self.label

    def url(self, start: int | None = None, end: int | None = None) -> str:
        return self.material.source_url(self.pk, start, end)

    @property
    def label(self) -> str:
        """Where the passage stands, for a person: "Lecture 2, slide 4"."""
        return f"{self.material.title}, {place(self.anchor, self.heading_path)}".rstrip(", ")


class Proposition(models.Model):
    """One self-contained claim taken from a passage; start and end are offsets in the passage's text."""

    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="propositions")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    vector = models.BinaryField(null=True)  # float16 [384], unit length

    def __str__(self) -> str:
        return self.text


def place(anchor: dict[str, Any], heading_path: list[str]) -> str:
    """An anchor in words: "p. 3", "slide 4", "12:05", "cell 7", or the nearest heading."""
    if "page" in anchor:
        return f"p. {anchor['page']}"
    if "slide" in anchor:
        return f"slide {anchor['slide']}"
    if "start_ms" in anchor:
        seconds = anchor["start_ms"] // 1000
        hours, rest = divmod(seconds, 3600)
        return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    if "cell" in anchor:
        return f"cell {anchor['cell']}"
    path = heading_path or anchor.get("path") or []
    return str(path[-1]) if path else ""
