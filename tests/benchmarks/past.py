"""A long past: what the tables hold after very many years."""

from django.db import connection

from booking.reservations.models import Reservation
from tests.benchmarks.likeness import insert_like, row_of

EACH = 50
"""Reservations of one person: they came once, and the other times it came to nothing."""
COHORTS = 2_000


def add(count: int, sample: Reservation) -> None:
    """So many reservations like `sample` that ended long ago, with a line of history each, in cohorts long gone."""
    user = row_of("workshops_user", "id = %s", sample.trainee_id)
    cohort = row_of("workshops_cohort", "id = %s", sample.cohort_id)
    reservation = row_of("booking_reservation", "id = %s", sample.pk)
    line = row_of("workshops_historyline", "about_id = %s", sample.public_id)
    first_person, first_cohort = _last("workshops_user") + 1, _last("workshops_cohort") + 1
    earlier = "interval '3 years'"
    statements = [
        "SET statement_timeout = 0",
        insert_like(
            "workshops_user",
            [user],
            source=f"generate_series(1, {-(-count // EACH)}) n",
            public_id="substr(md5('user' || n), 1, 20)",
            email="'past' || n || '@example.org'",
        ),
        insert_like(
            "workshops_cohort",
            [cohort],
            source=f"generate_series(1, {COHORTS}) n",
            public_id="substr(md5('cohort' || n), 1, 20)",
            code="'past-' || n",
            starts_on=f"date '{cohort['starts_on']}' - {earlier}",
            ends_on=f"date '{cohort['ends_on']}' - {earlier}",
        ),
        insert_like(
            "booking_reservation",
            [reservation],
            source=f"generate_series(0, {count - 1}) n",
            public_id="substr(md5('past' || n), 1, 20)",
            trainee_id=f"{first_person} + n / {EACH}",
            cohort_id=f"{first_cohort} + (n / {EACH} * 37 + n % {EACH}) % {COHORTS}",
            state=f"CASE WHEN n % {EACH} = 0 THEN 'confirmed' WHEN n % 2 = 0 THEN 'cancelled' ELSE 'expired' END",
            held_until="NULL",
            is_only_one="false",
            created_at=f"now() - {earlier}",
        ),
        insert_like(
            "workshops_historyline",
            [line],
            source=f"generate_series(0, {count - 1}) n",
            at=f"now() - {earlier}",
            by_id=f"{first_person} + n / {EACH}",
            person_id=f"{first_person} + n / {EACH}",
            about_id="substr(md5('past' || n), 1, 20)",
        ),
        "VACUUM ANALYZE",
        "CHECKPOINT",
        "RESET statement_timeout",
    ]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _last(table: str) -> int:
    """The key that the next row comes after: a sequence counts on where an INSERT was refused."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT last_value FROM {table}_id_seq")
        return int(cursor.fetchone()[0])
