"""The overview: its totals are the ledger's, by month and by cohort, and the picture is of the same numbers."""

from datetime import date, datetime, timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.desk.money.overview import OfMonth, Sums, month_of, overview, window
from booking.desk.money.owed import owed
from booking.desk.money.picture import picture, round_up
from booking.payments import ledger, paying
from booking.payments.models import Account, Dispute, DisputeStatus, Posting, Purpose
from booking.reservations import cancelling, moving
from tests import factories
from tests.desk.doors import browser, rows
from tests.pages import text
from workshops.clock import school_day
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
PRICE, DEPOSIT = 209_900, 50_000


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def eventful(robin: User, moment: datetime) -> None:
    """Payments in several months, a move, a refund by policy, a deposit that was kept, a fee and a dispute."""
    for days in (70, 35, 0):
        at = moment - timedelta(days=days)
        paid = factories.reservation(cohort=factories.cohort(now=at), now=at)
        paying.begin(paid, Purpose.FULL, "sandbox", by=paid.trainee, now=at)
    moved = factories.reservation(now=moment)
    paying.record_transfer(moved, Purpose.DEPOSIT, reference="W-1", by=robin, now=moment)
    moving.move(moved, factories.cohort(now=moment), now=moment, by=robin, why="x")
    cancelling.cancel(paid, now=moment, by=paid.trainee)
    soon = factories.cohort(now=moment, starts_on=school_day(moment) + timedelta(days=20))
    late = factories.reservation(cohort=soon, now=moment)
    paying.begin(late, Purpose.DEPOSIT, "sandbox", by=late.trainee, now=moment)
    cancelling.cancel(late, now=moment, by=late.trainee)
    disputed = factories.reservation(now=moment)
    payment = paying.begin(disputed, Purpose.DEPOSIT, "sandbox", by=disputed.trainee, now=moment).payment
    dispute = Dispute.objects.create(
        payment=payment,
        reservation=disputed,
        processor_id="dp_1",
        amount_cents=DEPOSIT,
        status=DisputeStatus.OPEN,
        opened_at=moment,
    )
    ledger.post_dispute(dispute, at=moment)
    ledger.post_fee("txn_1", None, 990, at=moment)
    factories.reservation(now=moment)


def on(*accounts: Account) -> int:
    """What stands on these accounts: debits less credits, read off the postings."""
    return sum(each.amount_cents for each in Posting.objects.filter(account__in=accounts))


@pytest.mark.usefixtures("eventful")
def test_the_totals_are_the_ledgers(moment: datetime) -> None:
    found = overview(owed(moment), moment)
    whole = found.whole
    assert (whole.received, whole.refunded) == (4 * PRICE + 2 * DEPOSIT, PRICE)
    money = on(Account.PROCESSOR, Account.BANK, Account.SANDBOX) + on(Account.FEES)
    assert whole.received - whole.refunded - whole.disputed == money
    assert (whole.disputed, whole.kept) == (on(Account.DISPUTED), -on(Account.DEPOSITS_KEPT)) == (DEPOSIT, PRICE)
    standing = on(Account.TUITION_HELD, Account.TUITION_EARNED, Account.DEPOSITS_KEPT, Account.REFUNDS_UNDERWAY)
    assert whole.received - whole.refunded == -standing
    assert whole.owed == sum(line.remaining_cents for line in owed(moment)) == 2 * (PRICE - DEPOSIT) + PRICE
    for parts in (found.months, found.cohorts):
        assert sum((each.sums for each in parts), Sums()) == whole


@pytest.mark.usefixtures("eventful")
def test_what_moved_along_counts_where_somebody_is_now(moment: datetime) -> None:
    found = overview(owed(moment), moment)
    received = sorted(each.sums.received for each in found.cohorts if each.cohort)
    assert received == [0, DEPOSIT, DEPOSIT, PRICE, PRICE, PRICE, PRICE]
    assert all(each.cohort for each in found.cohorts)


def test_a_month_begins_at_midnight_in_los_angeles(moment: datetime) -> None:
    held = factories.reservation(now=moment)
    midnight = datetime(2026, 7, 1, tzinfo=factories.LOS_ANGELES)
    for number, at in enumerate((midnight - timedelta(seconds=1), midnight)):
        amounts = {Account.BANK: 100, Account.TUITION_HELD: -100}
        ledger.post(f"payment:{number}", held, amounts, at=at)
    months = {each.month: each.sums.received for each in overview([], moment).months if each.sums.received}
    assert months == {date(2026, 6, 1): 100, date(2026, 7, 1): 100}
    assert month_of(midnight - timedelta(seconds=1)) == date(2026, 6, 1)


