"""`manage.py reconcile_payments`: compares the books with Stripe's, and mends what a missed word of theirs left."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from booking.payments.gateways.base import Refused, Unavailable
from booking.payments.payouts.models import Payout
from booking.payments.reconciling.comparing import Difference
from booking.payments.reconciling.mending import can_compare, compare, mend
from workshops.clock import SCHOOL_ZONE, current_time, moment_in_words

LOOKS_BACK = timedelta(days=7)
DIFFER, NOT_ASKED = 1, 2


def a_day(given: str) -> date:
    """A date as the option takes it."""
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise ArgumentTypeError(f"{given} is no date. Write it like 2027-03-04.") from None


class Command(BaseCommand):
    """Exit code 0 when the books agree, 1 when differences remain, 2 when Stripe cannot be asked."""

    help = "Compare the books with Stripe's since a day (a week ago unless given). With --fix, mend what can be mended."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--since", type=a_day, help="the first day to look at, like 2027-03-04, in Los Angeles")
        parser.add_argument("--fix", action="store_true", help="mend what can be mended; without it nothing is written")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare, say what differs, and end with what that means for whoever called."""
        now = current_time()
        if not can_compare():
            self.stdout.write("Stripe is not set up here (STRIPE_SECRET_KEY is empty), so there is nothing to compare.")
            return
        day = options["since"]
        since = datetime.combine(day, time(), SCHOOL_ZONE) if day else now - LOOKS_BACK
        try:
            mended, remain = mend(since, now) if options["fix"] else ([], compare(since, now))
        except (Unavailable, Refused) as problem:
            self.stderr.write(f"Stripe could not be asked: {problem}")
            sys.exit(NOT_ASKED)
        self._tell("Mended", mended)
        self._tell("Different", remain)
        unknown = Payout.objects.filter(ours_cents=None).count()
        if unknown:
            self.stdout.write(f"Stripe cannot say what is for seats of {unknown} payouts: see the payouts' page.")
        self.stdout.write(self._summary(since, len(mended), remain))
        if remain:
            sys.exit(DIFFER)

    def _tell(self, title: str, found: list[Difference]) -> None:
        for each in found:
            self.stdout.write(f"{title}: {each.words}")

    def _summary(self, since: datetime, mended: int, remain: list[Difference]) -> str:
        stretch = f"Compared since {moment_in_words(since)}."
        done = f" {mended} mended." if mended else ""
        if not remain:
            return f"{stretch}{done} The books agree with Stripe's."
        could = sum(each.can_be_mended for each in remain)
        advice = (
            f" {could} of them can be mended: run it again with --fix." if could else " A person must look at them."
        )
        return f"{stretch}{done} Differences: {len(remain)}.{advice}"
