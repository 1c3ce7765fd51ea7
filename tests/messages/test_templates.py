"""Every message, read as its reader gets it."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.template.loader import render_to_string

from booking.calendars import subscribers
from booking.calendars.models import Subscriber
from booking.desk.merging.carrying_out import Decided, merge
from booking.desk.merging.reading import account_of
from booking.desk.merging.what import compare
from booking.desk.people.accounts import open_account
from booking.payments import disputing, paying, refunding
from booking.payments.gateways.base import DisputeReport, Report, SentBack
from booking.payments.models import DisputeStatus, PaymentStatus, Purpose, RefundStatus
from booking.payments.reconciling import nightly
from booking.payments.reconciling.comparing import Difference
from booking.payments.returning import owe_back
from booking.payments.sending import refunded
from booking.payments.sending import told as refund_told
from booking.payments.settling import settle, told
from booking.reservations import (
    calling_off,
    cancelling,
    changing,
    lapses,
    lifecycle,
    moving,
    releasing,
    reminding,
    waiting,
)
from booking.reservations.certainty import runs
from booking.reservations.models import Reservation, WaitlistEntry
from booking.rights import asking
from booking.rights.erasing import erase
from tests import factories
from tests.factories import NOW
from tests.payments.plans.running import every_message as every_message_of_plans
from tests.prerequisites.paper import THREE_DAYS, sent
from workshops.clock import school_day
from workshops.cohorts import planning
from workshops.cohorts.models import Cohort
from workshops.conversations.writing import write
from workshops.mentors import meetings, mentorships
from workshops.mentors.meetings import Agreed
from workshops.messages.catalogue import BY_CODE, KINDS
from workshops.messages.models import Message, Wording
from workshops.messages.outbox import send_due, words_of
from workshops.messages.wording import Written, facts_of, shipped_source, shipped_text
from workshops.messages.words import Words, parse
from workshops.people.models import Role, User
from workshops.prerequisites.records import reviewing
from workshops.prerequisites.records.models import RejectReason
from workshops.programme.models import Module, School

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
TEMPLATES = Path(settings.BASE_DIR) / "templates" / "messages"
OURS = (
    "account-opened",
    "accounts-merged",
    "balance-due",
    "balance-overdue",
    "balance-put-off",
    "books-differ",
    "cohort-cancelled",
    "cohort-certain",
    "cohort-moved",
    "cohort-renamed",
    "dates-confirm",
    "dates-new",
    "days-brought-over",
    "dispute-decided",
    "dispute-opened",
    "erasure-asked",
    "erasure-declined",
    "erasure-done",
    "erasure-to-decide",
    "fee-waived",
    "hold-longer",
    "instalment-ahead",
    "instalment-card-needed",
    "instalment-declined",
    "instalment-late",
    "instalment-to-confirm",
    "line-closed",
    "line-joined",
    "line-left",
    "line-moved",
    "line-passed-over",
    "line-reordered",
    "meeting-cancelled",
    "meeting-changed",
    "meeting-planned",
    "mentorship-begun",
    "mentorship-ended",
    "offer-lapsed",
    "offer-made",
    "offer-waits",
    "owed-again",
    "payment-by-transfer",
    "payment-failed",
    "payment-goes-back",
    "payment-received",
    "payment-sent-back",
    "payment-too-little",
    "payment-too-much",
    "plan-begun",
    "plan-ended",
    "post-from-school",
    "post-from-trainee",
    "promise-kept",
    "promise-longer",
    "promise-waits",
    "record-accepted",
    "record-accepted-in-part",
    "record-rejected",
    "record-second-eyes",
    "record-undone",
    "refund-by-school",
    "refund-failed",
    "reservation-cancelled",
    "reservation-confirmed",
    "reservation-expired",
    "reservation-held",
    "reservation-moved",
    "reservation-reserved",
    "teaching-added",
    "teaching-cancelled",
    "teaching-lead",
    "teaching-moved",
    "teaching-removed",
    "venue-changed",
    "workshop-soon",
)
ANNA = 'Anna <b>O\'Neill</b> & "Co"'


@pytest.fixture
def anna() -> User:
    """A trainee in Paris whose name would break careless markup."""
    return factories.trainee(name=ANNA, time_zone="Europe/Paris")


def held(anna: User, **cohort: object) -> Reservation:
    fields = {"title": "Spring 2027", **cohort}
    return factories.reservation(cohort=factories.cohort(**fields), trainee=anna)  # type: ignore[arg-type]


def words(kind: str) -> Words:
    return words_of(Message.objects.get(kind=kind))


def facts(kind: str) -> dict[str, str]:
    return {label: value for block in words(kind).blocks for label, value in block.facts}


def action(kind: str) -> tuple[str, str]:
    (found,) = [block for block in words(kind).blocks if block.kind == "action"]
    return found.text, found.address


def everything(anna: User) -> None:
    """Cause every message there is."""
    of_one_reservation(anna)
    of_days_on_set()
    of_the_line()
    of_the_clock()
    of_a_dispute()
    of_the_books()
    of_money_that_did_not_come_or_go()
    of_the_schools_own_refund()
    of_a_part_that_came()
    every_message_of_plans()
    of_the_school()
    of_being_erased()
    of_two_accounts()
    of_a_mentor()
    of_new_dates()
    assert set(Message.objects.values_list("kind", flat=True)) == set(OURS)


def of_one_reservation(anna: User) -> Reservation:
    """A seat that is paid for, one that is given back, one that is paid for too late, and a conversation."""
    first = held(anna)
    paying.begin(first, Purpose.DEPOSIT, "offline", by=anna, now=NOW)
    paying.record_transfer(first, Purpose.DEPOSIT, reference="A", by=factories.person(Role.REGISTRAR), now=NOW)
    paying.record_transfer(first, Purpose.BALANCE, reference="B", by=factories.person(Role.REGISTRAR), now=NOW)
    given_back = factories.reservation()
    cancelling.cancel(given_back, now=NOW, by=given_back.trainee)
    late = factories.reservation(cohort=factories.cohort(capacity=1))
    later = NOW + timedelta(hours=3)
    factories.reservation(cohort=late.cohort, now=later)
    late.refresh_from_db()
    refund = paying.record_transfer(
        late, Purpose.DEPOSIT, reference="C", by=factories.person(Role.REGISTRAR), now=later
    ).refund
    assert refund is not None
    refunded(refund, now=later, by=factories.person(Role.REGISTRAR), reference="OUT-1")
    thread = {"person": anna, "words": "Hello", "title": first.cohort.title, "link": settings.SITE_URL, "now": later}
    for author in (anna, factories.person(Role.REGISTRAR)):
        write(("reservation", first.public_id), author=author, **thread)  # type: ignore[arg-type]
    sure = factories.reservation(cohort=factories.cohort(terms_changed={"minimum_enrolment": 6}))
    runs(sure.cohort, by=factories.person(Role.REGISTRAR), now=NOW, why="The venue is paid for.")
    open_account(name="Ben", email="ben@example.org", roles=[Role.TRAINEE], by=None, now=later)
    return first


def of_a_part_that_came() -> Reservation:
    """The deposit, and then a part of the balance."""
    reserved, registrar = factories.reservation(), factories.person(Role.REGISTRAR)
    paying.record_transfer(reserved, Purpose.DEPOSIT, reference="PART-1", by=registrar, now=NOW)
    paying.record_transfer(reserved, Purpose.BALANCE, reference="PART-2", by=registrar, now=NOW, amount_cents=60_000)
    return reserved


def of_the_schools_own_refund() -> None:
    """A part of what was paid goes back, and the seat costs so much less."""
    paid = factories.reservation()
    registrar = factories.person(Role.REGISTRAR)
    paying.record_transfer(paid, Purpose.FULL, reference="STORM", by=registrar, now=NOW)
    asked: dict[str, Any] = {"why": "A storm.", "lowers_price": True, "expected_possible_cents": paid.price_cents}
    refunding.refund(paid, 30_000, by=registrar, now=NOW, **asked)


def of_money_that_did_not_come_or_go() -> None:
    """A bank that says no days later, less money than was asked for, and a refund that a bank refused."""
    failing, short = factories.reservation(), factories.reservation()
    debit = paying.begin(failing, Purpose.DEPOSIT, "offline", by=failing.trainee, now=NOW).payment
    told(debit, Report(PaymentStatus.FAILED, failure="insufficient-funds"), now=NOW)
    asked = paying.begin(short, Purpose.DEPOSIT, "offline", by=short.trainee, now=NOW).payment
    refund = settle(asked, now=NOW, by=None, reference="SHORT", received_cents=10_000).refund
    assert refund is not None
    refund_told(refund, SentBack(RefundStatus.FAILED, failure="expired_or_canceled_card"), now=NOW)


def of_the_books() -> None:
    """The night's comparison found something that a person has to look at."""
    factories.person(Role.REGISTRAR)
    said = "Stripe received $500 for payment 4f7m on 11 January 2027, and there is no such payment here."
    nightly._done(0, [Difference("payment-unknown", said, False)] * 12, NOW)


