"""The messages that reservations and the line cause."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from django.conf import settings
from django.urls import reverse

from booking.calendars import invitations
from booking.reservations.models import OWING, SEATED, Reservation, State, WaitlistEntry
from booking.reservations.promises import if_promise_fails
from workshops import money
from workshops.clock import days_in_words, end_of_school_day, moment_for, school_day, with_weekday
from workshops.cohorts.models import Cohort
from workshops.cohorts.planning import certainty_of
from workshops.messages.outbox import queue, queue_all, queue_to_address
from workshops.people.models import User
from workshops.prerequisites.check import Standing

# An offer and its end speak for themselves; a move is told by the reservation it led to.
_TOLD = {State.HELD, State.RESERVED, State.CONFIRMED, State.EXPIRED, State.CANCELLED}


def state_changed(
    reservation: Reservation,
    *,
    now: datetime,
    by: User | None = None,
    why: str = "",
    told: Mapping[str, str] | None = None,
) -> None:
    """Queue the message about the state that `reservation` has just come to, in the caller's transaction.

    A cancellation says whose doing it was: the trainee's own, the school's (`by` someone else) or the clock's (nobody).
    """
    if reservation.state in _TOLD:
        facts = {"certainty": _before_travel(reservation, now), **(told or {})}
        if reservation.state in OWING:
            facts["provisional"] = _provisional(reservation)
        if reservation.state == State.CANCELLED and (by is None or _by_the_school(reservation, by)):
            facts |= {"ended_by": "the school" if by else "the clock", "why": why}
        if reservation.state in SEATED:
            facts["begins"] = _begins(reservation)
        for_calendar = reservation.state in (*SEATED, State.CANCELLED)
        _queue(f"reservation-{reservation.state}", reservation, facts, now=now, for_calendar=for_calendar)


def _by_the_school(reservation: Reservation, by: User) -> bool:
    return by.pk != reservation.trainee_id


def _provisional(reservation: Reservation) -> str:
    """What a provisional seat may cost, said before it does; empty for every other seat.

    Money that has moved is not this module's to know: before everything is paid, the words name the deposit and the
    whole.
    """
    if reservation.provisional_until is None:
        return ""
    paid = reservation.owed_cents if reservation.state == State.CONFIRMED else 0
    until, then = with_weekday(reservation.provisional_until), if_promise_fails(reservation, paid)
    words = (
        f"The seat is provisional: what the module asks for must be on your record by the end of {until} in Los "
        "Angeles. If something is still missing then, the seat is released."
    )
    return f"{words} {then}".strip()


def _before_travel(reservation: Reservation, now: datetime) -> str:
    """Words for someone whose cohort is not certain to run yet; empty for everyone else."""
    if reservation.state not in OWING:
        return ""
    # What was made at this moment froze the terms of this moment: where people queue for seats, no statement more.
    terms = reservation.terms if reservation.created_at == now else None
    certainty = certainty_of(reservation.cohort, now=now, terms=terms)
    return "" if certainty.is_settled else certainty.words


def cohort_certain(reservations: Iterable[Reservation], *, now: datetime) -> None:
    """Queue to everyone with one of these reservations that their cohort is certain to run. One statement."""
    told = [(("reservation", each.public_id), each.trainee, context(each)) for each in reservations]
    queue_all("cohort-certain", told, now=now)


def offered(offer: Reservation, entry: WaitlistEntry, *, now: datetime) -> None:
    """Queue the offer: the seat, until when, and the page to answer on."""
    _queue("offer-made", offer, {"link": _address(entry), "provisional": _provisional(offer)}, now=now)


def offer_reminder(offer: Reservation, entry: WaitlistEntry, *, step: int, now: datetime) -> None:
    """Queue a reminder that an offer waits for an answer."""
    told = {"link": _address(entry), "provisional": _provisional(offer)}
    _queue("offer-waits", offer, told, now=now, step=step)


def offer_ran_out(offer: Reservation, *, now: datetime) -> None:
    """Queue the end of an offer that nobody answered, the way back to the end of the line, and what stays theirs."""
    seats = Reservation.objects.holding_a_seat(now).filter(trainee=offer.trainee_id, state__in=OWING)
    kept = seats.exclude(pk=offer.pk).filter(cohort__ends_on__gte=school_day(now)).select_related("cohort")
    words = [_still_theirs(each) for each in kept.order_by("cohort__starts_on", "pk")]
    _queue("offer-lapsed", offer, {"kept": " ".join(words)}, now=now)


def _still_theirs(reservation: Reservation) -> str:
    how = "held for you" if reservation.state == State.HELD else "yours"
    return f"Your seat {reservation.seat_number} in {reservation.cohort.title} is still {how}."


def passed_over(entry: WaitlistEntry, standing: Standing, *, needs_notice: bool, today: date, now: datetime) -> None:
    """Queue why a free seat has passed someone in line; they keep their place."""
    cohort = entry.cohort
    missing = "" if needs_notice else _missing(standing)
    queue(
        "line-passed-over",
        ("waitlist", entry.public_id),
        entry.trainee,
        {
            **about_cohort(cohort),
            "missing": missing,
            "notice": "" if missing else days_in_words(entry.notice_days),
            "link": f"{settings.SITE_URL}{reverse('standing')}" if missing else _address(entry),
        },
        now=now,
        step=(today - school_day(entry.joined_at)).days,
    )


def line_joined(entry: WaitlistEntry, position: int, standing: Standing, *, may_promise: bool, now: datetime) -> None:
    """Queue what joining means: the place, the notice they asked for, what is missing now, and what happens next.

    `may_promise`: the cohort offers seats to people who promise what is missing.
    """
    place = {
        **about_cohort(entry.cohort),
        "position": str(position),
        "notice": days_in_words(entry.notice_days) if entry.notice_days else "",
        "missing": _missing(standing),
        "may_promise": "yes" if may_promise else "",
        "link": _address(entry),
    }
    queue("line-joined", ("waitlist", entry.public_id), entry.trainee, place, now=now)


def line_reordered(moved_back: Iterable[tuple[WaitlistEntry, int, int]], *, why: str, step: int, now: datetime) -> None:
    """Queue to those whom the school has moved back their place before and now: (entry, was, is). One statement."""
    told = [
        (
            ("waitlist", entry.public_id),
            entry.trainee,
            {
                **about_cohort(entry.cohort),
                "was": str(was),
                "position": str(place),
                "why": why,
                "link": _address(entry),
            },
        )
        for entry, was, place in moved_back
    ]
    queue_all("line-reordered", told, now=now, step=step)


def line_left(entry: WaitlistEntry, *, why: str, now: datetime) -> None:
    """Queue that the school took someone out of the line."""
    place = {**about_cohort(entry.cohort), "why": why, "link": _address(entry)}
    queue("line-left", ("waitlist", entry.public_id), entry.trainee, place, now=now)


def line_moved(
    entry: WaitlistEntry, *, before: str, after: str, why: str, was_called: str, step: int, now: datetime
) -> None:
    """Queue that the cohort someone waits for has moved; they keep their place."""
    told = {"before": before, "after": after, "why": why, "was_called": was_called, "link": _address(entry)}
    about = ("waitlist", entry.public_id)
    queue("line-moved", about, entry.trainee, {**about_cohort(entry.cohort), **told}, now=now, step=step)


def line_closed(entry: WaitlistEntry, *, why: str, now: datetime) -> None:
    """Queue the end of a line: the cohort has begun or will not run."""
    place = {**about_cohort(entry.cohort), "why": why, "link": f"{settings.SITE_URL}{reverse('home')}"}
    queue("line-closed", ("waitlist", entry.public_id), entry.trainee, place, now=now)


def moved(new: Reservation, old: Reservation, *, by: User, why: str, now: datetime) -> None:
    """Queue the move: whose doing it was, from where to where, and what is owed now."""
    by_the_school = _by_the_school(new, by)
    told = {
        "by_the_school": "yes" if by_the_school else "",
        "why": why if by_the_school else "",
        "provisional": _provisional(new),
        "old_cohort": old.cohort.title,
        "old_days": _days(old.cohort),
        "fee": money.in_words(new.fee_cents, new.currency) if new.fee_cents else "",
    }
    _queue("reservation-moved", new, told, now=now, for_calendar=True)


def fee_waived(reservation: Reservation, *, fee_cents: int, back_cents: int, why: str, now: datetime) -> None:
    """Queue that the school has let someone off a fee for moving, and what of it comes back."""
    told = {
        "fee": money.in_words(fee_cents, reservation.currency),
        "comes_back": money.in_words(back_cents, reservation.currency) if back_cents else "",
        "why": why,
    }
    _queue("fee-waived", reservation, told, now=now)


def balance_reminder(
    reservation: Reservation, *, remaining_cents: int, step: int, overdue: bool, now: datetime
) -> None:
    """Queue a rung of the ladder of reminders about the balance, in words that are true now.

    After a gap in the reminders, the grace may be over by the time that the first of them is queued.
    """
    grace_until = reservation.balance_due_on + timedelta(days=reservation.terms.balance_grace_days)
    told = {
        "remaining": money.in_words(remaining_cents, reservation.currency),
        "grace_until": with_weekday(grace_until),
        "grace_is_over": "yes" if end_of_school_day(grace_until) < now else "",
        "by_itself": "yes" if reservation.terms.release_overdue else "",
    }
    _queue("balance-overdue" if overdue else "balance-due", reservation, told, now=now, step=step)


def balance_put_off(reservation: Reservation, *, why: str, now: datetime) -> None:
    """Queue the new date of a balance, and why. Each date is told once."""
    step = (reservation.balance_due_on - school_day(reservation.created_at)).days
    _queue("balance-put-off", reservation, {"why": why}, now=now, step=max(step, 0))


def hold_longer(reservation: Reservation, *, why: str, now: datetime) -> None:
    """Queue the later end of a hold. Each is told once."""
    assert reservation.held_until is not None
    later = (reservation.held_until - reservation.created_at) // timedelta(minutes=1)
    _queue("hold-longer", reservation, {"why": why}, now=now, step=min(later, 32_000))


def promise_longer(reservation: Reservation, *, why: str, now: datetime) -> None:
    """Queue the later date of a promise. Each is told once."""
    assert reservation.provisional_until is not None
    until = reservation.provisional_until
    told = {
        "until": with_weekday(until),
        "provisional": _provisional(reservation),
        "why": why,
        "link": f"{settings.SITE_URL}{reverse('standing')}",
    }
    _queue("promise-longer", reservation, told, now=now, step=max((until - school_day(reservation.created_at)).days, 0))


def promise_reminder(reservation: Reservation, standing: Standing, *, step: int, now: datetime) -> None:
    """Queue a rung of the ladder of reminders about prerequisites that were promised."""
    assert reservation.provisional_until is not None
    told = {
        "missing": _missing(standing),
        "until": with_weekday(reservation.provisional_until),
        "provisional": _provisional(reservation),
        "link": f"{settings.SITE_URL}{reverse('standing')}",
    }
    _queue("promise-waits", reservation, told, now=now, step=step)


def promise_kept(reservation: Reservation, *, now: datetime) -> None:
    """Queue that a provisional seat is provisional no more."""
    _queue("promise-kept", reservation, {}, now=now)


def days_leave(reservation: Reservation, was: User, *, now: datetime) -> None:
    """Queue to the address of `was`, their other account until now, that its calendar keeps the days no more.

    It names no other address: nobody may ever have confirmed this one. Said once for each number of the reservation.
    """
    calendar = invitations.cancellation(reservation, now=now, attendee=was)
    about, facts = ("reservation", reservation.public_id), {**context(reservation), "days_attached": ""}
    queue_to_address(
        "days-brought-over",
        about,
        reservation.trainee,
        was.email,
        facts,
        now=now,
        step=reservation.sequence,
        calendar=calendar,
    )


def days_come(reservation: Reservation, *, now: datetime) -> None:
    """Queue the days of a seat that came from their other account. Said once for each number of the reservation."""
    _queue("days-brought-over", reservation, {}, now=now, step=reservation.sequence, for_calendar=True)


def called_off(reservation: Reservation, *, owed_cents: int, why: str, now: datetime) -> None:
    """Queue that the school has cancelled the cohort, what comes back, and the choice."""
    until = reservation.choose_until
    told = {
        "why": why,
        "owed": money.in_words(owed_cents, reservation.currency) if owed_cents else "",
        "choose_until": moment_for(until, reservation.trainee.time_zone) if until else "",
    }
    _queue("cohort-cancelled", reservation, told, now=now, for_calendar=True)


def rescheduled(
    reservation: Reservation,
    *,
    before: str,
    after: str,
    why: str,
    was_called: str,
    is_due_later: bool,
    step: int,
    now: datetime,
) -> None:
    """Queue that the school has moved the cohort, and that leaving costs nothing for a while.

    `is_due_later`: the balance is due on a later day with it.
    """
    until = reservation.may_leave_until
    told = {
        "before": before,
        "after": after,
        "why": why,
        "was_called": was_called,
        "leave_until": moment_for(until, reservation.trainee.time_zone) if until and until > now else "",
        "held": "yes" if reservation.state == State.HELD else "",
        "balance_later": "yes" if is_due_later and reservation.state == State.RESERVED else "",
    }
    if reservation.state == State.OFFERED:
        entry = WaitlistEntry.objects.get(offer=reservation)
        told |= {"offered": "yes", "link": _address(entry)}
    _queue("cohort-moved", reservation, told, now=now, step=step, for_calendar=True)


def teaching_cancelled(cohort: Cohort, instructors: Iterable[User], *, why: str, now: datetime) -> None:
    """Queue to those who teach a cohort that it does not take place. One statement."""
    told = {**about_cohort(cohort), "why": why, "link": f"{settings.SITE_URL}{reverse('teaching')}"}
    queue_all("teaching-cancelled", _to_each(cohort, instructors, told), now=now)


def teaching_moved(
    cohort: Cohort,
    instructors: Iterable[User],
    *,
    before: str,
    after: str,
    why: str,
    was_called: str,
    step: int,
    now: datetime,
) -> None:
    """Queue to those who teach a cohort that it has moved. One statement."""
    link = f"{settings.SITE_URL}{reverse('roster', args=[cohort.code])}"
    told = {"before": before, "after": after, "why": why, "was_called": was_called, "link": link}
    queue_all("teaching-moved", _to_each(cohort, instructors, {**about_cohort(cohort), **told}), now=now, step=step)


def _to_each(
    cohort: Cohort, instructors: Iterable[User], told: Mapping[str, str]
) -> Iterable[tuple[tuple[str, str], User, Mapping[str, str]]]:
    return [(("teaching", f"{cohort.public_id}:{person.public_id}"), person, told) for person in instructors]


def _queue(
    kind: str,
    reservation: Reservation,
    told: Mapping[str, str],
    *,
    now: datetime,
    step: int = 0,
    for_calendar: bool = False,
) -> None:
    """Queue it. `for_calendar`: with what the person's calendar is to hear of it, see `calendars.invitations`."""
    about, facts = ("reservation", reservation.public_id), {**context(reservation), **told}
    calendar = invitations.about(reservation, now=now) if for_calendar else ""
    if for_calendar:
        facts["days_attached"] = "yes" if invitations.is_invitation(calendar) else ""
        facts["days_leave"] = "yes" if calendar and not facts["days_attached"] else ""
    queue(kind, about, reservation.trainee, facts, now=now, step=step, calendar=calendar)


