"""What people fill in about courses, material and enrolment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from courses.models import Course, Invitation, Material, Role
from tutor.llm.models import Endpoint


class CourseForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Course
        fields = ["title", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {"description": "One or two sentences that students read on their course page."}


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    endpoint = forms.ModelChoiceField(
        Endpoint.objects.enabled().order_by("name"),
        required=False,
        label="Model",
        empty_label="The site's default model",
        help_text="What writes the answers. The administrator adds models.",
    )

    class Meta:
        model = Course
        fields = ["title", "description", "agent_name", "guidance", "endpoint"]
        labels = {"agent_name": "Name of the course agent", "guidance": "How it should answer"}
        help_texts = {
            "guidance": "A sentence or two on tone, level and notation. It never overrides the rule that answers "
            "come from the material.",
        }
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "guidance": forms.Textarea(attrs={"rows": 3, "maxlength": 600}),
        }


class MaterialForm(forms.ModelForm):  # type: ignore[type-arg]
    release_at = forms.DateTimeField(
        required=False,
        label="Release to students on",
        help_text="Until then only those who teach see it. Leave empty to release it at once.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    class Meta:
        model = Material
        fields = ["title", "release_at", "hidden", "answer_key"]
        labels = {"hidden": "Hide from students", "answer_key": "Answer key"}
        help_texts = {
            "hidden": "Students neither see it nor get answers from it.",
            "answer_key": "It never reaches students: not as a source, not in an answer, whatever its release date.",
        }

    def save(self, commit: bool = True) -> Material:
        """Save, and let every version of the material be seen by the same people."""
        material: Material = super().save(commit)
        share_visibility(material)
        return material


def share_visibility(material: Material) -> None:
    """Give every version of the material the same visibility, and let the indexes know."""
    from courses.removal import versions

    Material.objects.filter(pk__in=[version.pk for version in versions(material)]).update(
        hidden=material.hidden, answer_key=material.answer_key, release_at=material.release_at
    )
    material.course.touch_index()


class InvitationForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, initial=Role.STUDENT, label="They join as")
    days = forms.TypedChoiceField(
        choices=[(7, "a week"), (30, "a month"), (180, "half a year"), (0, "until revoked")],
        coerce=int,
        initial=30,
        label="The link works for",
    )
    max_uses = forms.IntegerField(
        min_value=1,
        max_value=10_000,
        required=False,
        label="For at most",
        widget=forms.NumberInput(attrs={"placeholder": "any number"}),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("role") in (Role.STAFF, Role.INSTRUCTOR) and not data.get("max_uses"):
            data["max_uses"] = 1  # a link that lets one teach is for one person unless said otherwise
        return data

    def invitation(self, course: Course, created_by: Any) -> Invitation:
        """The invitation that the filled-in form describes, saved."""
        days = self.cleaned_data["days"]
        return Invitation.objects.create(
            course=course,
            role=self.cleaned_data["role"],
            expires=timezone.now() + timedelta(days=days) if days else None,
            max_uses=self.cleaned_data["max_uses"],
            created_by=created_by,
        )


class RosterForm(forms.Form):
    file = forms.FileField(
        required=False,
        label="Roster file",
        help_text="CSV with a column for e-mail addresses; names and roles are used if they are there.",
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
    )
    text = forms.CharField(
        required=False,
        label="Or paste it",
        widget=forms.Textarea(
            attrs={"rows": 5, "placeholder": "email,name,role\nada@example.org,Ada Lovelace,student"}
        ),
        max_length=2_000_000,
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors and not data.get("file") and not data.get("text", "").strip():
            raise forms.ValidationError("Choose a file or paste the roster.")
        return data

    def raw(self) -> bytes:
        """The roster as bytes, from the file if there is one."""
        file: UploadedFile[bytes] | None = self.cleaned_data["file"]
        if file is None:
            return str(self.cleaned_data["text"]).encode()
        raw: bytes = file.read(5_000_001)
        return raw
