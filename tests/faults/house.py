"""The product and what it stands on, each part of which can be killed, and how it comes up again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle

from django.db import connection
from django.utils.timezone import now

from tests.faults.crowd import until
from tests.services.postgres import PostgresServer
from tests.services.server import Product
from workshops.messages.models import Message, MessageState


@dataclass
class House:
    """Everything that can be killed, and how it comes up again."""

    product: Product
    database: PostgresServer | None = None
    interrupted: int = 0
    """How many messages killed workers had claimed and not sent."""
    _turns: Iterator[int] = field(default_factory=lambda: cycle(range(2)))

    def kill_a_web_process(self) -> None:
        """One of two, in turn; the server itself replaces it."""
        number = next(self._turns)
        killed = self.product.web_processes()[number]
        self.product.kill_web_process(number)
        until(lambda: self.product.web_processes()[number] != killed, "it was not replaced", self.product)

    def kill_the_web_server(self) -> None:
        """All of its processes, where it runs without a worker."""
        self.product.kill()
        self.product.start()

    def kill_the_worker(self) -> None:
        """In the middle of sending."""
        claimed = Message.objects.filter(state=MessageState.QUEUED, lease_until__gt=now())
        until(claimed.exists, "the worker sends nothing", self.product)
        self.product.kill_worker()
        self.interrupted += claimed.count()
        self.product.start_worker()

    def kill_the_database(self) -> None:
        """All of its processes. Nobody tells the product: it connects again by itself."""
        assert self.database is not None
        connection.close()
        self.database.kill()
        self.database.start()

    def kill_everything(self) -> None:
        """Web server, worker and database, as a power cut would."""
        connection.close()
        if self.database is not None:
            self.database.kill()
        self.product.kill()
        if self.database is not None:
            self.database.start()
        self.product.start()
        self.product.start_worker()
