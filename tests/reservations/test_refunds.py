"""What comes back when somebody cancels: the policy on each side of its days, and the way the money goes."""

from datetime import datetime, timedelta

import pytest

from booking.payments import ledger, paying
from booking.payments.models import Purpose, Refund, RefundStatus
from booking.payments.returning import NotThatMuch, owe_back
from booking.reservations import cancelling, lifecycle
from booking.reservations.models import Reservation, State
from booking.reservations.refunds import ComesBack, comes_back, comes_back_on, if_not_kept
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.invariants import assert_all_hold
from workshops.clock import end_of_school_day, school_day
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.people.models import Role

pytestmark = pytest.mark.django_db
STARTS_ON = school_day(NOW) + timedelta(days=120)
PRICE, DEPOSIT = 209_900, 50_000


def days_before(days: int, hour: int = 12) -> datetime:
    on = STARTS_ON - timedelta(days=days)
    return datetime(on.year, on.month, on.day, hour, tzinfo=LOS_ANGELES)


def paid(*purposes: Purpose, gateway: str = "sandbox") -> Reservation:
    made = factories.reservation()
    for purpose in purposes:
        paying.begin(made, purpose, gateway, by=made.trainee, now=NOW)
        made.refresh_from_db()
    return made


@pytest.mark.parametrize(
    ("moment", "cents", "rule"),
    [
        (days_before(61), PRICE, "everything-back"),
        (days_before(60, hour=23), PRICE, "everything-back"),
        (days_before(59, hour=0), PRICE - DEPOSIT, "deposit-kept"),
        (days_before(30, hour=23), PRICE - DEPOSIT, "deposit-kept"),
        (days_before(29, hour=0), 0, "nothing-back"),
        (days_before(1), 0, "nothing-back"),
    ],
)
def test_the_policy_on_each_side_of_its_days(moment: datetime, cents: int, rule: str) -> None:
    made = paid(Purpose.FULL)
    assert cancelling.preview(made, moment) == ComesBack(cents, PRICE - cents, rule)  # type: ignore[arg-type]
    done = cancelling.cancel(made, now=moment, by=made.trainee, expected_cents=cents)
    assert (done.comes_back.cents, done.comes_back.rule) == (cents, rule)
    assert done.refund_status == (RefundStatus.SUCCEEDED if cents else None)
    assert ledger.paid_cents(made) == PRICE - cents
    assert_all_hold(moment)


@pytest.mark.parametrize("days", [61, 60, 59, 31, 30, 29, 1])
def test_what_would_come_back_on_a_day_is_what_comes_back_as_soon_as_it_begins(days: int) -> None:
    made, begins = paid(Purpose.FULL), days_before(days, hour=0)
    assert comes_back_on(made, PRICE, school_day(begins)) == comes_back(made, PRICE, begins)


def test_a_day_that_begins_after_the_time_to_leave_a_moved_cohort_is_an_ordinary_one() -> None:
    made = paid(Purpose.FULL)
    made.may_leave_until = end_of_school_day(STARTS_ON - timedelta(days=20))
    assert comes_back_on(made, PRICE, STARTS_ON - timedelta(days=20)) == ComesBack(PRICE, 0, "school-moved")
    assert comes_back_on(made, PRICE, STARTS_ON - timedelta(days=19)) == ComesBack(0, PRICE, "nothing-back")


def test_a_promise_that_is_not_kept_is_reckoned_on_the_day_after_it() -> None:
    made = paid(Purpose.FULL)
    assert if_not_kept(made, PRICE) is None
    for days, cents in ((61, PRICE), (60, PRICE - DEPOSIT), (31, PRICE - DEPOSIT), (30, 0)):
        made.provisional_until = STARTS_ON - timedelta(days=days)
        back = if_not_kept(made, PRICE)
        assert back is not None
        assert (back.cents, back.kept_cents) == (cents, PRICE - cents)


def test_with_the_deposit_alone_nothing_comes_back_once_it_is_kept() -> None:
    made = paid(Purpose.DEPOSIT)
    assert cancelling.preview(made, days_before(59)) == ComesBack(0, DEPOSIT, "nothing-back")
    assert cancelling.preview(made, days_before(60)) == ComesBack(DEPOSIT, 0, "everything-back")


