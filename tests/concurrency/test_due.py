"""Several workers do what is due at once, beside people who answer, pay and reserve: each thing happens once."""

from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db.models import Count

from booking.payments.models import Purpose, Refund, RefundStatus
from booking.reservations import admission, calling_off, cancelling, lifecycle, moving, offers, reserving, waiting
from booking.reservations.models import Reservation, State, WaitlistEntry
from booking.site.due import Done, do_due
from tests import factories
from tests.concurrency.racing import again, full, heard, in_line, offers_in, people
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from workshops.cohorts.models import Seat
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")

WORKERS = 3


def test_workers_at_once_offer_remind_send_back_and_write_each_thing_once() -> None:
    """Offers that ran out, offers to be reminded of, balances, refunds, choices and lines: all due at one moment."""
    registrar = factories.person(Role.REGISTRAR)
    ran_out, runs_out, burnt = factories.cohort(capacity=3), factories.cohort(capacity=2), factories.cohort(capacity=1)
    soon = factories.cohort(capacity=2, starts_on=(NOW + timedelta(days=60)).date())

    full(ran_out)  # three holds that nobody pays for, and four people in line
    line = people(4)
    in_line(ran_out, *line)
    [owes, owed_back] = full(soon, paid=Purpose.DEPOSIT)
    # Its process ended before the money was sent.
    owed = cancelling._cancel(owed_back, now=NOW, by=registrar, why="Goodwill.", all_of_it=True).refunds
    [chooses] = full(burnt, paid=Purpose.DEPOSIT)
    calling_off.call_off(burnt, by=registrar, now=NOW, why="The stage burnt down.")

    monday = NOW + timedelta(days=21)  # nine days before the balance, past every choice
    had = full(runs_out, paid=Purpose.DEPOSIT, now=monday - timedelta(days=2))
    waits = people(2)
    in_line(runs_out, *waits, now=monday - timedelta(days=2))
    for each in had:
        cancelling.cancel(each, now=monday - timedelta(hours=40), by=each.trainee)
    [answers_now, keeps_waiting] = offers_in(runs_out)
    [public] = people(1)

    done = at_once(
        *(partial(do_due, monday) for _ in range(WORKERS)),
        partial(moving.accept, answers_now, now=monday, by=answers_now.trainee),
        partial(reserving.hold, ran_out, public, now=monday),
        partial(waiting.join, ran_out, public, now=monday),
    )
    heard(done, admission.Full, admission.AlreadyReserved, waiting.SeatsAvailable)
    done = [*done, do_due(monday), do_due(monday)]
    assert [each.failed for each in done if isinstance(each, Done)] == [()] * (WORKERS + 2)
    while do_due(monday).anything:  # the rest of the messages, ten a round
        pass
    assert_all_hold(monday)

    assert [each.trainee for each in offers_in(ran_out)] == line[:3]
    assert Reservation.objects.filter(cohort=ran_out, state=State.EXPIRED).count() == 3
    assert HistoryLine.objects.filter(what="reservation-expired").count() == 3
    assert {each.status for each in Refund.objects.all()} == {RefundStatus.SUCCEEDED}
    assert Refund.objects.filter(payment__reservation__in=(owed[0].reservation, chooses)).count() == 2
    assert HistoryLine.objects.filter(what="refund-sent").count() == Refund.objects.count()
    assert again(chooses).choose_until is None
    assert Message.objects.filter(kind="balance-due", subject=f"reservation:{owes.public_id}").count() == 1
    reminded = Message.objects.filter(kind="offer-waits", subject=f"reservation:{keeps_waiting.public_id}")
    assert reminded.count() == 1
    once = Counter(each.extra_headers["Message-ID"] for each in mail.outbox)
    assert set(once.values()) == {1}
    assert len(once) == Message.objects.count()


def test_workers_at_once_beside_people_who_come_as_everything_runs_out() -> None:
    """Lapsed holds and lapsed offers, their owners, the line and a crowd, all at the moment of the deadline."""
    cohort = factories.cohort(capacity=6)
    had, line, crowd = full(cohort), people(6), people(5)
    in_line(cohort, *line)
    for each in had[:3]:
        cancelling.cancel(each, now=NOW, by=each.trainee)
    made = offers_in(cohort)
    ends = made[0].held_until
    assert ends is not None
    answers = at_once(
        *(partial(do_due, ends) for _ in range(WORKERS)),
        *(partial(moving.accept, each, now=ends - timedelta(seconds=1), by=each.trainee) for each in made),
        *(partial(reserving.hold, cohort, each, now=ends) for each in crowd),
        *(partial(reserving.hold, cohort, each.trainee, now=ends) for each in had[3:]),
        *(partial(waiting.join, cohort, each, now=ends) for each in crowd),
    )
    heard(answers, offers.OfferGone, admission.Full, admission.AlreadyReserved, waiting.SeatsAvailable)
    assert [each.failed for each in answers if isinstance(each, Done)] == [()] * WORKERS
    assert_all_hold(ends)
    assert Seat.objects.filter(cohort=cohort, status="free").count() == 0
    came_late = Reservation.objects.filter(trainee__in=[*crowd, *(each.trainee for each in had[3:])], cohort=cohort)
    in_time = came_late.holding_a_seat(ends).exclude(state=State.OFFERED)
    assert not in_time.exists() or not WaitlistEntry.objects.waiting().filter(cohort=cohort, trainee__in=line).exists()
    twice = HistoryLine.objects.filter(what__in=("reservation-expired", "offer-lapsed", "reservation-offered"))
    assert not twice.values("about_id", "what").annotate(n=Count("pk")).filter(n__gt=1).exists()


def test_workers_at_once_release_each_overdue_seat_once_and_offer_it_on() -> None:
    cohort = factories.cohort(capacity=3, terms_changed={"release_overdue": True, "balance_grace_days": 7})
    had = full(cohort, paid=Purpose.DEPOSIT)
    line = people(3)
    in_line(cohort, *line)
    late = NOW + timedelta(days=100)
    answers = at_once(
        *(partial(do_due, late) for _ in range(WORKERS)),
        partial(cancelling.cancel, had[0], now=late, by=had[0].trainee),
    )
    heard(answers, lifecycle.Moved)
    assert [each.failed for each in answers if isinstance(each, Done)] == [()] * WORKERS
    assert {again(each).state for each in had} == {State.CANCELLED}
    assert [each.trainee for each in offers_in(cohort)] == line
    assert_all_hold(late)
