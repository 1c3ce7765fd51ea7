"""The books are closed while somebody is in the middle of writing an entry for a day that is being closed."""

from datetime import timedelta
from functools import partial

import pytest

from booking.payments import closing, ledger
from booking.payments.models import Account, ClosedPeriod, LedgerEntry
from booking.reservations.models import Reservation
from tests import factories
from tests.concurrency.racing import cross, seated
from tests.factories import NOW
from workshops.clock import school_day
from workshops.people.models import Role
from workshops.transactions import writes

pytestmark = [pytest.mark.usefixtures("fresh_database"), pytest.mark.postgres]

YESTERDAY = NOW - timedelta(days=1)


@writes
def books_late(reservation: Reservation) -> bool:
    """Book what is of yesterday; whether yesterday was closed before this was committed."""
    ledger.post("test:late", reservation, {Account.BANK: 100, Account.TUITION_HELD: -100}, at=YESTERDAY)
    return ClosedPeriod.objects.exists()


def crossed(monkeypatch: pytest.MonkeyPatch, patience: float) -> list[object]:
    """Somebody closes yesterday when an entry of it has been written and not committed."""
    [held] = seated(factories.cohort(capacity=1), 1)
    closes = partial(closing.close, school_day(YESTERDAY), by=factories.person(Role.REGISTRAR), now=NOW)
    return cross(monkeypatch, partial(books_late, held), closes, after=(ledger, "post"), inside=True, patience=patience)


def test_closing_waits_for_whoever_is_writing_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    was_closed, period = crossed(monkeypatch, 0.5)
    assert (was_closed, isinstance(period, ClosedPeriod)) == (False, True)
    assert LedgerEntry.objects.filter(source="test:late").exists()


def test_without_the_lock_an_entry_comes_into_a_closed_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "_lock_entries", lambda: None)
    was_closed, _ = crossed(monkeypatch, 20.0)
    assert was_closed is True
    assert LedgerEntry.objects.filter(source="test:late", at__lt=ClosedPeriod.objects.get().ends_at).exists()