def of_days_on_set() -> None:
    """Days on a production with a very long name: accepted, all and some of them; not accepted; a decision undone."""
    registrar, title = factories.person(Role.REGISTRAR), "The Longest Title That Anybody Ever Gave to a Motion Picture"
    for act in ("all", "some", "none", "undo", "second"):
        it = sent(factories.trainee(lacking="on-set-days"), production=title)
        decided: dict[str, Any] = {"revision": it.revision, "by": registrar, "now": NOW}
        if act == "second":
            factories.person(Role.REGISTRAR)
            reviewing.ask_for_second_eyes(it, "Is this a film set?", **decided)
            continue
        if act == "none":
            reviewing.reject(it, reason=RejectReason.UNREADABLE, words="Page 2 is too dark to read.", **decided)
            continue
        days, why = (THREE_DAYS[:2], "The third is on no sheet.") if act == "some" else (None, "")
        reviewing.accept(it, days, words=why, **decided)
        if act == "undo":
            again = {**decided, "revision": it.revision + 1}
            reviewing.undo(it, "One sheet belongs to somebody else.", **again)


def of_being_erased() -> None:
    """Asked for and declined, asked for again and carried out."""
    person, registrar = factories.person(Role.TRAINEE), factories.person(Role.REGISTRAR)
    asking.decline(asking.ask(person, "", now=NOW), "Your cohort begins tomorrow.", by=registrar, now=NOW)
    erase(factories.person(Role.TRAINEE), by=registrar, now=NOW)


