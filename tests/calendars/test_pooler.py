"""Between us and PostgreSQL may be a pooler that gives out another connection for each transaction."""

import pytest
from django.db import connection

from booking.calendars import stamps, tokens
from booking.calendars.models import FeedKind
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize(
    "meanwhile",
    ["DEALLOCATE ALL", "PREPARE stamp_trainee (text, text) AS SELECT $1, $2"],
    ids=["a connection that has planned nothing", "one that somebody else has planned on"],
)
def test_a_connection_on_which_another_has_planned_its_statements_serves_as_well(
    fresh_database: str, meanwhile: str
) -> None:
    _, address = tokens.make(factories.trainee(), FeedKind.TRAINEE, now=NOW)
    secret = address.rpartition("/")[2].removesuffix(".ics")
    first = stamps.private(FeedKind.TRAINEE, secret, NOW)
    assert first is not None
    with connection.cursor() as cursor:
        if meanwhile.startswith("PREPARE"):
            stamps._planned.clear()
            cursor.execute("DEALLOCATE ALL")
        cursor.execute(meanwhile)
    assert stamps.private(FeedKind.TRAINEE, secret, NOW) == first
