"""The programme's revision: a name that becomes another one with every change of what decides about a seat.

No process goes on with a programme that it remembers (`in_force`), whoever has changed it.
"""

from workshops import revisions

REVISION = "workshops_programmerevision"
PARTS = (
    "workshops_conducttext",
    "workshops_module",
    "workshops_policyterm",
    "workshops_price",
    "workshops_requirement",
)
"""The tables that `in_force` reads."""


def renew_with_every_change(*, using: str = "default") -> None:
    """Have the database renew the revision whenever a part of the programme is written."""
    revisions.renew_with_every_change(REVISION, 1, PARTS, using=using)
