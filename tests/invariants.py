"""What must always hold, read off the database as of a moment: DESIGN's invariants, in one place for every attack.

`broken` returns each violation as a sentence. It asks the tables, not the product's own functions, wherever it can.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from booking.payments.ledger import KEPT_ON, PAID_ON
from booking.payments.models import (
    Account,
    Dispute,
    DisputeStatus,
    Payment,
    PaymentStatus,
    Posting,
    Refund,
    RefundStatus,
)
from booking.payments.plans.models import Plan, PlanState
from booking.reservations import waitlist
from booking.reservations.models import (
    IN_LINE,
    LIVE,
    OWING,
    WAITING,
    Charge,
    ChargeKind,
    EntryState,
    Reservation,
    State,
    WaitlistEntry,
)
from workshops.clock import school_day
from workshops.cohorts.models import CohortStatus, Seat, SeatStatus
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.prerequisites.facts import standings_of
from workshops.programme.models import school_terms

ENTERED = {
    "reservation-offered": State.OFFERED,
    "reservation-held": State.HELD,
    "reservation-reserved": State.RESERVED,
    "reservation-confirmed": State.CONFIRMED,
    "reservation-owes-again": State.RESERVED,
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


@dataclass(frozen=True)
class Tables:
    """What the checks read, each table once: a machine asks them thousands of times."""

    reservations: list[Reservation]
    seats: list[Seat]
    entries: list[WaitlistEntry]

    @classmethod
    def read(cls) -> "Tables":
        """All of it."""
        return cls(
            reservations=list(Reservation.objects.select_related("cohort").order_by("pk")),
            seats=list(Seat.objects.order_by("cohort", "number")),
            entries=list(WaitlistEntry.objects.in_turn().select_related("offer", "trainee", "cohort__module")),
        )


def broken(now: datetime, *, noticed: bool = True) -> Iterator[str]:
    """Every violation as of `now`."""
    tables = Tables.read()
    yield from _seats(tables, now)
    yield from _one_seat_each(tables, now)
    yield from _line(tables, now, noticed=noticed)
    yield from _money()
    yield from _what_is_owed(tables)
    yield from _owed_after_the_cohort(tables, now)
    yield from _plans(tables)
    yield from _story(tables)


def _seats(tables: Tables, now: datetime) -> Iterator[str]:
    """No seat has two occupants; whoever was told yes has the seat, and nobody else has one."""
    live = [each for each in tables.reservations if each.state in LIVE and each.state_at(now) != State.EXPIRED]
    for (cohort, number), count in Counter((each.cohort_id, each.seat_number) for each in live).items():
        if count > 1:
            yield f"seat {number} of cohort {cohort} was promised to {count} people"
    promised = {(each.cohort_id, each.seat_number): each.trainee_id for each in live}
    occupied = {
        (seat.cohort_id, seat.number): seat.occupant_id
        for seat in tables.seats
        if seat.occupant_id is not None and (seat.held_until is None or seat.held_until > now)
    }
    for place in promised.keys() | occupied.keys():
        if promised.get(place) != occupied.get(place):
            yield f"seat {place} is {occupied.get(place)}'s and was promised to {promised.get(place)}"
    waits = {(each.cohort_id, each.trainee_id): each for each in tables.reservations if each.state in WAITING}
    for seat in tables.seats:
        if seat.status == SeatStatus.HELD:
            one = waits.get((seat.cohort_id, seat.occupant_id or 0))
            if one is None or one.held_until != seat.held_until:
                yield f"seat {seat.pk} is held until {seat.held_until}, its reservation {one and one.held_until}"


def _one_seat_each(tables: Tables, now: datetime) -> Iterator[str]:
    today, active = school_day(now), Counter[int]()
    for each in tables.reservations:
        counts = each.state in OWING and each.is_only_one and each.state_at(now) != State.EXPIRED
        if counts and each.cohort.ends_on >= today:
            active[each.trainee_id] += 1
        if each.state in LIVE and each.cohort.status == CohortStatus.CANCELLED:
            yield f"reservation {each.pk} is {each.state} in a cohort that does not take place"
    for person, count in active.items():
        if count > 1:
            yield f"person {person} has {count} active seats"


def _line(tables: Tables, now: datetime, *, noticed: bool) -> Iterator[str]:
    """Entries and offers tell one story, and no seat is free beside somebody eligible who waits."""
    for entry in tables.entries:
        if (entry.state == EntryState.OFFERED) != (entry.offer is not None and entry.offer.state == State.OFFERED):
            yield f"entry {entry.pk} is {entry.state}, its offer {entry.offer and entry.offer.state}"
    offers = {each.pk for each in tables.reservations if each.state == State.OFFERED}
    entries = {entry.offer_id for entry in tables.entries if entry.state == EntryState.OFFERED}
    if offers != entries:
        yield f"offers {offers} and entries {entries} differ"
    in_line = [(entry.cohort_id, entry.trainee_id) for entry in tables.entries if entry.state in IN_LINE]
    if len(in_line) != len(set(in_line)):
        yield "someone waits twice"
    yield from _beside(tables, now, noticed=noticed)


def _beside(tables: Tables, now: datetime, *, noticed: bool) -> Iterator[str]:
    """Nobody waits beside a seat that they have, or could have."""
    seated = {
        (each.cohort_id, each.trainee_id)
        for each in tables.reservations
        if each.state in OWING and each.state_at(now) != State.EXPIRED
    }
    waiting: dict[int, list[WaitlistEntry]] = defaultdict(list)
    for entry in tables.entries:
        if entry.state == EntryState.WAITING:
            waiting[entry.cohort_id].append(entry)
            if (entry.cohort_id, entry.trainee_id) in seated:
                yield f"entry {entry.pk} waits beside a seat of their own"
    for cohort_id, line in waiting.items():
        cohort = line[0].cohort
        if cohort.status == CohortStatus.CANCELLED:
            yield f"{len(line)} people wait for cohort {cohort_id}, which does not take place"
        free = sum(seat.cohort_id == cohort_id and seat.status == SeatStatus.FREE for seat in tables.seats)
        terms = cohort.terms(school_terms()) if free and noticed else None
        if terms is None or waitlist.offers_end(cohort, terms, now) is None:
            continue
        today = school_day(now)
        standings = standings_of([entry.trainee for entry in line], cohort.module.code, today, cohort_id)
        for entry in line:
            if waitlist.may_be_offered(entry, standings[entry.trainee_id], cohort, terms, today):
                yield f"{free} seats are free in cohort {cohort_id} and person {entry.trainee_id} waits"


def without_prerequisites(now: datetime) -> Iterator[str]:
    """Seats in cohorts to come of people who lack something and have promised nothing.

    Not among what must hold everywhere: a fact that is corrected later takes nobody's seat away.
    """
    seated: dict[int, list[Reservation]] = defaultdict(list)
    coming = Reservation.objects.filter(state__in=OWING, provisional_until=None, cohort__starts_on__gt=school_day(now))
    for each in coming.select_related("cohort__module", "trainee"):
        if each.state_at(now) != State.EXPIRED:
            seated[each.cohort_id].append(each)
    for cohort_id, those in seated.items():
        people, code = [each.trainee for each in those], those[0].cohort.module.code
        standings = standings_of(people, code, school_day(now), cohort_id)
        for each in those:
            if not standings[each.trainee_id].eligible:
                yield f"reservation {each.pk} is {each.state}, and its trainee lacks something"


def _money() -> Iterator[str]:
    """The books add up, agree with payments and refunds, and no payment goes back more than once."""
    for entry in Posting.objects.values("entry").annotate(total=Sum("amount_cents")).exclude(total=0):
        yield f"entry {entry['entry']} is out of balance by {entry['total']}"
    accounts = dict(Posting.objects.values_list("account").annotate(total=Sum("amount_cents")))
    if accounts.get(Account.CARRIED, 0):
        yield f"{accounts[Account.CARRIED]} cents are lost between two cohorts"
    received = Payment.objects.filter(status=PaymentStatus.SUCCEEDED).aggregate(n=Sum("amount_cents"))["n"] or 0
    back = Refund.objects.filter(status=RefundStatus.SUCCEEDED).aggregate(n=Sum("amount_cents"))["n"] or 0
    waiting = Refund.objects.exclude(status=RefundStatus.SUCCEEDED).aggregate(n=Sum("amount_cents"))["n"] or 0
    lost = Dispute.objects.filter(status=DisputeStatus.LOST).aggregate(n=Sum("amount_cents"))["n"] or 0
    stands = -sum(accounts.get(account, 0) for account in PAID_ON)
    if received - back - lost != stands:
        yield f"received {received} less {back} sent back and {lost} lost is not the {stands} in the books"
    if waiting != -accounts.get(Account.REFUNDS_UNDERWAY, 0):
        yield f"{waiting} is on its way back, the books say {-accounts.get(Account.REFUNDS_UNDERWAY, 0)}"
    disputed = Dispute.objects.filter(status=DisputeStatus.OPEN).aggregate(n=Sum("amount_cents"))["n"] or 0
    if disputed != accounts.get(Account.DISPUTED, 0):
        yield f"{disputed} is disputed, the books say {accounts.get(Account.DISPUTED, 0)}"
    for payment in Payment.objects.annotate(gone=Sum("refunds__amount_cents")).filter(gone__isnull=False):
        if payment.gone > payment.amount_cents or payment.status != PaymentStatus.SUCCEEDED:
            yield f"{payment.gone} of {payment.amount_cents} cents go back on payment {payment.pk} ({payment.status})"


def _kept() -> dict[int, int]:
    """What pays for each reservation: received, less gone back, less owed back."""
    kept: dict[int, int] = defaultdict(int)
    stands = Posting.objects.filter(account__in=KEPT_ON)
    for reservation, total in stands.values_list("entry__reservation").annotate(total=Sum("amount_cents")):
        kept[reservation] -= total
    return kept


def _what_is_owed(tables: Tables) -> Iterator[str]:
    """Money and seat never tell different stories."""
    kept = _kept()
    charges = dict(Charge.objects.values_list("reservation").annotate(total=Sum("amount_cents")))
    for each in tables.reservations:
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


def _owed_after_the_cohort(tables: Tables, now: datetime) -> Iterator[str]:
    """What is owed to the school stands in the books once a cohort has run, or a reservation has ended; not before."""
    by_key = {each.pk: each for each in tables.reservations}
    owed = Posting.objects.filter(account=Account.OWED).values_list("entry__reservation")
    for key, total in owed.annotate(total=Sum("amount_cents")):
        each = by_key[key]
        if total and each.state in OWING and each.cohort.ends_on >= school_day(now):
            yield f"reservation {key} is {each.state} in a cohort that has not run, with {total} cents owed"


def _plans(tables: Tables) -> Iterator[str]:
    """What is left of the parts of a plan that runs is what remains to be paid, and it runs for a seat only."""
    kept, by_key = _kept(), {each.pk: each for each in tables.reservations}
    charges: dict[int, list[Charge]] = defaultdict(list)
    running = Plan.objects.filter(state=PlanState.ACTIVE)
    for charge in Charge.objects.filter(reservation__in=running.values("reservation")).order_by("due_at", "pk"):
        charges[charge.reservation_id].append(charge)
    for plan in running:
        each = by_key[plan.reservation_id]
        if each.state not in (State.RESERVED, State.CONFIRMED):
            yield f"plan {plan.pk} runs for reservation {each.pk}, which is {each.state}"
        covers, left = kept[each.pk], 0
        for charge in charges[each.pk]:
            covered = min(max(covers, 0), charge.amount_cents)
            covers -= covered
            left += charge.amount_cents - covered if charge.kind == ChargeKind.INSTALMENT else 0
        if left != each.owed_cents - kept[each.pk]:
            yield f"plan {plan.pk} has {left} cents left in parts, and {each.owed_cents - kept[each.pk]} remain"


def _story(tables: Tables) -> Iterator[str]:
    """The last word of each history is the state, and every message is about something that happened."""
    last: dict[str, State] = {}
    lines = HistoryLine.objects.filter(about_kind__in=("reservation", "waitlist")).order_by("pk")
    told = set()
    for what, about in lines.values_list("what", "about_id"):
        told.add(about)
        if what in ENTERED:
            last[about] = ENTERED[what]
        if what == "reservation-moved":
            last.pop(about, None)
    for each in tables.reservations:
        if each.public_id not in told:
            yield f"reservation {each.pk} has no history"
        if last.get(each.public_id, each.state) != each.state:
            yield f"reservation {each.pk} is {each.state}, its history says {last[each.public_id]}"
    for entry in tables.entries:
        if entry.public_id not in told:
            yield f"entry {entry.pk} has no history"
    known = {each.public_id for each in tables.reservations}
    for subject in Message.objects.filter(subject__startswith="reservation:").values_list("subject", flat=True):
        if subject.partition(":")[2] not in known:
            yield f"a message about {subject} is about nothing"
