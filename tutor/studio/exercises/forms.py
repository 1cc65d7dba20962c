"""What those who teach may write and change of a coding exercise."""

from __future__ import annotations

from typing import Any

from django import forms

from courses.models import Course
from tutor.practice.models import Skill
from tutor.studio.models import Exercise

CODE = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off", "wrap": "off", "data-code": ""}


class CodeField(forms.CharField):
    """A program: its indentation and its end count, and its lines end as they do elsewhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "strip": False})

    def to_python(self, value: Any) -> Any:
        """With line ends of one kind."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class ExerciseForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Exercise
        fields = ["title", "language", "prompt", "starter", "solution", "tests", "hint", "skill"]
        widgets = {
            "prompt": forms.Textarea(attrs={"rows": 5}),
            "starter": forms.Textarea(attrs={"rows": 4, **CODE}),
            "solution": forms.Textarea(attrs={"rows": 10, **CODE}),
            "tests": forms.Textarea(attrs={"rows": 12, **CODE}),
            "hint": forms.Textarea(attrs={"rows": 2}),
        }
        field_classes = {"starter": CodeField, "solution": CodeField, "tests": CodeField}
        labels = {"prompt": "Task", "starter": "What students start from", "skill": "Skill it shows"}
        help_texts = {
            "prompt": "Markdown. Say what the program gets, what it gives, and what happens at the edges.",
            "solution": "Never shown to students.",
            "tests": (
                "Never shown to students. Python: functions named test_… with assert statements; the solution’s names are there. "
                "Verilog: a test bench that prints PASS or FAIL and calls $finish."
            ),
            "hint": "Shown when a test fails. A Python test’s own docstring comes before it.",
            "skill": "A student’s first try and first success count for it.",
        }

    def __init__(self, *args: Any, course: Course, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["skill"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Skill.objects.filter(course=course)

    @property
    def asks_for_verification(self) -> bool:
        """Whether something changed that the verification rests on."""
        return bool({"language", "solution", "tests"} & set(self.changed_data))


class ImportForm(forms.Form):
    file = forms.FileField(
        label="JSON-lines file",
        help_text="One object a line: prompt, solution, tests; if you like also title, language, starter and hint.",
    )
