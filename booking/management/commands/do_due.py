"""`manage.py do_due`: everything that is due, once. For a timer where no worker can be kept running, and by hand."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from booking.site.due import do_due
from workshops.clock import current_time

NOTHING = "Nothing was due."
WORDS = {
    "holds": "Holds and offers run out",
    "offers": "Offers made",
    "promises": "Provisional seats looked after",
    "overdue": "Overdue seats released",
    "choices": "Choices over",
    "lines": "People told that a line is closed",
    "certain": "Cohorts certain to run",
    "reminders": "Reminders",
    "refunds": "Refunds sent",
    "events": "Events of the card processor looked at",
    "cards": "Saved cards looked after",
    "instalments": "Instalments charged, or tried",
    "attempts": "Payments under way asked about",
    "earned": "Seats whose tuition is earned",
    "books": "Books compared with the card processor's",
    "messages": "Messages tried",
    "proofs": "Files of proof deleted",
    "forgotten": "Rows deleted that were kept long enough",
}


class Command(BaseCommand):
    """Does what is due until a round finds nothing more."""

    help = "Expire what ran out, offer free seats to those in line, remind, send what is due; then end."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run round after round; say what was done; fail where a task did."""
        did = Counter[str]()
        while True:
            done = do_due(current_time())
            did.update(done.counts)
            if done.failed or not done.anything:
                break
        self.stdout.write(" ".join(f"{WORDS[task]}: {number}." for task, number in did.items() if number) or NOTHING)
        if done.failed:
            raise CommandError(f"These could not be done and are in the log: {', '.join(done.failed)}.")
