"""What the desk shows about cohorts: read as of a moment, in a constant number of statements."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from booking.payments.ledger import with_paid
from booking.reservations.lapses import overdue_past_grace
from booking.reservations.models import IN_LINE, OWING, EntryState, Reservation, State, WaitlistEntry
from workshops.clock import moment_in_words, school_day
from workshops.cohorts.certainty import Certain, Certainty, certainty
from workshops.cohorts.models import Cohort, CohortStatus, Seat, SeatStatus
from workshops.people.models import User
from workshops.programme.models import school_terms
from workshops.programme.terms import Terms


@dataclass(frozen=True)
class SeatView:
    """A seat as of a moment: one whose hold ran out is free, whoever sat there."""

    number: int
    status: SeatStatus
    occupant: User | None
    held_until: datetime | None
    is_offered: bool = False
    """Held for someone from the line who has not answered yet."""


@dataclass(frozen=True)
class Count:
    """How many of a cohort's seats are in each state."""

    free: int
    held: int
    taken: int
    blocked: int
    offered: int = 0
    """How many of those held are offers from the line that nobody has answered yet."""

    @property
    def capacity(self) -> int:
        """All of them."""
        return self.free + self.held + self.taken + self.blocked


@dataclass(frozen=True)
class Pending:
    """What waits for someone in one cohort, as of a moment."""

    unpaid: int
    """How many have a seat and have not paid in full."""
    overdue: int
    """How many of them are past the grace, so that the registrar decides."""
    waiting: int
    """How many wait in line without an offer."""
    choosing: int
    """How many have still to choose between their money and another cohort, because this one was cancelled."""
    offered: frozenset[int]
    """The keys of the people who have an offer to answer."""


@dataclass(frozen=True)
class NextStep:
    """The one thing to do next, and where: the name of a page of this cohort; none where there is nothing to press."""

    words: str = ""
    page: str = ""
    part: str = ""

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Line:
    """One cohort on the desk's front page."""

    cohort: Cohort
    seats: list[SeatView]
    count: Count
    pending: Pending
    instructors: list[User]
    next_step: NextStep
    decision: Certainty | None
    """Where it is still to be decided whether it runs."""
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
        return self.reservation.remaining_cents(self.paid_cents) if self.state in OWING else 0

    def chooses(self, now: datetime) -> bool:
        """Whether the school cancelled the cohort and they have still to choose what becomes of their money."""
        return self.reservation.choose_until is not None and self.reservation.choose_until > now

    def may_leave(self, now: datetime) -> bool:
        """Whether the school moved the cohort lately, so that leaving it or moving on costs them nothing."""
        until = self.reservation.may_leave_until
        return self.state in OWING and until is not None and until > now


def seats_as_of(seats: Iterable[Seat], now: datetime, *, offered: Collection[int] = ()) -> list[SeatView]:
    """The seats of a cohort as everyone must see them at `now`; `offered` are the keys of people with an offer."""
    views = []
    for seat in sorted(seats, key=lambda seat: seat.number):
        lapsed = seat.held_until is not None and seat.held_until <= now
        if lapsed:
            views.append(SeatView(seat.number, SeatStatus.FREE, None, None))
            continue
        is_offered = seat.status == SeatStatus.HELD and seat.occupant_id in offered
        views.append(SeatView(seat.number, SeatStatus(seat.status), seat.occupant, seat.held_until, is_offered))
    return views


def with_an_offer(cohort: Cohort, now: datetime) -> set[int]:
    """The keys of the people to whom a seat of this cohort is offered."""
    offers = cohort.reservations.filter(state=State.OFFERED, held_until__gt=now)
    return set(offers.order_by().values_list("trainee", flat=True))


def count_of(seats: Iterable[SeatView]) -> Count:
    """How many are in each state."""
    known = list(seats)
    counted = Counter(seat.status for seat in known)
    return Count(
        free=counted[SeatStatus.FREE],
        held=counted[SeatStatus.HELD],
        taken=counted[SeatStatus.TAKEN],
        blocked=counted[SeatStatus.BLOCKED],
        offered=sum(seat.is_offered for seat in known),
    )


def years(now: datetime) -> list[int]:
    """Every year that has a cohort, and this one."""
    starts = Cohort.objects.order_by().values_list("starts_on", flat=True)
    return sorted({school_day(now).year, *(day.year for day in starts)})


def year_to_show(asked: str, known: list[int], now: datetime) -> int:
    """The year that was asked for, or else that of the next cohort to come."""
    if asked.isascii() and asked.isdigit() and len(asked) == 4 and int(asked) in known:
        return int(asked)
    coming = Cohort.objects.not_over(school_day(now)).first()
    return coming.starts_on.year if coming else school_day(now).year


def lines(year: int, now: datetime, *, set_up: bool) -> list[Line]:
    """The cohorts of a year, with what to do next about each."""
    cohorts = list(
        Cohort.objects.filter(starts_on__year=year)
        .select_related("venue")
        .prefetch_related("seats__occupant", "sessions", "teachings__instructor")
        .order_by("starts_on", "pk")
    )
    pending, schools = _pending(cohorts, now), school_terms()
    return [_line(cohort, pending[cohort.pk], schools, now, set_up) for cohort in cohorts]


