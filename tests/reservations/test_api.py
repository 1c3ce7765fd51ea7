"""Cohorts, eligibility, reservations and rosters as programs see them."""

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import calling_off, lifecycle, releasing, waiting
from booking.reservations.models import Reservation
from tests import factories
from tests.asking import Answer, Program, StoppedClock
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.people.models import Role, RoleGrant, Scope, User
from workshops.prerequisites.models import WaiverKind
from workshops.prerequisites.recording import entitle
from workshops.prerequisites.waiving import waive
from workshops.programme.models import ConductText, Module, Price

pytestmark = pytest.mark.django_db
SITE = "http://localhost:8000"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def registrar() -> User:
    return factories.person(Role.REGISTRAR, name="Rosa Registrar")


def dollars(amount: int) -> dict[str, object]:
    return {"amount": amount * 100, "currency": "USD"}


# -- cohorts -----------------------------------------------------------------------------------------------------------
def test_anyone_reads_all_there_is_to_know_about_a_cohort() -> None:
    stage = factories.venue(name="Stage B", address="1 Mill Road", city="Burbank")
    cohort = factories.cohort(
        code="2027-spring",
        title="Spring",
        capacity=12,
        venue=stage,
        starts_on=date(2027, 5, 11),
        terms_changed={"deposit_cents": 60_000, "balance_due_days": 40},
    )
    factories.reservation(cohort=cohort)
    answer = Program().get(f"/cohorts/{cohort.public_id}")
    sessions = answer.json.pop("sessions")
    assert (answer.status, answer.json) == (
        200,
        {
            "id": cohort.public_id,
            "code": "2027-spring",
            "title": "Spring",
            "status": "published",
            "bookable": True,
            "starts_on": "2027-05-11",
            "ends_on": "2027-05-14",
            "timezone": "America/Los_Angeles",
            "venue": {"name": "Stage B", "address": "1 Mill Road", "city": "Burbank"},
            "capacity": 12,
            "seats_left": 11,
            "waitlist_length": 0,
            "price": dollars(2099),
            "deposit": dollars(600),
            "balance_due_on": "2027-04-01",
            "bookings_open_at": "2026-12-12T10:00:00-08:00",
            "bookings_close_at": "2027-05-11T00:00:00-07:00",
            "conduct": {"version": 1, "url": f"{SITE}/conduct/1/"},
            "certain": {"state": "always", "decided_by": None},
            "url": f"{SITE}/cohorts/2027-spring/",
        },
    )
    assert len(sessions) == 4
    assert sessions[0] == {
        "day": 1,
        "starts_at": "2027-05-11T09:30:00-07:00",
        "ends_at": "2027-05-11T17:30:00-07:00",
        "topics": ["Scene study"],
    }


def test_a_hold_that_ran_out_is_a_seat_left_at_once(clock: StoppedClock) -> None:
    cohort = factories.cohort(capacity=1)
    factories.reservation(cohort=cohort)

    def seats_left() -> object:
        return Program().get(f"/cohorts/{cohort.public_id}").json["seats_left"]

    clock.move(minutes=59, seconds=59)
    assert seats_left() == 0
    clock.move(seconds=1)
    assert seats_left() == 1


def test_the_price_is_the_one_of_today(clock: StoppedClock) -> None:
    cohort = factories.cohort()
    Price.objects.create(item="module-iv", amount_cents=220_000, effective_from=date(2027, 1, 12))

    def price() -> object:
        return Program().get(f"/cohorts/{cohort.public_id}").json["price"]["amount"]

    assert price() == 209_900
    clock.move(days=1)
    assert price() == 220_000


def test_everything_is_due_at_once_when_the_balance_date_has_come() -> None:
    cohort = factories.cohort(starts_on=date(2027, 2, 1))
    answer = Program().get(f"/cohorts/{cohort.public_id}").json
    assert (answer["balance_due_on"], answer["deposit"]) == ("2027-01-02", dollars(2099))


