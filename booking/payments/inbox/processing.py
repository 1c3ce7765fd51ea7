"""What follows from an event: what it is about is asked afresh, and booked together with the mark that it is done.

An event is only a hint to look. Each is leased, so that no two work on it and one whose worker was killed is taken up
again; the processor is asked outside any transaction; then one transaction books what it answered and marks the event.
Booking goes through the functions that everyone else uses too, which move forward only and once: so an event that comes
twice, late, or before an earlier one changes nothing that is not so.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from booking.payments import disputing, outside, sending
from booking.payments.gateways import NoSuchGateway, gateway
from booking.payments.gateways.base import STRIPE, Refused, Report, Unavailable, WrongMoney, is_without_page
from booking.payments.inbox import kinds
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.models import Payment, PaymentStatus, Refund, RefundStatus
from booking.payments.payouts import catching_up as payouts
from booking.payments.plans import cards
from booking.payments.plans.models import CardSaving
from booking.payments.settling import Settled, finish, told_here
from workshops.history.record import record
from workshops.people.models import User
from workshops.prerequisites.deciding import not_their_own, reason_given
from workshops.transactions import writes

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""Longer than all the questions about one event may take."""
NO_ANSWER = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 360, 720, 1_440, 1_440))
"""How long an event waits after each time that it could not be seen to: three days in all."""
UNKNOWN = tuple(timedelta(minutes=m) for m in (1, 4, 10, 20, 30))
"""The same where it is ours by its number and we do not know the number: an hour in all."""
STILL_PENDING = timedelta(hours=6)
"""How long until a refund that is under way is looked at again, should the processor not tell before."""
PENDING_AT_MOST = timedelta(days=45)
WAITS_TOO_LONG = timedelta(days=1)


class NotOurs(Exception):
    """It is about another sale of the school's."""


class NotKnown(Exception):
    """It is ours by its number, or by the processor's, and cannot be found. The message says so to the registrar."""


class NeedsPerson(Exception):
    """Asking again would not help. The message says to the registrar what it is."""


@dataclass(frozen=True)
class Booked:
    """What was written of an event: what is to be sent back after it, and whether it has to be looked at again."""

    settled: Settled | None = None
    is_pending: bool = False


Booking = Callable[[], Booked]
"""Writes what an event came to, inside the transaction that marks it."""


# -- the worker's round ------------------------------------------------------------------------------------------------
def process_due(now: datetime, limit: int = 20) -> int:
    """See to the events that wait, the oldest first; return how many wait no more. Not inside a transaction.

    Where the processor does not answer, the others wait with the one that found out.
    """
    done = 0
    for event in InboxEvent.objects.due(now).order_by("due_at", "pk")[:limit]:
        try:
            done += _process(event, now) != EventState.WAITING
        except Unavailable:
            break
    return done


def _process(event: InboxEvent, now: datetime) -> EventState:
    """See to one event, unless somebody else does; return what has become of it.

    Whatever goes wrong leaves it waiting, with the reason in words, until it is a person's turn.

    Raises:
        Unavailable: once the event has been put off for it.
    """
    if not _lease(event, now):
        return EventState.WAITING
    try:
        booked = _book(event, _asked(event, now), now)
    except NotOurs:
        return _mark(event, EventState.NOT_OURS, now)
    except (Unavailable, NoSuchGateway) as problem:
        _put_off(event, NO_ANSWER, "The card processor did not answer.", now)
        raise Unavailable from problem
    except (NotKnown, Refused) as problem:
        words = str(problem) if isinstance(problem, NotKnown) else f"The card processor says: {problem}"
        return _put_off(event, UNKNOWN, words, now)
    except (NeedsPerson, WrongMoney) as problem:
        return _mark(event, EventState.STUCK, now, str(problem))
    except Exception as problem:  # a fault of ours: it must not keep the others waiting, nor be lost
        log.exception("Event %s could not be booked.", event.event_id)
        return _put_off(event, NO_ANSWER, f"It could not be booked here ({type(problem).__name__}).", now)
    if booked.settled:
        try:
            finish(booked.settled, now=now)
        except Exception:  # what goes back is written down, and the worker sends it
            log.exception("What follows from event %s was not sent at once.", event.event_id)
    return EventState.WAITING if booked.is_pending else EventState.DONE


