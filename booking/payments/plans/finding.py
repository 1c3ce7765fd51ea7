"""Which plans there is something to do about: asked of the database once, whatever the number that run well."""

from datetime import date

from django.db.models import F, IntegerField, OuterRef, Q, Subquery, Sum

from booking.payments import ledger
from booking.payments.plans.models import Plan, PlanState
from booking.reservations.models import Charge, Reservation, State
from workshops.clock import end_of_school_day


def with_something_due(by: date, which: Q | None = None) -> list[tuple[Plan, int]]:
    """Running plans of which something is due by the end of this day in Los Angeles and not here, oldest first.

    Each with the cents that pay for its seat, and with its charges at hand. `which` narrows the plans.
    """
    running = Plan.objects.filter(which or Q(), state=PlanState.ACTIVE)
    fallen_due = Charge.objects.filter(reservation=OuterRef("pk"), due_at__lte=end_of_school_day(by)).order_by()
    due = fallen_due.values("reservation").annotate(total=Sum("amount_cents")).values("total")
    seated = Reservation.objects.filter(
        pk__in=running.values("reservation"), state__in=(State.RESERVED, State.CONFIRMED)
    )
    rows = ledger.with_kept(seated).annotate(due_cents=Subquery(due, output_field=IntegerField()))
    kept = {each.pk: each.kept_cents for each in rows.filter(due_cents__gt=F("kept_cents"))}
    plans = running.filter(reservation__in=kept).select_related("reservation__trainee", "reservation__cohort")
    return [(each, kept[each.reservation_id]) for each in plans.prefetch_related("reservation__charges").order_by("pk")]
