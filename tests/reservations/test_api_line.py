"""The line as programs see it: joining, one's place, leaving, and answering an offer."""

from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from booking.payments.models import Payment
from booking.reservations import cancelling, waiting
from booking.reservations.models import Reservation, WaitlistEntry
from tests import factories
from tests.asking import Answer, Program, StoppedClock, invalid_fields
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.people.models import Role, Scope, User
from workshops.prerequisites.recording import entitle
from workshops.programme.models import ConductText, Module

pytestmark = pytest.mark.django_db
NOBODY = "0" * 20


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR)


@pytest.fixture
def full() -> Cohort:
    """A cohort whose only seat is taken."""
    cohort = factories.cohort(capacity=1)
    factories.reservation(cohort=cohort)
    return cohort


def join(person: User, cohort: Cohort, **more: object) -> Answer:
    return Program.of(person).post("/waitlist", {"cohort": cohort.public_id, **more})


def free_the_seat(cohort: Cohort, clock: StoppedClock) -> None:
    """Whoever has the first seat gives it back."""
    held = Reservation.objects.holding_a_seat(clock.now).filter(cohort=cohort).first()
    assert held is not None
    cancelling.cancel(held, now=clock.now, by=held.trainee)


def offered(person: User, cohort: Cohort, clock: StoppedClock) -> str:
    """Someone joins the line and has an offer; the id of their entry."""
    entry = join(person, cohort).json["id"]
    free_the_seat(cohort, clock)
    assert Program.of(person).get("/waitlist").json["items"][0]["state"] == "offered"
    return str(entry)


# -- joining -----------------------------------------------------------------------------------------------------------
def test_a_trainee_joins_the_line_of_a_full_cohort_and_reads_their_place(full: Cohort) -> None:
    join(factories.trainee(), full)
    answer = join(factories.trainee(), full, notice_days=14)
    entry = WaitlistEntry.objects.get(notice_days=14)
    assert (answer.status, answer.json) == (
        201,
        {
            "id": entry.public_id,
            "cohort": full.public_id,
            "position": 2,
            "state": "waiting",
            "offer": None,
            "notice_days": 14,
            "joined_at": "2027-01-11T10:00:00-08:00",
            "url": f"http://localhost:8000{entry.get_absolute_url()}",
        },
    )
    assert Program().get(f"/cohorts/{full.public_id}").json["waitlist_length"] == 2


def test_joining_twice_is_waiting_once(full: Cohort) -> None:
    person = factories.trainee()
    first, again = join(person, full), join(person, full)
    assert (first.status, again.status, again.json) == (201, 200, first.json)
    changed = join(person, full, notice_days=30)
    assert (changed.status, changed.json) == (200, {**first.json, "notice_days": 30})
    assert join(person, full).json["notice_days"] == 30
    assert WaitlistEntry.objects.count() == 1


def test_a_repeat_of_joining_gets_its_first_answer_again(full: Cohort) -> None:
    program = Program.of(factories.trainee())
    first, again = (program.post("/waitlist", {"cohort": full.public_id}, key="once") for _ in range(2))
    assert (again.status, again.json, again.headers["Idempotent-Replayed"]) == (201, first.json, "true")


def test_nobody_waits_where_a_seat_could_be_reserved(full: Cohort) -> None:
    assert join(factories.trainee(), factories.cohort()).problem == (409, "seats-available")
    assert WaitlistEntry.objects.count() == 0


def test_nobody_waits_where_bookings_are_closed_or_they_have_a_seat(full: Cohort) -> None:
    closed = factories.cohort(status=CohortStatus.CLOSED)
    assert join(factories.trainee(), closed).problem == (409, "booking-closed")
    seated = Reservation.objects.get(cohort=full)
    refused = join(seated.trainee, full)
    assert (refused.problem, refused.json["reservation"]) == ((409, "already-reserved"), seated.public_id)


