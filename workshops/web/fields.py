"""Form fields for what people type: kept, counted and shown again as they meant it."""

from typing import Any

from django import forms

from workshops.text import plain, tidy


class PlainField(forms.CharField):
    """One plain line."""

    def to_python(self, value: Any) -> str:
        """The line, before anything else looks at it."""
        return plain(super().to_python(value) or "")


class WordsField(forms.CharField):
    """Words of one or several paragraphs, as many characters as will be kept."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        """The words, before anything else looks at them."""
        return tidy(super().to_python(value) or "")
