"""The form for the words of one e-mail."""

from typing import Any

from django import forms
from django.http import QueryDict

from workshops.messages.proofreading import MOST_SOURCE, Fault


class WordingForm(forms.Form):
    """Subject and text as they are written down, and which words they are to stand in place of."""

    source = forms.CharField(
        label="Subject and text",
        strip=False,
        max_length=2 * MOST_SOURCE,  # ends of lines count twice on the way here; the words themselves are counted later
        widget=forms.Textarea(attrs={"rows": 22, "spellcheck": "true", "class": "source"}),
        help_text="Paragraphs are set apart by empty lines. Words in braces are filled in for each reader.",
    )
    instead_of = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, source: str, instead_of: str) -> None:
        super().__init__(data, initial={"source": source, "instead_of": instead_of})

    def has_faults(self, faults: list[Fault]) -> None:
        """Say what must be mended, each on a line of its own."""
        for fault in faults:
            self.add_error("source", str(fault))

    def now_instead_of(self, revision: str) -> None:
        """Let what was typed stand against newer words than those it was written against."""
        self.data = {**self.data.dict(), "instead_of": revision} if isinstance(self.data, QueryDict) else self.data
