"""Whether every yes is still true, nothing is half done, and each message reached its reader: read off the database.

Each check answers with the violations, a sentence each.
"""

import email
import email.policy
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db.models import Sum
from django.test import override_settings

from booking.payments.models import LedgerEntry, Payment, PaymentStatus, Refund, RefundStatus
from booking.reservations.models import Charge, EntryState, Reservation, State, WaitlistEntry
from booking.site.due import do_due
from tests.faults.crowd import Trainee, Yes
from tests.services.server import Product
from workshops.history.models import HistoryLine
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import message_id, words_of

TOLD_BY = {
    "reservation-held": "reservation-held",
    "reservation-reserved": "reservation-reserved",
    "reservation-confirmed": "reservation-confirmed",
    "reservation-expired": "reservation-expired",
    "reservation-cancelled": "reservation-cancelled",
    "reservation-moved": "reservation-moved",
    "reservation-offered": "offer-made",
    "offer-lapsed": "offer-lapsed",
    "line-joined": "line-joined",
}
"""Which line of history has which message; each of them happens to a reservation, or a place in line, once."""
SEPARATOR = b"\n" + b"-" * 79 + b"\n"


# -- every answer that said yes is still true --------------------------------------------------------------------------
def forgotten(people: Iterable[Trainee]) -> Iterator[str]:
    """What someone was told yes to and is not so."""
    states: dict[int, dict[str, str]] = defaultdict(dict)
    for trainee_id, public_id, state in Reservation.objects.values_list("trainee", "public_id", "state"):
        states[trainee_id][public_id] = state
    for each in people:
        yield from each.wrong
        yield from each.contradictions(states[each.person_id])
        for yes in each.heard:
            if not _is_true(yes, each.person_id):
                yield f"person {each.person_id} was told {yes} and it is not so"


def _is_true(yes: Yes, person_id: int) -> bool:
    """What this yes promised for ever, whatever has happened since."""
    about, body = yes.about, yes.body
    if yes.what in ("reserve", "accept", "move"):
        made = Reservation.objects.filter(
            public_id=body["id"], trainee=person_id, seat_number=body["seat_number"], cohort__public_id=body["cohort"]
        )
        came = {
            "reserve": made.filter(cohort__public_id=about),
            "accept": made.filter(cohort__line__public_id=about, cohort__line__state=EntryState.SEATED),
            "move": made.filter(moved_from__public_id=about, moved_from__state=State.TRANSFERRED),
        }
        return came[yes.what].exists()
    if yes.what == "pay":
        paid = Payment.objects.filter(public_id=body["id"], status=PaymentStatus.SUCCEEDED)
        cents = body["amount"]["amount"]
        return paid.filter(reservation__public_id=about, reservation__trainee=person_id, amount_cents=cents).exists()
    if yes.what == "cancel":
        back = Refund.objects.filter(reservation__public_id=about, rule=body["refund"]["rule"])
        cents = back.aggregate(total=Sum("amount_cents"))["total"] or 0
        ended = Reservation.objects.filter(public_id=about, trainee=person_id, state=State.CANCELLED)
        return ended.exists() and cents == body["refund"]["amount"]["amount"]
    places = WaitlistEntry.objects.filter(trainee=person_id)
    if yes.what == "join":
        return places.filter(public_id=body["id"], cohort__public_id=about).exists()
    return places.filter(public_id=about, state=EntryState.WITHDRAWN).exists()  # declined, or left


# -- nothing is half done ----------------------------------------------------------------------------------------------
def half_done() -> Iterator[str]:
    """What was begun by a request and not ended: a part that is there without the others."""
    lines: dict[str, Counter[str]] = defaultdict(Counter)
    for about, what in HistoryLine.objects.filter(about_kind__in=("reservation", "waitlist")).values_list(
        "about_id", "what"
    ):
        lines[about][what] += 1
    messages = Counter(Message.objects.values_list("subject", "kind", "step"))
    yield from (f"{about} was told {kind} {count} times" for (about, kind, _), count in messages.items() if count > 1)
    told = {(subject.partition(":")[2], kind) for subject, kind, _ in messages}
    for about, happened in lines.items():
        for what, kind in TOLD_BY.items():
            if happened[what] > 1:
                yield f"{what} happened to {about} {happened[what]} times"
            if bool(happened[what]) != ((about, kind) in told):
                yield f"{what} happened to {about} {happened[what]} times, and a message was " + (
                    "queued" if (about, kind) in told else "not queued"
                )
    yield from _reservations(lines)
    yield from _money(lines, told)
    there = {
        "reservation": set(Reservation.objects.values_list("public_id", flat=True)),
        "waitlist": set(WaitlistEntry.objects.values_list("public_id", flat=True)),
        "refund": set(Refund.objects.values_list("public_id", flat=True)),
    }
    for kind, about in HistoryLine.objects.filter(about_kind__in=there).values_list("about_kind", "about_id"):
        if about not in there[kind]:
            yield f"history tells of {kind} {about}, which is not there"
    for subject, _, _ in messages:
        kind, _, about = subject.partition(":")
        if about not in there.get(kind, ()):
            yield f"a message is about {subject}, which is not there"