def test_a_draft_exists_for_registrars_only(registrar: User) -> None:
    instructor = factories.person(Role.INSTRUCTOR)
    draft = factories.cohort(status=CohortStatus.DRAFT, instructors=(instructor,))
    others = [Program(), Program.of(instructor), Program.of(factories.trainee())]
    assert [program.get(f"/cohorts/{draft.public_id}").problem for program in others] == [(404, "not-found")] * 3
    assert [program.get("/cohorts").json["items"] for program in others] == [[]] * 3
    program = Program.of(registrar)
    assert program.get(f"/cohorts/{draft.public_id}").json["status"] == "draft"
    assert [item["id"] for item in program.get("/cohorts").json["items"]] == [draft.public_id]
    trainee = others[2]
    assert trainee.get(f"/cohorts/{draft.public_id}/eligibility").problem == (404, "not-found")
    assert trainee.post("/reservations", {"cohort": draft.public_id}).problem == (404, "not-found")


def test_cohorts_are_listed_by_their_first_day_and_by_year() -> None:
    late = factories.cohort(starts_on=date(2028, 3, 1))
    cancelled = factories.cohort(starts_on=date(2027, 9, 1), status=CohortStatus.CANCELLED)
    early = factories.cohort(starts_on=date(2027, 3, 1))

    def ids(**query: int) -> list[str]:
        return [item["id"] for item in Program().get("/cohorts", **query).json["items"]]

    assert ids() == [early.public_id, cancelled.public_id, late.public_id]
    assert ids(year=2027) == [early.public_id, cancelled.public_id]
    assert ids(year=2029) == []


@pytest.mark.parametrize("status", [CohortStatus.CLOSED, CohortStatus.CANCELLED])
def test_a_cohort_that_takes_no_bookings_says_so(status: CohortStatus) -> None:
    cohort = factories.cohort(status=status)
    answer = Program().get(f"/cohorts/{cohort.public_id}").json
    assert (answer["status"], answer["bookable"]) == (status, False)


# -- eligibility -------------------------------------------------------------------------------------------------------
def test_a_trainee_reads_what_is_met_and_until_when() -> None:
    trainee, cohort = factories.trainee(), factories.cohort()
    answer = Program.of(trainee, Scope.READ).get(f"/cohorts/{cohort.public_id}/eligibility").json
    requirements = answer.pop("requirements")
    assert answer == {
        "eligible": True,
        "provisional_until": None,
        "as_of": "2027-01-11",
        "rules_version": "module-i, module-ii, on-set-days 10 in 10 years, module-iii",
    }
    assert [each["code"] for each in requirements] == ["module-i", "module-ii", "on-set-days", "module-iii"]
    assert requirements[2] == {
        "code": "on-set-days",
        "title": "10 days on professional sets",
        "met": True,
        "waived": False,
        "needed": 10,
        "counted": 10,
        "in_review": 0,
        "message": "10 of 10 days accepted within the last 10 years.",
        "changes_on": "2036-03-12",
    }


@pytest.mark.parametrize("lacking", ["module-i", "module-ii", "module-iii", "on-set-days"])
def test_what_is_missing_is_said_the_same_way_before_and_on_reserving(lacking: str) -> None:
    program, cohort = Program.of(factories.trainee(lacking=lacking)), factories.cohort()
    eligibility = program.get(f"/cohorts/{cohort.public_id}/eligibility").json
    assert not eligibility["eligible"]
    assert [each["code"] for each in eligibility["requirements"] if not each["met"]] == [lacking]
    refused = program.post("/reservations", {"cohort": cohort.public_id})
    assert refused.problem == (409, "prerequisites-unmet")
    assert refused.json["requirements"] == eligibility["requirements"]


def test_where_a_promise_will_do_the_day_by_which_it_must_be_kept_is_said(clock: StoppedClock) -> None:
    here = factories.cohort(starts_on=date(2027, 5, 11), terms_changed={"provisional_days": 30})
    lacking = Program.of(factories.trainee(lacking="on-set-days"))
    eligibility = lacking.get(f"/cohorts/{here.public_id}/eligibility").json
    assert (eligibility["eligible"], eligibility["provisional_until"]) == (False, "2027-04-11")
    elsewhere = lacking.get(f"/cohorts/{factories.cohort().public_id}/eligibility").json
    assert (elsewhere["eligible"], elsewhere["provisional_until"]) == (False, None)
    eligible = Program.of(factories.trainee()).get(f"/cohorts/{here.public_id}/eligibility").json
    assert (eligible["eligible"], eligible["provisional_until"]) == (True, None)
    made = lacking.post("/reservations", {"cohort": here.public_id}).json
    assert (made["state"], made["provisional_until"]) == ("held", "2027-04-11")
    clock.move(hours=1)
    expired = lacking.get(f"/reservations/{made['id']}").json
    assert (expired["state"], expired["provisional_until"]) == ("expired", None)


