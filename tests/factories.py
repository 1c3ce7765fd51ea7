"""Typed makers of what tests need: each does the least that is true, and says nothing it was not asked to say."""

import itertools
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import ScryptPasswordHasher, make_password

from booking.payments.discounts import making
from booking.payments.discounts.models import Discount, DiscountKind
from booking.reservations import reserving
from booking.reservations.models import Reservation
from workshops.clock import school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort, CohortStatus, Session, Teaching, Venue
from workshops.people.models import ApiToken, Role, RoleGrant, Scope, User
from workshops.prerequisites.models import Access, Completion
from workshops.prerequisites.records.models import OnSetDay, OnSetRecord, RecordState
from workshops.programme.models import Module

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
NOW = datetime(2027, 1, 11, 10, 0, tzinfo=LOS_ANGELES)
"""A Monday morning at the school: what tests call now."""

_count = itertools.count(1)


@cache
def _hashed(password: str) -> str:
    return ScryptPasswordHasher().encode(password, "salt")


def person(*roles: Role, name: str = "", email: str = "", password: str | None = None, **fields: Any) -> User:
    """Someone with an account and these roles. With a password, the address counts as verified."""
    number = next(_count)
    user = User.objects.create_user(email or f"person{number}@example.org", name=name or f"Person {number}", **fields)
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=role, granted_at=NOW) for role in roles)
    if password:
        # Hashed as the product does, so that the real server knows it too; the suite's own hasher is a quick one.
        user.password = _hashed(password)
        user.save(update_fields=["password"])
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def trainee(*, lacking: str = "", **fields: Any) -> User:
    """A trainee who meets every prerequisite of Module IV, or all but the one whose code is `lacking`."""
    user = person(Role.TRAINEE, **fields)
    for code in ("module-i", "module-ii", "module-iii"):
        if code != lacking:
            finish(user, code)
    prove_days(user, 7 if lacking == "on-set-days" else 10)
    return user


def trainees(count: int) -> list[User]:
    """So many who meet every prerequisite, in few statements: for crowds."""
    numbers = [next(_count) for _ in range(count)]
    users = User.objects.bulk_create(
        User(email=f"person{number}@example.org", name=f"Person {number}", password=make_password(None))
        for number in numbers
    )
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=Role.TRAINEE, granted_at=NOW) for user in users)
    modules = list(Module.objects.filter(code__in=("module-i", "module-ii", "module-iii")))
    finished = {"completed_on": date(2026, 6, 1), "recorded_at": NOW}
    Completion.objects.bulk_create(Completion(user=user, module=each, **finished) for user in users for each in modules)
    told = {"created_at": NOW, "sent_at": NOW, "decided_at": NOW, "state": RecordState.ACCEPTED}
    made = OnSetRecord.objects.bulk_create(OnSetRecord(user=user, production="The Long Take", **told) for user in users)
    days = [date(2026, 3, day) for day in range(11, 21)]
    OnSetDay.objects.bulk_create(OnSetDay(record=record, day=day) for record in made for day in days)
    return users


def finish(user: User, module: str, on: date | None = None) -> Completion:
    """A module on record as finished."""
    return Completion.objects.create(
        user=user, module=Module.objects.get(code=module), completed_on=on or date(2026, 6, 1), recorded_at=NOW
    )


def give_access(user: User, module: str, on: date) -> Access:
    """Access to a module on record."""
    return Access.objects.create(user=user, module=Module.objects.get(code=module), granted_on=on, recorded_at=NOW)


def prove_days(
    user: User, days: int, *, last: date = date(2026, 3, 20), state: RecordState = RecordState.ACCEPTED
) -> OnSetRecord:
    """So many consecutive days on one production, up to `last`."""
    decided = NOW if state in (RecordState.ACCEPTED, RecordState.REJECTED) else None
    record = OnSetRecord.objects.create(
        user=user, production="The Long Take", state=state, created_at=NOW, sent_at=NOW, decided_at=decided
    )
    OnSetDay.objects.bulk_create(OnSetDay(record=record, day=last - timedelta(days=back)) for back in range(days))
    return record


def venue(**fields: object) -> Venue:
    """A place in Los Angeles."""
    return Venue.objects.create(**{"name": f"Stage {next(_count)}", "address": "100 Example Street", **fields})


def cohort(
    *,
    capacity: int = 12,
    starts_on: date | None = None,
    now: datetime = NOW,
    status: CohortStatus = CohortStatus.PUBLISHED,
    instructors: tuple[User, ...] = (),
    **fields: object,
) -> Cohort:
    """A published cohort of four days, 120 days from now, open for booking now, with this many free seats."""
    number = next(_count)
    first = starts_on or school_day(now) + timedelta(days=120)
    made = Cohort.objects.create(
        **{
            "code": f"cohort-{number}",
            "title": f"Module IV, cohort {number}",
            "module": Module.objects.get(code="module-iv"),
            "venue": fields.pop("venue", None) or venue(),
            "status": status,
            "starts_on": first,
            "ends_on": first + timedelta(days=3),
            "revised_at": now,
            "bookings_open_at": now - timedelta(days=30),
            "bookings_close_at": datetime(first.year, first.month, first.day, tzinfo=LOS_ANGELES),
            **fields,
        }
    )
    for index in range(4):
        on = first + timedelta(days=index)
        Session.objects.create(
            cohort=made,
            day=index + 1,
            starts_at=datetime(on.year, on.month, on.day, 9, 30, tzinfo=LOS_ANGELES),
            ends_at=datetime(on.year, on.month, on.day, 17, 30, tzinfo=LOS_ANGELES),
            topics=["Scene study"],
            revised_at=now,
        )
    for index, instructor in enumerate(instructors):
        Teaching.objects.create(cohort=made, instructor=instructor, is_lead=index == 0)
    seats.make(made, capacity, now=now)
    return made


def reservation(*, now: datetime = NOW, **given: object) -> Reservation:
    """A seat held by a qualified trainee, made the way every seat is."""
    return reserving.hold(
        given.get("cohort") or cohort(now=now),  # type: ignore[arg-type]
        given.get("trainee") or trainee(),  # type: ignore[arg-type]
        now=now,
    )


def discount(*, by: User | None = None, now: datetime = NOW, **given: Any) -> Discount:
    """A voucher for $500 that a registrar made for whoever has its code; with a `person`, for that one by name."""
    told: dict[str, Any] = {
        "kind": DiscountKind.VOUCHER,
        "code": None if given.get("person") else f"CODE-{next(_count)}",
        "person": None,
        "cohort": None,
        "amount_cents": 0 if given.get("percent") else 50_000,
        "percent": 0,
        "limit": 1,
        "valid_from": school_day(now),
        "valid_until": school_day(now) + timedelta(days=90),
        "reason": "For this test.",
    }
    return making.make(making.Asked(**(told | given)), by=by or person(Role.REGISTRAR), now=now)


def token(user: User, *scopes: Scope, now: datetime = NOW) -> str:
    """The key of a fresh API token."""
    return ApiToken.issue(user, name="test", scopes=list(scopes), now=now)[1]