def of_two_accounts() -> None:
    """Two accounts of one person become one, with a seat on the one that goes."""
    survivor, other = (factories.trainee(name="Noor", email=f"{each}@example.org") for each in ("stays", "goes"))
    seat = factories.reservation(trainee=other)
    paying.begin(seat, Purpose.DEPOSIT, "sandbox", by=other, now=NOW)
    found = compare(account_of(survivor, NOW), account_of(other, NOW), 0)
    profile = {name: value for name, _, value in found.survivor.profile}
    registrar = factories.person(Role.REGISTRAR)
    merge(survivor, other, found.shown, Decided({}, profile, frozenset()), by=registrar, now=NOW, why="She told us.")


def of_new_dates() -> None:
    """Two addresses without an account: one is asked, the other has confirmed and hears of a cohort."""
    for email in ("asked@example.org", "confirmed@example.org"):
        subscribers.ask(email, now=NOW)
    subscribers.confirm(Subscriber.objects.get(email="confirmed@example.org"), now=NOW)
    subscribers.tell_of(factories.cohort(), now=NOW)


def of_a_mentor() -> None:
    """Somebody gets a mentor, a meeting is planned and changed, and is cancelled as the mentoring ends."""
    mentor, trainee, registrar = (factories.person(each) for each in (Role.MENTOR, Role.TRAINEE, Role.REGISTRAR))
    begun = mentorships.begin(mentor, trainee, by=registrar, now=NOW)
    agreed = Agreed(NOW + timedelta(days=9), 60, "The green room")
    met = meetings.plan(begun, agreed, by=mentor, now=NOW)
    meetings.change(met, replace(agreed, minutes=30), seen=0, by=trainee, now=NOW)
    mentorships.end(begun, by=registrar, now=NOW, why="A reason")


def of_the_line() -> None:
    """Joining, an offer with its reminder and its end, a seat that passes somebody, a move."""
    cohort = factories.cohort(capacity=1, terms_changed={"offer_hours": 72})
    seated = factories.reservation(cohort=cohort)
    lacking, second = factories.trainee(lacking="on-set-days"), factories.trainee()
    for person in (lacking, second):
        waiting.join(cohort, person, now=NOW, notice_days=10)
    waiting.join(cohort, factories.trainee(), now=NOW, notice_days=365)
    first, *others = WaitlistEntry.objects.waiting().filter(cohort=cohort).in_turn().values_list("public_id", flat=True)
    registrar = factories.person(Role.REGISTRAR)
    waiting.reorder(cohort, [first, *reversed(others)], now=NOW, by=registrar, why="A mistake in the line.")
    moving.move(seated, factories.cohort(), now=NOW, by=seated.trainee)
    lapses.remind_of_offers(NOW + timedelta(hours=52))
    for offer in Reservation.objects.filter(state="offered"):
        releasing.expire(offer, now=NOW + timedelta(hours=73))
    waiting.close_begun(NOW + timedelta(days=121))


def of_the_clock() -> None:
    """Balances that fall due and are put off, and promises."""
    owes = factories.reservation(cohort=factories.cohort())
    paying.begin(owes, Purpose.DEPOSIT, "sandbox", by=owes.trainee, now=NOW)
    for days in (80, 92):
        lapses.remind_of_balances(NOW + timedelta(days=days))
    put_off = owes.balance_due_on + timedelta(days=9)
    lifecycle.pay_later(owes, until=put_off, now=NOW, why="A reason", by=factories.person(Role.REGISTRAR))
    promised = factories.reservation(
        cohort=factories.cohort(terms_changed={"provisional_days": 60}), trainee=factories.trainee(lacking="module-iii")
    )
    paying.begin(promised, Purpose.FULL, "sandbox", by=promised.trainee, now=NOW)
    lapses.keep_promises(NOW + timedelta(days=45))
    registrar = factories.person(Role.REGISTRAR)
    until = school_day(NOW) + timedelta(days=80)
    lifecycle.promise_longer(promised, until=until, now=NOW, why="A reason", by=registrar)
    waits = factories.reservation()
    lifecycle.hold_longer(waits, until=NOW + timedelta(days=1), now=NOW, why="A reason", by=registrar)
    factories.finish(promised.trainee, "module-iii")
    lapses.keep_promises(NOW + timedelta(days=46))
    reminding.remind(NOW + timedelta(days=92))


def of_a_dispute() -> None:
    """A bank asks, takes the money back, and decides for the payer while some of it waited to go back."""
    factories.person(Role.REGISTRAR)
    held = factories.reservation()
    payment = paying.begin(held, Purpose.FULL, "sandbox", by=held.trainee, now=NOW).payment
    owe_back(held, 20_000, rule="goodwill", why="A reason.", by=None, now=NOW)
    for status in (DisputeStatus.INQUIRY, DisputeStatus.OPEN, DisputeStatus.LOST):
        disputing.told(payment, DisputeReport("du_1", status, 100_000, "fraudulent", NOW, NOW), now=NOW)


