"""What the clock brings: reminders on a ladder, overdue balances, promises that were not kept.

Each task finds its work in rows that are due, so that it may run twice, at once, late, or not at all for a day: a rung
of a ladder is one message row, and of rungs that were missed only the last is sent.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from booking.payments.balances import due_next
from booking.payments.ledger import kept_cents, with_kept
from booking.payments.models import Payment, PaymentStatus
from booking.payments.plans.models import Plan, PlanState, Trouble
from booking.reservations import cancelling, emails, lifecycle
from booking.reservations.deadlines import end_of_grace, is_quiet
from booking.reservations.models import OWING, Charge, ChargeKind, Reservation, State
from booking.reservations.rounds import one_by_one
from workshops.clock import end_of_school_day, school_day
from workshops.messages.outbox import said
from workshops.prerequisites.facts import standing_of, standings_of
from workshops.transactions import writes

OFFER_RUNGS = (timedelta(hours=24), timedelta(hours=4))
BALANCE_RUNGS = (timedelta(days=14), timedelta(days=7), timedelta(days=1))
OVERDUE_RUNGS = (timedelta(days=1), timedelta(days=4))
PROMISE_RUNGS = (timedelta(days=30), timedelta(days=14), timedelta(days=7), timedelta(days=2))


def rung(before: Sequence[timedelta], left: timedelta) -> int | None:
    """The step of a ladder that counts down, 1 for its first rung; None before that. Pure."""
    reached = [step for step, ahead in enumerate(before, start=1) if left <= ahead]
    return reached[-1] if reached else None


def remind_of_offers(now: datetime) -> int:
    """Remind those whose offer waits for an answer, by day; return how many were reminded."""
    offers = Reservation.objects.filter(
        state=State.OFFERED, held_until__gt=now, held_until__lte=now + OFFER_RUNGS[0], place_in_line__isnull=False
    ).select_related("cohort__venue", "trainee", "place_in_line")
    due = []
    for offer in offers:
        assert offer.held_until is not None
        step = rung(OFFER_RUNGS, offer.held_until - now)
        # Whoever got the offer later than this rung has just heard of it.
        if step and offer.held_until - offer.created_at > OFFER_RUNGS[step - 1] and not is_quiet(now, offer.terms):
            due.append((offer, step))
    return one_by_one(
        _unsaid("offer-waits", due), lambda each: _remind_of_offer(*each, now=now), "A reminder of an offer"
    )


@writes
def _remind_of_offer(offer: Reservation, step: int, *, now: datetime) -> int:
    if Reservation.objects.filter(pk=offer.pk, state=State.OFFERED).exists():
        emails.offer_reminder(offer, offer.place_in_line, step=step, now=now)
    return 1


def remind_of_balances(now: datetime) -> int:
    """Remind those whose balance is due soon, or was due; return how many were reminded.

    Whoever pays in parts hears of those instead: see `payments.plans.reminding`.
    """
    today = school_day(now)
    soon = Reservation.objects.filter(balance_due_on__lte=today + BALANCE_RUNGS[0], cohort__starts_on__gt=today)
    soon = soon.exclude(Exists(_running_plan()))
    before: list[tuple[Reservation, int]] = []
    after: list[tuple[Reservation, int]] = []
    for reservation, due_at in _unpaid(soon):
        overdue = due_at < now
        step = rung([-each for each in OVERDUE_RUNGS], due_at - now) if overdue else rung(BALANCE_RUNGS, due_at - now)
        if step and not _has_just_heard(reservation, now):
            (after if overdue else before).append((reservation, _on_ladder(reservation, step)))
    unsaid = [(*each, False) for each in _unsaid("balance-due", before)]
    unsaid += [(*each, True) for each in _unsaid("balance-overdue", after)]
    return one_by_one(unsaid, lambda each: _remind_of_balance(*each, now=now), "A reminder of a balance")


def _on_ladder(reservation: Reservation, step: int) -> int:
    """The step as the outbox knows it: a balance that was put off has a ladder of its own."""
    return max((reservation.balance_due_on - school_day(reservation.created_at)).days, 0) * 10 + step


def _unsaid(kind: str, due: list[tuple[Reservation, int]]) -> list[tuple[Reservation, int]]:
    """Those of these steps that have not been taken yet."""
    known = said(kind, (f"reservation:{each.public_id}" for each, _ in due)) if due else set()
    return [(each, step) for each, step in due if (f"reservation:{each.public_id}", step) not in known]


def _has_just_heard(reservation: Reservation, now: datetime) -> bool:
    """Whether they reserved so lately that they know: the message about it named the date."""
    return now - reservation.created_at < timedelta(days=1)


@writes
def _remind_of_balance(reservation: Reservation, step: int, overdue: bool, *, now: datetime) -> int:
    fresh = lifecycle.lock(reservation)
    remaining = fresh.remaining_cents(kept_cents(fresh))
    if fresh.state in (State.RESERVED, State.CONFIRMED) and remaining:
        emails.balance_reminder(fresh, remaining_cents=remaining, step=step, overdue=overdue, now=now)
    return 1


def release_overdue(now: datetime) -> int:
    """Cancel the seats whose grace is over, where the terms let the policy decide; return how many.

    Nobody loses a seat over a part of a plan that was never tried: a processor that is away is not their doing.
    """
    late = _late(now).exclude(Exists(_running_plan().filter(trouble=Trouble.NONE)))
    over = [
        each for each, due_at in _unpaid(late) if each.terms.release_overdue and end_of_grace(due_at, each.terms) < now
    ]
    return one_by_one(over, lambda each: _unless_moved(cancelling.cancel_overdue, each, now), "Releasing a seat")


def _unless_moved(cancel: Callable[..., object], reservation: Reservation, now: datetime) -> bool:
    """Cancel, unless someone was faster."""
    try:
        cancel(reservation, now=now)
    except lifecycle.Moved:
        return False
    return True


def overdue_past_grace(now: datetime) -> list[Reservation]:
    """Seats whose grace is over and that wait for the registrar's decision, the longest first.

    Not those that the policy releases by itself, nor those of a cohort that has begun: nothing is left to decide there.
    """
    return [
        each
        for each, due_at in _unpaid(_late(now))
        if end_of_grace(due_at, each.terms) < now and not each.terms.release_overdue
    ]


def _late(now: datetime) -> QuerySet[Reservation]:
    """Seats in cohorts to come of which something was due before today: the balance, or a part of it."""
    today = school_day(now)
    part_was_due = Charge.objects.filter(reservation=OuterRef("pk"), kind=ChargeKind.INSTALMENT, due_at__lt=now)
    return Reservation.objects.filter(Q(balance_due_on__lt=today) | Exists(part_was_due), cohort__starts_on__gt=today)


def _running_plan() -> QuerySet[Plan]:
    return Plan.objects.filter(reservation=OuterRef("pk"), state=PlanState.ACTIVE)


def _unpaid(which: QuerySet[Reservation]) -> list[tuple[Reservation, datetime]]:
    """Those of these reserved seats that are not paid in full, with the moment the next charge is due.

    Not those whose money a bank has and has not answered for: nobody is late meanwhile.
    """
    seated = which.filter(state__in=(State.RESERVED, State.CONFIRMED))
    with_a_bank = Payment.objects.filter(reservation=OuterRef("pk"), status=PaymentStatus.PROCESSING)
    rows = with_kept(seated.exclude(Exists(with_a_bank)))
    found: list[tuple[Reservation, datetime]] = []
    for each in (
        rows.select_related("cohort__venue", "trainee").prefetch_related("charges").order_by("balance_due_on", "pk")
    ):
        due = due_next(each.charges.all(), each.kept_cents)
        if due is not None:
            found.append((each, due.due_at))
    return found


def keep_promises(now: datetime) -> int:
    """Look after provisional seats: firm where everything has come, reminded of, or released when the date has passed.

    Returns how many seats became firm or were released, and how many people were reminded.
    """
    today = school_day(now)
    provisional = Reservation.objects.filter(
        provisional_until__isnull=False, state__in=OWING, cohort__starts_on__gt=today
    )
    rows = provisional.select_related("cohort__venue", "cohort__module", "trainee").order_by("provisional_until", "pk")
    by_cohort: dict[int, list[Reservation]] = defaultdict(list)
    for each in rows:
        by_cohort[each.cohort_id].append(each)
    met, over, due = [], [], []
    rules: dict[int, str] = {}
    for cohort_id, those in by_cohort.items():
        standings = standings_of([each.trainee for each in those], those[0].cohort.module.code, today, cohort_id)
        for each in those:
            until = each.provisional_until or today
            if standings[each.trainee_id].eligible:
                met.append(each)
                rules[each.pk] = standings[each.trainee_id].rules
            elif today > until:
                over.append(each)
            elif (step := rung(PROMISE_RUNGS, end_of_school_day(until) - now)) and not _has_just_heard(each, now):
                due.append((each, max((until - school_day(each.created_at)).days, 0) * 10 + step))
    return (
        one_by_one(met, lambda each: _firm(each, rules[each.pk], now), "Making a seat firm")
        + one_by_one(over, lambda each: _unless_moved(cancelling.cancel_unkept, each, now), "Releasing a seat")
        + one_by_one(
            _unsaid("promise-waits", due), lambda each: _remind_of_promise(*each, now=now), "A reminder of a promise"
        )
    )


@writes
def _firm(reservation: Reservation, rules: str, now: datetime) -> bool:
    fresh = lifecycle.lock(reservation)
    if fresh.provisional_until is None or fresh.state not in OWING:
        return False
    lifecycle.promise_kept(fresh, rules=rules, now=now)
    return True


@writes
def _remind_of_promise(reservation: Reservation, step: int, *, now: datetime) -> int:
    fresh = lifecycle.lock(reservation)
    if fresh.provisional_until is not None and fresh.state in OWING:
        module, cohort_id = fresh.cohort.module.code, fresh.cohort_id
        standing, _ = standing_of(fresh.trainee, module, school_day(now), cohort_id)
        emails.promise_reminder(fresh, standing, step=step, now=now)
    return 1
