"""What a registrar needs to see and say when people move on: the story before, the money's days, and reasons."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments import ledger, paying
from booking.payments.models import Purpose, Refund
from booking.reservations import calling_off, cancelling, moving, waiting
from booking.reservations.models import Reservation
from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.certainty import decided_by
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.cohorts.planning import make_certain, set_cohort_terms
from workshops.conversations.writing import write
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.people.roles import grant
from workshops.programme.terms import Terms

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
ASKED = "They asked by telephone."


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def anna() -> User:
    """A trainee who meets every prerequisite."""
    return factories.trainee(name="Anna")


def cohort_in(moment: datetime, days: int, **given: Any) -> Cohort:
    return factories.cohort(now=moment, starts_on=school_day(moment) + timedelta(days=days), **given)


def path(reservation: Reservation, form: str = "") -> str:
    return f"/desk/reservations/{reservation.public_id}/" + (f"{form}/" if form else "")


def paid(cohort: Cohort, trainee: User, moment: datetime, purpose: Purpose = Purpose.FULL) -> Reservation:
    made = factories.reservation(cohort=cohort, trainee=trainee, now=moment)
    paying.begin(made, purpose, "sandbox", by=trainee, now=moment)
    made.refresh_from_db()
    return made


def wrote(about: Reservation, author: User, words: str, moment: datetime) -> None:
    key = ("reservation", about.public_id)
    write(key, person=about.trainee, author=author, words=words, title="About it", link="https://x.test/", now=moment)


# -- the story goes on -------------------------------------------------------------------------------------------------
def test_what_happened_before_a_move_stands_in_the_story_marked_with_its_cohort(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    spring, summer = cohort_in(moment, 120, title="Spring"), cohort_in(moment, 180, title="Summer")
    old = paid(spring, anna, moment, Purpose.DEPOSIT)
    new = moving.move(old, summer, now=moment, by=robin, why=ASKED)
    page = text(desk.get(path(new)))
    assert "Spring: Seat 1 held" in page
    assert "Spring: $500 received" in page
    assert f"Moved here from Spring, seat {new.seat_number}: {ASKED} (you)" in page
    assert "Spring: Moved here" not in page
    assert "Moved here" not in text(desk.get(path(old)))


def test_what_was_written_before_a_move_stands_in_the_conversation_marked_with_its_cohort(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    old = paid(cohort_in(moment, 120, title="Spring"), anna, moment)
    wrote(old, anna, "May I bring my dog?", moment)
    wrote(old, robin, "Of course.", moment)
    new = moving.move(old, cohort_in(moment, 180, title="Summer"), now=moment + timedelta(minutes=1), by=anna)
    page = text(desk.get(path(new)))
    assert page.index("Conversation with Anna") < page.index("May I bring my dog?") < page.index("Of course.")
    assert "about Spring" in page
    books = text(browser(Role.BOOKKEEPER).get(path(new)))
    assert ("May I bring my dog?" in books, "Moved here" in books) == (False, False)


def test_the_page_takes_as_many_statements_after_two_moves_with_much_to_read_as_after_two(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    cohorts = [cohort_in(moment, days) for days in (120, 180, 240)]
    first = paid(cohorts[0], anna, moment)
    second = moving.move(first, cohorts[1], now=moment, by=robin, why=ASKED)
    third = moving.move(second, cohorts[2], now=moment, by=robin, why=ASKED)
    wrote(first, anna, "Hello?", moment)
    few = statements(desk, path(third))
    for about in (first, second):
        for number in range(5):
            wrote(about, anna, f"Hello, {number}?", moment)
    assert statements(desk, path(third)) == few


def test_the_way_back_leads_registrars_to_the_cohort_and_the_bookkeeper_to_what_is_owed(
    desk: Client, anna: User, moment: datetime
) -> None:
    own = paid(cohort_in(moment, 120), anna, moment)
    back = f'<a class="back" href="/desk/cohorts/{own.cohort.code}/#reservations">'
    assert back in desk.get(path(own)).content.decode()
    books = browser(Role.BOOKKEEPER).get(path(own)).content.decode()
    assert '<a class="back" href="/desk/money/">' in books
    assert f"/desk/cohorts/{own.cohort.code}/" not in books


# -- what would come back ----------------------------------------------------------------------------------------------
def test_a_move_shows_what_would_come_back_before_and_after(desk: Client, anna: User, moment: datetime) -> None:
    """Near days give up what far ones let go, and the other way round."""
    own = paid(cohort_in(moment, 120), anna, moment)
    near = cohort_in(moment, 45)
    page = text(desk.get(path(own, "move"), {"to": near.code}))
    assert "Comes back, if they cancel today $2,099 as it is, $1,599 once they have moved" in page
    desk.post(path(own, "move"), {"to": near.code, "why": ASKED})
    new = Reservation.objects.get(moved_from=own)
    assert cancelling.preview(new, moment).cents == 159_900
    page = text(desk.get(path(new, "move"), {"to": cohort_in(moment, 150).code}))
    assert "Comes back, if they cancel today $1,599 as it is, $2,099 once they have moved" in page


def test_a_move_that_changes_nothing_about_refunds_says_so(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(cohort_in(moment, 120), anna, moment)
    page = text(desk.get(path(own, "move"), {"to": cohort_in(moment, 150).code}))
    assert "Comes back, if they cancel today $2,099 as it is, and as much once they have moved" in page


def test_goodwill_is_named_wherever_something_would_stay_with_the_school(
    desk: Client, anna: User, moment: datetime
) -> None:
    near, far = cohort_in(moment, 45), cohort_in(moment, 120)
    own = paid(near, anna, moment)
    assert "gives back $1,599 of $2,099 by the policy, or all of it as the school's goodwill" in text(
        desk.get(path(own))
    )
    assert "All of it: $2,099, as the school's goodwill" in text(desk.get(path(own, "release")))
    other = paid(far, factories.trainee(), moment)
    page = text(desk.get(path(other)))
    assert ("gives back all of the $2,099" in page, "goodwill" in page) == (True, False)


# -- the school cancelled, and they have still to choose ---------------------------------------------------------------
@pytest.fixture
def choosing(robin: User, anna: User, moment: datetime) -> Reservation:
    """Anna, who has paid for a cohort that the school has cancelled."""
    own = paid(cohort_in(moment, 120), anna, moment)
    calling_off.call_off(own.cohort, by=robin, now=moment, why="The stage burned down.")
    own.refresh_from_db()
    return own


def test_the_registrar_sends_the_money_back_before_they_have_chosen(
    desk: Client, robin: User, choosing: Reservation
) -> None:
    assert "Send the money back now" in text(desk.get(path(choosing)))
    answer = desk.post(path(choosing, "money-back"), {}, follow=True)
    assert "They need not choose any more. $2,099 has gone back." in text(answer)
    choosing.refresh_from_db()
    assert (choosing.choose_until, ledger.kept_cents(choosing)) == (None, 0)
    assert (Refund.objects.get().rule, Refund.objects.get().amount_cents) == ("school-cancelled", 209_900)
    line = HistoryLine.objects.get(what="refund-requested")
    assert line.by == robin
    assert "Send the money back now" not in text(desk.get(path(choosing)))


def test_money_that_went_back_or_moved_on_meanwhile_does_not_go_back_again(
    desk: Client, choosing: Reservation, moment: datetime
) -> None:
    cancelling.take_the_money(choosing, now=moment, by=choosing.trainee)
    page = desk.post(path(choosing, "money-back"), {})
    assert (page.status_code, "could not be done. Nothing was changed." in text(page)) == (409, True)
    assert Refund.objects.count() == 1


def test_only_registrars_send_money_back_and_nobody_their_own(moment: datetime, choosing: Reservation) -> None:
    given: dict[str, str] = {}
    for role in (Role.BOOKKEEPER, Role.INSTRUCTOR, Role.TRAINEE, Role.MENTOR):
        assert browser(role).post(path(choosing, "money-back"), given).status_code == 403
    grant(choosing.trainee, Role.REGISTRAR, by=None, now=moment)
    own = Client()
    own.force_login(User.objects.get(pk=choosing.trainee_id))
    assert own.post(path(choosing, "money-back"), given).status_code == 422
    assert "Send the money back now" not in text(own.get(path(choosing)))
    assert not Refund.objects.exists()


# -- giving someone a seat, from the cohort ----------------------------------------------------------------------------
def test_a_cohort_leads_to_the_people_and_on_to_a_form_with_the_cohort_chosen(
    desk: Client, anna: User, moment: datetime
) -> None:
    cohort_in(moment, 60)
    spring = cohort_in(moment, 120, title="Spring")
    link = f'href="/desk/people/?cohort={spring.code}"'
    for place in ("", "seats/"):
        assert link in desk.get(f"/desk/cohorts/{spring.code}/{place}").content.decode()
    people = desk.get("/desk/people/", {"cohort": spring.code})
    assert "Who gets a seat in Spring?" in text(people)
    assert f'href="/desk/people/{anna.public_id}/?cohort={spring.code}#reservations"' in people.content.decode()
    page = desk.get(f"/desk/people/{anna.public_id}/", {"cohort": spring.code})
    assert '<details class="add" id="form-reserve" open>' in page.content.decode()
    assert page.context["page"].forms["reserve"]["cohort"].value() == spring.pk
    assert not Reservation.objects.exists()


def test_the_search_for_a_person_keeps_the_cohort(desk: Client, anna: User, moment: datetime) -> None:
    spring, ben = cohort_in(moment, 120), factories.trainee(name="Ben")
    page = desk.get("/desk/people/", {"cohort": spring.code, "q": "ann"}).content.decode()
    assert f'<input type="hidden" name="cohort" value="{spring.code}">' in page
    assert (anna.public_id in page, ben.public_id in page) == (True, False)


def test_the_form_that_is_open_is_the_one_that_leads_to_a_seat(desk: Client, anna: User, moment: datetime) -> None:
    full = cohort_in(moment, 120, capacity=1)
    paid(full, factories.trainee(), moment)
    kept = cohort_in(moment, 150, capacity=1)
    seats.keep_back(kept.pk, 1, now=moment)
    closed = cohort_in(moment, 180, status=CohortStatus.CLOSED)
    for cohort, form in ((full, "line"), (kept, "place")):
        html = desk.get(f"/desk/people/{anna.public_id}/", {"cohort": cohort.code}).content.decode()
        assert f'<details class="add" id="form-{form}" open>' in html
        assert html.count('<details class="add"') - html.count(" open>") > 0
    page = desk.get(f"/desk/people/{anna.public_id}/", {"cohort": closed.code})
    assert "takes no reservations now and keeps no seat back" in text(page)


@pytest.mark.parametrize("status", [CohortStatus.DRAFT, CohortStatus.CANCELLED])
def test_where_nobody_may_be_seated_the_cohort_does_not_lead_to_the_people(
    desk: Client, anna: User, moment: datetime, status: CohortStatus
) -> None:
    cohort = cohort_in(moment, 120, status=status)
    assert "Give someone a seat" not in text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    for code in (cohort.code, "nobody-knows-it"):
        assert "Who gets a seat" not in text(desk.get("/desk/people/", {"cohort": code}))
        assert desk.get(f"/desk/people/{anna.public_id}/", {"cohort": code}).context["page"].seat_in is None


# -- where someone waits -----------------------------------------------------------------------------------------------
def test_a_persons_page_says_where_they_wait_and_what_is_offered(desk: Client, anna: User, moment: datetime) -> None:
    full = cohort_in(moment, 120, capacity=1, title="Spring")
    seated = paid(full, factories.trainee(), moment)
    waiting.join(full, factories.trainee(lacking="module-iii"), now=moment)
    waiting.join(full, anna, now=moment)
    page = text(desk.get(f"/desk/people/{anna.public_id}/"))
    assert "Where they wait" in page
    assert "In line 2nd since" in page
    cancelling.cancel(seated, now=moment, by=seated.trainee)
    page = text(desk.get(f"/desk/people/{anna.public_id}/"))
    assert "Offered seat 1 until" in page
    assert "In line" not in page.split("Reserve a seat for them")[0].split("Where they wait")[1]


def test_a_persons_history_names_the_cohort_of_each_line(desk: Client, anna: User, moment: datetime) -> None:
    full = cohort_in(moment, 120, capacity=1, title="Spring")
    paid(full, factories.trainee(), moment)
    waiting.join(full, anna, now=moment)
    paid(cohort_in(moment, 180, title="Summer"), anna, moment)
    page = text(desk.get(f"/desk/people/{anna.public_id}/"))
    assert "Spring: Joined the line at place 1" in page
    assert "Summer: Seat 1 held" in page


# -- a minimum enrolment -----------------------------------------------------------------------------------------------
def terms(desk: Client, cohort: Cohort, **given: object) -> Any:
    return desk.post(f"/desk/cohorts/{cohort.code}/terms/", {name: str(value) for name, value in given.items()})


def test_a_minimum_above_the_seats_is_refused(desk: Client, moment: datetime) -> None:
    cohort = cohort_in(moment, 120, capacity=6)
    page = terms(desk, cohort, minimum_enrolment=7)
    assert (page.status_code, "only 6 seats, so it could never run. Choose 6 or fewer" in text(page)) == (422, True)
    assert terms(desk, cohort, minimum_enrolment=6).status_code == 302


def test_a_day_to_decide_that_has_passed_is_refused_with_the_last_that_is_left(desk: Client, moment: datetime) -> None:
    cohort = cohort_in(moment, 20, capacity=6)
    page = text(terms(desk, cohort, minimum_enrolment=4))
    assert "that day has passed. Choose no minimum, or say below" in page
    page = text(terms(desk, cohort, minimum_enrolment=4, decide_by_days=21))
    assert "or say here 20 days or fewer (20 is today)." in page
    assert Cohort.objects.get().terms_changed == {}
    assert terms(desk, cohort, minimum_enrolment=4, decide_by_days=20).status_code == 302
    assert decided_by(cohort.starts_on, Cohort.objects.get().terms(Terms())) == school_day(moment)


def test_a_minimum_that_stood_before_or_is_settled_is_in_nobodys_way(
    desk: Client, robin: User, moment: datetime
) -> None:
    late, certain = cohort_in(moment, 20), cohort_in(moment, 25)
    set_cohort_terms(late, {"minimum_enrolment": 4}, by=robin, now=moment)
    assert terms(desk, late, minimum_enrolment=4, hold_minutes=45).status_code == 302
    set_cohort_terms(certain, {"minimum_enrolment": 4}, by=robin, now=moment)
    make_certain(certain, by=robin, now=moment, why="It runs.")
    assert terms(desk, certain, minimum_enrolment=5).status_code == 302


def test_whoever_has_a_seat_that_runs_whatever_comes_is_named_before_a_minimum_is_set(
    desk: Client, anna: User, moment: datetime
) -> None:
    own = paid(cohort_in(moment, 120), anna, moment)
    address = f"/desk/cohorts/{own.cohort.code}/terms/"
    assert "1 person has a seat that runs whatever comes." in text(desk.get(address))
    terms(desk, own.cohort, minimum_enrolment=4)
    assert "that runs whatever comes" not in text(desk.get(address))


# -- a cohort that ends ------------------------------------------------------------------------------------------------
def test_closing_names_open_offers_and_the_line_first(desk: Client, anna: User, moment: datetime) -> None:
    full = cohort_in(moment, 120, capacity=1)
    address = f"/desk/cohorts/{full.code}/"
    assert "No offer is open, and nobody waits in line." in text(desk.get(address))
    seated = paid(full, factories.trainee(), moment)
    for person in (anna, factories.trainee()):
        waiting.join(full, person, now=moment)
    cancelling.cancel(seated, now=moment, by=seated.trainee)
    page = text(desk.get(address))
    assert "1 open offer stands: whoever has it may still say yes until it ends." in page
    assert "1 person waits in line and keeps their place, but nobody is offered a seat while bookings" in page
    assert desk.post(f"{address}close/").status_code == 302
    full.refresh_from_db()
    assert full.status == CohortStatus.CLOSED


def test_a_cancelled_cohort_is_not_called_certain_and_its_terms_are_not_offered(
    desk: Client, robin: User, moment: datetime
) -> None:
    cohort = cohort_in(moment, 120)
    set_cohort_terms(cohort, {"minimum_enrolment": 4}, by=robin, now=moment)
    make_certain(cohort, by=robin, now=moment, why="It runs.")
    assert "Certain to run since" in text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    calling_off.call_off(Cohort.objects.get(), by=robin, now=moment, why="The stage burned down.")
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/"))
    assert ("Certain to run since" in page, "Let some differ here" in page) == (False, False)


def test_whoever_moved_on_is_not_marked_like_someone_who_cancelled(
    desk: Client, robin: User, anna: User, moment: datetime
) -> None:
    own = paid(cohort_in(moment, 120), anna, moment)
    moving.move(own, cohort_in(moment, 180), now=moment, by=robin, why=ASKED)
    html = desk.get(f"/desk/cohorts/{own.cohort.code}/").content.decode()
    assert '<span class="pill ">Moved to another cohort</span>' in html


@pytest.mark.parametrize("page", ["", "edit/", "instructors/", "seats/", "terms/", "line/", "cancel/"])
def test_every_page_of_a_cohort_has_the_desks_tabs(desk: Client, moment: datetime, page: str) -> None:
    cohort = cohort_in(moment, 120)
    html = desk.get(f"/desk/cohorts/{cohort.code}/{page}").content.decode()
    assert '<a href="/desk/" aria-current="page">Cohorts</a>' in html


def test_whom_to_swap_with_is_named_with_their_cohort(desk: Client, anna: User, moment: datetime) -> None:
    own = paid(cohort_in(moment, 120), anna, moment)
    paid(cohort_in(moment, 180, title="Summer"), factories.trainee(name="Ben"), moment)
    assert "Ben, seat 1 of Summer, confirmed" in text(desk.get(path(own, "swap")))


def test_cancelling_and_moving_name_those_who_teach(desk: Client, moment: datetime) -> None:
    amara = factories.person(Role.INSTRUCTOR, name="Amara")
    cohort = cohort_in(moment, 120, instructors=(amara,))
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/cancel/"))
    assert "Who teaches it Amara" in page
    assert "Cancel the cohort and tell 1 person" in page


def test_a_registrar_who_teaches_it_is_not_counted_among_those_who_are_told(
    desk: Client, robin: User, moment: datetime
) -> None:
    grant(robin, Role.INSTRUCTOR, by=None, now=moment)
    cohort = cohort_in(moment, 120, instructors=(robin,))
    page = text(desk.get(f"/desk/cohorts/{cohort.code}/cancel/"))
    assert ("Who teaches it Robin" in page, "and tell" in page) == (True, False)