@writes
def _lease(event: InboxEvent, now: datetime) -> bool:
    """Take the event for ourselves, unless it is done or somebody alive works on it."""
    mine = InboxEvent.objects.filter(pk=event.pk).due(now)
    if not mine.update(lease_until=now + LEASE, attempts=F("attempts") + 1):
        return False
    event.refresh_from_db()
    return True


@writes
def _book(event: InboxEvent, booking: Booking, now: datetime) -> Booked:
    """One transaction: what the event came to, and the mark that it is done. The event is locked last."""
    booked = booking()
    if not booked.is_pending:
        _mark(event, EventState.DONE, now)
    elif now - event.received_at > PENDING_AT_MOST:
        _mark(event, EventState.STUCK, now, "A refund made in Stripe's dashboard has been pending for weeks.")
    else:
        _wait(event, now + STILL_PENDING, "A refund made in Stripe's dashboard is under way.")
    return booked


@writes
def _mark(event: InboxEvent, state: EventState, now: datetime, trouble: str = "") -> EventState:
    if state == EventState.STUCK:
        log.error("Event %s needs a person: %s", event.event_id, trouble)
    InboxEvent.objects.filter(pk=event.pk, state=EventState.WAITING).update(
        state=state, trouble=trouble[:300], lease_until=None, done_at=None if state == EventState.STUCK else now
    )
    return state


def _put_off(event: InboxEvent, waits: tuple[timedelta, ...], trouble: str, now: datetime) -> EventState:
    """Have the event wait for its next turn; after the last of them it needs a person."""
    if event.attempts > len(waits) and now - event.received_at >= sum(waits, timedelta()):
        return _mark(event, EventState.STUCK, now, trouble)
    _wait(event, now + waits[min(event.attempts, len(waits)) - 1], trouble)
    return EventState.WAITING


@writes
def _wait(event: InboxEvent, until: datetime, trouble: str) -> None:
    InboxEvent.objects.filter(pk=event.pk, state=EventState.WAITING).update(
        due_at=until, lease_until=None, trouble=trouble[:300]
    )


# -- what it is about --------------------------------------------------------------------------------------------------
def _asked(event: InboxEvent, now: datetime) -> Booking:
    """Ask the processor what the event is about, and say what is to be written. Not inside a transaction."""
    if event.kind in kinds.PAYMENT:
        return _of_payment(event, now)
    if event.kind in kinds.REFUND:
        return _of_refund(event, now)
    if event.kind in kinds.DISPUTE:
        return _of_dispute(event, now)
    payouts.catch_up(event.object_id, now=now)
    return Booked


def _of_payment(event: InboxEvent, now: datetime) -> Booking:
    if event.ours and (visit := CardSaving.objects.filter(public_id=event.ours).first()):
        cards.catch_up(visit, now)
        return Booked
    payment = _payment(event)
    report, page = _look(payment, event)
    if report is None:
        raise NotKnown(f"The card processor has no page for payment {payment.public_id}.")
    return lambda: Booked(_settle(payment, report, now, page))


def _look(payment: Payment, event: InboxEvent) -> tuple[Report | None, str]:
    """What has become of a payment, and the page that told it."""
    from booking.payments.gateways.stripe import events

    if event.object_id.startswith("cs_"):
        return events.by_page(payment, event.object_id), event.object_id
    return _by_its_intent(payment, event.intent_id)


