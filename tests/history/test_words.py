"""What the history says, in words: one of something reads as one."""

from typing import Any

import pytest

from workshops.history.models import HistoryLine
from workshops.history.words import ONE, SENTENCES, sentence


@pytest.mark.parametrize(
    ("what", "facts", "said"),
    [
        ("record-sent", {"days": 1}, "1 day on set sent for review"),
        ("record-sent", {"days": 2}, "2 days on set sent for review"),
        ("record-accepted", {"days": 1, "of": 1}, "1 day on set accepted"),
        ("record-accepted", {"days": 1, "of": 3}, "1 of 3 days on set accepted"),
        ("record-rejected", {"days": 1}, "1 day on set was not accepted"),
        ("proof-deleted", {"files": 1}, "1 file of proof was deleted"),
        ("days-accepted", {"days": "1"}, "1 day on set accepted"),
        ("line-notice-changed", {"days": 1}, "Needs 1 day's notice"),
    ],
)
def test_one_of_something_reads_as_one(what: str, facts: dict[str, Any], said: str) -> None:
    assert sentence(HistoryLine(what=what, facts=facts)) == said


def test_each_sentence_about_one_belongs_to_a_code_and_counts_what_that_says() -> None:
    assert [code for code, (counts, _) in ONE.items() if f"{{{counts}}}" not in SENTENCES[code]] == []
