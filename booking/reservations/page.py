"""What a trainee reads about one reservation of theirs, put together from its story, its money and the line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.urls import reverse

from booking.payments import ledger, returning
from booking.payments import page as paying_pages
from booking.payments.balances import Due, due_next
from booking.payments.discounts.using import redemption_of
from booking.payments.emails import transfer_reference
from booking.payments.gateways.offline import Offline
from booking.payments.models import UNDER_WAY, Payment, Refund, RefundStatus
from booking.payments.papers.page import papers_of
from booking.payments.plans import page as page_of_plan
from booking.payments.returning import where_it_counts
from booking.reservations import admission, explaining, moving, waitlist
from booking.reservations.deadlines import end_of_grace
from booking.reservations.models import OWING, Reservation, State
from booking.reservations.pathway import mends
from booking.reservations.places import Place, place_here, places_of
from booking.reservations.promises import if_promise_fails, promises_of, returns_of
from booking.reservations.refunds import comes_back, may_leave
from booking.reservations.story import chapters_of
from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus, Session
from workshops.cohorts.planning import certainty_of, plan_of
from workshops.history.record import history_of
from workshops.history.words import told
from workshops.people.models import User
from workshops.prerequisites.facts import standing_of
from workshops.programme.models import school

ENDINGS = (
    "reservation-cancelled", "reservation-expired", "reservation-transferred",
    "offer-accepted", "offer-declined", "offer-withdrawn", "offer-lapsed",
)  # fmt: skip
"""The lines of history that end a reservation."""


def own_reservation(trainee: User, public_id: str) -> Reservation:
    """The reader's own reservation; anyone else's does not exist for them.

    Raises:
        Http404: when there is none.
    """
    known = ("cohort__venue", "cohort__module", "conduct", "trainee", "moved_from__cohort", "place_in_line")
    try:
        return Reservation.objects.select_related(*known).get(public_id=public_id, trainee=trainee)
    except Reservation.DoesNotExist:
        raise Http404 from None


def has_begun(cohort: Cohort, now: datetime) -> bool:
    """Whether a cohort's first day has come: its seats are the instructors' matter by then."""
    return school_day(now) >= cohort.starts_on


def may_move_still(own: Reservation, now: datetime) -> bool:
    """Whether the trainee may still move to another cohort by themselves."""
    try:
        moving.preview(own, own.cohort, now, by_the_school=False)
    except moving.TooLate:
        return False
    return moving.may_move(own, now) and not has_begun(own.cohort, now)


def since_then(own: Reservation, now: datetime) -> str:
    """What became of a reservation that is not what a page showed: for someone who pressed a button on that page."""
    state = own.state_at(now)
    if state == State.EXPIRED:
        return "Your hold had run out a moment before, so nothing was changed. This page says what you can do."
    if state == State.TRANSFERRED:
        return "You had moved to another cohort already, so nothing was changed. This page says where."
    if state == State.CANCELLED:
        return "This reservation had ended already, so nothing was changed."
    return "Something changed a moment before, so nothing was done. This is how it stands now."


def may_choose(own: Reservation, now: datetime) -> bool:
    """Whether the school cancelled the cohort and its money still waits for a choice."""
    return own.state == State.CANCELLED and moving.may_move(own, now)


def about(own: Reservation, reader: User, now: datetime) -> dict[str, Any]:
    """Everything that its page shows, as of `now`."""
    state, paid, kept = own.state_at(now), ledger.paid_cents(own), ledger.kept_cents(own)
    due = due_next(own.charges.all(), kept)
    remaining, is_live = own.remaining_cents(kept), state in OWING
    refunds = [(each, explaining.refund_in_words(each)) for each in refunds_of(own)]
    page: dict[str, Any] = {
        "reservation": own,
        "cohort": own.cohort,
        "state": state,
        "is_live": is_live,
        "paid_cents": paid,
        "kept_cents": kept,
        "remaining_cents": remaining,
        "due_next": due,
        "charges": own.charges.all(),
        "redemption": redemption_of(own),
        "price_before_cents": price_before(own),
        "refunds": refunds,
        "transfer": awaited_transfer(own),
        "attempt": paying_pages.under_way(own, now),
        "disputes": paying_pages.disputes_in_words(own),
        "papers": papers_of(own),
        "promises": promises_of(own, now, is_owed=remaining > 0),
        "certainty": certainty_of(own.cohort, now=now),
        "story": [explaining.without_codes(each) for each in chapters_of(own, reader)[::-1]],
        "sessions": own.cohort.sessions.all(),
        "has_begun": has_begun(own.cohort, now),
        "is_over": own.cohort.ends_on < school_day(now),
    }
    if is_live:
        page["plan"] = page_of_plan.about(own, now)
        page["what_to_bring"] = school().what_to_bring
        page |= _while_it_stands(own, kept, due, now)
    elif state != State.OFFERED:
        page |= _once_it_has_ended(own, reader, refunds, now)
    return page


def price_before(own: Reservation) -> int:
    """The price before a discount; what it costs where there is none."""
    redemption = redemption_of(own)
    return own.price_cents + (redemption.amount_cents if redemption else 0)


# -- while it stands ---------------------------------------------------------------------------------------------------
def _while_it_stands(own: Reservation, kept: int, due: Due | None, now: datetime) -> dict[str, Any]:
    page: dict[str, Any] = {
        "overdue": overdue(own, due, now),
        "school_moved": school_moved(own, now),
        "elsewhere": [place for place in places_of(own.trainee, now) if place.entry.cohort_id != own.cohort_id],
    }
    if own.provisional_until:
        page["if_promise_fails"] = if_promise_fails(own, kept)
        standing, _ = standing_of(own.trainee, own.cohort.module.code, school_day(now), own.cohort_id)
        page["standing"], page["requirements"] = standing, mends(standing, school(), own.trainee)
    if not has_begun(own.cohort, now):
        page["returns"] = returns_of(own, kept, now)
        page["back"] = comes_back(own, kept, now)
        try:
            page["moving"] = moving.terms_of_move(own, kept, now, by_the_school=False)
        except moving.TooLate as late:
            page["too_late"] = late.last_day
    return page


@dataclass(frozen=True)
class Overdue:
    """A balance that has not come, and what follows when."""

    amount_cents: int
    due_on: date
    grace_until: date
    grace_is_over: bool
    by_itself: bool
    """Whether the seat is released without anybody deciding so."""


def overdue(own: Reservation, due: Due | None, now: datetime) -> Overdue | None:
    """What is late on a reserved seat; None when nothing is."""
    if due is None or due.due_at >= now or own.state not in (State.RESERVED, State.CONFIRMED):
        return None
    ends = end_of_grace(due.due_at, own.terms)
    return Overdue(
        amount_cents=due.amount_cents,
        due_on=school_day(due.due_at),
        grace_until=school_day(ends),
        grace_is_over=ends < now,
        # A cohort that begins before the grace has passed keeps its people: see `lapses.release_overdue`.
        by_itself=own.terms.release_overdue and own.cohort.starts_on > school_day(ends) + timedelta(days=1),
    )


@dataclass(frozen=True)
class SchoolMoved:
    """The school's own move of a cohort: when and where it was to be, when and where it is now, and why."""

    before: list[str]
    after: list[str]
    why: str


