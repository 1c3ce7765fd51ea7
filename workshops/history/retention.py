"""What is kept of what happened."""

from typing import Any

from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.retention import FOR_GOOD, Keeping, Topic, emptied, keys, shown, unseen


def _entry(line: HistoryLine) -> dict[str, Any]:
    """A line as its person reads it: whoever else did it is the school. What colleagues wrote is theirs to know."""
    by = "automatic" if line.by_id is None else "you" if line.by_id == line.person_id else "the school"
    told = {"When": line.at, "What": sentence(line), "By": by}
    return {**told, "Why": line.why} if line.why else told


KEEPS = (
    Keeping(
        "workshops.HistoryLine",
        Topic.HISTORY,
        "Every change of a seat, of money, of a decision about you: when, what and by whom",
        FOR_GOOD,
        of=("person",),
        stays="The books and the records cannot be trusted without knowing when each thing changed. "
        "The reasons that people gave in words go.",
        entry=_entry,
        fields={
            **keys("id about_kind about_id person"),
            "at": shown("When"),
            "by": shown("By"),
            "what": shown("What", why="A code of a closed list."),
            "why": emptied("Why"),
            "facts": unseen("It is said in the sentence; it holds dates, amounts and numbers, and never words."),
        },
    ),
)
