"""The books: tuition held as of a day, entries about no seat, and closing a period."""

from datetime import date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils.timezone import now

from booking.desk.money.books import tuition_held
from booking.payments import ledger
from booking.payments.models import Account, ClosedPeriod, LedgerEntry, Posting
from booking.reservations.models import Reservation
from tests import factories
from tests.desk.doors import browser, rows, statements
from tests.pages import text
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
HELD, CLOSED = "/desk/money/held/", "/desk/money/closed/"


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


def received(held: Reservation, cents: int, at: datetime, number: int = 1) -> None:
    """Money that came for a seat."""
    amounts = {Account.BANK: cents, Account.TUITION_HELD: -cents}
    ledger.post(f"payment:{held.pk}-{number}", held, amounts, at=at)


# -- tuition held ------------------------------------------------------------------------------------------------------
def test_tuition_held_is_the_ledgers_balance_at_the_end_of_the_day(moment: datetime) -> None:
    one, other = factories.reservation(now=moment), factories.reservation(now=moment)
    midnight = datetime(2026, 7, 2, tzinfo=factories.LOS_ANGELES)
    received(one, 100, midnight - timedelta(seconds=1), 1)
    received(other, 50, midnight, 1)
    received(one, 7, midnight + timedelta(days=1), 2)
    for on, expected in ((1, {one.cohort: 100}), (2, {one.cohort: 100, other.cohort: 50})):
        day = date(2026, 7, on)
        assert {each.cohort: each.cents for each in tuition_held(day)} == expected
    for day in (date(2026, 7, on) for on in (1, 2, 3, 4)):
        ends = datetime.combine(day + timedelta(days=1), time.min, factories.LOS_ANGELES)
        postings = Posting.objects.filter(account=Account.TUITION_HELD, entry__at__lt=ends)
        assert sum(each.cents for each in tuition_held(day)) == -sum(each.amount_cents for each in postings)


@pytest.mark.one_database
def test_the_bookkeeper_asks_for_tuition_held_on_a_day(moment: datetime) -> None:
    held, books = factories.reservation(now=moment), browser(Role.BOOKKEEPER)
    received(held, 50_000, moment)
    today = school_day(moment)
    assert "$500" in text(books.get(HELD))
    assert "Nothing was held" in text(books.get(HELD, {"on": str(today - timedelta(days=1))}))
    assert books.get(HELD, {"on": "soon"}).status_code == 422
    _, line = rows(books.get("/desk/money/held.csv", {"on": str(today)}))
    assert line == [
        str(today),
        held.cohort.code,
        held.cohort.title,
        str(held.cohort.starts_on),
        str(held.cohort.ends_on),
        "500.00",
    ]


@pytest.mark.one_database
def test_tuition_held_takes_the_same_number_of_statements_for_three_and_for_thirty(moment: datetime) -> None:
    books = browser(Role.BOOKKEEPER)
    for number in range(30):
        received(factories.reservation(now=moment), 100, moment)
        if number == 2:
            for_three = statements(books, HELD)
    assert statements(books, HELD) == for_three


# -- the journal -------------------------------------------------------------------------------------------------------
@pytest.mark.one_database
def test_entries_about_no_seat_stand_in_the_journal_like_the_others(desk: Client, moment: datetime) -> None:
    ledger.post("payout:po_1", None, {Account.BANK: 900, Account.PROCESSOR: -900}, at=moment)
    ledger.post_fee("txn_1", None, 60, at=moment)
    page = text(desk.get("/desk/money/journal/"))
    assert ("Payout to the bank po_1" in page, "Processor fee txn_1" in page) == (True, True)
    _, *lines = rows(desk.get("/desk/money/journal.csv"))
    assert [line[2:] for line in lines[:2]] == [
        ["payout:po_1", "", "bank", "USD", "9.00", "0.00"],
        ["payout:po_1", "", "processor", "USD", "0.00", "9.00"],
    ]
    header, *lines = rows(desk.get("/desk/money/trial-balance.csv"))
    assert header == ["account", "name", "debit", "credit", "balance"]
    assert ["bank", "Bank", "9.00", "0.00", "9.00"] in lines
    assert "Without a cohort" not in text(desk.get("/desk/money/"))


# -- closing -----------------------------------------------------------------------------------------------------------
@pytest.mark.one_database
def test_the_registrar_closes_the_books_by_typing_the_word(desk: Client, robin: User, moment: datetime) -> None:
    yesterday = school_day(moment) - timedelta(days=1)
    given = {"through": str(yesterday), "word": "Close"}
    for wrong in ({"word": ""}, {"word": "yes"}, {"through": ""}, {"through": str(yesterday + timedelta(days=1))}):
        assert desk.post(f"{CLOSED}close/", {**given, **wrong}).status_code == 422
    assert not ClosedPeriod.objects.exists()
    assert "The books are closed through" in text(desk.post(f"{CLOSED}close/", given, follow=True))
    assert (ClosedPeriod.objects.get().through, ClosedPeriod.objects.get().closed_by) == (yesterday, robin)
    assert HistoryLine.objects.filter(what="books-closed", by=robin).count() == 1
    page = desk.post(f"{CLOSED}close/", given)
    assert (page.status_code, "closed through" in text(page)) == (422, True)


@pytest.mark.one_database
def test_the_bookkeeper_sees_what_is_closed_and_closes_nothing(moment: datetime) -> None:
    books = browser(Role.BOOKKEEPER)
    yesterday = school_day(moment) - timedelta(days=1)
    assert '<form class="form"' not in books.get(CLOSED).content.decode()
    assert books.post(f"{CLOSED}close/", {"through": str(yesterday), "word": "close"}).status_code == 403
    assert not ClosedPeriod.objects.exists()


def test_what_the_registrar_closed_takes_no_entry_even_past_the_product(desk: Client, moment: datetime) -> None:
    held = factories.reservation(now=moment)
    yesterday = school_day(moment) - timedelta(days=1)
    ends = datetime.combine(school_day(moment), time.min, factories.LOS_ANGELES)
    assert desk.post(f"{CLOSED}close/", {"through": str(yesterday), "word": "close"}).status_code == 302

    def write(source: str, at: datetime) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO booking_ledgerentry (source, reservation_id, at) VALUES (%s, %s, %s)",
                [source, held.pk, at.astimezone(factories.LOS_ANGELES)],
            )

    with pytest.raises(IntegrityError, match="closed"):
        write("payment:before", ends - timedelta(minutes=1))
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        received(held, 100, ends - timedelta(minutes=1))
    received(held, 100, ends + timedelta(minutes=1))
    assert LedgerEntry.objects.count() == 1
