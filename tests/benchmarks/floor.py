"""The floor: pgbench writing the rows of a reservation, each client with seats and people of its own."""

import shutil
import subprocess
import tempfile
from urllib.parse import unquote, urlsplit

from booking.reservations.models import Reservation
from tests.benchmarks.likeness import insert_like, row_of
from workshops.cohorts.models import Cohort, Seat
from workshops.people.models import User

_NEW = "currval('booking_reservation_id_seq')"


def script_like(sample: Reservation) -> str:
    """One transaction that writes what the product wrote for `sample`, for the person and the seat of `:n`."""
    reservation = row_of("booking_reservation", "id = %s", sample.pk)
    kinds = sample.charges.order_by("pk").values_list("kind", flat=True)
    charges = [row_of("booking_charge", "reservation_id = %s AND kind = %s", sample.pk, kind) for kind in kinds]
    line = row_of("workshops_historyline", "about_id = %s", sample.public_id)
    message = row_of("workshops_message", "subject = %s", f"reservation:{sample.public_id}")
    taking = "UPDATE workshops_seat SET status = 'held', occupant_id = :person, held_until = now() + interval '1 hour'"
    statements = [
        f"{taking} WHERE id = :seat",
        insert_like(
            "booking_reservation",
            [reservation],
            source="workshops_seat WHERE id = :seat",
            public_id="substr(md5(random()::text), 1, 20)",
            trainee_id=":person",
            cohort_id="cohort_id",
            seat_number="number",
            held_until="held_until",
        ),
        insert_like("booking_charge", charges, reservation_id=_NEW),
        insert_like("workshops_historyline", [line], by_id=":person", person_id=":person", about_id=f"{_NEW}::text"),
        insert_like("workshops_message", [message], to_id=":person", subject=f"'reservation-' || {_NEW}")
        + " ON CONFLICT DO NOTHING",
    ]
    return "\n".join(f"{statement};" for statement in ("BEGIN", *statements, "COMMIT"))


def pgbench(url: str, clients: int, cohorts: list[Cohort], people: list[User], script: str) -> float | None:
    """So many transactions a second, one for each of `people`; None where there is no pgbench."""
    program = shutil.which("pgbench")
    if program is None:
        return None
    each = len(people) // clients
    first_seat = min(Seat.objects.filter(cohort__in=cohorts).values_list("pk", flat=True))
    choosing = (
        f"\\set i :i + 1\n\\set n :client_id * {each} + :i\n"
        f"\\set seat {first_seat} + :n\n\\set person {people[0].pk} + :n\n"
    )
    parts = urlsplit(url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(choosing + script)
        file.flush()
        done = subprocess.run(
            [
                program,
                *("-n", "-M", "prepared", "-f", file.name, "-c", str(clients), "-t", str(each), "-D", "i=-1"),
                *("-h", unquote(parts.netloc.rpartition("@")[2]), "-U", str(parts.username), parts.path.lstrip("/")),
            ],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split()[2])
