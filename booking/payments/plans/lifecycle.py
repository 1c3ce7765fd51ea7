"""The only writer of a plan's state. Each caller has locked the reservation, which stands for its plan, too.

A plan is chosen (`propose`) together with a payment or a visit that saves the card; it runs once the card is saved.
`payments.settling`, `moving` and `cancelling` call what follows from money that came and seats that went.
"""

from collections.abc import Sequence
from datetime import date, datetime

from booking.payments import ledger
from booking.payments.gateways.base import Card
from booking.payments.models import Payment
from booking.payments.plans import emails
from booking.payments.plans.models import Plan, PlanState, Trouble
from booking.payments.plans.rules import MONTHS, carried, to_pay_now
from booking.reservations import owing
from booking.reservations.models import Charge, ChargeKind, Reservation, State
from booking.reservations.owing import Part
from workshops.clock import in_words, school_day
from workshops.history.models import HistoryLine
from workshops.history.record import record

NOT_CHARGED = "instalment-failed"
"""The line of history of a part that could not be charged. It names the attempt, so that each counts once."""
STANDING = (PlanState.PROPOSED, PlanState.ACTIVE)


def plan_of(reservation: Reservation) -> Plan | None:
    """The plan that is proposed or running, if there is one."""
    return Plan.objects.filter(reservation=reservation, state__in=STANDING).first()


def running(reservation: Reservation) -> Plan | None:
    """The plan that is running, if there is one."""
    return Plan.objects.filter(reservation=reservation, state=PlanState.ACTIVE).first()


def propose(reservation: Reservation, parts: Sequence[Part], *, consent: str, now: datetime) -> Plan:
    """Write down which plan was chosen and what was agreed to. One that was chosen before and never ran is dropped."""
    Plan.objects.filter(reservation=reservation, state=PlanState.PROPOSED).update(
        state=PlanState.CLOSED, ended_at=now, why_ended="Another one was chosen."
    )
    return Plan.objects.create(
        reservation=reservation,
        months=next(months for months in MONTHS if len(parts) <= months),
        parts=[{"cents": part.cents, "due_on": part.due_on.isoformat()} for part in parts],
        consent=consent,
        consented_at=now,
        created_at=now,
    )


def brought_in(
    reservation: Reservation, parts: Sequence[Part], card: Card | None, *, agreed_at: datetime, now: datetime
) -> Plan:
    """Take over a plan that ran before this system, with the parts that are still to come. Nobody is written to."""
    day = in_words(school_day(agreed_at))
    plan = propose(reservation, parts, consent=f"Agreed with the school on {day}, before this system.", now=agreed_at)
    owing.in_parts(reservation, parts, ledger.kept_cents(reservation), now)
    plan.state, plan.trouble = PlanState.ACTIVE, Trouble.NONE if card else Trouble.NO_CARD
    if card:
        plan.card_id, plan.payer_id, plan.card_words = card.card_id, card.payer_id, card.words
    plan.save()
    _record("brought-in", plan, reservation, now=now)
    return plan


def agreed_parts(plan: Plan) -> list[Part]:
    """The parts that were agreed to, as they were when the plan was chosen."""
    return [Part(each["cents"], date.fromisoformat(each["due_on"])) for each in plan.parts]


