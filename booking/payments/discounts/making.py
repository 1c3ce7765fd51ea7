"""Making a discount and ending it: what a registrar decides, never about themselves."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction

from booking.payments.discounts.models import Discount, DiscountKind
from booking.payments.discounts.rules import worth
from workshops.cohorts.models import Cohort
from workshops.history.record import record
from workshops.people.models import User
from workshops.prerequisites.deciding import not_their_own, reason_given
from workshops.transactions import writes

# Without what is read or heard as something else: 0 and O, 1 and I.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class CodeTaken(Exception):
    """Another discount has this code, or had it."""


@dataclass(frozen=True)
class Asked:
    """What a discount is to be: an amount or a percentage, for a code or one person, for one cohort or any."""

    kind: DiscountKind
    code: str | None
    person: User | None
    cohort: Cohort | None
    amount_cents: int
    percent: int
    limit: int
    valid_from: date
    valid_until: date
    reason: str


def suggested_code() -> str:
    """A code that nobody guesses: forty bits, in two groups that can be read out."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


@writes
def make(asked: Asked, *, by: User, now: datetime) -> Discount:
    """Make a discount, with a line of history for it and for the person it is for.

    Raises:
        BadFact: when it is for the registrar themselves, or no reason is given.
        CodeTaken: when there is such a code already.
    """
    if asked.person is not None:
        not_their_own(asked.person, by)
    reason = reason_given(asked.reason)
    try:
        with transaction.atomic():
            made = Discount.objects.create(
                kind=asked.kind,
                code=asked.code,
                person=asked.person,
                cohort=asked.cohort,
                amount_cents=asked.amount_cents,
                percent=asked.percent,
                limit=asked.limit if asked.person is None else 1,
                valid_from=asked.valid_from,
                valid_until=asked.valid_until,
                reason=reason,
                created_at=now,
                created_by=by,
            )
    except IntegrityError:
        if asked.code is None or not Discount.objects.filter(code=asked.code).exists():
            raise
        raise CodeTaken from None
    about = ("discount", made.public_id)
    record("discount-made", about=about, person=made.person, by=by, now=now, why=reason, takes_off=worth(made))
    return made


@writes
def end(discount: Discount, *, why: str, by: User, now: datetime) -> bool:
    """Let nobody use it from now on; seats that have it keep their price. False when it had been ended before.

    Locks the discount, so that it is not used at this very moment.

    Raises:
        BadFact: when it is for the registrar themselves, or no reason is given.
    """
    fresh = Discount.objects.select_for_update(of=("self",), no_key=True).get(pk=discount.pk)
    if fresh.person is not None:
        not_their_own(fresh.person, by)
    reason = reason_given(why)
    if fresh.ended_at is not None:
        return False
    fresh.ended_at = now
    fresh.save(update_fields=["ended_at"])
    record("discount-ended", about=("discount", fresh.public_id), person=fresh.person, by=by, now=now, why=reason)
    return True


def hand_over(other: User, to: User) -> None:
    """Give what is meant for one account by name to another account of the same person. The caller has locked both."""
    Discount.objects.filter(person=other).update(person=to)
