"""What stands in the way of erasing somebody: what has to be settled first, and where."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse

from booking.payments.ledger import with_paid
from booking.payments.models import FROZEN, UNDER_WAY, Dispute, Payment, Refund, RefundStatus
from booking.payments.plans.lifecycle import STANDING
from booking.payments.plans.models import Plan
from booking.reservations.models import IN_LINE, OWING, Reservation, WaitlistEntry
from workshops import money
from workshops.clock import in_words, school_day
from workshops.cohorts.models import CohortStatus, Teaching
from workshops.mentors.models import Mentorship
from workshops.people.models import User
from workshops.people.roles import registrars
from workshops.prerequisites.records.models import AuditHold

MAY_ARRIVE_FOR = timedelta(days=60)
"""So long a payment that was begun and given up may still come in, and would have to go back to somebody."""


@dataclass(frozen=True)
class Obstacle:
    """One thing to settle first, and the page on which that is done; none where there is nothing to press."""

    words: str
    page: str = ""


def in_the_way(accounts: list[User], *, now: datetime) -> list[Obstacle]:
    """Everything that keeps these accounts, all of one person, from being erased."""
    return [
        *_seats(accounts, now),
        *_line(accounts),
        *_money(accounts, now),
        *_audits(accounts),
        *_duties(accounts, now),
    ]


def _seats(accounts: list[User], now: datetime) -> list[Obstacle]:
    coming = Reservation.objects.holding_a_seat(now).filter(trainee__in=accounts, cohort__ends_on__gte=school_day(now))
    return [
        Obstacle(f"They have seat {each.seat_number} in {each.cohort}: it has to be given back first.", _desk(each))
        for each in coming.exclude(cohort__status=CohortStatus.CANCELLED).select_related("cohort")
    ]


def _line(accounts: list[User]) -> list[Obstacle]:
    waiting = WaitlistEntry.objects.filter(trainee__in=accounts, state__in=IN_LINE).select_related("cohort")
    return [
        Obstacle(
            f"They are in line for {each.cohort}: they have to leave it first.",
            reverse("desk:cohort-line", args=[each.cohort.code]),
        )
        for each in waiting
    ]


def _money(accounts: list[User], now: datetime) -> list[Obstacle]:
    theirs = Reservation.objects.filter(trainee__in=accounts).select_related("cohort", "trainee")
    found = []
    for each in with_paid(theirs):
        # What is owed on a seat to come ends with the seat.
        is_over = each.state_at(now) in OWING and each.cohort.ends_on < school_day(now)
        left = each.remaining_cents(each.paid_cents) if is_over else 0
        if left:
            found.append(Obstacle(f"They owe {money.in_words(left, each.currency)} for {each.cohort}.", _desk(each)))
        if each.choose_until and each.choose_until > now:
            found.append(
                Obstacle(f"They have still to choose what becomes of their money for {each.cohort}.", _desk(each))
            )
    back = Refund.objects.exclude(status=RefundStatus.SUCCEEDED).filter(reservation__in=theirs)
    for refund in back.select_related("reservation__trainee", "payment"):
        amount = money.in_words(refund.amount_cents, refund.payment.currency)
        found.append(Obstacle(f"{amount} has still to be sent back to them.", _desk(refund.reservation)))
    begun = Payment.objects.filter(reservation__in=theirs, status__in=UNDER_WAY, created_at__gt=now - MAY_ARRIVE_FOR)
    for payment in begun.select_related("reservation__trainee"):
        amount = money.in_words(payment.amount_cents, payment.currency)
        last = in_words(school_day(payment.created_at + MAY_ARRIVE_FOR))
        words = f"A payment of {amount} is under way. It is waited for until {last}, unless it arrives before."
        found.append(Obstacle(words, _desk(payment.reservation)))
    return [*found, *_disputes_and_plans(theirs)]


def _disputes_and_plans(theirs: QuerySet[Reservation]) -> list[Obstacle]:
    """Money that a bank decides about, and cards that would be charged."""
    disputes = Dispute.objects.filter(reservation__in=theirs, status__in=FROZEN).select_related("reservation__trainee")
    plans = Plan.objects.filter(reservation__in=theirs, state__in=STANDING).select_related("reservation__trainee")
    found = [
        Obstacle(
            f"Their bank has still to decide about {money.in_words(each.amount_cents, each.reservation.currency)} "
            "that they have disputed.",
            _desk(each.reservation),
        )
        for each in disputes
    ]
    found += [
        Obstacle(f"They pay in {each.months} monthly parts: the plan has to end first.", _desk(each.reservation))
        for each in plans
    ]
    return found


def _audits(accounts: list[User]) -> list[Obstacle]:
    return [
        Obstacle("Their proof is kept for an audit: that has to end first.", _page_of(hold.user))
        for hold in AuditHold.objects.open().filter(user__in=accounts).select_related("user")
    ]


def _duties(accounts: list[User], now: datetime) -> list[Obstacle]:
    found = [
        Obstacle(
            f"They teach {each.cohort}: somebody else has to first.",
            reverse("desk:cohort-instructors", args=[each.cohort.code]),
        )
        for each in Teaching.objects.filter(instructor__in=accounts, cohort__ends_on__gte=school_day(now))
        .exclude(cohort__status=CohortStatus.CANCELLED)
        .select_related("cohort")
    ]
    running = Mentorship.objects.running().filter(Q(mentor__in=accounts) | Q(trainee__in=accounts))
    found += [
        Obstacle(f"{each.mentor} mentors {each.trainee}: that has to end first.", f"{_page_of(each.trainee)}#mentoring")
        for each in running.select_related("mentor", "trainee")
    ]
    run_the_desk = {each.user_id for each in registrars()}
    if run_the_desk and run_the_desk <= {each.pk for each in accounts}:
        found.append(
            Obstacle("They are the last registrar: give somebody else the role first.", reverse("desk:people"))
        )
    return found


def _desk(reservation: Reservation) -> str:
    return reverse("desk:reservation", args=[reservation.public_id])


def _page_of(user: User) -> str:
    return reverse("desk:person", args=[user.public_id])