def card_saved(reservation: Reservation, card: Card | None, *, now: datetime) -> Plan | None:
    """The card of a plan is saved (or, with None, could not be): what was chosen runs from now on.

    For a plan that runs already, this is its new card, and what was in trouble is tried again. None where no plan
    waits for a card, or where what was agreed to is not what remains any more: then it is closed, and the balance is
    due by its date.
    """
    plan = plan_of(reservation)
    if plan is None:
        return None
    if plan.state == PlanState.PROPOSED:
        parts, kept = agreed_parts(plan), ledger.kept_cents(reservation)
        fits = sum(part.cents for part in parts) == reservation.owed_cents - kept
        in_time = parts[-1].due_on <= reservation.balance_due_on
        if not fits or not in_time or kept < reservation.deposit_cents:
            close(reservation, why="What remains is not what was agreed to any more.", now=now)
            return None
        owing.in_parts(reservation, parts, kept, now)
    was = plan.state
    plan.state = PlanState.ACTIVE
    plan.card_id, plan.payer_id, plan.card_words = (card.card_id, card.payer_id, card.words) if card else ("", "", "")
    plan.trouble = Trouble.NONE if card else Trouble.NO_CARD
    plan.tries, plan.next_try_at = 0, None
    plan.save()
    what = "plan-begun" if was == PlanState.PROPOSED else "plan-card-changed"
    _record(what, plan, reservation, now=now, months=plan.months)
    if was == PlanState.PROPOSED:
        emails.begun(plan, reservation, now=now)
    return plan


def money_came(reservation: Reservation, *, now: datetime) -> None:
    """Whatever came, by whichever way: a plan that is paid off ends; one in trouble is out of it where that helped."""
    plan = running(reservation)
    if plan is None:
        return
    kept = ledger.kept_cents(reservation)
    if kept >= reservation.owed_cents:
        _end(plan, PlanState.PAID, "Everything is paid.", now)
        _record("plan-paid", plan, reservation, now=now)
    elif not _is_due(reservation, kept, now):
        plan.trouble = Trouble.NO_CARD if not plan.card_id else Trouble.NONE
        plan.tries, plan.next_try_at = 0, None
        plan.save(update_fields=["trouble", "tries", "next_try_at"])


def _is_due(reservation: Reservation, kept_cents: int, now: datetime) -> bool:
    due = left_of(reservation, kept_cents)
    return bool(due) and due[0].due_on <= school_day(now)


def failed(plan: Plan, attempt: Payment, trouble: Trouble, *, next_try_at: datetime | None, now: datetime) -> None:
    """An attempt at the part that is due did not succeed; its owner is told. Count each attempt once: `has_counted`.

    `next_try_at` is when it is tried again; None when it is not.
    """
    reservation = plan.reservation
    plan.trouble, plan.tries, plan.next_try_at = trouble, plan.tries + 1, next_try_at
    plan.save(update_fields=["trouble", "tries", "next_try_at"])
    _record(NOT_CHARGED, plan, reservation, now=now, why=trouble.label, attempt=attempt.public_id)
    emails.not_charged(plan, attempt, left_of(reservation, ledger.kept_cents(reservation)), now=now)


def has_counted(plan: Plan, attempt: Payment) -> bool:
    """Whether it is known of this attempt at a part of the plan that it failed."""
    told_of = {plan.reservation.public_id, attempt.reservation.public_id}
    lines = HistoryLine.objects.filter(what=NOT_CHARGED, about_kind="reservation", about_id__in=told_of)
    return lines.filter(facts__attempt=attempt.public_id).exists()


def close(reservation: Reservation, *, why: str, now: datetime) -> None:
    """End a plan that has not been paid off: what remains is due by the balance date. Nothing where there is none."""
    plan = plan_of(reservation)
    if plan is None:
        return
    was_running = plan.state == PlanState.ACTIVE
    _end(plan, PlanState.CLOSED, why, now)
    if was_running:
        owing.in_one(reservation, now)
        _record("plan-closed", plan, reservation, now=now, why=why)


def card_forgotten(plan: Plan) -> None:
    """The processor has forgotten the card of a plan that has ended, or it was never ours to forget."""
    plan.card_id = plan.payer_id = ""
    plan.save(update_fields=["card_id", "payer_id"])


