"""What a file would do, and doing it: all of it in one transaction, or nothing.

The dry run does everything and takes it back, so that it cannot promise what the real run would refuse. Nobody is
written to. Each row goes the way that everyone goes: a seat is claimed, prerequisites are asked, charges add up, money
is booked (against opening balances: it is in the bank already).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from booking.desk.moving_in.reading import parse
from booking.desk.moving_in.rows import IN_TURN, Entry, Plan, What
from booking.payments import bringing_in as payments
from booking.payments import ledger
from booking.payments.gateways.base import Card
from booking.payments.models import Payment
from booking.payments.plans import lifecycle as plans
from booking.reservations import bringing_in, waitlist
from booking.reservations.admission import AlreadyReserved, BookingClosed, PrerequisitesUnmet
from booking.reservations.models import OWING, Reservation, State, WaitlistEntry
from workshops import money
from workshops.clock import end_of_school_day, school_day
from workshops.cohorts import past
from workshops.cohorts.models import Cohort, Venue
from workshops.cohorts.seats import CohortFull
from workshops.people.addresses import account_at
from workshops.people.models import User
from workshops.tables import Changed, Outcome, Row
from workshops.transactions import writes


class _Undo(Exception):
    """Ends the dry run, so that nothing of it stays."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


class _Refused(Exception):
    """One row cannot be brought in; the message says why."""

    def __init__(self, message: str, column: str = "", outcome: Outcome = Outcome.ERROR) -> None:
        super().__init__(message)
        self.column, self.outcome = column, outcome


def dry_run(text: str, *, by: User, now: datetime) -> Plan:
    """What this file would do: it is done and taken back. Holds the locks of the real run for as long.

    Raises:
        Unreadable: when the file as a whole cannot be read.
    """
    read = parse(text)
    try:
        _all(read, by=by, now=now, digest=None)
    except _Undo as undone:
        return undone.plan
    raise AssertionError("unreachable")


def carry_out(text: str, digest: str, *, by: User, now: datetime) -> Plan:
    """Do what the dry run showed: all of it, or nothing.

    Raises:
        Unreadable: when the file as a whole cannot be read.
        Changed: when it would do something else by now, or a row is wrong; nothing has been written then.
    """
    try:
        return _all(parse(text), by=by, now=now, digest=digest)
    except _Undo as undone:
        raise Changed(undone.plan) from None


@writes
def _all(read: Sequence[Entry | Row], *, by: User, now: datetime, digest: str | None) -> Plan:
    rows = [each for each in read if isinstance(each, Row)]
    entries = [each for each in read if isinstance(each, Entry)]
    paid: dict[tuple[str, str], int] = defaultdict(int)
    for each in entries:
        if each.what == "payment":
            paid[each.email, each.cohort] += each.amount_cents
    bringing: Mapping[What, Callable[[Entry], tuple[Outcome, str]]] = {
        "cohort": lambda each: _cohort(each, by, now),
        "reservation": lambda each: _reservation(each, paid[each.email, each.cohort], by, now),
        "payment": lambda each: _payment(each, by, now),
        "plan": lambda each: _plan(each, by, now),
        "line": lambda each: _line(each, by, now),
    }
    for what in IN_TURN:
        in_turn = sorted((each for each in entries if each.what == what), key=lambda each: each.first)
        rows += [_row(each, bringing[what]) for each in in_turn]
    plan = Plan(tuple(sorted(rows, key=lambda row: row.line)))
    if digest is None or digest != plan.digest or not plan.is_clean:
        raise _Undo(plan)
    return plan


def _row(entry: Entry, bring: Callable[[Entry], tuple[Outcome, str]]) -> Row:
    try:
        with transaction.atomic():
            outcome, message = bring(entry)
    except _Refused as refused:
        return Row(entry.line, entry.email, entry.what, refused.outcome, str(refused), refused.column)
    return Row(entry.line, entry.email, entry.what, outcome, message)