def school_moved(own: Reservation, now: datetime) -> SchoolMoved | None:
    """The move that lets someone leave freely; None when there is none (any more)."""
    if not may_leave(own, now):
        return None
    line = history_of("cohort", own.cohort.public_id).filter(what="cohort-moved").last()
    after = f"{plan_of(own.cohort).days_in_words}, {own.cohort.venue}"
    before = str(line.facts.get("before", "")) if line else ""
    return SchoolMoved(before.split("; ") if before else [], after.split("; "), line.why if line else "")


def awaited_transfer(own: Reservation) -> dict[str, object] | None:
    """How to make the bank transfer that this trainee chose, while it has not arrived."""
    payment = Payment.objects.filter(reservation=own, gateway=Offline.name, status__in=UNDER_WAY).first()
    if payment is None:
        return None
    return {"payment": payment, "reference": transfer_reference(payment), "bank_details": school().bank_details}


# -- once it has ended -------------------------------------------------------------------------------------------------
def _once_it_has_ended(
    own: Reservation, reader: User, refunds: Sequence[tuple[Refund, str]], now: datetime
) -> dict[str, Any]:
    ending = history_of("reservation", own.public_id).filter(what__in=ENDINGS).last()
    sent = sum(each.amount_cents for each, _ in refunds if each.status == RefundStatus.SUCCEEDED)
    # What went back while the seat still stood is no part of what the ending gives back.
    since = [each for each, _ in refunds if ending is None or each.requested_at >= ending.at]
    before = sum(each.amount_cents for each, _ in refunds if each not in since)
    received = ledger.paid_cents(own) + sent
    page: dict[str, Any] = {
        "ending": ending.what if ending else "",
        "ended": told(ending, reader) if ending else None,
        "was_offer": own.conduct_accepted_at is None,
        "going_back": any(each.rule == "late-no-seat" for each, _ in refunds),
        "received_cents": received,
        "before_cents": before,
        "had_cents": received - before,
        "back_cents": sum(each.amount_cents for each in since),
        "all_sent": all(each.status == RefundStatus.SUCCEEDED for each in since),
        "failed_cents": sum(each.amount_cents for each in since if each.status == RefundStatus.FAILED),
        "bank_decides": paying_pages.bank_decides(own),
        "may_choose": may_choose(own, now),
    }
    if own.state == State.TRANSFERRED:
        page["went_on"] = where_it_counts(own)
    elif not page["may_choose"]:
        page["again"] = another_try(own, now)
        if own.cohort.status == CohortStatus.CANCELLED and not page["again"]:
            page["with_seats"] = with_seats(own, now)
    return page