def test_the_terms_are_those_of_the_day_it_was_reserved() -> None:
    made = paid(Purpose.FULL)
    made.cohort.terms_changed = {"deposit_refundable_days": 119, "rest_refundable_days": 119}
    made.cohort.save()
    assert cancelling.preview(made, days_before(90)).cents == PRICE


def test_a_hold_that_nobody_paid_for_goes_without_a_word_of_money() -> None:
    made = paid()
    done = cancelling.cancel(made, now=NOW, by=made.trainee)
    assert (done.comes_back, done.refunds, done.refund_status) == (ComesBack(0, 0, "nothing-paid"), [], None)


def test_money_goes_back_the_way_it_came_in_parts_over_several_payments() -> None:
    made = paid(Purpose.DEPOSIT, Purpose.BALANCE)
    done = cancelling.cancel(made, now=days_before(59), by=made.trainee)
    assert [(each.payment.purpose, each.amount_cents) for each in done.refunds] == [("balance", PRICE - DEPOSIT)]
    other = paid(Purpose.DEPOSIT, Purpose.BALANCE)
    done = cancelling.cancel(other, now=NOW, by=other.trainee)
    assert [(each.payment.purpose, each.amount_cents) for each in done.refunds] == [
        ("balance", PRICE - DEPOSIT),
        ("deposit", DEPOSIT),
    ]
    assert {each.status for each in done.refunds} == {RefundStatus.SUCCEEDED}
    assert Message.objects.filter(kind="payment-sent-back").count() == 3


def test_what_came_by_bank_waits_for_the_registrar_and_the_seat_does_not() -> None:
    made, registrar = paid(), factories.person(Role.REGISTRAR)
    paying.record_transfer(made, Purpose.DEPOSIT, reference="IN-1", by=registrar, now=NOW)
    done = cancelling.cancel(made, now=NOW, by=made.trainee)
    assert done.refund_status == RefundStatus.REQUESTED
    assert not made.cohort.seats.filter(occupant=made.trainee).exists()
    assert ledger.kept_cents(made) == 0


def test_a_figure_that_has_changed_since_it_was_shown_stops_everything() -> None:
    made = paid(Purpose.FULL)
    with pytest.raises(cancelling.Changed) as refused:
        cancelling.cancel(made, now=days_before(59, hour=0), by=made.trainee, expected_cents=PRICE)
    assert refused.value.comes_back.cents == PRICE - DEPOSIT
    made.refresh_from_db()
    assert made.state == State.CONFIRMED
    assert not Refund.objects.exists()


def test_the_school_may_give_everything_back_for_a_reason() -> None:
    made, registrar = paid(Purpose.FULL), factories.person(Role.REGISTRAR)
    done = cancelling.cancel(made, now=days_before(5), by=registrar, why="A death in the family", all_of_it=True)
    assert done.comes_back == ComesBack(PRICE, 0, "goodwill")
    line = HistoryLine.objects.get(what="reservation-cancelled")
    assert (line.by, line.why) == (registrar, "A death in the family")


def test_nobody_cancels_once_the_cohort_has_begun() -> None:
    made = paid(Purpose.FULL)
    with pytest.raises(lifecycle.HasBegun):
        cancelling.cancel(made, now=days_before(0, hour=0), by=made.trainee)


def test_nobody_is_given_back_twice() -> None:
    made = paid(Purpose.FULL)
    cancelling.cancel(made, now=NOW, by=made.trainee)
    with pytest.raises(lifecycle.Moved):
        cancelling.cancel(made, now=NOW, by=made.trainee)
    with pytest.raises(NotThatMuch):
        owe_back(made, 1, rule="goodwill", why="", by=None, now=NOW)


def test_the_words_say_what_comes_back_and_what_stays() -> None:
    made = paid(Purpose.FULL)
    cancelling.cancel(made, now=days_before(59), by=made.trainee)
    context = Message.objects.get(kind="reservation-cancelled").context
    assert (context["comes_back"], context["stays"]) == ("$1,599", "$500")


def test_what_is_more_than_was_paid_never_comes_back_whatever_the_terms() -> None:
    made = Reservation(
        cohort=factories.cohort(), deposit_cents=DEPOSIT, price_cents=PRICE, terms_frozen={}, not_refundable_cents=0
    )
    assert comes_back(made, 100, days_before(45)) == ComesBack(0, 100, "nothing-back")
    made.not_refundable_cents = 30_000
    assert comes_back(made, DEPOSIT, days_before(100)) == ComesBack(20_000, 30_000, "deposit-kept")
