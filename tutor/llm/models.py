"""Endpoints that serve language models, what they were used for, and how much may be used."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q, Sum
from django.utils import timezone

if TYPE_CHECKING:
    from tutor.accounts.models import User

EMBEDDED = "Embedded model"
ENVIRONMENT = "Endpoint of the environment"


class HasEndpoint(Protocol):
    """A course, as this app sees it."""

    pk: Any

    @property
    def endpoint(self) -> Endpoint | None: ...


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def enabled(self) -> EndpointQuerySet:
        return self.filter(enabled=True)

    def default(self) -> Endpoint:
        """The endpoint that answers where a course names none.

        The one an admin made the default; else the one the environment names; else the embedded host.
        """
        return self.enabled().filter(is_default=True).order_by("pk").first() or self.of_settings()

    def seeing(self) -> Endpoint | None:
        """The endpoint that describes pictures: the default if it accepts them, else any that does."""
        default = self.default()
        return default if default.vision else self.enabled().filter(vision=True).order_by("pk").first()

    def of_settings(self) -> Endpoint:
        """The row for LLM_BASE_URL, or for the embedded host where it is empty; made and kept up to date here."""
        if settings.LLM_BASE_URL:
            name, wanted = (
                ENVIRONMENT,
                {
                    "base_url": settings.LLM_BASE_URL.rstrip("/"),
                    "model": settings.LLM_MODEL,
                    "capable": settings.LLM_CAPABLE,
                    "vision": settings.LLM_VISION,
                },
            )
        else:
            name, wanted = (
                EMBEDDED,
                {
                    "base_url": settings.HOST_URL,
                    "model": settings.HOST_MODEL,
                    "embedded": True,
                    "max_tokens": 220,
                    "temperature": 0.0,
                },
            )
        row, created = self.get_or_create(name=name, defaults=wanted)
        settled = ["base_url", "model"]  # the rest is the admin's to change
        if wanted.get("vision"):  # LLM_VISION=1 may come later than the row
            settled.append("vision")
        if not created and any(getattr(row, field) != wanted[field] for field in settled):
            for field in settled:
                setattr(row, field, wanted[field])
            row.save(update_fields=settled)
        return row

    def for_course(self, course: HasEndpoint, conversation: str = "", first: int | None = None) -> Endpoint:
        """The endpoint that answers for a course: the one on trial, for the share of conversations it was given; else the
        one the course chose, while it is enabled; else the default. `first` is the endpoint (its id) that answered the
        conversation first: while a trial lasts, whatever its share becomes, a conversation stays on its side.
        """
        trial = Trial.objects.running(course.pk)
        if trial is not None:
            tried = trial.takes(conversation) if first is None else first == trial.endpoint_id
            if tried:
                return trial.endpoint
        chosen = course.endpoint
        return chosen if chosen is not None and chosen.enabled else self.default()


class Endpoint(models.Model):
    """An OpenAI-compatible HTTP server that serves language models."""

    name = models.CharField(max_length=80, unique=True)
    base_url = models.URLField(help_text="Up to and including /v1")
    model = models.CharField(max_length=200)
    secret = models.BinaryField(blank=True, default=b"", editable=False)  # the API key, encrypted
    embedded = models.BooleanField(default=False, help_text="The model host that Lyceum starts itself")
    capable = models.BooleanField(
        default=False, help_text="Trusted to ground its own sentences: text streams before it is verified"
    )
    vision = models.BooleanField(default=False, help_text="Accepts images: figures are described")
    enabled = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    max_tokens = models.PositiveIntegerField(default=700)
    temperature = models.FloatField(default=0.2)
    timeout = models.PositiveIntegerField(
        default=60, help_text="Seconds without a byte before it counts as dead"
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = EndpointQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} ({self.model})"

    def clean(self) -> None:
        """An admin gives the address, but a slip must not turn the server against its own network."""
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValidationError(
                {"base_url": "Give an http or https address, such as http://localhost:11434/v1"}
            )
        if parts.username or parts.password:
            raise ValidationError(
                {"base_url": "Leave name and password out of the address; use the API key field."}
            )
        if parts.query or parts.fragment:
            raise ValidationError(
                {"base_url": "Leave out everything after the path, which usually ends in /v1."}
            )
        try:
            link_local = ipaddress.ip_address(parts.hostname).is_link_local
        except ValueError:
            link_local = False
        if link_local:
            raise ValidationError(
                {"base_url": "Link-local addresses are refused: no model server lives there."}
            )
        self.base_url = self.base_url.rstrip("/")

    @property
    def api_key(self) -> str:
        """The key in clear, "" where there is none; raises UnreadableKey."""
        if self.secret:
            try:
                return cipher().decrypt(bytes(self.secret)).decode()
            except InvalidToken:
                raise UnreadableKey(self) from None
        from_environment = settings.LLM_BASE_URL and self.base_url == settings.LLM_BASE_URL.rstrip("/")
        return str(settings.LLM_API_KEY) if from_environment else ""

    @api_key.setter
    def api_key(self, key: str) -> None:
        self.secret = cipher().encrypt(key.encode()) if key else b""


class UnreadableKey(Exception):
    """The stored API key was encrypted with another SECRET_KEY."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(
            f"The API key of “{endpoint.name}” cannot be read, because SECRET_KEY has changed. Enter the key again."
        )


