"""Offers: a free seat held for whoever's turn it is, until they accept, decline or let the time run out."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from booking.payments.discounts import by_name
from booking.reservations import emails, lifecycle, owing, waitlist
from booking.reservations.admission import Admission, promise_until, quote
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.history.record import line, record_all
from workshops.people.models import User
from workshops.prerequisites.check import Standing, check
from workshops.prerequisites.facts import facts_of, rules_for
from workshops.programme.models import conduct_text, price_on, school_terms
from workshops.transactions import writes

TOLD_AGAIN_AFTER = timedelta(days=7)
"""Whoever is passed over hears of it, and not again before so long, however many seats pass them."""


class OfferGone(Exception):
    """The offer ran out, was declined, or was accepted already."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__(f"It is {reservation.state} by now.")
        self.reservation = reservation


class HasAnotherSeat(Exception):
    """They have a seat in another cohort and may have one only: accepting would be moving. See `moving.accept`."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__()
        self.reservation = reservation


def offer_free_seats(cohort_id: int, *, now: datetime) -> list[Reservation]:
    """Offer every seat that is free as of `now` to those in line whose turn it is; return the offers.

    Called in the transaction that frees, adds or unblocks a seat, and before any claim where people wait. Whoever is
    not eligible today, or needs more notice, is told and keeps their place. Locks the cohort, then each seat it takes.
    """
    cohort = waitlist.lock_cohort(cohort_id)
    entries = list(WaitlistEntry.objects.waiting().filter(cohort=cohort_id).in_turn().select_related("trainee"))
    if not entries or not seats.any_left(cohort_id, now):
        return []
    terms, today = cohort.terms(school_terms()), school_day(now)
    until = waitlist.offers_end(cohort, terms, now)
    if until is None:
        return []
    conduct_id, price = conduct_text().pk, price_on(cohort.module.code, today)
    rules = rules_for(cohort.module.code)
    facts = facts_of([entry.trainee_id for entry in entries], today, cohort_id)
    made: list[Reservation] = []
    passed_over: list[tuple[WaitlistEntry, Standing]] = []
    for entry in entries:
        known = facts[entry.trainee_id]
        standing = check(rules, known, today)
        if not waitlist.may_be_offered(entry, standing, cohort, terms, today):
            passed_over.append((entry, standing))
            continue
        cost = quote(cohort, terms, price, entitled=cohort.module.code in known.entitled, today=today)
        promise = None if standing.eligible else promise_until(cohort, terms, today)
        admission = Admission(
            cohort, entry.trainee, terms, cost, conduct_id, (), (), provisional_until=promise, rules=standing.rules
        )
        try:
            made.append(_offer(entry, admission, until, now))
        except seats.CohortFull:
            break
        _tell(passed_over, cohort, today, now)
        passed_over = []
    else:
        if seats.any_left(cohort_id, now):
            _tell(passed_over, cohort, today, now)
    return made


def _offer(entry: WaitlistEntry, admission: Admission, until: datetime, now: datetime) -> Reservation:
    """Hold a seat for this person until they have answered.

    Raises:
        CohortFull: when none is left.
    """
    claimed = seats.claim(entry.cohort_id, entry.trainee_id, until=until, now=now)
    lines: list[HistoryLine] = []
    if claimed.displaced_id is not None:
        lines += lifecycle.displaced(entry.cohort_id, claimed.displaced_id, now)
    offer = lifecycle.begin(admission, claimed.number, State.OFFERED, until, now)
    waitlist.offered(entry, offer, now)
    offered = lifecycle.line_about("reservation-offered", offer, now=now, seat=claimed.number, rules=admission.rules)
    record_all([*lines, offered])
    emails.offered(offer, entry, now=now)
    return offer


def _tell(passed_over: Sequence[tuple[WaitlistEntry, Standing]], cohort: Cohort, today: date, now: datetime) -> None:
    """Tell those whom a free seat has passed, and why; each once in a while only."""
    due = [
        (entry, standing)
        for entry, standing in passed_over
        if entry.trainee.is_active and (entry.told_on is None or entry.told_on + TOLD_AGAIN_AFTER <= today)
    ]
    lines = []
    for entry, standing in due:
        needs_notice = not waitlist.has_notice(entry, cohort.starts_on, today)
        why = (
            f"They asked for {entry.notice_days} days' notice."
            if needs_notice
            else f"Missing: {', '.join(outcome.title for outcome in standing.missing)}."
        )
        lines.append(
            line("line-passed-over", about=("waitlist", entry.public_id), person=entry.trainee, now=now, why=why)
        )
        entry.cohort = cohort
        emails.passed_over(entry, standing, needs_notice=needs_notice, today=today, now=now)
    record_all(lines)
    waitlist.told([entry for entry, _ in due], today)


def open_offer(cohort_id: int, trainee_id: int, now: datetime) -> Reservation | None:
    """The offer that this person can still accept in this cohort."""
    offers = Reservation.objects.filter(cohort=cohort_id, trainee=trainee_id, state=State.OFFERED, held_until__gt=now)
    return offers.select_related("cohort__venue", "cohort__module", "trainee").first()


@writes
def accept(offer: Reservation, *, now: datetime, by: User, conduct_id: int | None = None) -> Reservation:
    """Say yes to an offer: it becomes a hold, no shorter than the offer was; straight on where nothing is owed.

    Whoever calls this has shown the conduct text that the offer names, or the one with this key, and been told that it
    is accepted. Prerequisites were asked when the seat was offered. Locks the seat and the reservation; before them the
    cohorts where something of theirs has run out, whose seats go to the line; after them what they have by name of
    scholarships, which comes off the price.

    Raises:
        OfferGone: when it ran out, was declined or accepted already.
        HasAnotherSeat: when that seat would be left by this; see `moving.accept`.
        IntegrityError: when they are taking another seat at this very moment.
    """
    elsewhere = waitlist.lock_cohorts(lifecycle.ran_out_elsewhere(offer.trainee_id, {offer.cohort_id}, now))
    fresh = lifecycle.lock(offer)
    if fresh.state_at(now) != State.OFFERED or school_day(now) >= fresh.cohort.starts_on:
        raise OfferGone(fresh)
    if other := seat_elsewhere(fresh, now):
        raise HasAnotherSeat(other)
    record_all(lifecycle.let_go_elsewhere(fresh.trainee_id, fresh.cohort_id, now))
    until = None
    applies = by_name.on_offer(fresh, now, locked=True)
    if applies:
        by_name.lower(fresh, applies)
    if fresh.deposit_cents:
        ordinary = lifecycle.held_until(fresh.cohort, fresh.terms, now, by_the_school=by.pk != fresh.trainee_id)
        until = max(ordinary, fresh.held_until or ordinary)
        seats.hold_longer(fresh.cohort_id, fresh.trainee_id, until=until, now=now)
    else:
        seats.take(fresh.cohort_id, fresh.trainee_id)
    lifecycle.agreed(fresh, conduct_id or fresh.conduct_id, now)
    to = lifecycle.state_for(fresh.price_cents, until)
    lifecycle.move(fresh, to, now=now, by=by, held_until=until, accepted=True)
    owing.charge(fresh, now)
    if applies:
        record_all([by_name.write_down(applies, fresh, now)])
    waitlist.ended(fresh, EntryState.SEATED, now)
    for cohort_id in elsewhere:
        offer_free_seats(cohort_id, now=now)
    return fresh


def seat_elsewhere(offer: Reservation, now: datetime) -> Reservation | None:
    """What accepting this offer would leave: the one seat that the terms allow, in another coming cohort.

    Or the money of a cohort that the school has cancelled, as long as it may go to another one: this is the other one.
    """
    rows = Reservation.objects.filter(trainee=offer.trainee_id).exclude(pk=offer.pk)
    rows = rows.select_related("cohort__venue", "cohort__module", "trainee")
    seated = rows.holding_a_seat(now).filter(is_only_one=True, cohort__ends_on__gte=school_day(now))
    other = seated.exclude(state=State.OFFERED).first() if offer.is_only_one else None
    return other or rows.filter(state=State.CANCELLED, choose_until__gt=now).first()


@writes
def decline(offer: Reservation, *, now: datetime, by: User, why: str = "") -> Reservation:
    """Say no to an offer: the seat goes to the next in line at once. Locks the cohort, the seat and the reservation.

    Raises:
        OfferGone: when it ran out, was declined or accepted already.
    """
    waitlist.lock_cohort(offer.cohort_id)
    fresh = lifecycle.lock(offer)
    if fresh.state_at(now) != State.OFFERED:
        raise OfferGone(fresh)
    take_back(fresh, EntryState.WITHDRAWN, "offer-declined", now=now, by=by, why=why)
    offer_free_seats(fresh.cohort_id, now=now)
    return fresh


def take_back(
    offer: Reservation, entry_state: EntryState, what: str, *, now: datetime, by: User | None, why: str = ""
) -> None:
    """End an open offer and free its seat. The caller has locked cohort, seat and reservation, and offers it on."""
    seats.release(offer.cohort_id, offer.trainee_id)
    lifecycle.withdraw(offer, what, now=now, by=by, why=why)
    waitlist.ended(offer, entry_state, now)
