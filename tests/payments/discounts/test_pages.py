"""A trainee's page for a code, what the pages before and after it say, and the same for programs."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments import paying
from booking.payments.discounts import using
from booking.payments.discounts.models import DiscountKind, Redemption
from booking.payments.models import Purpose
from booking.reservations import cancelling, waiting
from booking.reservations.models import Reservation, State
from tests import factories
from tests.asking import Program, StoppedClock
from tests.pages import text
from workshops.people.models import Scope, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def anna(client: Client) -> User:
    """A signed-in trainee who qualifies."""
    user = factories.trainee(name="Anna")
    client.force_login(user)
    return user


@pytest.fixture
def held(anna: User, moment: datetime) -> Reservation:
    """A seat that Anna holds."""
    return factories.reservation(trainee=anna, now=moment)


def page_of(reservation: Reservation) -> str:
    return f"/reservations/{reservation.public_id}/discount/"


def test_a_code_is_used_and_the_deposit_comes_next(client: Client, held: Reservation, moment: datetime) -> None:
    code = factories.discount(now=moment).code or ""
    assert f'href="{page_of(held)}"' in client.get(f"/reservations/{held.public_id}/pay/").content.decode()
    assert "Your code" in text(client.get(page_of(held)))
    answer = client.post(page_of(held), {"code": f" {code.lower()} "}, follow=True)
    assert answer.redirect_chain == [(f"/reservations/{held.public_id}/pay/", 302)]
    page = text(answer)
    assert "$500 is taken off. Your seat costs $1,599." in page
    assert "Voucher: $500 is off already." in page
    assert "$500 off" in text(client.get(f"/reservations/{held.public_id}/"))


def test_a_seat_that_costs_nothing_with_it_needs_no_deposit(
    client: Client, held: Reservation, moment: datetime
) -> None:
    code = factories.discount(now=moment, percent=100).code
    answer = client.post(page_of(held), {"code": code}, follow=True)
    assert answer.redirect_chain == [(f"/reservations/{held.public_id}/", 302)]
    page = text(answer)
    assert "$2,099 is taken off. The seat is yours, and no deposit is due." in page
    assert "Everything is paid." in page


def test_a_code_that_is_not_known_is_refused_and_stays_typed(client: Client, held: Reservation) -> None:
    answer = client.post(page_of(held), {"code": "nothing-here"})
    assert answer.status_code == 422
    assert "We do not know this code." in text(answer)
    assert 'value="nothing-here"' in answer.content.decode()
    assert client.post(page_of(held), {"code": ""}).status_code == 422


def test_what_stands_against_any_code_is_a_conflict(client: Client, held: Reservation, moment: datetime) -> None:
    codes = [factories.discount(now=moment).code for _ in range(3)]
    client.post(page_of(held), {"code": codes[0]})
    again = client.post(page_of(held), {"code": codes[1]})
    assert (again.status_code, "Remove that one first" in text(again)) == (409, True)
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=moment)
    paid = client.post(page_of(held), {"code": codes[2]})
    assert (paid.status_code, "Something has been paid" in text(paid)) == (409, True)
    assert client.get(page_of(held)).headers["Location"] == f"/reservations/{held.public_id}/"


def test_a_discount_is_removed_by_its_button(client: Client, held: Reservation, moment: datetime) -> None:
    client.post(page_of(held), {"code": factories.discount(now=moment).code})
    assert "Remove the discount" in text(client.get(page_of(held)))
    answer = client.post(f"{page_of(held)}remove/", follow=True)
    assert "The discount is removed, and the seat costs what it did before." in text(answer)
    assert not Redemption.objects.exists()
    again = client.post(f"{page_of(held)}remove/")
    assert (again.status_code, "There is no discount on this seat any more." in text(again)) == (409, True)


def test_a_scholarship_that_came_after_the_hold_waits_behind_a_button(
    client: Client, held: Reservation, moment: datetime
) -> None:
    refused = client.post(f"{page_of(held)}own/")
    assert (refused.status_code, "It cannot be used here any more." in text(refused)) == (409, True)
    factories.discount(now=moment, person=held.trainee, kind=DiscountKind.SCHOLARSHIP)
    assert "Scholarship: $500 off" in text(client.get(page_of(held)))
    assert "Your seat costs $1,599." in text(client.post(f"{page_of(held)}own/", follow=True))


def test_the_eleventh_code_within_an_hour_waits(client: Client, held: Reservation, moment: datetime) -> None:
    right = factories.discount(now=moment).code
    for number in range(10):
        assert client.post(page_of(held), {"code": f"GUESS-{number}"}).status_code == 422
    slower = client.post(page_of(held), {"code": right})
    assert (slower.status_code, "You have tried 10 codes within an hour." in text(slower)) == (429, True)
    assert not Redemption.objects.exists()
    other = factories.reservation(now=moment)
    client.force_login(other.trainee)
    assert client.post(page_of(other), {"code": right}).status_code == 302


def test_somebody_elses_seat_is_not_there(client: Client, anna: User, moment: datetime) -> None:
    other = factories.reservation(now=moment)
    for path in (page_of(other), f"{page_of(other)}own/", f"{page_of(other)}remove/"):
        assert client.post(path, {"code": "CODE-1"}).status_code == 404


def test_the_page_before_reserving_says_what_the_scholarship_takes_off(
    client: Client, anna: User, moment: datetime
) -> None:
    cohort = factories.cohort(now=moment)
    path = f"/cohorts/{cohort.code}/reserve/"
    assert "Scholarship" not in text(client.get(path))
    factories.discount(now=moment, person=anna, kind=DiscountKind.SCHOLARSHIP)
    page = text(client.get(path))
    assert "Scholarship" in page
    assert "$500 off" in page
    assert "off the price of $2,099" in page
    assert "$1,599" in page


def test_the_page_of_an_offer_says_what_it_comes_to(client: Client, anna: User, moment: datetime) -> None:
    cohort = factories.cohort(now=moment, capacity=1)
    first = factories.reservation(cohort=cohort, now=moment)
    entry, _ = waiting.join(cohort, anna, now=moment)
    cancelling.cancel(first, now=moment, by=first.trainee)
    factories.discount(now=moment, person=anna, kind=DiscountKind.SCHOLARSHIP, percent=90)
    page = text(client.get(f"/line/{entry.public_id}/"))
    assert "$1,889.10 off" in page
    assert "your deposit of $209.90" in page


# -- programs ----------------------------------------------------------------------------------------------------------
def test_a_program_uses_a_code_and_reads_why_another_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    StoppedClock(monkeypatch)
    held = factories.reservation()
    path, program = f"/reservations/{held.public_id}/discount", Program.of(held.trainee, Scope.BOOK)
    unknown = program.post(path, {"code": "NOTHING-1"})
    assert unknown.problem == (409, "discount-refused")
    assert unknown.json["detail"].startswith("We do not know this code.")
    used = program.post(path, {"code": (factories.discount().code or "").lower()})
    assert (used.status, used.json["price"], used.json["state"]) == (
        200,
        {"amount": 159_900, "currency": "USD"},
        "held",
    )
    assert program.post(path, {"code": "NOTHING-2"}).json["detail"].startswith("This seat has a discount already")
    strangers = Program.of(factories.trainee(), Scope.BOOK)
    assert strangers.post(path, {"code": "NOTHING-1"}).status == 404
    for number in range(7):
        assert program.post(path, {"code": f"GUESS-{number}"}).status == 409
    assert program.post(path, {"code": "GUESS-8"}).problem == (429, "slow-down")


def test_a_hold_that_ran_out_takes_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    held, clock = factories.reservation(), StoppedClock(monkeypatch)
    clock.move(hours=2)
    refused = Program.of(held.trainee, Scope.BOOK).post(
        f"/reservations/{held.public_id}/discount", {"code": factories.discount().code}
    )
    assert refused.json["detail"].endswith("It is not held now.")
    assert using.redemption_of(held) is None
    assert held.state_at(factories.NOW + timedelta(hours=2)) == State.EXPIRED