# -- cohorts for the record --------------------------------------------------------------------------------------------
def _cohort(entry: Entry, by: User, now: datetime) -> tuple[Outcome, str]:
    known = Cohort.objects.filter(code=entry.cohort).first()
    if known:
        if (known.starts_on, known.ends_on) == (entry.first, entry.last):
            return Outcome.SAME, "This cohort is planned already."
        raise _Refused("There is a cohort with this code on other days.", "cohort", Outcome.CONTRADICTION)
    if entry.last >= school_day(now):
        raise _Refused("Only cohorts that are over are brought in here. Plan the others under Cohorts.", "date")
    venue = Venue.objects.filter(name=entry.venue).first()
    if venue is None:
        raise _Refused("There is no venue of this name. Make it under Cohorts first.", "venue")
    assert entry.begins
    assert entry.ends
    made = past.enter(
        code=entry.cohort, title=entry.title, venue=venue, first=entry.first, last=entry.last,
        begins=entry.begins, ends=entry.ends, capacity=entry.seat, by=by, now=now,
    )  # fmt: skip
    return Outcome.NEW, f"{made.title} is entered for the record, closed, with {entry.seat} seats."


# -- reservations ------------------------------------------------------------------------------------------------------
def _reservation(entry: Entry, paid_cents: int, by: User, now: datetime) -> tuple[Outcome, str]:
    trainee, cohort = _person(entry, by), _cohort_of(entry)
    if known := Reservation.objects.filter(trainee=trainee, cohort=cohort, state__in=OWING).first():
        if known.state == State.HELD:
            raise _Refused("They hold a seat here already. Record what arrived for it at the desk.", "e-mail")
        if (known.price_cents, known.deposit_cents) == (entry.price_cents, entry.deposit_cents):
            return Outcome.SAME, f"They have seat {known.seat_number} already."
        raise _Refused("They have a seat in this cohort at another price.", "price", Outcome.CONTRADICTION)
    to_come = cohort.starts_on > school_day(now)
    if paid_cents > entry.price_cents:
        raise _Refused("The payments of this file are more than the price.", "price")
    if to_come and paid_cents < entry.deposit_cents:
        raise _Refused("Less than the deposit has been paid. Leave it out and reserve for them here.", "deposit")
    try:
        made = bringing_in.seat(
            cohort,
            trainee,
            number=entry.seat or None,
            price_cents=entry.price_cents,
            deposit_cents=entry.deposit_cents,
            is_paid=paid_cents >= entry.price_cents,
            reserved_at=end_of_school_day(entry.first),
            now=now,
            by=by,
        )
    except CohortFull:
        raise _Refused("That seat is not free." if entry.seat else "No seat is free in this cohort.", "seat") from None
    except BookingClosed:
        raise _Refused("This cohort takes nobody: publish it first.", "cohort") from None
    except AlreadyReserved as has:
        raise _Refused(f"They have a seat or an offer in {has.reservation.cohort.title} already.", "e-mail") from None
    except PrerequisitesUnmet as lacks:
        missing = "; ".join(each.title for each in lacks.standing.missing)
        raise _Refused(f"Their record lacks: {missing}. Import that, or make an exception, first.", "e-mail") from None
    said = money.in_words(paid_cents, made.currency)
    where = f"Seat {made.seat_number} in {cohort.title}"
    return Outcome.NEW, f"{where}, {State(made.state).label.lower()}; {said} of it paid by the rows of this file."


# -- money -------------------------------------------------------------------------------------------------------------
def _payment(entry: Entry, by: User, now: datetime) -> tuple[Outcome, str]:
    reservation = _reservation_of(entry, by)
    known = Payment.objects.filter(gateway=entry.by, reference=entry.reference).first()
    if known:
        if (known.reservation_id, known.amount_cents) == (reservation.pk, entry.amount_cents):
            return Outcome.SAME, "This payment is on record already."
        raise _Refused(
            "A payment with this reference is on record, and it is another one.", "reference", Outcome.CONTRADICTION
        )
    kept = ledger.kept_cents(reservation)
    if kept + entry.amount_cents > reservation.owed_cents:
        raise _Refused("With this payment, more would have come than the seat costs.", "amount")
    payments.payment(
        reservation,
        entry.amount_cents,
        gateway=entry.by,
        reference=entry.reference,
        received_at=end_of_school_day(entry.first),
        now=now,
        by=by,
    )
    said = money.in_words(entry.amount_cents, reservation.currency)
    return Outcome.NEW, f"{said} for {reservation.cohort.title}, as an opening entry."


