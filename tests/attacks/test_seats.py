"""Seats at the moment when somebody else is just taking them: in threads with real commits, on both databases."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest
from django.db import connections, transaction
from django.utils.timezone import now as real_now

from booking.desk.planning.seating import resize
from booking.payments import ledger, paying
from booking.payments.models import Payment, PaymentStatus, Purpose
from booking.reservations import admission, cancelling, lifecycle, releasing, reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.concurrency.rush import all_at_once, call, tally
from tests.factories import NOW
from tests.services.databases import at_once
from tests.services.server import Product
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, Seat
from workshops.cohorts.planning import Refused
from workshops.people.models import Role, Scope

LATER = NOW + timedelta(hours=2)
pytestmark = pytest.mark.usefixtures("fresh_database")


def consistent(cohort: Cohort, at: object = LATER) -> None:
    """Whoever is told that they have a seat is in it, and nobody else is in one."""
    holding = Reservation.objects.filter(cohort=cohort).holding_a_seat(at)  # type: ignore[arg-type]
    promised = {(each.seat_number, each.trainee_id) for each in holding}
    occupied = Seat.objects.filter(cohort=cohort, occupant__isnull=False).exclude(status="held", held_until__lte=at)
    assert {(seat.number, seat.occupant_id) for seat in occupied} == promised
    assert len(promised) == len({number for number, _ in promised}) == len({person for _, person in promised})


def faults(answers: Sequence[object], *expected: type[Exception]) -> list[object]:
    return [each for each in answers if isinstance(each, Exception) and not isinstance(each, expected)]


@pytest.mark.postgres
def test_someone_whose_lapsed_seat_is_just_being_taken_gets_another_one() -> None:
    """A rival has locked the seat and not taken it yet: the constraint of one seat a person must not bite them."""
    cohort, anna = factories.cohort(capacity=2), factories.trainee()
    reserving.hold(cohort, anna, now=NOW)
    locked, go_on = threading.Event(), threading.Event()

    def rival() -> None:
        try:
            with transaction.atomic():
                list(Seat.objects.select_for_update().filter(cohort=cohort, occupant=anna))
                locked.set()
                go_on.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=rival)
    thread.start()
    assert locked.wait(10)
    threading.Timer(0.3, go_on.set).start()
    again = reserving.hold(cohort, anna, now=LATER)
    thread.join()
    assert again.state == State.HELD
    consistent(cohort)


@pytest.mark.parametrize("trial", range(3))
def test_lapsed_seats_claimed_by_their_owners_and_by_others_at_once(trial: int) -> None:
    owners = [factories.trainee() for _ in range(6)]
    others = [factories.trainee() for _ in range(6)]
    cohort = factories.cohort(capacity=6)
    for owner in owners:
        reserving.hold(cohort, owner, now=NOW)
    lapsed = list(Reservation.objects.filter(cohort=cohort).select_related("cohort__venue", "trainee"))
    answers = at_once(
        *(partial(reserving.hold, cohort, person, now=LATER) for person in [*owners, *others]),
        *(partial(releasing.expire, each, now=LATER) for each in lapsed[:trial]),
    )
    assert not faults(answers, admission.Full)
    assert sum(isinstance(each, Reservation) for each in answers) == 6
    consistent(cohort)


def test_a_cohort_that_shrinks_while_people_reserve_keeps_everyone_who_was_let_in() -> None:
    cohort, registrar = factories.cohort(capacity=8), factories.person(Role.REGISTRAR)
    people = [factories.trainee() for _ in range(8)]
    answers = at_once(
        *(partial(reserving.hold, cohort, person, now=NOW) for person in people),
        partial(resize, cohort, 4, by=registrar, now=NOW),
    )
    assert not faults(answers, admission.Full, Refused)
    seated = sum(isinstance(each, Reservation) for each in answers)
    assert seated == Seat.objects.filter(cohort=cohort).count()
    consistent(cohort, NOW)


@pytest.mark.parametrize("rival", ["cancel", "expire", "taken"])
def test_money_that_races_the_end_of_a_hold_buys_the_seat_or_goes_back(rival: str) -> None:
    """Never both, never neither, and the books add up, whoever comes first."""
    for _ in range(4):
        cohort = factories.cohort(capacity=1)
        held, passer_by = factories.reservation(cohort=cohort), factories.trainee()
        payment = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
        ends: dict[str, Callable[[], object]] = {
            "cancel": partial(cancelling.cancel, held, now=NOW, by=held.trainee),
            "expire": partial(releasing.expire, held, now=LATER),
            "taken": partial(reserving.hold, cohort, passer_by, now=LATER),
        }
        moment = NOW if rival == "cancel" else LATER
        settle = partial(settle_as_the_server_does, payment, moment)
        answers = at_once(settle, ends[rival])
        assert not faults(answers, lifecycle.Moved, admission.Full)
        state = Reservation.objects.get(pk=held.pk).state
        seat = Seat.objects.filter(cohort=cohort, occupant=held.trainee).exists()
        paid = ledger.paid_cents(held)
        assert (state == State.RESERVED, seat, paid) in {(True, True, held.deposit_cents), (False, False, 0)}
        consistent(cohort, moment)


def settle_as_the_server_does(payment: Payment, moment: object) -> object:
    from booking.payments.settling import settle

    return settle(payment, now=moment, by=None, reference="")  # type: ignore[arg-type]


def test_one_transfer_recorded_by_two_registrars_at_once_is_booked_once() -> None:
    held, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    record = partial(paying.record_transfer, held, Purpose.DEPOSIT, reference="W-1", by=registrar, now=NOW)
    answers = at_once(record, record, record)
    assert not faults(answers, paying.AlreadyRecorded, paying.NothingToPay)
    assert (ledger.paid_cents(held), Payment.objects.filter(status=PaymentStatus.SUCCEEDED).count()) == (50_000, 1)


def test_one_payment_in_ten_windows_is_taken_once(start_product: Callable[..., Product]) -> None:
    cohort = factories.cohort(capacity=2, now=real_now())
    anna = factories.trainee()
    held = reserving.hold(cohort, anna, now=real_now())
    key = factories.token(anna, Scope.BOOK, Scope.READ, now=real_now())
    product = start_product()
    calls = [
        partial(
            call,
            product,
            "POST",
            f"/reservations/{held.public_id}/payments",
            key,
            {"purpose": purpose, "gateway": "sandbox"},
        )
        for purpose in ("deposit", "full") * 5
    ]
    answers = at_once(*calls)
    assert {each.status for each in answers if not isinstance(each, Exception)} <= {201, 409}
    assert not faults(list(answers))
    assert ledger.kept_cents(held) in {50_000, 209_900}
    assert ledger.kept_cents(held) == ledger.paid_cents(held)


def test_a_seat_that_comes_free_as_the_holds_run_out_is_given_to_one_of_the_crowd(
    start_product: Callable[..., Product],
) -> None:
    """Through the real server with its worker: lapsed holds, their owners and a crowd, all in one rush."""
    start = real_now()
    cohort = factories.cohort(capacity=4, now=start)
    owners = [factories.trainee() for _ in range(4)]
    for owner in owners:
        reserving.hold(cohort, owner, now=start - timedelta(hours=3))
    crowd = [*owners, *(factories.trainee() for _ in range(12))]
    keys = [factories.token(person, Scope.BOOK, now=start) for person in crowd]
    answers = all_at_once(start_product(worker=True), keys, "/reservations", {"cohort": cohort.public_id})
    assert tally(answers) == {"201": 4, "409 cohort-full": 12}
    consistent(cohort, real_now())


def test_a_seat_taken_from_someone_is_never_claimed_twice_by_the_same_person() -> None:
    cohort, anna = factories.cohort(capacity=3), factories.trainee()
    reserving.hold(cohort, anna, now=NOW)
    answers = at_once(*(partial(reserving.hold, cohort, anna, now=LATER) for _ in range(6)))
    assert sum(isinstance(each, Reservation) for each in answers) == 1
    assert not faults(answers, admission.AlreadyReserved)
    consistent(cohort)
    assert seats.any_left(cohort.pk, LATER)
