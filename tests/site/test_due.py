"""What falls due by the clock, and the worker that does it."""

import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils.timezone import now

from booking.management.commands.do_due import WORDS
from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import releasing
from booking.reservations.models import Reservation, State
from booking.site import due
from booking.site.due import Done, do_due
from tests import factories
from tests.factories import NOW
from tests.services.environment import PROJECT
from tests.services.server import Product
from workshops.history.models import HistoryLine
from workshops.messages.models import Message, MessageState
from workshops.people.models import Role
from workshops.web.models import KeptAnswer

LATER = NOW + timedelta(hours=2)
A_MOMENT = 30.0


def answer(key: str, *, hours_ago: int) -> KeptAnswer:
    user = factories.person(Role.TRAINEE)
    return KeptAnswer.objects.create(
        user=user, key=key, fingerprint="x", status=201, created_at=LATER - timedelta(hours=hours_ago)
    )


@pytest.mark.django_db
def test_a_hold_that_ran_out_is_marked_its_seat_freed_and_its_trainee_told() -> None:
    held = factories.reservation()
    assert do_due(NOW).holds == 0
    assert do_due(LATER).holds == 1
    held.refresh_from_db()
    assert (held.state, held.cohort.seats.filter(status="free").count()) == (State.EXPIRED, 12)
    assert HistoryLine.objects.filter(what="reservation-expired").count() == 1
    assert [message.subject for message in mail.outbox][1:] == [f"Your hold has run out: {held.cohort.title}"]


@pytest.mark.django_db
def test_a_cohort_that_has_enough_people_becomes_certain_and_they_are_told_in_the_same_round() -> None:
    held = factories.reservation(cohort=factories.cohort(terms_changed={"minimum_enrolment": 1}))
    assert do_due(NOW).certain == 0
    paying.record_transfer(held, Purpose.DEPOSIT, reference="A", by=factories.person(Role.REGISTRAR), now=NOW)
    assert [do_due(NOW).certain for _ in range(2)] == [1, 0]
    assert f"Certain to run: {held.cohort.title}" in [message.subject for message in mail.outbox]


@pytest.mark.django_db
def test_a_second_round_finds_nothing_to_do() -> None:
    factories.reservation()
    do_due(LATER)
    do_due(LATER)
    assert do_due(LATER) == Done()


@pytest.mark.django_db
def test_answers_of_the_api_are_kept_for_three_days() -> None:
    answer("old", hours_ago=73)
    kept = answer("young", hours_ago=71)
    assert do_due(LATER).forgotten == 1
    assert list(KeptAnswer.objects.all()) == [kept]


@pytest.mark.django_db
def test_a_task_that_fails_is_logged_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def out_of_order(**_: object) -> int:
        raise ConnectionError("the mail server is on fire")

    monkeypatch.setattr(due, "send_due", out_of_order)
    factories.reservation()
    answer("old", hours_ago=100)
    with caplog.at_level(logging.ERROR):
        assert do_due(LATER) == Done(holds=1, messages=0, forgotten=1, failed=("messages",))
    assert "What was due of messages could not be done." in caplog.text


@pytest.mark.django_db
def test_one_reservation_that_cannot_be_expired_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, fine = factories.reservation(), factories.reservation()
    expire = releasing.expire

    def fails_for_one(reservation: Reservation, **given: Any) -> bool:
        if reservation.pk == broken.pk:
            raise RuntimeError("broken")
        return bool(expire(reservation, **given))

    monkeypatch.setattr(releasing, "expire", fails_for_one)
    assert do_due(LATER).holds == 1
    fine.refresh_from_db()
    assert fine.state == State.EXPIRED
    assert do_due(LATER).failed == ("holds",)


@pytest.mark.django_db
def test_an_idle_round_is_cheap(django_assert_max_num_queries: Callable[..., object]) -> None:
    with django_assert_max_num_queries(28):  # type: ignore[attr-defined]
        do_due(NOW)


@pytest.mark.django_db
def test_the_command_goes_on_until_nothing_is_left_and_says_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "HOLDS_AT_ONCE", 1)
    for _ in range(3):
        factories.reservation(now=now() - timedelta(hours=2))
    said = StringIO()
    call_command("do_due", stdout=said)
    assert said.getvalue() == "Holds and offers run out: 3. Messages tried: 6.\n"


def test_the_command_has_words_for_every_task() -> None:
    assert set(WORDS) == set(Done().counts)


@pytest.mark.django_db
def test_the_command_fails_where_a_task_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "forget_due", lambda _now: 1 // 0)
    with pytest.raises(CommandError, match="forgotten"):
        call_command("do_due", stdout=StringIO())


# -- several at once, and other processes ------------------------------------------------------------------------------
@pytest.mark.slow
def test_many_workers_at_once_do_everything_once(fresh_database: str, settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # type: ignore[attr-defined]
    cohort = factories.cohort()
    for _ in range(12):
        factories.reservation(cohort=cohort)
    ready, done = threading.Barrier(4), []

    def work() -> None:
        ready.wait()
        done.extend([do_due(LATER) for _ in range(4)])
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(each.holds for each in done) == 12
    assert sum(each.messages for each in done) == 24
    assert {message.attempts for message in Message.objects.all()} == {1}
    assert HistoryLine.objects.filter(what="reservation-expired").count() == 12
    assert [each.failed for each in done if each.failed] == []


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + A_MOMENT
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_sends_what_is_queued_and_ends_when_it_is_asked_to(
    start_product: Callable[..., Product], number: signal.Signals
) -> None:
    product = start_product(web=False)
    factories.reservation(now=now())
    worker = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=PROJECT, env=product.environment)
    until(lambda: Message.objects.get().state == MessageState.SENT)
    worker.send_signal(number)
    assert worker.wait(timeout=A_MOMENT) == 0
    assert len(product.mail()) == 1


@pytest.mark.slow
def test_what_a_killed_worker_had_begun_is_taken_up_by_the_next(start_product: Callable[..., Product]) -> None:
    product = start_product(web=False)
    factories.reservation(now=now())
    Message.objects.update(lease_until=now() + timedelta(seconds=3))  # as a worker leaves it that is killed in between
    product.start_worker()
    until(lambda: Message.objects.get().state == MessageState.SENT)
    product.kill_worker()
    factories.reservation(now=now())
    product.start_worker()
    until(lambda: not Message.objects.exclude(state=MessageState.SENT).exists())
    ids = [re.sub(r"\s", "", str(message["Message-ID"])) for message in product.mail()]
    assert (len(ids), len(set(ids))) == (2, 2)