def test_a_waiver_for_another_cohort_changes_nothing_here(registrar: User) -> None:
    trainee, here, there = factories.trainee(lacking="module-iii"), factories.cohort(), factories.cohort()
    waive(
        trainee,
        "module-iii",
        kind=WaiverKind.WAIVER,
        reason="Finished it elsewhere",
        by=registrar,
        now=factories.NOW,
        cohort_id=there.pk,
    )
    program = Program.of(trainee)

    def eligible(one: Cohort) -> object:
        return program.get(f"/cohorts/{one.public_id}/eligibility").json["eligible"]

    assert (eligible(here), eligible(there)) == (False, True)


# -- reserving ---------------------------------------------------------------------------------------------------------
def test_a_trainee_reserves_a_seat_and_reads_what_it_costs() -> None:
    trainee, cohort = factories.trainee(), factories.cohort()
    answer = Program.of(trainee, Scope.BOOK).post("/reservations", {"cohort": cohort.public_id})
    made = Reservation.objects.get()
    assert (answer.status, answer.json) == (
        201,
        {
            "id": made.public_id,
            "cohort": cohort.public_id,
            "state": "held",
            "seat_number": 1,
            "held_until": "2027-01-11T11:00:00-08:00",
            "provisional_until": None,
            "price": dollars(2099),
            "deposit": dollars(500),
            "fee": dollars(0),
            "paid": dollars(0),
            "remaining": dollars(2099),
            "due_next": {"amount": dollars(500), "due_at": "2027-01-11T11:00:00-08:00"},
            "url": f"{SITE}/reservations/{made.public_id}/",
        },
    )
    assert made.trainee == trainee
    assert made.conduct == ConductText.objects.get()
    assert made.conduct_accepted_at == factories.NOW


def test_who_has_paid_elsewhere_has_a_seat_at_once() -> None:
    trainee = factories.trainee()
    entitle(trainee, Module.objects.get(code="module-iv"), "Complete Package", by=None, now=factories.NOW)
    answer = Program.of(trainee).post("/reservations", {"cohort": factories.cohort().public_id}).json
    assert (answer["state"], answer["held_until"], answer["price"], answer["due_next"]) == (
        "confirmed",
        None,
        dollars(0),
        None,
    )


def test_when_several_reasons_refuse_the_first_of_them_is_told() -> None:
    """Closed, already reserved, prerequisites, full: each time the one in front is taken away, the next shows."""
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    other = factories.cohort()
    person = factories.trainee()
    program = Program.of(person)
    own = program.post("/reservations", {"cohort": other.public_id}).json["id"]
    person.completions.filter(module__code="module-i").delete()
    Cohort.objects.filter(pk=full.pk).update(status=CohortStatus.CLOSED)

    def reserve() -> Answer:
        return program.post("/reservations", {"cohort": full.public_id})

    assert reserve().problem == (409, "booking-closed")
    Cohort.objects.filter(pk=full.pk).update(status=CohortStatus.PUBLISHED)
    assert (reserve().problem, reserve().json["reservation"]) == ((409, "already-reserved"), own)
    program.post(f"/reservations/{own}/cancel")
    assert reserve().problem == (409, "prerequisites-unmet")
    factories.finish(person, "module-i")
    assert (reserve().problem, reserve().json["waitlist_length"]) == ((409, "cohort-full"), 0)


def test_reserving_the_same_cohort_again_names_the_reservation_one_has() -> None:
    held = factories.reservation()
    answer = Program.of(held.trainee).post("/reservations", {"cohort": held.cohort.public_id})
    assert (answer.problem, answer.json["reservation"]) == ((409, "already-reserved"), held.public_id)


