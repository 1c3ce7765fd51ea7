"""Writing and reading the history."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from workshops.history.models import HistoryLine
from workshops.history.words import SENTENCES
from workshops.rows import insert

if TYPE_CHECKING:
    from workshops.people.models import User

Fact = str | int | bool | None


def line(
    what: str,
    *,
    about: tuple[str, str],
    now: datetime,
    by: "User | None" = None,
    person: "User | None" = None,
    why: str = "",
    **facts: Fact,
) -> HistoryLine:
    """A line that is not written yet, for those who write several in one statement with `record_all`.

    Raises:
        KeyError: for a `what` that has no sentence in `history.words`.
    """
    if what not in SENTENCES:
        raise KeyError(f"{what} has no sentence in history.words.")
    kind, key = about
    return HistoryLine(at=now, by=by, what=what, why=why, about_kind=kind, about_id=key, person=person, facts=facts)


def record_all(lines: list[HistoryLine]) -> None:
    """Write these lines, inside the transaction that makes them true."""
    insert(lines)


def record(
    what: str,
    *,
    about: tuple[str, str],
    now: datetime,
    by: "User | None" = None,
    person: "User | None" = None,
    why: str = "",
    **facts: Fact,
) -> None:
    """Write one line, inside the transaction that makes it true.

    `what` is a code such as ``reservation-held``; `about` names the thing, for example ``("cohort", "2027-spring")``;
    `by` is who did it, None for the product itself; `person` whose story it belongs to; `why` a reason in words.
    """
    record_all([line(what, about=about, now=now, by=by, person=person, why=why, **facts)])


def history_of(kind: str, key: str) -> QuerySet[HistoryLine]:
    """What has happened to one thing, oldest first."""
    return HistoryLine.objects.filter(about_kind=kind, about_id=key).select_related("by", "person")


def history_of_person(user: "User") -> QuerySet[HistoryLine]:
    """Everything in one person's story, oldest first, with that of accounts which were merged into theirs."""
    return HistoryLine.objects.filter(Q(person=user) | Q(person__merged_into=user)).select_related("by", "person")
