"""The sample season's venues and cohorts, planned and published by the commands that a registrar uses."""

from datetime import date, datetime, time, timedelta

from workshops.clock import SCHOOL_ZONE, school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.cohorts.planning import plan_cohort, publish
from workshops.cohorts.plans import LARGEST, Day, Plan
from workshops.cohorts.venues import add_venue
from workshops.people.models import User

EARLIEST = timedelta(days=70)

_SEASONS = (("spring", "Spring", 3, 4), ("summer", "Summer", 7, 8), ("autumn", "Autumn", 10, 7))
_TOPICS = (
    ("Scene study", "Director and actor communication"),
    ("Rider language", "Scene study"),
    ("Modesty garment application", "Simulated on-set practice"),
    ("Simulated on-set practice",),
)
_VENUES = (
    {
        "name": "Larkspur Yard, Stage Four (sample)",
        "address": "4120 Sample Street",
        "transit": (
            "Metro B line to the North Hollywood stop, then eleven minutes on foot along Sample Street, "
            "level all the way. Bus 224 stops at the gate. Free parking in the yard; say Module IV at the"
            " gate. Bicycles can stay inside the stage door."
        ),
        "step_free": (
            "Level from the street to the stage. The stage door is 120 cm wide and opens with a button at"
            " 90 cm. Two parking bays beside the ramp are ours for the four days."
        ),
        "toilets": (
            "Two all-gender toilets beside the stage and one accessible toilet with a changing bench, all"
            " on the same floor."
        ),
        "quiet_room": (
            "The green room behind the stage, with dimmable light, a sofa and a door that closes. Anyone "
            "may leave the floor for it at any time without saying why."
        ),
        "staying": (
            "The Juniper House (nine minutes on foot, step-free rooms) and the Valley Rest (by bus, "
            "quieter) hold rooms for us until four weeks before. Both names are invented for this sample."
        ),
    },
    {
        "name": "The Persimmon Rooms (sample)",
        "address": "88 Example Avenue",
        "transit": (
            "Metro E line to the Expo stop, then six minutes on foot. No parking on site; the garage "
            "across the avenue is open until midnight. The last train towards downtown leaves after half "
            "past midnight."
        ),
        "step_free": (
            "A lift from the lobby to the second floor, 110 by 140 cm. If it is ever out of order we move"
            " to the ground floor room and write to everyone that morning."
        ),
        "toilets": ("All-gender toilets on each floor; the accessible one is on the second floor opposite the studio."),
        "quiet_room": "The library at the end of the corridor, carpeted, with blankets and ear defenders.",
        "staying": (
            "The Example Avenue Guest House (two minutes, one step-free room) and a youth hostel at the "
            "beach. Both are invented for this sample."
        ),
    },
)


def first_days(year: int) -> list[date]:
    """The first days of that year's cohorts, each a Thursday: in March, July and October."""
    return [
        day + timedelta(days=(3 - day.weekday()) % 7)
        for day in (date(year, month, earliest) for _, _, month, earliest in _SEASONS)
    ]


def coming_year(today: date) -> int:
    """The next year whose three cohorts all begin at least 70 days from `today`, so that every deadline is ahead."""
    return next(
        year for year in (today.year, today.year + 1, today.year + 2) if first_days(year)[0] - today >= EARLIEST
    )


def plan_year(year: int, capacity: int, team: list[User], registrar: User, now: datetime) -> list[Cohort]:
    """Three published cohorts of so many free seats, taught by this team."""
    venues = [add_venue(notes, by=registrar, now=now) for notes in _VENUES]
    made = []
    for index, ((name, title, _, _), first) in enumerate(zip(_SEASONS, first_days(year), strict=True)):
        plan = Plan(
            title=f"{title} {year}",
            code=f"{year}-{name}",
            venue=venues[index % len(venues)],
            days=_days(first),
            capacity=min(capacity, LARGEST),
            bookings_open_at=_at(school_day(now) - timedelta(days=30), time(10, 0)),
            bookings_close_at=_at(first - timedelta(days=1), time(17, 0)),
            instructors=tuple(team),
            lead=team[index % len(team)],
        )
        cohort = publish(plan_cohort(plan, by=registrar, now=now), by=registrar, now=now)
        if capacity > LARGEST:
            # More than a room holds, and no plan may have it: a load test asks for it.
            seats.make(cohort, capacity, now=now)
        made.append(cohort)
    return made


def _days(first: date) -> tuple[Day, ...]:
    return tuple(
        Day(_at(on, time(9, 30)), _at(on, time(17, 30)), topics)
        for on, topics in ((first + timedelta(days=index), topics) for index, topics in enumerate(_TOPICS))
    )


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SCHOOL_ZONE)
