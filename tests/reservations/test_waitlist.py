"""The line: who comes first, who is passed over, and what becomes of an offer."""

from datetime import date, timedelta

import pytest

from booking.desk.planning import seating
from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import admission, cancelling, offers, releasing, reserving, waiting, waitlist
from booking.reservations.models import EntryState, Reservation, State, WaitlistEntry
from booking.site.due import do_due
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from workshops.clock import school_day
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.history.words import sentence
from workshops.messages.models import Message
from workshops.people.models import Role, User

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def full() -> Cohort:
    """A cohort whose only seat is confirmed."""
    seated = factories.reservation(cohort=factories.cohort(capacity=1))
    paying.begin(seated, Purpose.FULL, "sandbox", by=seated.trainee, now=NOW)
    return seated.cohort


def seated_in(cohort: Cohort) -> Reservation:
    return Reservation.objects.get(cohort=cohort, state=State.CONFIRMED)


def give_up_a_seat(cohort: Cohort, now: object = NOW) -> None:
    one = seated_in(cohort)
    cancelling.cancel(one, now=now, by=one.trainee)  # type: ignore[arg-type]


def wait(cohort: Cohort, *people: User, notice_days: int = 0) -> list[WaitlistEntry]:
    return [
        waiting.join(cohort, person, now=NOW + timedelta(seconds=number), notice_days=notice_days)[0]
        for number, person in enumerate(people)
    ]


def states(*entries: WaitlistEntry) -> list[str]:
    for entry in entries:
        entry.refresh_from_db()
    return [entry.state for entry in entries]


def test_nobody_waits_while_a_seat_could_be_had() -> None:
    with pytest.raises(waiting.SeatsAvailable):
        waiting.join(factories.cohort(), factories.trainee(), now=NOW)


def test_who_has_the_seat_cannot_wait_for_one(full: Cohort) -> None:
    with pytest.raises(admission.AlreadyReserved):
        waiting.join(full, seated_in(full).trainee, now=NOW)


def test_a_closed_cohort_takes_nobody_into_its_line(full: Cohort) -> None:
    Cohort.objects.filter(pk=full.pk).update(status="closed")
    with pytest.raises(admission.BookingClosed):
        waiting.join(full, factories.trainee(), now=NOW)


def test_joining_twice_is_joining_once(full: Cohort) -> None:
    anna = factories.trainee()
    first, new = waiting.join(full, anna, now=NOW)
    again, renewed = waiting.join(full, anna, now=NOW + DAY)
    assert (first.pk, new, renewed) == (again.pk, True, False)
    assert Message.objects.filter(kind="line-joined").count() == 1


def test_a_freed_seat_goes_to_whoever_joined_first_in_the_same_transaction(full: Cohort) -> None:
    first, second = wait(full, factories.trainee(), factories.trainee())
    assert [waitlist.position(first), waitlist.position(second)] == [1, 2]
    give_up_a_seat(full)
    assert states(first, second) == ["offered", "waiting"]
    offer = first.offer
    assert offer is not None
    assert (offer.state, offer.held_until) == (State.OFFERED, NOW + 48 * HOUR)
    assert [waitlist.position(first), waitlist.position(second)] == [None, 1]
    assert Message.objects.get(kind="offer-made").to == first.trainee
    assert_all_hold(NOW)


def test_a_passer_by_never_gets_a_seat_that_is_owed_to_the_line(full: Cohort) -> None:
    (first,) = wait(full, factories.trainee())
    held = Reservation.objects.get(pk=seated_in(full).pk)
    Reservation.objects.filter(pk=held.pk).update(state=State.HELD, held_until=NOW + HOUR)
    full.seats.update(status="held", held_until=NOW + HOUR)  # a hold that runs out, with no worker to see it
    later = NOW + 2 * HOUR
    with pytest.raises(admission.Full):
        reserving.hold(full, factories.trainee(), now=later)
    assert states(first) == ["offered"]


def test_reserving_when_it_is_their_turn_is_accepting(full: Cohort) -> None:
    (first,) = wait(full, factories.trainee())
    give_up_a_seat(full)
    held = reserving.hold(full, first.trainee, now=NOW + HOUR)
    assert (held.state, held.pk) == (State.HELD, WaitlistEntry.objects.get(pk=first.pk).offer_id)
    assert states(first) == ["seated"]


def test_accepting_is_remembered_as_accepting(full: Cohort) -> None:
    (first,) = wait(full, factories.trainee())
    give_up_a_seat(full)
    held = reserving.hold(full, first.trainee, now=NOW + HOUR)
    said = [sentence(each) for each in HistoryLine.objects.filter(about_id=held.public_id).order_by("pk")]
    assert said == ["Seat 1 offered", "Offer accepted: seat 1 held"]
    assert_all_hold(NOW + HOUR)


