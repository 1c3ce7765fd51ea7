"""The line of a cohort as the registrar reads it: everyone in turn, and whether a seat could be theirs today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from booking.reservations import waitlist
from booking.reservations.admission import promise_until
from booking.reservations.models import IN_LINE, EntryState, Reservation, State, WaitlistEntry
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.prerequisites.facts import standings_of
from workshops.programme.models import school_terms

PAST_SHOWN = 100


@dataclass(frozen=True)
class Place:
    """Someone who waits, as of today."""

    number: int
    entry: WaitlistEntry
    missing: list[str]
    """The requirements they do not meet, by title."""
    may_promise: bool
    """Whether the cohort lets them promise those."""
    has_notice: bool
    elsewhere: list[Reservation]
    """Their seats in other cohorts to come."""

    @property
    def may_be_offered(self) -> bool:
        """Whether a seat that is free today would be offered to them."""
        return (self.may_promise or not self.missing) and self.has_notice and self.entry.trainee.is_active


@dataclass(frozen=True)
class Ended:
    """Someone who was in line: when that ended, and how."""

    entry: WaitlistEntry
    at: datetime
    words: str


@dataclass(frozen=True)
class WholeLine:
    """Everyone in the line of a cohort, and everyone who was."""

    waiting: list[Place]
    offers: list[WaitlistEntry]
    """Whose offer can still be accepted, that which ends first on top."""
    past: list[Ended]

    @property
    def in_turn(self) -> list[str]:
        """The public ids of those who wait, the first first."""
        return [place.entry.public_id for place in self.waiting]


def whole_line(cohort: Cohort, now: datetime) -> WholeLine:
    """Everything about a line as of `now`, in six statements however long it is."""
    entries = WaitlistEntry.objects.filter(cohort=cohort).select_related("trainee", "offer")
    waiting = list(entries.waiting().in_turn())
    offered = list(entries.filter(state=EntryState.OFFERED).order_by("offer__held_until", "pk"))
    still_open = [entry for entry in offered if entry.offer and entry.offer.state_at(now) == State.OFFERED]
    ran_out = [entry for entry in offered if entry not in still_open]
    ended = list(entries.exclude(state__in=IN_LINE).order_by("-ended_at", "-pk")[:PAST_SHOWN])
    by_whom = _taken_out(ended)
    return WholeLine(
        waiting=_places(cohort, waiting, now),
        offers=still_open,
        past=[_ended(entry, now, by_whom) for entry in [*ran_out, *ended]],
    )


def _taken_out(ended: Sequence[WaitlistEntry]) -> dict[int, str]:
    """Which of these the school took out of the line, by their keys, with the name of who did it. One statement."""
    left = {
        key: entry
        for entry in ended
        if entry.state == EntryState.WITHDRAWN
        for key in (entry.public_id, entry.offer.public_id if entry.offer else "")
        if key
    }
    lines = HistoryLine.objects.filter(what__in=("line-left", "offer-declined"), about_id__in=left)
    return {
        left[line.about_id].pk: str(line.by)
        for line in lines.select_related("by")
        if line.by and line.by_id != left[line.about_id].trainee_id
    }


def _ended(entry: WaitlistEntry, now: datetime, by_whom: Mapping[int, str]) -> Ended:
    """An offer that ran out has ended at that moment, whether or not a worker has noticed."""
    if entry.state == EntryState.OFFERED:
        until = entry.offer.held_until if entry.offer else None
        return Ended(entry, until or now, EntryState.LAPSED.label)
    return Ended(entry, entry.ended_at or now, _how(entry, by_whom.get(entry.pk, "")))


def _how(entry: WaitlistEntry, by_whom: str) -> str:
    """How a place ended, as it was then: whoever got a seat may have given it back since."""
    if entry.state == EntryState.SEATED:
        return "Got a seat"
    if entry.state == EntryState.WITHDRAWN:
        if by_whom:
            return f"Taken out by {by_whom}{', with an open offer' if entry.offer else ''}"
        return "Declined the offer" if entry.offer else EntryState.WITHDRAWN.label
    if entry.offer is None:
        return "The line was closed"
    return EntryState.LAPSED.label if entry.offer.state == State.EXPIRED else "Offer taken back"


def _places(cohort: Cohort, waiting: Sequence[WaitlistEntry], now: datetime) -> list[Place]:
    today = school_day(now)
    people = [entry.trainee for entry in waiting]
    standings = standings_of(people, cohort.module.code, today, cohort.pk)
    promised = promise_until(cohort, cohort.terms(school_terms()), today) is not None
    others = (
        Reservation.objects.holding_a_seat(now)
        .filter(trainee__in=people, cohort__ends_on__gte=today)
        .exclude(cohort=cohort)
        .exclude(state=State.OFFERED)
        .select_related("cohort")
    )
    elsewhere: dict[int, list[Reservation]] = {}
    for each in others:
        elsewhere.setdefault(each.trainee_id, []).append(each)
    return [
        Place(
            number=number,
            entry=entry,
            missing=[outcome.title for outcome in standings[entry.trainee_id].missing],
            may_promise=promised,
            has_notice=waitlist.has_notice(entry, cohort.starts_on, today),
            elsewhere=elsewhere.get(entry.trainee_id, []),
        )
        for number, entry in enumerate(waiting, start=1)
    ]


def why_seats_stay_free(cohort: Cohort, line: WholeLine, now: datetime) -> str:
    """Why a seat is free while someone waits, in words; empty where none is, or where it is about to be offered.

    `cohort` was read with `with_seats_left`.
    """
    free = cast("int", cohort.free_seats)  # type: ignore[attr-defined]
    if not free or not line.waiting:
        return ""
    these = f"{free} {'seat is' if free == 1 else 'seats are'} free, and"
    if not cohort.is_bookable(now):
        return f"{these} nobody is offered one while the cohort takes no reservations."
    if waitlist.offers_end(cohort, cohort.terms(school_terms()), now) is None:
        return f"{these} no time is left for anyone to answer an offer. Place people by hand."
    if not any(place.may_be_offered for place in line.waiting):
        return f"{these} nobody in line could take one today. Whoever can first, by their turn, is offered it."
    return ""


def rearranged(shown: Sequence[str], asked: Mapping[str, int]) -> list[str]:
    """Everyone in `shown` in a new order: whoever is `asked` for at a place has it, the others keep their turns. Pure.

    Places count from 1, and each is asked for once.
    """
    by_place = {place: who for who, place in asked.items()}
    others = iter([who for who in shown if who not in asked])
    return [by_place.get(place) or next(others) for place in range(1, len(shown) + 1)]
