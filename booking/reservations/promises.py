"""What a reservation promises about money, as dates that a person can read before paying. Pure functions."""

from dataclasses import dataclass
from datetime import date, timedelta

from workshops.clock import with_weekday
from workshops.programme.terms import Terms


@dataclass(frozen=True)
class Promise:
    """One line of the money terms."""

    when: str
    what: str


def promises(starts_on: date, terms: Terms, today: date) -> list[Promise]:
    """What comes back when, and until when moving is free: one line a date, only those that can still matter."""
    deposit_until = starts_on - timedelta(days=terms.deposit_refundable_days)
    rest_until = starts_on - timedelta(days=terms.rest_refundable_days)
    move_until = starts_on - timedelta(days=terms.moving_free_days)
    lines = []
    if today <= deposit_until:
        lines.append(Promise(f"Cancel until {with_weekday(deposit_until)}", "Everything you have paid comes back."))
    if today <= rest_until:
        lines.append(
            Promise(
                f"Cancel until {with_weekday(rest_until)}",
                "The deposit stays with the school, the rest comes back.",
            )
        )
    lines.append(
        Promise(
            "Cancel later" if today <= rest_until else "If you cancel",
            "Nothing comes back. Write to the school if something serious has happened.",
        )
    )
    if terms.balance_grace_days:
        waits = f"The school waits {terms.balance_grace_days} days, writes to you, and then decides about the seat."
        lines.append(Promise("If the balance is late", waits))
    if today <= move_until:
        lines.append(Promise(f"Move until {with_weekday(move_until)}", "Changing to another cohort is free."))
    lines.append(
        Promise("If the school cancels or moves the cohort", "All of it comes back, or you choose another cohort.")
    )
    return lines