# -- looking at reservations -------------------------------------------------------------------------------------------
def test_its_owner_reads_a_reservation_and_its_story(clock: StoppedClock, registrar: User) -> None:
    held = factories.reservation()
    until = clock.now + timedelta(days=1)
    clock.move(minutes=5)
    lifecycle.hold_longer(held, until=until, now=clock.now, why="Asked by telephone.", by=registrar)
    clock.now = until
    releasing.expire(held, now=until)
    answer = Program.of(held.trainee, Scope.READ).get(f"/reservations/{held.public_id}").json
    assert [(line["by"], line["what"], line["why"]) for line in answer["history"]] == [
        ("you", "reservation-held", ""),
        ("the school", "hold-prolonged", "Asked by telephone."),
        ("automatic", "reservation-expired", "The deposit was not here in time."),
    ]
    assert answer["history"][0]["at"] == "2027-01-11T10:00:00-08:00"


def test_a_registrar_reads_who_did_what(registrar: User) -> None:
    held = factories.reservation(trainee=factories.trainee(name="Ines Moreau"))
    Program.of(registrar).post(f"/reservations/{held.public_id}/cancel", {"reason": "By telephone"})
    answer = Program.of(registrar, Scope.READ).get(f"/reservations/{held.public_id}").json
    assert [(line["by"], line["what"], line["why"]) for line in answer["history"]] == [
        ("Ines Moreau", "reservation-held", ""),
        ("Rosa Registrar", "reservation-cancelled", "By telephone"),
    ]


def test_a_hold_that_ran_out_is_expired_whether_or_not_a_worker_has_noticed(clock: StoppedClock) -> None:
    held = factories.reservation()
    program = Program.of(held.trainee)
    clock.move(hours=1)
    unnoticed = program.get(f"/reservations/{held.public_id}").json
    releasing.expire(held, now=clock.now)
    noticed = program.get(f"/reservations/{held.public_id}").json
    assert (unnoticed["state"], unnoticed["held_until"], unnoticed["due_next"]) == ("expired", None, None)
    assert {**unnoticed, "history": None} == {**noticed, "history": None}


def test_a_deposit_is_due_when_a_prolonged_hold_ends(clock: StoppedClock) -> None:
    held = factories.reservation()
    until = clock.now + timedelta(days=3)
    lifecycle.hold_longer(held, until=until, now=clock.now, why="Bank transfer")
    answer = Program.of(held.trainee).get(f"/reservations/{held.public_id}").json
    assert answer["due_next"] == {"amount": dollars(500), "due_at": "2027-01-14T10:00:00-08:00"}
    assert answer["held_until"] == "2027-01-14T10:00:00-08:00"


def test_everyone_lists_their_own_and_the_registrar_all(clock: StoppedClock, registrar: User) -> None:
    first = factories.reservation(now=clock.now)
    second = factories.reservation(now=clock.move(seconds=1))

    def ids(user: User) -> list[str]:
        return [item["id"] for item in Program.of(user).get("/reservations").json["items"]]

    assert ids(first.trainee) == [first.public_id]
    assert ids(second.trainee) == [second.public_id]
    assert ids(registrar) == [second.public_id, first.public_id]
    assert ids(factories.person(Role.INSTRUCTOR)) == []
    assert ids(factories.person(Role.BOOKKEEPER)) == []


def test_a_listed_reservation_is_the_same_as_by_itself() -> None:
    held = factories.reservation()
    program = Program.of(held.trainee)
    program.post(f"/reservations/{held.public_id}/payments", {"purpose": "deposit", "gateway": "sandbox"})
    listed = program.get("/reservations").json["items"]
    assert listed == [program.get(f"/reservations/{held.public_id}").json]
    assert (listed[0]["state"], listed[0]["paid"], listed[0]["remaining"]) == (
        "reserved",
        dollars(500),
        dollars(1599),
    )


# -- cancelling --------------------------------------------------------------------------------------------------------
def test_an_unpaid_hold_is_given_back_and_its_seat_is_free() -> None:
    cohort = factories.cohort(capacity=1)
    held = factories.reservation(cohort=cohort)
    answer = Program.of(held.trainee, Scope.BOOK).post(f"/reservations/{held.public_id}/cancel", {"reason": "I am ill"})
    assert (answer.status, answer.json["state"], answer.json["held_until"], answer.json["due_next"]) == (
        200,
        "cancelled",
        None,
        None,
    )
    assert answer.json["refund"] == {"amount": dollars(0), "status": "none", "rule": "nothing-paid"}
    assert (answer.json["history"][-1]["by"], answer.json["history"][-1]["why"]) == ("you", "I am ill")
    assert Program().get(f"/cohorts/{cohort.public_id}").json["seats_left"] == 1