def of_the_school() -> None:
    """A cohort that the school moves, and then cancels; before that, money that came for it twice; a fee waived."""
    registrar, teacher = factories.person(Role.REGISTRAR), factories.person(Role.INSTRUCTOR)
    paid = factories.reservation(cohort=factories.cohort(instructors=(teacher,)))
    transfer = paying.begin(paid, Purpose.FULL, "offline", by=paid.trainee, now=NOW).payment
    paying.begin(paid, Purpose.FULL, "sandbox", by=paid.trainee, now=NOW)
    settle(transfer, now=NOW, by=registrar, reference="D")
    plan = replace(planning.plan_of(paid.cohort), venue=factories.venue(name="The new stage"))
    full = Cohort.objects.get(pk=paid.cohort_id)
    full.seats.filter(status="free").delete()
    leaves, stays = (waiting.join(full, factories.trainee(), now=NOW)[0] for _ in range(2))
    waiting.leave(leaves, now=NOW, by=registrar, why="They asked us to.")
    assert stays.state == "waiting"
    calling_off.reschedule(paid.cohort, plan, by=registrar, now=NOW, reason="The stage is taken.")
    called = replace(plan, title="Late spring 2027")
    calling_off.reschedule(paid.cohort, called, by=registrar, now=NOW, reason="It is late.")
    address = {"address": "7 New Street"}
    changing.change_venue(plan.venue, address, by=registrar, now=NOW, why="It has moved.", is_shown=True)
    second = factories.person(Role.INSTRUCTOR)
    for people, lead in (((teacher, second), second), ((teacher,), teacher)):
        told = {"by": registrar, "now": NOW, "why": "He is ill.", "is_shown": True}
        changing.set_instructors(paid.cohort, people, lead, **told)  # type: ignore[arg-type]
    calling_off.call_off(paid.cohort, by=registrar, now=NOW, why="The stage is closed.")
    cancelling.waive_fee(moved_late(), now=NOW, by=registrar, why="She was ill.")


def moved_late() -> Reservation:
    """Someone who has paid everything and moves, after the last day on which that costs nothing."""
    late = {"moving_free_days": 150, "moving_until_days": 5, "moving_fee_cents": 15_000}
    old = factories.reservation(cohort=factories.cohort(title="Autumn 2026", terms_changed=late))
    paying.begin(old, Purpose.FULL, "sandbox", by=old.trainee, now=NOW)
    old.refresh_from_db()
    return moving.move(old, factories.cohort(), now=NOW, by=old.trainee)


def test_every_kind_of_message_has_its_words(anna: User) -> None:
    everything(anna)
    caused = set(Message.objects.values_list("kind", flat=True))
    assert sorted(caused) == list(OURS)
    sent_at_once = {kind.code for kind in KINDS if kind.at_once}  # tests/people/test_sign_in_messages.py has those
    assert {path.stem for path in TEMPLATES.glob("*.txt")} == caused | sent_at_once


def test_what_the_desk_offers_to_write_with_has_something_to_say_in_every_message(anna: User) -> None:
    everything(anna)
    for message in Message.objects.all():
        kind, text = BY_CODE[message.kind], shipped_text(message.kind)
        assert [name for name in kind.more if not message.context.get(name)] == [], message.kind
        assert text.fill(facts_of(message.context)).holes == frozenset(), message.kind


def test_whatever_the_school_writes_everyone_is_told_what_they_were_told_before(anna: User) -> None:
    """Every kind in words of the school's own, with the facts of every message there is."""
    everything(anna)
    for kind in KINDS:
        source = shipped_source(kind.code).replace("With care, CINTIMA", "Warmly, the school")
        Wording.objects.create(kind=kind.code, source=source, revised_at=NOW)
    written = Written()
    for message in Message.objects.all():
        assert words_of(message, written).blocks[-1].text == "Warmly, the school"


def test_a_hold_says_until_when_in_both_zones_and_what_to_pay(anna: User) -> None:
    reservation = held(anna)
    assert words("reservation-held").subject == "A seat is held for you: Spring 2027"
    venue = reservation.cohort.venue
    assert facts("reservation-held") == {
        "Held until": "Monday 11 January 2027, 11:00 am PST (Monday 11 January 2027, 8:00 pm CET where you are)",
        "When": "Tuesday 11 May 2027 to Friday 14 May 2027",
        "Where": f"{venue.name}, 100 Example Street, Los Angeles",
        "Deposit": "$500 now",
        "Balance": "$1,599 by the end of Sunday 11 April 2027 in Los Angeles",
        "Price": "$2,099",
    }
    assert action("reservation-held") == (
        "Pay the deposit",
        f"{settings.SITE_URL}/reservations/{reservation.public_id}/",
    )


def test_a_hold_close_to_the_first_day_asks_for_everything(anna: User) -> None:
    held(anna, starts_on=NOW.date() + timedelta(days=10))
    told = facts("reservation-held")
    assert (told["Price"], "Deposit" in told, "Balance" in told) == ("$2,099, due now", False, False)
    assert action("reservation-held")[0] == "Pay for your seat"


def test_a_reservation_says_what_is_left_and_a_confirmation_that_nothing_is(anna: User) -> None:
    of_one_reservation(anna)
    assert facts("reservation-reserved")["Left to pay"] == "$1,599, by the end of Sunday 11 April 2027 in Los Angeles"
    assert "Everything is paid" in words("reservation-confirmed").text
    assert "Left to pay" not in facts("reservation-confirmed")


def test_what_came_is_named_and_the_receipt_is_said_to_be_on_the_page(anna: User) -> None:
    of_one_reservation(anna)
    for kind, came in (("reservation-reserved", "$500"), ("reservation-confirmed", "$1,599")):
        assert facts(kind)["Received"] == came
        assert "receipt is on your reservation's page" in words(kind).text


def test_a_part_that_came_says_what_is_left_and_by_when() -> None:
    of_a_part_that_came()
    assert words("payment-received").subject.startswith("$600 is here for ")
    told = facts("payment-received")
    assert (told["Received"], told["Left to pay"]) == (
        "$600",
        "$999, by the end of Sunday 11 April 2027 in Los Angeles",
    )
    assert "Your receipt is on your reservation's page." in words("payment-received").text


