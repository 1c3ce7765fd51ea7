"""Money that the school sends back by its own decision, records that are reversed, and refunds that failed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from booking.payments import earning, ledger, outside, paying, refunding, sending
from booking.payments.gateways.base import SentBack
from booking.payments.models import Account, Dispute, DisputeStatus, Payment, Posting, Purpose, Refund, RefundStatus
from booking.payments.outside import RECORDED_WRONGLY
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import PlanState
from booking.payments.plans.rules import choices
from booking.payments.returning import NotThatMuch, possible_cents
from booking.reservations import cancelling, moving
from booking.reservations.models import Reservation, State
from tests import factories
from tests.invariants import assert_all_hold
from tests.pages import text
from workshops.clock import school_day
from workshops.history.models import HistoryLine
from workshops.messages.models import Message
from workshops.messages.outbox import words_of
from workshops.people.models import Role, User
from workshops.prerequisites.deciding import BadFact

pytestmark = pytest.mark.django_db
PRICE, DEPOSIT = 209_900, 50_000


@pytest.fixture
def moment() -> datetime:
    """The moment at which the test runs: pages read the clock themselves."""
    return now()


@pytest.fixture
def held(moment: datetime) -> Reservation:
    """A seat that Anna holds and has not paid for."""
    return factories.reservation(trainee=factories.trainee(name="Anna"), now=moment)


def pay(reservation: Reservation, purpose: Purpose, moment: datetime, gateway: str = "sandbox") -> Payment:
    paid = paying.begin(reservation, purpose, gateway, by=reservation.trainee, now=moment).payment
    reservation.refresh_from_db()
    return paid


def transfer(reservation: Reservation, purpose: Purpose, by: User, moment: datetime, reference: str = "W-1") -> Payment:
    settled = paying.record_transfer(reservation, purpose, reference=reference, by=by, now=moment)
    reservation.refresh_from_db()
    return settled.payment


def send(reservation: Reservation, cents: int, by: User, moment: datetime, **given: Any) -> list[Refund]:
    """The registrar sends money back; the seat costs so much less."""
    asked = {"why": "A storm.", "lowers_price": True, "expected_possible_cents": possible_cents(reservation), **given}
    found = refunding.refund(reservation, cents, by=by, now=moment, **asked)
    reservation.refresh_from_db()
    return found


def path(reservation: Reservation, form: str = "") -> str:
    return f"/desk/reservations/{reservation.public_id}/" + (f"{form}/" if form else "")


# -- the command -------------------------------------------------------------------------------------------------------
def test_a_part_goes_back_and_the_seat_costs_so_much_less(held: Reservation, robin: User, moment: datetime) -> None:
    pay(held, Purpose.FULL, moment)
    (refund,) = send(held, 30_000, robin, moment)
    assert (refund.status, refund.amount_cents, refund.rule) == (RefundStatus.SUCCEEDED, 30_000, "by-the-school")
    assert (held.state, held.price_cents, ledger.kept_cents(held)) == (State.CONFIRMED, 179_900, 179_900)
    line = HistoryLine.objects.get(what="price-lowered")
    assert (line.by, line.why, line.facts["cents"]) == (robin, "A storm.", 30_000)
    assert Message.objects.filter(kind="refund-by-school", to=held.trainee).count() == 1
    assert_all_hold(moment)


def test_all_of_it_goes_back_across_payments_the_newest_first(held: Reservation, robin: User, moment: datetime) -> None:
    deposit, balance = pay(held, Purpose.DEPOSIT, moment), pay(held, Purpose.BALANCE, moment + timedelta(minutes=1))
    refunds = send(held, PRICE, robin, moment)
    assert [(each.payment, each.amount_cents) for each in refunds] == [(balance, PRICE - DEPOSIT), (deposit, DEPOSIT)]
    assert (held.state, held.price_cents, ledger.paid_cents(held)) == (State.CONFIRMED, 0, 0)
    assert_all_hold(moment)


def test_it_may_be_owed_again_by_the_date_of_the_balance(held: Reservation, robin: User, moment: datetime) -> None:
    pay(held, Purpose.FULL, moment)
    send(held, 180_000, robin, moment, lowers_price=False)
    assert (held.state, held.price_cents, held.deposit_cents) == (State.RESERVED, PRICE, 29_900)
    assert held.remaining_cents(ledger.kept_cents(held)) == 180_000
    assert [(each.kind, each.amount_cents) for each in held.charges.all()] == [
        ("deposit", 29_900),
        ("balance", 180_000),
    ]
    assert Message.objects.filter(kind="owed-again").count() == 1
    assert_all_hold(moment)


def test_of_a_seat_that_is_not_paid_in_full_what_remains_stays_the_same(
    held: Reservation, robin: User, moment: datetime
) -> None:
    pay(held, Purpose.DEPOSIT, moment)
    send(held, 20_000, robin, moment)
    assert (held.state, held.price_cents, held.deposit_cents) == (State.RESERVED, PRICE - 20_000, 30_000)
    assert held.remaining_cents(ledger.kept_cents(held)) == PRICE - DEPOSIT
    assert_all_hold(moment)


@pytest.fixture
def by_plan(moment: datetime) -> Reservation:
    """A seat whose balance is paid in three parts."""
    cohort = factories.cohort(now=moment, starts_on=school_day(moment) + timedelta(days=200))
    held = factories.reservation(cohort=cohort, now=moment)
    pay(held, Purpose.DEPOSIT, moment)
    offered = choices(PRICE - DEPOSIT, today=school_day(moment), balance_due_on=held.balance_due_on, allowed=True)
    plan = plans.propose(held, offered[0].parts, consent="I agree.", now=moment)
    plans.card_saved(held, None, now=moment)
    plan.refresh_from_db()
    assert plan.state == PlanState.ACTIVE
    return held


def test_the_parts_of_a_running_plan_stay_when_the_seat_costs_less(
    by_plan: Reservation, robin: User, moment: datetime
) -> None:
    before = [each.amount_cents for each in by_plan.charges.filter(kind="instalment")]
    send(by_plan, 20_000, robin, moment)
    assert [each.amount_cents for each in by_plan.charges.filter(kind="instalment")] == before == [53_300] * 3
    assert plans.running(by_plan) is not None
    assert_all_hold(moment)


def test_a_running_plan_ends_when_money_is_owed_again(by_plan: Reservation, robin: User, moment: datetime) -> None:
    send(by_plan, 20_000, robin, moment, lowers_price=False)
    assert (plans.running(by_plan), by_plan.charges.filter(kind="instalment").count()) == (None, 0)
    assert by_plan.remaining_cents(ledger.kept_cents(by_plan)) == PRICE - 30_000
    assert_all_hold(moment)


@pytest.mark.one_database
def test_a_plan_is_shown_to_the_desk_with_its_parts(desk: Client, by_plan: Reservation) -> None:
    page = text(desk.get(path(by_plan)))
    for words in ("Plan of 3 monthly parts", "No card is saved", "Instalment 3", "Receipt"):
        assert words in page


def test_of_what_ended_it_comes_out_of_what_was_kept(robin: User, moment: datetime) -> None:
    cohort = factories.cohort(now=moment, starts_on=school_day(moment) + timedelta(days=20))
    held = factories.reservation(cohort=cohort, now=moment)
    pay(held, Purpose.FULL, moment)
    cancelling.cancel(held, now=moment, by=held.trainee)
    assert ledger.kept_cents(held) == PRICE
    send(held, 50_000, robin, moment)
    kept = Posting.objects.filter(entry__reservation=held, account=Account.DEPOSITS_KEPT)
    assert sum(each.amount_cents for each in kept) == -(PRICE - 50_000)
    assert (held.state, held.price_cents) == (State.CANCELLED, PRICE)
    assert_all_hold(moment)


def test_once_the_cohort_has_run_it_comes_out_of_what_was_earned_and_is_not_owed_again(
    robin: User, moment: datetime
) -> None:
    past = moment - timedelta(days=60)
    cohort = factories.cohort(now=past, starts_on=school_day(past) + timedelta(days=40))
    held = factories.reservation(cohort=cohort, now=past)
    pay(held, Purpose.FULL, past)
    assert earning.earn_due(moment) == 1
    send(held, 50_000, robin, moment, lowers_price=False)
    earned = Posting.objects.filter(entry__reservation=held, account=Account.TUITION_EARNED)
    assert sum(each.amount_cents for each in earned) == -(PRICE - 50_000)
    assert (held.price_cents, held.remaining_cents(ledger.kept_cents(held))) == (PRICE - 50_000, 0)


@pytest.mark.parametrize("cents", [0, -1, PRICE + 1])
def test_no_more_goes_back_than_came_and_never_nothing(
    held: Reservation, robin: User, moment: datetime, cents: int
) -> None:
    pay(held, Purpose.FULL, moment)
    with pytest.raises(NotThatMuch):
        send(held, cents, robin, moment)
    assert (Refund.objects.count(), held.price_cents) == (0, PRICE)


def test_what_is_on_its_way_or_disputed_does_not_go_back_again(
    held: Reservation, robin: User, moment: datetime
) -> None:
    deposit = transfer(held, Purpose.DEPOSIT, robin, moment)
    pay(held, Purpose.BALANCE, moment + timedelta(minutes=1))
    Dispute.objects.create(
        payment=deposit,
        reservation=held,
        processor_id="dp_1",
        amount_cents=DEPOSIT,
        status=DisputeStatus.OPEN,
        opened_at=moment,
    )
    send(held, 100_000, robin, moment)
    assert possible_cents(held) == PRICE - DEPOSIT - 100_000
    with pytest.raises(NotThatMuch):
        send(held, PRICE - DEPOSIT - 100_000 + 1, robin, moment)


def test_nothing_is_done_where_something_else_could_go_back_than_was_shown(
    held: Reservation, robin: User, moment: datetime
) -> None:
    pay(held, Purpose.FULL, moment)
    with pytest.raises(refunding.Changed):
        send(held, 100, robin, moment, expected_possible_cents=PRICE - 1)
    assert not Refund.objects.exists()


def test_nobody_sends_money_back_to_themselves(moment: datetime) -> None:
    robin = factories.trainee()
    robin.role_grants.create(role=Role.REGISTRAR, granted_at=moment)
    own = factories.reservation(trainee=robin, now=moment)
    pay(own, Purpose.FULL, moment)
    with pytest.raises(BadFact, match="Nobody decides about their own record"):
        send(own, 100, robin, moment)
    assert not Refund.objects.exists()


@pytest.mark.one_database
def test_the_person_reads_what_comes_back_and_why(held: Reservation, robin: User, moment: datetime) -> None:
    pay(held, Purpose.FULL, moment)
    send(held, 30_000, robin, moment)
    told = words_of(Message.objects.get(kind="refund-by-school"))
    facts = {label: value for block in told.blocks for label, value in block.facts}
    assert facts == {"Comes back to you": "$300", "The seat costs now": "$1,799", "Why": "A storm."}


# -- the page ----------------------------------------------------------------------------------------------------------
@pytest.mark.one_database
def test_the_registrar_sends_a_part_back_from_the_page(desk: Client, held: Reservation, moment: datetime) -> None:
    pay(held, Purpose.FULL, moment)
    given = {"back-expected_cents": str(PRICE), "back-amount": "300", "back-then": "lower", "back-why": "A storm."}
    for wrong in ({"back-amount": "2099.01"}, {"back-amount": ""}, {"back-why": " "}, {"back-then": "x"}):
        assert desk.post(path(held, "refund"), {**given, **wrong}).status_code == 422
    page = desk.post(path(held, "refund"), {**given, "back-expected_cents": "5"})
    assert (page.status_code, f'name="back-expected_cents" value="{PRICE}"' in page.content.decode()) == (409, True)
    assert not Refund.objects.exists()
    answer = desk.post(path(held, "refund"), given, follow=True)
    assert "$300 goes back, and Anna is told. It has been sent." in text(answer)
    assert "The school's decision" in text(answer)


@pytest.mark.one_database
def test_there_is_no_form_to_send_back_what_is_not_here(desk: Client, held: Reservation, moment: datetime) -> None:
    assert "back" not in desk.get(path(held)).context["page"].forms
    given = {"back-expected_cents": "0", "back-amount": "1", "back-then": "lower", "back-why": "x"}
    assert desk.post(path(held, "refund"), given).status_code == 422


@pytest.mark.one_database
def test_a_record_that_was_wrong_is_reversed_with_a_reason_and_once(
    desk: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    wrong = transfer(held, Purpose.DEPOSIT, robin, moment)
    name = f"reverse-{wrong.public_id}"
    address = path(held, f"payments/{wrong.public_id}/reverse")
    page = text(desk.get(path(held)))
    assert ("Reverse the record of $500, W-1" in page, "the seat stays theirs" in page) == (True, True)
    assert desk.post(address, {f"{name}-why": " "}).status_code == 422
    answer = desk.post(address, {f"{name}-why": "Somebody else's."}, follow=True)
    assert "The record of $500 is reversed. It is owed again, and the seat stays theirs." in text(answer)
    held.refresh_from_db()
    assert (held.state, ledger.paid_cents(held), Refund.objects.get().rule) == (State.RESERVED, 0, RECORDED_WRONGLY)
    assert "Reverse the record" not in text(answer)
    assert desk.post(address, {f"{name}-why": "Again."}).status_code == 409


@pytest.mark.one_database
def test_what_came_by_card_or_went_back_already_is_not_reversed(
    desk: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    deposit = transfer(held, Purpose.DEPOSIT, robin, moment)
    balance = pay(held, Purpose.BALANCE, moment + timedelta(minutes=1))
    send(held, PRICE - DEPOSIT + 100, robin, moment)
    sent = Refund.objects.get(payment=deposit)
    sending.refunded(sent, now=moment, by=robin, reference="B-1")
    for paid, words in ((balance, "Only what a person recorded"), (deposit, "Some of that money has gone back")):
        address = path(held, f"payments/{paid.public_id}/reverse")
        page = desk.post(address, {f"reverse-{paid.public_id}-why": "x"})
        assert (page.status_code, words in text(page)) == (409, True)
    other = factories.reservation(now=moment)
    assert desk.post(path(other, f"payments/{deposit.public_id}/reverse")).status_code == 404


@pytest.mark.one_database
def test_a_mistyped_amount_is_undone_and_recorded_as_it_was(
    desk: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    typed = paying.record_transfer(
        held, Purpose.FULL, reference="W-1", by=robin, now=moment, amount_cents=PRICE * 10
    ).payment
    assert (ledger.kept_cents(held), Refund.objects.get().amount_cents) == (PRICE, PRICE * 9)
    assert "Reverse the record of $20,990, W-1" in text(desk.get(path(held)))
    address = path(held, f"payments/{typed.public_id}/reverse")
    answer = desk.post(address, {f"reverse-{typed.public_id}-why": "A slip."}, follow=True)
    assert "The record of $20,990 is reversed." in text(answer)
    assert [(each.rule, each.amount_cents, each.status) for each in Refund.objects.order_by("pk")] == [
        ("too-much", 0, RefundStatus.SUCCEEDED),
        (RECORDED_WRONGLY, PRICE * 10, RefundStatus.SUCCEEDED),
    ]
    assert (ledger.paid_cents(held), HistoryLine.objects.get(what="refund-not-owed").facts["cents"]) == (0, PRICE * 9)
    (shown,) = answer.context["page"].payments
    assert [each.refund.amount_cents for each in shown.refunds] == [PRICE * 10]
    lists = desk.get("/desk/money/needs-a-person/").context["lists"]
    assert [len(lists[name]) for name in ("refunds", "failed", "on_their_way")] == [0, 0, 0]
    assert "Refund owed no more" in text(desk.get("/desk/money/journal/"))
    transfer(held, Purpose.FULL, robin, moment)
    assert (held.state, ledger.kept_cents(held), Payment.objects.latest("pk").reference) == (
        State.CONFIRMED,
        PRICE,
        "W-1",
    )
    assert_all_hold(moment)


def test_what_was_recorded_by_mistake_is_undone_after_the_seat_was_given_up(
    held: Reservation, robin: User, moment: datetime
) -> None:
    wrong = transfer(held, Purpose.FULL, robin, moment)
    cancelling.cancel(held, now=moment, by=held.trainee)
    assert Refund.objects.get().status == RefundStatus.REQUESTED
    outside.reverse(wrong, why="It was not theirs.", by=robin, now=moment)
    assert (ledger.paid_cents(held), Refund.objects.exclude(status=RefundStatus.SUCCEEDED).count()) == (0, 0)
    assert_all_hold(moment)


def test_what_was_to_go_back_before_a_move_is_undone_where_it_stands(
    held: Reservation, robin: User, moment: datetime
) -> None:
    typed = paying.record_transfer(
        held, Purpose.FULL, reference="W-1", by=robin, now=moment, amount_cents=PRICE + 100
    ).payment
    held.refresh_from_db()
    new = moving.move(held, factories.cohort(now=moment), now=moment, by=robin, why="x")
    outside.reverse(typed, why="A slip.", by=robin, now=moment)
    assert (ledger.paid_cents(held), ledger.paid_cents(new)) == (0, 0)
    gone = Refund.objects.filter(rule=RECORDED_WRONGLY).order_by("amount_cents")
    assert [(each.reservation, each.amount_cents) for each in gone] == [(held, 100), (new, PRICE)]
    assert_all_hold(moment)


def test_a_transfer_that_was_somebody_elses_is_recorded_for_them(
    held: Reservation, robin: User, moment: datetime
) -> None:
    wrong = transfer(held, Purpose.DEPOSIT, robin, moment)
    outside.reverse(wrong, why="It was Ben's.", by=robin, now=moment)
    ben = factories.reservation(trainee=factories.trainee(name="Ben"), now=moment)
    right = transfer(ben, Purpose.DEPOSIT, robin, moment)
    wrong.refresh_from_db()
    assert (right.reference, wrong.reference.startswith("W-1 (reversed ")) == ("W-1", True)
    assert (ledger.kept_cents(held), ledger.kept_cents(ben), ben.state) == (0, DEPOSIT, State.RESERVED)
    with pytest.raises(NotThatMuch):
        outside.reverse(wrong, why="Again.", by=robin, now=moment)


@pytest.mark.one_database
def test_a_fee_is_not_waived_once_the_cohort_has_run(desk: Client, robin: User, moment: datetime) -> None:
    past = moment - timedelta(days=60)
    cohort = factories.cohort(now=past, starts_on=school_day(past) + timedelta(days=40))
    own = factories.reservation(cohort=cohort, now=past)
    pay(own, Purpose.FULL, past)
    Reservation.objects.filter(pk=own.pk).update(fee_cents=2_500)
    assert "fee" not in desk.get(path(own)).context["page"].forms
    page = desk.post(path(own, "fee"), {"fee-why": "x"})
    assert (page.status_code, "The cohort has run, so its fee has been earned." in text(page)) == (422, True)
    own.refresh_from_db()
    assert own.fee_cents == 2_500


def failed(held: Reservation, robin: User, moment: datetime) -> Refund:
    """A refund that did not reach its owner."""
    pay(held, Purpose.FULL, moment)
    (refund,) = send(held, 30_000, robin, moment)
    ledger.post_refund_returned(refund, at=moment)
    Refund.objects.filter(pk=refund.pk).update(status=RefundStatus.FAILED)
    return refund


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("again", RefundStatus.SUCCEEDED, "$300 was asked for again. It has been sent."),
        ("by-hand", RefundStatus.REQUESTED, "$300 goes back by bank transfer"),
    ],
)
def test_a_refund_that_failed_goes_back_as_the_registrar_says(
    desk: Client, held: Reservation, robin: User, moment: datetime, how: str, status: str, words: str
) -> None:
    refund = failed(held, robin, moment)
    name, address = f"failed-{refund.public_id}", path(held, f"refunds/{refund.public_id}/failed")
    listed = desk.get("/desk/money/needs-a-person/")
    assert [each.refund for each in listed.context["lists"]["failed"]] == [refund]
    assert f"?open={name}#form-{name}" in listed.content.decode()
    assert f'id="form-{name}" open' in desk.get(path(held), {"open": name}).content.decode()
    assert desk.post(address, {f"{name}-how": how, f"{name}-why": ""}).status_code == 422
    given = {f"{name}-how": how, f"{name}-why": "The card had expired."}
    assert words in text(desk.post(address, given, follow=True))
    refund.refresh_from_db()
    assert (refund.status, refund.attempt, refund.by_hand) == (status, 1, how == "by-hand")
    assert HistoryLine.objects.get(what="refund-again").why == "The card had expired."
    assert "That was decided before." in text(desk.post(address, given, follow=True))


@pytest.mark.one_database
def test_what_the_processor_sends_back_is_not_recorded_by_hand(
    desk: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    refund = failed(held, robin, moment)
    Refund.objects.filter(pk=refund.pk).update(status=RefundStatus.PENDING)
    given = {f"refund-{refund.public_id}-reference": "B-1"}
    page = desk.post(path(held, f"refunds/{refund.public_id}"), given)
    assert (page.status_code, "The card processor sends this one back." in text(page)) == (422, True)
    assert "Record that the refund was sent" not in text(desk.get(path(held)))
    listed = desk.get("/desk/money/needs-a-person/").context["lists"]
    assert ([each.refund for each in listed["on_their_way"]], len(listed["refunds"])) == ([refund], 0)


@pytest.mark.one_database
def test_an_open_dispute_is_listed_with_what_is_frozen_and_where_to_answer(
    desk: Client, held: Reservation, moment: datetime
) -> None:
    paid = pay(held, Purpose.FULL, moment)
    Payment.objects.filter(pk=paid.pk).update(gateway="stripe", reference="pi_123")
    dispute = Dispute.objects.create(
        payment=paid,
        reservation=held,
        processor_id="dp_1",
        amount_cents=PRICE,
        reason="product_not_received",
        status=DisputeStatus.OPEN,
        opened_at=moment,
    )
    page = desk.get("/desk/money/needs-a-person/")
    assert [each.dispute for each in page.context["lists"]["disputes"]] == [dispute]
    assert "Product not received" in text(page)
    assert 'href="https://dashboard.stripe.com/test/payments/pi_123"' in page.content.decode()
    page = desk.get(path(held))
    assert "A bank is deciding about $2,099." in text(page)
    assert "back" not in page.context["page"].forms


@pytest.mark.one_database
def test_a_seat_whose_money_was_taken_back_is_listed_until_it_is_here_again(
    desk: Client, held: Reservation, robin: User, moment: datetime
) -> None:
    wrong = transfer(held, Purpose.FULL, robin, moment)
    desk.post(path(held, f"payments/{wrong.public_id}/reverse"), {f"reverse-{wrong.public_id}-why": "x"})
    listed = desk.get("/desk/money/needs-a-person/").context["lists"]["taken_back"]
    assert [(each.reservation, each.remaining_cents) for each in listed] == [(held, PRICE)]
    transfer(held, Purpose.FULL, robin, moment, "W-2")
    assert len(desk.get("/desk/money/needs-a-person/").context["lists"]["taken_back"]) == 0


def test_the_desk_reads_in_words_why_a_refund_failed(desk: Client, held: Reservation, moment: datetime) -> None:
    registrar = factories.person(Role.REGISTRAR)
    transfer(held, Purpose.DEPOSIT, registrar, moment)
    (refund,) = send(held, 10_000, registrar, moment)
    sending.told(refund, SentBack(RefundStatus.FAILED, failure="expired_or_canceled_card"), now=now())
    shown = text(desk.get(path(held)))
    assert "the card has expired or was cancelled" in shown
    assert "expired_or_canceled_card" not in shown
