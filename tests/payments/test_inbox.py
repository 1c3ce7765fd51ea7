"""What Stripe tells by itself: believed only when it is Stripe, stored once, and seen to whatever happens meanwhile."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from booking.payments import ledger, sending, settling
from booking.payments.gateways.base import Unavailable
from booking.payments.gateways.stripe import events
from booking.payments.inbox import processing, receiving
from booking.payments.inbox.models import EventState, InboxEvent
from booking.payments.models import LedgerEntry, Payment, PaymentStatus, Purpose, Refund, RefundStatus
from booking.payments.reconciling import mending
from booking.payments.sending import by_hand_instead
from booking.reservations import cancelling
from booking.reservations.models import Reservation, State
from booking.site import due
from tests import factories
from tests.factories import NOW
from tests.invariants import assert_all_hold
from tests.payments.telling import begin, everything, it_is, kinds, only_stored, paid, post
from tests.services.environment import PROJECT, clean_environment
from tests.stripe_stand_in import StandIn
from workshops.history.models import HistoryLine
from workshops.people.models import Role
from workshops.prerequisites.deciding import BadFact
from workshops.transactions import Busy

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    it_is(NOW, monkeypatch)


def signed(stripe: StandIn, event: object, **how: Any) -> tuple[bytes, dict[str, str]]:
    return stripe.signed(event, **how)  # type: ignore[arg-type]


def an_event(stripe: StandIn, **changes: object) -> dict[str, Any]:
    stripe.other_sale(7_000)
    return {**stripe.pending[-1], **changes}


def status_of(payment: Payment) -> str:
    return Payment.objects.get(pk=payment.pk).status


def only_event() -> InboxEvent:
    return InboxEvent.objects.get()


def the_completed(stripe: StandIn) -> dict[str, Any]:
    return next(each for each in stripe.pending if each["type"] == "checkout.session.completed")


def state_of(reservation: Reservation) -> str:
    return Reservation.objects.get(pk=reservation.pk).state


# -- whether it is Stripe ----------------------------------------------------------------------------------------------
def test_what_stripe_tells_settles_the_payment_without_anybody_coming_back_to_the_page(stripe: StandIn) -> None:
    payment, intent = paid(stripe, Purpose.DEPOSIT)
    assert set(stripe.deliver_to(post)) == {200}
    payment.refresh_from_db()
    assert (payment.status, payment.reference) == (PaymentStatus.SUCCEEDED, intent)
    assert state_of(payment.reservation) == State.RESERVED
    assert not InboxEvent.objects.filter(state__in=(EventState.WAITING, EventState.STUCK)).exists()
    assert_all_hold(NOW)


def test_each_secret_is_good_while_they_rotate(stripe: StandIn, settings: Settings) -> None:
    event = an_event(stripe)
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_test"]
    assert post(*signed(stripe, event, secrets=["whsec_test"])) == 200
    assert post(*signed(stripe, {**event, "id": "evt_2"}, secrets=["whsec_new"])) == 200
    assert post(*signed(stripe, {**event, "id": "evt_3"}, secrets=["whsec_older", "whsec_new"])) == 200
    assert post(*signed(stripe, {**event, "id": "evt_4"}, secrets=["whsec_older"])) == 400
    assert InboxEvent.objects.count() == 3


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 200), (-299, 200), (-301, 400), (-86_400, 400), (59, 200), (61, 400), (86_400, 400)]
)
def test_a_signature_of_another_time_is_refused(stripe: StandIn, seconds: int, status: int) -> None:
    event = an_event(stripe)
    assert post(*signed(stripe, event, at=int(NOW.timestamp()) + seconds)) == status
    assert InboxEvent.objects.exists() == (status == 200)


def body_signed(stripe: StandIn, body: bytes) -> dict[str, str]:
    """The headers of a delivery that Stripe has signed, whatever is in it."""
    import hmac

    at = int(NOW.timestamp())
    made = hmac.new(b"whsec_test", f"{at}.".encode() + body, "sha256").hexdigest()
    return {"Stripe-Signature": f"t={at},v1={made}"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"\xff\xfe{}",
        b"{",
        b"not json",
        b"null",
        b"[]",
        b'"evt_1"',
        b"{}",
        b'{"object": "v2.core.event", "id": "evt_1", "type": "v1.billing.meter", "created": 1, "livemode": false}',
        b'{"object": "event", "id": ["evt_1"], "type": "charge.updated", "created": 1, "livemode": false}',
        b'{"object": "event", "id": "evt_\\u0000", "type": "charge.updated", "created": 1, "livemode": false}',
        b'{"object": "event", "id": "evt_1", "type": "charge.updated", "created": "now", "livemode": false}',
        b'{"object": "event", "id": "evt_1", "type": "charge.updated", "created": 1}',
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_signed_and_is_no_event_is_refused_in_a_sentence(stripe: StandIn, body: bytes) -> None:
    answer = Client().post("/stripe/webhook", body, content_type="application/json", headers=body_signed(stripe, body))
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"].endswith(".")
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=abc", "t=abc,v1=abc", "t,v1", ",,,", "t=1,v1=é", "t=99999999999999999999,v1=a", "t=-1,v1=a"],
)
def test_an_odd_signature_is_refused(stripe: StandIn, header: str) -> None:
    body, _ = signed(stripe, an_event(stripe))
    assert post(body, {"Stripe-Signature": header}) == 400
    assert post(body, {}) == 400
    assert not InboxEvent.objects.exists()


def test_a_body_that_was_changed_on_the_way_is_refused(stripe: StandIn) -> None:
    body, headers = signed(stripe, an_event(stripe))
    assert post(body.replace(b"7000", b"9000"), headers) == 400
    assert post(body + b" ", headers) == 400
    assert post(body, headers) == 200


def test_an_event_of_the_other_mode_is_refused(stripe: StandIn, settings: Settings) -> None:
    event = an_event(stripe)
    assert post(*signed(stripe, {**event, "livemode": True})) == 400
    settings.STRIPE_LIVE = True
    assert post(*signed(stripe, event)) == 400
    assert not InboxEvent.objects.exists()


def test_without_a_secret_nothing_is_believed(stripe: StandIn, settings: Settings) -> None:
    event = an_event(stripe)
    settings.STRIPE_WEBHOOK_SECRETS = []
    assert post(*signed(stripe, event, secrets=[""])) == 400
    assert not InboxEvent.objects.exists()


def test_only_posts_are_taken_and_nothing_large(stripe: StandIn) -> None:
    assert Client().get("/stripe/webhook").status_code == 405
    assert Client().put("/stripe/webhook", b"{}").status_code == 405
    body = b" " * (256 * 1024 + 1)
    answer = Client().post("/stripe/webhook", body, content_type="application/json", headers=body_signed(stripe, body))
    assert answer.status_code == 413


def test_no_token_no_session_and_no_cookie_are_asked_for(stripe: StandIn, settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    body, headers = signed(stripe, an_event(stripe))
    registrar = Client(enforce_csrf_checks=True)
    registrar.force_login(factories.person(Role.REGISTRAR))
    answer = registrar.post("/stripe/webhook", body, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    assert "Cookie" not in answer.get("Vary", "")
    assert not answer.cookies


def test_where_stripe_is_not_used_nobody_waits_for_its_code(tmp_path: Path) -> None:
    """Every web process reads the addresses when it starts; Stripe's library alone takes longer than all of ours."""
    code = "import django; django.setup(); import sys, booking.site.urls; print('stripe' in sys.modules)"
    settings = {"DJANGO_SETTINGS_MODULE": "booking.site.settings", "DATA_DIR": str(tmp_path)}
    environment = clean_environment(**settings)
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert (run.stdout.strip(), run.returncode) == ("False", 0), run.stderr


