"""What people type is kept as they meant it, in one line or in several; what nobody sees is left out of both."""

import re

import pytest
from django import forms

from booking.desk.fields import a_reason
from booking.desk.people.forms import NewPersonForm
from booking.rights.forms import AskForm, DeclineForm
from workshops.people.models import Role
from workshops.prerequisites.files.naming import tidy_name
from workshops.text import UNSEEN, plain, tidy

HIDDEN = "\x00\x07\x1b\x7f\x84\x9f\u061c\u200b\u200e\u200f\u202a\u202e\u2060\u2064\u2066\u2069\ufeff\ufff9\ud800"
MEANT = [
    "Zoe\u0308 Nguye\u0302\u0303n",  # marks that combine with the letter before
    "שלום עליכם",
    "\u0645\u0631\u064a\u0645",  # Arabic
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian: the joiner says where a word's parts stand apart
    "क्\u200dष",
    "👩🏽\u200d🎤 and 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "☎\ufe0f",
    "日本語",
    "<b>1 < 2 & 3</b>",
]


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda sign: f"U+{ord(sign):04X}")
def test_what_nobody_sees_is_kept_in_no_line_no_words_and_no_name(hidden: str) -> None:
    typed = f"{hidden}=call{hidden} sheet{hidden}"
    assert plain(typed) == tidy(typed) == tidy_name(typed) == "=call sheet"


@pytest.mark.parametrize("meant", MEANT)
def test_letters_marks_and_emoji_of_every_script_stay(meant: str) -> None:
    assert plain(meant) == tidy(meant) == meant


@pytest.mark.parametrize("nothing", ["", " \t\n ", HIDDEN, "\u200d", " \u200b\n\ufe0f\u3164", "\u00ad\u2800"])
def test_where_nothing_is_to_be_seen_nothing_was_typed(nothing: str) -> None:
    assert plain(nothing) == tidy(nothing) == ""
    assert tidy_name(nothing) == "Proof"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Dear school,\r\n\r\n\r\n\r\nhello \t\r\nthere\r", "Dear school,\n\nhello\nthere"),
        ("one\u2028two\x85three\x0bfour", "one\ntwo\nthree\nfour"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
    ],
)
def test_paragraphs_stay_in_words_and_become_spaces_in_a_line(typed: str, kept: str) -> None:
    assert tidy(typed) == kept
    assert plain(typed) == " ".join(kept.split())


def test_every_field_for_a_line_or_for_words_leaves_it_out() -> None:
    class Reason(forms.Form):
        why = a_reason("Why")

    evil = f"They{HIDDEN} asked\u202e for it.\x00"
    person = NewPersonForm({"name": evil, "email": "not-one", "roles": [Role.TRAINEE]})
    told = [
        (Reason({"why": evil}), "why"),
        (AskForm({"words": evil}), "words"),
        (DeclineForm({"decline-reason": evil}), "reason"),
        (person, "name"),
    ]
    for form, field in told:
        form.full_clean()
        assert form.cleaned_data[field] == "They asked for it."
        assert not re.search(f"[{UNSEEN}]", form.cleaned_data[field])


def test_a_reason_that_nobody_can_see_is_none() -> None:
    form = DeclineForm({"decline-reason": "\u200b\u202e"})
    assert form.errors == {"reason": ["This field is required."]}
