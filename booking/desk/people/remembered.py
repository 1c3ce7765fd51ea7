"""What has happened to one person, line by line, for the desk."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from booking.reservations.models import Reservation, WaitlistEntry
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.history.record import history_of_person
from workshops.history.words import Told, told
from workshops.people.models import User
from workshops.prerequisites.records.models import OnSetRecord

ABOUT: dict[str, tuple[str, tuple[str, ...]]] = {
    "seats": ("Seats and money", ("reservation", "waitlist", "cohort")),
    "days": ("Days on set", ("record",)),
    "mentoring": ("Mentoring", ("mentorship", "meeting")),
    "account": ("Modules, exceptions, account", ("person",)),
}
"""What the history can be read about: its title, and the kinds of thing that its lines are about."""


@dataclass(frozen=True)
class Remembered:
    """One line of their history, and what it is about by its title; empty where it is about nothing with a name."""

    told: Told
    title: str


def lines_about(person: User, about: str = "") -> QuerySet[HistoryLine]:
    """Their history, the newest first: all of it, or what is about one of ABOUT."""
    lines = history_of_person(person).order_by("-at", "-id")
    return lines.filter(about_kind__in=ABOUT[about][1]) if about in ABOUT else lines


def remembered(lines: Iterable[HistoryLine], reader: User) -> list[Remembered]:
    """Each line with what it is about. One statement more for each kind of thing with a name."""
    found: Sequence[HistoryLine] = list(lines)
    keys: dict[str, set[str]] = {}
    for line in found:
        keys.setdefault(line.about_kind, set()).add(line.about_id)
    sources: dict[str, tuple[QuerySet[Any], str]] = {
        "reservation": (Reservation.objects.order_by(), "cohort__title"),
        "waitlist": (WaitlistEntry.objects.order_by(), "cohort__title"),
        "cohort": (Cohort.objects.order_by(), "title"),
        "record": (OnSetRecord.objects.read_by_school().order_by(), "production"),
    }
    titles = {
        kind: dict(rows.filter(public_id__in=keys[kind]).values_list("public_id", title))
        for kind, (rows, title) in sources.items()
        if kind in keys
    }
    return [Remembered(told(line, reader), titles.get(line.about_kind, {}).get(line.about_id, "")) for line in found]
