"""What must always hold, read off the database as of a moment: DESIGN's invariants, in one place for every attack.

`broken` returns each violation as a sentence. It asks the tables, not the product's own functions, wherever it can.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Sum

from booking.payments.models import Account, Payment, PaymentStatus, Posting, Refund, RefundStatus
from booking.reservations import waitlist
from booking.reservations.models import (
    IN_LINE,
    LIVE,
    OWING,
    WAITING,
    Charge,
    EntryState,
    Reservation,
    State,
    WaitlistEntry,
)
from workshops.clock import school_day
from workshops.cohorts.models import Cohort, CohortStatus, Seat, SeatStatus
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.prerequisites.facts import standings_of
from workshops.programme.models import school_terms

ENTERED = {
    "reservation-offered": State.OFFERED,
    "reservation-held": State.HELD,
    "reservation-reserved": State.RESERVED,
    "reservation-confirmed": State.CONFIRMED,
    "reservation-expired": State.EXPIRED,
    "offer-lapsed": State.EXPIRED,
    "reservation-cancelled": State.CANCELLED,
    "offer-declined": State.CANCELLED,
    "offer-withdrawn": State.CANCELLED,
    "offer-accepted": State.CANCELLED,
    "reservation-transferred": State.TRANSFERRED,
}


def assert_all_hold(now: datetime, *, noticed: bool = True) -> None:
    """Fail with every violation. `noticed`: the line has been looked after, so no free seat may wait beside it."""
    found = list(broken(now, noticed=noticed))
    assert not found, "\n".join(found)


def broken(now: datetime, *, noticed: bool = True) -> Iterator[str]:
    """Every violation as of `now`."""
    yield from _seats(now)
    yield from _one_seat_each(now)
    yield from _line(now, noticed=noticed)
    yield from _money()
    yield from _what_is_owed()
    yield from _story()


def _seats(now: datetime) -> Iterator[str]:
    """No seat has two occupants; whoever was told yes has the seat, and nobody else has one."""
    promised = {
        (each.cohort_id, each.seat_number): each.trainee_id
        for each in Reservation.objects.filter(state__in=LIVE)
        if each.state_at(now) != State.EXPIRED
    }
    counted = Counter(
        (each.cohort_id, each.seat_number)
        for each in Reservation.objects.filter(state__in=LIVE)
        if each.state_at(now) != State.EXPIRED
    )
    for (cohort, number), count in counted.items():
        if count > 1:
            yield f"seat {number} of cohort {cohort} was promised to {count} people"
    occupied = {
        (seat.cohort_id, seat.number): seat.occupant_id
        for seat in Seat.objects.filter(occupant__isnull=False)
        if seat.held_until is None or seat.held_until > now
    }
    for place in promised.keys() | occupied.keys():
        if promised.get(place) != occupied.get(place):
            yield f"seat {place} is {occupied.get(place)}'s and was promised to {promised.get(place)}"
    waits = {(each.cohort_id, each.trainee_id): each for each in Reservation.objects.filter(state__in=WAITING)}
    for seat in Seat.objects.filter(status=SeatStatus.HELD):
        one = waits.get((seat.cohort_id, seat.occupant_id or 0))
        if one is None or one.held_until != seat.held_until:
            yield f"{seat} is held until {seat.held_until}, its reservation {one and one.held_until}"


def _one_seat_each(now: datetime) -> Iterator[str]:
    today, active = school_day(now), Counter[int]()
    for each in Reservation.objects.filter(state__in=OWING, is_only_one=True).select_related("cohort"):
        if each.state_at(now) != State.EXPIRED and each.cohort.ends_on >= today:
            active[each.trainee_id] += 1
    for person, count in active.items():
        if count > 1:
            yield f"person {person} has {count} active seats"
    for each in Reservation.objects.filter(state__in=LIVE, cohort__status=CohortStatus.CANCELLED):
        yield f"reservation {each.pk} is {each.state} in a cohort that does not take place"


def _line(now: datetime, *, noticed: bool) -> Iterator[str]:
    """Entries and offers tell one story, and no seat is free beside somebody eligible who waits."""
    for entry in WaitlistEntry.objects.select_related("offer"):
        if (entry.state == EntryState.OFFERED) != (entry.offer is not None and entry.offer.state == State.OFFERED):
            yield f"entry {entry.pk} is {entry.state}, its offer {entry.offer and entry.offer.state}"
    offers = Reservation.objects.filter(state=State.OFFERED).values_list("pk", flat=True)
    entries = WaitlistEntry.objects.filter(state=EntryState.OFFERED).values_list("offer", flat=True)
    if set(offers) != set(entries):
        yield f"offers {set(offers)} and entries {set(entries)} differ"
    for cohort in Cohort.objects.select_related("module"):
        waiting = list(WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn().select_related("trainee"))
        seated = set(Reservation.objects.filter(cohort=cohort, state__in=OWING).values_list("trainee", flat=True))
        for entry in waiting:
            own = Reservation.objects.filter(cohort=cohort, trainee=entry.trainee_id, state__in=OWING).first()
            if entry.trainee_id in seated and own and own.state_at(now) != State.EXPIRED:
                yield f"entry {entry.pk} waits beside a seat of their own"
        if waiting and cohort.status == CohortStatus.CANCELLED:
            yield f"{len(waiting)} people wait for cohort {cohort.pk}, which does not take place"
        terms = cohort.terms(school_terms())
        if not noticed or not waiting or waitlist.offers_end(cohort, terms, now) is None:
            continue
        free = Seat.objects.filter(cohort=cohort, status=SeatStatus.FREE).count()
        today = school_day(now)
        standings = standings_of([entry.trainee for entry in waiting], cohort.module.code, today, cohort.pk)
        for entry in waiting:
            if free and waitlist.may_be_offered(entry, standings[entry.trainee_id], cohort, terms, today):
                yield f"{free} seats are free in cohort {cohort.pk} and person {entry.trainee_id} waits"


def _money() -> Iterator[str]:
    """The books add up, agree with payments and refunds, and no payment goes back more than once."""
    for entry in Posting.objects.values("entry").annotate(total=Sum("amount_cents")).exclude(total=0):
        yield f"entry {entry['entry']} is out of balance by {entry['total']}"
    accounts = dict(Posting.objects.values_list("account").annotate(total=Sum("amount_cents")))
    if accounts.get(Account.CARRIED, 0):
        yield f"{accounts[Account.CARRIED]} cents are lost between two cohorts"
    received = Payment.objects.filter(status=PaymentStatus.SUCCEEDED).aggregate(n=Sum("amount_cents"))["n"] or 0
    back = Refund.objects.filter(status=RefundStatus.SUCCEEDED).aggregate(n=Sum("amount_cents"))["n"] or 0
    if received - back != -accounts.get(Account.TUITION_HELD, 0):
        yield f"received {received} less {back} is not the {-accounts.get(Account.TUITION_HELD, 0)} held"
    for payment in Payment.objects.annotate(gone=Sum("refunds__amount_cents")).filter(gone__isnull=False):
        if payment.gone > payment.amount_cents or payment.status != PaymentStatus.SUCCEEDED:
            yield f"{payment.gone} of {payment.amount_cents} cents go back on payment {payment.pk} ({payment.status})"


def _kept() -> dict[int, int]:
    """What pays for each reservation: received, less gone back, less owed back."""
    kept: dict[int, int] = defaultdict(int)
    held = Posting.objects.filter(account=Account.TUITION_HELD)
    for reservation, total in held.values_list("entry__reservation").annotate(total=Sum("amount_cents")):
        kept[reservation] -= total
    waiting = Refund.objects.exclude(status=RefundStatus.SUCCEEDED)
    for reservation, total in waiting.values_list("reservation").annotate(total=Sum("amount_cents")):
        kept[reservation] -= total
    return kept


def _what_is_owed() -> Iterator[str]:
    """Money and seat never tell different stories."""
    kept = _kept()
    charges = dict(Charge.objects.values_list("reservation").annotate(total=Sum("amount_cents")))
    for each in Reservation.objects.all():
        has, said = kept[each.pk], f"reservation {each.pk} is {each.state}"
        if has < 0:
            yield f"{said} and {-has} cents too much went back"
        if each.state in OWING and charges.get(each.pk, 0) != each.owed_cents:
            yield f"{said}, owes {each.owed_cents} and was charged {charges.get(each.pk, 0)}"
        if each.state in OWING and has > each.owed_cents:
            yield f"{said}, costs {each.owed_cents} and has {has}"
        if each.state == State.CONFIRMED and has < each.owed_cents:
            yield f"{said} and only {has} of {each.owed_cents} cents are here"
        if each.state == State.RESERVED and not min(each.deposit_cents, each.owed_cents) <= has < each.owed_cents:
            yield f"{said} with {has} of {each.owed_cents} cents"
        if each.state in (State.HELD, State.OFFERED, State.EXPIRED, State.TRANSFERRED) and has:
            yield f"{said} and has {has} cents"
        if each.choose_until is not None and not has:
            yield f"{said} and has nothing to choose about"


def _story() -> Iterator[str]:
    """The last word of each history is the state, and every message is about something that happened."""
    last: dict[str, State] = {}
    moved = set()
    for one in HistoryLine.objects.filter(about_kind="reservation").order_by("pk"):
        if one.what in ENTERED:
            last[one.about_id] = ENTERED[one.what]
        if one.what == "reservation-moved":
            moved.add(one.about_id)
            last.pop(one.about_id, None)
    states = dict(Reservation.objects.values_list("public_id", "state"))
    for public_id, state in states.items():
        if public_id in last and last[public_id] != state:
            yield f"reservation {public_id} is {state}, its history says {last[public_id]}"
        if public_id not in last and public_id not in moved:
            yield f"reservation {public_id} has no history"
    joined = set(HistoryLine.objects.filter(what="line-joined").values_list("about_id", flat=True))
    for entry in WaitlistEntry.objects.exclude(public_id__in=joined):
        yield f"entry {entry.pk} has no history"
    waiting = WaitlistEntry.objects.filter(state__in=IN_LINE).values_list("cohort", "trainee")
    if len(waiting) != len(set(waiting)):
        yield "someone waits twice"
    for message in Message.objects.filter(subject__startswith="reservation:"):
        if message.subject.partition(":")[2] not in states:
            yield f"{message} is about nothing"