def test_someone_not_eligible_is_told_keeps_their_place_and_blocks_nobody(full: Cohort) -> None:
    lacking, fine = wait(full, factories.trainee(lacking="on-set-days"), factories.trainee())
    give_up_a_seat(full)
    assert states(lacking, fine) == ["waiting", "offered"]
    told = Message.objects.get(kind="line-passed-over")
    assert told.to == lacking.trainee
    assert "10 days on professional sets" in told.context["missing"]
    assert waitlist.position(lacking) == 1
    assert HistoryLine.objects.filter(what="line-passed-over").count() == 1


def test_who_becomes_eligible_gets_what_is_free_at_the_next_look(full: Cohort) -> None:
    (lacking,) = wait(full, factories.trainee(lacking="module-iii"))
    give_up_a_seat(full)
    assert states(lacking) == ["waiting"]
    factories.finish(lacking.trainee, "module-iii")
    read = Cohort.objects.with_seats_left(NOW).select_related("module").get(pk=full.pk)
    assert waitlist.seats_left(read, waitlist.lines([read], NOW)[full.pk]) == 0
    with pytest.raises(admission.Full):
        reserving.hold(full, factories.trainee(), now=NOW)
    assert states(lacking) == ["offered"]


def test_a_seat_beside_people_who_are_not_eligible_is_anyones(full: Cohort) -> None:
    wait(full, factories.trainee(lacking="module-iii"))
    give_up_a_seat(full)
    assert reserving.hold(full, factories.trainee(), now=NOW).state == State.HELD
    assert Message.objects.filter(kind="line-passed-over").count() == 1


def test_someone_who_needs_notice_is_passed_over_for_a_cohort_that_is_near(full: Cohort) -> None:
    days = (full.starts_on - school_day(NOW)).days
    (careful,) = wait(full, factories.trainee(), notice_days=days + 1)
    (exact,) = wait(full, factories.trainee(), notice_days=days)
    give_up_a_seat(full)
    assert states(careful, exact) == ["waiting", "offered"]
    assert Message.objects.get(kind="line-passed-over").context["notice"] == f"{days + 1} days"
    offers.decline(exact.offer, now=NOW, by=exact.trainee)  # type: ignore[arg-type]
    waiting.set_notice(careful, 30, now=NOW, by=careful.trainee)
    assert states(careful) == ["offered"]


def test_being_passed_over_is_told_once_a_week_at_most(full: Cohort) -> None:
    wait(full, factories.trainee(lacking="module-iii"))
    give_up_a_seat(full)
    for days in (0, 1, 6, 7, 8):
        releasing.offer_everywhere(NOW + days * DAY)
    assert Message.objects.filter(kind="line-passed-over").count() == 2


def test_declining_passes_the_seat_on_at_once_and_the_person_may_return_to_the_end(full: Cohort) -> None:
    first, second = wait(full, factories.trainee(), factories.trainee())
    give_up_a_seat(full)
    first.refresh_from_db()
    offers.decline(first.offer, now=NOW + HOUR, by=first.trainee)  # type: ignore[arg-type]
    assert states(first, second) == ["withdrawn", "offered"]
    again, new = waiting.join(full, first.trainee, now=NOW + HOUR)
    assert (new, waitlist.position(again)) == (True, 1)
    assert_all_hold(NOW + HOUR)


def test_an_offer_that_runs_out_goes_on_to_the_next(full: Cohort) -> None:
    first, second = wait(full, factories.trainee(), factories.trainee())
    give_up_a_seat(full)
    later = NOW + 49 * HOUR
    assert do_due(later).holds == 1
    assert states(first, second) == ["lapsed", "offered"]
    assert Message.objects.get(kind="offer-lapsed").to == first.trainee
    first.refresh_from_db()
    with pytest.raises(offers.OfferGone):
        offers.accept(first.offer, now=later, by=first.trainee)  # type: ignore[arg-type]
    assert_all_hold(later)


def test_an_offer_that_ran_out_is_gone_before_any_worker_has_noticed(full: Cohort) -> None:
    first, _second = wait(full, factories.trainee(), factories.trainee())
    give_up_a_seat(full)
    first.refresh_from_db()
    assert first.offer is not None
    with pytest.raises(offers.OfferGone):
        offers.accept(first.offer, now=NOW + 48 * HOUR, by=first.trainee)


def test_accepting_never_shortens_the_time_that_was_offered(full: Cohort) -> None:
    (first,) = wait(full, factories.trainee())
    give_up_a_seat(full)
    first.refresh_from_db()
    assert first.offer is not None
    held = offers.accept(first.offer, now=NOW + HOUR, by=first.trainee)
    assert (held.state, held.held_until, held.conduct_accepted_at) == (State.HELD, NOW + 48 * HOUR, NOW + HOUR)
    assert [(charge.kind, charge.amount_cents) for charge in held.charges.all()] == [
        ("deposit", 50_000),
        ("balance", 159_900),
    ]
    assert_all_hold(NOW + HOUR)


