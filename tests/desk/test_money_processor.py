"""What the card processor told and paid out: events that need a person, and payouts matched to the bank's lines."""

from datetime import date, datetime

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.payouts.models import Payout, PayoutStatus
from tests.desk.doors import browser, rows
from tests.pages import text
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
NEEDS, PAYOUTS = "/desk/money/needs-a-person/", "/desk/money/payouts/"


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def stuck(moment: datetime) -> InboxEvent:
    """An event that needs a person."""
    return InboxEvent.objects.create(
        event_id="evt_1",
        kind="charge.refunded",
        happened_at=moment,
        received_at=moment,
        due_at=moment,
        state=EventState.STUCK,
        trouble="Nothing here has that number.",
    )


def paid_out(number: str, status: PayoutStatus = PayoutStatus.PAID, **fields: object) -> Payout:
    """A payout that arrived."""
    known = {"amount_cents": 123_456, "ours_cents": 50_000, "currency": "USD", "arrives_on": date(2026, 11, 20)}
    return Payout.objects.create(processor_id=number, status=status, seen_at=now(), **{**known, **fields})


@pytest.mark.parametrize(("how", "state"), [("again", EventState.WAITING), ("aside", EventState.IGNORED)])
def test_an_event_that_needs_a_person_is_decided_with_a_reason(
    desk: Client, robin: User, stuck: InboxEvent, how: str, state: EventState
) -> None:
    address = f"/desk/money/events/{stuck.pk}/"
    page = desk.get(NEEDS)
    assert ("Nothing here has that number." in text(page), f'href="{address}"' in page.content.decode()) == (True, True)
    for wrong in ({"how": how, "why": " "}, {"how": "x", "why": "x"}):
        assert desk.post(f"{address}decide/", wrong).status_code == 422
    answer = desk.post(f"{address}decide/", {"how": how, "why": "It was ours."}, follow=True)
    assert answer.status_code == 200
    stuck.refresh_from_db()
    line = HistoryLine.objects.get(about_kind="event")
    assert (stuck.state, line.by, line.why) == (state, robin, "It was ours.")
    assert len(desk.get(NEEDS).context["lists"]["events"]) == 0
    again = desk.post(f"{address}decide/", {"how": how, "why": "Again."}, follow=True)
    assert "It needed nobody any more." in text(again)


def test_the_bookkeeper_reads_of_events_and_payouts_and_decides_nothing(stuck: InboxEvent) -> None:
    books, payout = browser(Role.BOOKKEEPER), paid_out("po_1")
    for page in (f"/desk/money/events/{stuck.pk}/", PAYOUTS, NEEDS):
        html = books.get(page).content.decode()
        assert ("<form class=" in html, "Nothing here" in html or "po_1" in html) == (False, True)
    assert books.post(f"/desk/money/events/{stuck.pk}/decide/").status_code == 403
    assert books.post(f"{PAYOUTS}{payout.public_id}/match/").status_code == 403


def test_a_payout_is_matched_to_its_line_of_the_bank_statement_once(desk: Client, robin: User) -> None:
    payout = paid_out("po_1")
    address, name = f"{PAYOUTS}{payout.public_id}/match/", f"{payout.public_id}-reference"
    assert [each.pk for each in desk.get(NEEDS).context["lists"]["payouts"]] == [payout.pk]
    assert "$1,234.56" in text(desk.get(PAYOUTS))
    assert desk.post(address, {name: " "}).status_code == 422
    assert desk.post(address, {name: "LINE 77"}).status_code == 302
    payout.refresh_from_db()
    assert (payout.bank_reference, payout.matched_by) == ("LINE 77", robin)
    page = desk.post(address, {name: "LINE 78"})
    assert (page.status_code, "is matched to LINE 77 already" in text(page)) == (409, True)
    assert 'value="LINE 78"' in page.content.decode()
    assert len(desk.get(NEEDS).context["lists"]["payouts"]) == 0


def test_a_payout_that_has_not_arrived_is_not_matched(desk: Client) -> None:
    payout = paid_out("po_1", PayoutStatus.ON_ITS_WAY)
    assert "<form class=" not in desk.get(PAYOUTS).content.decode()
    page = desk.post(f"{PAYOUTS}{payout.public_id}/match/", {f"{payout.public_id}-reference": "L"})
    assert (page.status_code, "has not arrived" in text(page)) == (409, True)


def test_payouts_leave_as_a_spreadsheet(desk: Client) -> None:
    paid_out("po_1", ours_cents=None)
    _, line = rows(desk.get("/desk/money/payouts.csv"))
    assert line == ["po_1", "2026-11-20", "Paid", "USD", "1234.56", "", ""]


def test_differences_that_the_night_left_are_told(desk: Client, moment: datetime) -> None:
    record("books-compared", about=("books", "2026-11-20"), now=moment, mended=1, remain=0)
    assert "The books agreed with the card processor's on" in text(desk.get(NEEDS)).replace("&#x27;", "'")
    record("books-compared", about=("books", "2026-11-21"), now=moment, mended=0, remain=2)
    assert "differed in 2 places" in text(desk.get(NEEDS))