def carry(old: Reservation, new: Reservation, *, now: datetime) -> None:
    """Take a running plan along to where a reservation moves, where it fits before the new balance date; else end it.

    Where moving costs a fee, more remains than its owner let us charge, so the plan ends and they may choose anew. The
    charges of `new` are what it costs by its own dates. Call it after the money has been carried.
    """
    plan = plan_of(old)
    if plan is None:
        return
    kept = ledger.kept_cents(new)
    parts = None
    if plan.state == PlanState.ACTIVE:
        # The money came along, so what is here is what covers the old parts.
        parts = carried(left_of(old, kept), new.owed_cents - kept, new.balance_due_on)
    if parts is None or kept < new.deposit_cents:
        was_running = plan.state == PlanState.ACTIVE
        _end(plan, PlanState.CLOSED, "It does not fit the new dates.", now)
        if was_running:
            _record("plan-closed", plan, new, now=now, why="It does not fit the new dates.")
            emails.ended_by_move(plan, new, now=now)
        return
    plan.reservation = new
    plan.save(update_fields=["reservation"])
    owing.in_parts(new, parts, kept, now)
    _record("plan-carried", plan, new, now=now, cohort=old.cohort.title)


def cost_less(reservation: Reservation, price_cents: int, *, now: datetime) -> None:
    """Let a reservation cost less, as `owing.cost_less` does; a running plan goes on with smaller parts where they fit.

    The caller has locked the reservation, and writes the history of why. Paid off, the plan ends.
    """
    plan = running(reservation)
    kept = ledger.kept_cents(reservation)
    left = left_of(reservation, kept) if plan else []
    owing.cost_less(reservation, price_cents, now)
    split_again(reservation, left, kept, now=now)


def split_again(reservation: Reservation, left: Sequence[Part], kept_cents: int, *, now: datetime) -> None:
    """Let a running plan go on after what its seat costs was lowered, with what remains of the parts that were `left`.

    `kept_cents` is what pays for the seat from now on. Paid off, the plan ends; where too little remains for parts, the
    rest is due by the balance date. Nothing where no plan runs. The caller has locked the reservation, asked `left_of`
    before the change, and made one balance of the charges.
    """
    if running(reservation) is None:
        return
    remaining = reservation.owed_cents - kept_cents
    parts = carried(left, remaining, reservation.balance_due_on)
    if remaining <= 0:
        money_came(reservation, now=now)
    elif parts is None or kept_cents < reservation.deposit_cents:
        close(reservation, why="What remains is too little for parts.", now=now)
    else:
        owing.in_parts(reservation, parts, kept_cents, now)


def part_to_pay(reservation: Reservation, kept_cents: int, *, now: datetime) -> int:
    """What somebody with a plan pays who pays a part by themselves: what is due of it, or the next part. Else 0."""
    if reservation.state not in (State.RESERVED, State.CONFIRMED) or running(reservation) is None:
        return 0
    return to_pay_now(left_of(reservation, kept_cents), school_day(now))


def left_of(reservation: Reservation, kept_cents: int) -> list[Part]:
    """The parts that `kept_cents` do not cover yet, the first of them less what is covered of it."""
    left, parts = kept_cents, []
    for charge in sorted(reservation.charges.all(), key=_turn):
        covered = min(left, charge.amount_cents)
        left -= covered
        if charge.kind == ChargeKind.INSTALMENT and covered < charge.amount_cents:
            parts.append(Part(charge.amount_cents - covered, school_day(charge.due_at)))
    return parts


def _turn(charge: Charge) -> tuple[datetime, int]:
    return charge.due_at, charge.pk


def _end(plan: Plan, state: PlanState, why: str, now: datetime) -> None:
    plan.state, plan.ended_at, plan.why_ended = state, now, why
    plan.next_try_at, plan.trouble = None, Trouble.NONE
    plan.save()  # the card is known until the processor has forgotten it: see `cards.forget_cards`


def _record(
    what: str, plan: Plan, reservation: Reservation, *, now: datetime, why: str = "", **facts: str | int
) -> None:
    about = ("reservation", reservation.public_id)
    record(what, about=about, person=reservation.trainee, by=None, now=now, why=why, plan=plan.public_id, **facts)
