"""What somebody reads and allows before paying in parts, what they see while they do, and where the pages lead."""

from datetime import datetime, timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils.timezone import now

from booking.payments import ledger, paying
from booking.payments.models import Payment, PaymentStatus, Purpose
from booking.payments.plans import choosing, page
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import CardSaving, Plan, PlanState, Trouble
from booking.payments.settling import catch_up
from booking.reservations.models import Reservation
from tests import factories
from tests.factories import NOW
from tests.pages import text
from tests.payments.plans.running import DUE, EXPIRED, FAILS_LATER, again, at, begun, digest_of
from tests.stripe_stand_in import StandIn
from workshops.clock import school_day
from workshops.messages.models import Message
from workshops.people.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
DAY = timedelta(days=1)


@pytest.fixture
def moment(request: pytest.FixtureRequest) -> datetime:
    """The moment at which the test runs, for Stripe as well: pages read the clock themselves."""
    if "stripe" in request.fixturenames:
        request.getfixturevalue("stripe").now = None
    return now()


@pytest.fixture
def anna(client: Client) -> User:
    """A signed-in trainee who qualifies."""
    user = factories.trainee(name="Anna")
    client.force_login(user)
    return user


@pytest.fixture
def held(anna: User, moment: datetime) -> Reservation:
    """Anna's hold, with months until the balance is due."""
    first = school_day(moment) + 140 * DAY
    return factories.reservation(cohort=factories.cohort(now=moment, starts_on=first), trainee=anna, now=moment)


@pytest.fixture
def reserved(held: Reservation, moment: datetime) -> Reservation:
    """The same, with the deposit paid without a card."""
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=moment)
    return held


def address(own: Reservation, more: str = "") -> str:
    return f"/reservations/{own.public_id}/plan/{more}"


def agree(client: Client, own: Reservation, moment: datetime, **changed: object) -> HttpResponse:
    typed = {"months": "3", "digest": digest_of(own, 3, moment), "agree": "on"} | changed
    return client.post(address(own), {name: value for name, value in typed.items() if value})  # type: ignore[return-value]


def running(client: Client, own: Reservation, stripe: StandIn, moment: datetime, **card: str) -> Plan:
    """The plan of a reserved seat, chosen and saved by its pages."""
    agree(client, own, moment)
    stripe.pay(CardSaving.objects.latest("pk").checkout_id, **card)  # type: ignore[arg-type]
    client.get(address(own, "back/"))
    return again(Plan.objects.latest("pk"))


# -- choosing ----------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("stripe")
def test_each_plan_is_shown_to_the_cent_or_with_why_it_is_not_offered(client: Client, held: Reservation) -> None:
    words = text(client.get(address(held)))
    assert "3 parts" in words
    assert "6 parts" in words
    assert words.count("$533") == 3
    assert "Not offered for this seat. The last part would be due on" in words
    assert "Choose 6 parts" not in words


@pytest.mark.usefixtures("stripe")
def test_what_is_allowed_is_read_before_it_is_ticked(client: Client, held: Reservation, moment: datetime) -> None:
    shown = choosing.to_choose(held, moment)[0]
    words = text(client.get(address(held) + "?months=3"))
    assert shown.consent in words
    assert "I have read this and allow it" in words
    refused = agree(client, held, moment, agree="")
    assert refused.status_code == 422
    assert shown.consent in text(refused)
    assert not Plan.objects.exists()


def test_a_held_seat_goes_on_to_the_deposit_which_saves_the_card(
    stripe: StandIn, client: Client, held: Reservation, moment: datetime
) -> None:
    answer = agree(client, held, moment)
    payment = Payment.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, payment.checkout_url)
    assert (payment.purpose, payment.amount_cents, payment.keeps_card) == (Purpose.DEPOSIT, 50_000, True)
    stripe.pay(payment.checkout_id)
    catch_up(payment, now=moment)
    assert Plan.objects.get().state == PlanState.ACTIVE
    assert "Your monthly parts" in text(client.get(address(held)))


def test_a_reserved_seat_goes_on_to_save_a_card_and_comes_back(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    answer = agree(client, reserved, moment)
    saving = CardSaving.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, saving.checkout_url)
    stripe.pay(saving.checkout_id)
    assert "Your card is saved: Visa ending in 4242" in text(client.get(address(reserved, "back/"), follow=True))
    assert Plan.objects.get().state == PlanState.ACTIVE