def _by_its_intent(payment: Payment, intent_id: str) -> tuple[Report | None, str]:
    """What has become of a payment of which an intent is told, and the page that told it; "" for the intent itself.

    Our number may be copied to money that is not the payment's. So where it has a page, only the page settles it. And
    a card that is declined leaves the page open for another one: only the page says that nothing more will come by it.

    Raises:
        NeedsPerson, NotKnown: when money came under our number, and not by the payment's own page.
    """
    from booking.payments.gateways.stripe import events

    report = events.by_intent(payment, intent_id)
    if is_without_page(payment) or payment.reference == intent_id:
        return report, ""
    on_page = gateway(STRIPE).look(payment)
    came = (PaymentStatus.SUCCEEDED, PaymentStatus.PROCESSING)
    if report.status not in came or (on_page and on_page.reference == intent_id):
        return on_page, payment.checkout_id
    if payment.status == PaymentStatus.SUCCEEDED:
        raise NeedsPerson(_paid_twice(payment.public_id, payment.reference, intent_id))
    words = (
        f"{intent_id} carries our number {payment.public_id}, and it was not paid on that payment's page. It is not "
        "booked. Find out in Stripe's dashboard whose money it is, take our number off it, then set this aside."
    )
    if on_page and on_page.status != PaymentStatus.OPEN:
        raise NeedsPerson(words)
    raise NotKnown(words)  # its page may say so a moment later


def _settle(payment: Payment, report: Report, now: datetime, page: str = "") -> Settled | None:
    """Book what the processor says of a payment. A page whose answer we never got is ours from now on.

    Raises:
        NeedsPerson: when the payment was booked already, and this is other money.
    """
    fresh, settled = told_here(payment, report, now=now)
    if report.status == PaymentStatus.SUCCEEDED and fresh.reference != report.reference:
        raise NeedsPerson(_paid_twice(payment.public_id, fresh.reference, report.reference))
    if page:
        Payment.objects.filter(pk=payment.pk, checkout_id="").update(checkout_id=page)
    return settled


def _paid_twice(number: str, booked: str, other: str) -> str:
    return (
        f"Payment {number} was paid twice at the card processor: as {booked}, which is booked, and as {other}. Send "
        "the second one back in Stripe's dashboard, then set this aside."
    )


def _of_refund(event: InboxEvent, now: datetime) -> Booking:
    from booking.payments.gateways.stripe import events

    payment = _payment_of_intent(event.intent_id)
    arrived = _arrived(payment, event.intent_id)
    one_alone = event.kind != "charge.refunded"
    found = [events.refund(event.object_id)] if one_alone else events.refunds_of(event.intent_id)
    for each in found:
        if each.ours and not Refund.objects.filter(public_id=each.ours).exists():
            raise NotKnown(
                f"The card processor sent a refund back under our number {each.ours}, and we have none such."
            )

    def book() -> Booked:
        settled = _settle(payment, arrived, now) if arrived else None
        ours, is_pending = [], False
        # Those of the dashboard lock the reservation, ours only themselves: so they come first.
        for each in found:
            mine = Q(public_id=each.ours) if each.ours else Q(processor_id=each.answer.processor_id)
            if refund := Refund.objects.filter(mine).first():
                ours.append((refund, each))
            elif each.answer.status == RefundStatus.PENDING:
                is_pending = True
            else:
                outside.refund_found(payment, each.answer, each.cents, now=now)
        for refund, each in sorted(ours, key=lambda pair: pair[0].pk):
            # A try that had failed is followed by another, or by a transfer: what is told of it late ends neither.
            if refund.processor_id or (each.attempt == refund.attempt and not refund.by_hand):
                sending.told(refund, each.answer, now=now, attempt=refund.attempt)
        return Booked(settled, is_pending)

    return book


def _of_dispute(event: InboxEvent, now: datetime) -> Booking:
    from booking.payments.gateways.stripe import disputes

    payment = _payment_of_intent(event.intent_id)
    arrived = _arrived(payment, event.intent_id)
    report = disputes.look(event.object_id)

    def book() -> Booked:
        settled = _settle(payment, arrived, now) if arrived else None
        try:
            disputing.told(payment, report, now=now)
        except disputing.DecidedOtherwise:
            raise NeedsPerson(
                f"The bank has decided dispute {report.processor_id} a second time, and differently: it is "
                f"{report.status} now. Look at it in Stripe's dashboard; the books keep the first decision."
            ) from None
        return Booked(settled)

    return book


