"""Whether someone may have a seat now, and on what terms. Reads only; `lifecycle` takes the seat."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypedDict, cast

from django.db.models import BigIntegerField, DateTimeField, Exists, OuterRef, Subquery
from django_stubs_ext import WithAnnotations

from booking.payments.discounts import by_name
from booking.payments.discounts.models import Discount
from booking.reservations.deadlines import last_day_to_keep_a_promise
from booking.reservations.models import LIVE, Reservation, ReservationQuerySet, State, WaitlistEntry
from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus, Seat, seat_is_free
from workshops.compiled import Compiled, Parameter
from workshops.people.models import User
from workshops.prerequisites.check import Standing, check
from workshops.prerequisites.facts import facts_of, rules_of
from workshops.programme.in_force import programme_at
from workshops.programme.models import Price, ProgrammeRevision, school_terms
from workshops.programme.terms import Terms


class Refused(Exception):
    """A seat was refused. When several reasons hold, the first of: closed, already reserved, prerequisites, full."""


class BookingClosed(Refused):
    """The cohort takes no reservations now."""


class AlreadyReserved(Refused):
    """The person holds a seat, in this cohort or (where the terms allow one only) in another."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__()
        self.reservation = reservation


class PrerequisitesUnmet(Refused):
    """Something that the module asks for is missing."""

    def __init__(self, standing: Standing) -> None:
        super().__init__()
        self.standing = standing


class Full(Refused):
    """No seat is left."""


@dataclass(frozen=True)
class Quote:
    """What a seat would cost this person, and when, if they reserved at this moment."""

    price_cents: int
    deposit_cents: int
    currency: str
    balance_due_on: date
    paid_elsewhere: bool
    discount_cents: int = 0
    """What a discount by name takes off, in the price already."""
    discount_title: str = ""

    @property
    def balance_cents(self) -> int:
        """What is left after the deposit."""
        return self.price_cents - self.deposit_cents


def quote(cohort: Cohort, terms: Terms, price: Price | None, *, entitled: bool, today: date) -> Quote:
    """Work out price, deposit and balance date. Once the balance date has come, everything is due at once."""
    due_on = cohort.starts_on - timedelta(days=terms.balance_due_days)
    cents = 0 if entitled or price is None else price.amount_cents
    deposit = cents if today >= due_on else min(terms.deposit_cents, cents)
    return Quote(
        price_cents=cents,
        deposit_cents=deposit,
        currency=price.currency if price else "USD",
        balance_due_on=due_on,
        paid_elsewhere=entitled,
    )


def less(cost: Quote, applies: by_name.Applies | None) -> Quote:
    """The same quote with what a discount takes off it."""
    if applies is None:
        return cost
    cents = cost.price_cents - applies.cents
    return replace(
        cost,
        price_cents=cents,
        deposit_cents=min(cost.deposit_cents, cents),
        discount_cents=applies.cents,
        discount_title=applies.title,
    )


def quote_of_offer(offer: Reservation, now: datetime) -> Quote:
    """What an offer comes to cost if it is accepted now."""
    cost = Quote(
        price_cents=offer.price_cents,
        deposit_cents=offer.deposit_cents,
        currency=offer.currency,
        balance_due_on=offer.balance_due_on,
        paid_elsewhere=offer.paid_elsewhere,
    )
    return less(cost, by_name.on_offer(offer, now))


@dataclass(frozen=True)
class Admission:
    """Someone may have a seat in this cohort, at this price, on these terms, if one is left."""

    cohort: Cohort
    trainee: User
    terms: Terms
    quote: Quote
    conduct_id: int
    lapsed: Sequence[Reservation]
    """Their holds that ran out and are not marked so yet."""
    over: Sequence[Reservation]
    """Their reservations in cohorts that have ended: no active seats any more."""
    someone_waits: bool = False
    """Whether anyone waits in line here: then freed seats are theirs first."""
    seats_left: bool = True
    """Whether a seat was left a moment ago."""
    offer: Reservation | None = None
    """The open offer that this person has here already."""
    provisional_until: date | None = None
    """Where the prerequisites are not met and the cohort lets them promise: until when."""
    discount: by_name.Applies | None = None
    """What they have by name and the quote has taken off: whoever begins the reservation writes it down."""
    rules: str = ""
    """The version of the prerequisites' rules that were asked: the history keeps it with what it decided."""


