"""What every page says of a cohort before anyone has a seat in it: its seats, its line, and what a seat costs."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404

from booking.payments.discounts import by_name
from booking.reservations import admission, waitlist
from booking.reservations.explaining import seat_to_be
from booking.reservations.models import Reservation
from booking.reservations.promises import if_promise_fails, promises, returns_of
from workshops.clock import in_words, school_day
from workshops.cohorts.certainty import certainty
from workshops.cohorts.models import Cohort, CohortQuerySet, CohortStatus, Session
from workshops.people.models import User
from workshops.programme.models import ConductText, price_on, school_terms


def public_cohorts(now: datetime) -> CohortQuerySet:
    """The cohorts that anyone may see, with what `listed` needs of them."""
    return Cohort.objects.public().with_seats_left(now).select_related("venue", "module")


def public_cohort(code: str, now: datetime) -> Cohort:
    """One of them with its sessions, or "not found"."""
    cohorts = public_cohorts(now).prefetch_related(Prefetch("sessions", Session.objects.order_by("day")))
    return get_object_or_404(cohorts, code=code)


def listed(cohorts: Sequence[Cohort], now: datetime) -> list[dict[str, object]]:
    """What every page says of these cohorts: seats as a drawing, how many wait, and whether one can be booked.

    A free seat that is owed to someone in line is nobody else's, so it is not left. Statements: see `waitlist.lines`.
    """
    lines = waitlist.lines(cohorts, now)
    return [_listed(cohort, lines[cohort.pk], now) for cohort in cohorts]


def listed_one(cohort: Cohort, now: datetime) -> dict[str, object]:
    """The same of one cohort."""
    return listed([cohort], now)[0]


def _listed(cohort: Cohort, line: waitlist.Line, now: datetime) -> dict[str, object]:
    capacity, free = getattr(cohort, "capacity", 0), getattr(cohort, "free_seats", 0)
    left, bookable = waitlist.seats_left(cohort, line), cohort.is_bookable(now)
    return {
        "cohort": cohort,
        "is_bookable": bookable,
        "opens_later": cohort.status == CohortStatus.PUBLISHED and now < cohort.bookings_open_at,
        "capacity": capacity,
        "seats_left": left,
        "seats": ["free"] * left + ["held"] * (free - left) + ["taken"] * (capacity - free),
        "waiting": line.length,
        "status": _status(cohort, left, now, bookable=bookable),
    }


def _status(cohort: Cohort, left: int, now: datetime, *, bookable: bool) -> tuple[str, str]:
    """The pill of a cohort: its colour and its words."""
    if cohort.status == CohortStatus.CANCELLED:
        return "stop", "Cancelled"
    if bookable:
        return ("good", "Open") if left else ("wait", "Full")
    if cohort.status == CohortStatus.PUBLISHED and now < cohort.bookings_open_at:
        return "", f"Opens {in_words(school_day(cohort.bookings_open_at))}"
    return "", "Bookings closed"


def costs(cohort: Cohort, user: object, now: datetime) -> dict[str, object]:
    """What a seat in this cohort would cost this reader today, and the dates that go with it.

    `returns`: what would come back when, in figures.
    `promise_until`: until when someone who lacks a prerequisite could hold one; None where nobody may.
    `if_promise_fails`: what would come back then, in words.
    """
    today = school_day(now)
    terms = cohort.terms(school_terms())
    entitled = isinstance(user, User) and user.entitlements.filter(module=cohort.module).exists()
    cost = admission.quote(cohort, terms, price_on(cohort.module.code, today), entitled=entitled, today=today)
    if isinstance(user, User):
        cost = admission.less(cost, by_name.that_applies(user.pk, cohort.pk, cost.price_cents, now))
    promise_until = admission.promise_until(cohort, terms, today)
    seat = seat_to_be(cohort, terms, cost, provisional_until=promise_until)
    return {
        "quote": cost,
        "terms": terms,
        "returns": returns_of(seat, 0, now),
        "promises": promises(
            cohort.starts_on,
            terms,
            today,
            currency=cost.currency,
            is_owed=cost.price_cents > 0,
            is_paid_here=not entitled,
        ),
        "promise_until": promise_until,
        "if_promise_fails": if_promise_fails(seat, 0),
        "certainty": certainty(
            cohort.starts_on, terms, taken=getattr(cohort, "taken_seats", 0), since=cohort.certain_since, today=today
        ),
    }


def agreed_at(trainee: User, conduct: ConductText) -> datetime | None:
    """When this person last agreed to this very version of the conduct text, with whatever became of that seat."""
    agreed = Reservation.objects.filter(trainee=trainee, conduct=conduct, conduct_accepted_at__isnull=False)
    return agreed.order_by("-conduct_accepted_at").values_list("conduct_accepted_at", flat=True).first()
