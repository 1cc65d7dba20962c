"""What admins fill in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from courses.models import Course
from tutor.accounts.models import User
from tutor.llm.models import Endpoint, Quota


class NewPersonForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["email", "name", "may_create_courses"]
        labels = {"may_create_courses": "May create courses"}

    def clean_email(self) -> str:
        """One spelling an address."""
        return str(self.cleaned_data["email"]).lower()

    def save(self, commit: bool = True) -> User:
        """A person without a password: they set one by a link, or sign in by code or single sign-on."""
        return User.objects.create_user(**self.cleaned_data)


class RolesForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["name", "is_active", "may_create_courses", "is_coach", "is_superuser"]
        labels = {
            "is_active": "May sign in",
            "may_create_courses": "May create courses",
            "is_coach": "Coach",
            "is_superuser": "Administrator",
        }
        help_texts = {
            "is_active": "Untick to keep the person out without deleting anything.",
            "is_superuser": "Sees and changes everything on this site.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        keeps = data.get("is_superuser") and data.get("is_active")
        others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=self.instance.pk)
        was_admin = User.objects.filter(pk=self.instance.pk, is_superuser=True, is_active=True).exists()
        if was_admin and not keeps and not others.exists():
            raise ValidationError("This is the only administrator. Make somebody else administrator first.")
        return data

    def save(self, commit: bool = True) -> User:
        """Administrators may also use Django's own admin, for repairs."""
        self.instance.is_staff = self.cleaned_data["is_superuser"]
        user: User = super().save(commit)
        return user


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    api_key = forms.CharField(
        required=False,
        label="API key",
        help_text="Kept encrypted and never shown again. Leave empty to keep the one that is stored.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        max_length=1000,
    )
    forget_key = forms.BooleanField(required=False, label="Forget the stored key")

    class Meta:
        model = Endpoint
        fields = [
            "name", "base_url", "model", "api_key", "forget_key", "capable", "vision", "enabled", "is_default",
            "max_tokens", "temperature", "timeout",
        ]  # fmt: skip
        labels = {
            "base_url": "Address",
            "capable": "Capable",
            "vision": "Accepts images",
            "enabled": "In use",
            "is_default": "The site's default",
            "max_tokens": "Longest answer, in tokens",
            "timeout": "Give up after, in seconds",
        }
        help_texts = {
            "model": "As the server names it.",
            "is_default": "Answers in every course that names no other model.",
            "temperature": "0 is the most sober; 0.2 suits teaching.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not (self.instance.pk and self.instance.secret):
            del self.fields["forget_key"]

    def save(self, commit: bool = True) -> Endpoint:
        """Save the endpoint and, if one was given, its key; there is one default at most."""
        if self.cleaned_data["api_key"]:
            self.instance.api_key = self.cleaned_data["api_key"]
        elif self.cleaned_data.get("forget_key"):
            self.instance.api_key = ""
        endpoint: Endpoint = super().save(commit)
        if endpoint.is_default:
            Endpoint.objects.exclude(pk=endpoint.pk).update(is_default=False)
        return endpoint


class QuotaForm(forms.Form):
    whom = forms.ChoiceField(
        choices=[
            ("everybody", "Everybody, each"),
            ("user", "One person"),
            ("course", "One course"),
            ("both", "One person in one course"),
        ],
        label="For",
    )
    email = forms.EmailField(required=False, label="E-mail of the person")
    course = forms.ModelChoiceField(Course.objects.order_by("title"), required=False)
    tokens_per_day = forms.IntegerField(
        min_value=0,
        max_value=10**12,
        label="Tokens a day",
        help_text="A question with its answer takes about 1,000.",
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        whom = data.get("whom")
        if whom in ("user", "both"):
            data["user"] = User.objects.filter(email=(data.get("email") or "").lower()).first()
            if data["user"] is None:
                self.add_error("email", "Nobody here has this address.")
        if whom in ("course", "both") and not data.get("course"):
            self.add_error("course", "Choose the course.")
        return data

    def save(self) -> Quota:
        """Set the quota, in place of one for the same person and course."""
        data = self.cleaned_data
        course = data["course"].pk if data["whom"] in ("course", "both") else None
        quota, _ = Quota.objects.update_or_create(
            user=data.get("user"), course_id=course, defaults={"tokens_per_day": data["tokens_per_day"]}
        )
        return quota
