"""`manage.py note_bounce < message.eml`: notes which message of ours came back. For the pipe of a mail server.

It ends with 0 for whatever it has read, ours or not: a mail server that is told of a failure would return the report
that a message has failed. Where it could not be noted at this moment it ends with 75, and the mail server comes again.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from workshops.clock import current_time
from workshops.messages import bouncing
from workshops.messages.bouncing import MOST_BYTES
from workshops.transactions import Busy

A_BITE = 64 * 1024


class Command(BaseCommand):
    """Reads one e-mail from standard input and notes the message of ours that it returns."""

    help = "Read one returned e-mail from standard input and note which message of ours came back. For a mail pipe."
    requires_system_checks: list[str] = []  # noqa: RUF012  (what is wrong elsewhere keeps no report from being noted)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, note, and say in one line what became of it."""
        report = bouncing.read(_beginning(sys.stdin.buffer))
        if report is None:
            self.stdout.write("It reports no message of ours that came back.")
            return
        try:
            news = bouncing.note(report.number, report.words, now=current_time())
        except (DatabaseError, Busy) as error:
            self.stderr.write(f"It could not be noted now: {type(error).__name__}.")
            sys.exit(os.EX_TEMPFAIL)
        noted = (
            f"Message {report.number} came back." if news else f"Message {report.number} had been noted, or is gone."
        )
        self.stdout.write(noted)


def _beginning(stream: BinaryIO) -> bytes:
    """The first bytes of a message. The rest is read and dropped: a mail server writes to a pipe to its end."""
    kept = bytearray()
    for bite in _bites(stream):
        kept += bite[: max(MOST_BYTES - len(kept), 0)]
    return bytes(kept)


def _bites(stream: BinaryIO) -> Iterator[bytes]:
    while bite := stream.read(A_BITE):
        yield bite