def test_nobody_needs_to_be_eligible_to_wait(full: Cohort) -> None:
    assert join(factories.trainee(lacking="module-iii"), full).status == 201


def test_a_cohort_that_one_may_not_see_has_no_line() -> None:
    draft = factories.cohort(status=CohortStatus.DRAFT)
    assert join(factories.trainee(), draft).problem == (404, "not-found")


@pytest.mark.parametrize("days", [-1, 366, "7", True, 1.5])
def test_notice_is_a_number_of_days(days: object, full: Cohort) -> None:
    assert invalid_fields(join(factories.trainee(), full, notice_days=days)) == ["notice_days"]


def test_whoever_let_an_offer_run_out_joins_again_at_the_end(full: Cohort, clock: StoppedClock) -> None:
    late, other = factories.trainee(), factories.trainee()
    first = offered(late, full, clock)
    join(other, full)
    clock.move(days=3)
    again = join(late, full)
    assert (again.status, again.json["state"], again.json["position"]) == (201, "waiting", 1)
    assert again.json["id"] != first
    assert Program.of(other).get("/waitlist").json["items"][0]["state"] == "offered"


# -- looking -----------------------------------------------------------------------------------------------------------
def test_everyone_lists_their_own_places_and_nobody_elses(full: Cohort, clock: StoppedClock, registrar: User) -> None:
    another = factories.cohort(capacity=1)
    factories.reservation(cohort=another)
    one, other = factories.trainee(), factories.trainee()
    for cohort in (full, another):
        join(one, cohort)
        clock.move(seconds=1)
    join(other, full)

    def places(user: User) -> list[tuple[str, int]]:
        items = Program.of(user, Scope.READ).get("/waitlist").json["items"]
        return [(item["cohort"], item["position"]) for item in items]

    assert places(one) == [(another.public_id, 1), (full.public_id, 1)]
    assert places(other) == [(full.public_id, 2)]
    assert places(registrar) == []
    assert Program.of(factories.person(Role.INSTRUCTOR)).get("/waitlist").problem == (403, "not-allowed")


def test_places_come_in_pages_like_every_list(clock: StoppedClock) -> None:
    person = factories.trainee()
    for _ in range(3):
        cohort = factories.cohort(capacity=1)
        factories.reservation(cohort=cohort)
        join(person, cohort)
    program = Program.of(person)
    first = program.get("/waitlist", limit=2).json
    rest = program.get("/waitlist", limit=2, cursor=first["next"]).json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)


