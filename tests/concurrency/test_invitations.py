"""Two things happen to one seat at once: each calendar ends with the days that hold, and no number is given twice."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from booking.payments import paying
from booking.payments.models import Purpose
from booking.payments.settling import settle
from booking.reservations import admission, calling_off, cancelling, lapses, lifecycle, moving, reserving
from booking.reservations.models import SEATED, Reservation
from tests import factories
from tests.calendars.mailboxes import assert_calendars_agree, news, of_calendar
from tests.concurrency.racing import cross, heard, pay, people, seated
from tests.factories import NOW
from tests.services.databases import at_once
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort
from workshops.cohorts.plans import Plan
from workshops.people.models import Role, User

pytestmark = pytest.mark.usefixtures("fresh_database")

DESPITE = ("year-full", "days", "past")


def later(cohort: Cohort, days: int) -> Plan:
    by, plan = timedelta(days=days), planning.plan_of(cohort)
    moved = tuple(replace(day, starts_at=day.starts_at + by, ends_at=day.ends_at + by) for day in plan.days)
    return replace(plan, days=moved)


def reschedule(cohort: Cohort, plan: Plan, by: User) -> Cohort:
    return calling_off.reschedule(cohort, plan, by=by, now=NOW, reason="The stage is taken.", despite=DESPITE)


@pytest.mark.parametrize("trial", range(3))
def test_the_school_moves_a_cohort_twice_while_people_pay_move_and_cancel(trial: int) -> None:
    registrar = factories.person(Role.REGISTRAR)
    cohort, elsewhere = factories.cohort(capacity=10), factories.cohort(capacity=3)
    have = seated(cohort, 8, paid=Purpose.DEPOSIT)
    balances = [paying._open(each, Purpose.BALANCE, "sandbox", now=NOW) for each in have[:3]]
    venue = factories.venue(name="The new stage")
    fresh = [Cohort.objects.get(pk=cohort.pk) for _ in range(2)]
    answers = at_once(
        partial(reschedule, fresh[0], later(fresh[0], 3), registrar),
        partial(reschedule, fresh[1], replace(planning.plan_of(fresh[1]), venue=venue), registrar),
        *(partial(settle, each, now=NOW, by=None, reference="") for each in balances),
        *(partial(moving.move, each, elsewhere, now=NOW, by=each.trainee) for each in have[2:5]),
        *(partial(cancelling.cancel, each, now=NOW, by=each.trainee) for each in have[5:7]),
        partial(lifecycle.owes_again, have[7], why="A dispute.", now=NOW),
    )
    told = heard(answers, lifecycle.Moved, admission.Full)
    assert told["Cohort"] == 2
    assert_calendars_agree(*(each.trainee for each in have))
    assert of_calendar(have[7].trainee).entries


def test_whoever_is_let_in_before_a_move_and_seated_after_it_has_the_new_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The cohort that the claim goes on with is as it was read; what its invitation says is as it is."""
    registrar, [anna] = factories.person(Role.REGISTRAR), people(1)
    cohort = factories.cohort(capacity=2, terms_changed={"deposit_cents": 0})
    fresh = Cohort.objects.get(pk=cohort.pk)
    plan = replace(later(fresh, 2), venue=factories.venue(name="The new stage"), title="Module IV, renamed")
    answers = cross(
        monkeypatch,
        partial(reserving.hold, cohort, anna, now=NOW),
        partial(reschedule, fresh, plan, registrar),
        after=(reserving, "admit"),
        patience=10,
    )
    assert heard(answers) == {"Reservation": 1, "Cohort": 1}
    assert [method for _, method, _ in news(anna)] == ["REQUEST"]
    assert_calendars_agree(anna)


def test_whoever_pays_while_the_school_moves_the_cohort_ends_with_the_new_days(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The money is being booked and the invitation written when the school presses; and the other way round."""
    for first_pays in (True, False):
        registrar, cohort = factories.person(Role.REGISTRAR), factories.cohort(capacity=2)
        [held] = seated(cohort, 1)
        deposit = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
        fresh = Cohort.objects.get(pk=cohort.pk)
        pays = partial(settle, deposit, now=NOW, by=None, reference="")
        moves = partial(reschedule, fresh, later(fresh, 2), registrar)
        first, second = (pays, moves) if first_pays else (moves, pays)
        with monkeypatch.context() as patch:
            answers = cross(patch, first, second, after=(lifecycle, "lock"), inside=True, patience=1.5)
        heard(answers)
        assert Reservation.objects.get(pk=held.pk).state in SEATED
        assert_calendars_agree(held.trainee)


def test_a_promise_that_is_kept_as_the_school_moves_the_cohort_gives_no_number_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registrar = factories.person(Role.REGISTRAR)
    cohort = factories.cohort(capacity=2, terms_changed={"provisional_days": 60})
    lacking = factories.trainee(lacking="module-iii")
    seat = pay(reserving.hold(cohort, lacking, now=NOW), Purpose.DEPOSIT)
    factories.finish(lacking, "module-iii")
    fresh = Cohort.objects.get(pk=cohort.pk)
    answers = cross(
        monkeypatch,
        partial(lapses.keep_promises, NOW),
        partial(reschedule, fresh, later(fresh, 2), registrar),
        after=(lifecycle, "lock"),
        inside=True,
        patience=1.5,
    )
    heard(answers)
    fresh_seat = Reservation.objects.get(pk=seat.pk)
    assert fresh_seat.sequence == seat.sequence + 2  # a calendar noticed both
    assert_calendars_agree(lacking)


def test_whoever_moves_to_a_cohort_as_the_school_moves_that_has_its_new_days(monkeypatch: pytest.MonkeyPatch) -> None:
    registrar, [seat] = factories.person(Role.REGISTRAR), seated(factories.cohort(), 1, paid=Purpose.DEPOSIT)
    target = factories.cohort(capacity=2)
    fresh = Cohort.objects.get(pk=target.pk)
    plan = replace(later(fresh, 2), venue=factories.venue(name="The new stage"), title="Module IV, renamed")
    answers = cross(
        monkeypatch,
        partial(moving.move, seat, target, now=NOW, by=seat.trainee),
        partial(reschedule, fresh, plan, registrar),
        after=(moving, "admit"),
        patience=10,
    )
    assert heard(answers) == {"Reservation": 1, "Cohort": 1}
    assert [kind for kind, _, _ in news(seat.trainee)] == ["reservation-reserved", "reservation-moved"]
    assert_calendars_agree(seat.trainee)
