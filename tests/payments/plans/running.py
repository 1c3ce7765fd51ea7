"""Seats with plans, made the way people make them: the deposit on Stripe's page, and the card with it."""

from datetime import date, datetime, timedelta

from booking.payments import ledger, paying
from booking.payments.gateways.base import Card, Report
from booking.payments.models import Payment, PaymentStatus, Purpose
from booking.payments.plans import charging, choosing
from booking.payments.plans import lifecycle as plans
from booking.payments.plans.models import Plan
from booking.payments.plans.reminding import remind
from booking.payments.settling import catch_up
from booking.reservations import lifecycle, moving
from booking.reservations.models import Reservation
from tests import factories
from tests.factories import LOS_ANGELES, NOW
from tests.stripe_stand_in import StandIn
from workshops.messages.models import Message

GOOD, FAILS_LATER, ASKS_ALWAYS = "4242424242424242", "4000000000000341", "4000002760003184"
EXPIRED = "4000000000000069"
PARTS = [53_300, 53_300, 53_300]
DUE = [date(2027, 2, 11), date(2027, 3, 11), date(2027, 4, 11)]
DAY = timedelta(days=1)


def at(day: date, hour: int = 9, minute: int = 0) -> datetime:
    """A moment in Los Angeles."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LOS_ANGELES)


def digest_of(reservation: Reservation, months: int, now: datetime = NOW) -> str:
    """What the page sends back with these parts."""
    return next(each.digest for each in choosing.to_choose(reservation, now) if each.choice.months == months)


def begun(stripe: StandIn, card: str = GOOD, *, months: int = 3, **cohort: object) -> Plan:
    """A plan that runs, of somebody who has just paid the deposit with this card."""
    stripe.now = NOW
    held = factories.reservation(cohort=factories.cohort(**cohort))  # type: ignore[arg-type]
    return with_plan(stripe, held, card, months=months)


def with_plan(stripe: StandIn, held: Reservation, card: str = GOOD, *, months: int = 3) -> Plan:
    """The plan of this hold, after its deposit was paid."""
    choosing.choose(held, months, digest=digest_of(held, months), now=NOW)
    payment = paying.begin(held, Purpose.DEPOSIT, "stripe", by=held.trainee, now=NOW, keeps_card=True).payment
    stripe.pay(payment.checkout_id, card=card)
    catch_up(payment, now=NOW)
    return again(Plan.objects.get(reservation=held, state="active"))


def again(plan: Plan) -> Plan:
    """The plan as it is now."""
    return Plan.objects.select_related("reservation__trainee", "reservation__cohort__module").get(pk=plan.pk)


def kept(plan: Plan) -> int:
    """What pays for its seat."""
    return ledger.kept_cents(again(plan).reservation)


def attempts(plan: Plan) -> list[tuple[str, int]]:
    """The attempts at its parts: how each ended, and of how much."""
    made = Payment.objects.filter(reservation__trainee=plan.reservation.trainee, purpose=Purpose.INSTALMENT)
    return list(made.order_by("pk").values_list("status", "amount_cents"))


def told(*kinds: str) -> list[str]:
    """Which of these messages were queued, in their order; of all that plans cause, without kinds."""
    found = Message.objects.order_by("pk").values_list("kind", flat=True)
    return [kind for kind in found if kind in kinds or (not kinds and kind.startswith("instalment-"))]


def intents_of(stripe: StandIn, plan: Plan) -> list[tuple[str, int]]:
    """What Stripe was asked to charge without its owner: how each stands there, the oldest first."""
    asked = [each for each in stripe.all("payment_intent") if "monthly part" in (each["description"] or "")]
    of_plan = [each for each in asked if each["customer"] == plan.payer_id]
    return [(each["status"], each["amount"]) for each in reversed(of_plan)]


def every_message() -> None:
    """Cause each message that plans cause, without Stripe: a part that is refused in every way, and a move."""
    held = factories.reservation()
    paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=NOW)
    choosing.choose(held, 3, digest=digest_of(held, 3), now=NOW)
    plans.card_saved(lifecycle.lock(held), Card("pm_1", "cus_1", "Visa ending in 4242, until 12/2030"), now=NOW)
    plan = again(Plan.objects.get(reservation=held))
    remind(at(DUE[0] - 3 * DAY))
    for days, failure in enumerate(("authentication_required", "generic_decline", "expired_card")):
        moment = at(DUE[0] + days * DAY)
        Plan.objects.filter(pk=plan.pk).update(trouble="")
        attempt = charging._attempt(plan, moment)
        assert attempt is not None
        charging._book(attempt, Report(PaymentStatus.FAILED, failure=failure), moment)
    remind(at(DUE[0] + 6 * DAY))
    moving.move(
        again(plan).reservation, factories.cohort(starts_on=DUE[1]), now=at(DUE[0] + 7 * DAY), by=factories.person()
    )
