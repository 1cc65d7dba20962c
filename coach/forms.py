"""What people fill in when they bring a lesson."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.utils import timezone

from coach import access
from coach.bringing import Fields
from coach.models import Observation
from courses.models import Course, Role
from tutor.accounts.models import User

ACCEPT = ".vtt,.srt,.csv,.tsv,.xlsx,.docx,.json,.txt,.md,audio/*,video/*"


class LessonForm(forms.Form):
    """A lesson on its way in. `user` brings it; coaches and admins may bring it for a teacher."""

    file = forms.FileField(
        required=False, label="Transcript or recording", widget=forms.FileInput(attrs={"accept": ACCEPT})
    )
    text = forms.CharField(
        required=False,
        label="Or paste the transcript",
        max_length=2_000_000,
        widget=forms.Textarea(
            attrs={"rows": 5, "placeholder": "Teacher: Why is a half more than a third?\nStudent A: Because…"}
        ),
    )
    keep_recording = forms.BooleanField(
        required=False,
        label="Keep the recording, so that I can listen to a moment from the report",
        help_text="Otherwise it is deleted once it has been written down. Voices cannot be made anonymous: only the teacher, and "
        "whoever brought the lesson, can play it.",
    )
    title = forms.CharField(
        required=False,
        max_length=200,
        label="Title",
        help_text="For example “Comparing fractions, second lesson”. No names.",
    )
    taught_on = forms.DateField(
        label="Taught on", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    subject = forms.CharField(required=False, max_length=100, label="Subject")
    grade = forms.CharField(required=False, max_length=60, label="Grade")
    goal_of_lesson = forms.CharField(
        required=False,
        max_length=300,
        label="What students were to learn",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    roster = forms.CharField(
        required=False,
        max_length=40_000,
        label="Names of the class",
        help_text="One a line, as you would write them; nicknames in brackets. They are replaced everywhere before anything is "
        "stored: Maya Johnson becomes Student A. Names in the speaker column are found by themselves; other names stay.",
        widget=forms.Textarea(
            attrs={"rows": 5, "placeholder": "Maya Johnson\nWilliam (Will) Chen", "autocomplete": "off"}
        ),
    )
    course = forms.ModelChoiceField(
        Course.objects.none(),
        required=False,
        label="And everybody enrolled in",
        empty_label="no course",
    )
    purpose = forms.ChoiceField(choices=Observation.Purpose.choices, label="What the report is for")
    teacher_email = forms.EmailField(
        required=False,
        label="Who taught it",
        help_text="The teacher’s e-mail address here. They see the report first and decide whether to share it. "
        "Empty: you taught it.",
    )
    consent = forms.BooleanField(
        label="Everybody who can be heard, or their parents where they are minors, agreed that this lesson is used in this way.",
        error_messages={"required": "Without this agreement the lesson cannot be brought."},
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["taught_on"].initial = timezone.localdate
        taught = Course.objects.taught_by(user).order_by("title")
        course = self.fields["course"]
        assert isinstance(course, forms.ModelChoiceField)
        course.queryset = taught
        if not taught.exists():
            del self.fields["course"]
        if not access.may_bring_for_others(user):
            del self.fields["teacher_email"]

    def clean_teacher_email(self) -> str:
        email: str = self.cleaned_data["teacher_email"].lower()
        if email and not User.objects.filter(email=email, is_active=True).exists():
            raise ValidationError(
                "Nobody here has this address. Ask the teacher for the one they sign in with."
            )
        return email

    def clean_taught_on(self) -> Any:
        day = self.cleaned_data["taught_on"]
        if day > timezone.localdate():
            raise ValidationError("This day is yet to come.")
        return day

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not data.get("file") and not data.get("text", "").strip() and "file" not in self.errors:
            self.add_error("file", "Choose a file, or paste the transcript below.")
        return data

    def teacher(self) -> User:
        """Who taught the lesson."""
        email = self.cleaned_data.get("teacher_email")
        return User.objects.get(email=email) if email else self.user

    def upload(self) -> File[Any]:
        """What was brought: the file, else the pasted text."""
        file: File[Any] | None = self.cleaned_data["file"]
        if file is not None:
            return file
        return ContentFile(self.cleaned_data["text"].encode(), name="transcript.txt")

    def brought(self) -> Fields:
        """What the person said about the lesson."""
        data = self.cleaned_data
        roster = data["roster"].split("\n")
        if data.get("course"):
            students = data["course"].enrolments.filter(role=Role.STUDENT).select_related("user")
            roster += [enrolment.user.name for enrolment in students if enrolment.user.name]
        return Fields(
            title=data["title"],
            taught_on=data["taught_on"],
            subject=data["subject"],
            grade=data["grade"],
            goal_of_lesson=data["goal_of_lesson"],
            purpose=data["purpose"],
            consent=data["consent"],
            roster=[line for line in roster if line.strip()],
            keep_recording=data["keep_recording"],
        )
