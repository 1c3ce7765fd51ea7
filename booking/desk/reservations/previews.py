"""What a registrar's move on a reservation would come to, before anyone presses. Reads only."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime

from booking.desk.reservations.refusals import in_words, missing
from booking.desk.reservations.rules import policy_in_words
from booking.payments import ledger
from booking.reservations import admission, cancelling, moving, waitlist
from booking.reservations.admission import Quote
from booking.reservations.models import OWING, Reservation, State
from booking.reservations.promises import refundable_until
from booking.reservations.refunds import ComesBack, comes_back, everything
from workshops.clock import range_in_words, school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.people.models import User
from workshops.prerequisites.facts import standing_of

COMING = (CohortStatus.PUBLISHED, CohortStatus.CLOSED)


# -- releasing ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Release:
    """What comes back when a seat is released: by the policy, and out of goodwill."""

    reservation: Reservation
    by_policy: ComesBack
    all_of_it: ComesBack
    policy: str
    """The policy's rule in words."""
    is_possible: bool
    """Not once the cohort has begun, or the reservation has ended."""

    @property
    def has_choice(self) -> bool:
        """Whether goodwill would give back more than the policy."""
        return self.by_policy.cents != self.all_of_it.cents


def release(reservation: Reservation, now: datetime) -> Release:
    """Preview the release of a reservation."""
    back = cancelling.preview(reservation, now)
    return Release(
        reservation=reservation,
        by_policy=back,
        all_of_it=everything(ledger.kept_cents(reservation), "goodwill"),
        policy=policy_in_words(reservation, back, now),
        is_possible=may_release(reservation, now),
    )


def may_release(reservation: Reservation, now: datetime) -> bool:
    """Whether a seat can be released: someone said yes to it and its cohort has not begun."""
    return reservation.state_at(now) in OWING and school_day(now) < reservation.cohort.starts_on


# -- moving ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Destination:
    """A cohort that someone could move to."""

    cohort: Cohort
    seats_left: int
    waiting: int
    has_offer: bool
    """They have an open offer there, which moving accepts."""
    takes_people: bool
    """Whether its line can be joined."""

    @property
    def is_full(self) -> bool:
        """Whether there is no seat for them."""
        return not self.seats_left and not self.has_offer

    @property
    def label(self) -> str:
        """The cohort with its days, its seats and its line."""
        days = range_in_words(self.cohort.starts_on, self.cohort.ends_on)
        return f"{self.cohort.title}, {days}: {self.seats_in_words}"

    @property
    def seats_in_words(self) -> str:
        """How many seats are left, and how many people wait."""
        if self.has_offer:
            seats = "an offer is open for them"
        elif self.seats_left:
            seats = f"{self.seats_left} {'seat' if self.seats_left == 1 else 'seats'} left"
        else:
            seats = "full"
        return f"{seats}, {self.waiting} in line" if self.waiting else seats


def destinations(reservation: Reservation, now: datetime) -> list[Destination]:
    """The coming cohorts that a reservation could move to, closed ones too, the next first."""
    today = school_day(now)
    cohorts = list(
        Cohort.objects.filter(status__in=COMING, starts_on__gt=today)
        .exclude(pk=reservation.cohort_id)
        .select_related("module", "venue")
        .with_seats_left(now)
        .order_by("starts_on", "pk")
    )
    lines = waitlist.lines(cohorts, now)
    offers = set(
        Reservation.objects.holding_a_seat(now)
        .filter(trainee=reservation.trainee_id, state=State.OFFERED)
        .values_list("cohort", flat=True)
    )
    return [
        Destination(
            cohort=each,
            seats_left=waitlist.seats_left(each, lines[each.pk]),
            waiting=lines[each.pk].length,
            has_offer=each.pk in offers,
            takes_people=each.is_bookable(now),
        )
        for each in cohorts
    ]


@dataclass(frozen=True)
class Move:
    """What moving to one cohort would change."""

    destination: Destination
    quote: Quote
    kept_cents: int
    remaining_cents: int
    provisional_until: date | None
    refusal: str
    """Why it cannot be done, where that is known beforehand; empty otherwise."""
    place: int | None
    """Their place in the line there, where they wait."""
    back_here: ComesBack
    """What would come back if they gave it up now, where they are."""
    back_there: ComesBack
    """What would come back if they gave it up once they have moved, by the days of the other cohort."""
    refundable_until: tuple[date, date]
    """There: the last day on which everything comes back, and the last on which all but the deposit does."""


