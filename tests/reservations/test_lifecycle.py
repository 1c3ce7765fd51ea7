"""A reservation's life: holding a seat, why one is refused, running out, coming back, ending."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from booking.reservations import admission, cancelling, lifecycle, releasing, reserving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.factories import NOW
from workshops.cohorts.models import CohortStatus, Seat
from workshops.history.record import history_of
from workshops.ids import new_id
from workshops.messages.models import Message
from workshops.people.models import Role
from workshops.prerequisites import recording, waiving
from workshops.prerequisites.models import WaiverKind
from workshops.programme.in_force import programme_now
from workshops.programme.models import ConductText, Module, PolicyTerm, Price

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def set_term(code: str, value: object) -> None:
    PolicyTerm.objects.create(code=code, value=value, confirmed_at=NOW)


def test_a_qualified_trainee_holds_a_seat_for_an_hour() -> None:
    cohort, anna = factories.cohort(), factories.trainee()
    held = reserving.hold(cohort, anna, now=NOW)
    assert (held.state, held.seat_number, held.held_until) == (State.HELD, 1, NOW + HOUR)
    assert (held.price_cents, held.deposit_cents, held.currency) == (209_900, 50_000, "USD")
    assert [(c.kind, c.amount_cents) for c in held.charges.all()] == [("deposit", 50_000), ("balance", 159_900)]


def test_a_hold_that_a_registrar_makes_for_someone_waits_as_for_a_bank_transfer() -> None:
    registrar = factories.person(Role.REGISTRAR)
    held = reserving.hold(factories.cohort(), factories.trainee(), now=NOW, by=registrar)
    assert held.held_until == NOW.replace(day=14, hour=17)  # Monday, and three business days


def test_holding_a_seat_leaves_history_and_one_message_in_the_same_transaction() -> None:
    held = factories.reservation()
    assert [(line.what, line.by) for line in history_of("reservation", held.public_id)] == [
        ("reservation-held", held.trainee)
    ]
    assert [message.kind for message in Message.objects.all()] == ["reservation-held"]


def test_nothing_is_left_of_a_hold_that_was_rolled_back() -> None:
    cohort, anna = factories.cohort(), factories.trainee()
    with transaction.atomic():
        reserving.hold(cohort, anna, now=NOW)
        transaction.set_rollback(True)
    assert not Reservation.objects.exists()
    assert not Message.objects.exists()
    assert not Seat.objects.exclude(status="free").exists()


def test_price_terms_and_conduct_are_frozen_when_the_reservation_is_made() -> None:
    held = factories.reservation()
    Price.objects.create(item="module-iv", amount_cents=999_900, effective_from=NOW.date())
    set_term("deposit_cents", 1)
    ConductText.objects.create(version=2, body="New", published_at=NOW)
    again = Reservation.objects.get(pk=held.pk)
    assert (again.price_cents, again.terms.deposit_cents, again.conduct.version) == (209_900, 50_000, 1)


def test_a_cohorts_own_terms_go_before_the_schools() -> None:
    set_term("deposit_cents", 70_000)
    held = factories.reservation(cohort=factories.cohort(terms_changed={"deposit_cents": 30_000}))
    assert held.deposit_cents == 30_000


def test_once_the_balance_date_has_come_everything_is_due_at_once() -> None:
    held = factories.reservation(cohort=factories.cohort(starts_on=NOW.date() + timedelta(days=30)))
    assert (held.deposit_cents, [c.kind for c in held.charges.all()]) == (209_900, ["deposit"])


def test_an_entitlement_owes_nothing_and_is_confirmed_at_once() -> None:
    anna = factories.trainee()
    recording.entitle(anna, Module.objects.get(code="module-iv"), "Complete Package", by=None, now=NOW)
    held = factories.reservation(trainee=anna)
    assert (held.state, held.price_cents, held.held_until, held.paid_elsewhere) == (State.CONFIRMED, 0, None, True)
    assert not held.charges.exists()
    assert Seat.objects.get(occupant=anna).status == "taken"


def test_without_a_deposit_a_seat_is_reserved_at_once() -> None:
    set_term("deposit_cents", 0)
    assert factories.reservation().state == State.RESERVED


@pytest.mark.parametrize("status", [CohortStatus.DRAFT, CohortStatus.CLOSED, CohortStatus.CANCELLED])
def test_only_a_published_cohort_can_be_booked(status: CohortStatus) -> None:
    with pytest.raises(admission.BookingClosed):
        reserving.hold(factories.cohort(status=status), factories.trainee(), now=NOW)


def test_bookings_begin_and_end_when_the_cohort_says() -> None:
    cohort, anna = factories.cohort(), factories.trainee()
    for moment in (cohort.bookings_open_at - timedelta(seconds=1), cohort.bookings_close_at):
        with pytest.raises(admission.BookingClosed):
            reserving.hold(cohort, anna, now=moment)
    assert reserving.hold(cohort, anna, now=cohort.bookings_open_at).state == State.HELD


def test_the_first_reason_of_several_is_told() -> None:
    """Closed, already reserved, prerequisites, full: in that order."""
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    lacking = factories.trainee(lacking="module-iii")
    with pytest.raises(admission.PrerequisitesUnmet):
        reserving.hold(full, lacking, now=NOW)
    factories.finish(lacking, "module-iii")
    other = reserving.hold(factories.cohort(), lacking, now=NOW)
    with pytest.raises(admission.AlreadyReserved) as refused:
        reserving.hold(full, lacking, now=NOW)
    assert refused.value.reservation == other
    with pytest.raises(admission.Full):
        reserving.hold(full, factories.trainee(), now=NOW)


@pytest.mark.parametrize("lacking", ["module-i", "module-ii", "module-iii", "on-set-days"])
def test_each_prerequisite_alone_keeps_a_seat_from_someone_who_lacks_it(lacking: str) -> None:
    cohort = factories.cohort()
    with pytest.raises(admission.PrerequisitesUnmet) as refused:
        reserving.hold(cohort, factories.trainee(lacking=lacking), now=NOW)
    assert [outcome.code for outcome in refused.value.standing.missing] == [lacking]
    assert not cohort.seats.exclude(status="free").exists()


def test_a_waiver_lets_someone_in_and_one_for_another_cohort_does_not() -> None:
    here, there, anna = factories.cohort(), factories.cohort(), factories.trainee(lacking="module-iii")
    registrar = factories.person(Role.REGISTRAR)
    waiving.waive(
        anna, "module-iii", kind=WaiverKind.WAIVER, reason="Taught it", by=registrar, now=NOW, cohort_id=here.pk
    )
    with pytest.raises(admission.PrerequisitesUnmet):
        reserving.hold(there, anna, now=NOW)
    assert reserving.hold(here, anna, now=NOW).state == State.HELD


def test_someone_may_have_two_seats_where_the_terms_say_so() -> None:
    anna = factories.trainee()
    set_term("one_active_seat", False)
    reserving.hold(factories.cohort(), anna, now=NOW)
    assert reserving.hold(factories.cohort(), anna, now=NOW).state == State.HELD


def test_the_database_itself_refuses_a_second_active_seat() -> None:
    second, elsewhere = factories.reservation(), factories.cohort()
    second.pk, second.public_id, second.cohort = None, new_id(), elsewhere
    with pytest.raises(IntegrityError), transaction.atomic():
        second.save()


def test_a_cohort_that_has_ended_is_no_active_seat() -> None:
    anna = factories.trainee()
    first = reserving.hold(factories.cohort(), anna, now=NOW)
    with transaction.atomic():
        reserving.secure(first, paid_in_full=True, now=NOW, by=None)
    years_later = NOW + timedelta(days=500)
    again = reserving.hold(factories.cohort(now=years_later), anna, now=years_later)
    assert again.state == State.HELD


def test_a_hold_that_ran_out_reads_as_expired_before_any_worker_has_noticed() -> None:
    held = factories.reservation()
    assert held.state_at(NOW + HOUR) == State.EXPIRED
    assert not Reservation.objects.holding_a_seat(NOW + HOUR).exists()
    assert Reservation.objects.holding_a_seat(NOW + HOUR - timedelta(seconds=1)).get() == held


def test_whoever_takes_a_lapsed_seat_expires_the_old_reservation_in_the_same_transaction() -> None:
    cohort = factories.cohort(capacity=1)
    first = factories.reservation(cohort=cohort)
    second = factories.reservation(cohort=cohort, now=NOW + HOUR)
    first.refresh_from_db()
    assert (first.state, second.state, second.seat_number) == (State.EXPIRED, State.HELD, 1)
    assert history_of("reservation", first.public_id).last().what == "reservation-expired"  # type: ignore[union-attr]


def test_someone_whose_hold_ran_out_may_try_again_in_the_same_cohort() -> None:
    cohort, anna = factories.cohort(capacity=1), factories.trainee()
    first = reserving.hold(cohort, anna, now=NOW)
    second = reserving.hold(cohort, anna, now=NOW + HOUR)
    first.refresh_from_db()
    assert (first.state, second.state) == (State.EXPIRED, State.HELD)


def test_someone_whose_hold_ran_out_may_go_to_another_cohort_and_leaves_nothing_behind() -> None:
    anna, old = factories.trainee(), factories.cohort(capacity=1)
    first = reserving.hold(old, anna, now=NOW)
    reserving.hold(factories.cohort(), anna, now=NOW + HOUR)
    first.refresh_from_db()
    assert (first.state, old.seats.get().status) == (State.EXPIRED, "free")


def test_expiring_frees_the_seat_once() -> None:
    held = factories.reservation()
    assert not releasing.expire(held, now=NOW + HOUR - timedelta(seconds=1))
    assert releasing.expire(held, now=NOW + HOUR)
    assert not releasing.expire(held, now=NOW + HOUR)
    assert Message.objects.filter(kind="reservation-expired").count() == 1


def test_expiring_late_leaves_the_seat_of_whoever_took_it_alone() -> None:
    cohort = factories.cohort(capacity=1)
    first = factories.reservation(cohort=cohort)
    second = factories.reservation(cohort=cohort, now=NOW + HOUR)
    assert not releasing.expire(first, now=NOW + HOUR)
    assert cohort.seats.get().occupant == second.trainee


def test_giving_back_a_hold_frees_the_seat_and_keeps_the_reason() -> None:
    held = factories.reservation()
    cancelling.cancel(held, now=NOW, by=held.trainee, why="Work came up")
    held.refresh_from_db()
    assert (held.state, held.cohort.seats.first().status) == (State.CANCELLED, "free")  # type: ignore[union-attr]
    assert history_of("reservation", held.public_id).last().why == "Work came up"  # type: ignore[union-attr]


def test_a_hold_that_ran_out_cannot_be_cancelled_or_prolonged() -> None:
    held = factories.reservation()
    with pytest.raises(lifecycle.Moved):
        cancelling.cancel(held, now=NOW + HOUR, by=held.trainee)
    with pytest.raises(lifecycle.Moved):
        lifecycle.hold_longer(held, until=NOW + 3 * HOUR, now=NOW + HOUR, why="Please")


def test_prolonging_moves_the_seat_and_the_reservation_together() -> None:
    held = factories.reservation()
    lifecycle.hold_longer(held, until=NOW + 3 * HOUR, now=NOW, why="Bank is slow")
    again = Reservation.objects.get(pk=held.pk)
    assert again.held_until == again.cohort.seats.get(occupant=again.trainee).held_until == NOW + 3 * HOUR
    assert again.charges.get(kind="deposit").due_at == again.held_until


def test_a_move_from_another_state_than_the_one_read_changes_nothing() -> None:
    held = factories.reservation()
    stale = Reservation.objects.get(pk=held.pk)
    cancelling.cancel(held, now=NOW, by=held.trainee)
    with pytest.raises(lifecycle.Moved):
        lifecycle.move(stale, State.RESERVED, now=NOW)
    assert Reservation.objects.get(pk=held.pk).state == State.CANCELLED


def test_what_has_ended_does_not_begin_again() -> None:
    assert lifecycle.MOVES[State.TRANSFERRED] == frozenset()
    assert lifecycle.MOVES[State.CANCELLED] == {State.TRANSFERRED}  # the money of a cohort that the school cancelled


def test_a_hold_takes_at_most_nine_statements(django_assert_max_num_queries: object) -> None:
    """Eight on PostgreSQL, where finding a seat and taking it are one; and two for this test's own savepoint."""
    cohort, anna = factories.cohort(), factories.trainee()
    programme_now()
    with django_assert_max_num_queries(11):  # type: ignore[operator]
        reserving.hold(cohort, anna, now=NOW)


def test_a_sold_out_answer_writes_nothing(django_assert_num_queries: object) -> None:
    cohort = factories.cohort(capacity=1)
    factories.reservation(cohort=cohort)
    before = (Message.objects.count(), Reservation.objects.count())
    with pytest.raises(admission.Full):
        reserving.hold(cohort, factories.trainee(), now=NOW)
    assert (Message.objects.count(), Reservation.objects.count()) == before


def test_the_school_s_midnight_decides_which_day_it_is() -> None:
    """One minute before midnight in Los Angeles the first day has not come, though it has in London."""
    first_day = date(2027, 5, 11)
    cohort = factories.cohort(starts_on=first_day)
    eve = cohort.bookings_close_at - timedelta(minutes=1)
    assert reserving.hold(cohort, factories.trainee(), now=eve).state == State.HELD
