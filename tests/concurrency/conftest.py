"""What holds in every attack: nobody blocked anybody for ever, not even until the database noticed."""

from collections.abc import Iterator

import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def _no_deadlock(fresh_database: str) -> Iterator[None]:
    """Writes that PostgreSQL aborts to end a deadlock are done again and nobody hears of it: so the server is asked."""
    yield
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            assert cursor.fetchone() == (0,)