def _address(entry: WaitlistEntry) -> str:
    return f"{settings.SITE_URL}{entry.get_absolute_url()}"


def _missing(standing: Standing) -> str:
    return "; ".join(f"{outcome.title}: {outcome.message}" for outcome in standing.missing)


def _begins(reservation: Reservation) -> str:
    """When the first day begins, by the school's clock and the reader's own. One statement."""
    first = reservation.cohort.sessions.order_by("starts_at").values_list("starts_at", flat=True).first()
    return moment_for(first, reservation.trainee.time_zone) if first else ""


def _days(cohort: Cohort) -> str:
    return f"{with_weekday(cohort.starts_on)} to {with_weekday(cohort.ends_on)}"


def about_cohort(cohort: Cohort) -> dict[str, str]:
    """What the words of a message about a cohort may name."""
    return {
        "cohort": cohort.title,
        "days": _days(cohort),
        "venue": cohort.venue.in_a_line,
        "cohort_link": f"{settings.SITE_URL}{cohort.get_absolute_url()}",
    }


def context(reservation: Reservation) -> dict[str, str]:
    """What the words of these messages may name, each value ready to be read."""
    trainee, balance = reservation.trainee, reservation.balance_cents
    return {
        **about_cohort(reservation.cohort),
        "seat": str(reservation.seat_number),
        "held_until": moment_for(reservation.held_until, trainee.time_zone) if reservation.held_until else "",
        "provisional_until": with_weekday(reservation.provisional_until) if reservation.provisional_until else "",
        "price": money.in_words(reservation.price_cents, reservation.currency),
        "deposit": money.in_words(reservation.deposit_cents, reservation.currency) if reservation.deposit_cents else "",
        "balance": money.in_words(balance, reservation.currency) if balance else "",
        "balance_due_on": with_weekday(reservation.balance_due_on),
        "link": f"{settings.SITE_URL}{reservation.get_absolute_url()}",
    }
