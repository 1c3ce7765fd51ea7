"""The school's terms: what a reservation promises, in one typed value.

Each field of `Terms` is one term: its default, its words, and its unit. The school confirms every one before its first
cohort can be published, may change it later, and may set another value for one cohort. A reservation keeps the terms
it was made under.
"""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, cast

Unit = Literal["cents", "minutes", "hours", "business days", "days", "yes or no", "people", "percent", "time of day"]


@dataclass(frozen=True)
class Term:
    """One term as a form, a checklist and a page need it."""

    code: str
    title: str
    unit: Unit
    default: int | bool | str
    help: str
    least: int
    most: int
    by_cohort: bool
    """Whether a cohort may have its own."""


def _term(
    default: Any, unit: Unit, title: str, help_text: str, *, least: int = 0, most: int = 365, by_cohort: bool = True
) -> Any:
    return field(
        default=default,
        metadata={
            "unit": unit,
            "title": title,
            "help": help_text,
            "least": least,
            "most": most,
            "by_cohort": by_cohort,
        },
    )


@dataclass(frozen=True)
class Terms:
    """What holds for one cohort, or for one reservation from the moment it was made."""

    deposit_cents: int = _term(
        50_000, "cents", "Deposit", "Paid to turn a hold into a reservation. Part of the price.", most=1_000_000
    )
    hold_minutes: int = _term(
        60, "minutes", "A hold lasts", "How long a seat waits for its deposit.", least=5, most=2_880
    )
    transfer_hold_days: int = _term(
        3,
        "business days",
        "A hold lasts, by bank transfer",
        "Bank transfers take days, so the seat waits longer.",
        least=1,
        most=15,
    )
    offer_hours: int = _term(
        48,
        "hours",
        "An offer from the line lasts",
        "How long a freed seat waits for the person whose turn it is.",
        least=1,
        most=336,
    )
    quiet_from: str = _term(
        "21:00", "time of day", "No offer ends after", "So that nobody has to answer at night. Los Angeles time."
    )
    quiet_until: str = _term(
        "09:00", "time of day", "No offer ends before", "The first hour at which one may end. Los Angeles time."
    )
    balance_due_days: int = _term(
        30, "days", "Balance due", "How many days before the first day the rest of the price is due.", most=180
    )
    balance_grace_days: int = _term(
        7,
        "days",
        "Grace after the balance date",
        "How long the school waits before it decides about the seat.",
        most=60,
    )
    deposit_refundable_days: int = _term(
        60, "days", "Deposit refundable until", "Days before the first day; after that the deposit is kept."
    )
    rest_refundable_days: int = _term(
        30, "days", "Rest refundable until", "Days before the first day; after that nothing is refunded."
    )
    moving_free_days: int = _term(
        30,
        "days",
        "Moving is free until",
        "Days before the first day until which moving to another cohort costs nothing.",
    )
    moving_until_days: int = _term(
        30,
        "days",
        "Moving is possible until",
        "Days before the first day; after that only the school moves anyone. Between the two dates the fee is owed.",
    )
    moving_fee_cents: int = _term(
        0, "cents", "Fee for moving later", "Owed by who moves after moving has stopped being free.", most=1_000_000
    )
    school_cancels_refund_percent: int = _term(
        100,
        "percent",
        "Refund when the school cancels or moves a cohort",
        "Whatever the date, and the trainee may choose another cohort instead.",
        least=100,
        most=100,
    )
    instalment_plans: bool = _term(
        True,
        "yes or no",
        "Instalment plans for the seat",
        "In 3 or 6 monthly parts, where they fit before the balance date.",
    )
    pay_later: bool = _term(
        True, "yes or no", "Pay-later services for the seat", "Klarna and Afterpay, for paying in full."
    )
    one_active_seat: bool = _term(
        True, "yes or no", "One active seat a person", "Nobody holds seats in two coming cohorts."
    )
    minimum_enrolment: int = _term(
        0, "people", "Minimum enrolment", "How many it takes for a cohort to run; 0 means that it always runs.", most=60
    )
    decide_by_days: int = _term(
        45,
        "days",
        "Decided whether it runs",
        "Days before the first day by which the school says so, where there is a minimum enrolment.",
    )
    choice_days: int = _term(
        14,
        "days",
        "To choose, when the school cancels or moves a cohort",
        "How long people have to say whether they want their money back or another cohort.",
        least=1,
        most=60,
    )
    release_overdue: bool = _term(
        False,
        "yes or no",
        "An overdue seat is released by itself",
        "When the grace after the balance date has passed. Otherwise the registrar decides about each.",
    )
    provisional_days: int = _term(
        0,
        "days",
        "Provisional seats until",
        "Days before the first day by which someone who holds a seat without the prerequisites must meet them; "
        "0 means that nobody gets one.",
        most=180,
    )
    proof_kept_days: int = _term(
        90,
        "days",
        "Files of proof are kept",
        "How long after the decision; then the files go and the decision, its dates and who decided stay.",
        least=7,
        most=3_650,
        by_cohort=False,
    )
    tax_percent: int = _term(0, "percent", "Sales tax", "Added to the price; 0 means that no tax is charged.", most=0)

    @classmethod
    def catalogue(cls) -> list[Term]:
        """Every term, in the order in which the checklist shows them."""
        return [
            Term(
                code=item.name,
                title=item.metadata["title"],
                unit=item.metadata["unit"],
                default=cast("int | bool | str", item.default),
                help=item.metadata["help"],
                least=item.metadata["least"],
                most=item.metadata["most"],
                by_cohort=item.metadata["by_cohort"],
            )
            for item in fields(cls)
        ]

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Terms":
        """Read what `as_json` wrote, or a part of it; a term that is not there has its default."""
        return cls().but(values)

    def but(self, values: dict[str, Any]) -> "Terms":
        """The same terms with these values in place; codes that no longer exist are passed over."""
        known = {item.name for item in fields(self)}
        return replace(self, **{code: value for code, value in values.items() if code in known})

    def as_json(self) -> dict[str, Any]:
        """Plain values, to be frozen on a reservation."""
        return asdict(self)
