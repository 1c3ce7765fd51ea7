"""What looks for damage after a kill finds it where there is some."""

from collections.abc import Callable

import pytest

from booking.reservations.models import Reservation
from tests import factories
from tests.faults import promises

pytestmark = pytest.mark.django_db


def without_its_message(made: Reservation) -> None:
    """The reservation is there and nobody is told."""
    made.trainee.messages.all().delete()


def without_its_charges(made: Reservation) -> None:
    """The seat is held and nothing is owed."""
    made.charges.all().delete()


def without_itself(made: Reservation) -> None:
    """History and message tell of a reservation that was rolled back."""
    made.charges.all().delete()
    Reservation.objects.filter(pk=made.pk).delete()


def received_and_not_booked(made: Reservation) -> None:
    """A payment says that it arrived, and the books do not know of it."""
    made.payments.create(
        purpose="deposit",
        gateway="sandbox",
        amount_cents=1,
        currency="USD",
        status="succeeded",
        created_at=factories.NOW,
        settled_at=factories.NOW,
    )


def test_a_whole_reservation_is_nothing_half_done() -> None:
    factories.reservation()
    assert list(promises.half_done()) == []


@pytest.mark.parametrize(
    "torn",
    [without_its_message, without_its_charges, without_itself, received_and_not_booked],
    ids=lambda f: f.__name__,
)
def test_what_is_half_done_is_found(torn: Callable[[Reservation], None]) -> None:
    torn(factories.reservation())
    assert list(promises.half_done())