# -- twelve months, and their picture ----------------------------------------------------------------------------------
def months_of(count: int, **sums: int) -> list[OfMonth]:
    return [OfMonth(date(2025 + number // 12, number % 12 + 1, 1), Sums(**sums)) for number in range(count)]


def test_twelve_months_are_shown_around_this_one_with_ways_to_the_others() -> None:
    months, today = months_of(36), datetime(2026, 6, 15, tzinfo=factories.LOS_ANGELES)
    shown = window(months, today)
    assert (shown.months[0].month, len(shown.months)) == (date(2026, 1, 1), 12)
    assert (shown.earlier, shown.later) == (date(2025, 1, 1), date(2027, 1, 1))
    first = window(months, today, date(1999, 1, 1))
    assert (first.months[0].month, first.earlier, first.later) == (date(2025, 1, 1), None, date(2026, 1, 1))
    last = window(months, today, date(2099, 1, 1))
    assert (last.months[-1].month, last.earlier, last.later) == (date(2027, 12, 1), date(2026, 1, 1), None)
    few = window(months[:3], today)
    assert (len(few.months), few.earlier, few.later) == (3, None, None)


@pytest.mark.parametrize(
    ("cents", "top"), [(0, 10_000), (10_000, 10_000), (10_001, 20_000), (209_900, 250_000), (640_000, 1_000_000)]
)
def test_the_scale_ends_at_a_round_amount(cents: int, top: int) -> None:
    assert round_up(cents) == top


def test_the_bars_stand_on_the_foot_and_reach_as_high_as_their_cents() -> None:
    drawn = picture([OfMonth(date(2026, 1, 1), Sums(due=250_000, received=50_000))], date(2026, 1, 1))
    (column,) = drawn.columns
    assert (column.due.y, column.due.height, column.received.y, column.received.height) == (0, 100, 80, 20)
    assert (drawn.lines, column.is_now) == ((250_000, 125_000, 0), True)


# -- the page ----------------------------------------------------------------------------------------------------------
@pytest.mark.one_database
@pytest.mark.usefixtures("eventful")
def test_the_page_has_the_totals_and_a_picture_with_words_for_those_who_cannot_see_it() -> None:
    page = browser(Role.BOOKKEEPER).get("/desk/money/")
    html, words = page.content.decode(), text(page)
    assert "$9,396" in words  # received
    assert ('role="img" aria-labelledby="bars-title bars-about"' in html, "<desc" in html) == (True, True)
    assert ("style=" in html, '<form class="form"' in html) == (False, False)
    assert "/desk/cohorts/" not in html


@pytest.mark.one_database
def test_a_place_where_nothing_has_happened_has_a_page_too(desk: Client) -> None:
    page = text(desk.get("/desk/money/"))
    assert ("Nothing yet" in page, "$0" in page) == (True, True)
    assert "Nothing needs you" in text(desk.get("/desk/money/needs-a-person/"))
    assert desk.get("/desk/money/needs-a-person/", {"list": "nonsense"}).status_code == 404
    assert "Nothing here any more" in text(desk.get("/desk/money/needs-a-person/", {"list": "refunds"}))


@pytest.mark.one_database
@pytest.mark.usefixtures("eventful")
def test_both_tables_leave_as_spreadsheets_that_add_up(desk: Client, moment: datetime) -> None:
    whole = overview(owed(moment), moment).whole
    for name in ("by-month", "by-cohort"):
        header, *lines = rows(desk.get(f"/desk/money/{name}.csv"))
        column = header.index("received")
        assert sum(round(float(line[column]) * 100) for line in lines) == whole.received


@pytest.mark.one_database
def test_a_list_that_is_long_is_shown_page_by_page(desk: Client, moment: datetime) -> None:
    for _ in range(12):
        held = factories.reservation(now=moment)
        paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=moment)
    page = desk.get("/desk/money/needs-a-person/")
    assert len(page.context["lists"]["transfers"].object_list) == 10
    assert '<a href="/desk/money/needs-a-person/?list=transfers">All 12</a>' in page.content.decode()
    alone = desk.get("/desk/money/needs-a-person/", {"list": "transfers"}).context["lists"]
    assert (list(alone), len(alone["transfers"].object_list)) == (["transfers"], 12)
