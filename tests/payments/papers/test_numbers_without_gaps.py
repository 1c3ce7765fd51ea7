"""Many papers at the same moment, with real commits: each number once, and none left out."""

from functools import partial

import pytest

from booking.payments.models import Payment
from booking.payments.papers import issuing
from booking.payments.papers.models import Paper, PaperKind, PaperSeries
from booking.payments.settling import settle
from booking.reservations.models import Reservation
from tests import factories
from tests.concurrency.racing import seated
from tests.factories import NOW
from tests.services.databases import at_once
from workshops.transactions import writes

MANY = 20


class ChangedTheirMind(Exception):
    """What rolls a paper back."""


@writes
def given_up(reservation: Reservation) -> None:
    """An invoice that is made, and then is not."""
    issuing.invoice(reservation, payer="Nobody", by=reservation.trainee, now=NOW)
    raise ChangedTheirMind


def numbers(kind: PaperKind) -> list[int]:
    return sorted(Paper.objects.filter(kind=kind).values_list("number", flat=True))


def test_twenty_invoices_at_once_and_those_rolled_back_between_them_leave_no_gap(fresh_database: str) -> None:
    own = seated(factories.cohort(capacity=MANY), MANY)

    def make(index: int) -> object:
        if index % 4 == 3:
            return given_up(own[index])
        return issuing.invoice(own[index], payer=f"Payer {index}", by=own[index].trainee, now=NOW)

    answers = at_once(*(partial(make, index) for index in range(MANY)))
    assert sum(isinstance(each, ChangedTheirMind) for each in answers) == MANY // 4
    assert numbers(PaperKind.INVOICE) == list(range(1, MANY - MANY // 4 + 1)), answers
    assert PaperSeries.objects.get().last_number == MANY - MANY // 4


def test_payments_that_settle_at_once_in_several_cohorts_have_a_receipt_each(fresh_database: str) -> None:
    own = [each for _ in range(4) for each in seated(factories.cohort(capacity=5), 5)]
    made = [
        Payment.objects.create(
            reservation=each, purpose="deposit", gateway="offline", amount_cents=50_000, currency="USD", created_at=NOW
        )
        for each in own
    ]
    # Each is told of twice, as by the page and by the processor.
    told = [partial(settle, each, now=NOW, by=None, reference=f"W-{each.pk}") for each in made * 2]
    answers = at_once(*told)
    assert [each for each in answers if isinstance(each, Exception)] == []
    assert numbers(PaperKind.RECEIPT) == list(range(1, MANY + 1))
    assert set(Paper.objects.values_list("payment", flat=True)) == {payment.pk for payment in made}


@pytest.mark.usefixtures("fresh_database")
def test_no_number_is_taken_outside_a_transaction() -> None:
    with pytest.raises(RuntimeError):
        issuing._next_number(PaperKind.INVOICE)
    assert not PaperSeries.objects.exists()