# -- stored once -------------------------------------------------------------------------------------------------------
def test_an_event_is_stored_by_its_numbers_alone(stripe: StandIn) -> None:
    payment = begin()
    stripe.pay(payment.checkout_id, email="someone@example.net", name="Someone Else")
    told = the_completed(stripe)
    assert "someone@example.net" in json.dumps(told)
    assert post(*stripe.signed(told)) == 200
    row = only_event()
    assert (row.event_id, row.kind, row.ours) == (told["id"], "checkout.session.completed", payment.public_id)
    assert (row.object_id, row.intent_id) == (payment.checkout_id, told["data"]["object"]["payment_intent"])
    kept = " ".join(str(value) for value in InboxEvent.objects.values().get().values())
    assert "someone" not in kept.lower()


def test_every_event_ten_times_is_stored_and_booked_once(stripe: StandIn) -> None:
    _, intent = paid(stripe)
    stripe.dashboard_refund(intent, 30_000)
    told = len(stripe.pending)
    answers = stripe.deliver_twice(post, times=10)
    assert (set(answers), len(answers)) == ({200}, told * 10)
    assert InboxEvent.objects.count() == told
    assert ledger.paid_cents(Reservation.objects.get()) == 179_900
    assert_all_hold(NOW)


def test_an_unknown_kind_is_stored_as_of_no_interest(stripe: StandIn) -> None:
    assert post(*signed(stripe, an_event(stripe, type="customer.tax_id.created"))) == 200
    assert (only_event().state, only_event().done_at) == (EventState.IGNORED, NOW)


