"""`manage.py worker`: does what is due for as long as it runs. Any number of them may run at once."""

import logging
import signal
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import close_old_connections, connection
from django.urls import reverse

from booking.site.due import do_due
from workshops.clock import current_time

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0


class Command(BaseCommand):
    """Does what is due every two seconds, until it is asked to stop."""

    help = "Send messages, mark holds that ran out and tidy up, until SIGTERM or SIGINT; ends after the task in hand."
    stopping = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until asked to stop. What fails is logged and tried again, less often while nothing else works."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # Messages carry addresses, and the first one that is made loads them all: not inside the first transaction.
        reverse("home")
        log.info("The worker has started.")
        pause = PAUSE_SECONDS
        while not self.stopping:
            # A connection that broke or grew old is let go here, so that the next round makes a new one.
            close_old_connections()
            done = do_due(current_time())
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS) if done.failed else PAUSE_SECONDS
            if not done.anything:
                self._wait(pause)
        connection.close()
        log.info("The worker has stopped.")

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        # Only a flag: a handler runs between two instructions of whatever was going on, and may wait for nothing.
        self.stopping = True

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