def _plan(entry: Entry, by: User, now: datetime) -> tuple[Outcome, str]:
    reservation = _reservation_of(entry, by)
    known = plans.running(reservation)
    if known:
        if plans.agreed_parts(known) == list(entry.parts):
            return Outcome.SAME, "This plan is running already."
        raise _Refused("They have another plan already.", "parts", Outcome.CONTRADICTION)
    if bool(entry.card) != bool(entry.payer) or (entry.card and not entry.card.startswith("pm_")):
        raise _Refused(
            "A saved card has two numbers at Stripe: payer (cus_…) and card (pm_…). Give both, or neither.", "card"
        )
    remaining = reservation.owed_cents - ledger.kept_cents(reservation)
    if sum(part.cents for part in entry.parts) != remaining:
        said = money.in_words(remaining, reservation.currency)
        raise _Refused(f"The parts must add up to what remains, {said}.", "parts")
    if entry.parts[-1].due_on > reservation.balance_due_on:
        raise _Refused("The last part is due after the balance date of the cohort.", "parts")
    card = Card(entry.card, entry.payer, "The card that was saved before") if entry.card else None
    payments.plan(reservation, entry.parts, card, agreed_at=end_of_school_day(entry.first), now=now)
    waits = "" if card else " It needs a card: they are asked for one when the next part is due."
    return Outcome.NEW, f"{len(entry.parts)} parts, the next on {entry.parts[0].due_on:%-d %B %Y}.{waits}"


# -- the line ----------------------------------------------------------------------------------------------------------
def _line(entry: Entry, by: User, now: datetime) -> tuple[Outcome, str]:
    trainee, cohort = _person(entry, by), _cohort_of(entry)
    if waitlist.place_of(cohort.pk, trainee.pk):
        return Outcome.SAME, "They are in this line already."
    if cohort.starts_on <= school_day(now):
        raise _Refused("This cohort has begun; nobody waits for it any more.", "cohort")
    if Reservation.objects.filter(trainee=trainee, cohort=cohort).holding_a_seat(now).exists():
        raise _Refused("They have a seat in this cohort.", "e-mail")
    bringing_in.place(cohort, trainee, joined_at=end_of_school_day(entry.first), now=now, by=by)
    before = WaitlistEntry.objects.waiting().filter(cohort=cohort).count()
    return Outcome.NEW, f"In the line for {cohort.title} since {entry.first:%-d %B %Y}, {before} waiting so far."


# -- what rows name ----------------------------------------------------------------------------------------------------
def _person(entry: Entry, by: User) -> User:
    """Whom a row is about: never the registrar who brings it in."""
    person = account_at(entry.email)
    if person is None:
        raise _Refused("Nobody has this address. Import people and what they have finished first.", "e-mail")
    if person.pk == by.pk:
        raise _Refused("Nobody brings in their own seat, money or place in line. Ask a colleague.", "e-mail")
    return person


def _cohort_of(entry: Entry) -> Cohort:
    cohort = Cohort.objects.select_related("module", "venue").filter(code=entry.cohort).first()
    if cohort is None:
        raise _Refused("There is no cohort with this code.", "cohort")
    return cohort


def _reservation_of(entry: Entry, by: User) -> Reservation:
    """The seat that money or a plan is for. One that is only held gets its money at the desk, where all is decided."""
    trainee, cohort = _person(entry, by), _cohort_of(entry)
    found = Reservation.objects.filter(trainee=trainee, cohort=cohort, state__in=OWING).select_related("cohort").first()
    if found and found.state == State.HELD:
        raise _Refused("They hold a seat here already. Record what arrived for it at the desk.", "e-mail")
    if found is None:
        raise _Refused("They have no seat in this cohort, here or in a row of this file.", "e-mail")
    return found