def test_a_seat_that_was_paid_for_elsewhere_is_confirmed_without_a_word_of_money(anna: User) -> None:
    anna.entitlements.create(module=Module.objects.get(code="module-iv"), source="Package", recorded_at=NOW)
    held(anna)
    assert Message.objects.get().kind == "reservation-confirmed"
    assert "$" not in words("reservation-confirmed").text


def test_an_offer_says_what_accepting_it_means(anna: User) -> None:
    """With a deposit the seat is then held for it; without one, or with nothing to pay, it is theirs at once."""
    for terms, paid_elsewhere, price, then in (
        ({}, False, "$2,099, of which $500 is the deposit", "stays held while you pay the deposit"),
        ({"deposit_cents": 0}, False, "$2,099", "is yours at once"),
        ({}, True, None, "is yours at once"),
    ):
        Message.objects.all().delete()
        cohort = factories.cohort(capacity=1, terms_changed=terms)
        seated = factories.reservation(cohort=cohort)
        if paid_elsewhere:
            anna.entitlements.create(module=Module.objects.get(code="module-iv"), source="Package", recorded_at=NOW)
        waiting.join(cohort, anna, now=NOW)
        cancelling.cancel(seated, now=NOW, by=seated.trainee)
        assert (facts("offer-made").get("Price"), then in words("offer-made").text) == (price, True)


def test_a_provisional_seat_is_never_said_to_be_settled() -> None:
    lacking = factories.trainee(lacking="module-iii")
    provisional = factories.reservation(
        cohort=factories.cohort(terms_changed={"provisional_days": 30}), trainee=lacking
    )
    paying.begin(provisional, Purpose.FULL, "sandbox", by=lacking, now=NOW)
    for kind in ("reservation-held", "reservation-confirmed"):
        assert facts(kind)["Provisional until"] == "the end of Sunday 11 April 2027 in Los Angeles"
    assert "nothing left to do" not in words("reservation-confirmed").text


def provisional(days: int = 30, **terms: object) -> Reservation:
    """A seat held on a promise that is due so many days before the first day of May 2027."""
    cohort = factories.cohort(terms_changed={"provisional_days": days, **terms})
    return factories.reservation(cohort=cohort, trainee=factories.trainee(lacking="module-iii"))


PROMISE = (
    "The seat is provisional: what the module asks for must be on your record by the end of Sunday 11 April 2027 in "
    "Los Angeles. If something is still missing then, the seat is released. "
)
BACK, NOTHING = "What comes back then: ", "Nothing that was paid comes back then."


@pytest.mark.parametrize(
    ("refundable", "then"),
    [
        ({}, (NOTHING, NOTHING)),
        (
            {"rest_refundable_days": 20},
            (f"{BACK}nothing of $500 paid, or $1,599 of $2,099 paid.", f"{BACK}$1,599 of $2,099 paid."),
        ),
        (
            {"deposit_refundable_days": 10, "rest_refundable_days": 10},
            (f"{BACK}all of $500 paid, or all of $2,099 paid.", f"{BACK}all of $2,099 paid."),
        ),
    ],
)
def test_a_provisional_seat_says_what_would_come_back_before_and_after_it_is_paid_for(
    refundable: dict[str, int], then: tuple[str, str]
) -> None:
    """By the terms, seen from the day after the promised one: 29 days before the first."""
    mine = provisional(**refundable)
    paying.begin(mine, Purpose.DEPOSIT, "sandbox", by=mine.trainee, now=NOW)
    for kind in ("reservation-held", "reservation-reserved"):
        assert PROMISE + then[0] in words(kind).text
    paying.begin(mine, Purpose.BALANCE, "sandbox", by=mine.trainee, now=NOW)
    assert PROMISE + then[1] in words("reservation-confirmed").text
    moving.move(
        Reservation.objects.get(), factories.cohort(terms_changed={"provisional_days": 30}), now=NOW, by=mine.trainee
    )
    assert PROMISE + then[1] in words("reservation-moved").text


def test_an_offer_of_a_provisional_seat_says_so_and_so_does_its_reminder() -> None:
    cohort = factories.cohort(capacity=1, terms_changed={"provisional_days": 30, "offer_hours": 72})
    seated = factories.reservation(cohort=cohort)
    waiting.join(cohort, factories.trainee(lacking="module-iii"), now=NOW)
    assert "A seat can be offered to you all the same" in words("line-joined").text
    cancelling.cancel(seated, now=NOW, by=seated.trainee)
    lapses.remind_of_offers(NOW + timedelta(hours=52))
    for kind in ("offer-made", "offer-waits"):
        assert facts(kind)["Provisional until"] == "the end of Sunday 11 April 2027 in Los Angeles"
        assert PROMISE + NOTHING in words(kind).text


def test_a_seat_that_is_sure_is_not_called_provisional(anna: User) -> None:
    everything(anna)
    ours = Message.objects.filter(kind__in=("offer-made", "reservation-held", "reservation-reserved"), to=anna)
    assert len(ours) == 2
    assert ["provisional" in words_of(message).text for message in ours] == [False, False]


def test_a_cancellation_says_whose_doing_it_was_and_why(anna: User) -> None:
    registrar = factories.person(Role.REGISTRAR)
    mine, theirs = held(anna), factories.reservation()
    cancelling.cancel(mine, now=NOW, by=registrar, why="You asked us by telephone.")
    told = Message.objects.get(kind="reservation-cancelled")
    assert "The school has cancelled your reservation of seat 1 in Spring 2027." in words_of(told).text
    assert facts("reservation-cancelled")["Why"] == "You asked us by telephone."
    told.delete()
    cancelling.cancel(theirs, now=NOW, by=theirs.trainee, why="Work")
    assert "Your reservation of seat 1" in words("reservation-cancelled").text
    assert "Why" not in facts("reservation-cancelled")


