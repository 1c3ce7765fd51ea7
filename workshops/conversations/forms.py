"""The form of a conversation."""

from django import forms
from django.http import QueryDict

from workshops.conversations.models import LONGEST
from workshops.web.fields import WordsField


class PostForm(forms.Form):
    """What to say."""

    words = WordsField(
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={
            "required": "There is nothing to send yet. Write it here.",
            "max_length": "This is %(show_value)d characters long, and %(limit_value)d fit. Please send it in parts.",
        },
    )

    def __init__(self, data: QueryDict | None = None, *, label: str) -> None:
        super().__init__(data)
        self.fields["words"].label = label