@pytest.mark.parametrize("body", [None, {}, {"reason": ""}])
def test_nobody_needs_a_reason_to_cancel(body: object) -> None:
    held = factories.reservation()
    assert Program.of(held.trainee).post(f"/reservations/{held.public_id}/cancel", body).status == 200


@pytest.mark.parametrize("reason", ["a\x00b", "x" * 1001, 7, None, ["x"]])
def test_a_reason_is_a_text_of_bearable_length(reason: object) -> None:
    held = factories.reservation()
    answer = Program.of(held.trainee).post(f"/reservations/{held.public_id}/cancel", {"reason": reason})
    assert answer.problem == (422, "invalid-input")
    held.refresh_from_db()
    assert held.state == "held"


def pay(one: Reservation, purpose: str = "deposit") -> None:
    """Pay with play money."""
    answer = Program.of(one.trainee).post(
        f"/reservations/{one.public_id}/payments", {"purpose": purpose, "gateway": "sandbox"}
    )
    assert answer.status == 201


def test_what_is_paid_comes_back_by_the_terms_it_was_reserved_under(clock: StoppedClock) -> None:
    early, later, last = (factories.reservation(cohort=factories.cohort(starts_on=date(2027, 5, 11))) for _ in range(3))
    for one in (early, later, last):
        pay(one, "full")
    expected = {
        early: (datetime(2027, 3, 12, 23, 59, tzinfo=factories.LOS_ANGELES), 2099, "everything-back"),
        later: (datetime(2027, 4, 11, 23, 59, tzinfo=factories.LOS_ANGELES), 1599, "deposit-kept"),
        last: (datetime(2027, 4, 12, 0, 0, tzinfo=factories.LOS_ANGELES), 0, "nothing-back"),
    }
    for one, (when, amount, rule) in expected.items():
        clock.now = when
        answer = Program.of(one.trainee).post(f"/reservations/{one.public_id}/cancel")
        status = "succeeded" if amount else "none"
        assert (answer.status, answer.json["state"]) == (200, "cancelled")
        assert answer.json["refund"] == {"amount": dollars(amount), "status": status, "rule": rule}
        assert answer.json["paid"] == dollars(2099 - amount)


def test_a_bank_transfer_goes_back_by_hand_and_the_answer_says_that_it_is_to_be_sent(registrar: User) -> None:
    held = factories.reservation()
    paying.record_transfer(held, Purpose.DEPOSIT, reference="T1", by=registrar, now=factories.NOW)
    answer = Program.of(registrar).post(f"/reservations/{held.public_id}/cancel").json
    assert answer["refund"] == {"amount": dollars(500), "status": "requested", "rule": "everything-back"}


def test_what_has_ended_is_not_cancelled_again_and_what_to_do_is_said(clock: StoppedClock) -> None:
    moved, ended, over = (factories.reservation() for _ in range(3))
    Program.of(ended.trainee).post(f"/reservations/{ended.public_id}/cancel")
    program = Program.of(moved.trainee)
    new = program.post(f"/reservations/{moved.public_id}/transfer", {"cohort": factories.cohort().public_id}).json["id"]
    clock.move(hours=1)
    told = {
        ended: "It has been cancelled before: there is nothing left to do.",
        over: "Its time ran out, so it holds no seat: there is nothing left to cancel.",
        moved: "It has moved to another cohort: cancel the reservation it goes on as (`moved_to`).",
    }
    for one, detail in told.items():
        answer = Program.of(one.trainee).post(f"/reservations/{one.public_id}/cancel")
        assert (answer.problem, answer.json["detail"]) == ((409, "not-cancellable"), detail)
    assert program.get(f"/reservations/{moved.public_id}").json["moved_to"] == new
    assert program.get(f"/reservations/{new}").json["moved_to"] is None


def test_once_the_cohort_has_begun_cancelling_is_the_schools_matter(clock: StoppedClock, registrar: User) -> None:
    paid = factories.reservation()
    pay(paid)
    clock.move(days=120)
    for person in (paid.trainee, registrar):
        answer = Program.of(person).post(f"/reservations/{paid.public_id}/cancel")
        assert answer.problem == (409, "not-cancellable")
        assert answer.json["detail"].startswith("The cohort has begun. Write to the school")