def test_a_seat_that_the_clock_releases_is_released_with_its_reason() -> None:
    mine = provisional()
    paying.begin(mine, Purpose.DEPOSIT, "sandbox", by=mine.trainee, now=NOW)
    lapses.keep_promises(NOW + timedelta(days=91))
    assert "has been cancelled automatically" in words("reservation-cancelled").text
    told = facts("reservation-cancelled")
    assert (told["Why"], told["Stays with the school"]) == ("What the module asks for did not come in time.", "$500")


def test_a_move_by_the_school_says_so_with_the_reason_and_ones_own_does_not() -> None:
    registrar, mine = factories.person(Role.REGISTRAR), factories.reservation(cohort=factories.cohort(title="Spring"))
    moved = moving.move(mine, factories.cohort(title="Summer"), now=NOW, by=registrar, why="The room is smaller.")
    assert words("reservation-moved").subject == "The school has moved you to Summer"
    assert "The school has moved you from Spring to Summer." in words("reservation-moved").text
    assert facts("reservation-moved")["Why"] == "The room is smaller."
    Message.objects.all().delete()
    moving.move(moved, factories.cohort(title="Autumn"), now=NOW, by=moved.trainee, why="Work")
    assert "Your reservation has moved from Summer to Autumn." in words("reservation-moved").text
    assert "Why" not in facts("reservation-moved")


def test_more_time_comes_with_its_reason(anna: User) -> None:
    everything(anna)
    assert {facts(kind)["Why"] for kind in ("balance-put-off", "hold-longer", "promise-longer")} == {"A reason"}


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_fee_that_is_waived_is_told_with_what_comes_back(is_paid: bool) -> None:
    moved = moved_late()
    if is_paid:
        paying.begin(moved, Purpose.BALANCE, "sandbox", by=moved.trainee, now=NOW)
    cancelling.waive_fee(moved, now=NOW, by=factories.person(Role.REGISTRAR), why="You were ill.")
    told = facts("fee-waived")
    assert (told["The fee was"], told["Why"]) == ("$150", "You were ill.")
    assert told.get("Comes back to you") == ("$150, the way it came" if is_paid else None)


def test_a_late_reminder_says_what_is_true_when_it_is_queued() -> None:
    """The worker has slept past the end of the grace: there is no day to wait for any more."""
    for by_itself, then in ((True, "the seat may be released at any moment"), (False, "the school decides about")):
        for days, waits in ((92, "We wait until"), (110, "We waited until")):
            Message.objects.all().delete()
            made = factories.reservation(cohort=factories.cohort(terms_changed={"release_overdue": by_itself}))
            paying.begin(made, Purpose.DEPOSIT, "sandbox", by=made.trainee, now=NOW)
            lapses.remind_of_balances(NOW + timedelta(days=days))
            message = Message.objects.get(kind="balance-overdue", to=made.trainee)
            said = dict(fact for block in words_of(message).blocks for fact in block.facts)
            assert waits in said
            assert (then in words_of(message).text and "That day is over" in words_of(message).text) == (days == 110)


def test_who_keeps_a_seat_elsewhere_is_told_so_when_an_offer_runs_out() -> None:
    full = factories.cohort(capacity=1)
    seated, waits = factories.reservation(cohort=full), factories.reservation(cohort=factories.cohort(title="Spring"))
    paying.begin(waits, Purpose.DEPOSIT, "sandbox", by=waits.trainee, now=NOW)
    for person in (waits.trainee, factories.trainee()):
        waiting.join(full, person, now=NOW)
    cancelling.cancel(seated, now=NOW, by=seated.trainee)
    for days in (9, 18):
        releasing.expire(Reservation.objects.get(state="offered"), now=NOW + timedelta(days=days))
    told = [words_of(message).text for message in Message.objects.filter(kind="offer-lapsed").order_by("pk")]
    assert ["Your seat 1 in Spring is still yours." in text for text in told] == [True, False]
    assert ["is still" in text for text in told] == [True, False]


def test_joining_the_line_repeats_the_notice_they_need_and_what_is_missing() -> None:
    full = factories.reservation(cohort=factories.cohort(capacity=1)).cohort
    for person, days in ((factories.trainee(lacking="on-set-days"), 1), (factories.trainee(), 0)):
        waiting.join(full, person, now=NOW, notice_days=days)
    lacking, free = Message.objects.filter(kind="line-joined").order_by("pk")
    said = dict(fact for block in words_of(lacking).blocks for fact in block.facts)
    assert said["Notice you need"] == "1 day"
    assert "7 of 10 days accepted" in said["Missing now"]
    assert "While something is missing, a free seat is not offered to you" in words_of(lacking).text
    assert re.findall("Notice you need|Missing now|While something", words_of(free).text) == []


