"""Whether someone may have a seat now, and on what terms. Reads only; `lifecycle` takes the seat."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict, cast

from django.db.models import OuterRef, Subquery
from django_stubs_ext import WithAnnotations

from booking.reservations.models import LIVE, Reservation, State
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.people.models import User
from workshops.prerequisites.check import Standing
from workshops.prerequisites.facts import standing_of
from workshops.programme.models import ConductText, Price, school_terms
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


def admit(cohort: Cohort, trainee: User, *, now: datetime) -> Admission:
    """Everything but the seat itself, as of `now`. Five statements, no lock.

    Raises:
        BookingClosed, AlreadyReserved, PrerequisitesUnmet: the first that holds.
    """
    today = school_day(now)
    fresh = _as_it_stands(cohort.pk, today)
    if not fresh.is_bookable(now) or fresh.price_cents is None:
        raise BookingClosed
    terms = fresh.terms(school_terms())
    own = list(Reservation.objects.filter(trainee=trainee, state__in=LIVE).select_related("cohort__venue", "trainee"))
    _refuse_second_seat(own, fresh, terms, now)
    standing, facts = standing_of(trainee, fresh.module.code, today, fresh.pk)
    if not standing.eligible:
        raise PrerequisitesUnmet(standing)
    price = Price(amount_cents=fresh.price_cents, currency=fresh.price_currency or "USD")
    return Admission(
        cohort=fresh,
        trainee=trainee,
        terms=terms,
        quote=quote(fresh, terms, price, entitled=fresh.module.code in facts.entitled, today=today),
        conduct_id=fresh.conduct_id,
        lapsed=[each for each in own if each.state_at(now) == State.EXPIRED],
        over=[each for each in own if each.is_only_one and each.cohort.ends_on < today],
    )


class _AsItStands(TypedDict):
    price_cents: int | None
    price_currency: str | None
    conduct_id: int


def _as_it_stands(cohort_id: int, today: date) -> "WithAnnotations[Cohort, _AsItStands]":
    """The cohort, the price of its module today and the conduct text in force, in one statement."""
    price = Price.objects.filter(item=OuterRef("module__code")).on(today)
    cohorts = (
        Cohort.objects.filter(pk=cohort_id)
        .select_related("module", "venue")
        .annotate(
            price_cents=Subquery(price.values("amount_cents")[:1]),
            price_currency=Subquery(price.values("currency")[:1]),
            conduct_id=Subquery(ConductText.objects.order_by("-version").values("pk")[:1]),
        )
    )
    return cast("WithAnnotations[Cohort, _AsItStands]", cohorts.get())


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
        if reservation.state_at(now) == State.EXPIRED:
            continue
        still_to_come = reservation.cohort.ends_on >= today
        if reservation.cohort_id == cohort.pk or (terms.one_active_seat and still_to_come):
            raise AlreadyReserved(reservation)
