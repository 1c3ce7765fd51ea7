"""How fast money is booked, on SQLite: settling payments, processing events, reconciling with the Stripe stand-in.

Run by itself: `python -m tests.benchmarks.payments`. The stand-in answers from the same process, so what is printed
includes its work; at Stripe each answer takes longer, and the product waits for it without holding a lock.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.services.databases import migrate
from tests.stripe_stand_in import KEY, StandIn

SECRET = "whsec_bench"


def main() -> int:
    """Measure as asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.payments", description=__doc__)
    parser.add_argument("--settle", type=int, default=200, help="payments that are settled one after the other")
    parser.add_argument("--reconcile", type=int, default=1_000, help="payments that nobody told of")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cintima-bench-") as folder, StandIn(secrets=[SECRET]) as stripe:
        url = f"sqlite:///{folder}/bench.sqlite3"
        from pathlib import Path

        migrate(url, Path(folder))
        os.environ |= {
            "DATABASE_URL": url,
            "DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "booking.site.settings",
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            "STRIPE_API_BASE": stripe.url,
        }
        import django

        django.setup()
        measure(stripe, options.settle, options.reconcile)
    return 0


def measure(stripe: StandIn, settle: int, reconcile: int) -> None:
    """Settle so many, process an event of each of so many more, and reconcile so many that nobody told of."""
    import logging

    from booking.payments.inbox.processing import process_due
    from booking.payments.reconciling import mending
    from booking.payments.settling import catch_up
    from workshops.clock import current_time

    logging.getLogger("stripe").setLevel(logging.WARNING)
    payments = paid(stripe, settle)
    with timed(f"settled {settle} payments", settle):
        for payment in payments:
            catch_up(payment, now=current_time())
    stripe.pending.clear()

    paid(stripe, settle)
    events = [each for each in stripe.pending if each["type"] == "checkout.session.completed"]
    stripe.pending.clear()
    receive_all(stripe, events)
    with timed(f"processed {len(events)} events", len(events)):
        while process_due(current_time()):
            pass

    paid(stripe, reconcile)
    since, now = current_time() - timedelta(days=1), current_time()
    with timed(f"compared {settle * 2 + reconcile} payments", settle * 2 + reconcile):
        found = mending.compare(since, now)
    with timed(f"mended {reconcile} payments that nobody told of", reconcile):
        _, remain = mending.mend(since, now)
    print(f"differences: {len(found)} before, {len(remain)} after")


def paid(stripe: StandIn, count: int) -> list:  # type: ignore[type-arg]
    """So many payments, each of somebody who has a seat and has paid on the page; nobody has told us."""
    from booking.payments import paying
    from booking.payments.models import Purpose
    from booking.reservations import reserving
    from tests import factories
    from workshops.clock import current_time

    now, made = current_time(), []
    cohort = factories.cohort(capacity=count, now=now)
    for person in factories.trainees(count):
        held = reserving.hold(cohort, person, now=now)
        payment = paying.begin(held, Purpose.DEPOSIT, "stripe", by=person, now=now).payment
        stripe.pay(payment.checkout_id)
        made.append(payment)
    return made


def receive_all(stripe: StandIn, events: list) -> None:  # type: ignore[type-arg]
    """Take the events in as the webhook does."""
    from booking.payments.gateways.stripe.events import read
    from booking.payments.inbox.receiving import receive
    from workshops.clock import current_time

    now = current_time()
    for event in events:
        body, headers = stripe.signed(event)
        signature = next(value for name, value in headers.items() if name.lower() == "stripe-signature")
        receive(read(body, signature, now=now), now=now)


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    """Print how long something took."""
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    print(f"{what}: {took:.2f} s, {count / took:.0f} a second", flush=True)


if __name__ == "__main__":
    sys.exit(main())
