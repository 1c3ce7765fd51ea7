"""A POST that is sent again with the same key gets its first answer again."""

from datetime import timedelta

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from booking.reservations.models import Reservation
from booking.rights.forgetting import forget_due
from tests import factories
from tests.asking import Program, StoppedClock, invalid_fields
from workshops.people.models import Role, User
from workshops.transactions import Busy
from workshops.web import repeats
from workshops.web.models import KeptAnswer
from workshops.web.problems import Problem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def request_to(path: str = "/api/v1/things", body: bytes = b"{}") -> HttpRequest:
    request = RequestFactory().post(path, body, content_type="application/json")
    assert request.body == body
    return request


def created() -> HttpResponse:
    return HttpResponse('{"made": true}', status=201, content_type="application/json")


def test_a_repeat_gets_the_first_answer_to_the_letter_and_does_nothing() -> None:
    program, cohort = Program.of(factories.trainee()), factories.cohort()
    first = program.post("/reservations", {"cohort": cohort.public_id}, key="once")
    again = program.post("/reservations", {"cohort": cohort.public_id}, key="once")
    assert (first.status, again.status, again.content) == (201, 201, first.content)
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    assert Reservation.objects.count() == 1


def test_without_a_key_every_request_is_a_new_one() -> None:
    program, cohort = Program.of(factories.trainee()), factories.cohort()
    assert program.post("/reservations", {"cohort": cohort.public_id}).status == 201
    assert program.post("/reservations", {"cohort": cohort.public_id}).problem == (409, "already-reserved")
    assert KeptAnswer.objects.count() == 0


def test_an_answer_is_the_same_even_when_the_world_has_moved_on(clock: StoppedClock) -> None:
    program, cohort = Program.of(factories.trainee()), factories.cohort()
    first = program.post("/reservations", {"cohort": cohort.public_id}, key="once")
    clock.move(hours=2)  # the hold has run out
    assert program.post("/reservations", {"cohort": cohort.public_id}, key="once").json == first.json


def test_a_key_belongs_to_one_request() -> None:
    program = Program.of(factories.trainee())
    one, other = factories.cohort(), factories.cohort()
    program.post("/reservations", {"cohort": one.public_id}, key="once")
    assert program.post("/reservations", {"cohort": other.public_id}, key="once").problem == (
        422,
        "idempotency-key-reused",
    )
    held = Reservation.objects.get()
    assert program.post(f"/reservations/{held.public_id}/cancel", {"cohort": one.public_id}, key="once").problem == (
        422,
        "idempotency-key-reused",
    )
    held.refresh_from_db()
    assert held.state == "held"


