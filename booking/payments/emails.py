"""The messages that money causes by itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from booking.payments import gateways
from booking.payments.balances import due_next
from booking.payments.models import Dispute, DisputeStatus, Payment, Refund
from booking.reservations.emails import context
from booking.reservations.models import Reservation
from workshops import money
from workshops.clock import moment_for, school_day, with_weekday
from workshops.history.record import history_of
from workshops.messages.outbox import queue
from workshops.people.models import Role, User


def how_to_transfer(payment: Payment, bank_details: str, *, now: datetime) -> None:
    """Queue the bank details for someone who chose to pay by transfer."""
    reservation = payment.reservation
    queue(
        "payment-by-transfer",
        ("payment", payment.public_id),
        reservation.trainee,
        {
            **context(reservation),
            "amount": money.in_words(payment.amount_cents, payment.currency),
            "reference": transfer_reference(payment),
            "bank_details": " · ".join(line.strip() for line in bank_details.splitlines() if line.strip()),
        },
        now=now,
    )


_GOES_BACK = {
    "late-no-seat": "payment-goes-back",
    "paid-twice": "payment-too-much",
    "too-much": "payment-too-much",
    "too-little": "payment-too-little",
}
"""The words for each reason why money goes back by itself."""


def goes_back(refund: Refund, *, now: datetime) -> None:
    """Queue the explanation of money that goes back: no seat was left, or it was more than the seat costs."""
    payment = refund.payment
    queue(
        _GOES_BACK[refund.rule],
        ("refund", refund.public_id),
        refund.reservation.trainee,
        {**context(refund.reservation), "amount": money.in_words(refund.amount_cents, payment.currency)},
        now=now,
    )


def has_gone_back(refund: Refund, *, now: datetime) -> None:
    """Queue the word that money has been sent back."""
    payment = refund.payment
    queue(
        "payment-sent-back",
        ("refund", refund.public_id),
        refund.reservation.trainee,
        {
            **context(refund.reservation),
            "amount": money.in_words(refund.amount_cents, payment.currency),
            "way": gateways.how("offline" if refund.by_hand else payment.gateway),
            "reference": refund.reference,
        },
        now=now,
    )


def of_money(reservation: Reservation, received_cents: int, *, kept_cents: int) -> dict[str, str]:
    """What the message of a seat that became theirs says of the money: what came, and what is left to pay.

    `kept_cents` is all that has come for it, this included.
    """
    left = reservation.remaining_cents(kept_cents)
    return {
        "received": money.in_words(received_cents, reservation.currency),
        "balance": money.in_words(left, reservation.currency) if left else "",
    }


def received(payment: Payment, reservation: Reservation, *, kept_cents: int, now: datetime) -> None:
    """Queue that money came which changed no state, and so has no other message: a part, early or late.

    `reservation` is where it counts, `kept_cents` all that has come for it, this payment included.
    """
    charges = list(reservation.charges.all())
    left, due = reservation.remaining_cents(kept_cents), due_next(charges, kept_cents)
    by_then = sum(each.amount_cents for each in charges if due and each.due_at <= due.due_at) - kept_cents
    following = by_then if 0 < by_then < left else 0
    told = {
        **context(reservation),
        "amount": money.in_words(payment.amount_cents, payment.currency),
        "left": money.in_words(left, reservation.currency) if left else "",
        "following": money.in_words(following, reservation.currency) if following else "",
        "due_on": with_weekday(school_day(due.due_at)) if due else "",
        "is_late": "yes" if due and due.due_at < now else "",
    }
    queue("payment-received", ("payment", payment.public_id), reservation.trainee, told, now=now)


def payment_failed(payment: Payment, *, now: datetime) -> None:
    """Queue that a payment, which a bank had to say yes to first, did not come about."""
    reservation = payment.reservation
    amount = money.in_words(payment.amount_cents, payment.currency)
    told = {**context(reservation), "amount": amount}
    queue("payment-failed", ("payment", payment.public_id), reservation.trainee, told, now=now)


def refund_failed(refund: Refund, *, now: datetime) -> None:
    """Queue that money could not be sent back the way it came; the school finds another way."""
    amount = money.in_words(refund.amount_cents, refund.payment.currency)
    told = {**context(refund.reservation), "amount": amount}
    queue("refund-failed", ("refund", refund.public_id), refund.reservation.trainee, told, now=now, step=refund.attempt)


def owed_again(reservation: Reservation, missing_cents: int, *, why: str, now: datetime) -> None:
    """Queue that money which had paid for a seat is gone, and what is owed again."""
    missing = money.in_words(missing_cents, reservation.currency)
    told = {**context(reservation), "amount": missing, "why": why}
    lines = history_of("reservation", reservation.public_id)
    times = lines.filter(what__in=("refund-outside", "payment-reversed", "dispute-lost", "refund-requested")).count()
    queue("owed-again", ("reservation", reservation.public_id), reservation.trainee, told, now=now, step=times)


def school_sends_back(refunds: Sequence[Refund], *, price_cents: int | None, why: str, now: datetime) -> None:
    """Queue that the school sends money back by its own decision, and why; `price_cents` is what the seat costs now."""
    first = refunds[0]
    currency = first.payment.currency
    told = {
        **context(first.reservation),
        "amount": money.in_words(sum(each.amount_cents for each in refunds), currency),
        "price": "" if price_cents is None else money.in_words(price_cents, currency),
        "why": why,
    }
    queue("refund-by-school", ("refund", first.public_id), first.reservation.trainee, told, now=now)


def transfer_reference(payment: Payment) -> str:
    """What the payer writes on the transfer, so that the school finds them."""
    return payment.reservation.public_id[:8].upper()


def dispute_opened(dispute: Dispute, reservation: Reservation, *, now: datetime) -> None:
    """Tell every registrar that a bank asks money back, and until when the school may answer.

    Once when an inquiry begins, and once when the money is taken: the message names nobody, it stays in mailboxes.
    """
    is_inquiry = dispute.status == DisputeStatus.INQUIRY
    told = {
        "amount": money.in_words(dispute.amount_cents, dispute.payment.currency),
        "is_inquiry": "yes" if is_inquiry else "",
        "reason": dispute.reason.replace("-", " ").replace("_", " "),
    }
    for registrar in _registrars(reservation):
        until = moment_for(dispute.answer_by, registrar.time_zone) if dispute.answer_by else ""
        _to_registrar(
            "dispute-opened", dispute, reservation, registrar, {**told, "until": until}, now=now, step=not is_inquiry
        )


def dispute_decided(dispute: Dispute, reservation: Reservation, waiting_cents: int, *, now: datetime) -> None:
    """Tell every registrar how a dispute ended. `waiting_cents` is what waits to go back on the same payment."""
    told = {
        "amount": money.in_words(dispute.amount_cents, dispute.payment.currency),
        "won": "yes" if dispute.status == DisputeStatus.WON else "",
        "lost": "yes" if dispute.status == DisputeStatus.LOST else "",
        "waits": money.in_words(waiting_cents, dispute.payment.currency) if waiting_cents else "",
    }
    for registrar in _registrars(reservation):
        _to_registrar("dispute-decided", dispute, reservation, registrar, told, now=now)


def _registrars(reservation: Reservation) -> QuerySet[User]:
    """Every registrar but the person whose money it is."""
    return User.objects.with_role(Role.REGISTRAR).exclude(pk=reservation.trainee_id)


def _to_registrar(
    kind: str,
    dispute: Dispute,
    reservation: Reservation,
    registrar: User,
    told: Mapping[str, str],
    *,
    now: datetime,
    step: int = 0,
) -> None:
    about = ("dispute", f"{dispute.public_id}:{registrar.public_id}")
    where = {key: context(reservation)[key] for key in ("cohort", "days")}
    link = f"{settings.SITE_URL}{reverse('desk:reservation', args=[reservation.public_id])}"
    queue(kind, about, registrar, {**where, "link": link, **told}, now=now, step=step)
