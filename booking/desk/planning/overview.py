"""What the desk shows about cohorts: read as of a moment, in a constant number of statements."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from booking.payments.ledger import with_paid
from booking.reservations.models import Reservation, State
from workshops.clock import moment_in_words, school_day
from workshops.cohorts.models import Cohort, CohortStatus, Seat, SeatStatus
from workshops.people.models import User


@dataclass(frozen=True)
class SeatView:
    """A seat as of a moment: one whose hold ran out is free, whoever sat there."""

    number: int
    status: SeatStatus
    occupant: User | None
    held_until: datetime | None


@dataclass(frozen=True)
class Count:
    """How many of a cohort's seats are in each state."""

    free: int
    held: int
    taken: int
    blocked: int

    @property
    def capacity(self) -> int:
        """All of them."""
        return self.free + self.held + self.taken + self.blocked


@dataclass(frozen=True)
class Line:
    """One cohort on the desk's front page."""

    cohort: Cohort
    seats: list[SeatView]
    count: Count
    unpaid: int
    instructors: list[User]
    next_step: str
    state: str
    pill: str


@dataclass(frozen=True)
class Claim:
    """One reservation on a cohort's page."""

    reservation: Reservation
    state: State
    paid_cents: int

    @property
    def owed_cents(self) -> int:
        """What is left of the price while the seat is theirs."""
        holding = self.state in {State.HELD, State.RESERVED, State.CONFIRMED, State.OFFERED}
        return max(self.reservation.price_cents - self.paid_cents, 0) if holding else 0


def seats_as_of(seats: Iterable[Seat], now: datetime) -> list[SeatView]:
    """The seats as everyone must see them at `now`."""
    views = []
    for seat in sorted(seats, key=lambda seat: seat.number):
        lapsed = seat.held_until is not None and seat.held_until <= now
        status = SeatStatus.FREE if lapsed else SeatStatus(seat.status)
        views.append(
            SeatView(seat.number, status, None if lapsed else seat.occupant, None if lapsed else seat.held_until)
        )
    return views


def count_of(seats: Iterable[SeatView]) -> Count:
    """How many are in each state."""
    counted = Counter(seat.status for seat in seats)
    return Count(
        *(counted[status] for status in (SeatStatus.FREE, SeatStatus.HELD, SeatStatus.TAKEN, SeatStatus.BLOCKED))
    )


def years(now: datetime) -> list[int]:
    """Every year that has a cohort, and this one."""
    starts = Cohort.objects.order_by().values_list("starts_on", flat=True)
    return sorted({school_day(now).year, *(day.year for day in starts)})


def year_to_show(asked: str, known: list[int], now: datetime) -> int:
    """The year that was asked for, or else that of the next cohort to come."""
    if asked.isascii() and asked.isdigit() and len(asked) == 4 and int(asked) in known:
        return int(asked)
    coming = Cohort.objects.exclude(status=CohortStatus.CANCELLED).coming(school_day(now)).first()
    return coming.starts_on.year if coming else school_day(now).year


def lines(year: int, now: datetime, *, set_up: bool) -> list[Line]:
    """The cohorts of a year, with what to do next about each."""
    cohorts = list(
        Cohort.objects.filter(starts_on__year=year)
        .select_related("venue")
        .prefetch_related("seats__occupant", "sessions", "teachings__instructor")
        .order_by("starts_on", "pk")
    )
    unpaid = _unpaid(Q(cohort__in=cohorts), now)
    return [_line(cohort, unpaid[cohort.pk], now, set_up) for cohort in cohorts]


def _unpaid(which: Q, now: datetime) -> Counter[int]:
    holding = with_paid(Reservation.objects.filter(which).holding_a_seat(now))
    return Counter(reservation.cohort_id for reservation in holding if reservation.paid_cents < reservation.price_cents)


def _line(cohort: Cohort, unpaid: int, now: datetime, set_up: bool) -> Line:
    views = seats_as_of(cohort.seats.all(), now)
    count = count_of(views)
    teachings = sorted(cohort.teachings.all(), key=lambda teaching: (not teaching.is_lead, str(teaching.instructor)))
    state, pill = state_of(cohort, now)
    return Line(
        cohort=cohort,
        seats=views,
        count=count,
        unpaid=unpaid,
        instructors=[teaching.instructor for teaching in teachings],
        next_step=_next(cohort, count, unpaid, now, set_up),
        state=state,
        pill=pill,
    )


def state_of(cohort: Cohort, now: datetime) -> tuple[str, str]:
    """A cohort's state in a word or two, and the pill it is drawn with."""
    today = school_day(now)
    if cohort.status == CohortStatus.CANCELLED:
        return "Cancelled", "pill-stop"
    if cohort.status == CohortStatus.DRAFT:
        return "Draft", ""
    if cohort.ends_on < today:
        return "Past", ""
    if cohort.starts_on <= today:
        return "Under way", "pill-good"
    if cohort.status == CohortStatus.CLOSED:
        return "Closed", ""
    if now < cohort.bookings_open_at:
        return "Published, opens later", "pill-wait"
    return ("Open", "pill-good") if cohort.is_bookable(now) else ("Published, bookings over", "")


def _next(cohort: Cohort, count: Count, unpaid: int, now: datetime, set_up: bool) -> str:
    """The one thing to do next, in words; empty when there is none."""
    if cohort.status == CohortStatus.DRAFT:
        return _before_publishing(cohort, count, set_up)
    if cohort.status == CohortStatus.CANCELLED or cohort.ends_on < school_day(now):
        return ""
    if not cohort.teachings.all():
        return "Choose who teaches it."
    if cohort.is_bookable(now) and count.free:
        return f"Open until {moment_in_words(cohort.bookings_close_at)}."
    if cohort.status == CohortStatus.PUBLISHED and now < cohort.bookings_open_at:
        return f"Bookings open on {moment_in_words(cohort.bookings_open_at)}."
    if unpaid:
        return "See who has not paid in full."
    return ""


def _before_publishing(cohort: Cohort, count: Count, set_up: bool) -> str:
    if not cohort.sessions.all():
        return "Enter its days."
    if not cohort.teachings.all():
        return "Choose who teaches it."
    if not count.capacity:
        return "Say how many seats there are."
    if not set_up:
        return "Finish the setup checklist, then publish it."
    return "Look it over and publish it."


def claims(cohort: Cohort, now: datetime) -> list[Claim]:
    """Every reservation of a cohort, those with a seat first."""
    reservations = with_paid(cohort.reservations.select_related("trainee", "cohort"))
    found = [Claim(reservation, reservation.state_at(now), reservation.paid_cents) for reservation in reservations]
    over = {State.EXPIRED, State.CANCELLED, State.TRANSFERRED}
    return sorted(found, key=lambda claim: (claim.state in over, claim.reservation.seat_number, claim.reservation.pk))