def test_accepting_at_the_last_minute_still_leaves_an_hour_to_pay(full: Cohort) -> None:
    (first,) = wait(full, factories.trainee())
    give_up_a_seat(full)
    first.refresh_from_db()
    at = NOW + 48 * HOUR - timedelta(minutes=1)
    held = offers.accept(first.offer, now=at, by=first.trainee)  # type: ignore[arg-type]
    assert held.held_until == at + HOUR


def test_a_seat_more_and_a_seat_given_out_are_offered_to_the_line(full: Cohort) -> None:
    registrar = factories.person(Role.REGISTRAR)
    first, second = wait(full, factories.trainee(), factories.trainee())
    seating.resize(full, 2, by=registrar, now=NOW)
    assert states(first, second) == ["offered", "waiting"]
    seating.resize(full, 3, by=registrar, now=NOW)
    assert states(second) == ["offered"]


def test_late_money_comes_after_everyone_eligible_in_line() -> None:
    cohort = factories.cohort(capacity=1)
    late = factories.reservation(cohort=cohort)
    (first,) = wait(cohort, factories.trainee())
    settled = paying.record_transfer(
        late, Purpose.DEPOSIT, reference="LATE", by=factories.person(Role.REGISTRAR), now=NOW + 2 * HOUR
    )
    assert not settled.seat_is_theirs
    assert settled.refund is not None
    assert states(first) == ["offered"]
    assert_all_hold(NOW + 2 * HOUR)


def test_the_registrar_reorders_for_a_reason_and_newcomers_join_behind(full: Cohort) -> None:
    registrar = factories.person(Role.REGISTRAR)
    entries = wait(full, *(factories.trainee() for _ in range(3)))
    order = [entries[2].public_id, entries[0].public_id, entries[1].public_id]
    waiting.reorder(full, order, now=NOW, by=registrar, why="She came from abroad")
    newcomer, _ = waiting.join(full, factories.trainee(), now=NOW + DAY)
    in_turn = WaitlistEntry.objects.waiting().in_turn().values_list("public_id", flat=True)
    assert list(in_turn) == [*order, newcomer.public_id]
    assert {line.why for line in HistoryLine.objects.filter(what="line-reordered")} == {"She came from abroad"}
    with pytest.raises(waiting.LineChanged):
        waiting.reorder(full, order, now=NOW, by=registrar, why="Again")


def test_leaving_the_line_leaves_and_with_an_offer_declines(full: Cohort) -> None:
    first, second = wait(full, factories.trainee(), factories.trainee())
    give_up_a_seat(full)
    assert waiting.leave(first, now=NOW, by=first.trainee).state == EntryState.WITHDRAWN
    assert states(second) == ["offered"]
    assert waiting.leave(first, now=NOW, by=first.trainee).state == EntryState.WITHDRAWN


def test_an_offer_is_reminded_of_by_day_and_once_a_rung(full: Cohort) -> None:
    wait(full, factories.trainee())
    give_up_a_seat(full)
    for hours in (1, 24, 25, 36, 44, 45, 47, 47.5):
        do_due(NOW + hours * HOUR)
    assert Message.objects.filter(kind="offer-waits").count() == 2


def test_the_line_of_a_cohort_that_has_begun_is_closed_and_everyone_is_told(full: Cohort) -> None:
    (first,) = wait(full, factories.trainee())
    begun = NOW + (full.starts_on - school_day(NOW)) * 1
    assert do_due(begun).lines == 1
    assert states(first) == ["lapsed"]
    assert Message.objects.get(kind="line-closed").to == first.trainee


def test_the_lines_of_three_cohorts_are_read_in_two_statements(django_assert_num_queries: object) -> None:
    cohorts = [factories.reservation(cohort=factories.cohort(capacity=1)).cohort for _ in range(3)]
    for cohort in cohorts:
        wait(cohort, factories.trainee())
    read = list(Cohort.objects.with_seats_left(NOW).select_related("module"))
    with django_assert_num_queries(2):  # type: ignore[operator]
        found = waitlist.lines(read, NOW)
    assert [found[cohort.pk].length for cohort in cohorts] == [1, 1, 1]


def test_the_order_is_rank_then_moment_then_row(full: Cohort) -> None:
    people = [factories.trainee() for _ in range(3)]
    made = [
        WaitlistEntry.objects.create(
            cohort=full, trainee=person, rank=rank, joined_at=NOW - timedelta(hours=hours), revised_at=NOW
        )
        for person, rank, hours in zip(people, (1, 0, 0), (5, 1, 1), strict=True)
    ]
    assert list(WaitlistEntry.objects.in_turn()) == [made[1], made[2], made[0]]
    assert isinstance(school_day(NOW), date)
