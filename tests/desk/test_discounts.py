"""The registrar's pages about vouchers and scholarships, and what the bookkeeper reads of them."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments.discounts import using
from booking.payments.discounts.models import Discount, DiscountKind
from tests import factories
from tests.desk.doors import browser, statements
from tests.pages import text
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

LIST, NEW = "/desk/discounts/", "/desk/discounts/new/"


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


def typed(moment: datetime, **given: str) -> dict[str, str]:
    """A voucher of $500 as the form sends it."""
    today = school_day(moment)
    return {
        "kind": "voucher",
        "amount": "500",
        "percent": "",
        "whose": "code",
        "code": "spring-27",
        "limit": "3",
        "email": "",
        "cohort": "",
        "valid_from": today.isoformat(),
        "valid_until": today.isoformat(),
        "reason": "For the spring fair.",
        **given,
    }


def test_a_voucher_is_made_listed_and_ended_and_each_leaves_a_line(desk: Client, moment: datetime) -> None:
    answer = desk.post(NEW, typed(moment), follow=True)
    made = Discount.objects.get()
    assert answer.redirect_chain == [(f"{LIST}{made.public_id}/", 302)]
    assert (made.code, made.amount_cents, made.limit, made.reason) == ("SPRING-27", 50_000, 3, "For the spring fair.")
    assert "The code is SPRING-27." in text(answer)
    assert "3 of 3" in text(desk.get(LIST))
    end = f"{LIST}{made.public_id}/end/"
    assert desk.post(end, {"why": ""}).status_code == 422
    assert "It has ended." in text(desk.post(end, {"why": "The fair is over."}, follow=True))
    assert "It had ended before." in text(desk.post(end, {"why": "Once more."}, follow=True))
    lines = HistoryLine.objects.filter(about_kind="discount", about_id=made.public_id)
    assert [(line.what, line.why) for line in lines.order_by("pk")] == [
        ("discount-made", "For the spring fair."),
        ("discount-ended", "The fair is over."),
    ]
    page = text(desk.get(f"{LIST}{made.public_id}/"))
    assert "Discount made: $500 off" in page
    assert "Ended" in text(desk.get(LIST))


def test_a_scholarship_is_for_one_person_once(desk: Client, moment: datetime) -> None:
    anna = factories.trainee(name="Anna")
    asked = typed(moment, kind="scholarship", whose="person", email=anna.email.upper(), amount="", percent="25")
    assert desk.post(NEW, asked).status_code == 302
    made = Discount.objects.get()
    assert (made.code, made.person, made.percent, made.limit) == (None, anna, 25, 1)
    assert "Anna" in text(desk.get(LIST))
    assert HistoryLine.objects.get(what="discount-made").person == anna


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"amount": "", "percent": ""}, "Give an amount or a percentage"),
        ({"percent": "10"}, "Give an amount or a percentage"),
        ({"amount": "", "percent": "101"}, "less than or equal to 100"),
        ({"amount": "0"}, "greater than or equal to 0.01"),
        ({"code": "abc12"}, "at least six"),
        ({"code": "spring_27"}, "letters, digits and hyphens"),
        ({"code": "-SPRING"}, "letters, digits and hyphens"),
        ({"code": ""}, "letters, digits and hyphens"),
        ({"limit": "0"}, "greater than or equal to 1"),
        ({"whose": "person"}, "Say whose it is"),
        ({"whose": "person", "email": "nobody@example.org"}, "Nobody has an account"),
        ({"valid_until": "2020-01-01"}, "is over"),
        ({"valid_from": "2100-01-01"}, "before the first day"),
        ({"reason": " "}, "required"),
    ],
)
def test_what_makes_no_sense_is_refused_and_stays_typed(
    desk: Client, moment: datetime, given: dict[str, str], words: str
) -> None:
    answer = desk.post(NEW, typed(moment, **given))
    assert (answer.status_code, words in text(answer)) == (422, True), text(answer)
    assert not Discount.objects.exists()


def test_a_code_is_there_once_even_after_it_has_ended(desk: Client, moment: datetime) -> None:
    desk.post(NEW, typed(moment))
    Discount.objects.update(ended_at=moment)
    again = desk.post(NEW, typed(moment))
    assert (again.status_code, "There is a discount with this code already" in text(again)) == (422, True)


def test_a_code_is_suggested_and_is_another_each_time(desk: Client) -> None:
    codes = {desk.get(NEW).context["form"]["code"].value() for _ in range(5)}
    assert len(codes) == 5
    assert {len(code) for code in codes} == {9}


def test_nobody_gives_themselves_a_scholarship_or_ends_their_own(robin: User, desk: Client, moment: datetime) -> None:
    own = desk.post(NEW, typed(moment, whose="person", email=robin.email))
    assert (own.status_code, "Ask another registrar" in text(own)) == (422, True)
    assert not Discount.objects.exists()
    given = factories.discount(person=robin, now=moment)
    assert "another registrar decides" in text(desk.get(f"{LIST}{given.public_id}/"))
    ended = desk.post(f"{LIST}{given.public_id}/end/", {"why": "I will not need it."})
    assert (ended.status_code, "Ask another registrar" in text(ended)) == (422, True)
    assert Discount.objects.get().ended_at is None


def test_registrars_read_who_has_used_it_and_the_bookkeeper_reads_no_name(desk: Client, moment: datetime) -> None:
    voucher = factories.discount(now=moment, limit=2)
    held = factories.reservation(trainee=factories.trainee(name="Anna"), now=moment)
    using.use(held, voucher.code or "", now=moment, by=held.trainee)
    factories.discount(person=factories.trainee(name="Benedict"), now=moment, kind=DiscountKind.SCHOLARSHIP)
    path = f"{LIST}{voucher.public_id}/"
    assert "Anna" in text(desk.get(path))
    assert "1 of 2" in text(desk.get(LIST))
    books = browser(Role.BOOKKEEPER)
    for page in (text(books.get(path)), text(books.get(LIST))):
        assert "Anna" not in page
        assert "Benedict" not in page
    assert held.public_id in text(books.get(path))
    assert "Make a discount" not in text(books.get(LIST))
    assert books.get(NEW).status_code == 403
    assert books.post(f"{path}end/", {"why": "No."}).status_code == 403


def test_the_pill_says_how_it_stands(desk: Client, moment: datetime) -> None:
    today = school_day(moment)
    factories.discount(now=moment, valid_from=today + timedelta(days=1))
    assert "Not yet" in text(desk.get(LIST))
    Discount.objects.update(valid_from=today - timedelta(days=9), valid_until=today - timedelta(days=1))
    assert "Over" in text(desk.get(LIST))


def test_the_list_takes_the_same_statements_for_one_use_and_for_three(desk: Client, moment: datetime) -> None:
    def used() -> None:
        voucher, held = factories.discount(now=moment), factories.reservation(now=moment)
        using.use(held, voucher.code or "", now=moment, by=held.trainee)

    used()
    few = statements(desk, LIST)
    used()
    used()
    assert statements(desk, LIST) == few