def _arrived(payment: Payment, intent_id: str) -> Report | None:
    """What is to be booked before anything that followed it: the payment itself, where that was not told yet.

    Raises:
        NotKnown: when the money has not come: then nothing can go back either.
        NeedsPerson: when it is not the payment's own.
    """
    if payment.status == PaymentStatus.SUCCEEDED and payment.reference == intent_id:
        return None
    report, _ = _by_its_intent(payment, intent_id)
    if report is None or report.status != PaymentStatus.SUCCEEDED:
        raise NotKnown(f"Payment {payment.public_id} has not arrived, and the card processor speaks of what followed.")
    return report


# -- whose it is -------------------------------------------------------------------------------------------------------
def _payment(event: InboxEvent) -> Payment:
    """The payment that a page or an intent is for, by our number on it.

    Raises:
        NotOurs, NotKnown
    """
    if event.ours:
        return _numbered(event.ours)
    known = Q(checkout_id=event.object_id) if event.object_id else Q(pk__in=())
    if event.intent_id:
        known |= Q(reference=event.intent_id)
    payment = _payments().filter(known).first()
    if payment is None:
        raise NotOurs
    return payment


def _payment_of_intent(intent_id: str) -> Payment:
    """The payment that an intent received. Refunds and disputes do not carry our number: the intent does.

    Raises:
        NotOurs, NotKnown, Unavailable
    """
    from booking.payments.gateways.stripe import events

    if not intent_id:
        raise NotOurs
    known = _payments().filter(reference=intent_id).first()
    if known:
        return known
    try:
        number = events.owner_of_intent(intent_id)
    except Refused:
        raise NotOurs from None
    if not number:
        raise NotOurs
    return _numbered(number)


def _numbered(number: str) -> Payment:
    payment = _payments().filter(public_id=number).first()
    if payment is None:
        raise NotKnown(f"The card processor speaks of our number {number}, and nothing here has that number.")
    return payment


def _payments() -> QuerySet[Payment]:
    return Payment.objects.filter(gateway=STRIPE).select_related("reservation__trainee", "reservation__cohort")


# -- what needs a person -----------------------------------------------------------------------------------------------
def stuck(now: datetime) -> QuerySet[InboxEvent]:
    """What the registrar must look at: events that need a person, and those that have waited for more than a day."""
    waits = Q(state=EventState.WAITING, received_at__lte=now - WAITS_TOO_LONG)
    return InboxEvent.objects.filter(Q(state=EventState.STUCK) | waits)


@writes
def try_again(event: InboxEvent, *, by: User, now: datetime, why: str) -> InboxEvent:
    """Have an event that needs a person looked at again by the worker, from the beginning. Locks the event.

    A second time changes nothing.

    Raises:
        BadFact: without a reason, or about money of their own.
    """
    reason, fresh = reason_given(why), _decided_by(event, by)
    if fresh.state == EventState.STUCK:
        fresh.state, fresh.due_at, fresh.attempts = EventState.WAITING, now, 0
        fresh.lease_until, fresh.trouble = None, ""
        fresh.save()
        record("event-again", about=("event", fresh.event_id), by=by, now=now, why=reason, kind=fresh.kind)
    return fresh


@writes
def set_aside(event: InboxEvent, *, by: User, now: datetime, why: str) -> InboxEvent:
    """End an event that needs a person: they have seen to it some other way. Locks the event. Nothing is booked.

    A second time changes nothing.

    Raises:
        BadFact: without a reason, or about money of their own.
    """
    reason, fresh = reason_given(why), _decided_by(event, by)
    if fresh.state == EventState.STUCK:
        fresh.state, fresh.done_at, fresh.lease_until = EventState.IGNORED, now, None
        fresh.save()
        record("event-set-aside", about=("event", fresh.event_id), by=by, now=now, why=reason, kind=fresh.kind)
    return fresh


def _decided_by(event: InboxEvent, by: User) -> InboxEvent:
    fresh = InboxEvent.objects.select_for_update().get(pk=event.pk)
    known = Q(pk__in=())
    if fresh.ours:
        known |= Q(public_id=fresh.ours) | Q(refunds__public_id=fresh.ours)
    if fresh.intent_id:
        known |= Q(reference=fresh.intent_id)
    for payment in _payments().filter(known):
        not_their_own(payment.reservation.trainee, by)
    return fresh
