"""What the clock says to people before their workshop: four weeks, one week and one day ahead of the first day.

Each rung is one message for each seat and first day: a cohort that moves begins the ladder anew. A rung is said while
what it says is true and never later; whoever has said that they want none of these gets none, and misses nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Case, CharField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Concat

from booking.payments import ledger
from booking.payments.balances import due_next
from booking.payments.models import Payment, PaymentStatus
from booking.reservations import lifecycle
from booking.reservations.emails import about_cohort
from booking.reservations.emails_changes import each_day
from booking.reservations.models import SEATED, Reservation
from booking.reservations.rounds import one_by_one
from workshops import money
from workshops.clock import SCHOOL_ZONE, moment_for, school_day, with_weekday
from workshops.cohorts.models import CohortStatus
from workshops.cohorts.planning import certainty_of
from workshops.messages.models import Message
from workshops.messages.outbox import REMINDER, STOP, TOO_LATE_FROM, queue
from workshops.people import reminders
from workshops.people.models import User
from workshops.people.presence import stays_open
from workshops.programme.models import school
from workshops.transactions import writes

BY_DAY = (time(9), time(21))
"""From when until when these are written, by the clocks of Los Angeles."""
AT_ONCE = 100
"""So many in one round; the next one is a few seconds later."""
JUST_HEARD = timedelta(days=1)
"""Nobody who has reserved so lately is told that their workshop is weeks away: they know."""
RUNS = (CohortStatus.PUBLISHED, CohortStatus.CLOSED)


@dataclass(frozen=True)
class Rung:
    """One of the three: its number as the outbox knows it, its name in the words, and from when until when it is true.

    Days are counted to the first day. They end where the words would be wrong, so that a worker who was away for a
    while, or a mail server, is late rather than wrong.
    """

    step: int
    name: str
    first: int
    last: int
    even_if_just_heard: bool = False


RUNGS = (Rung(1, "weeks", 28, 25), Rung(2, "week", 7, 3), Rung(3, "day", 1, 1, even_if_just_heard=True))


def rung_on(today: date, starts_on: date) -> Rung | None:
    """Which rung is due on a day, where there is one. Pure."""
    ahead = (starts_on - today).days
    return next((rung for rung in RUNGS if rung.last <= ahead <= rung.first), None)


def is_by_day(now: datetime) -> bool:
    """Whether nobody is woken by a message now, in Los Angeles. Pure."""
    return BY_DAY[0] <= now.astimezone(SCHOOL_ZONE).time() < BY_DAY[1]


def too_late_from(rung: Rung, starts_on: date) -> datetime:
    """The moment from which on the words of this rung would be wrong: a midnight of Los Angeles. Pure."""
    return datetime.combine(starts_on - timedelta(days=rung.last - 1), time(), SCHOOL_ZONE)


def remind(now: datetime) -> int:
    """Remind people of their workshop, by day; return how many were reminded. One statement when nothing is due."""
    if not is_by_day(now):
        return 0
    return one_by_one(list(_due(now)[:AT_ONCE]), lambda each: _remind(each, now=now), "A reminder of a workshop")


def _due(now: datetime) -> QuerySet[Reservation]:
    """Seats with a rung that is due and has not been said."""
    today = school_day(now)
    heard = Q(created_at__lte=now - JUST_HEARD)
    due, steps = Q(), []
    for rung in RUNGS:
        days = [today + timedelta(days=ahead) for ahead in range(rung.last, rung.first + 1)]
        there = Q(cohort__starts_on__in=days)
        steps.append(When(there, then=Value(rung.step)))
        due |= there if rung.even_if_just_heard else there & heard
    seats = Reservation.objects.filter(
        due,
        state__in=SEATED,
        cohort__status__in=RUNS,
        trainee__wants_reminders=True,
        trainee__is_active=True,
    )
    said = Message.objects.filter(kind=REMINDER, subject=OuterRef("about"), step=OuterRef("rung"))
    return (
        seats.alias(
            about=Concat(
                Value("workshop:"), F("public_id"), Value(":"), Cast("cohort__starts_on", CharField()),
                output_field=CharField(),
            ),
            rung=Case(*steps, output_field=IntegerField()),
        )
        .exclude(Exists(said))
        .order_by("cohort__starts_on", "pk")
    )  # fmt: skip


@writes
def _remind(reservation: Reservation, *, now: datetime) -> int:
    """Queue the rung that is due, if it still is under the locks: of the person, the seat and the reservation."""
    if not stays_open(reservation.trainee_id):
        return 0
    fresh = lifecycle.lock(reservation)
    cohort, trainee = fresh.cohort, fresh.trainee
    rung = rung_on(school_day(now), cohort.starts_on)
    if rung is None or fresh.state not in SEATED or cohort.status not in RUNS or not trainee.wants_reminders:
        return 0
    about = ("workshop", f"{fresh.public_id}:{cohort.starts_on.isoformat()}")
    queue(REMINDER, about, trainee, _facts(fresh, rung, now), now=now, step=rung.step)
    return 1


def _facts(reservation: Reservation, rung: Rung, now: datetime) -> dict[str, str]:
    """What the words of a reminder may name."""
    cohort, trainee = reservation.cohort, reservation.trainee
    hours = list(cohort.sessions.order_by("starts_at").values_list("starts_at", "ends_at"))
    certainty = certainty_of(cohort, now=now)
    return {
        **about_cohort(cohort),
        "rung": rung.name,
        "begins": moment_for(hours[0][0], trainee.time_zone),
        "hours": each_day(hours),
        "own_hours": _where_they_are(hours, trainee),
        "transit": on_one_line(cohort.venue.transit),
        "step_free": on_one_line(cohort.venue.step_free),
        "quiet_room": on_one_line(cohort.venue.quiet_room),
        "bring": on_one_line(school().what_to_bring),
        "certainty": "" if certainty.is_settled else certainty.words,
        "still_open": _still_open(reservation, now),
        "link": f"{settings.SITE_URL}{reservation.get_absolute_url()}",
        STOP: reminders.stop_link(trainee),
        TOO_LATE_FROM: too_late_from(rung, cohort.starts_on).isoformat(),
    }


def _where_they_are(hours: Iterable[tuple[datetime, datetime]], trainee: User) -> str:
    """The hours by the reader's own clock, where it shows others than the school's."""
    if not trainee.time_zone:
        return ""
    own, days = ZoneInfo(trainee.time_zone), list(hours)
    same = all(
        moment.astimezone(own).utcoffset() == moment.astimezone(SCHOOL_ZONE).utcoffset()
        for day in days
        for moment in day
    )
    return "" if same else each_day(days, own)


def on_one_line(words: str) -> str:
    """Lines that somebody typed below each other as a message can say them. Pure."""
    lines = [" ".join(line.split()) for line in words.splitlines() if line.strip()]
    said = [line if line[-1] in ".!?:;,…" else f"{line};" for line in lines]
    return " ".join(said).removesuffix(";")


def _still_open(reservation: Reservation, now: datetime) -> str:
    """What of this seat is not settled yet, with its date; empty where everything is.

    Not money that a bank has and has not answered for: nothing is left to do about that.
    """
    said = []
    due = due_next(reservation.charges.all(), ledger.kept_cents(reservation))
    with_a_bank = Payment.objects.filter(reservation=reservation, status=PaymentStatus.PROCESSING)
    if due is not None and not with_a_bank.exists():
        amount = money.in_words(due.amount_cents, reservation.currency)
        was = "is" if due.due_at >= now else "was"
        said.append(f"A payment of {amount} {was} due on {with_weekday(school_day(due.due_at))}.")
    if until := reservation.provisional_until:
        said.append(
            "The seat is provisional: what the module asks for must be on your record by the end of "
            f"{with_weekday(until)}."
        )
    return " ".join(said)
