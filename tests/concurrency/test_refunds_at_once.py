"""Registrars who send money back at the same moment: never more than came, and the control with each guard taken out.

What could go back is read under the cohort's lock and the reservation's; behind them stands the payment's own. On
SQLite one writer at a time stands in for all three, so the controls are PostgreSQL's alone.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import QuerySet, Sum

from booking.payments import ledger, refunding, returning
from booking.payments.models import Payment, Purpose, Refund
from booking.payments.returning import NotThatMuch, possible_cents
from booking.reservations import cancelling, lifecycle, waitlist
from booking.reservations.models import Reservation, State
from tests import factories
from tests.concurrency.racing import again, cross, heard, names, seated
from tests.factories import NOW
from tests.invariants import assert_all_hold, broken
from tests.services.databases import at_once
from workshops.cohorts.models import Cohort
from workshops.people.models import Role

pytestmark = pytest.mark.usefixtures("fresh_database")

LONG, MOMENT = 20.0, 0.5
"""So long the first may wait for someone who can go on, and for someone whom a guard keeps from going on."""
MOST = 125_940
"""Six tenths of what was paid: it can go back once."""
PART = 30_000
"""The same of a deposit."""
LATE = NOW + timedelta(days=100)


def gone_back() -> int:
    """What goes back in all, in cents."""
    return int(Refund.objects.aggregate(n=Sum("amount_cents"))["n"] or 0)


def sends(paid: Reservation, cents: int = MOST, now: datetime = NOW) -> Any:
    """A registrar who has the page before them as it is now."""
    shown, registrar = possible_cents(paid), factories.person(Role.REGISTRAR)
    asked: dict[str, Any] = {
        "why": "A storm.",
        "lowers_price": True,
        "expected_possible_cents": shown,
        "now": now,
        "by": registrar,
    }
    return partial(refunding.refund, paid, cents, **asked)


def test_eight_registrars_at_once_send_no_more_back_than_came() -> None:
    for _ in range(3):
        [paid] = seated(factories.cohort(capacity=1), 1, paid=Purpose.FULL)
        before = gone_back()
        answers = at_once(*[sends(paid) for _ in range(8)])
        assert heard(answers, refunding.Changed) == {"list": 1, "Changed": 7}
        assert gone_back() - before == MOST
        assert ledger.kept_cents(again(paid)) == 209_900 - MOST
        assert_all_hold(NOW)


def test_registrars_and_its_owner_at_once_send_no_more_back_than_came() -> None:
    """Whoever comes first: the seat is given back, and with it the rest, in as many parts."""
    for _ in range(3):
        [paid] = seated(factories.cohort(capacity=1), 1, paid=Purpose.FULL)
        before = gone_back()
        cancel = partial(cancelling.cancel, paid, now=NOW, by=paid.trainee)
        answers = at_once(*[sends(paid) for _ in range(4)], cancel)
        assert heard(answers, refunding.Changed)["Cancelled"] == 1
        assert gone_back() - before == 209_900
        assert ledger.kept_cents(again(paid)) == 0
        assert_all_hold(NOW)


# -- the guards, taken out one after the other -------------------------------------------------------------------------
def without_locks_of_the_reservation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cohort and the reservation are read, and their rows left unlocked."""
    monkeypatch.setattr(waitlist, "lock_cohort", lambda pk: Cohort.objects.select_related("module", "venue").get(pk=pk))
    monkeypatch.setattr(lifecycle, "lock", again)


def without_lock_of_the_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a payment still holds is read, and its row left unlocked."""
    parts = returning._parts

    def unlocked(received: QuerySet[Payment], cents: int, **how: Any) -> list[tuple[Payment, int]]:
        return parts(Payment.objects.filter(pk__in=[each.pk for each in received.all()]), cents, **how)

    read = QuerySet.select_for_update

    def select(self: QuerySet[Any], *given: Any, **named: Any) -> QuerySet[Any]:
        return self if self.model is Payment else read(self, *given, **named)

    monkeypatch.setattr(QuerySet, "select_for_update", select)
    monkeypatch.setattr(returning, "_parts", unlocked)


def two(monkeypatch: pytest.MonkeyPatch, after: tuple[Any, str], patience: float) -> list[object]:
    """Two registrars send back of the deposit that was kept for a released seat; the first stops in the middle."""
    overdue = factories.cohort(capacity=1, terms_changed={"release_overdue": True, "balance_grace_days": 7})
    [paid] = seated(overdue, 1, paid=Purpose.DEPOSIT)
    cancelling.cancel_overdue(paid, now=LATE)
    kept = again(paid)
    assert (kept.state, possible_cents(kept)) == (State.CANCELLED, 50_000)
    first, second = sends(kept, PART, LATE), sends(kept, PART, LATE)
    return cross(monkeypatch, first, second, after=after, inside=True, patience=patience)


@pytest.mark.postgres
def test_with_the_reservations_lock_the_second_hears_that_something_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = two(monkeypatch, (refunding, "possible_cents"), MOMENT)
    assert heard(answers, refunding.Changed) == {"list": 1, "Changed": 1}
    assert gone_back() == PART
    assert_all_hold(LATE)


@pytest.mark.postgres
def test_without_it_the_payments_lock_keeps_a_payment_from_giving_back_more_than_it_brought(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_locks_of_the_reservation(monkeypatch)
    answers = two(monkeypatch, (returning, "_parts"), MOMENT)
    assert heard(answers, NotThatMuch) == {"list": 1, "NotThatMuch": 1}
    assert gone_back() == PART


@pytest.mark.postgres
def test_without_the_payments_lock_too_more_goes_back_than_came(monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks_of_the_reservation(monkeypatch)
    without_lock_of_the_payment(monkeypatch)
    answers = two(monkeypatch, (returning, "_parts"), LONG)
    assert names(answers) == {"list": 2}, answers
    assert gone_back() == 2 * PART > 50_000
    assert any("go back on payment" in each for each in broken(LATE))
