"""The product's settings with the guards of its messages taken out: the negative controls of the kills.

Messages are queued once the transaction that causes them has been committed, and marked as sent before they are: the
way a system is written that has never been killed. Only tests name this module.
"""

import time
from datetime import datetime
from typing import Any

from django.apps import AppConfig
from django.db import transaction

from booking.site.settings import *  # noqa: F403
from booking.site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.unguarded.Unguarded"]


class Unguarded(AppConfig):
    """Replaces how messages are queued, and how they are claimed."""

    name = "tests.faults"
    label = "unguarded_messages"

    def ready(self) -> None:
        """Take the guards out."""
        from workshops.messages import outbox
        from workshops.messages.models import MessageState

        queue_all, lease = outbox.queue_all, outbox._lease

        def queue_later(*given: Any, **named: Any) -> None:
            def queue() -> None:
                time.sleep(0.05)
                queue_all(*given, **named)

            transaction.on_commit(queue)

        def mark_first(now: datetime, limit: int) -> Any:
            messages = lease(now, limit)
            for message in messages:
                message.state, message.sent_at = MessageState.SENT, now
                message.save(update_fields=["state", "sent_at"])
            time.sleep(0.5)
            return messages

        outbox.queue_all = queue_later
        outbox._lease = mark_first