def test_when_the_school_cancelled_the_cohort_the_choice_is_named(registrar: User) -> None:
    paid = factories.reservation()
    pay(paid)
    calling_off.call_off(paid.cohort, why="The stage burned down.", now=factories.NOW, by=registrar)
    program = Program.of(paid.trainee)
    answer = program.post(f"/reservations/{paid.public_id}/cancel")
    assert answer.problem == (409, "not-cancellable")
    assert "you can choose between your money and another cohort" in answer.json["detail"]
    moved = program.post(f"/reservations/{paid.public_id}/transfer", {"cohort": factories.cohort().public_id})
    assert (moved.status, moved.json["state"], moved.json["paid"]) == (201, "reserved", dollars(500))


@pytest.mark.parametrize("call", ["cancel", "transfer"])
def test_only_its_owner_and_a_registrar_act_on_a_reservation(call: str, registrar: User) -> None:
    body = {"cohort": factories.cohort().public_id}
    owner = factories.reservation()
    path = f"/reservations/{owner.public_id}/{call}"
    assert Program().post(path, body).problem == (401, "unauthenticated")
    assert Program.of(owner.trainee, Scope.READ).post(path, body).problem == (403, "scope-missing")
    assert Program.of(registrar, Scope.REGISTRAR).post(path, body).problem == (403, "scope-missing")
    for other in (factories.trainee(), factories.person(Role.INSTRUCTOR), factories.person(Role.BOOKKEEPER)):
        assert Program.of(other).post(path, body).problem == (404, "not-found")
    owner.refresh_from_db()
    assert owner.state == "held"
    assert Program.of(registrar, Scope.BOOK).post(path, body).status in {200, 201}


@pytest.mark.parametrize("call", ["cancel", "transfer"])
def test_a_repeat_with_the_same_key_does_nothing_twice(call: str) -> None:
    held, target = factories.reservation(), factories.cohort()
    program, path = Program.of(held.trainee), f"/reservations/{held.public_id}/{call}"
    body = {"cohort": target.public_id} if call == "transfer" else {}
    first, again = (program.post(path, body, key="once") for _ in range(2))
    assert (again.status, again.json, again.headers["Idempotent-Replayed"]) == (first.status, first.json, "true")
    assert Reservation.objects.filter(trainee=held.trainee).count() == (2 if call == "transfer" else 1)


# -- moving ------------------------------------------------------------------------------------------------------------
def transfer(one: Reservation, to: Cohort, by: User | None = None, **said: str) -> Answer:
    return Program.of(by or one.trainee).post(
        f"/reservations/{one.public_id}/transfer", {"cohort": to.public_id, **said}
    )


def test_a_trainee_moves_with_everything_that_was_paid() -> None:
    paid, target = factories.reservation(), factories.cohort(starts_on=date(2027, 9, 1))
    pay(paid)
    answer = transfer(paid, target, reason="I have work in May")
    new = Reservation.objects.get(cohort=target)
    assert (answer.status, answer.json) == (
        201,
        {
            "id": new.public_id,
            "cohort": target.public_id,
            "state": "reserved",
            "seat_number": 1,
            "held_until": None,
            "provisional_until": None,
            "price": dollars(2099),
            "deposit": dollars(500),
            "fee": dollars(0),
            "paid": dollars(500),
            "remaining": dollars(1599),
            "due_next": {"amount": dollars(1599), "due_at": "2027-08-02T23:59:59-07:00"},
            "url": f"{SITE}/reservations/{new.public_id}/",
        },
    )
    old = Program.of(paid.trainee).get(f"/reservations/{paid.public_id}").json
    assert (old["state"], old["paid"], old["moved_to"]) == ("transferred", dollars(0), new.public_id)
    assert (old["history"][-1]["what"], old["history"][-1]["why"]) == ("reservation-transferred", "I have work in May")


def test_a_fee_for_moving_late_is_part_of_what_remains(clock: StoppedClock) -> None:
    terms = {"moving_fee_cents": 15_000, "moving_free_days": 60, "moving_until_days": 10}
    paid = factories.reservation(cohort=factories.cohort(terms_changed=terms))
    pay(paid)
    clock.move(days=100)
    answer = transfer(paid, factories.cohort(starts_on=date(2027, 9, 1))).json
    assert (answer["fee"], answer["paid"], answer["remaining"]) == (dollars(150), dollars(500), dollars(1749))