def test_coming_back_is_not_believed_by_its_address(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    client.get(address(reserved, "back/"))
    agree(client, reserved, moment)
    words = text(client.get(address(reserved, "back/"), follow=True))
    assert "No card was saved, so nothing has changed." in words
    assert Plan.objects.get().state == PlanState.PROPOSED
    stripe.down = True
    assert "Your card is being saved" in text(client.get(address(reserved, "back/"), follow=True))


@pytest.mark.usefixtures("stripe")
def test_parts_that_are_not_those_which_were_shown_are_shown_again(
    client: Client, held: Reservation, moment: datetime
) -> None:
    answer = agree(client, held, moment, digest=digest_of(held, 3, moment - DAY))
    assert answer.status_code == 409
    assert "The parts have changed" in text(answer)
    assert not Plan.objects.exists()


def test_without_stripe_the_page_says_that_parts_need_a_card(
    client: Client, held: Reservation, moment: datetime
) -> None:
    words = text(client.get(address(held)))
    assert "Monthly parts are charged to a card, and cards are not taken here at the moment." in words
    assert "Choose 3 parts" not in words
    assert agree(client, held, moment).status_code == 409
    assert not Plan.objects.exists()


def test_an_outage_says_so_and_charges_nothing(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    stripe.down = True
    answer = client.post(
        address(reserved), {"months": "3", "digest": digest_of(reserved, 3, moment), "agree": "on"}, follow=True
    )
    assert "Stripe does not answer at this moment. Nothing was taken." in text(answer)


@pytest.mark.usefixtures("stripe")
def test_a_seat_that_is_paid_or_has_run_out_has_no_plans(client: Client, anna: User, moment: datetime) -> None:
    paid = factories.reservation(cohort=factories.cohort(now=moment), trainee=anna, now=moment)
    paying.begin(paid, Purpose.FULL, "sandbox", by=anna, now=moment)
    assert client.get(address(paid)).status_code == 302
    other = factories.trainee()
    client.force_login(other)
    ran_out = factories.reservation(cohort=paid.cohort, trainee=other, now=moment - DAY)
    assert client.get(address(ran_out)).status_code == 302


# -- while it runs -----------------------------------------------------------------------------------------------------
def test_a_running_plan_shows_its_parts_card_and_consent(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    plan = running(client, reserved, stripe, moment)
    words = text(client.get(address(reserved)))
    assert plan.consent in words
    assert "Visa ending in 4242" in words
    assert "Pay $533 now" in words
    assert words.count("to come") >= 2


def test_the_next_part_is_paid_on_stripes_page(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    running(client, reserved, stripe, moment)
    answer = client.post(address(reserved, "part/"))
    payment = Payment.objects.get(purpose=Purpose.INSTALMENT)
    assert (answer.status_code, answer.headers["Location"]) == (302, payment.checkout_url)
    stripe.pay(payment.checkout_id)
    catch_up(payment, now=moment)
    shown = page.about(reserved, moment)
    assert shown is not None
    assert [part.how for part in shown.parts] == ["paid", "next", "later"]


def test_another_card_is_saved_on_a_visit_of_its_own(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    plan = running(client, reserved, stripe, moment)
    assert "takes the place of Visa ending in 4242" in text(client.get(address(reserved, "card/")))
    assert client.post(address(reserved, "card/"), {}).status_code == 422
    saving = CardSaving.objects.filter(settled_at=None)
    answer = client.post(address(reserved, "card/"), {"agree": "on"})
    assert (answer.status_code, answer.headers["Location"]) == (302, saving.get().checkout_url)
    stripe.pay(saving.get().checkout_id, card="5555555555554444")
    client.get(address(reserved, "back/"))
    assert again(plan).card_words.startswith("Mastercard ending in 4444")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble.AUTHENTICATION, "Your bank asks to hear from you before it pays."),
        (Trouble.DECLINED, "The card was declined; only its bank can say why."),
        (Trouble.EXPIRED, "The saved card has expired."),
        (Trouble.NO_CARD, "No card is saved that it could be charged to."),
    ],
)
def test_each_trouble_is_said_with_what_to_do(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime, trouble: Trouble, words: str
) -> None:
    plan = running(client, reserved, stripe, moment)
    Plan.objects.filter(pk=plan.pk).update(trouble=trouble)
    reserved.charges.filter(kind="deposit").update(due_at=moment - 3 * DAY)
    reserved.charges.filter(kind="instalment", number=1).update(due_at=moment - 2 * DAY)
    said = text(client.get(address(reserved)))
    assert words in said
    assert "$533 could not be charged" in said
    assert "The school waits until the end of" in said


def test_a_page_without_a_running_plan_leads_to_the_reservation(client: Client, reserved: Reservation) -> None:
    for answer in (client.get(address(reserved, "card/")), client.post(address(reserved, "part/"))):
        assert (answer.status_code, answer.headers["Location"]) == (302, reserved.get_absolute_url())


def test_what_is_somebody_elses_is_not_there(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    running(client, reserved, stripe, moment)
    client.force_login(factories.trainee())
    asked = [client.get(address(reserved, more)) for more in ("", "card/", "back/")]
    asked += [client.post(address(reserved, more), {"agree": "on"}) for more in ("", "card/", "part/")]
    assert {each.status_code for each in asked} == {404}
    assert not Payment.objects.filter(purpose=Purpose.INSTALMENT).exists()


def test_a_get_changes_nothing(stripe: StandIn, client: Client, reserved: Reservation, moment: datetime) -> None:
    assert client.get(address(reserved, "part/")).status_code == 405
    client.get(address(reserved) + "?months=3")
    assert not Plan.objects.exists()
    assert not CardSaving.objects.exists()


# -- what stands beside a reservation ----------------------------------------------------------------------------------
def test_each_part_says_how_it_stands(stripe: StandIn) -> None:
    plan = begun(stripe, FAILS_LATER)
    for moment, how in (
        (NOW, ["next", "later", "later"]),
        (at(DUE[0], 23), ["next", "later", "later"]),
        (at(DUE[0] + DAY), ["late", "later", "later"]),
        (at(DUE[1] + DAY), ["late", "late", "later"]),
    ):
        shown = page.about(plan.reservation, moment)
        assert shown is not None
        assert [part.how for part in shown.parts] == how
    assert shown is not None
    assert (shown.due_cents, shown.pay_now_cents, shown.left_cents) == (106_600, 106_600, 159_900)
    assert shown.grace_until == DUE[0] + 7 * DAY
    plans.close(plan.reservation, why="A test.", now=NOW)
    assert page.about(plan.reservation, NOW) is None


def test_a_plan_that_is_paid_off_says_so(stripe: StandIn) -> None:
    plan = begun(stripe)
    rest = paying.begin(plan.reservation, Purpose.BALANCE, "stripe", by=plan.reservation.trainee, now=NOW).payment
    stripe.pay(rest.checkout_id)
    assert catch_up(rest, now=NOW).status == PaymentStatus.SUCCEEDED
    shown = page.about(Reservation.objects.get(pk=plan.reservation_id), NOW)
    assert shown is not None
    assert ([part.how for part in shown.parts], shown.left_cents) == (["paid"] * 3, 0)
    assert ledger.kept_cents(plan.reservation) == 209_900


def test_an_expired_card_is_said_to_be_no_use(stripe: StandIn) -> None:
    from booking.payments.plans.charging import charge_due

    plan = begun(stripe)
    stripe.card_becomes(plan.card_id, EXPIRED)
    stripe.now = at(DUE[0])
    charge_due(at(DUE[0]))
    shown = page.about(again(plan).reservation, at(DUE[0]))
    assert shown is not None
    assert (shown.needs_card, shown.trouble) == (True, "expired")


def test_the_page_of_a_reservation_shows_the_parts_and_what_comes_next(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    running(client, reserved, stripe, moment)
    words = text(client.get(reserved.get_absolute_url()))
    assert "The rest is charged in monthly parts, the next of them on" in words
    assert "Card: Visa ending in 4242" in words
    assert "The balance of" not in words


def test_who_pays_a_part_early_is_thanked_and_has_been_written_to_as_the_page_says(
    stripe: StandIn, client: Client, reserved: Reservation, moment: datetime
) -> None:
    running(client, reserved, stripe, moment)
    early = paying.begin(reserved, Purpose.INSTALMENT, "stripe", by=reserved.trainee, now=moment).payment
    stripe.pay(early.checkout_id)
    words = text(client.get(f"/payments/{early.public_id}/back"))
    assert "Thank you, $533 is here" in words
    assert "We have written to you as well." in words
    assert Message.objects.filter(kind="payment-received", subject=f"payment:{early.public_id}").count() == 1
