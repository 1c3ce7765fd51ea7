"""What the clock brings: ladders of reminders, overdue balances, promises; once, late, twice or never for a day."""

from datetime import datetime, timedelta

import pytest

from booking.payments import ledger, paying
from booking.payments.models import Purpose
from booking.reservations import admission, lapses, lifecycle, reserving
from booking.reservations.models import Reservation, State
from booking.site.due import do_due
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.invariants import assert_all_hold
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.messages.models import Message
from workshops.people.models import Role

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
STARTS_ON = school_day(NOW) + timedelta(days=120)
DUE_ON = STARTS_ON - 30 * DAY


def noon(day: object, plus: int = 0) -> datetime:
    on = DUE_ON if day == "due" else STARTS_ON
    on = on + timedelta(days=plus)
    return datetime(on.year, on.month, on.day, 12, tzinfo=LOS_ANGELES)


def reserved(**terms: object) -> Reservation:
    made = factories.reservation(cohort=factories.cohort(terms_changed=terms))
    paying.begin(made, Purpose.DEPOSIT, "sandbox", by=made.trainee, now=NOW)
    return Reservation.objects.select_related("cohort__venue", "cohort__module", "trainee").get(pk=made.pk)


def reminders(kind: str) -> int:
    return Message.objects.filter(kind=kind).count()


def test_the_balance_has_a_ladder_of_reminders_each_rung_once() -> None:
    reserved()
    for plus in (-20, -14, -13, -7, -7, -1, 0):
        do_due(noon("due", plus))
    assert reminders("balance-due") == 3
    for plus in (1, 2, 3, 5, 6, 9):
        do_due(noon("due", plus))
    assert reminders("balance-overdue") == 2


def test_a_worker_that_slept_sends_the_last_rung_only() -> None:
    reserved()
    do_due(noon("due", -1))
    assert reminders("balance-due") == 1


def test_who_has_paid_hears_nothing() -> None:
    made = reserved()
    paying.begin(made, Purpose.BALANCE, "sandbox", by=made.trainee, now=NOW)
    do_due(noon("due", -7))
    assert reminders("balance-due") == 0


def test_after_the_grace_the_registrar_decides() -> None:
    made = reserved()
    after = noon("due", 8)
    assert lapses.overdue_past_grace(noon("due", 7)) == []
    assert lapses.overdue_past_grace(after) == [made]
    assert do_due(after).overdue == 0
    lifecycle.pay_later(
        made, until=DUE_ON + 15 * DAY, now=after, why="Her bank is slow", by=factories.person(Role.REGISTRAR)
    )
    assert lapses.overdue_past_grace(after) == []
    do_due(noon("due", 14))
    assert Message.objects.filter(kind="balance-due").latest("pk").context["balance_due_on"]


def test_after_the_grace_the_policy_decides_where_the_terms_say_so() -> None:
    made = reserved(release_overdue=True, balance_grace_days=2, rest_refundable_days=10, deposit_refundable_days=60)
    assert do_due(noon("due", 2)).overdue == 0
    assert do_due(noon("due", 3)).overdue == 1
    made.refresh_from_db()
    assert made.state == State.CANCELLED
    assert ledger.paid_cents(made) == 50_000  # the deposit stays
    assert do_due(noon("due", 3)).overdue == 0
    assert_all_hold(noon("due", 3))


def test_a_provisional_seat_is_for_cohorts_that_allow_it_and_has_a_date() -> None:
    lacking = factories.trainee(lacking="module-iii")
    with pytest.raises(admission.PrerequisitesUnmet):
        reserving.hold(factories.cohort(), lacking, now=NOW)
    held = reserving.hold(factories.cohort(terms_changed={"provisional_days": 20}), lacking, now=NOW)
    assert held.provisional_until == STARTS_ON - 20 * DAY


def provisional() -> Reservation:
    cohort = factories.cohort(terms_changed={"provisional_days": 70})
    held = reserving.hold(cohort, factories.trainee(lacking="module-iii"), now=NOW)
    paying.begin(held, Purpose.FULL, "sandbox", by=held.trainee, now=NOW)
    return held


def test_a_promise_is_reminded_of_and_kept() -> None:
    held = provisional()
    for plus in (-99, -83, -76, -76, -71):
        do_due(noon("start", plus))
    assert reminders("promise-waits") == 4
    factories.finish(held.trainee, "module-iii")
    assert do_due(noon("start", -71)).promises == 1
    held.refresh_from_db()
    assert (held.provisional_until, held.state, reminders("promise-kept")) == (None, State.CONFIRMED, 1)


def test_a_promise_that_was_not_kept_frees_the_seat_by_the_policy() -> None:
    held = provisional()
    assert do_due(noon("start", -70)).promises == 1  # a reminder: the day itself still counts
    assert do_due(noon("start", -69)).promises == 1
    held.refresh_from_db()
    assert held.state == State.CANCELLED
    assert ledger.paid_cents(held) == 0  # more than sixty days before: everything comes back
    assert_all_hold(noon("start", -69))


@pytest.mark.parametrize(("left", "step"), [(31, None), (30, 1), (15, 1), (14, 2), (7, 3), (2, 4), (0, 4)])
def test_the_ladder_names_the_rung_that_was_reached_last(left: int, step: int | None) -> None:
    assert lapses.rung(lapses.PROMISE_RUNGS, left * DAY) == step


def test_a_balance_that_is_paid_is_not_put_off() -> None:
    made = reserved()
    paying.begin(made, Purpose.BALANCE, "sandbox", by=made.trainee, now=NOW)
    with pytest.raises(lifecycle.Moved):
        lifecycle.pay_later(made, until=STARTS_ON, now=NOW, why="x", by=factories.person(Role.REGISTRAR))


def test_a_seat_that_the_school_gives_out_after_bookings_have_ended_waits_for_its_money_all_the_same() -> None:
    cohort = factories.cohort(bookings_close_at=NOW - DAY)
    seats.keep_back(cohort.pk, 2, now=NOW)
    made = reserving.place(
        cohort, factories.trainee(), 2, now=NOW, by=factories.person(Role.REGISTRAR), why="She was promised it"
    )
    assert (made.state_at(NOW), made.seat_number) == (State.HELD, 2)
    assert_all_hold(NOW)