def test_every_refusal_of_a_move_leaves_the_old_seat_untouched(clock: StoppedClock) -> None:
    held = factories.reservation()
    full = factories.cohort(capacity=1)
    factories.reservation(cohort=full)
    waiting.join(full, factories.trainee(), now=clock.now)
    closed = factories.cohort(status=CohortStatus.CLOSED)
    before = Program.of(held.trainee).get(f"/reservations/{held.public_id}").json
    assert transfer(held, closed).problem == (409, "booking-closed")
    same = transfer(held, held.cohort)
    assert (same.problem, same.json["reservation"]) == ((409, "already-reserved"), held.public_id)
    refused = transfer(held, full)
    assert (refused.problem, refused.json["waitlist_length"]) == ((409, "cohort-full"), 1)
    unknown = Program.of(held.trainee).post(f"/reservations/{held.public_id}/transfer", {"cohort": "0" * 20})
    assert unknown.problem == (404, "not-found")
    held.trainee.completions.filter(module__code="module-i").delete()
    unmet = transfer(held, factories.cohort())
    assert unmet.problem == (409, "prerequisites-unmet")
    assert [each["code"] for each in unmet.json["requirements"] if not each["met"]] == ["module-i"]
    assert Program.of(held.trainee).get(f"/reservations/{held.public_id}").json == before


def test_a_second_seat_where_two_are_allowed_is_still_one_a_cohort() -> None:
    terms = {"one_active_seat": False}
    here, there = factories.cohort(terms_changed=terms), factories.cohort(terms_changed=terms)
    one = factories.reservation(cohort=here)
    other = factories.reservation(cohort=there, trainee=one.trainee)
    refused = transfer(one, there)
    assert (refused.problem, refused.json["reservation"]) == ((409, "already-reserved"), other.public_id)


def test_too_late_for_a_trainee_is_not_too_late_for_the_school(clock: StoppedClock, registrar: User) -> None:
    paid, target = factories.reservation(), factories.cohort(starts_on=date(2027, 9, 1))
    pay(paid)
    clock.move(days=91)
    refused = transfer(paid, target)
    last_day = paid.cohort.starts_on - timedelta(days=30)
    assert (refused.problem, refused.json["last_day"]) == ((409, "moving-over"), last_day.isoformat())
    moved = transfer(paid, target, by=registrar, reason="Illness")
    assert (moved.status, moved.json["state"]) == (201, "reserved")


def test_a_registrar_who_is_the_trainee_moves_as_any_trainee(clock: StoppedClock) -> None:
    both = factories.trainee()
    RoleGrant.objects.create(user=both, role=Role.REGISTRAR, granted_at=factories.NOW)
    paid = factories.reservation(trainee=both)
    pay(paid)
    clock.move(days=91)
    assert transfer(paid, factories.cohort(starts_on=date(2027, 9, 1))).problem == (409, "moving-over")


def test_what_has_ended_does_not_move_and_what_to_do_is_said(clock: StoppedClock) -> None:
    moved, ended, over = (factories.reservation() for _ in range(3))
    transfer(moved, factories.cohort())
    Program.of(ended.trainee).post(f"/reservations/{ended.public_id}/cancel")
    clock.move(hours=1)
    told = {
        moved: "It has moved before: transfer the reservation it goes on as (`moved_to`).",
        ended: "It has been cancelled, so there is no seat to move: reserve one in the other cohort.",
        over: "Its time ran out, so there is no seat to move: reserve one in the other cohort.",
    }
    for one, detail in told.items():
        for to in (factories.cohort(), one.cohort):
            refused = transfer(one, to)
            assert (refused.problem, refused.json["detail"]) == ((409, "not-movable"), detail)


