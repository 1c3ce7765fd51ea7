"""Moving and choosing as a trainee sees it, and what a reservation's page says in every state."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from booking.payments import ledger
from booking.payments.models import Payment, Purpose, Refund
from booking.reservations import calling_off, cancelling, lifecycle, offers, reserving, waiting
from booking.reservations.models import Reservation, State
from booking.reservations.story import chapters_of
from tests import factories
from tests.pages import text
from tests.reservations.paid_seats import DEPOSIT, PRICE, address, cohort_in, pay, reserve, set_term
from workshops.clock import end_of_school_day, moment_for, school_day, with_weekday
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.record import record
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


@pytest.fixture
def registrar() -> User:
    """Who acts for the school."""
    return factories.person(Role.REGISTRAR, name="Marked Registrar")


def state_of(made: Reservation) -> str:
    return Reservation.objects.values_list("state", flat=True).get(pk=made.pk)


def read(client: Client, made: Reservation, page: str = "") -> str:
    return text(client.get(address(made, page)))


def press(client: Client, made: Reservation, to: Cohort, fee: object = 0, *, follow: bool = False):  # type: ignore[no-untyped-def]
    return client.post(address(made, f"move/{to.code}/"), {"expected_fee_cents": str(fee)}, follow=follow)


def called_off(cohort: Cohort, registrar: User, moment: datetime) -> None:
    calling_off.call_off(cohort, by=registrar, now=moment, why="The stage has burnt down.")


# -- where to ----------------------------------------------------------------------------------------------------------
def test_the_list_shows_what_can_be_moved_to_and_the_line_for_what_is_full(
    client: Client, trainee: User, moment: datetime
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    roomy, full = cohort_in(150, moment, capacity=2), cohort_in(180, moment, capacity=1)
    reserving.hold(full, factories.trainee(), now=moment)
    html = client.get(address(made, "move/")).content.decode()
    assert address(made, f"move/{roomy.code}/") in html
    assert address(made, f"move/{full.code}/") not in html
    assert f"/cohorts/{full.code}/line/" in html
    assert "Join the line there and keep your seat" in read(client, made, "move/")


def test_seats_that_are_owed_to_the_line_are_not_offered_for_moving(
    client: Client, trainee: User, moment: datetime
) -> None:
    made, full = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment, capacity=1)
    reserving.hold(full, factories.trainee(), now=moment - timedelta(minutes=59, seconds=58))
    waiting.join(full, factories.trainee(), now=moment)
    Reservation.objects.filter(cohort=full).update(held_until=moment)
    full.seats.update(held_until=moment)
    assert "No place left" in read(client, made, "move/")


def test_someone_who_waits_in_a_line_finds_their_place_in_the_list(
    client: Client, trainee: User, moment: datetime
) -> None:
    made, full = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment, capacity=1)
    reserving.hold(full, factories.trainee(), now=moment)
    entry, _ = waiting.join(full, trainee, now=moment)
    assert entry.get_absolute_url() in client.get(address(made, "move/")).content.decode()


def test_drafts_and_cancelled_cohorts_are_not_in_the_list(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    hidden = [cohort_in(150, moment, status=each) for each in (CohortStatus.DRAFT, CohortStatus.CANCELLED)]
    assert [each.title in read(client, made, "move/") for each in hidden] == [False, False]
    assert client.get(address(made, f"move/{hidden[0].code}/")).status_code == 404


def test_the_list_takes_the_same_statements_for_one_cohort_and_for_three(
    client: Client, trainee: User, moment: datetime, django_assert_max_num_queries: object
) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    for days in (150, 160, 170):
        cohort_in(days, moment)
        with django_assert_max_num_queries(14):  # type: ignore[operator]
            client.get(address(made, "move/"))


# -- before pressing ---------------------------------------------------------------------------------------------------
def test_the_page_shows_both_cohorts_days_what_comes_along_and_the_new_date(
    client: Client, trainee: User, moment: datetime
) -> None:
    old, new = cohort_in(120, moment), cohort_in(150, moment)
    made = reserve(old, trainee, moment)
    shown = read(client, made, f"move/{new.code}/")
    for words in (
        with_weekday(old.starts_on),
        with_weekday(new.starts_on),
        "The $500 you have paid.",
        "Fee for moving now nothing",
        "Left to pay",
        "$1,599",
        "it goes with the new days",
    ):
        assert words in shown


def test_the_fee_is_shown_on_its_edge_days_and_the_button_names_it(
    client: Client, trainee: User, moment: datetime
) -> None:
    set_term("moving_free_days", 60)
    set_term("moving_fee_cents", 7_500)
    new = cohort_in(200, moment)
    shown = {}
    for days in (60, 59, 30, 29):
        other = factories.trainee()
        client.force_login(other)
        shown[days] = read(client, reserve(cohort_in(days, moment), other, moment), f"move/{new.code}/")
    assert ["Move to this cohort" in shown[60], "Move, for $75" in shown[59], "Move, for $75" in shown[30]] == [
        True
    ] * 3
    assert "The time to move is over" in shown[29]
    assert "Write to the school" in shown[29]


def test_what_is_not_refundable_any_more_is_said_to_stay_so(client: Client, trainee: User, moment: datetime) -> None:
    made, new = reserve(cohort_in(45, moment), trainee, moment), cohort_in(150, moment)
    assert "$500 of what you have paid is not refundable any more" in read(client, made, f"move/{new.code}/")


def test_the_clock_of_a_hold_runs_on_and_the_page_says_so(client: Client, trainee: User, moment: datetime) -> None:
    made, new = reserving.hold(cohort_in(120, moment), trainee, now=moment), cohort_in(150, moment)
    assert "The clock of your hold: it runs on, until" in read(client, made, f"move/{new.code}/")
    press(client, made, new)
    moved = Reservation.objects.get(cohort=new)
    assert (moved.state, moved.held_until) == (State.HELD, made.held_until)


def test_a_provisional_seat_is_announced_with_its_date(client: Client, moment: datetime) -> None:
    set_term("provisional_days", 14)
    bea = factories.trainee(lacking="module-iii")
    client.force_login(bea)
    made, new = reserve(cohort_in(120, moment), bea, moment), cohort_in(150, moment)
    until = with_weekday(new.starts_on - timedelta(days=14))
    assert f"on the promise that it comes by the end of {until}" in read(client, made, f"move/{new.code}/")


# -- pressing ----------------------------------------------------------------------------------------------------------
def test_moving_brings_seat_and_money_along_and_both_pages_link_to_each_other(
    client: Client, trainee: User, moment: datetime
) -> None:
    made, new = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment)
    answer = press(client, made, new)
    moved = Reservation.objects.get(cohort=new)
    assert (answer.headers["Location"], state_of(made), moved.state) == (
        address(moved),
        State.TRANSFERRED,
        State.RESERVED,
    )
    assert ledger.kept_cents(moved) == DEPOSIT
    assert address(moved) in client.get(address(made)).content.decode()
    assert address(made) in client.get(address(moved)).content.decode()
    assert "You have moved" in read(client, made)


def test_a_reservation_that_moved_twice_leads_to_where_it_is_now(
    client: Client, trainee: User, moment: datetime
) -> None:
    made, second, third = (
        reserve(cohort_in(120, moment), trainee, moment),
        cohort_in(150, moment),
        cohort_in(180, moment),
    )
    press(client, made, second)
    press(client, Reservation.objects.get(cohort=second), third)
    assert f"went on to {third.title}" in read(client, made)


def test_when_the_fee_is_another_by_now_nothing_is_done_and_the_new_one_shown(
    client: Client, trainee: User, moment: datetime
) -> None:
    set_term("moving_free_days", 60)
    set_term("moving_fee_cents", 7_500)
    made, new = reserve(cohort_in(59, moment), trainee, moment), cohort_in(150, moment)
    answer = press(client, made, new, fee=0)
    assert (answer.status_code, state_of(made)) == (409, State.RESERVED)
    assert "The fee has changed" in text(answer)
    assert 'name="expected_fee_cents" value="7500"' in answer.content.decode()
    press(client, made, new, fee=7_500)
    moved = Reservation.objects.get(cohort=new)
    shown = read(client, moved)
    assert "The balance of $1,674 , the fee for moving included, is due by" in shown
    assert "Fee for moving" in shown


@pytest.mark.parametrize("fee", ["", "x", "-1", "1.5", "9" * 400, "\x00", "<script>"])
def test_a_fee_that_cannot_be_read_moves_nobody(client: Client, trainee: User, moment: datetime, fee: str) -> None:
    made, new = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment)
    answer = press(client, made, new, fee)
    assert (answer.status_code, state_of(made)) == (409, State.RESERVED)


def test_a_full_cohort_is_refused_with_its_line_and_the_old_seat_kept(
    client: Client, trainee: User, moment: datetime
) -> None:
    made, full = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment, capacity=1)
    reserving.hold(full, factories.trainee(), now=moment)
    answers = [client.get(address(made, f"move/{full.code}/")), press(client, made, full)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert ["Join the line and keep your seat" in text(answer) for answer in answers] == [True, True]
    assert state_of(made) == State.RESERVED


def test_an_offer_there_is_accepted_by_moving(client: Client, trainee: User, moment: datetime) -> None:
    made, full = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment, capacity=1)
    theirs = reserving.hold(full, factories.trainee(), now=moment)
    waiting.join(full, trainee, now=moment)
    cancelling.cancel(theirs, now=moment, by=theirs.trainee)
    assert "A seat is held for you" in read(client, made, "move/")
    assert "By moving you accept it." in read(client, made, f"move/{full.code}/")
    press(client, made, full)
    assert (state_of(made), Reservation.objects.filter(cohort=full, state=State.RESERVED).count()) == ("transferred", 1)
    offer = Reservation.objects.get(cohort=full, conduct_accepted_at=None)
    assert "You said yes to this offer by moving here." in read(client, offer)


def test_missing_prerequisites_refuse_with_what_would_mend_them(
    client: Client, trainee: User, moment: datetime
) -> None:
    made, new = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment)
    trainee.completions.filter(module__code="module-iii").delete()
    answers = [client.get(address(made, f"move/{new.code}/")), press(client, made, new)]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert ["Module III is not on your record." in text(answer) for answer in answers] == [True, True]


@pytest.mark.parametrize("status", [CohortStatus.CLOSED, CohortStatus.CANCELLED])
def test_a_cohort_that_closed_meanwhile_is_refused(
    client: Client, trainee: User, moment: datetime, status: CohortStatus
) -> None:
    made, new = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment)
    Cohort.objects.filter(pk=new.pk).update(status=status)
    answer = press(client, made, new)
    assert (answer.status_code, state_of(made)) == (409, State.RESERVED)
    assert "takes no reservations now" in text(answer)


def test_a_seat_they_have_there_already_is_shown(client: Client, trainee: User, moment: datetime) -> None:
    set_term("one_active_seat", False)
    made, new = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment)
    there = reserving.hold(new, trainee, now=moment)
    answer = press(client, made, new)
    assert (answer.status_code, state_of(made)) == (409, State.RESERVED)
    assert address(there) in answer.content.decode()


def test_after_the_last_day_the_button_is_refused_with_the_way_to_the_school(
    client: Client, trainee: User, moment: datetime
) -> None:
    old = cohort_in(29, moment)
    made, new = reserve(old, trainee, moment), cohort_in(150, moment)
    answers = [client.get(address(made, "move/")), press(client, made, new)]
    last = with_weekday(old.starts_on - timedelta(days=30))
    assert [answer.status_code for answer in answers] == [200, 409]
    assert [f"was possible until {last}" in text(answer) for answer in answers] == [True, True]
    assert [f"{address(made)}#conversation" in answer.content.decode() for answer in answers] == [True, True]


def test_moving_in_two_tabs_moves_once(client: Client, trainee: User, moment: datetime) -> None:
    made, new, other = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment), cohort_in(180, moment)
    press(client, made, new)
    answer = press(client, made, other, follow=True)
    assert "You had moved to another cohort already, so nothing was changed." in text(answer)
    assert not Reservation.objects.filter(cohort=other).exists()


def test_moving_a_hold_that_ran_out_is_met_with_kind_words(client: Client, trainee: User, moment: datetime) -> None:
    made = reserving.hold(cohort_in(120, moment), trainee, now=moment - timedelta(hours=2))
    answer = press(client, made, cohort_in(150, moment), follow=True)
    assert "Your hold had run out a moment before" in text(answer)


def test_to_the_same_cohort_there_is_no_move(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(120, moment), trainee, moment)
    assert press(client, made, made.cohort).status_code == 404


def test_nobody_elses_reservation_can_be_moved_or_chosen_for(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    theirs, new = reserve(cohort_in(120, moment), factories.trainee(), moment), cohort_in(150, moment)
    paths = [address(theirs, each) for each in ("move/", f"move/{new.code}/", "choose/")]
    assert [client.get(path).status_code for path in paths] == [404, 404, 404]
    assert [client.post(path).status_code for path in paths] == [405, 404, 404]
    client.force_login(registrar)
    assert [client.post(path).status_code for path in paths[1:]] == [403, 403]
    assert state_of(theirs) == State.RESERVED


# -- the school cancelled the cohort -----------------------------------------------------------------------------------
def test_the_school_cancels_and_both_choices_are_shown_until_when_and_what_happens_otherwise(
    client: Client, moment: datetime, registrar: User
) -> None:
    bea = factories.trainee(time_zone="Europe/Paris")
    client.force_login(bea)
    made, new = reserve(cohort_in(40, moment), bea, moment), cohort_in(150, moment)
    called_off(made.cohort, registrar, moment)
    made.refresh_from_db()
    assert made.choose_until
    until = moment_for(made.choose_until, "Europe/Paris")
    for shown in (read(client, made), read(client, made, "choose/")):
        assert until in shown
        assert "The stage has burnt down." in shown
        assert "by itself" in shown
        assert "Marked" not in shown
    assert "Send me $500 back" in read(client, made, "choose/")
    assert address(made, f"move/{new.code}/") in client.get(address(made, "choose/")).content.decode()
    assert "Choose" in text(client.get("/reservations/"))
    assert client.get(address(made, "cancel/")).headers["Location"] == address(made, "choose/")


def test_choosing_the_money_sends_all_of_it_back_once(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    made = reserve(cohort_in(10, moment), trainee, moment, ways=("sandbox", "W"))
    called_off(made.cohort, registrar, moment)
    client.get(address(made, "choose/"))
    assert not Refund.objects.exists()
    answers = [client.post(address(made, "choose/"), follow=True) for _ in range(2)]
    assert "$2,099 goes back to you the way it came." in text(answers[0])
    assert "This reservation had ended already" in text(answers[1])
    assert sum(each.amount_cents for each in Refund.objects.all()) == PRICE
    shown = read(client, made)
    assert "We are sorry: the school has cancelled this cohort" in shown
    assert "$2,099 of what you had paid goes back to you." in shown
    assert "the school cancelled the cohort" in shown


def test_choosing_another_cohort_costs_nothing_on_any_day(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    set_term("moving_fee_cents", 7_500)
    made, new = reserve(cohort_in(3, moment), trainee, moment), cohort_in(150, moment)
    called_off(made.cohort, registrar, moment)
    assert "Fee for moving now nothing" in read(client, made, f"move/{new.code}/")
    press(client, made, new)
    moved = Reservation.objects.get(cohort=new)
    assert (moved.state, ledger.kept_cents(moved), Refund.objects.count()) == (State.RESERVED, DEPOSIT, 0)


def test_two_tabs_cannot_choose_both(client: Client, trainee: User, moment: datetime, registrar: User) -> None:
    made, new = reserve(cohort_in(40, moment), trainee, moment), cohort_in(150, moment)
    called_off(made.cohort, registrar, moment)
    press(client, made, new)
    answer = client.post(address(made, "choose/"), follow=True)
    assert "You had moved to another cohort already" in text(answer)
    assert not Refund.objects.exists()


def test_when_the_time_to_choose_is_over_the_page_says_that_all_of_it_goes_back(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    made, new = reserve(cohort_in(40, moment), trainee, moment), cohort_in(150, moment)
    called_off(made.cohort, registrar, moment - timedelta(days=20))
    assert "goes back to you by itself" in read(client, made)
    assert client.get(address(made, "choose/")).headers["Location"] == address(made)
    press(client, made, new)
    assert state_of(made) == State.CANCELLED


def test_whoever_had_paid_nothing_when_the_school_cancelled_has_nothing_to_choose(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    made = reserving.hold(cohort_in(120, moment), trainee, now=moment)
    called_off(made.cohort, registrar, moment)
    assert client.get(address(made, "choose/")).headers["Location"] == address(made)
    assert "We are sorry: the school has cancelled this cohort" in read(client, made)


# -- the school moved the cohort ---------------------------------------------------------------------------------------
def test_when_the_school_moves_the_cohort_old_and_new_stand_side_by_side_until_when_leaving_is_free(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    made, new = reserve(cohort_in(20, moment), trainee, moment), cohort_in(150, moment)
    until = end_of_school_day(school_day(moment) + timedelta(days=5))
    about = ("cohort", made.cohort.public_id)
    record("cohort-moved", about=about, by=registrar, now=moment, why="A strike.", before="Monday 1 June 2026, Stage 9")
    lifecycle.free_to_leave(made, until=until, now=moment, by=registrar, why="A strike.")
    shown = read(client, made)
    for words in (
        "Monday 1 June 2026, Stage 9",
        with_weekday(made.cohort.starts_on),
        "A strike.",
        moment_for(until, ""),
    ):
        assert words in shown
    assert (
        "If you cancel today, all of the $500 you have paid comes back. Moving to another cohort is free now." in shown
    )
    press(client, made, new)
    assert state_of(made) == State.TRANSFERRED


# -- the page in its other states --------------------------------------------------------------------------------------
def test_an_offer_leads_to_the_page_that_answers_it(client: Client, trainee: User, moment: datetime) -> None:
    full = cohort_in(120, moment, capacity=1)
    theirs = reserving.hold(full, factories.trainee(), now=moment)
    entry, _ = waiting.join(full, trainee, now=moment)
    cancelling.cancel(theirs, now=moment, by=theirs.trainee)
    offer = Reservation.objects.get(trainee=trainee)
    html = client.get(address(offer)).content.decode()
    assert entry.get_absolute_url() in html
    assert "Seat 1 is offered to you" in html
    offers.decline(offer, now=moment, by=trainee)
    assert "You did not take this offer" in read(client, offer)


def test_an_offer_that_ran_out_is_told_as_one(client: Client, trainee: User, moment: datetime) -> None:
    full = cohort_in(120, moment, capacity=1)
    theirs = reserving.hold(full, factories.trainee(), now=moment - timedelta(days=10))
    waiting.join(full, trainee, now=moment - timedelta(days=10))
    cancelling.cancel(theirs, now=moment - timedelta(days=10), by=theirs.trainee)
    assert "The offer has run out" in read(client, Reservation.objects.get(trainee=trainee))


def test_a_provisional_seat_says_until_when_and_what_is_missing(client: Client, moment: datetime) -> None:
    set_term("provisional_days", 14)
    bea = factories.trainee(lacking="module-iii")
    client.force_login(bea)
    made = reserve(cohort_in(120, moment), bea, moment)
    shown = read(client, made)
    assert "Your seat is provisional" in shown
    assert f"by the end of {with_weekday(made.cohort.starts_on - timedelta(days=14))}" in shown
    assert "Module III is not on your record." in shown
    factories.finish(bea, "module-iii")
    assert "Everything that Module IV asks for is on record now." in read(client, made)


@pytest.mark.parametrize(
    ("by_itself", "days", "words"),
    [
        (False, 29, "After that it decides about the seat."),
        (True, 29, "After that the seat is released by itself."),
        (False, 20, "It decides about the seat now."),
        (True, 20, "The seat may be released at any moment."),
    ],
)
def test_an_overdue_balance_is_told_with_its_grace_and_what_follows(
    client: Client, trainee: User, moment: datetime, by_itself: bool, days: int, words: str
) -> None:
    set_term("release_overdue", by_itself)
    made = reserve(cohort_in(days, moment), trainee, moment)
    shown = read(client, made)
    assert f"$1,599 was due by {with_weekday(made.balance_due_on)}" in shown
    assert words in shown


def test_on_the_last_day_a_balance_is_not_late_yet(client: Client, trainee: User, moment: datetime) -> None:
    made = reserve(cohort_in(30, moment), trainee, moment)
    assert "The balance of $1,599 is due by" in read(client, made)


def test_an_expired_hold_leads_to_the_line_when_what_is_free_is_owed_to_it(
    client: Client, trainee: User, moment: datetime
) -> None:
    full = cohort_in(120, moment, capacity=2)
    made = reserving.hold(full, trainee, now=moment - timedelta(minutes=59))
    reserving.hold(full, factories.trainee(), now=moment)
    waiting.join(full, factories.trainee(), now=moment - timedelta(minutes=30))
    Reservation.objects.filter(pk=made.pk).update(held_until=moment)
    full.seats.filter(occupant=trainee).update(held_until=moment)
    shown = read(client, made)
    assert ("Try again" in shown, "Join the line" in shown) == (False, True)


def test_an_expired_hold_leads_to_the_place_in_line_that_they_have_meanwhile(
    client: Client, trainee: User, moment: datetime
) -> None:
    full = cohort_in(120, moment, capacity=1)
    made = reserving.hold(full, trainee, now=moment - timedelta(hours=2))
    reserving.hold(full, factories.trainee(), now=moment)
    entry, _ = waiting.join(full, trainee, now=moment)
    assert entry.get_absolute_url() in client.get(address(made)).content.decode()


def test_an_expired_hold_leads_to_the_seat_they_have_meanwhile(client: Client, trainee: User, moment: datetime) -> None:
    cohort = cohort_in(120, moment)
    made = reserving.hold(cohort, trainee, now=moment - timedelta(hours=2))
    again = reserving.hold(cohort, trainee, now=moment)
    html = client.get(address(made)).content.decode()
    assert (address(again) in html, "Try again" in html) == (True, False)


def test_a_seat_paid_for_elsewhere_owes_nothing_and_may_move(client: Client, trainee: User, moment: datetime) -> None:
    from workshops.prerequisites.recording import entitle
    from workshops.programme.models import Module

    entitle(trainee, Module.objects.get(code="module-iv"), "Package", by=None, now=moment)
    made, new = reserving.hold(cohort_in(120, moment), trainee, now=moment), cohort_in(150, moment)
    assert "Your seat is paid for already." in read(client, made, f"move/{new.code}/")
    press(client, made, new)
    assert "Paid elsewhere. You owe nothing here." in read(client, Reservation.objects.get(cohort=new))


def test_a_fee_that_is_waived_after_it_was_paid_goes_back_and_is_said_so(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    set_term("moving_free_days", 90)
    set_term("moving_fee_cents", 7_500)
    made, new = reserve(cohort_in(80, moment), trainee, moment), cohort_in(150, moment)
    press(client, made, new, fee=7_500)
    moved = Reservation.objects.get(cohort=new)
    pay(moved, Purpose.BALANCE, "sandbox", moment)
    cancelling.waive_fee(Reservation.objects.get(pk=moved.pk), now=moment, by=registrar, why="It was our mistake")
    shown = read(client, moved)
    assert "$75 was sent back" in shown
    assert "the school waived the fee for moving" in shown
    assert "Remaining $0" in shown


def test_the_fee_is_part_of_what_paying_shows(client: Client, trainee: User, moment: datetime) -> None:
    set_term("moving_free_days", 90)
    set_term("moving_fee_cents", 7_500)
    made, new = reserve(cohort_in(80, moment), trainee, moment, ways=("sandbox", "sandbox")), cohort_in(150, moment)
    press(client, made, new, fee=7_500)
    moved = Reservation.objects.get(cohort=new)
    assert "The fee for moving, $75 , is due by" in read(client, moved)
    shown = read(client, moved, "pay/")
    assert ("In all $2,174" in shown, "The balance, $75" in shown) == (True, True)
    client.post(address(moved, "pay/"), {"purpose": "balance", "gateway": "sandbox"})
    assert (state_of(moved), Payment.objects.count()) == (State.CONFIRMED, 3)


# -- one story ---------------------------------------------------------------------------------------------------------
def moved_twice(client: Client, trainee: User, moment: datetime) -> list[Reservation]:
    story = [reserve(cohort_in(120, moment), trainee, moment)]
    for days in (150, 180):
        press(client, story[-1], cohort_in(days, moment))
        story.append(Reservation.objects.get(moved_from=story[-1]))
    return story


def test_the_story_goes_on_where_they_move_and_names_the_cohort_it_happened_in(
    client: Client, trainee: User, moment: datetime
) -> None:
    first, second, third = moved_twice(client, trainee, moment)
    shown = read(client, third)
    assert f"· {first.cohort.title} Seat 1 held, by you" in shown
    assert f"· {second.cohort.title} Moved here from {first.cohort.title}" in shown
    assert f"Moved here from {second.cohort.title}" in shown
    assert f"Moved to {second.cohort.title}" not in shown
    before = read(client, second)
    assert f"· {first.cohort.title} Seat 1 held, by you" in before
    assert f"Moved to {third.cohort.title}" in before


def test_a_story_of_two_moves_takes_as_many_statements_to_tell_as_one_of_one(
    client: Client, trainee: User, moment: datetime
) -> None:
    _, second, third = moved_twice(client, trainee, moment)
    with CaptureQueriesContext(connection) as of_two:
        chapters_of(third, trainee)
    with CaptureQueriesContext(connection) as of_one:
        chapters_of(second, trainee)
    assert len(of_one) == len(of_two) == 2


def test_the_page_of_a_seat_says_where_else_they_wait_and_what_is_offered_there(
    client: Client, trainee: User, moment: datetime
) -> None:
    made, full = reserve(cohort_in(120, moment), trainee, moment), cohort_in(150, moment, capacity=1)
    theirs = reserving.hold(full, factories.trainee(), now=moment)
    entry, _ = waiting.join(full, trainee, now=moment)
    assert f"You also wait for {full.title}" in read(client, made)
    assert "you are 1st in line, and this seat stays yours meanwhile" in read(client, made)
    cancelling.cancel(theirs, now=moment, by=theirs.trainee)
    assert f"Seat 1 in {full.title} is offered to you" in read(client, made)
    assert entry.get_absolute_url() in client.get(address(made)).content.decode()


def test_whoever_owed_a_deposit_when_the_school_cancelled_reads_that_nothing_is_owed_and_where_seats_are(
    client: Client, trainee: User, moment: datetime, registrar: User
) -> None:
    made = reserving.hold(cohort_in(120, moment), trainee, now=moment)
    roomy, full = cohort_in(150, moment, capacity=2), cohort_in(180, moment, capacity=1)
    reserving.hold(full, factories.trainee(), now=moment)
    called_off(made.cohort, registrar, moment)
    shown, html = read(client, made), client.get(address(made)).content.decode()
    assert "You had paid nothing, and nothing is owed. You may reserve a seat in another cohort at any time." in shown
    assert roomy.get_absolute_url() in html
    assert full.get_absolute_url() not in html


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (150, ("All of it, $500, had stopped being refundable before you moved here", "What you pay beyond it")),
        (20, ("The deposit was refundable until",)),
    ],
)
def test_the_page_to_cancel_does_not_promise_what_a_move_has_not_brought_back(
    client: Client, trainee: User, moment: datetime, days: int, words: tuple[str, ...]
) -> None:
    made = reserve(cohort_in(45, moment), trainee, moment)
    press(client, made, cohort_in(days, moment))
    shown = read(client, Reservation.objects.get(moved_from=made), "cancel/")
    assert "Comes back to you nothing" in shown
    assert "everything you have paid comes back" not in shown
    assert all(each in shown for each in words)