def test_an_offer_is_shown_with_its_end_and_is_gone_at_that_moment(full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    entry = offered(person, full, clock)
    program, offer = Program.of(person), Reservation.objects.get(trainee=person)
    shown = program.get("/waitlist").json["items"][0]
    assert (shown["id"], shown["position"], shown["offer"]) == (
        entry,
        None,
        {"expires_at": "2027-01-13T10:00:00-08:00", "reservation": offer.public_id},
    )
    assert program.get(f"/reservations/{offer.public_id}").json["state"] == "offered"
    clock.move(hours=48)
    over = program.get("/waitlist").json["items"][0]
    assert (over["state"], over["offer"], over["position"]) == ("lapsed", None, None)


def test_a_list_of_three_places_takes_as_many_statements_as_one() -> None:
    person = factories.trainee()
    program = Program.of(person)

    def add_one() -> None:
        cohort = factories.cohort(capacity=1)
        factories.reservation(cohort=cohort)
        waiting.join(cohort, factories.trainee(), now=factories.NOW)
        waiting.join(cohort, person, now=factories.NOW)

    def statements(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert program.get(path).status == 200
        return len(captured)

    add_one()
    program.get("/waitlist")  # the first request of a token notes that it was used
    for_one = {path: statements(path) for path in ("/waitlist", "/cohorts")}
    add_one()
    add_one()
    assert {path: statements(path) for path in for_one} == for_one


def test_a_seat_that_is_owed_to_the_line_is_no_seat_left_for_anyone_else(full: Cohort, clock: StoppedClock) -> None:
    join(factories.trainee(), full)
    join(factories.trainee(), full)
    clock.move(hours=1)  # the hold has run out, and nobody has noticed

    def seats_and_line() -> tuple[int, int]:
        answer = Program().get(f"/cohorts/{full.public_id}").json
        return answer["seats_left"], answer["waitlist_length"]

    assert seats_and_line() == (0, 2)
    passer_by = Program.of(factories.trainee()).post("/reservations", {"cohort": full.public_id})
    assert (passer_by.problem, passer_by.json["waitlist_length"]) == ((409, "cohort-full"), 1)
    assert seats_and_line() == (0, 1)


# -- leaving -----------------------------------------------------------------------------------------------------------
def test_leaving_the_line_is_done_once_and_said_as_often_as_asked(full: Cohort) -> None:
    person, program = (found := factories.trainee()), Program.of(found, Scope.BOOK)
    entry = join(person, full).json["id"]
    for _ in range(2):
        answer = program.delete(f"/waitlist/{entry}")
        assert (answer.status, answer.content) == (204, b"")
    assert WaitlistEntry.objects.get().state == "withdrawn"
    assert join(person, full).status == 201


def test_leaving_with_an_open_offer_declines_it_and_the_seat_goes_on(full: Cohort, clock: StoppedClock) -> None:
    one, next_one = factories.trainee(), factories.trainee()
    entry = offered(one, full, clock)
    join(next_one, full)
    assert Program.of(one).delete(f"/waitlist/{entry}").status == 204
    assert Program.of(one).get("/waitlist").json["items"][0]["state"] == "withdrawn"
    assert Program.of(next_one).get("/waitlist").json["items"][0]["state"] == "offered"


def test_a_place_that_has_become_a_seat_or_has_run_out_is_not_left(full: Cohort, clock: StoppedClock) -> None:
    late = factories.trainee()
    lapsed = offered(late, full, clock)
    clock.move(days=3)
    answer = Program.of(late).delete(f"/waitlist/{lapsed}")
    assert (answer.problem, answer.json["state"]) == ((409, "offer-gone"), "lapsed")
    seated = factories.trainee()
    factories.reservation(cohort=full, now=clock.now)
    taken = offered(seated, full, clock)
    Program.of(seated).post(f"/waitlist/{taken}/accept")
    answer = Program.of(seated).delete(f"/waitlist/{taken}")
    assert (answer.problem, answer.json["state"]) == ((409, "offer-gone"), "seated")
    assert answer.json["detail"].startswith("You have a seat in this cohort already")


# -- answering an offer ------------------------------------------------------------------------------------------------
def test_accepting_makes_the_offer_a_hold_and_records_what_was_agreed_to(full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    entry = offered(person, full, clock)
    clock.move(hours=2)
    answer = Program.of(person, Scope.BOOK).post(f"/waitlist/{entry}/accept")
    made = Reservation.objects.get(trainee=person)
    assert (answer.status, answer.json["id"], answer.json["state"]) == (200, made.public_id, "held")
    assert answer.json["held_until"] == "2027-01-13T10:00:00-08:00"
    assert answer.json["due_next"]["amount"] == answer.json["deposit"]
    assert (made.conduct, made.conduct_accepted_at) == (ConductText.objects.get(), clock.now)
    assert Program.of(person).get("/waitlist").json["items"][0]["state"] == "seated"


def test_who_has_paid_elsewhere_accepts_a_seat_that_is_theirs_at_once(full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    entitle(person, Module.objects.get(code="module-iv"), "Complete Package", by=None, now=factories.NOW)
    answer = Program.of(person).post(f"/waitlist/{offered(person, full, clock)}/accept").json
    assert (answer["state"], answer["held_until"], answer["due_next"]) == ("confirmed", None, None)


def test_a_repeat_of_accepting_gets_the_seat_again_and_not_an_offer_that_is_gone(
    full: Cohort, clock: StoppedClock
) -> None:
    person = factories.trainee()
    program, path = Program.of(person), f"/waitlist/{offered(person, full, clock)}/accept"
    first, again = (program.post(path, key="once") for _ in range(2))
    assert (again.status, again.json, again.headers["Idempotent-Replayed"]) == (200, first.json, "true")
    other = program.post(path)
    assert (other.problem, other.json["state"]) == ((409, "offer-gone"), "seated")


def test_reserving_where_one_has_an_offer_accepts_it(full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    offered(person, full, clock)
    offer = Reservation.objects.get(trainee=person)
    answer = Program.of(person).post("/reservations", {"cohort": full.public_id})
    assert (answer.status, answer.json["id"], answer.json["state"]) == (201, offer.public_id, "held")
    assert WaitlistEntry.objects.get().state == "seated"


def test_with_a_seat_elsewhere_accepting_moves_it(full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    elsewhere = factories.reservation(trainee=person)
    program = Program.of(person)
    program.post(f"/reservations/{elsewhere.public_id}/payments", {"purpose": "deposit", "gateway": "sandbox"})
    answer = program.post(f"/waitlist/{offered(person, full, clock)}/accept")
    assert (answer.status, answer.json["cohort"], answer.json["state"]) == (200, full.public_id, "reserved")
    assert answer.json["paid"] == {"amount": 50_000, "currency": "USD"}
    assert program.get(f"/reservations/{elsewhere.public_id}").json["moved_to"] == answer.json["id"]
    assert program.get("/waitlist").json["items"][0]["state"] == "seated"
    assert Payment.objects.count() == 1


def test_with_a_seat_elsewhere_that_can_move_no_more_the_offer_stays_open(clock: StoppedClock) -> None:
    person = factories.trainee()
    soon = factories.cohort(starts_on=date(2027, 2, 20), terms_changed={"moving_until_days": 38})
    elsewhere = factories.reservation(trainee=person, cohort=soon)
    program = Program.of(person)
    program.post(f"/reservations/{elsewhere.public_id}/payments", {"purpose": "full", "gateway": "sandbox"})
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    clock.move(days=3)
    factories.reservation(cohort=full, now=clock.now)
    path = f"/waitlist/{offered(person, full, clock)}/accept"
    answer = program.post(path)
    assert (answer.problem, answer.json["last_day"]) == ((409, "moving-over"), "2027-01-13")
    assert program.get("/waitlist").json["items"][0]["state"] == "offered"


@pytest.mark.parametrize("moves", [True, False])
def test_who_was_eligible_when_the_seat_was_offered_may_accept_it(
    moves: bool, full: Cohort, clock: StoppedClock
) -> None:
    person = factories.trainee()
    if moves:
        factories.reservation(trainee=person)
    entry = offered(person, full, clock)
    person.completions.filter(module__code="module-ii").delete()
    assert Program.of(person).post(f"/waitlist/{entry}/accept").status == 200


def test_declining_passes_the_seat_on(full: Cohort, clock: StoppedClock) -> None:
    one, next_one = factories.trainee(), factories.trainee()
    entry = offered(one, full, clock)
    join(next_one, full)
    answer = Program.of(one, Scope.BOOK).post(f"/waitlist/{entry}/decline")
    assert (answer.status, answer.json["state"], answer.json["offer"]) == (200, "withdrawn", None)
    assert Program.of(next_one).get("/waitlist").json["items"][0]["state"] == "offered"
    again = Program.of(one).post(f"/waitlist/{entry}/decline")
    assert (again.problem, again.json["state"]) == ((409, "offer-gone"), "withdrawn")


@pytest.mark.parametrize("call", ["accept", "decline"])
def test_an_offer_that_is_none_is_neither_accepted_nor_declined(call: str, full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    program = Program.of(person)
    entry = join(person, full).json["id"]
    early = program.post(f"/waitlist/{entry}/{call}")
    assert (early.problem, early.json["state"]) == ((409, "offer-gone"), "waiting")
    assert early.json["detail"] == "No seat is on offer yet: you keep your place in the line."
    free_the_seat(full, clock)
    clock.move(hours=48)
    late = program.post(f"/waitlist/{entry}/{call}")
    assert (late.problem, late.json["state"]) == ((409, "offer-gone"), "lapsed")
    program.delete(f"/waitlist/{entry}")


def test_an_offer_is_not_a_reservation_to_cancel_or_move_yet(full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    offered(person, full, clock)
    path = f"/reservations/{Reservation.objects.get(trainee=person).public_id}"
    cancelled = Program.of(person).post(f"{path}/cancel")
    assert cancelled.problem == (409, "not-cancellable")
    assert cancelled.json["detail"] == "It is an offer still: decline it in the line, and the seat goes to the next."
    moved = Program.of(person).post(f"{path}/transfer", {"cohort": factories.cohort().public_id})
    assert moved.problem == (409, "not-movable")


def test_moving_to_a_cohort_where_one_has_an_offer_accepts_it(full: Cohort, clock: StoppedClock) -> None:
    person = factories.trainee()
    elsewhere = factories.reservation(trainee=person)
    offered(person, full, clock)
    answer = Program.of(person).post(f"/reservations/{elsewhere.public_id}/transfer", {"cohort": full.public_id})
    assert (answer.status, answer.json["state"]) == (201, "held")
    assert WaitlistEntry.objects.get().state == "seated"


# -- who may -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("call", ["DELETE", "accept", "decline"])
def test_a_place_in_line_is_its_owners_alone(call: str, full: Cohort, clock: StoppedClock, registrar: User) -> None:
    person = factories.trainee()
    entry = offered(person, full, clock)

    def act(program: Program, entry_id: str = entry) -> Answer:
        path = f"/waitlist/{entry_id}"
        return program.delete(path) if call == "DELETE" else program.post(f"{path}/{call}")

    assert act(Program()).problem == (401, "unauthenticated")
    assert act(Program.of(person, Scope.READ)).problem == (403, "scope-missing")
    theirs = act(Program.of(factories.trainee()))
    assert (theirs.problem, theirs.json) == ((404, "not-found"), act(Program.of(person), NOBODY).json)
    assert act(Program.of(person), "no id at all").problem == (404, "not-found")
    expected = (403, "not-allowed") if call == "DELETE" else (404, "not-found")
    assert act(Program.of(registrar)).problem == expected
    assert WaitlistEntry.objects.get().state == "offered"
    assert act(Program.of(person, Scope.BOOK)).status in {200, 204}


def test_the_line_is_for_trainees(full: Cohort, registrar: User) -> None:
    body = {"cohort": full.public_id}
    assert Program().post("/waitlist", body).problem == (401, "unauthenticated")
    assert Program().get("/waitlist").problem == (401, "unauthenticated")
    for other in (registrar, factories.person(Role.INSTRUCTOR), factories.person(Role.BOOKKEEPER)):
        assert Program.of(other).post("/waitlist", body).problem == (403, "not-allowed")
    trainee = factories.trainee()
    assert Program.of(trainee, Scope.READ).post("/waitlist", body).problem == (403, "scope-missing")
    assert Program.of(trainee, Scope.BOOK).get("/waitlist").problem == (403, "scope-missing")
    assert WaitlistEntry.objects.count() == 0


def test_a_browser_leaves_the_line_only_from_our_own_pages(full: Cohort) -> None:
    person = factories.trainee()
    entry = join(person, full).json["id"]
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)
    assert Answer(browser.delete(f"/api/v1/waitlist/{entry}")).problem == (403, "csrf")
    assert WaitlistEntry.objects.get().state == "waiting"
