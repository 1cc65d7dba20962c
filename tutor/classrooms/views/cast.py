"""The cast of a course: who acts in its classrooms beside its people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from courses import access
from courses.models import Course
from tutor.accounts.audit import note
from tutor.classrooms import cast as casting
from tutor.classrooms.models import Agent, Function
from tutor.llm.models import Endpoint


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]
    """An agent as those who teach may change it."""

    class Meta:
        model = Agent
        fields = ["name", "function", "character", "endpoint", "model", "talkativeness"]
        widgets = {
            "character": forms.Textarea(attrs={"rows": 3}),
            "talkativeness": forms.NumberInput(
                attrs={"type": "range", "min": "0", "max": "1", "step": "0.1"}
            ),
        }
        help_texts = {
            "character": "How they speak, in a sentence or two.",
            "endpoint": "The course's own where none is chosen.",
            "model": "A model of that endpoint, for example an adapter; its own where this is empty.",
            "talkativeness": "From “speaks only when needed” to “as often as allowed”.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        endpoint = self.fields["endpoint"]
        assert isinstance(endpoint, forms.ModelChoiceField)
        endpoint.queryset = Endpoint.objects.enabled()
        endpoint.required = False
        endpoint.empty_label = "The course's own"

    def clean_talkativeness(self) -> float:
        """Between 0 and 1."""
        return min(max(float(self.cleaned_data["talkativeness"]), 0.0), 1.0)

    def clean_name(self) -> str:
        """One name for each."""
        name = " ".join(str(self.cleaned_data["name"]).split())
        if (
            Agent.objects.filter(course_id=self.instance.course_id, name=name)
            .exclude(pk=self.instance.pk)
            .exists()
        ):
            raise forms.ValidationError("Somebody of that name is in the cast already.")
        return name


@require_http_methods(["GET", "POST"])
def cast(request: HttpRequest, slug: str) -> HttpResponse:
    """The cast, and a form for one more."""
    course = access.course_taught(request, slug)
    casting.of(course)
    form = AgentForm(request.POST or None, instance=Agent(course=course))
    if request.method == "POST" and form.is_valid():
        form.instance.ordinal = (course.agents.aggregate(last=Max("ordinal"))["last"] or 0) + 1
        agent = form.save()
        note(request, "agent.added", agent.name, course_id=course.pk)
        messages.success(request, f"{agent.name} is in the cast.")
        return redirect("classrooms:cast", slug)
    agents = list(course.agents.select_related("endpoint").order_by("-active", "ordinal"))
    context = {"agents": agents, "form": form, "adding": request.method == "POST", "section": "lessons"}
    return render(request, "classrooms/cast.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def agent(request: HttpRequest, slug: str, agent: int) -> HttpResponse:
    """Change one agent."""
    course = access.course_taught(request, slug)
    found = get_object_or_404(course.agents, pk=agent)
    form = AgentForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        if (
            found.active
            and Agent.objects.get(pk=found.pk).function != found.function
            and _only_teacher(course, found.pk)
        ):
            form.add_error("function", "Somebody has to teach. Give another agent that function first.")
        else:
            form.save()
            note(request, "agent.changed", found.name, course_id=course.pk, fields=form.changed_data)
            messages.success(request, f"{found.name} saved.")
            return redirect("classrooms:cast", slug)
    context = {"agent": found, "form": form, "section": "lessons"}
    return render(request, "classrooms/agent.html", context, status=422 if form.errors else 200)


@require_POST
def agent_act(request: HttpRequest, slug: str, agent: int) -> HttpResponse:
    """Let an agent take part, or no longer."""
    course = access.course_taught(request, slug)
    found = get_object_or_404(course.agents, pk=agent)
    active = request.POST.get("action") == "activate"
    if not active and _only_teacher(course, found.pk):
        messages.error(request, "Somebody has to teach. Let another agent do so first.")
    else:
        course.agents.filter(pk=found.pk).update(active=active)
        note(request, "agent.activated" if active else "agent.deactivated", found.name, course_id=course.pk)
        messages.success(
            request, f"{found.name} {'takes' if active else 'no longer takes'} part in new classrooms."
        )
    return redirect("classrooms:cast", slug)


def _only_teacher(course: Course, pk: int) -> bool:
    """Whether the agent is the only one left who teaches."""
    teachers = course.agents.filter(function=Function.TEACHING, active=True)
    return teachers.filter(pk=pk).exists() and teachers.count() == 1
