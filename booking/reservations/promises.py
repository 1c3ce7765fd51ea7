"""What a reservation promises about money, as dates that a person can read before paying. Pure functions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from booking.reservations.deadlines import last_day_to_move, last_day_to_move_free
from booking.reservations.models import Reservation
from booking.reservations.refunds import ComesBack, comes_back_on, if_not_kept, may_leave
from workshops import money
from workshops.clock import in_words, moment_for, school_day, with_weekday
from workshops.programme.terms import Terms


@dataclass(frozen=True)
class Promise:
    """One line of the money terms."""

    when: str
    what: str
    is_of_cancelling: bool = False
    """Said by `Returns` as well, in figures: a page that shows those leaves it out."""


@dataclass(frozen=True)
class ReturnsUntil:
    """What would come back of each amount when cancelling until then."""

    when: str
    """A day in words; later, or any day."""
    cents: tuple[int, ...]


@dataclass(frozen=True)
class Returns:
    """What would come back, in figures: a column for each amount that may have been paid, a row for each time."""

    paid_cents: tuple[int, ...]
    rows: tuple[ReturnsUntil, ...]


def refundable_until(starts_on: date, terms: Terms) -> tuple[date, date]:
    """The last day on which everything comes back, and the last on which all but the deposit does (never earlier)."""
    everything = starts_on - timedelta(days=terms.deposit_refundable_days)
    return everything, max(everything, starts_on - timedelta(days=terms.rest_refundable_days))


def promises(
    starts_on: date,
    terms: Terms,
    today: date,
    *,
    currency: str = "USD",
    stays_cents: int = 0,
    is_owed: bool = True,
    is_paid_here: bool = True,
    after: date | None = None,
) -> list[Promise]:
    """What comes back when, what moving costs when, what a late balance means: only what can still matter.

    `stays_cents` had stopped being refundable before a move to this cohort, or is the fee for it. Without `is_owed`
    nothing can be late; without `is_paid_here` nothing can come back. What ends on the day `after` or before is left
    out: until then something better holds.
    """
    since = max(today, after + timedelta(days=1)) if after else today
    lines = [*_cancelling(starts_on, terms, since, currency, stays_cents, bool(after))] if is_paid_here else []
    if is_owed:
        lines += _late(terms)
    lines += _moving(starts_on, terms, since, currency)
    days = terms.choice_days
    choice = f"All of it comes back, or you take it to another cohort: you have {_days(days)} to choose."
    lines.append(Promise("If the school cancels or moves the cohort", choice))
    return lines


def promises_of(reservation: Reservation, now: datetime, *, is_owed: bool) -> list[Promise]:
    """The same for a reservation, by the terms it was made under. `reservation.cohort` is loaded already."""
    free, until = may_leave(reservation, now), reservation.may_leave_until
    lines = promises(
        reservation.cohort.starts_on,
        reservation.terms,
        school_day(now),
        currency=reservation.currency,
        stays_cents=reservation.not_refundable_cents,
        is_owed=is_owed,
        is_paid_here=not reservation.paid_elsewhere and reservation.owed_cents > 0,
        after=school_day(until) if free and until else None,
    )
    if free and until:
        when = f"Cancel or move until {moment_for(until, reservation.trainee.time_zone)}"
        lines.insert(0, Promise(when, "Everything you have paid comes back, and moving is free: the school moved it."))
    return lines


def returns_of(reservation: Reservation, kept_cents: int, now: datetime) -> Returns | None:
    """What would come back when, once the deposit, or everything, has been paid; None where nothing is paid here.

    By the terms it was made under, or would be: the reservation need not have been saved. `kept_cents` is what pays for
    it already.
    """
    deposit, everything = max(reservation.deposit_cents, kept_cents), max(reservation.owed_cents, kept_cents)
    amounts = tuple(sorted({deposit, everything} - {0}))
    if not amounts:
        return None
    rows: list[ReturnsUntil] = []
    since, until = school_day(now), reservation.may_leave_until
    if may_leave(reservation, now) and until:
        rows.append(ReturnsUntil(moment_for(until, reservation.trainee.time_zone), amounts))
        since = school_day(until) + timedelta(days=1)
    everything_until, rest_until = refundable_until(reservation.cohort.starts_on, reservation.terms)
    days = [day for day in sorted({everything_until, rest_until}) if day >= since]
    rows += [ReturnsUntil(in_words(day), _of_each(reservation, amounts, day)) for day in days]
    last = _of_each(reservation, amounts, max(rest_until + timedelta(days=1), since))
    rows.append(ReturnsUntil("later" if rows else "any day", last))
    return Returns(amounts, tuple(_without_repeats(rows)))


def _of_each(reservation: Reservation, amounts: tuple[int, ...], day: date) -> tuple[int, ...]:
    return tuple(comes_back_on(reservation, each, day).cents for each in amounts)


def _without_repeats(rows: list[ReturnsUntil]) -> Iterator[ReturnsUntil]:
    """Of neighbours that say the same, the later: it holds until then."""
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if following is None or following.cents != row.cents:
            yield row


def _cancelling(
    starts_on: date, terms: Terms, today: date, currency: str, stays_cents: int, is_later: bool
) -> Iterator[Promise]:
    everything_until, rest_until = refundable_until(starts_on, terms)
    if stays_cents >= terms.deposit_cents:
        everything_until = rest_until
    stays = money.in_words(stays_cents, currency)
    if today <= everything_until:
        what = (
            f"What you have paid comes back, but for {stays}" if stays_cents else "Everything you have paid comes back"
        )
        yield Promise(f"Cancel until {with_weekday(everything_until)}", f"{what}.", is_of_cancelling=True)
    if today <= rest_until and everything_until < rest_until:
        what = "The deposit stays with the school, the rest comes back."
        yield Promise(f"Cancel until {with_weekday(rest_until)}", what, is_of_cancelling=True)
    when = "Cancel later" if is_later or today <= rest_until else "If you cancel"
    what = "Nothing comes back. Write to the school if something serious has happened."
    yield Promise(when, what, is_of_cancelling=True)


def _late(terms: Terms) -> Iterator[Promise]:
    days = terms.balance_grace_days
    waits = f"The school writes to you and waits {_days(days)}" if days else "The school writes to you"
    if terms.release_overdue:
        goes = "Then the seat is released by itself, and what comes back is what it says above."
    else:
        goes = "Then it decides about the seat."
    yield Promise("If the balance is late", f"{waits}. {goes}")


def _moving(starts_on: date, terms: Terms, today: date, currency: str) -> Iterator[Promise]:
    until = last_day_to_move(starts_on, terms)
    free_until = last_day_to_move_free(starts_on, terms) if terms.moving_fee_cents else until
    if today <= free_until:
        yield Promise(f"Move until {with_weekday(free_until)}", "Changing to another cohort is free.")
    if today <= until and free_until < until:
        fee = money.in_words(terms.moving_fee_cents, currency)
        yield Promise(f"Move until {with_weekday(until)}", f"Changing to another cohort costs {fee}.")


def _days(days: int) -> str:
    return "one day" if days == 1 else f"{days} days"


def if_promise_fails(seat: Reservation, paid_cents: int) -> str:
    """What comes back if the promise of a provisional seat is not kept; empty for a seat that is sure.

    Of what has been paid, or else of the deposit, and of everything that is owed: people decide what to pay by it.
    """
    amounts = sorted({paid_cents or seat.deposit_cents, max(seat.owed_cents, paid_cents)} - {0})
    found = [back for each in amounts if (back := if_not_kept(seat, each))]
    if not any(back.cents for back in found):
        return "Nothing that was paid comes back then." if found else ""
    return f"What comes back then: {', or '.join(_part_of(back, seat.currency) for back in found)}."


def _part_of(back: ComesBack, currency: str) -> str:
    part = "nothing"
    if back.cents:
        part = money.in_words(back.cents, currency) if back.kept_cents else "all"
    return f"{part} of {money.in_words(back.cents + back.kept_cents, currency)} paid"