def _reservations(lines: dict[str, Counter[str]]) -> Iterator[str]:
    """Whoever said yes owes the whole price; who has moved has arrived; who was seated from the line has left it."""
    charged = dict(Charge.objects.values_list("reservation").annotate(total=Sum("amount_cents")))
    for each in Reservation.objects.select_related("moved_from"):
        agreed = each.conduct_accepted_at is not None
        if charged.get(each.pk, 0) != (each.owed_cents if agreed else 0):
            yield f"{each.public_id} is {each.state} and was charged {charged.get(each.pk, 0)}"
        if each.moved_from is not None and each.moved_from.state != State.TRANSFERRED:
            yield f"{each.public_id} came from {each.moved_from.public_id}, which is {each.moved_from.state}"
        if bool(lines[each.public_id]["reservation-moved"]) != (each.moved_from is not None):
            yield f"{each.public_id} and its history disagree whether it has moved here"
        if each.state == State.TRANSFERRED and not hasattr(each, "moved_to"):
            yield f"{each.public_id} has moved to nowhere"
    for entry in WaitlistEntry.objects.filter(state=EntryState.WITHDRAWN).select_related("offer"):
        declined = entry.offer is not None and lines[entry.offer.public_id]["offer-declined"]
        if bool(declined) == bool(lines[entry.public_id]["line-left"]):
            yield f"place {entry.public_id} has ended, and its history does not say how"


def _money(lines: dict[str, Counter[str]], told: set[tuple[str, str]]) -> Iterator[str]:
    """What was received or sent back is in the books, in the history and told; what was not is in none of them."""
    booked = set(LedgerEntry.objects.values_list("source", flat=True))
    received: Counter[str] = Counter()
    for payment in Payment.objects.select_related("reservation"):
        succeeded = payment.status == PaymentStatus.SUCCEEDED
        received["payments"] += succeeded
        if succeeded != (f"payment:{payment.public_id}" in booked):
            yield f"payment {payment.public_id} is {payment.status}, and the books say otherwise"
    for refund in Refund.objects.all():
        succeeded = refund.status == RefundStatus.SUCCEEDED
        received["refunds"] += succeeded
        if succeeded != (f"refund:{refund.public_id}" in booked):
            yield f"refund {refund.public_id} is {refund.status}, and the books say otherwise"
        if succeeded != ((refund.public_id, "payment-sent-back") in told):
            yield f"refund {refund.public_id} is {refund.status}, and its reader was told otherwise"
    for what, kind in (("payment-received", "payments"), ("refund-sent", "refunds")):
        count = sum(happened[what] for happened in lines.values())
        if count != received[kind]:
            yield f"history tells of {count} {kind}, and there are {received[kind]}"


# -- no message is lost, or sent for what never was --------------------------------------------------------------------
_ATTACHED = re.compile(r"The (?:new )?days[^.]* attached for your calendar\. ?")


@dataclass(frozen=True)
class Mail:
    """One e-mail as it lies in the sink."""

    to: str
    subject: str
    text: str

    @classmethod
    def saying(cls, to: str, subject: str, text: str) -> "Mail":
        """Line breaks are the mail's own matter, and so are days that went with it: a later message may bring them."""
        return cls(to, " ".join(subject.split()), _ATTACHED.sub("", " ".join(text.split())))


def send_what_is_left(product: Product, later: datetime) -> None:
    """Do what is due, as of a moment when what a killed worker had claimed is anybody's again."""
    sink = {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(_sink(product)),
        "SITE_URL": product.url,
    }
    with override_settings(**sink):
        while (done := do_due(later)).anything:
            assert not done.failed, done


def astray(product: Product) -> Iterator[str]:
    """Messages that have not arrived, and mail that no message stands behind."""
    arrived: dict[str, set[Mail]] = defaultdict(set)
    for key, mail in _arrived(product):
        arrived[key].add(mail)
    for message in Message.objects.select_related("to"):
        with override_settings(SITE_URL=product.url):
            words = words_of(message)
        found = arrived.pop(message_id(message), set())
        if message.state != MessageState.SENT or not found:
            yield f"{message} is {message.state} and arrived {len(found)} times"
        elif message.to and found != {Mail.saying(message.to.email, words.subject, words.text)}:
            yield f"{message} arrived with other words: {found}"
    yield from (f"{key} was sent for nothing: {found}" for key, found in arrived.items())


def _sink(product: Product) -> Path:
    return product.folder / "mail"


def _arrived(product: Product) -> Iterator[tuple[str, Mail]]:
    """The Message-ID of each e-mail, and the e-mail. One that a killed worker wrote half of has not arrived."""
    for file in _sink(product).iterdir():
        *whole, _half = file.read_bytes().split(SEPARATOR)
        for raw in whole:
            mail = email.message_from_bytes(raw, policy=email.policy.default)
            body = mail.get_body(("plain",))
            assert body is not None, raw
            address = mail["To"].addresses[0].addr_spec
            yield mail["Message-ID"].strip(), Mail.saying(address, mail["Subject"], body.get_content())
