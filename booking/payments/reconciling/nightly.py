"""Once a day, in the night: the books are compared with the processor's and mended; what remains is told."""

import logging
from datetime import datetime, time, timedelta

from django.conf import settings
from django.urls import reverse

from booking.payments.gateways.base import Refused, Unavailable
from booking.payments.reconciling.comparing import Difference
from booking.payments.reconciling.mending import can_compare, mend
from workshops.clock import SCHOOL_ZONE, in_words, school_day
from workshops.history.models import HistoryLine
from workshops.history.record import record
from workshops.messages.outbox import queue
from workshops.people.roles import registrars
from workshops.transactions import writes

log = logging.getLogger(__name__)

AFTER = time(3, 0)
"""In Los Angeles: nobody pays, and what the day has brought is there."""
LOOKS_BACK = timedelta(days=7)
"""At least. Where the last comparison was longer ago, back to a day before it."""
A_DAY = timedelta(days=1)
TRY_AGAIN = timedelta(hours=1)
COMPARED, NOT_COMPARED = "books-compared", "books-not-compared"
AT_MOST = 10
"""How many differences one message tells of."""


def nightly(now: datetime) -> int:
    """Compare and mend, once a day after three in the morning; 1 when it was done, 0 when it was not its time.

    The history is the mark that it was done. While Stripe cannot be asked, it is tried again an hour later.
    """
    day = school_day(now)
    if not can_compare() or now.astimezone(SCHOOL_ZONE).time() < AFTER:
        return 0
    lines = HistoryLine.objects.filter(about_kind="books", about_id=day.isoformat())
    if lines.filter(what=COMPARED).exists():
        return 0
    if lines.filter(what=NOT_COMPARED, at__gt=now - TRY_AGAIN).exists():
        return 0
    try:
        mended, remain = mend(_since(now), now)
    except (Unavailable, Refused) as problem:
        log.warning("The books could not be compared with Stripe's: %s", problem)
        _remember(NOT_COMPARED, now)
        return 0
    except Exception:
        _remember(NOT_COMPARED, now)  # whatever it is, it is not tried again with every round
        raise
    _done(len(mended), remain, now)
    return 1


def _since(now: datetime) -> datetime:
    """From when on is compared: what came while nobody compared must not fall out."""
    compared = HistoryLine.objects.filter(about_kind="books", what=COMPARED)
    last = compared.order_by("-at").values_list("at", flat=True).first()
    return min(now - LOOKS_BACK, last - A_DAY) if last else now - LOOKS_BACK


@writes
def _remember(what: str, now: datetime) -> None:
    record(what, about=("books", school_day(now).isoformat()), now=now)


@writes
def _done(mended: int, remain: list[Difference], now: datetime) -> None:
    """Mark the day as done, and tell the registrars what a person has to look at."""
    day = school_day(now)
    record(COMPARED, about=("books", day.isoformat()), now=now, mended=mended, remain=len(remain))
    if not remain:
        return
    told = {
        "on": in_words(day),
        "count": str(len(remain)),
        "differences": " · ".join(each.words for each in remain[:AT_MOST]),
        "more": str(len(remain) - AT_MOST) if len(remain) > AT_MOST else "",
        "link": f"{settings.SITE_URL}{reverse('desk:owed')}",
    }
    for grant in registrars().select_related("user"):
        queue("books-differ", ("books", f"{day.isoformat()}:{grant.user.public_id}"), grant.user, told, now=now)