def admit(
    cohort: Cohort,
    trainee: User,
    *,
    now: datetime,
    leaving: Reservation | None = None,
    by_the_school: bool = False,
) -> Admission:
    """Everything but the seat itself, as of `now`. Two statements, no lock; more for whoever has a live reservation, or
    a discount by name.

    `leaving` is the reservation that would move here: it does not stand in the way, and its price, terms and conduct
    text come along. The school (`by_the_school`) may move people into a cohort that takes no reservations any more.

    Raises:
        BookingClosed, AlreadyReserved, PrerequisitesUnmet: the first that holds.
    """
    today = school_day(now)
    found = _as_it_stands(cohort=cohort.pk, trainee=trainee.pk, now=now)
    fresh = cast("WithAnnotations[Cohort, _AsItStands]", found[0])
    programme = programme_at(fresh.revision)
    price = programme.price_on(fresh.module.code, today)
    live = _live_of(trainee) if fresh.has_others else ()
    own = [each for each in live if leaving is None or each.pk != leaving.pk]
    # Whoever was offered a seat was found eligible then and the offer stands, even where bookings have closed since.
    offer = next((each for each in own if _is_open_offer(each, fresh.pk, now)), None)
    may_enter = offer or fresh.is_bookable(now) or (by_the_school and _may_still_enter(fresh, today))
    if not may_enter or price is None:
        raise BookingClosed
    terms = leaving.terms if leaving else fresh.terms(programme.terms)
    _refuse_second_seat(own, fresh, terms, now)
    facts = facts_of([trainee.pk], today, fresh.pk)[trainee.pk]
    standing = check(rules_of(programme, fresh.module.code), facts, today)
    provisional_until = None
    if not standing.eligible and offer:
        provisional_until = offer.provisional_until
    elif not standing.eligible:
        provisional_until = promise_until(fresh, fresh.terms(programme.terms), today)
        if provisional_until is None:
            raise PrerequisitesUnmet(standing)
    cost = quote(fresh, terms, price, entitled=fresh.module.code in facts.entitled, today=today)
    # An offer is lowered when it is accepted, and a seat that moves keeps its price.
    asks = fresh.has_discount and leaving is None and offer is None
    applies = by_name.that_applies(trainee.pk, fresh.pk, cost.price_cents, now) if asks else None
    return Admission(
        cohort=fresh,
        trainee=trainee,
        terms=terms,
        quote=quote_after_move(leaving, fresh, today) if leaving else less(cost, applies),
        conduct_id=leaving.conduct_id if leaving else programme.conduct_id,
        lapsed=[each for each in own if each.state_at(now) == State.EXPIRED],
        over=[each for each in own if each.is_only_one and each.cohort.ends_on < today],
        someone_waits=fresh.someone_waits,
        seats_left=fresh.seats_left,
        offer=offer,
        provisional_until=provisional_until,
        discount=applies,
        rules=standing.rules,
    )


def _live_of(trainee: User) -> ReservationQuerySet:
    return Reservation.objects.filter(trainee=trainee, state__in=LIVE).select_related("cohort__venue", "trainee")


def quote_after_move(leaving: Reservation, cohort: Cohort, today: date) -> Quote:
    """What a reservation costs in another cohort: its own price, by that cohort's dates. Nothing is due in the past."""
    terms = leaving.terms
    due_on = cohort.starts_on - timedelta(days=terms.balance_due_days)
    is_late_hold = leaving.state == State.HELD and today >= due_on
    return Quote(
        price_cents=leaving.price_cents,
        deposit_cents=leaving.price_cents if is_late_hold else min(terms.deposit_cents, leaving.price_cents),
        currency=leaving.currency,
        balance_due_on=max(due_on, today),
        paid_elsewhere=leaving.paid_elsewhere,
    )


def promise_until(cohort: Cohort, terms: Terms, today: date) -> date | None:
    """Until when someone who lacks a prerequisite may hold a seat here on a promise; None where nobody may."""
    until = min(cohort.starts_on - timedelta(days=terms.provisional_days), last_day_to_keep_a_promise(cohort.starts_on))
    return until if terms.provisional_days and today <= until else None


def _may_still_enter(cohort: Cohort, today: date) -> bool:
    return cohort.status in (CohortStatus.PUBLISHED, CohortStatus.CLOSED) and today < cohort.starts_on


def _is_open_offer(reservation: Reservation, cohort_id: int, now: datetime) -> bool:
    return reservation.cohort_id == cohort_id and reservation.state_at(now) == State.OFFERED


class _AsItStands(TypedDict):
    revision: str
    someone_waits: bool
    seats_left: bool
    has_others: bool
    has_discount: bool


# The cohort, the revision of the programme, whether a seat is left, whether anyone waits for one, and whether this
# person has a live reservation anywhere, and a discount by name: one statement.
_as_it_stands = Compiled(
    lambda: (
        Cohort.objects.filter(pk=Parameter("cohort", BigIntegerField()))
        .select_related("module", "venue")
        .annotate(
            revision=Subquery(ProgrammeRevision.objects.values("name")[:1]),
            someone_waits=Exists(WaitlistEntry.objects.waiting().filter(cohort=OuterRef("pk"))),
            seats_left=Exists(
                Seat.objects.filter(seat_is_free(Parameter("now", DateTimeField())), cohort=OuterRef("pk"))
            ),
            has_others=Exists(
                Reservation.objects.filter(trainee=Parameter("trainee", BigIntegerField()), state__in=LIVE)
            ),
            has_discount=Exists(Discount.objects.filter(person=Parameter("trainee", BigIntegerField()), ended_at=None)),
        )
    )
)


def seat_in_the_way(cohort: Cohort, trainee: User, *, now: datetime) -> Reservation | None:
    """The seat `trainee` has already, where it keeps them from one in `cohort`: for pages that say so beforehand."""
    own = list(Reservation.objects.filter(trainee=trainee, state__in=LIVE).select_related("cohort"))
    try:
        _refuse_second_seat(own, cohort, cohort.terms(school_terms()), now)
    except AlreadyReserved as refused:
        return refused.reservation
    return None


def _refuse_second_seat(own: list[Reservation], cohort: Cohort, terms: Terms, now: datetime) -> None:
    today = school_day(now)
    for reservation in own:
        if reservation.state_at(now) in (State.EXPIRED, State.OFFERED):
            continue  # an offer elsewhere keeps nobody from anything; the one in this cohort is accepted by reserving
        still_to_come = reservation.cohort.ends_on >= today
        if reservation.cohort_id == cohort.pk or (terms.one_active_seat and still_to_come):
            raise AlreadyReserved(reservation)
