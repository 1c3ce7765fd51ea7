"""The line in pages: what visitors read of it, and what a trainee does in it, without JavaScript."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments import ledger, paying
from booking.payments.models import Purpose
from booking.reservations import calling_off, cancelling, moving, offers, reserving, waiting
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from booking.reservations.places import ordinal
from tests import factories
from tests.pages import text
from workshops.clock import school_day
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.record import history_of
from workshops.people.models import Role, User
from workshops.programme.models import ConductText, PolicyTerm

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

AGREED = {"accept_conduct": "on"}
HOSTILE = ["x", "-1", "1.5", "181", "9" * 400, "\x00", "NaN", "1e309", "<script>alert(1)</script>"]


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def seated() -> User:
    """Whoever has the one seat of `full`."""
    return factories.trainee()


@pytest.fixture
def full(moment: datetime, seated: User) -> Cohort:
    """A cohort whose one seat is held for the time being."""
    cohort = factories.cohort(now=moment, capacity=1)
    reserving.hold(cohort, seated, now=moment)
    return cohort


@pytest.fixture
def trainee(client: Client) -> User:
    """A signed-in trainee who qualifies."""
    user = factories.trainee(name="Anna", time_zone="Europe/London")
    client.force_login(user)
    return user


def wait(cohort: Cohort, trainee: User, moment: datetime, notice_days: int = 0) -> WaitlistEntry:
    return waiting.join(cohort, trainee, now=moment, notice_days=notice_days)[0]


def free_the_seat(cohort: Cohort, moment: datetime) -> None:
    held = Reservation.objects.get(cohort=cohort, state=State.HELD)
    cancelling.cancel(held, now=moment, by=held.trainee)


def offered(cohort: Cohort, trainee: User, moment: datetime) -> WaitlistEntry:
    """An entry whose turn has come."""
    entry = wait(cohort, trainee, moment)
    free_the_seat(cohort, moment)
    entry.refresh_from_db()
    assert entry.state == EntryState.OFFERED
    return entry


def paid_seat(trainee: User, moment: datetime, **about: object) -> Reservation:
    """A reserved seat in another cohort."""
    seat = reserving.hold(factories.cohort(now=moment, **about), trainee, now=moment)  # type: ignore[arg-type]
    paying.begin(seat, Purpose.DEPOSIT, "sandbox", by=trainee, now=moment)
    seat.refresh_from_db()
    return seat


def joining(cohort: Cohort) -> str:
    return f"/cohorts/{cohort.code}/line/"


# -- what everyone reads -----------------------------------------------------------------------------------------------
def test_a_visitor_reads_how_many_wait_and_never_who(client: Client, full: Cohort, moment: datetime) -> None:
    wait(full, factories.trainee(name="Marked One"), moment)
    wait(full, factories.trainee(name="Marked Two"), moment)
    for page in (text(client.get("/")), text(client.get(full.get_absolute_url()))):
        assert "No place left of 1 2 people wait in line" in page
        assert "Full" in page
        assert "Marked" not in page


def test_a_seat_that_is_owed_to_someone_in_line_is_not_shown_as_left(
    client: Client, seated: User, moment: datetime
) -> None:
    cohort = factories.cohort(now=moment, capacity=1)
    reserving.hold(cohort, seated, now=moment - timedelta(minutes=90))
    wait(cohort, factories.trainee(), moment - timedelta(minutes=80))
    page = text(client.get(cohort.get_absolute_url()))
    assert "No place left of 1" in page
    assert "Full" in page
    assert "One person waits in line" in page


def test_someone_in_line_who_is_not_eligible_blocks_nobody(client: Client, seated: User, moment: datetime) -> None:
    cohort = factories.cohort(now=moment, capacity=1)
    reserving.hold(cohort, seated, now=moment - timedelta(minutes=90))
    wait(cohort, factories.trainee(lacking="module-iii"), moment - timedelta(minutes=80))
    page = text(client.get(cohort.get_absolute_url()))
    assert "1 place left of 1" in page
    assert "Open" in page


def test_the_year_takes_the_same_statements_for_one_full_cohort_with_a_line_and_for_three(
    client: Client, moment: datetime, django_assert_num_queries: object
) -> None:
    for _ in range(3):
        cohort = factories.cohort(now=moment, capacity=1)
        reserving.hold(cohort, factories.trainee(), now=moment)
        wait(cohort, factories.trainee(), moment)
        with django_assert_num_queries(5):  # type: ignore[operator]
            assert "One person waits" in text(client.get("/"))


def test_my_reservations_and_where_i_stand_take_the_same_statements_for_one_place_in_line_and_for_three(
    client: Client, trainee: User, moment: datetime, django_assert_max_num_queries: object
) -> None:
    for _ in range(3):
        cohort = factories.cohort(now=moment, capacity=1)
        reserving.hold(cohort, factories.trainee(), now=moment)
        wait(cohort, trainee, moment)
        with django_assert_max_num_queries(9):  # type: ignore[operator]
            assert "You are 1st in line" in text(client.get("/reservations/"))
        with django_assert_max_num_queries(13):  # type: ignore[operator]
            assert "You are 1st in line" in text(client.get("/where-you-stand/"))


def test_a_visitor_is_sent_to_sign_in_and_back_to_the_line(client: Client, full: Cohort) -> None:
    assert f"?next={joining(full)}" in client.get(full.get_absolute_url()).content.decode()
    assert client.get(joining(full)).headers["Location"] == f"/accounts/login/?next={joining(full)}"


def test_a_registrar_has_no_place_of_their_own(client: Client, full: Cohort) -> None:
    client.force_login(factories.person(Role.REGISTRAR))
    assert [client.get(joining(full)).status_code, client.post(joining(full)).status_code] == [403, 403]
    page = text(client.get(full.get_absolute_url()))
    assert "Join the line" not in page


# -- joining -----------------------------------------------------------------------------------------------------------
def test_the_page_says_what_joining_means(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    wait(full, factories.trainee(), moment)
    page = text(client.get(joining(full)))
    for words in (
        "You would be 2nd in line",
        "The offer waits 48 hours for your answer. It never ends between 9:00 pm and 9:00 am in Los Angeles.",
        "There is nothing to pay until you accept.",
        "would pass you over; you keep your place",
    ):
        assert words in page
    assert WaitlistEntry.objects.filter(trainee=trainee).count() == 0


def test_joining_with_notice_gives_a_place_and_shows_it(client: Client, full: Cohort, trainee: User) -> None:
    answer = client.post(joining(full), {"notice_days": "14"})
    entry = WaitlistEntry.objects.get()
    assert (answer.headers["Location"], entry.trainee, entry.notice_days) == (f"/line/{entry.public_id}/", trainee, 14)
    page = text(client.get(answer.headers["Location"]))
    assert "1st in line" in page
    assert "because you asked for 14 days of notice" in page


def test_joining_twice_leads_to_the_same_place(client: Client, full: Cohort, trainee: User) -> None:
    places = {client.post(joining(full), {}).headers["Location"] for _ in range(2)}
    assert places == {client.get(joining(full)).headers["Location"]}
    assert WaitlistEntry.objects.count() == 1


@pytest.mark.parametrize("days", HOSTILE)
def test_a_notice_that_cannot_be_is_refused_in_words_and_kept(
    client: Client, full: Cohort, trainee: User, days: str
) -> None:
    answer = client.post(joining(full), {"notice_days": days})
    assert (answer.status_code, WaitlistEntry.objects.count()) == (422, 0)
    assert "That did not work yet" in text(answer)
    assert b"<script>alert(1)" not in answer.content


def test_more_notice_than_there_is_time_is_explained(client: Client, trainee: User, moment: datetime) -> None:
    soon = factories.cohort(now=moment, capacity=1, starts_on=(moment + timedelta(days=20)).date())
    reserving.hold(soon, factories.trainee(), now=moment)
    answer = client.post(joining(soon), {"notice_days": "60"})
    assert answer.status_code == 422
    assert "with more notice than that, no seat could be offered to you" in text(answer)


def test_someone_who_lacks_something_may_join_and_reads_what_is_missing(client: Client, full: Cohort) -> None:
    client.force_login(factories.trainee(lacking="module-iii"))
    page = text(client.get(joining(full)))
    assert "You can join now." in page
    assert "Module III is not on your record." in page
    assert client.post(joining(full), {}).status_code == 302


def test_a_seat_elsewhere_is_named_and_kept(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    seat = paid_seat(trainee, moment)
    page = text(client.get(joining(full)))
    assert f"Your seat in {seat.cohort.title} is kept" in page
    assert "accepting an offer here moves you" in page
    client.post(joining(full), {})
    seat.refresh_from_db()
    assert (seat.state, WaitlistEntry.objects.count()) == (State.RESERVED, 1)


def test_where_a_seat_is_left_nobody_joins_and_everybody_is_shown_the_seat(
    client: Client, trainee: User, moment: datetime
) -> None:
    cohort = factories.cohort(now=moment)
    answer = client.post(joining(cohort), {})
    assert (answer.status_code, WaitlistEntry.objects.count()) == (409, 0)
    assert "Nobody needs to wait: a seat is free" in text(answer)
    assert f'href="/cohorts/{cohort.code}/reserve/"' in answer.content.decode()
    assert client.get(joining(cohort)).status_code == 200


def test_whoever_has_a_seat_here_is_shown_it(client: Client, trainee: User, moment: datetime) -> None:
    cohort = factories.cohort(now=moment, capacity=1)
    seat = reserving.hold(cohort, trainee, now=moment)
    answer = client.post(joining(cohort), {})
    assert (answer.status_code, WaitlistEntry.objects.count()) == (409, 0)
    assert "You have seat 1 in this cohort" in text(answer)
    assert f'href="/reservations/{seat.public_id}/"' in answer.content.decode()


@pytest.mark.parametrize("status", [CohortStatus.CLOSED, CohortStatus.CANCELLED])
def test_a_cohort_that_takes_nobody_has_no_line(
    client: Client, trainee: User, moment: datetime, status: CohortStatus
) -> None:
    answer = client.post(joining(factories.cohort(now=moment, status=status)), {})
    assert (answer.status_code, WaitlistEntry.objects.count()) == (409, 0)
    assert "there is no line to join" in text(answer)
    assert 'href="/"' in answer.content.decode()


def test_a_draft_has_no_line_that_anyone_knows_of(client: Client, trainee: User, moment: datetime) -> None:
    draft = factories.cohort(now=moment, status=CohortStatus.DRAFT)
    assert [client.get(joining(draft)).status_code, client.post(joining(draft)).status_code] == [404, 404]


def test_too_late_for_a_seat_means_the_line(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    answer = client.post(f"/cohorts/{full.code}/reserve/", {**AGREED, "conduct_version": 1})
    assert answer.status_code == 409
    assert f'href="{joining(full)}"' in answer.content.decode()
    assert f'href="{joining(full)}"' in client.get(f"/cohorts/{full.code}/reserve/").content.decode()
    assert f'href="{joining(full)}"' in client.get(full.get_absolute_url()).content.decode()


# -- waiting -----------------------------------------------------------------------------------------------------------
def test_anyone_elses_place_does_not_exist(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    theirs = offered(full, factories.trainee(), moment)
    ways = ("", "notice/", "leave/", "accept/", "decline/")
    paths = [f"/line/{key}/{way}" for key in (theirs.public_id, "x" * 20) for way in ways]
    answers = [client.get(path) for path in paths] + [client.post(path, AGREED) for path in paths]
    assert {answer.status_code for answer in answers} == {404, 405}
    assert len({text(answer) for answer in answers if answer.status_code == 404}) == 1
    theirs.refresh_from_db()
    assert theirs.state == EntryState.OFFERED


def test_the_place_is_told_as_of_now(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    first = wait(full, factories.trainee(), moment)
    mine = wait(full, trainee, moment)
    assert "2nd in line" in text(client.get(mine.get_absolute_url()))
    waiting.leave(first, now=moment, by=first.trainee)
    page = text(client.get(mine.get_absolute_url()))
    assert "1st in line" in page
    assert "Nobody is before you." in page


def test_whoever_waits_is_told_so_on_the_cohorts_page_and_where_they_would_reserve(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment)
    for path in (full.get_absolute_url(), f"/cohorts/{full.code}/reserve/"):
        answer = client.get(path)
        assert "You are 1st in line" in text(answer)
        assert f'href="{mine.get_absolute_url()}"' in answer.content.decode()


def test_notice_can_be_changed_and_its_meaning_is_a_date(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment)
    answer = client.post(f"/line/{mine.public_id}/notice/", {"notice_days": "30"}, follow=True)
    mine.refresh_from_db()
    assert mine.notice_days == 30
    assert "Noted. You keep your place." in text(answer)
    client.post(f"/line/{mine.public_id}/notice/", {"notice_days": ""})
    mine.refresh_from_db()
    assert mine.notice_days == 0


@pytest.mark.parametrize("days", HOSTILE)
def test_a_hostile_notice_changes_nothing(
    client: Client, full: Cohort, trainee: User, moment: datetime, days: str
) -> None:
    mine = wait(full, trainee, moment, notice_days=7)
    answer = client.post(f"/line/{mine.public_id}/notice/", {"notice_days": days})
    mine.refresh_from_db()
    assert (answer.status_code, mine.notice_days) == (422, 7)
    assert "1st in line" in text(answer)


def test_notice_that_the_cohort_is_too_near_for_is_said(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment, notice_days=150)
    assert "begins sooner than the 150 days' notice" in text(client.get(mine.get_absolute_url()))


def test_less_notice_that_brings_a_seat_at_once_shows_the_offer(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment, notice_days=150)
    free_the_seat(full, moment)
    answer = client.post(f"/line/{mine.public_id}/notice/", {"notice_days": "0"}, follow=True)
    assert "Seat 1 is offered to you" in text(answer)


def test_a_free_seat_that_passed_someone_over_for_their_notice_can_be_theirs_all_the_same(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment, notice_days=150)
    free_the_seat(full, moment)
    answer = client.get(mine.get_absolute_url())
    assert "A seat is free now" in text(answer)
    assert f'href="/cohorts/{full.code}/reserve/"' in answer.content.decode()
    client.post(f"/cohorts/{full.code}/reserve/", {**AGREED, "conduct_version": 1})
    mine.refresh_from_db()
    assert mine.state == EntryState.SEATED


def test_whoever_was_passed_over_reads_what_is_missing(client: Client, full: Cohort, moment: datetime) -> None:
    user = factories.trainee(lacking="on-set-days")
    client.force_login(user)
    mine = wait(full, user, moment)
    free_the_seat(full, moment)
    page = text(client.get(mine.get_absolute_url()))
    assert "a seat was free and passed you over" in page
    assert "What is missing now" in page
    assert "7 of 10 days accepted" in page


def test_leaving_takes_one_more_look_and_a_button(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment)
    assert "Leave the line?" in text(client.get(f"/line/{mine.public_id}/leave/"))
    mine.refresh_from_db()
    assert mine.state == EntryState.WAITING
    page = text(client.post(f"/line/{mine.public_id}/leave/", follow=True))
    mine.refresh_from_db()
    assert mine.state == EntryState.WITHDRAWN
    assert "You have left the line" in page
    assert "you can join the line again, at its end" in page
    assert client.post(f"/line/{mine.public_id}/leave/").status_code == 302


def test_leaving_at_the_moment_of_an_offer_does_not_decline_it(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    answer = client.post(f"/line/{mine.public_id}/leave/")
    mine.refresh_from_db()
    assert (answer.status_code, mine.state) == (409, EntryState.OFFERED)
    assert "Seat 1 is offered to you" in text(answer)


def test_bookings_that_closed_are_said_to_whoever_waits(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment)
    Cohort.objects.filter(pk=full.pk).update(status=CohortStatus.CLOSED)
    assert "Bookings for this cohort are closed" in text(client.get(mine.get_absolute_url()))


# -- the page that asks again by itself --------------------------------------------------------------------------------
def asked_again(client: Client, entry: WaitlistEntry, seen: str):  # type: ignore[no-untyped-def]
    return client.get(f"{entry.get_absolute_url()}?seen={seen}", headers={"HX-Request": "true"})


def test_the_page_is_loaded_anew_only_when_the_state_has_changed(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment)
    assert "1st in line" in text(asked_again(client, mine, "waiting"))
    free_the_seat(full, moment)
    assert asked_again(client, mine, "waiting").headers["HX-Redirect"] == mine.get_absolute_url()
    assert asked_again(client, mine, "offered").status_code == 204
    assert client.get(f"{mine.get_absolute_url()}?seen=waiting").status_code == 200


# -- an offer ----------------------------------------------------------------------------------------------------------
def test_the_offer_says_the_seat_the_money_and_until_when_on_both_clocks(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    page = text(client.get(offered(full, trainee, moment).get_absolute_url()))
    for words in ("Seat 1 is offered to you", "$500", "$1,599", "$2,099", "where you are", "The four days"):
        assert words in page


def test_the_offer_is_shown_wherever_they_look(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    mine = offered(full, trainee, moment)
    for path in ("/reservations/", "/where-you-stand/", full.get_absolute_url()):
        assert mine.get_absolute_url() in client.get(path).content.decode()
    for path in (f"/cohorts/{full.code}/reserve/", joining(full)):
        assert client.get(path).headers["Location"] == mine.get_absolute_url()
    assert "You have a seat in Module IV" not in text(client.get("/where-you-stand/"))


def test_accepting_holds_the_seat_and_goes_on_to_the_deposit(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    answer = client.post(f"/line/{mine.public_id}/accept/", AGREED)
    mine.refresh_from_db()
    assert mine.offer is not None
    assert (mine.state, mine.offer.state) == (EntryState.SEATED, State.HELD)
    assert mine.offer.conduct_accepted_at is not None
    assert answer.headers["Location"] == f"/reservations/{mine.offer.public_id}/pay/"
    assert "Pay the deposit" in text(client.get(mine.get_absolute_url()))


def test_the_conduct_text_that_the_offer_names_must_be_agreed_to(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    ConductText.objects.create(version=2, body="A newer text", published_at=moment)
    answer = client.post(f"/line/{mine.public_id}/accept/", {})
    mine.refresh_from_db()
    assert (answer.status_code, mine.state) == (422, EntryState.OFFERED)
    page = text(answer)
    assert "agree to it before you accept" in page
    assert "Version 1." in page
    assert "A newer text" not in page


def test_accepting_in_a_second_window_is_answered_kindly(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    client.post(f"/line/{mine.public_id}/accept/", AGREED)
    answer = client.post(f"/line/{mine.public_id}/accept/", AGREED)
    assert answer.status_code == 409
    assert "You have answered already" in text(answer)
    assert Reservation.objects.filter(trainee=trainee).count() == 1


def test_an_offer_that_ran_out_cannot_be_accepted_and_the_way_back_is_shown(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment - timedelta(minutes=50))
    Reservation.objects.filter(place_in_line=mine).update(held_until=moment - timedelta(minutes=1))
    full.seats.update(held_until=moment - timedelta(minutes=1))
    answer = client.post(f"/line/{mine.public_id}/accept/", AGREED)
    assert answer.status_code == 409
    page = text(answer)
    assert "The offer had ended by then" in page
    assert "Nothing was charged." in page
    assert f'href="{joining(full)}"' in answer.content.decode()
    assert text(client.get(mine.get_absolute_url())).count("The offer has ended") >= 1
    assert client.get(joining(full)).status_code == 200


@pytest.mark.parametrize("given", [{}, {"accept_conduct": "\x00"}, {"leaving": "x" * 500}, {"fee_cents": "9" * 400}])
def test_a_hostile_yes_is_none(
    client: Client, full: Cohort, trainee: User, moment: datetime, given: dict[str, str]
) -> None:
    mine = offered(full, trainee, moment)
    assert client.post(f"/line/{mine.public_id}/accept/", given).status_code in {302, 422}
    mine.refresh_from_db()
    assert mine.state == (EntryState.SEATED if "accept_conduct" in given else EntryState.OFFERED)


def test_looking_never_answers(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    mine = offered(full, trainee, moment)
    for way in ("", "accept/", "decline/", "leave/", "notice/"):
        client.get(f"/line/{mine.public_id}/{way}")
    mine.refresh_from_db()
    assert mine.state == EntryState.OFFERED


def test_declining_takes_one_more_look_and_hands_the_seat_on(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = wait(full, trainee, moment)
    following = wait(full, factories.trainee(), moment)
    free_the_seat(full, moment)
    assert "goes on to whoever is next in line, or is free for anyone, at once" in text(
        client.get(f"/line/{mine.public_id}/decline/")
    )
    page = text(client.post(f"/line/{mine.public_id}/decline/", follow=True))
    following.refresh_from_db()
    assert following.state == EntryState.OFFERED
    assert "The offer was declined" in page
    assert "you can join the line again, at its end" in page
    assert client.post(f"/line/{mine.public_id}/decline/").status_code == 302
    client.post(joining(full), {})
    assert "Since then you have joined again: you are 1st in line." in text(client.get(mine.get_absolute_url()))


def test_declining_what_was_accepted_meanwhile_is_refused(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    client.post(f"/line/{mine.public_id}/accept/", AGREED)
    answer = client.post(f"/line/{mine.public_id}/decline/")
    assert answer.status_code == 409
    assert Reservation.objects.get(trainee=trainee).state == State.HELD


# -- an offer to someone who has a seat elsewhere ----------------------------------------------------------------------
def test_accepting_with_a_seat_elsewhere_is_shown_as_the_move_it_is(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    seat = paid_seat(trainee, moment)
    mine = offered(full, trainee, moment)
    page = text(client.get(mine.get_absolute_url()))
    for words in (
        "Accepting moves you here",
        seat.cohort.title,
        "The $500 that you have paid comes along.",
        "Moving costs nothing now.",
        "Remaining",
        "$1,599",
    ):
        assert words in page
    answer = client.post(f"/line/{mine.public_id}/accept/", {"leaving": seat.public_id, "fee_cents": "0"})
    new = Reservation.objects.get(trainee=trainee, cohort=full, state=State.RESERVED)
    seat.refresh_from_db()
    assert (seat.state, new.moved_from_id) == (State.TRANSFERRED, seat.pk)
    assert answer.headers["Location"] == new.get_absolute_url()
    assert "You have seat 1" in text(client.get(mine.get_absolute_url()))


@pytest.mark.parametrize("shown", [AGREED, {"leaving": "someone-elses", "fee_cents": "0"}, {"fee_cents": "0"}, {}])
def test_nobody_is_moved_who_was_not_shown_the_move(
    client: Client, full: Cohort, trainee: User, moment: datetime, shown: dict[str, str]
) -> None:
    mine = offered(full, trainee, moment)
    seat = paid_seat(trainee, moment)
    answer = client.post(f"/line/{mine.public_id}/accept/", shown)
    seat.refresh_from_db()
    assert (answer.status_code, seat.state) == (409, State.RESERVED)
    page = text(answer)
    assert "Nothing has been done yet" in page
    assert "Accepting moves you here" in page


def test_a_fee_for_moving_is_shown_and_another_one_is_not_taken(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    for code, value in (("moving_free_days", 90), ("moving_fee_cents", 7_500)):
        PolicyTerm.objects.create(code=code, value=value)
    seat = paid_seat(trainee, moment, starts_on=(moment + timedelta(days=60)).date())
    mine = offered(full, trainee, moment)
    page = text(client.get(mine.get_absolute_url()))
    assert "Moving costs $75 now." in page
    assert "$1,674" in page
    accept = f"/line/{mine.public_id}/accept/"
    assert client.post(accept, {"leaving": seat.public_id, "fee_cents": "0"}).status_code == 409
    assert client.post(accept, {"leaving": seat.public_id, "fee_cents": "7500"}).status_code == 302
    assert Reservation.objects.get(cohort=full, trainee=trainee, state=State.RESERVED).fee_cents == 7_500


def test_too_late_to_leave_the_other_seat_means_writing_to_the_school_or_declining(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    seat = paid_seat(trainee, moment, starts_on=(moment + timedelta(days=20)).date())
    mine = offered(full, trainee, moment)
    for answer in (
        client.get(mine.get_absolute_url()),
        client.post(f"/line/{mine.public_id}/accept/", {"leaving": seat.public_id, "fee_cents": "0"}),
    ):
        page = text(answer)
        assert "It is too late to leave it by yourself" in page
        assert "Decline the offer" in page
        assert "Accept" not in page.replace("Accepting", "")
    assert answer.status_code == 409
    seat.refresh_from_db()
    assert seat.state == State.CONFIRMED


# -- how it can end ----------------------------------------------------------------------------------------------------
def test_a_seat_by_another_road_ends_the_waiting(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    mine = wait(full, trainee, moment)
    registrar = factories.person(Role.REGISTRAR)
    planning.resize(full, 2, by=registrar, now=moment)
    seat = reserving.hold(full, trainee, now=moment)
    answer = client.get(mine.get_absolute_url())
    assert f"You have seat {seat.seat_number}" in text(answer)
    assert seat.get_absolute_url() in answer.content.decode()


def test_a_line_that_the_school_closed_says_why(client: Client, full: Cohort, trainee: User, moment: datetime) -> None:
    mine = wait(full, trainee, moment)
    waiting.close(full, why="It will not run.", now=moment)
    Cohort.objects.filter(pk=full.pk).update(status=CohortStatus.CANCELLED)
    page = text(client.get(mine.get_absolute_url()))
    assert "The school has cancelled this cohort" in page
    assert "Join the line" not in page


def test_an_offer_in_a_cohort_that_the_school_cancels_did_not_run_out(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    calling_off.call_off(full, by=factories.person(Role.REGISTRAR), why="The venue burned down.", now=moment)
    answer = client.post(f"/line/{mine.public_id}/accept/", AGREED)
    page = text(answer)
    assert answer.status_code == 409
    assert "The school has cancelled this cohort" in page
    assert "without an answer" not in page


def test_money_from_a_cancelled_cohort_may_come_along_to_the_offer(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    seat = paid_seat(trainee, moment)
    calling_off.call_off(seat.cohort, by=factories.person(Role.REGISTRAR), why="The venue burned down.", now=moment)
    mine = offered(full, trainee, moment)
    answer = client.get(mine.get_absolute_url())
    assert "This would be that other cohort" in text(answer)
    fee = {"leaving": seat.public_id, "fee_cents": 0}
    client.post(f"/line/{mine.public_id}/accept/", fee)
    new = Reservation.objects.get(cohort=full, trainee=trainee, state__in=("reserved", "confirmed"))
    assert (new.moved_from, ledger.paid_cents(seat)) == (seat, 0)
    assert ledger.paid_cents(new) > 0


def test_a_seat_that_was_given_back_later_leads_to_the_line_again(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    assert mine.offer is not None
    seat = moving.accept(mine.offer, now=moment, by=trainee)
    cancelling.cancel(seat, now=moment, by=trainee)
    page = text(client.get(mine.get_absolute_url()))
    assert "You had a seat here" in page
    assert "Join the line again" in page


# -- reserving once more -----------------------------------------------------------------------------------------------
def test_whoever_agreed_to_this_very_text_before_finds_it_ticked_and_is_told(
    client: Client, trainee: User, moment: datetime
) -> None:
    cohort = factories.cohort(now=moment)
    reserving.hold(cohort, trainee, now=moment - timedelta(hours=2))
    answer = client.get(f"/cohorts/{cohort.code}/reserve/")
    assert "You agreed to this version on" in text(answer)
    assert "checked" in answer.content.decode()
    ConductText.objects.create(version=2, body="A newer text", published_at=moment)
    answer = client.get(f"/cohorts/{cohort.code}/reserve/")
    assert "You agreed to this version on" not in text(answer)
    assert " checked" not in answer.content.decode()


def test_an_offer_that_was_never_accepted_is_no_agreement(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    mine = offered(full, trainee, moment)
    assert mine.offer is not None
    offers.decline(mine.offer, now=moment, by=trainee)
    other = factories.cohort(now=moment)
    assert "You agreed to this version on" not in text(client.get(f"/cohorts/{other.code}/reserve/"))


def test_where_the_school_takes_promises_someone_who_lacks_something_reads_by_when_and_may_reserve(
    client: Client, moment: datetime
) -> None:
    PolicyTerm.objects.create(code="provisional_days", value=30)
    user, cohort = factories.trainee(lacking="module-iii"), factories.cohort(now=moment)
    client.force_login(user)
    shown = text(client.get(f"/cohorts/{cohort.code}/reserve/"))
    assert "The seat would be provisional What is missing has to be here by the end of" in shown
    assert "Nothing that was paid comes back then." in shown
    client.post(f"/cohorts/{cohort.code}/reserve/", {**AGREED, "conduct_version": 1})
    assert Reservation.objects.get(trainee=user).provisional_until is not None


# -- words -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "words"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st")]
)
def test_places_are_said_as_people_say_them(number: int, words: str) -> None:
    assert ordinal(number) == words


def test_every_step_in_line_leaves_a_line_of_history(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    client.post(joining(full), {})
    mine = WaitlistEntry.objects.get()
    client.post(f"/line/{mine.public_id}/notice/", {"notice_days": "3"})
    client.post(f"/line/{mine.public_id}/leave/")
    lines = [line.what for line in history_of("waitlist", mine.public_id)]
    assert lines == ["line-joined", "line-notice-changed", "line-left"]


def test_whoever_kept_a_seat_elsewhere_reads_that_it_is_still_theirs_after_an_offer(
    client: Client, full: Cohort, trainee: User, moment: datetime
) -> None:
    seat = paid_seat(trainee, moment)
    mine = offered(full, trainee, moment)
    client.post(f"/line/{mine.public_id}/decline/")
    shown = text(client.get(mine.get_absolute_url()))
    assert f"Your seat {seat.seat_number} in {seat.cohort.title} is still yours." in shown
    assert "next person" not in shown


def test_an_offer_of_a_provisional_seat_says_what_can_be_lost(client: Client, full: Cohort, moment: datetime) -> None:
    PolicyTerm.objects.create(code="provisional_days", value=30)
    bea = factories.trainee(lacking="module-iii")
    client.force_login(bea)
    shown = text(client.get(offered(full, bea, moment).get_absolute_url()))
    assert "The seat would be provisional" in shown
    assert "Nothing that was paid comes back then." in shown


def test_the_most_notice_is_said_and_refused_in_words_rather_than_by_the_browser(
    client: Client, trainee: User, moment: datetime
) -> None:
    soon = factories.cohort(now=moment, capacity=1, starts_on=school_day(moment) + timedelta(days=20))
    reserving.hold(soon, factories.trainee(), now=moment)
    page = client.get(joining(soon))
    assert "At most 20 days." in text(page)
    assert b'max="20"' not in page.content
