"""Cancelling as a trainee sees it: what comes back, why, how, before and after they press."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments import ledger, refunding, sending
from booking.payments.gateways.base import SentBack
from booking.payments.models import Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.reservations import cancelling, moving, page, reserving, waiting
from booking.reservations.models import Reservation, State
from tests import factories
from tests.pages import text
from tests.reservations.paid_seats import BALANCE, DEPOSIT, PRICE, address, cohort_in, pay, reserve, set_term
from workshops.clock import school_day, with_weekday
from workshops.history.record import history_of
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def trainee(client: Client) -> User:
    """A signed-in trainee who qualifies."""
    user = factories.trainee(name="Anna")
    client.force_login(user)
    return user


def shown_cents(client: Client, made: Reservation) -> str:
    """The figure that the form of the page carries."""
    html = client.get(address(made, "cancel/")).content.decode()
    return html.split('name="expected_cents" value="')[1].split('"')[0]


def press(client: Client, made: Reservation, cents: object, **fields: str):  # type: ignore[no-untyped-def]
    return client.post(address(made, "cancel/"), {"expected_cents": str(cents), **fields})


def state_of(made: Reservation) -> str:
    return Reservation.objects.values_list("state", flat=True).get(pk=made.pk)


# -- every rule, on its edge days --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("days", "back", "kept"),
    [
        (61, PRICE, 0),
        (60, PRICE, 0),
        (59, BALANCE, DEPOSIT),
        (31, BALANCE, DEPOSIT),
        (30, BALANCE, DEPOSIT),
        (29, 0, PRICE),
        (1, 0, PRICE),
    ],
)
def test_the_page_shows_what_comes_back_on_each_day_and_pressing_does_exactly_that(
    client: Client, trainee: User, moment: datetime, days: int, back: int, kept: int
) -> None:
    made = reserve(cohort_in(days, moment), trainee, moment, ways=("sandbox", "sandbox"))
    assert (cancelling.preview(made, moment).cents, shown_cents(client, made)) == (back, str(back))
    shown = text(client.get(address(made, "cancel/")))
    assert ("Stays with the school" in shown, "You have paid $2,099" in shown) == (kept > 0, True)
    press(client, made, back)
    assert (state_of(made), ledger.kept_cents(made)) == (State.CANCELLED, kept)
    assert sum(refund.amount_cents for refund in Refund.objects.all()) == back


@pytest.mark.parametrize("days", [60, 59, 30, 29])
def test_the_rule_is_told_with_its_dates(client: Client, trainee: User, moment: datetime, days: int) -> None:
    cohort = cohort_in(days, moment)
    made = reserve(cohort, trainee, moment, ways=("sandbox", "sandbox"))
    first, last = (with_weekday(cohort.starts_on - timedelta(days=each)) for each in (60, 30))
    words = {
        60: f"Until {first} everything you have paid comes back.",
        59: f"The deposit was refundable until {first}. What you have paid beyond it comes back until {last}.",
        30: f"The deposit was refundable until {first}. What you have paid beyond it comes back until {last}.",
        29: f"The deposit was refundable until {first}, the rest until {last}.",
    }
    assert words[days] in text(client.get(address(made, "cancel/")))


def test_the_dates_are_those_of_the_terms_it_was_reserved_under(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(50, moment), trainee, moment)
    set_term("deposit_refundable_days", 10)
    assert shown_cents(client, made) == "0"


def test_someone_who_has_paid_the_deposit_only_is_told_that_nothing_comes_back(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(45, moment), trainee, moment)
    shown = text(client.get(address(made, "cancel/")))
    assert "Comes back to you nothing" in shown
    assert "Cancel, with nothing back" in shown


def test_a_hold_without_a_payment_is_given_back_with_nothing_owed(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserving.hold(cohort_in(120, moment), trainee, now=moment)
    assert "You have paid nothing here" in text(client.get(address(made, "cancel/")))
    press(client, made, 0, reason="Work came up")
    assert state_of(made) == State.CANCELLED
    assert "You cancelled on" in text(client.get(address(made)))


def test_while_the_schools_move_lets_them_leave_everything_comes_back_on_any_day(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(5, moment), trainee, moment, ways=("sandbox", "sandbox"))
    Reservation.objects.filter(pk=made.pk).update(may_leave_until=moment + timedelta(days=2))
    assert "The school moved the cohort. Until" in text(client.get(address(made, "cancel/")))
    press(client, made, PRICE)
    assert "$500 was sent back" in text(client.get(address(made)))
    assert {refund.rule for refund in Refund.objects.all()} == {"school-moved"}


def test_what_had_stopped_being_refundable_before_a_move_stays_and_is_said(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(45, moment), trainee, moment, ways=("sandbox", "sandbox"))
    moved = moving.move(made, cohort_in(150, moment), now=moment, by=trainee)
    shown = text(client.get(address(moved, "cancel/")))
    assert "$500 of it had stopped being refundable before you moved here, and stays with the school." in shown
    assert shown_cents(client, moved) == str(BALANCE)


def test_a_fee_for_moving_stays_and_is_said(client: Client, trainee: User, moment: datetime) -> None:
    set_term("moving_free_days", 90)
    set_term("moving_fee_cents", 7_500)
    made = reserve(cohort_in(80, moment), trainee, moment)
    moved = moving.move(made, cohort_in(150, moment), now=moment, by=trainee)
    shown = text(client.get(address(moved, "cancel/")))
    assert "$75 of it is the fee for moving here and stays with the school." in shown


# -- how it goes back --------------------------------------------------------------------------------------------------
def test_each_payment_is_named_with_its_part(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment, ways=("sandbox", "W"))
    shown = text(client.get(address(made, "cancel/")))
    assert "It goes back the way it came, in 2 parts:" in shown
    days = [
        with_weekday(school_day(each.settled_at)) for each in made.payments.order_by("settled_at") if each.settled_at
    ]
    assert f"$500 of your payment of {days[0]}, by play money" in shown
    assert f"$1,599 of your payment of {days[1]}, by bank transfer" in shown


def test_what_the_school_sent_back_before_is_no_part_of_what_cancelling_gives(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment, ways=("sandbox", "sandbox"))
    registrar, before = factories.person(Role.REGISTRAR), moment - timedelta(days=1)
    refunding.refund(
        made, 10_000, why="Rain.", lowers_price=True, by=registrar, now=before, expected_possible_cents=PRICE
    )
    press(client, made, PRICE - 10_000)
    shown = text(client.get(address(made)))
    assert "$1,999 of what you had paid goes back to you. It has been sent" in shown
    assert "Paid $2,099 Went back before $100 Comes back to you the way it came $1,999" in shown


def test_a_refund_that_failed_is_said_first_and_in_words(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment, ways=("W",))
    press(client, made, DEPOSIT)
    sending.told(Refund.objects.get(), SentBack(RefundStatus.FAILED, failure="expired_or_canceled_card"), now=now())
    shown = text(client.get(address(made)))
    assert "$500 of it could not be sent back yet. The money is safe" in shown
    assert "the card has expired or was cancelled" in shown
    assert "expired_or_canceled_card" not in shown


def test_while_money_is_with_a_bank_the_pages_say_so_and_ask_for_nothing(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    Payment.objects.create(
        reservation=made, purpose=Purpose.BALANCE, gateway="stripe", amount_cents=BALANCE, currency="USD",
        status=PaymentStatus.PROCESSING, created_at=moment,
    )  # fmt: skip
    asks = client.get(address(made, "pay/"))
    assert "$1,599 is with your bank" in text(asks)
    assert 'name="purpose"' not in asks.content.decode()
    leaves = text(client.get(address(made, "cancel/")))
    assert "Your payment of $1,599 is still with your bank" in leaves
    assert "If it arrives after you have cancelled, all of it goes back to you by itself." in leaves


def test_the_parts_that_the_page_shows_are_the_parts_that_go_back(moment: datetime) -> None:
    made = reserve(cohort_in(45, moment), factories.trainee(), moment, ways=("sandbox", "W"))
    shown = [(each.payment.pk, each.amount_cents) for each in page.ways_back(made, BALANCE)]
    done = cancelling.cancel(made, now=moment, by=made.trainee)
    assert [(each.payment_id, each.amount_cents) for each in done.refunds] == shown


def test_money_that_a_person_must_send_is_said_to_be_on_its_way_until_it_has_gone(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment, ways=("W",))
    press(client, made, DEPOSIT)
    assert "$500 goes back to you (bank transfer): everything was refundable on that day." in text(
        client.get(address(made))
    )
    registrar = factories.person(Role.REGISTRAR)
    sending.refunded(Refund.objects.get(), now=now(), by=registrar, reference="R-1")
    assert "$500 was sent back on" in text(client.get(address(made)))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (RefundStatus.REQUESTED, "goes back to you"),
        (RefundStatus.PENDING, "is on its way back"),
        (RefundStatus.SUCCEEDED, "was sent back"),
        (RefundStatus.FAILED, "could not be sent back yet"),
    ],
)
@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("everything-back", "everything was refundable on that day"),
        ("deposit-kept", "what was still refundable on that day"),
        ("school-cancelled", "the school cancelled the cohort"),
        ("school-moved", "the school had moved the cohort"),
        ("goodwill", "the school decided so"),
        ("late-no-seat", "it came when no seat was left"),
        ("paid-twice", "it was more than the seat costs"),
        ("fee-waived", "the school waived the fee for moving"),
        ("a-rule-of-tomorrow", "it is owed to you"),
    ],
)
def test_every_refund_is_told_with_its_rule_and_its_state(
    client: Client, trainee: User, moment: datetime, rule: str, why: str, status: RefundStatus, words: str
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment, ways=("W",))
    Refund.objects.create(
        payment=made.payments.get(), reservation=made, amount_cents=1_200, rule=rule, status=status, requested_at=moment
    )
    shown = text(client.get(address(made)))
    assert f"$12 {words}" in shown
    assert why in shown


# -- pressing ----------------------------------------------------------------------------------------------------------
def test_the_seat_goes_to_the_line_at_once_whether_or_not_the_bank_is_done(
    client: Client, trainee: User, moment: datetime
) -> None:
    cohort = cohort_in(120, moment, capacity=1)
    made = reserve(cohort, trainee, moment, ways=("W",))
    entry, _ = waiting.join(cohort, factories.trainee(), now=moment)
    press(client, made, DEPOSIT)
    entry.refresh_from_db()
    assert (entry.state, Refund.objects.get().status) == ("offered", RefundStatus.REQUESTED)


def test_when_something_else_would_come_back_by_now_nothing_is_done_and_the_new_figure_shown(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(59, moment), trainee, moment, ways=("sandbox", "sandbox"))
    answer = press(client, made, PRICE, reason="A part in a film")
    assert (answer.status_code, state_of(made)) == (409, State.CONFIRMED)
    assert "What comes back has changed" in text(answer)
    assert f'name="expected_cents" value="{BALANCE}"' in answer.content.decode()
    assert "A part in a film" in text(answer)
    press(client, made, BALANCE)
    assert state_of(made) == State.CANCELLED


def test_a_payment_in_another_tab_changes_what_comes_back(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    before = shown_cents(client, made)
    pay(made, Purpose.BALANCE, "sandbox", moment)
    answer = press(client, made, before)
    assert (answer.status_code, state_of(made)) == (409, State.CONFIRMED)
    assert "Cancel, and get $2,099 back" in text(answer)


def test_pressing_in_two_tabs_cancels_once_and_says_so(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    press(client, made, DEPOSIT)
    answer = client.post(address(made, "cancel/"), {"expected_cents": DEPOSIT}, follow=True)
    assert "This reservation had ended already, so nothing was changed." in text(answer)
    assert Refund.objects.count() == 1


def test_cancelling_what_has_moved_meanwhile_leaves_the_new_seat_alone(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    moved = moving.move(made, cohort_in(150, moment), now=moment, by=trainee)
    answer = client.post(address(made, "cancel/"), {"expected_cents": DEPOSIT}, follow=True)
    assert "You had moved to another cohort already" in text(answer)
    assert state_of(moved) == State.RESERVED


def test_cancelling_a_hold_that_ran_out_is_met_with_kind_words(client: Client, trainee: User, moment: datetime) -> None:
    made = reserving.hold(cohort_in(120, moment), trainee, now=moment - timedelta(hours=2))
    answer = client.post(address(made, "cancel/"), {"expected_cents": 0}, follow=True)
    assert "Your hold had run out a moment before" in text(answer)


def test_once_the_cohort_has_begun_the_page_leads_to_the_school(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(0, moment), trainee, moment)
    answers = [client.get(address(made, "cancel/")), press(client, made, 0)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert ["Write to the school" in text(answer) for answer in answers] == [True, True]
    assert state_of(made) == State.RESERVED


@pytest.mark.parametrize("cents", ["", "x", "-1", "1.5", "9" * 400, "9" * 5000, "\x00", "<script>", "1e9"])
def test_a_figure_that_cannot_be_read_does_nothing_and_the_true_one_is_shown(
    client: Client, trainee: User, moment: datetime, cents: str
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    answer = press(client, made, cents)
    assert (answer.status_code, state_of(made)) == (409, State.RESERVED)
    assert f'name="expected_cents" value="{DEPOSIT}"' in answer.content.decode()


@pytest.mark.parametrize("reason", ["x" * 501, "a\x00b"])
def test_a_reason_that_cannot_be_kept_is_refused_in_words_with_the_figure(
    client: Client, trainee: User, moment: datetime, reason: str
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    answer = press(client, made, DEPOSIT, reason=reason)
    assert (answer.status_code, state_of(made)) == (422, State.RESERVED)
    assert f'name="expected_cents" value="{DEPOSIT}"' in answer.content.decode()


def test_a_reason_is_kept_in_its_story_and_shown_as_text(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    press(client, made, DEPOSIT, reason="<script>alert(1)</script>")
    html = client.get(address(made)).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_looking_changes_nothing(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    before = history_of("reservation", made.public_id).count()
    for each in ("", "cancel/", "move/", "choose/"):
        client.get(address(made, each))
    assert (state_of(made), history_of("reservation", made.public_id).count()) == (State.RESERVED, before)


# -- whose it is -------------------------------------------------------------------------------------------------------
def test_anyone_elses_reservation_cannot_be_looked_at_or_cancelled(
    client: Client, trainee: User, moment: datetime
) -> None:
    theirs = reserve(cohort_in(120, moment), factories.trainee(), moment)
    assert [client.get(address(theirs, "cancel/")).status_code, press(client, theirs, DEPOSIT).status_code] == [
        404,
        404,
    ]
    assert state_of(theirs) == State.RESERVED


def test_a_registrar_has_pages_of_their_own_for_it(client: Client, moment: datetime) -> None:
    theirs = reserve(cohort_in(120, moment), factories.trainee(), moment)
    client.force_login(factories.person(Role.REGISTRAR))
    assert press(client, theirs, DEPOSIT).status_code == 403
    assert state_of(theirs) == State.RESERVED


# -- afterwards --------------------------------------------------------------------------------------------------------
def test_what_stays_with_the_school_is_said_afterwards(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(45, moment), trainee, moment, ways=("sandbox", "sandbox"))
    press(client, made, BALANCE)
    shown = text(client.get(address(made)))
    assert "$1,599 of what you had paid goes back to you, $500 stays with the school." in shown


def test_a_cancellation_by_the_registrar_is_told_as_the_schools_with_its_reason(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(20, moment), trainee, moment)
    registrar = factories.person(Role.REGISTRAR, name="Marked Registrar")
    cancelling.cancel(made, now=moment, by=registrar, why="As you asked on the phone", all_of_it=True)
    shown = text(client.get(address(made)))
    assert "The school cancelled this reservation on" in shown
    assert "As you asked on the phone" in shown
    assert "the school decided so" in shown
    assert "Marked" not in shown


def test_a_seat_released_by_the_policy_is_told_without_blame(client: Client, trainee: User, moment: datetime) -> None:
    set_term("release_overdue", True)
    made = reserve(cohort_in(20, moment), trainee, moment)
    cancelling.cancel_overdue(made, now=moment)
    assert "The seat was released on" in text(client.get(address(made)))


def test_whoever_cancelled_may_try_again_while_there_is_a_seat(client: Client, trainee: User, moment: datetime) -> None:
    cohort = cohort_in(120, moment, capacity=1)
    made = reserve(cohort, trainee, moment)
    press(client, made, DEPOSIT)
    assert f"/cohorts/{cohort.code}/reserve/" in client.get(address(made)).content.decode()


def test_what_was_sent_back_already_is_not_said_to_be_on_its_way(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    press(client, made, DEPOSIT)
    shown = text(client.get(address(made)))
    assert "Your seat can go to someone else now." in shown
    assert "It has been sent: the days stand under Money." in shown
    assert "How far it has come" not in shown
