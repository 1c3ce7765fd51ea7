"""One person in a few lines: where they stand, what they have, what waits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from booking.desk.conversations import Listed
from booking.desk.people.evidence import OnSet
from booking.reservations.models import OWING, Reservation, State
from booking.reservations.places import Place
from workshops import money
from workshops.clock import in_words, moment_in_words, school_day
from workshops.prerequisites.check import Standing
from workshops.prerequisites.records.models import AuditHold


@dataclass(frozen=True)
class Reserved:
    """One reservation as of now, with what is left to pay on it."""

    reservation: Reservation
    state: State
    remaining_cents: int


@dataclass(frozen=True)
class Point:
    """One line of the summary, and where the page or another says more."""

    title: str
    words: str
    link: str


def summary(
    standing: Standing,
    *,
    on_set: Sequence[OnSet],
    reservations: Sequence[Reserved],
    places: Sequence[Place],
    talks: Sequence[Listed],
    audit: AuditHold | None,
    has_draft: bool,
) -> list[Point]:
    """What a registrar wants to know first; lines that have nothing to say are left out."""
    points = [_modules(standing), *_days(standing), *_records(on_set, has_draft=has_draft)]
    points += [_seat(each) for each in reservations if each.state in OWING]
    points += [Point("In line", _place(each), "#reservations") for each in places]
    points += [_talk(each) for each in talks if each.waits]
    if audit:
        points.append(Point("Proof", f"Kept for an audit since {in_words(school_day(audit.begun_at))}", "#audit"))
    return points


def _modules(standing: Standing) -> Point:
    if standing.eligible:
        return Point("Module IV", "Has everything", "#standing")
    missing = ", ".join(outcome.title for outcome in standing.missing)
    return Point("Module IV", f"Missing: {missing}", "#standing")


def _days(standing: Standing) -> list[Point]:
    """How many days of those that are needed. Nothing where none are needed."""
    said = []
    for outcome in standing.requirements:
        if outcome.needed > 1:
            words = f"Has {outcome.counted} of {outcome.needed}"
            if outcome.in_review:
                words += f"; {outcome.in_review} in review"
            if outcome.met and outcome.counted < outcome.needed:
                words += "; waived" if outcome.waived else "; accepted before this system"
            said.append(Point("Days on set", words, "#days"))
    return said


def _records(on_set: Sequence[OnSet], *, has_draft: bool) -> list[Point]:
    waiting = sum(each.record.is_undecided for each in on_set)
    words = []
    if waiting:
        words.append(f"{waiting} {'waits' if waiting == 1 else 'wait'} for a decision")
    if has_draft:
        words.append("has one begun and not sent")
    joined = "; ".join(words)
    return [Point("Records", joined[0].upper() + joined[1:], "#days")] if joined else []


def _seat(each: Reserved) -> Point:
    seat = each.reservation
    words = f"Seat {seat.seat_number} in {seat.cohort}, {each.state.label.lower()}"
    if seat.provisional_until:
        words += f", provisional until {in_words(seat.provisional_until)}"
    if each.remaining_cents:
        words += f"; {money.in_words(each.remaining_cents, seat.currency)} owed"
    return Point("Seat", words, reverse("desk:reservation", args=[seat.public_id]))


def _place(place: Place) -> str:
    cohort = place.entry.cohort
    if place.offer and place.offer.held_until:
        return f"Seat offered in {cohort}, to answer until {moment_in_words(place.offer.held_until)}"
    return f"{place.nth} in line for {cohort}"


def _talk(each: Listed) -> Point:
    return Point("Conversation", f"Waits for an answer, written {each.age}", "#conversations")
