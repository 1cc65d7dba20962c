"""What those who teach may change of an item."""

from __future__ import annotations

from typing import Any

from django import forms

from tutor.practice.models import Item


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        """A list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Lines as a list, without empty ones and doubles."""
        lines = (line.strip() for line in str(value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))


class ItemForm(forms.ModelForm):  # type: ignore[type-arg]
    options = LinesField(required=False, help_text="One a line; the answer has to be among them.")
    accepted = LinesField(
        required=False,
        label="Also right",
        help_text="One a line: other words or numbers that count as right.",
    )

    class Meta:
        model = Item
        fields = ["prompt", "options", "answer", "accepted", "explanation"]
        widgets = {
            "prompt": forms.Textarea(attrs={"rows": 3}),
            "answer": forms.Textarea(attrs={"rows": 2}),
            "explanation": forms.Textarea(attrs={"rows": 3}),
        }
        labels = {"prompt": "Question", "explanation": "Why, in the material's words"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unused = "accepted" if self.instance.kind == Item.Kind.CHOICE else "options"
        del self.fields[unused]
        if self.instance.kind == Item.Kind.EXPLAIN:
            del self.fields["accepted"]

    def clean(self) -> dict[str, Any]:
        """A choice needs at least two options, its answer among them."""
        fields = super().clean() or {}
        options = fields.get("options")
        if self.instance.kind == Item.Kind.CHOICE and options is not None:
            if len(options) < 2:
                self.add_error("options", "Give at least two options, one a line.")
            elif fields.get("answer") not in options:
                self.add_error("answer", "This is none of the options. Copy the right one here.")
        return fields