def move(reservation: Reservation, destination: Destination, now: datetime) -> Move:
    """Preview the move of a reservation on the school's terms."""
    terms, cost = moving.preview(reservation, destination.cohort, now, by_the_school=True)
    kept, refusal, provisional_until = ledger.kept_cents(reservation), "", None
    try:
        admitted = admission.admit(
            destination.cohort, reservation.trainee, now=now, leaving=reservation, by_the_school=True
        )
        provisional_until = admitted.provisional_until
    except admission.Refused as refused:
        refusal = in_words(refused, now=now, about=reservation)
    entry = waitlist.place_of(destination.cohort.pk, reservation.trainee_id)
    return Move(
        destination=destination,
        quote=cost,
        kept_cents=kept,
        remaining_cents=reservation.remaining_cents(kept),
        provisional_until=provisional_until,
        refusal=refusal,
        place=waitlist.position(entry) if entry else None,
        back_here=_comes_back_here(reservation, kept, now),
        back_there=comes_back(_as_there(reservation, destination.cohort, terms), kept, now),
        refundable_until=refundable_until(destination.cohort.starts_on, reservation.terms),
    )


def _comes_back_here(reservation: Reservation, kept: int, now: datetime) -> ComesBack:
    if reservation.state == State.CANCELLED:  # the school cancelled the cohort, and the money waits for a choice
        return everything(kept, "school-cancelled")
    return comes_back(reservation, kept, now)


def _as_there(reservation: Reservation, cohort: Cohort, terms: moving.MovingTerms) -> Reservation:
    """The reservation as it would be in the other cohort, as far as refunds ask; it is never written."""
    there = copy(reservation)
    there.cohort, there.may_leave_until = cohort, None
    there.not_refundable_cents = terms.stays_not_refundable_cents + terms.fee_cents
    return there


# -- swapping ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Partner:
    """Someone in another cohort to change places with."""

    reservation: Reservation
    state: State

    @property
    def group(self) -> str:
        """Their cohort and its days."""
        cohort = self.reservation.cohort
        return f"{cohort.title}, {range_in_words(cohort.starts_on, cohort.ends_on)}"

    @property
    def label(self) -> str:
        """Their name, cohort and seat: a closed list shows nothing of the group."""
        seat = f"seat {self.reservation.seat_number} of {self.reservation.cohort}"
        return f"{self.reservation.trainee}, {seat}, {self.state.label.lower()}"


def partners(reservation: Reservation, reader: User, now: datetime) -> list[Partner]:
    """Everyone with a seat in another coming cohort, by cohort and name; not the reader, who decides about others."""
    today = school_day(now)
    found = (
        Reservation.objects.holding_a_seat(now)
        .filter(state__in=OWING, cohort__starts_on__gt=today, cohort__status__in=COMING)
        .exclude(cohort=reservation.cohort_id)
        .exclude(trainee__in=(reservation.trainee_id, reader.pk))
        .select_related("trainee", "cohort__module", "cohort__venue")
        .order_by("cohort__starts_on", "cohort", "trainee__name", "pk")
    )
    return [Partner(each, each.state_at(now)) for each in found]


@dataclass(frozen=True)
class Half:
    """One of two who would change places: where they come to, what is due when, and what they lack there."""

    reservation: Reservation
    seat_number: int
    cohort: Cohort
    quote: Quote
    remaining_cents: int
    lacks: str


def swap(one: Reservation, other: Reservation, now: datetime) -> Sequence[Half]:
    """Preview two people changing places."""
    today = school_day(now)
    halves = []
    for leaving, entering in ((one, other), (other, one)):
        standing, _ = standing_of(leaving.trainee, entering.cohort.module.code, today, entering.cohort_id)
        _, cost = moving.preview(leaving, entering.cohort, now, by_the_school=True)
        halves.append(
            Half(
                reservation=leaving,
                seat_number=entering.seat_number,
                cohort=entering.cohort,
                quote=cost,
                remaining_cents=leaving.remaining_cents(ledger.kept_cents(leaving)),
                lacks=missing(standing),
            )
        )
    return halves