def test_those_who_move_back_in_the_line_are_told_each_time() -> None:
    full, registrar = (
        factories.reservation(cohort=factories.cohort(capacity=1)).cohort,
        factories.person(Role.REGISTRAR),
    )
    one, two, three = (waiting.join(full, factories.trainee(), now=NOW)[0] for _ in range(3))
    for order, why in (((three, one, two), "She came from abroad."), ((one, two, three), "It was a mistake.")):
        waiting.reorder(full, [each.public_id for each in order], now=NOW, by=registrar, why=why)
    told = Message.objects.filter(kind="line-reordered").order_by("pk")
    assert [message.to for message in told] == [one.trainee, two.trainee, three.trainee]
    said = dict(fact for block in words_of(told[2]).blocks for fact in block.facts)
    assert (said["Your place"], said["Why"]) == ("3, before it was 1", "It was a mistake.")


def test_whoever_teaches_a_cohort_hears_that_it_is_moved_or_cancelled(anna: User) -> None:
    everything(anna)
    cohort = Cohort.objects.get(teachings__isnull=False)
    assert (facts("teaching-moved")["Why"], facts("teaching-cancelled")["Why"]) == (
        "The stage is taken.",
        "The stage is closed.",
    )
    assert facts("teaching-moved")["Now"].startswith("Tuesday 11 May 2027, 9:30 am PDT, to Friday 14 May 2027")
    assert action("teaching-moved")[1] == f"{settings.SITE_URL}/teaching/{cohort.code}/"
    assert action("teaching-cancelled")[1] == f"{settings.SITE_URL}/teaching/"


def test_a_teacher_who_cancels_it_themselves_or_has_taught_it_is_not_told() -> None:
    both, other = factories.person(Role.REGISTRAR, Role.INSTRUCTOR), factories.person(Role.INSTRUCTOR)
    calling_off.call_off(factories.cohort(instructors=(both, other)), by=both, now=NOW, why="The stage is closed.")
    assert [message.to for message in Message.objects.filter(kind="teaching-cancelled")] == [other]
    over = factories.cohort(instructors=(other,), starts_on=school_day(NOW) - timedelta(days=3))
    assert over.ends_on == school_day(NOW)
    over.sessions.filter(ends_at__gt=NOW).delete()
    calling_off.call_off(over, by=both, now=NOW, why="The stage is closed.")
    assert Message.objects.filter(kind="teaching-cancelled").count() == 1


@pytest.mark.parametrize(
    ("trainee", "makes", "then", "leads_to"),
    [
        (
            {"lacking": "on-set-days"},
            "10 of 10 days accepted",
            "Everything that Module IV asks for is there.",
            ("Choose a cohort", "/"),
        ),
        (
            {},
            "13 days accepted where 10 are needed",
            "Everything that Module IV asks for is there.",
            ("Choose a cohort", "/"),
        ),
        (
            {"lacking": "module-iii"},
            "13 days accepted where 10 are needed",
            "Still missing: Module III",
            ("See where you stand", "/where-you-stand/"),
        ),
    ],
)
def test_who_has_days_accepted_reads_how_many_that_makes_and_what_comes_next(
    trainee: dict[str, str], makes: str, then: str, leads_to: tuple[str, str]
) -> None:
    it = sent(factories.trainee(**trainee))
    reviewing.accept(it, None, revision=it.revision, by=factories.person(Role.REGISTRAR), now=NOW)
    assert facts("record-accepted") == {
        "Accepted": "2 to 4 March 2026",
        "That makes": f"{makes} within the last 10 years",
    }
    assert then in words("record-accepted").text
    assert action("record-accepted") == (leads_to[0], f"{settings.SITE_URL}{leads_to[1]}")


@pytest.mark.parametrize(
    ("also_sent", "makes", "then"),
    [
        (0, "3 of 10 days accepted, 7 to go", "Send us the other days as soon as you have proof of them"),
        (4, "3 of 10 days accepted, 4 in review, 3 to go", "Send us the other days as soon as you have proof of them"),
        (7, "3 of 10 days accepted, 7 in review", "Nothing more to send for now"),
    ],
)
def test_who_has_days_to_go_reads_how_many_and_whether_more_must_be_sent(also_sent: int, makes: str, then: str) -> None:
    someone = factories.person(Role.TRAINEE)
    it = sent(someone)
    if also_sent:
        sent(
            someone, [day + timedelta(days=100) for day in days_from(THREE_DAYS[0], also_sent)], production="Saltwater"
        )
    reviewing.accept(it, None, revision=it.revision, by=factories.person(Role.REGISTRAR), now=NOW)
    assert facts("record-accepted")["That makes"] == makes
    assert then in words("record-accepted").text


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=index) for index in range(count)]


def test_who_has_some_days_accepted_reads_which_were_not_and_why() -> None:
    of_days_on_set()
    told = facts("record-accepted-in-part")
    assert (told["Accepted"], told["Not accepted"]) == ("2 to 3 March 2026", "4 March 2026")
    assert told["The school wrote"] == "The third is on no sheet."
    assert told["That makes"] == "9 of 10 days accepted, 1 to go"
    assert words("record-accepted-in-part").subject.startswith("2 of 3 days on The Longest Title")


def test_who_is_turned_down_reads_the_reason_the_words_and_what_to_do() -> None:
    of_days_on_set()
    assert facts("record-rejected") == {
        "Days": "2 to 4 March 2026",
        "Reason": "The proof cannot be read",
        "The school wrote": "Page 2 is too dark to read.",
    }
    assert "You can change the record, add other proof and send it again" in words("record-rejected").text
    assert facts("record-undone") == {"Why": "One sheet belongs to somebody else."}


