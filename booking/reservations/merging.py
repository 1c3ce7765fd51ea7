"""What two accounts of one person hold and wait for, what they cannot have twice, and bringing it to one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from booking.payments.ledger import with_paid
from booking.payments.models import UNDER_WAY, Payment
from booking.reservations import lifecycle, offers, waitlist
from booking.reservations.models import IN_LINE, LIVE, OWING, Reservation, State, WaitlistEntry
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.history.record import record, record_all
from workshops.people.models import User
from workshops.transactions import Busy


@dataclass(frozen=True)
class Held:
    """A seat, or one that is offered, as of now."""

    public_id: str
    cohort_id: int
    cohort: str
    seat: int
    state: State
    is_only_one: bool
    """Made under the term that a person has one active seat, in a cohort that has not ended."""
    is_active: bool
    """The person has said yes to it, and its cohort has not ended."""
    paid_cents: int
    currency: str


@dataclass(frozen=True)
class Waits:
    """A place in line, or the offer that came of it."""

    public_id: str
    cohort_id: int
    cohort: str
    is_offered: bool
    turn: tuple[int, datetime, int]
    """What the order of the line goes by: see `WaitlistQuerySet.in_turn`."""


@dataclass(frozen=True)
class Holdings:
    """What one account has at the cohorts, in a fixed order."""

    seats: tuple[Held, ...]
    line: tuple[Waits, ...]
    over: int
    """Reservations that have ended one way or another, or whose hold ran out."""
    paid_cents: int
    """Received for all of its reservations, less what went back."""
    paying: tuple[str, ...]
    """The public ids of reservations on which a payment is under way."""


def holdings_of(trainee: User, now: datetime) -> Holdings:
    """Read it. Three statements."""
    everything = list(
        with_paid(Reservation.objects.filter(trainee=trainee).select_related("cohort")).order_by("created_at", "pk")
    )
    entries = WaitlistEntry.objects.filter(trainee=trainee, state__in=IN_LINE).select_related("cohort", "offer")
    paying = Payment.objects.filter(reservation__trainee=trainee, status__in=UNDER_WAY).order_by("pk")
    held = tuple(_held(each, now) for each in everything if each.state_at(now) in LIVE)
    return Holdings(
        seats=held,
        line=tuple(
            Waits(each.public_id, each.cohort_id, str(each.cohort), each.offer_id is not None, _turn(each))
            for each in entries.order_by("pk")
            if each.offer is None or each.offer.state_at(now) == State.OFFERED
        ),
        over=len(everything) - len(held),
        paid_cents=sum(each.paid_cents for each in everything),
        paying=tuple(paying.values_list("reservation__public_id", flat=True)),
    )


def _held(reservation: Reservation, now: datetime) -> Held:
    is_active = reservation.state in OWING and reservation.cohort.ends_on >= school_day(now)
    return Held(
        public_id=reservation.public_id,
        cohort_id=reservation.cohort_id,
        cohort=str(reservation.cohort),
        seat=reservation.seat_number,
        state=State(reservation.state),
        is_only_one=reservation.is_only_one and is_active,
        is_active=is_active,
        paid_cents=reservation.paid_cents,  # type: ignore[attr-defined]
        currency=reservation.currency,
    )


def _turn(entry: WaitlistEntry) -> tuple[int, datetime, int]:
    return (entry.rank, entry.joined_at, entry.pk)


# -- rules, pure -------------------------------------------------------------------------------------------------------
def twice(one: Holdings, other: Holdings) -> list[tuple[Held, Held]]:
    """Seats that one person cannot have both of: in one cohort, or active ones where the terms allow one."""
    return [
        (mine, theirs)
        for mine in one.seats
        for theirs in other.seats
        if mine.cohort_id == theirs.cohort_id
        or (mine.is_active and theirs.is_active and (mine.is_only_one or theirs.is_only_one))
    ]


def places_that_end(one: Holdings, other: Holdings) -> list[Waits]:
    """Places in line that go: beside a seat or an offer of the other account, and the later of two in one line."""
    ending = []
    for mine, others in ((one, other), (other, one)):
        seated = {each.cohort_id for each in others.seats}
        turns = {each.cohort_id: each.turn for each in others.line if not each.is_offered}
        ending += [
            each
            for each in mine.line
            if not each.is_offered
            and (each.cohort_id in seated or (each.cohort_id in turns and turns[each.cohort_id] < each.turn))
        ]
    return ending


# -- the steps of merging, inside its transaction ----------------------------------------------------------------------
def lock(trainees: Sequence[User]) -> list[int]:
    """Lock all that these accounts have; return the cohorts whose rows are locked with it. Their accounts are locked.

    Raises:
        Busy: when something came to them in a further cohort between the look and the locks.
    """
    people = [each.pk for each in trainees]
    cohorts = _cohorts_of(people)
    waitlist.lock_cohorts(cohorts)
    seats.lock_of(people)
    own = Reservation.objects.select_for_update(of=("self",), no_key=True).filter(trainee__in=people)
    list(own.order_by("pk").values_list("pk"))
    under_way = Payment.objects.select_for_update(of=("self",), no_key=True)
    list(under_way.filter(reservation__trainee__in=people, status__in=UNDER_WAY).order_by("pk").values_list("pk"))
    if not _cohorts_of(people) <= cohorts:
        raise Busy
    return sorted(cohorts)


def _cohorts_of(people: Sequence[int]) -> set[int]:
    seated = Reservation.objects.filter(trainee__in=people, state__in=LIVE).values_list("cohort", flat=True)
    waiting = WaitlistEntry.objects.filter(trainee__in=people, state__in=IN_LINE).values_list("cohort", flat=True)
    return {*seated, *waiting}


def hand_over(
    trainee: User, to: User, cohorts: Sequence[int], ending: Sequence[Waits], *, now: datetime, by: User, why: str
) -> None:
    """Give everything at the cohorts to another account of the same person; money follows its reservations.

    What has run out is marked so before, and `ending` (of `places_that_end`) leave the line. Seats that are free after
    it are offered to those who wait: `to` may have become eligible by it. The caller has locked it all (`lock`).
    """
    both = Reservation.objects.filter(trainee__in=(trainee, to), state__in=LIVE)
    for each in both.select_related("cohort__venue", "trainee").order_by("pk"):
        if each.state_at(now) == State.EXPIRED:
            record_all(lifecycle.expire_lapsed(each, now))
        elif each.is_only_one and each.cohort.ends_on < school_day(now):
            lifecycle.are_over([each])
    for place in ending:
        entry = WaitlistEntry.objects.select_related("trainee").get(public_id=place.public_id)
        if waitlist.left(entry, now):
            record("line-left", about=("waitlist", entry.public_id), person=entry.trainee, by=by, now=now, why=why)
    seats.hand_over(trainee.pk, to.pk)
    lifecycle.hand_over(trainee, to, now=now, by=by, why=why)
    for entry in waitlist.hand_over(trainee, to):
        record("brought-over", about=("waitlist", entry.public_id), person=to, by=by, now=now, why=why)
    for cohort_id in cohorts:
        offers.offer_free_seats(cohort_id, now=now)