@pytest.mark.parametrize("problem", [Busy(), OperationalError("database is locked")])
def test_what_cannot_be_stored_is_asked_for_again(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def refuses(*_args: object, **_named: object) -> None:
        raise problem

    payment, _ = paid(stripe, Purpose.DEPOSIT)
    with monkeypatch.context() as broken:
        broken.setattr(receiving, "receive", refuses)
        assert set(stripe.deliver_to(post)) == {503}
    assert set(stripe.deliver_to(post)) == {200}
    assert status_of(payment) == PaymentStatus.SUCCEEDED


def test_stripe_hears_200_before_anything_is_asked_and_a_moment_later_the_worker_asks(stripe: StandIn) -> None:
    """Even while Stripe hangs: an endpoint that answers slowly is switched off there."""
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.pending[:] = [the_completed(stripe)]
    asked = len(stripe.requests)
    stripe.down = True
    assert stripe.deliver_to(only_stored) == [200]
    assert (len(stripe.requests), only_event().state, only_event().attempts) == (asked, EventState.WAITING, 0)
    stripe.down = False
    assert due.do_due(NOW).events == 1
    assert status_of(payment) == PaymentStatus.SUCCEEDED


def test_what_goes_wrong_after_it_is_stored_is_the_workers_and_stripe_hears_200(stripe: StandIn) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.down = True
    stripe.pending[:] = [the_completed(stripe)]
    assert stripe.deliver_to(post) == [200]
    row = only_event()
    assert (row.state, row.due_at, row.trouble) == (
        EventState.WAITING,
        NOW + MINUTE,
        "The card processor did not answer.",
    )
    stripe.down = False
    assert processing.process_due(NOW + timedelta(seconds=59)) == 0
    assert processing.process_due(NOW + MINUTE) == 1
    assert status_of(payment) == PaymentStatus.SUCCEEDED


# -- the worker --------------------------------------------------------------------------------------------------------
def test_an_outage_is_waited_out_for_three_days_and_then_a_person_looks(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.pending[:] = [the_completed(stripe)]
    stripe.down = True
    stripe.deliver_to(post)
    moment, waited = NOW, []
    while (row := only_event()).state == EventState.WAITING:
        waited.append(row.due_at - moment)
        moment = row.due_at
        processing.process_due(moment)
    assert waited == list(processing.NO_ANSWER)
    assert timedelta(days=2.5) < moment - NOW < timedelta(days=4)
    assert list(processing.stuck(moment)) == [row]
    stripe.down = False
    registrar = factories.person(Role.REGISTRAR)
    processing.try_again(row, by=registrar, now=moment, why="Stripe is back.")
    assert processing.process_due(moment) == 1
    assert status_of(payment) == PaymentStatus.SUCCEEDED
    assert HistoryLine.objects.get(what="event-again").why == "Stripe is back."


def test_while_stripe_does_not_answer_one_question_is_asked_and_not_twenty(stripe: StandIn) -> None:
    paid(stripe, Purpose.DEPOSIT)
    stripe.deliver_to(only_stored)
    stripe.down = True
    processing.process_due(NOW)
    assert sorted(InboxEvent.objects.exclude(state="ignored").values_list("attempts", flat=True))[-2:] == [0, 1]


def test_an_event_that_somebody_alive_works_on_is_left_alone_and_a_dead_ones_is_taken_up(stripe: StandIn) -> None:
    """A lease: without it two workers would do the same, and with a lock for ever nobody would follow a dead one."""
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.pending[:] = [the_completed(stripe)]
    stripe.deliver_to(only_stored)
    assert processing._lease(only_event(), NOW)
    assert not processing._lease(only_event(), NOW + MINUTE)
    assert processing.process_due(NOW + MINUTE) == 0
    assert status_of(payment) == PaymentStatus.OPEN
    assert processing.process_due(NOW + processing.LEASE) == 1
    assert status_of(payment) == PaymentStatus.SUCCEEDED


def test_the_mark_is_in_the_same_commit_as_the_money(stripe: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.pending[:] = [the_completed(stripe)]
    marks = processing._mark

    def dies(event: InboxEvent, state: EventState, now: datetime, trouble: str = "") -> EventState:
        marks(event, state, now, trouble)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(processing, "_mark", dies)
        with pytest.raises(KeyboardInterrupt):
            stripe.deliver_to(post)
    assert (only_event().state, status_of(payment)) == (EventState.WAITING, PaymentStatus.OPEN)
    assert not LedgerEntry.objects.exists()
    assert processing.process_due(NOW + processing.LEASE) == 1
    assert (only_event().state, status_of(payment)) == (EventState.DONE, PaymentStatus.SUCCEEDED)
    assert_all_hold(NOW)


def test_a_fault_of_ours_keeps_no_other_event_waiting(stripe: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    payments = [paid(stripe, Purpose.DEPOSIT)[0] for _ in range(2)]
    stripe.pending[:] = [each for each in stripe.pending if each["type"] == "checkout.session.completed"]
    stripe.deliver_to(only_stored)
    tells = settling.told_here

    def fails_for_the_first(payment: Payment, *args: Any, **named: Any) -> Any:
        if payment == payments[0]:
            raise ZeroDivisionError
        return tells(payment, *args, **named)

    with monkeypatch.context() as broken:
        broken.setattr(processing, "told_here", fails_for_the_first)
        assert processing.process_due(NOW) == 1
    assert [status_of(each) for each in payments] == [PaymentStatus.OPEN, PaymentStatus.SUCCEEDED]
    assert InboxEvent.objects.get(state="waiting").trouble == "It could not be booked here (ZeroDivisionError)."
    assert processing.process_due(NOW + MINUTE) == 1


# -- whose it is -------------------------------------------------------------------------------------------------------
def test_the_schools_other_sales_are_left_alone(stripe: StandIn) -> None:
    intent = stripe.other_sale(9_900)
    stripe.dashboard_refund(intent["id"], 2_000)
    dispute = stripe.dispute(intent["id"], 5_000)
    stripe.close_dispute(dispute["id"], won=False)
    assert set(stripe.deliver_to(post)) == {200}
    assert set(InboxEvent.objects.values_list("state", flat=True)) == {EventState.NOT_OURS, EventState.IGNORED}
    assert not LedgerEntry.objects.exists()
    assert not Refund.objects.exists()
    assert "dispute" in "".join(kinds(state=EventState.NOT_OURS))


def test_what_is_ours_by_its_number_and_unknown_is_tried_for_an_hour_and_then_shown(stripe: StandIn) -> None:
    stripe.other_sale(9_900, {"cintima_payment": "of-another-database"})
    stripe.pending[:] = [each for each in stripe.pending if each["type"] == "payment_intent.succeeded"]
    stripe.deliver_to(post)
    moment, tries = NOW, 1
    while (row := only_event()).state == EventState.WAITING:
        moment, tries = row.due_at, tries + 1
        processing.process_due(moment)
    assert tries == 6
    assert HOUR <= moment - NOW < 2 * HOUR
    assert "of-another-database" in row.trouble
    registrar = factories.person(Role.REGISTRAR)
    with pytest.raises(BadFact):
        processing.set_aside(row, by=registrar, now=moment, why=" ")
    done = processing.set_aside(row, by=registrar, now=moment, why="It was a test of ours.")
    assert (done.state, done.done_at) == (EventState.IGNORED, moment)
    processing.set_aside(row, by=registrar, now=moment, why="It was a test of ours.")
    assert HistoryLine.objects.filter(what="event-set-aside").count() == 1
    assert not processing.stuck(moment).exists()


def test_nobody_decides_about_an_event_of_their_own_money(stripe: StandIn) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.pending[:] = [the_completed(stripe)]
    stripe.deliver_to(only_stored)
    InboxEvent.objects.update(state=EventState.STUCK)
    for decides in (processing.try_again, processing.set_aside):
        with pytest.raises(BadFact, match="own record"):
            decides(only_event(), by=payment.reservation.trainee, now=NOW, why="It is mine.")


def test_money_of_another_currency_is_shown_to_a_person_at_once(
    stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    Payment.objects.update(currency="EUR")
    stripe.pending[:] = [the_completed(stripe)]
    assert stripe.deliver_to(post) == [200]
    assert only_event().state == EventState.STUCK
    assert "asked for was EUR" in only_event().trouble
    assert status_of(payment) == PaymentStatus.OPEN


# -- payments ----------------------------------------------------------------------------------------------------------
def test_a_declined_card_leaves_the_attempt_open_because_its_page_is(stripe: StandIn) -> None:
    payment = begin()
    stripe.fail(payment.checkout_id)
    assert "payment_intent.payment_failed" in [each["type"] for each in stripe.pending]
    stripe.deliver_to(post)
    assert status_of(payment) == PaymentStatus.OPEN
    assert "payment_intent.payment_failed" in kinds(state=EventState.DONE)
    stripe.pay(payment.checkout_id)
    stripe.deliver_to(post)
    assert status_of(payment) == PaymentStatus.SUCCEEDED


def test_a_page_that_ran_out_ends_the_attempt(stripe: StandIn) -> None:
    payment = begin()
    stripe.fail(payment.checkout_id)
    stripe.expire(payment.checkout_id)
    stripe.deliver_reversed(post)
    assert status_of(payment) == PaymentStatus.EXPIRED
    assert_all_hold(NOW)


@pytest.mark.parametrize("ok", [True, False])
def test_a_bank_debit_is_awaited_and_then_booked_or_not(stripe: StandIn, ok: bool) -> None:
    deposit, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.deliver_to(post)
    payment = begin(deposit.reservation, Purpose.BALANCE)
    intent = stripe.pay(payment.checkout_id, method="us_bank_account")["payment_intent"]
    stripe.deliver_to(post)
    assert status_of(payment) == PaymentStatus.PROCESSING
    stripe.settle_bank_debit(intent, ok=ok)
    stripe.deliver_reversed(post)
    assert status_of(payment) == (PaymentStatus.SUCCEEDED if ok else PaymentStatus.FAILED)
    assert_all_hold(NOW)


def test_a_page_whose_answer_was_lost_is_found_by_what_stripe_tells(stripe: StandIn) -> None:
    held = factories.reservation()
    stripe.faults.add("POST", "/v1/checkout/sessions", "drop_after", times=9)
    with pytest.raises(Unavailable):
        begin(held)
    payment = Payment.objects.get()
    (session,) = stripe.all("checkout.session")
    assert (payment.status, payment.checkout_id) == (PaymentStatus.CREATED, "")
    stripe.pay(session["id"])
    stripe.deliver_to(post)
    payment.refresh_from_db()
    assert (payment.status, payment.checkout_id) == (PaymentStatus.SUCCEEDED, session["id"])
    assert_all_hold(NOW)


def test_an_intent_alone_settles_a_payment_whose_page_was_never_heard_of(stripe: StandIn) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    Payment.objects.update(checkout_id="", status="created")
    stripe.pending[:] = [each for each in stripe.pending if each["type"] == "payment_intent.succeeded"]
    stripe.deliver_to(post)
    assert status_of(payment) == PaymentStatus.SUCCEEDED


def test_a_second_sum_for_one_payment_is_not_taken_for_the_first(stripe: StandIn) -> None:
    """A page that was made twice, for instance by a repeat after Stripe had forgotten its key."""
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    stripe.deliver_to(post)
    again = stripe.other_sale(50_000, {"cintima_payment": payment.public_id})
    stripe.deliver_to(post)
    stuck = processing.stuck(NOW)
    assert set(stuck.values_list("intent_id", flat=True)) == {again["id"]}
    assert "paid twice" in stuck[0].trouble
    assert ledger.paid_cents(payment.reservation) == 50_000
    assert_all_hold(NOW)


def paid_elsewhere(stripe: StandIn, payment: Payment, cents: int = 100) -> str:
    """Money that is somebody else's and carries the number of this payment; its intent."""
    return str(stripe.other_sale(cents, {"cintima_payment": payment.public_id})["id"])


def test_money_of_somebody_else_under_our_number_is_not_taken_for_the_payment(stripe: StandIn) -> None:
    payment = begin()
    foreign = paid_elsewhere(stripe, payment)
    stripe.deliver_to(post)
    assert status_of(payment) == PaymentStatus.OPEN
    assert not LedgerEntry.objects.exists()
    waits = InboxEvent.objects.filter(state=EventState.WAITING, intent_id=foreign)
    assert {"was not paid on that payment's page" in each.trouble for each in waits} == {True}
    stripe.pay(payment.checkout_id)
    stripe.deliver_to(post)
    assert status_of(payment) == PaymentStatus.SUCCEEDED
    assert (state_of(payment.reservation), ledger.kept_cents(payment.reservation)) == (State.RESERVED, 50_000)
    processing.process_due(NOW + MINUTE)
    assert set(processing.stuck(NOW).values_list("intent_id", flat=True)) == {foreign}
    assert_all_hold(NOW)


def test_money_of_somebody_else_under_the_number_of_a_page_that_has_closed_needs_a_person(stripe: StandIn) -> None:
    payment = begin()
    stripe.expire(payment.checkout_id)
    stripe.deliver_to(post)
    foreign = paid_elsewhere(stripe, payment)
    stripe.deliver_to(post)
    assert set(processing.stuck(NOW).values_list("intent_id", flat=True)) == {foreign}
    assert status_of(payment) == PaymentStatus.EXPIRED


def test_a_refund_of_money_of_somebody_else_settles_no_payment_either(stripe: StandIn) -> None:
    payment = begin()
    stripe.dashboard_refund(paid_elsewhere(stripe, payment))
    stripe.deliver_to(post)
    assert status_of(payment) == PaymentStatus.OPEN
    assert not Refund.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_late_money_goes_back_by_itself_once_it_is_told(stripe: StandIn) -> None:
    payment = begin(factories.reservation(cohort=factories.cohort(capacity=1)))
    stripe.pay(payment.checkout_id)
    later = NOW + 3 * HOUR
    factories.reservation(cohort=payment.reservation.cohort, now=later)  # the seat is somebody else's meanwhile
    stripe.now = later
    for event in (each for each in [*stripe.pending] if each["type"] == "checkout.session.completed"):
        told = events.read(*_pair(stripe, event), now=later)
        receiving.receive(told, now=later)
        assert processing.process_due(later) == 1
    assert Refund.objects.get().status == RefundStatus.SUCCEEDED
    assert_all_hold(later)


def _pair(stripe: StandIn, event: dict[str, Any]) -> tuple[bytes, str]:
    body, headers = stripe.signed(event)
    return body, headers["Stripe-Signature"]


def test_the_fee_is_booked_when_it_is_known_and_once(stripe: StandIn) -> None:
    payment, intent = paid(stripe, Purpose.DEPOSIT)
    charge = stripe.account.objects[stripe.object(intent)["latest_charge"]]
    fee, charge["balance_transaction"] = charge["balance_transaction"], None
    completed = the_completed(stripe)
    stripe.pending.clear()
    post(*stripe.signed(completed))
    assert not LedgerEntry.objects.filter(source__startswith="fee:").exists()
    charge["balance_transaction"] = fee
    stripe.account.emit("charge.updated", charge)
    stripe.deliver_twice(post, times=3)
    assert LedgerEntry.objects.filter(source=f"fee:{fee}").count() == 1
    assert ledger.paid_cents(payment.reservation) == 50_000


# -- refunds of ours ---------------------------------------------------------------------------------------------------
def gives_up_the_seat(payment: Payment) -> Refund:
    """Somebody cancels in time: the refund, as far as it has come."""
    seat = Reservation.objects.get(pk=payment.reservation_id)
    return cancelling.cancel(seat, now=NOW, by=seat.trainee).refunds[0]


@pytest.mark.parametrize("ok", [True, False])
def test_a_refund_under_way_is_booked_when_stripe_tells_how_it_ended(stripe: StandIn, ok: bool) -> None:
    payment, _ = paid(stripe)
    stripe.deliver_to(post)
    stripe.refunds = "pending"
    refund = gives_up_the_seat(payment)
    stripe.finish_refund(refund.processor_id, ok=ok)
    stripe.deliver_reversed(post)
    refund.refresh_from_db()
    assert refund.status == (RefundStatus.SUCCEEDED if ok else RefundStatus.FAILED)
    assert_all_hold(NOW)


def test_a_refund_whose_answer_was_lost_is_booked_by_what_stripe_tells(stripe: StandIn) -> None:
    payment, _ = paid(stripe)
    stripe.deliver_to(post)
    stripe.faults.add("POST", "/v1/refunds", "drop_after", times=9)
    refund = gives_up_the_seat(payment)
    assert refund.status == RefundStatus.REQUESTED
    stripe.deliver_twice(post)
    refund.refresh_from_db()
    assert (refund.status, refund.processor_id) == (RefundStatus.SUCCEEDED, stripe.all("refund")[0]["id"])
    assert_all_hold(NOW)


def test_a_refund_that_had_gone_and_came_back_is_owed_again(stripe: StandIn) -> None:
    payment, _ = paid(stripe)
    stripe.deliver_to(post)
    refund = gives_up_the_seat(payment)
    assert refund.status == RefundStatus.SUCCEEDED
    stripe.finish_refund(refund.processor_id, ok=False)
    stripe.deliver_twice(post, times=3)
    refund.refresh_from_db()
    assert (refund.status, refund.failure) == (RefundStatus.FAILED, "expired_or_canceled_card")
    assert_all_hold(NOW)


def waits_to_be_sent(payment: Payment, stripe: StandIn) -> Refund:
    """Somebody cancels while Stripe is down: the refund as the worker reads it afterwards."""
    stripe.down = True
    gives_up_the_seat(payment)
    stripe.down = False
    return Refund.objects.select_related("payment", "reservation__trainee").get()


def test_a_refund_that_has_gone_by_the_dashboard_is_not_failed_by_the_refusal_of_ours(stripe: StandIn) -> None:
    """The worker had read it as waiting; until its question came to Stripe, somebody sent the money there."""
    payment, intent = paid(stripe)
    stripe.deliver_to(post)
    read_before = waits_to_be_sent(payment, stripe)
    gone = stripe.dashboard_refund(intent)
    stripe.deliver_to(post)
    sending.send_back(read_before, now=NOW)
    refund = Refund.objects.get()
    assert (refund.status, refund.processor_id, refund.failure) == (RefundStatus.SUCCEEDED, gone["id"], "")
    assert not HistoryLine.objects.filter(what="refund-failed").exists()
    assert mending.compare(NOW - DAY, NOW + HOUR) == []
    assert_all_hold(NOW)


def test_a_slow_answer_of_a_try_that_failed_does_not_end_the_next_one(stripe: StandIn) -> None:
    payment, _ = paid(stripe)
    stripe.deliver_to(post)
    stripe.refunds = "fail_later"
    slow = waits_to_be_sent(payment, stripe)
    sending.send_back_due(NOW + sending.ASK_AGAIN)
    stripe.finish_refund(Refund.objects.get().processor_id, ok=False)
    stripe.deliver_to(post)
    sending.ask_again(slow, now=NOW, by=factories.person(Role.REGISTRAR), why="The card is open again.")
    stripe.refunds = "succeed"
    sending.send_back(slow, now=NOW)  # the answer to the first
    refund = Refund.objects.get()
    assert (refund.status, refund.attempt, refund.processor_id) == (RefundStatus.REQUESTED, 1, "")
    assert sending.send_back_due(NOW) == 1
    stripe.deliver_to(post)
    assert Refund.objects.get().status == RefundStatus.SUCCEEDED
    assert mending.compare(NOW - DAY, NOW + HOUR) == []
    assert_all_hold(NOW)


def test_while_stripe_does_not_answer_one_refund_is_asked_for_and_not_fifty(stripe: StandIn) -> None:
    payments = [paid(stripe)[0] for _ in range(3)]
    stripe.deliver_to(post)
    stripe.down = True
    for each in payments:
        gives_up_the_seat(each)
    asked = len(stripe.requests)
    later = NOW + sending.ASK_AGAIN
    assert sending.send_back_due(later) == 0
    assert Refund.objects.filter(asked_at=later).count() == 1
    assert len(stripe.requests) - asked <= 3  # the tries of one question
    assert sending.send_back_due(later) == 0
    assert Refund.objects.filter(asked_at=later).count() == 2
    stripe.down = False
    assert sending.send_back_due(later + sending.ASK_AGAIN) == 3


def test_what_is_told_late_of_a_try_that_failed_does_not_end_the_next_one(stripe: StandIn) -> None:
    payment, _ = paid(stripe)
    stripe.deliver_to(post)
    refund = gives_up_the_seat(payment)
    stripe.finish_refund(refund.processor_id, ok=False)
    first, *late = [each for each in stripe.pending if each["type"] in ("refund.failed", "refund.updated")]
    stripe.pending.clear()
    post(*stripe.signed(first))
    by_hand_instead(refund, now=NOW, by=factories.person(Role.REGISTRAR), why="The card is closed.")
    for each in late:
        assert post(*stripe.signed(each)) == 200
    refund.refresh_from_db()
    assert (refund.status, refund.by_hand) == (RefundStatus.REQUESTED, True)


def test_a_refund_under_a_number_of_ours_that_we_do_not_have_is_never_taken_for_one_of_the_dashboard(
    stripe: StandIn,
) -> None:
    payment, _ = paid(stripe)
    stripe.deliver_to(post)
    refund = gives_up_the_seat(payment)
    stripe.account.objects[refund.processor_id]["metadata"]["cintima_refund"] = "restored-too-old"
    before = everything()
    stripe.deliver_to(post)
    assert "restored-too-old" in InboxEvent.objects.filter(state="waiting")[0].trouble
    assert everything() == before


def test_the_same_function_settles_for_the_page_and_the_webhook(stripe: StandIn) -> None:
    payment, _ = paid(stripe, Purpose.DEPOSIT)
    settling.catch_up(payment, now=NOW)
    before = everything()
    stripe.deliver_shuffled(post, seed=3)
    assert everything() == before
    assert_all_hold(NOW)