def _pending(cohorts: Sequence[Cohort], now: datetime) -> dict[int, Pending]:
    holding = list(with_paid(Reservation.objects.filter(cohort__in=cohorts).holding_a_seat(now)))
    unpaid = Counter(each.cohort_id for each in holding if each.state in OWING and each.paid_cents < each.owed_cents)
    overdue = Counter(each.cohort_id for each in overdue_past_grace(now))
    waiting = _counted(WaitlistEntry.objects.waiting().filter(cohort__in=cohorts))
    choosing = _counted(Reservation.objects.filter(cohort__in=cohorts, choose_until__gt=now))
    offered = [each for each in holding if each.state == State.OFFERED]
    return {
        cohort.pk: Pending(
            unpaid=unpaid[cohort.pk],
            overdue=overdue[cohort.pk],
            waiting=waiting[cohort.pk],
            choosing=choosing[cohort.pk],
            offered=frozenset(each.trainee_id for each in offered if each.cohort_id == cohort.pk),
        )
        for cohort in cohorts
    }


def _counted(rows: Any) -> Counter[int]:
    return Counter(rows.order_by().values_list("cohort", flat=True))


def _line(cohort: Cohort, pending: Pending, schools: Terms, now: datetime, set_up: bool) -> Line:
    views = seats_as_of(cohort.seats.all(), now, offered=pending.offered)
    count = count_of(views)
    teachings = sorted(cohort.teachings.all(), key=lambda teaching: (not teaching.is_lead, str(teaching.instructor)))
    state, pill = state_of(cohort, now)
    decision = to_be_decided(cohort, schools, count.taken, now)
    return Line(
        cohort=cohort,
        seats=views,
        count=count,
        pending=pending,
        instructors=[teaching.instructor for teaching in teachings],
        next_step=_next(cohort, count, pending, decision, now, set_up),
        decision=decision,
        state=state,
        pill=pill,
    )


def to_be_decided(cohort: Cohort, schools: Terms, taken: int, now: datetime) -> Certainty | None:
    """How far the cohort is from running, while that is open; None once it is settled, for a draft, when cancelled."""
    if cohort.status not in {CohortStatus.PUBLISHED, CohortStatus.CLOSED}:
        return None
    terms, today = cohort.terms(schools), school_day(now)
    found = certainty(cohort.starts_on, terms, taken=taken, since=cohort.certain_since, today=today)
    return None if found.is_settled else found


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


def _next(
    cohort: Cohort, count: Count, pending: Pending, decision: Certainty | None, now: datetime, set_up: bool
) -> NextStep:
    """The one thing to do next: what people wait for first."""
    if cohort.status == CohortStatus.DRAFT:
        return NextStep(_before_publishing(cohort, count, set_up))
    if cohort.status == CohortStatus.CANCELLED:
        return _of_cancelled(pending)
    if cohort.ends_on < school_day(now):
        return NextStep()
    if decision and decision.state == Certain.OVERDUE:
        return NextStep("Decide whether it runs.", "cohort", "runs")
    if pending.overdue:
        these = f"{pending.overdue} overdue balance{'' if pending.overdue == 1 else 's'}"
        return NextStep(f"Decide about {these}.", "cohort", "overdue")
    if cohort.is_bookable(now) and pending.waiting and count.free:
        seats = "a free seat" if count.free == 1 else f"{count.free} free seats"
        return NextStep(f"The line waits beside {seats}: see why.", "cohort-line")
    return NextStep(_in_its_course(cohort, count, pending, now))


def _of_cancelled(pending: Pending) -> NextStep:
    if not pending.choosing:
        return NextStep()
    who = "1 person has" if pending.choosing == 1 else f"{pending.choosing} people have"
    return NextStep(f"{who} still to choose.", "cohort", "choosing")


def _in_its_course(cohort: Cohort, count: Count, pending: Pending, now: datetime) -> str:
    if not cohort.teachings.all():
        return "Choose who teaches it."
    if cohort.is_bookable(now) and count.free:
        return f"Open until {moment_in_words(cohort.bookings_close_at)}."
    if cohort.status == CohortStatus.PUBLISHED and now < cohort.bookings_open_at:
        return f"Bookings open on {moment_in_words(cohort.bookings_open_at)}."
    return "See who has not paid in full." if pending.unpaid else ""


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


def overdue(claims: Iterable[Claim], now: datetime) -> list[Claim]:
    """Those whose grace is over and about whom the registrar decides, the longest first."""
    known = {claim.reservation.pk: claim for claim in claims}
    return [known[each.pk] for each in overdue_past_grace(now) if each.pk in known] if known else []


@dataclass(frozen=True)
class InLine:
    """How many wait in the line of a cohort, and how many have an offer that can still be accepted."""

    waiting: int
    offered: int


def in_line(cohort: Cohort, now: datetime) -> InLine:
    """The line of a cohort in two numbers. One statement."""
    entries = WaitlistEntry.objects.filter(cohort=cohort, state__in=IN_LINE).order_by()
    known = list(entries.values_list("state", "offer__held_until"))
    return InLine(
        waiting=sum(state == EntryState.WAITING for state, _ in known),
        offered=sum(until is not None and until > now for state, until in known if state == EntryState.OFFERED),
    )


def seated_without_minimum(cohort: Cohort, schools: Terms, now: datetime) -> int:
    """How many people have a seat that was promised to run whatever comes; 0 where there is a minimum already."""
    if cohort.terms(schools).minimum_enrolment or cohort.certain_since or cohort.status == CohortStatus.CANCELLED:
        return 0
    return cohort.reservations.holding_a_seat(now).filter(state__in=OWING).count()


def may_give_seats(cohort: Cohort, now: datetime) -> bool:
    """Whether a registrar may still seat someone: in a free seat, one that is kept back, or its line."""
    decided = cohort.status in {CohortStatus.PUBLISHED, CohortStatus.CLOSED}
    return decided and cohort.starts_on > school_day(now)


def may_be_called_off(cohort: Cohort, now: datetime) -> bool:
    """Whether there is anything to cancel: people may know of it, and it has not ended."""
    decided = cohort.status in {CohortStatus.PUBLISHED, CohortStatus.CLOSED}
    return decided and cohort.ends_on >= school_day(now)