def cipher() -> MultiFernet:
    """What secrets in rows are encrypted with; keys follow SECRET_KEY and SECRET_KEY_FALLBACKS."""
    keys = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    derive = (hashlib.sha256(f"lyceum endpoint key:{key}".encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in derive])


class TrialQuerySet(models.QuerySet["Trial"]):
    def running(self, course_id: int) -> Trial | None:
        """The trial of a course that has not ended, while its endpoint is enabled."""
        rows = self.filter(course_id=course_id, ended=None, endpoint__enabled=True)
        return rows.select_related("endpoint").order_by("-pk").first()


class Trial(models.Model):
    """An endpoint, often a trained adapter's, that answers all or a share of a course's conversations in place of its own."""

    course_id = models.BigIntegerField(db_index=True)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="trials")
    share = models.FloatField(default=1.0)  # 0..1 of the conversations
    begun = models.DateTimeField(default=timezone.now)
    ended = models.DateTimeField(null=True)

    objects = TrialQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["course_id"], condition=Q(ended=None), name="one_trial_a_course")
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} for {self.share:.0%}"

    def takes(self, conversation: str) -> bool:
        """Whether a conversation is among those that the trial answers; always the same for the same one."""
        if self.share >= 1:
            return True
        digest = hashlib.sha256(f"{self.pk}:{conversation}".encode()).digest()
        return bool(conversation) and int.from_bytes(digest[:4], "big") < self.share * 2**32


