"""`manage.py do_due`: everything that is due, once. For a timer where no worker can be kept running, and by hand."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from booking.site.due import do_due


class Command(BaseCommand):
    """Does what is due until a round finds nothing more."""

    help = "Mark holds that ran out, send the messages that are due, delete old kept answers; then end."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run round after round; say what was done; fail where a task did."""
        did = Counter[str]()
        while True:
            done = do_due(now())
            did.update(
                {"holds": done.holds, "refunds": done.refunds, "messages": done.messages, "answers": done.answers}
            )
            if done.failed or not done.anything:
                break
        self.stdout.write(
            f"Holds run out: {did['holds']}. Refunds sent: {did['refunds']}. Messages tried: {did['messages']}. "
            f"Kept answers deleted: {did['answers']}."
        )
        if done.failed:
            raise CommandError(f"These could not be done and are in the log: {', '.join(done.failed)}.")