def test_money_that_was_sent_back_is_named_with_its_way_and_reference(anna: User) -> None:
    everything(anna)
    told = facts("payment-sent-back")
    assert (told["Amount"], told["Reference"]) == ("$500", "OUT-1")
    assert "by bank transfer" in words("payment-sent-back").text


def test_someone_whose_account_the_school_opened_is_told_how_to_come_in(anna: User) -> None:
    everything(anna)
    assert facts("account-opened") == {"Sign in as": "ben@example.org"}
    assert action("account-opened") == ("Sign in with a code", f"{settings.SITE_URL}/accounts/login/code/")


def test_a_hold_that_ran_out_leads_back_to_the_cohort(anna: User) -> None:
    reservation = held(anna)
    releasing.expire(reservation, now=NOW + timedelta(hours=2))
    assert action("reservation-expired") == ("Reserve again", f"{settings.SITE_URL}/cohorts/{reservation.cohort.code}/")


@pytest.mark.parametrize("details", ["", "CINTIMA LLC\nFirst Example Bank\nAccount 1234"])
def test_someone_who_pays_by_transfer_is_told_where_to_and_with_which_reference(anna: User, details: str) -> None:
    School.objects.update(bank_details=details)
    reservation = held(anna)
    paying.begin(reservation, Purpose.DEPOSIT, "offline", by=anna, now=NOW)
    told = facts("payment-by-transfer")
    assert (told["Amount"], told["Reference"]) == ("$500", reservation.public_id[:8].upper())
    assert told["Seat held until"].startswith("Thursday 14 January 2027, 5:00 pm PST")
    assert told.get("Pay to", "") == " · ".join(details.splitlines())
    assert ("sends you its bank details" in words("payment-by-transfer").text) == (not details)


def test_every_message_greets_its_reader_and_asks_for_one_thing(anna: User) -> None:
    everything(anna)
    for message in Message.objects.select_related("to"):
        text = words_of(message)
        if message.to:
            # Whoever was erased has no name any more, and is called by it once more.
            name = message.context["name"] if message.to.erased_at else message.to.name
            assert text.blocks[0].text == f"Dear {name},"
        else:
            assert text.blocks[0].text == "Hello,", "an address without an account has no name"
        assert text.blocks[-1].text == "With care, CINTIMA"
        assert sum(block.kind == "action" for block in text.blocks) == 1
        assert len(text.subject) <= 78
        assert re.findall(r"[{}%!]|  |\bNone\b", text.text) == []


def test_what_people_typed_is_text_and_nothing_else(anna: User) -> None:
    held(anna)
    send_due(now=NOW)
    (sent,) = mail.outbox
    assert f"Dear {ANNA}," in sent.body
    html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]
    assert "Dear Anna &lt;b&gt;O&#x27;Neill&lt;/b&gt; &amp; &quot;Co&quot;," in html
    assert "<b>" not in html


def test_a_name_cannot_pose_as_a_link_or_a_fact() -> None:
    eve = factories.trainee(name="Eve,\n\n[Pay here](https://evil.example)\n\nBank: mine")
    held(eve)
    assert [block.address for block in words("reservation-held").blocks if block.kind == "action"] == [
        f"{settings.SITE_URL}/reservations/{Reservation.objects.get().public_id}/"
    ]
    assert "Bank" not in facts("reservation-held")


def test_the_letter_says_the_same_as_the_plain_text(anna: User) -> None:
    everything(anna)
    for message in Message.objects.all():
        text = words_of(message)
        html = render_to_string("messages/layout.html", {"words": text, "site_url": settings.SITE_URL})
        plain = re.sub(r"<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
        for escaped, sign in (("&lt;", "<"), ("&gt;", ">"), ("&#x27;", "'"), ("&quot;", '"'), ("&amp;", "&")):
            plain = plain.replace(escaped, sign)
        shown = " ".join(plain.split())
        for block in text.blocks:
            for part in [block.text, *(piece for fact in block.facts for piece in fact)]:
                assert part in shown
        assert text.because in shown
        # the name at the top, the one action, the address below, and the way to no more of these where there is one
        assert html.count("<a ") == 3 + bool(text.stop)
        assert (text.stop in html) == (text.stop in text.text)
        assert "prefers-color-scheme: dark" in html


def test_a_message_begins_with_its_subject() -> None:
    with pytest.raises(ValueError, match="begins with a line"):
        parse("Dear Anna,\n\nhello").fill({})


def test_nothing_claims_certification() -> None:
    """The union accredits programs, not people, and this system certifies nobody."""
    claims = re.compile(r"certif|accredit|qualif", re.IGNORECASE)
    assert [path.name for path in TEMPLATES.iterdir() if claims.search(path.read_text(encoding="utf-8"))] == []


def test_moments_carry_their_zone(anna: User) -> None:
    everything(anna)
    for message in Message.objects.all():
        moments = re.findall(
            r"(?:\d{1,2}:\d\d [ap]m to )?\d{1,2}:\d\d [ap]m(?: [A-Z]{3,4}| in Los Angeles)?", words_of(message).text
        )
        assert [each for each in moments if not re.search(r"(?:[A-Z]{3,4}|in Los Angeles)$", each)] == []


def test_a_stopped_clock_is_not_needed_to_read_a_message_later(anna: User) -> None:
    """The words are made when the message is sent, from facts that were written down when it was queued."""
    held(anna)
    before = words("reservation-held")
    School.objects.update(name="Another")
    Reservation.objects.update(price_cents=1, deposit_cents=1)
    assert words("reservation-held") == before
    assert isinstance(Message.objects.get().created_at, datetime)