class UsageQuerySet(models.QuerySet["Usage"]):
    def today(self) -> UsageQuerySet:
        """Since midnight in TIME_ZONE."""
        midnight = datetime.combine(timezone.localdate(), time.min, tzinfo=timezone.get_current_timezone())
        return self.filter(created__gte=midnight)

    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        sums = self.aggregate(prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
        return (sums["prompt"] or 0) + (sums["completion"] or 0)


class Usage(models.Model):
    """Tokens one request cost. Courses are named by id only: this app knows nothing of them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    course_id = models.BigIntegerField(null=True, db_index=True)
    endpoint = models.ForeignKey(Endpoint, null=True, on_delete=models.SET_NULL, related_name="+")
    model = models.CharField(max_length=200)
    purpose = models.CharField(max_length=40, default="chat")
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = UsageQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.purpose}: {self.prompt_tokens} + {self.completion_tokens} tokens on {self.model}"

    def settle(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Put what a reserved request really cost in place of what was reserved for it."""
        self.prompt_tokens, self.completion_tokens = prompt_tokens, completion_tokens
        self.save(update_fields=["prompt_tokens", "completion_tokens"])


@dataclass(frozen=True)
class Allowance:
    """Whether more tokens may be used today; the reason is for the person who is refused."""

    left: int | None  # tokens, None without a limit
    reason: str = ""

    def __bool__(self) -> bool:
        return self.left is None or self.left > 0


class QuotaExceeded(Exception):
    """No tokens are left today; the message tells the person so."""


class QuotaQuerySet(models.QuerySet["Quota"]):
    def limiting(self, user: User | None, course_id: int | None) -> list[Quota]:
        """The quotas that bind this person in this course, each measured on its own sum."""
        person = Q(user=user) if user is not None else Q(pk=None)
        rows = list(self.filter(Q(user=None) | person, Q(course_id=None) | Q(course_id=course_id)))
        has_own = any(row.user_id is not None and row.course_id is None for row in rows)
        return [row for row in rows if not (row.for_everybody and (has_own or user is None))]


class Quota(models.Model):
    """Tokens a day: of a user, of a course, of a user in a course, or (neither) of each user without a row."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE)
    course_id = models.BigIntegerField(null=True, blank=True)
    tokens_per_day = models.PositiveBigIntegerField()

    objects = QuotaQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "course_id"], name="one_quota_each", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        whose = f"user {self.user_id}" if self.user_id else "course" if self.course_id else "each user"
        return f"{self.tokens_per_day} tokens a day for {whose}"

    @property
    def for_everybody(self) -> bool:
        return self.user_id is None and self.course_id is None

    def spent(self, user: User | None) -> int:
        """Tokens used today of what this quota limits; for the quota of everybody, by this user."""
        usage = Usage.objects.today()
        if self.course_id is not None:
            usage = usage.filter(course_id=self.course_id)
        if self.user_id is not None or self.for_everybody:
            usage = usage.filter(user=user)
        return usage.tokens()

    @classmethod
    def allows(cls, user: User | None, course_id: int | None) -> Allowance:
        """What is left today. Only a look: to hold tokens against requests at the same moment, `reserve`."""
        tightest = Allowance(left=None)
        for quota in cls.objects.limiting(user, course_id):
            left = quota.tokens_per_day - quota.spent(user)
            if tightest.left is None or left < tightest.left:
                whose = "This course has" if quota.user_id is None and quota.course_id else "You have"
                reason = (
                    f"{whose} used today's {quota.tokens_per_day:,} tokens. They are there again after midnight; "
                    "an administrator can raise the limit."
                )
                tightest = Allowance(left=max(left, 0), reason=reason)
        return tightest

    @classmethod
    def reserve(
        cls,
        user: User | None,
        course_id: int | None,
        tokens: int,
        *,
        endpoint: Endpoint,
        purpose: str = "chat",
    ) -> Usage:
        """Enter `tokens` as used before a request is sent, so that requests at the same moment cannot overdraw.

        Call `settle` on the row that comes back with what it really cost; raises QuotaExceeded.
        """
        with transaction.atomic():
            # Locks the rows on PostgreSQL; on SQLite every transaction here is exclusive from its start.
            limiting = [quota.pk for quota in cls.objects.limiting(user, course_id)]
            list(cls.objects.select_for_update().filter(pk__in=limiting).order_by("pk"))
            allowance = cls.allows(user, course_id)
            if not allowance:
                raise QuotaExceeded(allowance.reason)
            return record_usage(user, course_id, endpoint, completion_tokens=tokens, purpose=purpose)


def record_usage(
    user: User | None,
    course_id: int | None,
    endpoint: Endpoint,
    *,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    model: str = "",
    purpose: str = "chat",
) -> Usage:
    """Enter what one request cost in the ledger."""
    return Usage.objects.create(
        user=user,
        course_id=course_id,
        endpoint=endpoint if endpoint.pk else None,
        model=model or endpoint.model,
        purpose=purpose,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )
