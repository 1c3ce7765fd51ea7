"""The messages about what the school changes: a cohort's title, its venue's name or address, and who teaches it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from booking.calendars import invitations
from booking.reservations.emails import about_cohort, context
from booking.reservations.models import Reservation, State, WaitlistEntry
from workshops.clock import SCHOOL_ZONE, hours_in_words, moment_for, moment_in_words, with_weekday
from workshops.cohorts.models import Cohort
from workshops.cohorts.planning import plan_of
from workshops.history.record import history_of
from workshops.messages.outbox import queue, queue_all
from workshops.people.models import User


@dataclass(frozen=True)
class News:
    """What has changed about a cohort, for everyone who has it in a calendar. The cohort itself is as it is by now."""

    kind: str
    step: int
    """A number that each change of this kind raises: what is said of it is said once."""
    facts: Mapping[str, str] = field(default_factory=dict)


def renamed(was_called: str, *, why: str, step: int) -> News:
    """A cohort has another title."""
    return News("cohort-renamed", step, {"was_called": was_called, "why": why})


def venue_changed(before: str, *, why: str, is_elsewhere: bool, step: int) -> News:
    """The venue has another name or address; `is_elsewhere`: it has moved, so people travel to another place."""
    return News("venue-changed", step, {"before": before, "why": why, "elsewhere": "yes" if is_elsewhere else ""})


def tell_trainee(reservation: Reservation, news: News, *, leave_until: datetime | None = None, now: datetime) -> None:
    """Queue it to whoever has a seat or an offer; for a seat that is theirs, with the invitation as it is by now.

    `leave_until`: until when this change lets them leave at no cost.
    """
    about, trainee = ("reservation", reservation.public_id), reservation.trainee
    told = {**context(reservation), **news.facts}
    if leave_until:
        told["leave_until"] = moment_for(leave_until, trainee.time_zone)
    if reservation.state == State.OFFERED:
        told |= {"offered": "yes", "link": _page(reservation.place_in_line)}
    calendar = invitations.about(reservation, now=now)
    told["days_attached"] = "yes" if invitations.is_invitation(calendar) else ""
    queue(news.kind, about, trainee, told, now=now, step=news.step, calendar=calendar)


def tell_line(entries: Iterable[WaitlistEntry], news: News, *, now: datetime) -> None:
    """Queue it to those who wait; they keep their place. One statement."""
    told = [
        (
            ("waitlist", entry.public_id),
            entry.trainee,
            {**about_cohort(entry.cohort), **news.facts, "in_line": "yes", "link": _page(entry)},
        )
        for entry in entries
    ]
    queue_all(news.kind, told, now=now, step=news.step)


def tell_teachers(cohort: Cohort, teachers: Iterable[User], news: News, *, now: datetime) -> None:
    """Queue it to those who teach the cohort. One statement."""
    told = {**about_cohort(cohort), **news.facts, "teaches": "yes", "link": _roster(cohort)}
    queue_all(news.kind, [(_teaching(cohort, each), each, told) for each in teachers], now=now, step=news.step)


def teaching_added(
    cohort: Cohort, people: Iterable[User], *, lead: User | None, is_new: bool, why: str = "", now: datetime
) -> None:
    """Queue to those who teach a cohort from now on which days that is. `is_new`: it has just been published."""
    plan = plan_of(cohort)
    begins = plan.hours[0][0]
    for person in people:
        told = {
            **about_cohort(cohort),
            "hours": each_day(plan.hours),
            "begins": own if (own := moment_for(begins, person.time_zone)) != moment_in_words(begins) else "",
            "leads": "yes" if person == lead else "",
            "published": "yes" if is_new else "",
            "why": why,
            "link": _roster(cohort),
        }
        step = _times("instructor-added", cohort, person)
        queue("teaching-added", _teaching(cohort, person), person, told, now=now, step=step)


def teaching_removed(cohort: Cohort, people: Iterable[User], *, why: str, now: datetime) -> None:
    """Queue to those who do not teach a cohort any more that these days are theirs again."""
    told = {**about_cohort(cohort), "why": why, "link": f"{settings.SITE_URL}{reverse('teaching')}"}
    for person in people:
        step = _times("instructor-removed", cohort, person)
        queue("teaching-removed", _teaching(cohort, person), person, told, now=now, step=step)


def teaching_lead(cohort: Cohort, people: Iterable[User], *, lead: User | None, why: str, now: datetime) -> None:
    """Queue to those who go on teaching a cohort that they lead it from now on, or do not any more."""
    step = history_of("cohort", cohort.public_id).filter(what="lead-changed").count()
    told = {**about_cohort(cohort), "why": why, "link": _roster(cohort)}
    each_told = [
        (_teaching(cohort, person), person, {**told, "leads": "yes" if person == lead else ""}) for person in people
    ]
    queue_all("teaching-lead", each_told, now=now, step=step)


def _times(what: str, cohort: Cohort, person: User) -> int:
    """How often that has happened to this person here: each time is told once."""
    return history_of("cohort", cohort.public_id).filter(what=what, person=person).count()


def each_day(hours: Iterable[tuple[datetime, datetime]], zone: ZoneInfo = SCHOOL_ZONE) -> str:
    """The hours of each day, in the time of the venue or another: said once where they are the same on all of them."""
    days = [
        (with_weekday(starts.astimezone(zone).date()), f"{_clock(starts, zone)} to {_clock(ends, zone)}")
        for starts, ends in hours
    ]
    if len({hours for _, hours in days}) == 1:
        return f"{days[0][1]}, each day"
    return "; ".join(f"{day}, {hours}" for day, hours in days)


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{hours_in_words(moment, zone)} {moment.astimezone(zone).tzname()}"


def _teaching(cohort: Cohort, person: User) -> tuple[str, str]:
    return "teaching", f"{cohort.public_id}:{person.public_id}"


def _page(entry: WaitlistEntry) -> str:
    return f"{settings.SITE_URL}{entry.get_absolute_url()}"


def _roster(cohort: Cohort) -> str:
    return f"{settings.SITE_URL}{reverse('roster', args=[cohort.code])}"
