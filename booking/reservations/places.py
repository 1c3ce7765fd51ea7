"""Someone's places in line as their pages tell of them: as of now, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from booking.reservations.models import IN_LINE, EntryState, Reservation, State, WaitlistEntry
from workshops.cohorts.models import Cohort
from workshops.people.models import User


@dataclass(frozen=True)
class Place:
    """An entry in a line with its state as of now: an offer that ran out has lapsed, whoever has noticed."""

    entry: WaitlistEntry
    state: EntryState
    position: int | None
    """1 for the first; None for whoever does not wait."""

    @property
    def is_in_line(self) -> bool:
        """Whether they wait, or have an offer that they can still answer."""
        return self.state in IN_LINE

    @property
    def nth(self) -> str:
        """The place as a person says it: 2nd."""
        return ordinal(self.position) if self.position else ""

    @property
    def before(self) -> int:
        """How many wait before them."""
        return self.position - 1 if self.position else 0

    @property
    def offer(self) -> Reservation | None:
        """The offer they can still answer."""
        return self.entry.offer if self.state == EntryState.OFFERED else None


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th, 21st."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def places(entries: Iterable[WaitlistEntry], now: datetime) -> list[Place]:
    """These entries with their places in line. They were read with their offers. One statement, however many."""
    asked = list(entries)
    cohorts = {entry.cohort_id for entry in asked if entry.state == EntryState.WAITING}
    positions: dict[int, int] = {}
    before: dict[int, int] = {}
    if cohorts:
        waiting = WaitlistEntry.objects.waiting().filter(cohort__in=cohorts).in_turn()
        for cohort_id, key in waiting.values_list("cohort_id", "pk"):
            positions[key] = before[cohort_id] = before.get(cohort_id, 0) + 1
    return [Place(entry, _state(entry, now), positions.get(entry.pk)) for entry in asked]


def places_of(trainee: User, now: datetime) -> list[Place]:
    """Where this person waits or has an offer, the cohort that begins first, first. Two statements at most."""
    own = WaitlistEntry.objects.filter(trainee=trainee, state__in=IN_LINE)
    found = places(own.select_related("cohort__venue", "offer").order_by("cohort__starts_on"), now)
    return [place for place in found if place.is_in_line]


def place_here(cohort: Cohort, trainee: User, now: datetime) -> Place | None:
    """This person's place in the line of this cohort, where they wait or can answer an offer."""
    own = WaitlistEntry.objects.filter(cohort=cohort, trainee=trainee, state__in=IN_LINE)
    return next((place for place in places(own.select_related("offer"), now) if place.is_in_line), None)


def _state(entry: WaitlistEntry, now: datetime) -> EntryState:
    if entry.state == EntryState.OFFERED and (entry.offer is None or entry.offer.state_at(now) != State.OFFERED):
        return EntryState.LAPSED
    return EntryState(entry.state)