def test_a_key_belongs_to_one_person() -> None:
    cohort = factories.cohort()
    body = {"cohort": cohort.public_id}
    answers = [Program.of(factories.trainee()).post("/reservations", body, key="once") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json["id"] != answers[1].json["id"]


def test_another_token_of_the_same_person_repeats_the_same_request() -> None:
    person, cohort = factories.trainee(), factories.cohort()
    answers = [
        Program.of(person).post("/reservations", {"cohort": cohort.public_id}, key="once").json for _ in range(2)
    ]
    assert answers[0] == answers[1]


def test_wrong_input_stays_wrong_with_the_same_key() -> None:
    program = Program.of(factories.trainee())
    first = program.post("/reservations", {}, key="once")
    again = program.post("/reservations", {}, key="once")
    assert (invalid_fields(first), again.content) == (["cohort"], first.content)
    assert again.headers["Content-Type"] == "application/problem+json"
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_refusal_is_not_kept_so_that_the_same_request_may_succeed_later() -> None:
    cohort = factories.cohort(capacity=1)
    rival = factories.reservation(cohort=cohort)
    program = Program.of(factories.trainee())
    body = {"cohort": cohort.public_id}
    assert program.post("/reservations", body, key="once").problem == (409, "cohort-full")
    Program.of(rival.trainee).post(f"/reservations/{rival.public_id}/cancel")
    assert program.post("/reservations", body, key="once").status == 201


def test_what_may_not_be_asked_keeps_nothing() -> None:
    Program.of(factories.person(Role.MENTOR)).post("/reservations", {"cohort": "x"}, key="once")
    Program().post("/reservations", {"cohort": "x"}, key="once")
    assert KeptAnswer.objects.count() == 0


def test_paying_twice_with_one_key_pays_once() -> None:
    held = factories.reservation()
    program = Program.of(held.trainee)
    body = {"purpose": "full", "gateway": "sandbox"}
    answers = [program.post(f"/reservations/{held.public_id}/payments", body, key="pay") for _ in range(3)]
    assert [(answer.status, answer.json["id"]) for answer in answers] == [(201, answers[0].json["id"])] * 3
    assert held.payments.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "é", "\x7f"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    program = Program.of(factories.trainee())
    assert invalid_fields(program.post("/reservations", {}, key=key)) == ["Idempotency-Key"]


def test_the_longest_key_is_a_key() -> None:
    program = Program.of(factories.trainee())
    answers = [program.post("/reservations", {"cohort": factories.cohort().public_id}, key="~" * 255) for _ in range(1)]
    assert answers[0].status == 201


# -- requests at the same time -----------------------------------------------------------------------------------------
def test_a_repeat_that_comes_while_the_first_is_running_is_told_to_wait(clock: StoppedClock) -> None:
    person = factories.person()
    heard = []

    def work() -> HttpResponse:
        clock.move(seconds=30)
        with pytest.raises(Problem) as told:
            repeats.answered_once(request_to(), person, "once", never, now=clock.now)
        heard.append((told.value.slug, told.value.retry_after))
        return created()

    repeats.answered_once(request_to(), person, "once", work, now=clock.now)
    assert heard == [("in-progress", 2)]


def never() -> HttpResponse:
    raise AssertionError("It was done twice.")


def running(person: User, clock: StoppedClock) -> KeptAnswer:
    """The claim of a process that was killed."""
    fingerprint = repeats._fingerprint(request_to())
    return KeptAnswer.objects.create(user=person, key="once", fingerprint=fingerprint, created_at=clock.now)


def test_a_request_whose_process_died_may_be_sent_again_after_a_minute(clock: StoppedClock) -> None:
    person = factories.person()
    running(person, clock)
    clock.move(seconds=59)
    with pytest.raises(Problem, match="in-progress"):
        repeats.answered_once(request_to(), person, "once", never, now=clock.now)
    clock.move(seconds=1)
    assert repeats.answered_once(request_to(), person, "once", created, now=clock.now).status_code == 201
    again = repeats.answered_once(request_to(), person, "once", never, now=clock.now)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_only_one_of_two_takes_over_what_a_dead_process_left(clock: StoppedClock) -> None:
    person = factories.person()
    left = running(person, clock)
    clock.move(minutes=2)
    taken = [repeats._take_over(left, left.fingerprint, clock.now) for _ in range(2)]
    assert (taken[0] is not None, taken[1]) == (True, None)


def test_an_abandoned_key_still_belongs_to_its_request(clock: StoppedClock) -> None:
    person = factories.person()
    running(person, clock)
    clock.move(minutes=2)
    with pytest.raises(Problem, match="idempotency-key-reused"):
        repeats.answered_once(request_to(body=b"[]"), person, "once", never, now=clock.now)


def test_a_slow_first_request_does_not_overwrite_the_answer_of_the_one_that_took_over(clock: StoppedClock) -> None:
    person = factories.person()

    def slow() -> HttpResponse:
        clock.move(minutes=2)
        repeats.answered_once(request_to(), person, "once", created, now=clock.now)
        return HttpResponse("{}", status=200, content_type="application/json")

    repeats.answered_once(request_to(), person, "once", slow, now=clock.now)
    assert KeptAnswer.objects.get().status == 201


def test_work_that_fails_leaves_no_claim_behind(clock: StoppedClock) -> None:
    person = factories.person()

    def fails() -> HttpResponse:
        raise Busy

    with pytest.raises(Busy):
        repeats.answered_once(request_to(), person, "once", fails, now=clock.now)
    assert repeats.answered_once(request_to(), person, "once", created, now=clock.now).status_code == 201


# -- how long ----------------------------------------------------------------------------------------------------------
def test_an_answer_is_kept_for_72_hours(clock: StoppedClock) -> None:
    person = factories.person()
    repeats.answered_once(request_to(), person, "once", created, now=clock.now)
    clock.move(hours=72, microseconds=-1)
    again = repeats.answered_once(request_to(), person, "once", never, now=clock.now)
    assert again.headers["Idempotent-Replayed"] == "true"
    clock.move(microseconds=1)
    fresh = repeats.answered_once(request_to(body=b"[]"), person, "once", created, now=clock.now)
    assert "Idempotent-Replayed" not in fresh.headers


def test_what_was_kept_long_enough_is_forgotten(clock: StoppedClock) -> None:
    person = factories.person()
    repeats.answered_once(request_to(), person, "old", created, now=clock.now)
    clock.now += timedelta(hours=1)
    repeats.answered_once(request_to(), person, "young", created, now=clock.now)
    clock.now += timedelta(hours=71)
    assert forget_due(clock.now) == 1
    assert KeptAnswer.objects.get().key == "young"
