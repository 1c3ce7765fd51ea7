"""What a visitor and a trainee see, and what each button does, without JavaScript."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments import paying
from booking.payments.discounts import using
from booking.payments.models import Payment, Purpose
from booking.reservations import reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.pages import text
from tests.reservations import paid_seats
from tests.reservations.paid_seats import cohort_in
from workshops.clock import (
    SCHOOL_ZONE,
    end_of_school_day,
    hours_in_words,
    moment_for,
    range_in_words,
    school_day,
    with_weekday,
)
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.people.models import Role, User
from workshops.programme.models import ConductText, Module, PolicyTerm

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def cohort(moment: datetime) -> Cohort:
    """A cohort that can be booked now."""
    return factories.cohort(now=moment, capacity=3)


@pytest.fixture
def trainee(client: Client) -> User:
    """A signed-in trainee who qualifies."""
    user = factories.trainee(name="Anna")
    client.force_login(user)
    return user


def held(cohort: Cohort, trainee: User, moment: datetime) -> Reservation:
    return reserving.hold(cohort, trainee, now=moment)


# -- the year and a cohort ---------------------------------------------------------------------------------------------
def test_a_visitor_sees_the_year_with_places_and_price(client: Client, cohort: Cohort) -> None:
    page = text(client.get("/"))
    assert "3 places left of 3" in page
    assert "$2,099" in page


def test_drafts_are_nobodys_business(client: Client, moment: datetime) -> None:
    draft = factories.cohort(now=moment, status=CohortStatus.DRAFT)
    assert draft.title not in text(client.get("/"))
    assert client.get(draft.get_absolute_url()).status_code == 404


def test_the_year_takes_the_same_number_of_statements_for_one_cohort_and_for_three(
    client: Client, moment: datetime, django_assert_num_queries: object
) -> None:
    factories.cohort(now=moment)
    with django_assert_num_queries(4):  # type: ignore[operator]
        client.get("/")
    factories.cohort(now=moment)
    factories.cohort(now=moment)
    with django_assert_num_queries(4):  # type: ignore[operator]
        client.get("/")


def test_a_seat_whose_hold_ran_out_is_shown_as_free(client: Client, moment: datetime) -> None:
    cohort = factories.cohort(now=moment, capacity=1)
    held(cohort, factories.trainee(), moment - timedelta(hours=2))
    assert "1 place left of 1" in text(client.get(cohort.get_absolute_url()))


def test_no_page_for_visitors_names_a_person(client: Client, moment: datetime) -> None:
    instructor = factories.person(Role.INSTRUCTOR, name="Marked Instructor")
    cohort = factories.cohort(now=moment, instructors=(instructor,))
    held(cohort, factories.trainee(name="Marked Trainee"), moment)
    pages = [text(client.get(path)) for path in ("/", cohort.get_absolute_url(), "/calendar/cohorts.ics")]
    assert ["Marked" in page for page in pages] == [False, False, False]


# -- where you stand ---------------------------------------------------------------------------------------------------
def test_someone_who_qualifies_is_told_so(client: Client, trainee: User) -> None:
    assert "You meet everything Module IV asks for." in text(client.get("/where-you-stand/"))


def test_someone_who_lacks_something_is_told_what_and_who_can_mend_it(client: Client) -> None:
    client.force_login(factories.trainee(lacking="on-set-days"))
    page = text(client.get("/where-you-stand/"))
    assert "One thing is still missing" in page
    assert "7 of 10 days accepted, 3 to go." in page


# -- reserving ---------------------------------------------------------------------------------------------------------
def reserve(client: Client, cohort: Cohort, **fields: object):  # type: ignore[no-untyped-def]
    given = {"accept_conduct": "on", "conduct_version": 1, **fields}
    return client.post(f"{cohort.get_absolute_url()}reserve/", {k: v for k, v in given.items() if v is not None})


def test_reserving_holds_a_seat_and_goes_on_to_the_deposit(client: Client, cohort: Cohort, trainee: User) -> None:
    answer = reserve(client, cohort)
    made = Reservation.objects.get()
    assert (made.trainee, made.state, answer.headers["Location"]) == (
        trainee,
        State.HELD,
        f"/reservations/{made.public_id}/pay/",
    )


def test_the_conduct_text_must_be_agreed_to(client: Client, cohort: Cohort, trainee: User) -> None:
    answer = reserve(client, cohort, accept_conduct=None)
    assert (answer.status_code, Reservation.objects.count()) == (422, 0)
    assert "agree to it before you reserve" in text(answer)


def test_a_conduct_text_that_changed_meanwhile_is_shown_again(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    ConductText.objects.create(version=2, body="A newer text", published_at=moment)
    answer = reserve(client, cohort, conduct_version=1)
    assert Reservation.objects.count() == 0
    assert "A newer text" in text(answer)


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40])
def test_a_hostile_version_is_refused_in_words(client: Client, cohort: Cohort, trainee: User, version: str) -> None:
    answer = reserve(client, cohort, conduct_version=version)
    assert answer.status_code in {200, 422}
    assert Reservation.objects.count() == 0


def test_someone_who_lacks_module_iii_cannot_reserve_by_posting_the_form(client: Client, cohort: Cohort) -> None:
    client.force_login(factories.trainee(lacking="module-iii"))
    answer = reserve(client, cohort)
    assert (answer.status_code, Reservation.objects.count()) == (409, 0)
    assert "Module III is not on your record." in text(answer)


def test_a_full_cohort_is_refused_without_blame(client: Client, trainee: User, moment: datetime) -> None:
    full = factories.cohort(now=moment, capacity=1)
    held(full, factories.trainee(), moment)
    answer = reserve(client, full)
    assert answer.status_code == 409
    assert "The last seat has just gone" in text(answer)


def test_pressing_twice_makes_one_reservation_and_shows_it(client: Client, cohort: Cohort, trainee: User) -> None:
    reserve(client, cohort)
    answer = reserve(client, cohort)
    assert (answer.status_code, Reservation.objects.count()) == (409, 1)
    assert "You have a seat already" in text(answer)


def test_a_closed_cohort_is_refused(client: Client, trainee: User, moment: datetime) -> None:
    closed = factories.cohort(now=moment, status=CohortStatus.CLOSED)
    answer = reserve(client, closed)
    assert (answer.status_code, Reservation.objects.count()) == (409, 0)


def test_a_seat_that_is_paid_for_already_skips_the_deposit(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    from workshops.prerequisites.recording import entitle

    entitle(trainee, Module.objects.get(code="module-iv"), "Package", by=None, now=moment)
    answer = reserve(client, cohort)
    made = Reservation.objects.get()
    assert (made.state, answer.headers["Location"]) == (State.CONFIRMED, f"/reservations/{made.public_id}/")


# -- paying ------------------------------------------------------------------------------------------------------------
def test_paying_by_sandbox_reserves(client: Client, cohort: Cohort, trainee: User, moment: datetime) -> None:
    made = held(cohort, trainee, moment)
    answer = client.post(f"/reservations/{made.public_id}/pay/", {"purpose": "deposit", "gateway": "sandbox"})
    made.refresh_from_db()
    assert (made.state, answer.headers["Location"]) == (State.RESERVED, f"/reservations/{made.public_id}/")
    page = text(client.get(f"/reservations/{made.public_id}/"))
    assert "The balance of $1,599 is due by" in page


def test_the_terms_stand_in_one_place_before_paying(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    made = held(cohort, trainee, moment)
    page = text(client.get(f"/reservations/{made.public_id}/pay/"))
    for words in ("Deposit", "$500", "$1,599", "$2,099", "What comes back if you cancel"):
        assert words in page


def test_a_seat_that_costs_nothing_promises_no_money_back_and_shows_the_price_it_was(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    held = reserving.hold(cohort, trainee, now=moment)
    code = factories.discount(now=moment, percent=100).code
    assert code is not None
    using.use(held, code, now=moment, by=held.trainee)
    page = text(client.get(held.get_absolute_url()))
    assert "Price $2,099" in page
    assert "$2,099 off" in page
    for untrue in ("everything you have paid", "Everything you have paid", "the deposit stays", "The deposit stays"):
        assert untrue not in page


def test_choosing_a_transfer_shows_where_to_send_it(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    made = held(cohort, trainee, moment)
    client.post(f"/reservations/{made.public_id}/pay/", {"purpose": "deposit", "gateway": "offline"})
    page = text(client.get(f"/reservations/{made.public_id}/"))
    assert "Your transfer is expected" in page
    assert made.public_id[:8].upper() in page


@pytest.mark.parametrize(
    "given",
    [{}, {"purpose": "deposit"}, {"purpose": "deposit", "gateway": "gold"}, {"purpose": "\x00", "gateway": "sandbox"}],
)
def test_a_payment_that_cannot_be_read_is_refused_in_words(
    client: Client, cohort: Cohort, trainee: User, moment: datetime, given: dict[str, str]
) -> None:
    made = held(cohort, trainee, moment)
    answer = client.post(f"/reservations/{made.public_id}/pay/", given)
    assert (answer.status_code, Payment.objects.count()) == (422, 0)


def test_paying_for_a_hold_that_ran_out_leads_back_with_words(client: Client, cohort: Cohort, trainee: User) -> None:
    made = held(cohort, trainee, now() - timedelta(hours=2))
    answer = client.post(
        f"/reservations/{made.public_id}/pay/", {"purpose": "deposit", "gateway": "sandbox"}, follow=True
    )
    assert "The hold has run out" in text(answer)
    assert Payment.objects.count() == 0


# -- one's own reservation ---------------------------------------------------------------------------------------------
def test_anyone_elses_reservation_does_not_exist(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    theirs = held(cohort, factories.trainee(), moment)
    paths = [f"/reservations/{theirs.public_id}/{page}" for page in ("", "pay/", "cancel/")]
    unknown = [f"/reservations/{'x' * 20}/{page}" for page in ("", "pay/", "cancel/")]
    answers = [text(client.get(path)) for path in paths + unknown]
    assert len(set(answers)) == 1
    assert [client.post(path).status_code for path in paths] == [405, 404, 404]
    theirs.refresh_from_db()
    assert theirs.state == State.HELD


def test_giving_back_a_hold_frees_the_seat(client: Client, cohort: Cohort, trainee: User, moment: datetime) -> None:
    made = held(cohort, trainee, moment)
    client.post(f"/reservations/{made.public_id}/cancel/", {"reason": "Work came up", "expected_cents": 0})
    made.refresh_from_db()
    assert (made.state, cohort.seats.filter(status="free").count()) == (State.CANCELLED, 3)


def test_a_get_never_gives_a_seat_back(client: Client, cohort: Cohort, trainee: User, moment: datetime) -> None:
    made = held(cohort, trainee, moment)
    client.get(f"/reservations/{made.public_id}/cancel/")
    made.refresh_from_db()
    assert made.state == State.HELD


def test_the_story_is_told_in_words_and_never_names_the_registrar(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    registrar = factories.person(Role.REGISTRAR, name="Marked Registrar")
    made = held(cohort, trainee, moment)
    paying.record_transfer(made, "deposit", reference="W-1", by=registrar, now=moment)  # type: ignore[arg-type]
    page = text(client.get(f"/reservations/{made.public_id}/"))
    assert "Seat 1 reserved, by the school" in page
    assert "$500 received, by the school" in page
    assert "Marked" not in page


def test_the_list_of_reservations_takes_the_same_statements_for_one_and_three(
    client: Client, trainee: User, moment: datetime, django_assert_max_num_queries: object
) -> None:
    PolicyTerm.objects.create(code="one_active_seat", value=False)
    for _ in range(3):
        reserving.hold(factories.cohort(now=moment), trainee, now=moment)
        with django_assert_max_num_queries(9):  # type: ignore[operator]
            assert client.get("/reservations/").status_code == 200


def test_the_conduct_text_that_was_accepted_can_be_read_for_ever(client: Client, moment: datetime) -> None:
    ConductText.objects.create(version=2, body="A newer text", published_at=moment)
    assert "This is the one that earlier reservations agreed to." in text(client.get("/conduct/1/"))
    assert client.get("/conduct/3/").status_code == 404


def test_an_expired_hold_offers_another_try_only_while_there_is_a_seat(
    client: Client, trainee: User, moment: datetime
) -> None:
    small = factories.cohort(now=moment, capacity=1)
    made = held(small, trainee, moment - timedelta(hours=2))
    assert "Try again" in text(client.get(f"/reservations/{made.public_id}/"))
    held(small, factories.trainee(), moment)
    assert "Try again" not in text(client.get(f"/reservations/{made.public_id}/"))


def test_late_money_that_goes_back_is_said_first(client: Client, trainee: User, moment: datetime) -> None:
    small = factories.cohort(now=moment, capacity=1)
    made = held(small, trainee, moment - timedelta(hours=2))
    held(small, factories.trainee(), moment)
    made.refresh_from_db()
    registrar = factories.person(Role.REGISTRAR)
    paying.record_transfer(made, Purpose.DEPOSIT, reference="W-1", by=registrar, now=moment)
    assert "so all of it goes back to you" in text(client.get(f"/reservations/{made.public_id}/"))


# -- cohorts that take nobody ------------------------------------------------------------------------------------------
def test_a_cohort_whose_bookings_are_closed_counts_no_places(client: Client, moment: datetime) -> None:
    closed = factories.cohort(now=moment, status=CohortStatus.CLOSED)
    for page in (text(client.get("/")), text(client.get(closed.get_absolute_url()))):
        assert "Bookings closed" in page
        assert "left of" not in page


def test_a_cancelled_cohort_sells_nothing(client: Client, cohort: Cohort, moment: datetime) -> None:
    cancelled = factories.cohort(now=moment, status=CohortStatus.CANCELLED)
    year = text(client.get("/"))
    assert year.count("$2,099") == 1
    assert f"What does not take place {range_in_words(cancelled.starts_on, cancelled.ends_on)} , " in year
    page = text(client.get(cancelled.get_absolute_url()))
    assert "This cohort does not take place." in page
    for words in ("What you pay", "If plans change", "$", "What it takes", "in your calendar"):
        assert words not in page
    assert "What does not take place" not in text(client.get(cohort.get_absolute_url()))


# -- what must not be missed -------------------------------------------------------------------------------------------
def test_a_deadline_on_another_day_is_large_with_its_day_and_zone_and_today_with_its_hour(
    client: Client, cohort: Cohort, trainee: User, moment: datetime
) -> None:
    made = held(cohort, trainee, moment)
    later = moment.astimezone(SCHOOL_ZONE) + timedelta(days=2)
    for ends, words in (
        (later, f"until {later:%a} {later.day} {later:%b}, {hours_in_words(later)} {later.tzname()} "),
        (end_of_school_day(school_day(moment)), "until 11:59 pm Seat"),
    ):
        Reservation.objects.filter(pk=made.pk).update(held_until=ends)
        assert words in text(client.get(f"/reservations/{made.public_id}/pay/"))
        assert words.removesuffix(" Seat") in text(client.get(made.get_absolute_url()))


def test_my_reservations_say_until_when_a_seat_is_held_what_is_late_and_until_when_leaving_is_free(
    client: Client, trainee: User, moment: datetime
) -> None:
    PolicyTerm.objects.create(code="one_active_seat", value=False)
    waits = held(cohort_in(120, moment), trainee, moment)
    paid_seats.reserve(cohort_in(25, moment), trainee, moment)
    free = paid_seats.reserve(cohort_in(150, moment), trainee, moment)
    until = moment + timedelta(days=3)
    Reservation.objects.filter(pk=free.pk).update(may_leave_until=until, provisional_until=school_day(until))
    shown = text(client.get("/reservations/"))
    assert waits.held_until
    for words in (
        f"Held until {moment_for(waits.held_until, '')}.",
        "Overdue",
        f"$1,599 was due by {with_weekday(school_day(moment) - timedelta(days=5))}.",
        f"leaving or moving is free until {moment_for(until, '')}",
        f"Provisional until {with_weekday(school_day(until))}",
    ):
        assert words in shown


def test_a_provisional_seat_says_what_can_be_lost_before_anything_is_paid(client: Client, moment: datetime) -> None:
    PolicyTerm.objects.create(code="provisional_days", value=45)
    PolicyTerm.objects.create(code="rest_refundable_days", value=30)
    bea = factories.trainee(lacking="module-iii")
    client.force_login(bea)
    made = held(cohort_in(120, moment), bea, moment)
    assert made.provisional_until
    for page in ("", "pay/"):
        shown = text(client.get(f"/reservations/{made.public_id}/{page}"))
        assert "provisional" in shown
        assert f"by the end of {with_weekday(made.provisional_until)} in Los Angeles" in shown
        assert "What comes back then: nothing of $500 paid, or $1,599 of $2,099 paid." in shown
