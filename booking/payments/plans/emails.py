"""The messages that plans cause. What is told once for each part has a step of its own for each day that one is due."""

from collections.abc import Sequence
from datetime import date, datetime

from django.conf import settings
from django.urls import reverse

from booking.payments.models import Payment
from booking.payments.plans.models import Plan, Trouble
from booking.reservations.deadlines import end_of_grace
from booking.reservations.emails import context
from booking.reservations.models import ChargeKind, Reservation
from booking.reservations.owing import Part
from workshops import money
from workshops.clock import end_of_school_day, school_day, with_weekday
from workshops.messages.outbox import queue

NOT_CHARGED = {
    Trouble.AUTHENTICATION: "instalment-to-confirm",
    Trouble.DECLINED: "instalment-declined",
    Trouble.EXPIRED: "instalment-card-needed",
    Trouble.NO_CARD: "instalment-card-needed",
}
"""The words for each reason why a part could not be charged."""


def begun(plan: Plan, reservation: Reservation, *, now: datetime) -> None:
    """Queue what was agreed to: the parts, their days, and the card."""
    charges = reservation.charges.filter(kind=ChargeKind.INSTALMENT).order_by("number")
    parts = [
        f"{money.in_words(each.amount_cents, reservation.currency)} on {with_weekday(school_day(each.due_at))}"
        for each in charges
    ]
    told = {"parts": " · ".join(parts), "card": plan.card_words, "consent": plan.consent}
    _queue("plan-begun", plan, reservation, told, now=now)


def ended_by_move(plan: Plan, reservation: Reservation, *, now: datetime) -> None:
    """Queue that the parts do not fit the cohort they moved to, and what is due instead."""
    told = {"due_on": with_weekday(reservation.balance_due_on)}
    _queue("plan-ended", plan, reservation, told, now=now)


def ahead(plan: Plan, part: Part, *, step: int, now: datetime) -> None:
    """Queue the friendly word that a part is charged in a few days, and to which card."""
    told = {"amount": _amount(plan, part.cents), "due_on": with_weekday(part.due_on), "card": plan.card_words}
    _queue("instalment-ahead", plan, plan.reservation, told, now=now, step=step)


def not_charged(plan: Plan, attempt: Payment, left: Sequence[Part], *, now: datetime) -> None:
    """Queue why a part could not be charged, and what its owner can do. Each attempt is told once."""
    told = _about_trouble(plan, left, now)
    about = ("payment", attempt.public_id)
    queue(NOT_CHARGED[Trouble(plan.trouble)], about, plan.reservation.trainee, told, now=now)


def card_needed(plan: Plan, left: Sequence[Part], *, step: int, now: datetime) -> None:
    """Queue that a part falls due and no card is saved that it could be charged to."""
    _queue("instalment-card-needed", plan, plan.reservation, _about_trouble(plan, left, now), now=now, step=step)


def still_late(plan: Plan, left: Sequence[Part], *, step: int, now: datetime) -> None:
    """Queue a rung of the ladder of reminders of a part that could not be charged."""
    _queue("instalment-late", plan, plan.reservation, _about_trouble(plan, left, now), now=now, step=step)


def _about_trouble(plan: Plan, left: Sequence[Part], now: datetime) -> dict[str, str]:
    """What is due of the parts, since when, what happens by itself and when it has to be here."""
    reservation, today = plan.reservation, school_day(now)
    due = [part for part in left if part.due_on <= today] or list(left[:1])
    since: date = due[0].due_on
    grace_ends = end_of_grace(end_of_school_day(since), reservation.terms)
    again = plan.next_try_at
    return {
        **context(reservation),
        "link": _page(reservation),
        "card_link": f"{settings.SITE_URL}{reverse('reservation-plan-card', args=[reservation.public_id])}",
        "amount": _amount(plan, sum(part.cents for part in due)),
        "due_on": with_weekday(since),
        "is_to_come": "yes" if since > today else "",
        "card": plan.card_words,
        "expired": "yes" if plan.trouble == Trouble.EXPIRED else "",
        "again_on": with_weekday(school_day(again)) if again else "",
        "grace_until": with_weekday(school_day(grace_ends)),
        "grace_is_over": "yes" if grace_ends < now else "",
        "by_itself": "yes" if reservation.terms.release_overdue else "",
    }


def _amount(plan: Plan, cents: int) -> str:
    return money.in_words(cents, plan.reservation.currency)


def _page(reservation: Reservation) -> str:
    return f"{settings.SITE_URL}{reverse('reservation-plan', args=[reservation.public_id])}"


def _queue(
    kind: str, plan: Plan, reservation: Reservation, told: dict[str, str], *, now: datetime, step: int = 0
) -> None:
    link = _page(reservation)
    about = {**context(reservation), "link": link, **told}
    queue(kind, ("plan", plan.public_id), reservation.trainee, about, now=now, step=step)