# -- rosters -----------------------------------------------------------------------------------------------------------
def test_an_instructor_reads_who_comes_and_nothing_about_money() -> None:
    instructor = factories.person(Role.INSTRUCTOR)
    cohort = factories.cohort(instructors=(instructor,))
    ines = factories.trainee(name="Ines Moreau", pronouns="she/her", phone="+1 213 555 0100")
    paid = factories.reservation(cohort=cohort, trainee=ines)
    Program.of(ines).post(f"/reservations/{paid.public_id}/payments", {"purpose": "full", "gateway": "sandbox"})
    held = factories.reservation(cohort=cohort, trainee=factories.trainee(name="Ada Okafor"))
    answer = Program.of(instructor, Scope.TEACH).get(f"/cohorts/{cohort.public_id}/roster")
    nothing_yet: dict[str, object] = {"attendance": [], "mentor": None, "access_needs": None, "emergency_contact": None}
    assert (answer.status, answer.json) == (
        200,
        {
            "items": [
                {
                    "seat_number": 1,
                    "reservation": paid.public_id,
                    "name": "Ines Moreau",
                    "pronouns": "she/her",
                    "phone": "+1 213 555 0100",
                    "state": "expected",
                    **nothing_yet,
                },
                {
                    "seat_number": 2,
                    "reservation": held.public_id,
                    "name": "Ada Okafor",
                    "pronouns": "",
                    "phone": "",
                    "state": "held",
                    **nothing_yet,
                },
            ],
            "next": None,
        },
    )


def test_a_roster_is_for_its_own_instructors_and_registrars(registrar: User) -> None:
    cohort = factories.cohort(instructors=(factories.person(Role.INSTRUCTOR),))
    other = factories.person(Role.INSTRUCTOR)
    factories.cohort(instructors=(other,))
    path = f"/cohorts/{cohort.public_id}/roster"
    assert Program.of(other).get(path).problem == (404, "not-found")
    assert Program.of(other).get(path).json == Program.of(other).get(f"/cohorts/{'0' * 20}/roster").json
    assert Program.of(registrar).get(path).json == {"items": [], "next": None}


def test_someone_who_no_longer_is_an_instructor_reads_no_roster() -> None:
    former = factories.person(Role.TRAINEE)
    cohort = factories.cohort(instructors=(former,))
    assert Program.of(former).get(f"/cohorts/{cohort.public_id}/roster").problem == (403, "not-allowed")


def test_a_seat_on_a_promise_is_provisional_until_the_promise_is_kept(registrar: User) -> None:
    cohort = factories.cohort(terms_changed={"provisional_days": 30})
    promised = factories.reservation(cohort=cohort, trainee=factories.trainee(lacking="module-iii"))
    program = Program.of(registrar)

    def state() -> object:
        return program.get(f"/cohorts/{cohort.public_id}/roster").json["items"][0]["state"]

    assert state() == "held"
    pay(promised)
    assert state() == "provisional"
    factories.finish(promised.trainee, "module-iii")
    assert state() == "expected"


def test_a_lapsed_hold_is_on_no_roster(clock: StoppedClock, registrar: User) -> None:
    held = factories.reservation()
    clock.move(hours=1)
    answer = Program.of(registrar).get(f"/cohorts/{held.cohort.public_id}/roster")
    assert answer.json["items"] == []


def test_a_roster_comes_in_pages_like_every_list(registrar: User) -> None:
    cohort = factories.cohort()
    for _ in range(3):
        factories.reservation(cohort=cohort)
    program, path = Program.of(registrar), f"/cohorts/{cohort.public_id}/roster"
    first = program.get(path, limit=2).json
    rest = program.get(path, limit=2, cursor=first["next"]).json
    assert [line["seat_number"] for line in first["items"] + rest["items"]] == [1, 2, 3]
    assert rest["next"] is None
    elsewhere = program.get(f"/cohorts/{factories.cohort().public_id}/roster", cursor=first["next"])
    assert elsewhere.problem == (422, "invalid-input")


# -- how many statements -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/cohorts", "/reservations", "/cohorts/{cohort}/roster", "/completions"])
def test_a_list_of_three_takes_as_many_statements_as_a_list_of_one(path: str, registrar: User) -> None:
    cohort = factories.cohort()
    program = Program.of(registrar)
    address = path.format(cohort=cohort.public_id)

    def add_one() -> None:
        held = factories.reservation(cohort=cohort)
        Program.of(held.trainee).post(
            f"/reservations/{held.public_id}/payments", {"purpose": "deposit", "gateway": "sandbox"}
        )
        factories.cohort()

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert program.get(address).status == 200
        return len(captured)

    add_one()
    program.get(address)  # the first request of a token notes that it was used
    for_one = statements()
    add_one()
    add_one()
    assert statements() == for_one
