"""A person's own page: name, a copy of their data, the end of their account."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from tutor.accounts.audit import note
from tutor.accounts.models import User
from tutor.accounts.own_data import collect, only_instructor_of


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["name"]
        help_texts = {"name": "As the people in your courses know you."}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


def own(request: HttpRequest) -> User:
    """The signed-in person. Pages are behind LoginRequiredMiddleware, so there is one."""
    assert isinstance(request.user, User)
    return request.user


def profile(request: HttpRequest) -> HttpResponse:
    """Name, ways to sign in, own data."""
    user = own(request)
    form = ProfileForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("accounts:profile")
    return render(
        request, "accounts/profile.html", {"form": form, "only_instructor_of": only_instructor_of(user)}
    )


@require_GET
def export(request: HttpRequest) -> JsonResponse:
    """Everything that is kept about the caller, as one JSON file."""
    user = own(request)
    note(request, "account.exported", user.email)
    response = JsonResponse(collect(user), json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="lyceum-my-data.json"'
    return response


@require_POST
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the caller's account and what hangs on it; the e-mail address has to be typed."""
    user = own(request)
    if request.POST.get("email", "").strip().lower() != user.email:
        messages.error(
            request, "The address did not match, so nothing was deleted. Type your e-mail address exactly."
        )
        return redirect("accounts:profile")
    if (
        user.is_superuser
        and not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists()
    ):
        messages.error(request, "You are the only administrator. Make somebody else administrator first.")
        return redirect("accounts:profile")
    if only_instructor_of(user):
        messages.error(request, "Some courses have no other instructor. Hand them over or delete them first.")
        return redirect("accounts:profile")
    note(request, "account.deleted", f"account {user.pk}")
    logout(request)
    user.delete()
    messages.success(request, "Your account and your conversations are deleted.")
    return redirect("account_login")
