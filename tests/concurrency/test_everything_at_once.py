"""All of it through the real server: a cohort where everyone does something at the same moment."""

from collections.abc import Callable
from functools import partial

from django.db import transaction
from django.utils.timezone import now

from booking.payments import paying
from booking.payments.models import Purpose
from booking.reservations import reserving
from booking.reservations.models import LIVE, OWING, Reservation, State, WaitlistEntry
from tests import factories
from tests.concurrency.rush import Answer, call, tally
from tests.invariants import assert_all_hold
from tests.services.databases import at_once
from tests.services.server import Product
from workshops.cohorts.models import Cohort
from workshops.people.models import Scope, User


def key(person: User) -> str:
    """The key of someone's API token."""
    return factories.token(person, Scope.BOOK, Scope.READ, now=now())


@transaction.atomic
def newcomers(count: int) -> list[str]:
    """The keys of so many trainees who qualify and have nothing yet."""
    return [key(each) for each in factories.trainees(count)]


@transaction.atomic
def seated_here(cohort: Cohort, count: int) -> list[tuple[Reservation, str]]:
    """So many people who have paid their deposit, with their keys."""
    found = []
    for trainee in factories.trainees(count):
        held = reserving.hold(cohort, trainee, now=now())
        paying.begin(held, Purpose.DEPOSIT, "sandbox", by=held.trainee, now=now())
        found.append((held, key(held.trainee)))
    return found


def test_joining_reserving_leaving_moving_and_paying_at_once_through_the_server(
    start_product: Callable[..., Product],
) -> None:
    product = start_product()
    cohort, elsewhere = factories.cohort(capacity=8, now=now()), factories.cohort(capacity=2, now=now())
    had, joiners, public = seated_here(cohort, 8), newcomers(16), newcomers(12)

    def post(path: str, token: str, body: object = None) -> Callable[[], Answer]:
        return partial(call, product, "POST", path, token, body)

    here = {"cohort": cohort.public_id}
    answers = at_once(
        *(post("/waitlist", each, here) for each in joiners),
        *(post(f"/reservations/{one.public_id}/cancel", token, {}) for one, token in had[:4]),
        *(post(f"/reservations/{one.public_id}/cancel", token, {}) for one, token in had[:2]),
        *(
            post(f"/reservations/{one.public_id}/transfer", token, {"cohort": elsewhere.public_id})
            for one, token in had[3:7]
        ),
        *(
            post(f"/reservations/{one.public_id}/payments", token, {"purpose": "balance", "gateway": "sandbox"})
            for one, token in had[2:]
        ),
        *(post("/reservations", each, here) for each in public),
    )
    heard = [each for each in answers if isinstance(each, Answer)]
    assert len(heard) == len(answers)
    assert {each.status for each in heard} <= {200, 201, 409}
    assert_all_hold(now())
    waits = set(WaitlistEntry.objects.waiting().filter(cohort=cohort).values_list("trainee", flat=True))
    offered = list(Reservation.objects.filter(cohort=cohort, state=State.OFFERED).select_related("trainee"))
    assert Reservation.objects.filter(cohort=cohort, state__in=LIVE).count() == 8 or not waits

    # Everyone who has an offer by now accepts it in three tabs.
    entries = {each.offer_id: each for each in WaitlistEntry.objects.filter(offer__in=offered)}
    keys = {each.pk: key(each.trainee) for each in offered}
    tabs = at_once(
        *(post(f"/waitlist/{entries[each.pk].public_id}/accept", keys[each.pk]) for each in offered for _ in range(3))
    )
    told = tally([each for each in tabs if isinstance(each, Answer)])
    assert told == ({"200": len(offered), "409 offer-gone": 2 * len(offered)} if offered else {})
    assert_all_hold(now())


def test_one_offer_in_ten_tabs_and_its_owner_reserving_elsewhere_through_the_server(
    product: Product,
) -> None:
    """Ten tabs, each accepting, and one that reserves in another cohort: one active seat in the end, and no fault."""
    cohort, elsewhere = factories.cohort(capacity=1, now=now()), factories.cohort(capacity=1, now=now())
    [(had, token)] = seated_here(cohort, 1)
    [anna] = newcomers(1)
    assert call(product, "POST", "/waitlist", anna, {"cohort": cohort.public_id}).status == 201
    assert call(product, "POST", f"/reservations/{had.public_id}/cancel", token, {}).status == 200
    entry = WaitlistEntry.objects.get()
    answers = at_once(
        *(partial(call, product, "POST", f"/waitlist/{entry.public_id}/accept", anna) for _ in range(10)),
        partial(call, product, "POST", "/reservations", anna, {"cohort": elsewhere.public_id}),
        partial(call, product, "POST", "/reservations", anna, {"cohort": cohort.public_id}),
    )
    assert {each.status for each in answers if isinstance(each, Answer)} <= {200, 201, 409}
    assert not [each for each in answers if isinstance(each, Exception)]
    assert Reservation.objects.filter(trainee=entry.trainee_id, state__in=OWING).count() == 1
    assert_all_hold(now())
