"""Moving to another cohort: everything comes along in one transaction, or nothing happens."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from booking.payments import ledger, paying
from booking.payments.models import Payment, Purpose, RefundStatus
from booking.payments.settling import settle
from booking.reservations import admission, calling_off, cancelling, lifecycle, moving, offers, reserving, waiting
from booking.reservations.models import ChargeKind, Reservation, State
from booking.reservations.refunds import ComesBack
from booking.site.due import do_due
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.invariants import assert_all_hold
from workshops.clock import end_of_school_day, school_day
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort
from workshops.cohorts.plans import Plan
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.messages.models import Message
from workshops.people.models import Role, RoleGrant, User

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
PRICE, DEPOSIT = 209_900, 50_000


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR)


def cohort_in(days: int, **fields: object) -> Cohort:
    return factories.cohort(starts_on=school_day(NOW) + timedelta(days=days), **fields)  # type: ignore[arg-type]


def seat_in(cohort: Cohort, *purposes: Purpose, trainee: User | None = None) -> Reservation:
    made = reserving.hold(cohort, trainee or factories.trainee(), now=NOW)
    for purpose in purposes:
        paying.begin(made, purpose, "sandbox", by=made.trainee, now=NOW)
        made = Reservation.objects.select_related("cohort__venue", "cohort__module", "trainee").get(pk=made.pk)
    return made


def noon(day: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=LOS_ANGELES)


def test_seat_money_agreements_and_story_come_along() -> None:
    old = seat_in(cohort_in(120), Purpose.DEPOSIT)
    there = cohort_in(200)
    new = moving.move(old, there, now=NOW + DAY, by=old.trainee, why="Work")
    old.refresh_from_db()
    assert (old.state, new.state, new.moved_from_id) == (State.TRANSFERRED, State.RESERVED, old.pk)
    assert (ledger.paid_cents(old), ledger.paid_cents(new)) == (0, DEPOSIT)
    assert (new.price_cents, new.terms_frozen, new.conduct_id, new.conduct_accepted_at) == (
        old.price_cents,
        old.terms_frozen,
        old.conduct_id,
        old.conduct_accepted_at,
    )
    assert new.balance_due_on == there.starts_on - 30 * DAY
    assert [(each.kind, each.amount_cents, each.due_at) for each in new.charges.all()] == [
        (ChargeKind.DEPOSIT, DEPOSIT, NOW + DAY),
        (ChargeKind.BALANCE, PRICE - DEPOSIT, end_of_school_day(new.balance_due_on)),
    ]
    assert not old.cohort.seats.filter(occupant=old.trainee).exists()
    assert there.seats.get(occupant=old.trainee).status == "taken"
    assert Message.objects.get(kind="reservation-moved").context["old_cohort"] == old.cohort.title
    assert {line.why for line in HistoryLine.objects.filter(what__in=("reservation-transferred", "reservation-moved"))}
    assert_all_hold(NOW + DAY)


def test_a_holds_clock_runs_on() -> None:
    old = seat_in(cohort_in(120))
    new = moving.move(old, cohort_in(200), now=NOW + timedelta(minutes=40), by=old.trainee)
    assert (new.state, new.held_until) == (State.HELD, old.held_until)
    assert_all_hold(NOW + timedelta(minutes=40))


def test_a_full_cohort_changes_nothing_and_its_line_keeps_the_old_seat_meanwhile() -> None:
    there = cohort_in(200, capacity=1)
    other = seat_in(there, Purpose.FULL)
    old = seat_in(cohort_in(120), Purpose.FULL)
    with pytest.raises(admission.Full):
        moving.move(old, there, now=NOW, by=old.trainee)
    entry, _ = waiting.join(there, old.trainee, now=NOW)
    old.refresh_from_db()
    assert old.state == State.CONFIRMED
    cancelling.cancel(other, now=NOW + DAY, by=other.trainee)
    entry.refresh_from_db()
    assert entry.offer is not None
    new = moving.accept(entry.offer, now=NOW + DAY, by=old.trainee)
    old.refresh_from_db()
    assert (old.state, new.state, new.cohort_id, ledger.paid_cents(new)) == (
        State.TRANSFERRED,
        State.CONFIRMED,
        there.pk,
        PRICE,
    )
    assert_all_hold(NOW + DAY)


def test_a_seat_that_is_left_goes_to_the_line_at_once() -> None:
    here = cohort_in(120, capacity=1)
    old = seat_in(here, Purpose.FULL)
    entry, _ = waiting.join(here, factories.trainee(), now=NOW)
    moving.move(old, cohort_in(200), now=NOW, by=old.trainee)
    entry.refresh_from_db()
    assert entry.state == "offered"


def test_a_trainee_moves_until_the_last_day_and_the_school_after_it(registrar: User) -> None:
    old, there = seat_in(cohort_in(120), Purpose.FULL), cohort_in(200)
    last = noon(NOW + 90 * DAY)
    assert moving.preview(old, there, last, by_the_school=False)[0].fee_cents == 0
    with pytest.raises(moving.TooLate) as refused:
        moving.move(old, there, now=last + DAY, by=old.trainee)
    assert refused.value.last_day == school_day(last)
    assert moving.move(old, there, now=last + DAY, by=registrar, why="Illness").state == State.CONFIRMED


def test_moving_late_costs_the_fee_that_the_terms_say_and_a_waiver_gives_it_back(registrar: User) -> None:
    here = cohort_in(120, terms_changed={"moving_free_days": 60, "moving_until_days": 5, "moving_fee_cents": 15_000})
    old, there = seat_in(here, Purpose.FULL), cohort_in(200)
    late = noon(NOW + 70 * DAY)
    with pytest.raises(moving.Changed):
        moving.move(old, there, now=late, by=old.trainee, expected_fee_cents=0)
    new = moving.move(old, there, now=late, by=old.trainee, expected_fee_cents=15_000)
    assert (new.state, new.fee_cents, new.remaining_cents(ledger.kept_cents(new))) == (State.RESERVED, 15_000, 15_000)
    charged = HistoryLine.objects.get(what="fee-charged", about_id=new.public_id)
    assert (charged.by, sentence(charged)) == (new.trainee, "A fee of $150 is owed for moving")
    paying.begin(new, Purpose.BALANCE, "sandbox", by=new.trainee, now=late)
    new.refresh_from_db()
    assert new.state == State.CONFIRMED
    (refund,) = cancelling.waive_fee(new, now=late, by=registrar, why="She was ill")
    assert (refund.amount_cents, refund.status) == (15_000, RefundStatus.SUCCEEDED)
    assert_all_hold(late)


def test_a_move_that_costs_nothing_is_not_remembered_with_a_fee() -> None:
    old = seat_in(cohort_in(120), Purpose.DEPOSIT)
    moving.move(old, cohort_in(200), now=NOW, by=old.trainee)
    assert not HistoryLine.objects.filter(what="fee-charged").exists()


def test_moving_does_not_make_refundable_what_had_stopped_being_so() -> None:
    old, there = seat_in(cohort_in(120), Purpose.FULL), cohort_in(300)
    late = noon(NOW + 80 * DAY)  # 40 days before: the deposit stays with the school
    assert cancelling.preview(old, late).kept_cents == DEPOSIT
    new = moving.move(old, there, now=late, by=old.trainee)
    assert cancelling.preview(new, late).kept_cents == DEPOSIT
    done = cancelling.cancel(new, now=late, by=new.trainee)
    assert done.comes_back.cents == PRICE - DEPOSIT
    assert {refund.payment.reservation_id for refund in done.refunds} == {old.pk}
    assert_all_hold(late)


def test_a_move_by_the_school_takes_nothing_away(registrar: User) -> None:
    old, there = seat_in(cohort_in(120), Purpose.FULL), cohort_in(300)
    late = noon(NOW + 80 * DAY)
    new = moving.move(old, there, now=late, by=registrar, why="The school asked")
    assert cancelling.preview(new, late).kept_cents == 0


def test_the_prerequisites_are_asked_again() -> None:
    old, there = seat_in(cohort_in(120)), cohort_in(200)
    old.trainee.completions.all().delete()
    with pytest.raises(admission.PrerequisitesUnmet):
        moving.move(old, there, now=NOW, by=old.trainee)
    old.refresh_from_db()
    assert old.state == State.HELD


def test_nobody_moves_to_where_they_are_or_after_they_have_left() -> None:
    old = seat_in(cohort_in(120))
    with pytest.raises(moving.SameCohort):
        moving.move(old, old.cohort, now=NOW, by=old.trainee)
    cancelling.cancel(old, now=NOW, by=old.trainee)
    old.refresh_from_db()
    with pytest.raises(lifecycle.Moved):
        moving.move(old, cohort_in(200), now=NOW, by=old.trainee)


def test_a_transfer_sent_for_the_old_reservation_counts_for_the_new_one(registrar: User) -> None:
    old = seat_in(cohort_in(120), Purpose.DEPOSIT)
    paying.begin(old, Purpose.BALANCE, "offline", by=old.trainee, now=NOW)
    new = moving.move(old, cohort_in(200), now=NOW, by=old.trainee)
    assert Payment.objects.get(reservation=old, gateway="offline").status == "expired"
    settled = paying.record_transfer(old, Purpose.BALANCE, reference="IN-9", by=registrar, now=NOW + DAY)
    new.refresh_from_db()
    assert (settled.seat_is_theirs, new.state) == (True, State.CONFIRMED)
    assert_all_hold(NOW + DAY)


def test_two_people_change_places(registrar: User) -> None:
    one, other = seat_in(cohort_in(120, capacity=1), Purpose.FULL), seat_in(cohort_in(200, capacity=1), Purpose.DEPOSIT)
    first, second = moving.swap(one, other, now=NOW, by=registrar, why="They asked for it")
    assert (first.trainee, first.cohort_id, first.state) == (one.trainee, other.cohort_id, State.CONFIRMED)
    assert (second.trainee, second.cohort_id, second.state) == (other.trainee, one.cohort_id, State.RESERVED)
    assert_all_hold(NOW)


def test_a_swap_of_which_one_half_is_impossible_changes_nothing(registrar: User) -> None:
    one, other = seat_in(cohort_in(120), Purpose.FULL), seat_in(cohort_in(200), Purpose.DEPOSIT)
    other.trainee.completions.all().delete()
    with pytest.raises(admission.PrerequisitesUnmet):
        moving.swap(one, other, now=NOW, by=registrar, why="They asked for it")
    one.refresh_from_db()
    assert one.state == State.CONFIRMED
    assert_all_hold(NOW)


# -- the school cancels or moves a cohort ------------------------------------------------------------------------------
def test_a_cancelled_cohort_leaves_nothing_dangling(registrar: User) -> None:
    cohort = cohort_in(120, capacity=3)
    paid, held = seat_in(cohort, Purpose.FULL), seat_in(cohort)
    gone = seat_in(cohort, Purpose.DEPOSIT)
    waits, _ = waiting.join(cohort, factories.trainee(), now=NOW)
    offered, _ = waiting.join(cohort, factories.trainee(), now=NOW)
    waiting.reorder(cohort, [offered.public_id, waits.public_id], now=NOW, by=registrar, why="A reason")
    cancelling.cancel(gone, now=NOW, by=gone.trainee)
    touched = calling_off.touches(cohort, NOW)
    assert sorted(each.owed_cents for each in touched.people) == [0, 0, PRICE]
    assert (touched.owed_cents, len(touched.waiting)) == (PRICE, 1)
    calling_off.call_off(cohort, by=registrar, now=NOW, why="The stage is closed.")
    assert set(Reservation.objects.filter(cohort=cohort).values_list("state", flat=True)) == {State.CANCELLED}
    assert {(seat.status, seat.occupant) for seat in cohort.seats.all()} == {("blocked", None)}
    assert Message.objects.filter(kind="cohort-cancelled").count() == 3
    assert Message.objects.get(kind="line-closed").to == waits.trainee
    with pytest.raises(admission.BookingClosed):
        reserving.hold(cohort, factories.trainee(), now=NOW)
    paid.refresh_from_db()
    held.refresh_from_db()
    assert (held.choose_until, paid.choose_until) == (None, touched.choose_until)
    assert_all_hold(NOW)


def test_who_does_not_choose_gets_all_of_it_back_when_the_time_is_over(registrar: User) -> None:
    paid = seat_in(cohort_in(120), Purpose.FULL)
    calling_off.call_off(paid.cohort, by=registrar, now=NOW, why="The stage is closed.")
    assert do_due(NOW + 13 * DAY).choices == 0
    assert do_due(NOW + 15 * DAY).choices == 1
    assert ledger.paid_cents(paid) == 0
    assert_all_hold(NOW + 15 * DAY)


def test_who_chooses_another_cohort_takes_all_of_it_along(registrar: User) -> None:
    paid, there = seat_in(cohort_in(40), Purpose.FULL), cohort_in(200)
    late = noon(NOW + 35 * DAY)  # five days before: nothing would come back, nobody could move
    calling_off.call_off(paid.cohort, by=registrar, now=late, why="The stage is closed.")
    paid.refresh_from_db()
    new = moving.move(paid, there, now=late + DAY, by=paid.trainee)
    assert (new.state, ledger.paid_cents(new), new.fee_cents) == (State.CONFIRMED, PRICE, 0)
    assert cancelling.preview(new, late + DAY).kept_cents == 0
    with pytest.raises(lifecycle.Moved):
        cancelling.take_the_money(paid, now=late + DAY, by=paid.trainee)
    assert_all_hold(late + DAY)


def test_a_moved_cohort_lets_everyone_leave_at_no_cost_for_a_while(registrar: User) -> None:
    stays, leaves = (seat_in(each, Purpose.FULL) for each in [cohort_in(120)] * 2)
    cohort, late = stays.cohort, noon(NOW + 100 * DAY)
    plan = planning.plan_of(cohort)
    with pytest.raises(planning.Refused):
        planning.change_cohort(cohort, later(plan, 14), by=registrar, now=late)
    calling_off.reschedule(cohort, later(plan, 14), by=registrar, now=late, reason="The stage is taken.")
    leaves.refresh_from_db()
    assert cancelling.preview(leaves, late + DAY) == ComesBack(PRICE, 0, "school-moved")
    assert cancelling.preview(leaves, late + 15 * DAY).cents == 0
    assert Message.objects.filter(kind="cohort-moved").count() == 2
    sequences = set(cohort.sessions.values_list("sequence", flat=True))
    assert sequences == {1}
    assert_all_hold(late)


def later(plan: Plan, days: int) -> Plan:
    by = timedelta(days=days)
    return replace(
        plan, days=tuple(replace(day, starts_at=day.starts_at + by, ends_at=day.ends_at + by) for day in plan.days)
    )


def test_the_time_to_choose_is_never_shorter_than_was_promised(registrar: User) -> None:
    paid = seat_in(cohort_in(120), Purpose.FULL)
    Cohort.objects.filter(pk=paid.cohort_id).update(terms_changed={"choice_days": 1})
    calling_off.call_off(paid.cohort, by=registrar, now=NOW, why="The stage is closed.")
    paid.refresh_from_db()
    assert paid.choose_until == end_of_school_day(school_day(NOW) + 14 * DAY)


def test_an_offer_elsewhere_takes_the_money_of_a_cancelled_cohort_along(registrar: User) -> None:
    paid, there = seat_in(cohort_in(120), Purpose.DEPOSIT), cohort_in(200, capacity=1)
    other = seat_in(there, Purpose.FULL)
    entry, _ = waiting.join(there, paid.trainee, now=NOW)
    calling_off.call_off(paid.cohort, by=registrar, now=NOW, why="The stage is closed.")
    cancelling.cancel(other, now=NOW, by=other.trainee)
    entry.refresh_from_db()
    assert entry.offer is not None
    new = moving.accept(entry.offer, now=NOW, by=paid.trainee)
    assert (new.state, new.moved_from_id, ledger.paid_cents(new)) == (State.RESERVED, paid.pk, DEPOSIT)
    assert_all_hold(NOW)


def test_moving_twice_takes_the_money_of_both_along_and_back_the_way_it_came() -> None:
    old = seat_in(cohort_in(120), Purpose.DEPOSIT)
    second = moving.move(old, cohort_in(200), now=NOW, by=old.trainee)
    paying.begin(second, Purpose.BALANCE, "sandbox", by=old.trainee, now=NOW)
    second.refresh_from_db()
    third = moving.move(second, cohort_in(280), now=NOW, by=old.trainee)
    done = cancelling.cancel(third, now=NOW, by=old.trainee)
    assert [(each.payment.reservation_id, each.amount_cents) for each in done.refunds] == [
        (second.pk, PRICE - DEPOSIT),
        (old.pk, DEPOSIT),
    ]
    assert_all_hold(NOW)


def test_nobody_leaves_a_cohort_that_has_begun(registrar: User) -> None:
    old, there = seat_in(cohort_in(120), Purpose.FULL), cohort_in(200)
    with pytest.raises(lifecycle.HasBegun):
        moving.move(old, there, now=noon(NOW + 120 * DAY), by=registrar, why="A reason")


def test_too_late_is_said_before_full() -> None:
    there = cohort_in(200, capacity=1)
    seat_in(there, Purpose.FULL)
    old = seat_in(cohort_in(120), Purpose.FULL)
    with pytest.raises(moving.TooLate):
        moving.move(old, there, now=noon(NOW + 100 * DAY), by=old.trainee)


def test_an_offer_that_is_accepted_by_moving_an_unpaid_hold_keeps_its_time() -> None:
    there = cohort_in(200, capacity=1)
    other, old = seat_in(there, Purpose.FULL), seat_in(cohort_in(120))
    entry, _ = waiting.join(there, old.trainee, now=NOW)
    cancelling.cancel(other, now=NOW, by=other.trainee)
    entry.refresh_from_db()
    assert entry.offer is not None
    new = moving.accept(entry.offer, now=NOW, by=old.trainee)
    assert (new.state, new.held_until) == (State.HELD, entry.offer.held_until)
    assert_all_hold(NOW)


def test_someone_who_let_a_hold_run_out_there_may_still_change_places(registrar: User) -> None:
    there, lapsed = cohort_in(200, capacity=2), factories.trainee()
    reserving.hold(there, lapsed, now=NOW - 2 * DAY)  # nobody has noticed that it ran out: the seat row is theirs yet
    one, other = seat_in(cohort_in(120, capacity=1), Purpose.FULL, trainee=lapsed), seat_in(there, Purpose.FULL)
    moving.swap(one, other, now=NOW, by=registrar, why="They asked for it")
    assert_all_hold(NOW)


# -- what an attacker found --------------------------------------------------------------------------------------------
FEE: dict[str, object] = {"moving_fee_cents": 15_000, "moving_free_days": 300, "moving_until_days": 5}


def offer_in(cohort: Cohort, trainee: User) -> Reservation:
    """An offer to `trainee` of the only seat of a cohort."""
    had = seat_in(cohort, Purpose.FULL)
    waiting.join(cohort, trainee, now=NOW)
    cancelling.cancel(had, now=NOW, by=had.trainee)
    return Reservation.objects.select_related("cohort__venue", "trainee").get(trainee=trainee, state=State.OFFERED)


def test_a_promise_comes_along_when_an_offer_is_accepted_by_moving() -> None:
    lacking = factories.trainee(lacking="on-set-days")
    seat_in(cohort_in(100, terms_changed={"provisional_days": 20}), Purpose.DEPOSIT, trainee=lacking)
    offer = offer_in(cohort_in(120, capacity=1, terms_changed={"provisional_days": 20}), lacking)
    new = moving.accept(offer, now=NOW, by=lacking)
    assert new.provisional_until == offer.provisional_until is not None


def test_two_fees_and_a_waiver_make_nothing_refundable_again(registrar: User) -> None:
    here, there, further = (cohort_in(days, terms_changed=FEE) for days in (50, 200, 220))
    first = seat_in(here, Purpose.DEPOSIT)
    assert cancelling.preview(first, NOW).cents == 0
    second = moving.move(first, there, now=NOW, by=first.trainee)
    third = moving.move(second, further, now=NOW, by=first.trainee)
    cancelling.waive_fee(third, now=NOW, by=registrar, why="A reason")
    third.refresh_from_db()
    assert cancelling.preview(third, NOW).cents == 0


def test_moving_to_and_fro_does_not_hold_a_seat_for_nothing_for_weeks() -> None:
    here, there = cohort_in(100), cohort_in(150)
    held, now = seat_in(here), NOW
    paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=now)
    held.refresh_from_db()
    until = held.held_until
    moved = moving.move(held, there, now=now + DAY, by=held.trainee)
    paying.begin(moved, Purpose.DEPOSIT, "offline", by=held.trainee, now=now + DAY)
    moved.refresh_from_db()
    assert moved.held_until == until


def test_a_deposit_that_was_under_way_during_a_move_to_a_near_cohort_still_buys_the_seat() -> None:
    held = seat_in(cohort_in(100))
    payment = paying._open(held, Purpose.DEPOSIT, "sandbox", now=NOW)
    new = moving.move(held, cohort_in(20), now=NOW, by=held.trainee)
    assert new.deposit_cents == PRICE
    assert settle(payment, now=NOW, by=None, reference="").seat_is_theirs
    new.refresh_from_db()
    assert (new.state, new.deposit_cents, [each.amount_cents for each in new.charges.all()]) == (
        State.RESERVED,
        DEPOSIT,
        [DEPOSIT, PRICE - DEPOSIT],
    )
    assert_all_hold(NOW)


def test_a_hold_never_outlasts_the_bookings_of_the_cohort_it_comes_to() -> None:
    held, near = seat_in(cohort_in(100)), cohort_in(1)
    paying.begin(held, Purpose.DEPOSIT, "offline", by=held.trainee, now=NOW)
    held.refresh_from_db()
    assert moving.move(held, near, now=NOW, by=held.trainee).held_until == near.bookings_close_at
    assert_all_hold(NOW)


def test_what_was_offered_and_promised_ends_with_the_new_dates_of_a_cohort_that_moves(registrar: User) -> None:
    cohort = cohort_in(100, capacity=2, terms_changed={"provisional_days": 20})
    promised = seat_in(cohort, Purpose.FULL, trainee=factories.trainee(lacking="module-iii"))
    offer = offer_in(cohort, factories.trainee())
    plan = planning.plan_of(cohort)
    sooner = later(replace(plan, bookings_close_at=NOW + 10 * timedelta(hours=1)), -90)
    calling_off.reschedule(cohort, sooner, by=registrar, now=NOW, reason="The stage is taken.")
    promised.refresh_from_db()
    offer.refresh_from_db()
    cohort.refresh_from_db()
    assert promised.provisional_until == cohort.starts_on - 2 * DAY
    assert offer.held_until == cohort.bookings_close_at
    assert Message.objects.get(kind="cohort-moved", to=offer.trainee).context["offered"] == "yes"
    with pytest.raises(offers.OfferGone):
        moving.accept(offer, now=noon(NOW + 10 * DAY), by=offer.trainee)
    assert_all_hold(NOW)


def test_a_choice_that_is_open_stands_in_the_way_of_no_offer_once_there_is_another_seat(registrar: User) -> None:
    cancelled = seat_in(cohort_in(100), Purpose.DEPOSIT)
    calling_off.call_off(cancelled.cohort, by=registrar, now=NOW, why="The stage is closed.")
    current = seat_in(cohort_in(120), Purpose.DEPOSIT, trainee=cancelled.trainee)
    new = moving.accept(offer_in(cohort_in(150, capacity=1), cancelled.trainee), now=NOW, by=cancelled.trainee)
    assert new.moved_from_id == current.pk
    assert_all_hold(NOW)


def test_a_registrar_who_moves_a_cohort_gives_themselves_no_way_out() -> None:
    both = factories.trainee()
    RoleGrant.objects.create(user=both, role=Role.REGISTRAR, granted_at=NOW)
    own = seat_in(cohort_in(120), Purpose.FULL, trainee=both)
    calling_off.reschedule(own.cohort, later(planning.plan_of(own.cohort), 1), by=both, now=NOW, reason="A reason")
    own.refresh_from_db()
    assert own.may_leave_until is None