@dataclass(frozen=True)
class Again:
    """What is left to someone without this seat: one of seat, offer, place, reserve, line; and where that leads."""

    kind: str
    label: str
    url: str


def another_try(own: Reservation, now: datetime) -> Again | None:
    """The seat they have instead, their offer or place in line, a seat that anyone may take, or the line.

    None where the cohort takes nobody any more.
    """
    cohort = Cohort.objects.with_seats_left(now).select_related("module").get(pk=own.cohort_id)
    if seat := admission.seat_in_the_way(cohort, own.trainee, now=now):
        return Again("seat", f"See your seat in {seat.cohort.title}", seat.get_absolute_url())
    if not cohort.is_bookable(now):
        return None
    if place := place_here(cohort, own.trainee, now):
        label = "Answer the offer" if place.offer else "See your place in line"
        return Again("offer" if place.offer else "place", label, place.entry.get_absolute_url())
    if waitlist.seats_left(cohort, waitlist.lines([cohort], now)[cohort.pk]):
        label = "Try again" if own.state_at(now) == State.EXPIRED else "Reserve again"
        return Again("reserve", label, reverse("reserve", args=[cohort.code]))
    return Again("line", "Join the line", reverse("join-line", args=[cohort.code]))


# -- money -------------------------------------------------------------------------------------------------------------
def refunds_of(own: Reservation) -> QuerySet[Refund]:
    """What goes or went back of its money, the oldest first."""
    return Refund.objects.filter(reservation=own, amount_cents__gt=0).select_related("payment")


@dataclass(frozen=True)
class WayBack:
    """The part of a refund that goes back on one payment."""

    payment: Payment
    amount_cents: int
    way: str


def ways_back(own: Reservation, cents: int) -> list[WayBack]:
    """How `cents` would go back, part by part."""
    parts = returning.ways_back(own, cents)
    return [WayBack(payment, part, explaining.way_of(payment.gateway)) for payment, part in parts]


# -- other cohorts -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class OtherCohort:
    """A cohort that someone may move to: the seats that are left in it, and their place in its line."""

    cohort: Cohort
    is_bookable: bool
    opens_later: bool
    seats_left: int
    place: Place | None

    @property
    def has_offer(self) -> bool:
        """Whether a seat is held there for them to say yes to."""
        return self.place is not None and self.place.offer is not None


def other_cohorts(own: Reservation, now: datetime, code: str | None = None) -> list[OtherCohort]:
    """The coming cohorts besides this reservation's, the next first; with a `code`, that one, whatever its state."""
    public = Cohort.objects.public().filter(module=own.cohort.module_id).exclude(pk=own.cohort_id)
    if code:
        wanted = public.filter(code=code)
    else:
        wanted = public.coming(school_day(now)).filter(starts_on__gt=school_day(now))
        wanted = wanted.exclude(status=CohortStatus.CANCELLED)
    cohorts = list(
        wanted.with_seats_left(now)
        .select_related("venue", "module")
        .prefetch_related(Prefetch("sessions", Session.objects.order_by("day")))
    )
    lines = waitlist.lines(cohorts, now)
    places = {place.entry.cohort_id: place for place in places_of(own.trainee, now)}
    return [
        OtherCohort(
            cohort=each,
            is_bookable=each.is_bookable(now),
            opens_later=each.status == CohortStatus.PUBLISHED and now < each.bookings_open_at,
            seats_left=waitlist.seats_left(each, lines[each.pk]),
            place=places.get(each.pk),
        )
        for each in cohorts
    ]


def with_seats(own: Reservation, now: datetime) -> list[OtherCohort]:
    """The coming cohorts besides this one in which anyone may reserve now, the next first."""
    return [each for each in other_cohorts(own, now) if each.is_bookable and each.seats_left]


# -- the list of them --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Listed:
    """One reservation in the list of someone's own, with what they must not miss about it."""

    reservation: Reservation
    state: State
    paid_cents: int
    may_choose: bool
    overdue: Overdue | None
    leave_free: bool

    @property
    def is_live(self) -> bool:
        """Whether they have a seat by it."""
        return self.state in OWING


def list_of(trainee: User, now: datetime) -> list[Listed]:
    """Everything this person said yes to, the newest first. Three statements, however many."""
    rows = Reservation.objects.filter(trainee=trainee, conduct_accepted_at__isnull=False)
    own = list(ledger.with_paid(rows.select_related("cohort__venue").prefetch_related("charges")))
    going_back = ledger.owed_back(each.pk for each in own)
    return [_listed(each, each.paid_cents, going_back.get(each.pk, 0), now) for each in own]


def _listed(own: Reservation, paid: int, going_back: int, now: datetime) -> Listed:
    state = own.state_at(now)
    due = due_next(own.charges.all(), paid - going_back) if state in OWING else None
    return Listed(
        reservation=own,
        state=state,
        paid_cents=paid,
        may_choose=may_choose(own, now),
        overdue=overdue(own, due, now),
        leave_free=state in OWING and may_leave(own, now),
    )
