"""A season to try everything with: three cohorts, a team and trainees, all invented and marked as sample.

The cohorts are planned and published by the same commands that a registrar uses. People and their records are written
in bulk, so that a season for a load test is there in seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from workshops.clock import SCHOOL_ZONE, in_words, school_day
from workshops.cohorts import seats
from workshops.cohorts.models import Cohort
from workshops.cohorts.planning import plan_cohort, publish
from workshops.cohorts.plans import LARGEST, Day, Plan
from workshops.cohorts.venues import add_venue
from workshops.history.models import HistoryLine
from workshops.history.record import line, record_all
from workshops.people.models import ApiToken, Role, RoleGrant, Scope, User
from workshops.prerequisites.check import Rule
from workshops.prerequisites.facts import rules_for
from workshops.prerequisites.models import Access, Completion, OnSetDay, OnSetRecord, RecordState
from workshops.programme.changing import change_school, confirm_conduct, confirm_terms
from workshops.programme.models import MODULE_IV, Module, conduct_text
from workshops.programme.terms import Terms
from workshops.transactions import writes

SAMPLE_PASSWORD = "closed-set-rehearsal"  # noqa: S105  (printed for everyone; production refuses it)
WHY = "Sample data."
EARLIEST = timedelta(days=70)
LACKING = "lacking-"


class NotEmpty(Exception):
    """Somebody has an account already: this is no database for sample data."""


class TooLate(Exception):
    """A cohort of that year would have begun already."""


@dataclass(frozen=True)
class Someone:
    """A sample person. `lacking` is the code of the one requirement they miss."""

    email: str
    name: str
    role: Role
    pronouns: str = ""
    time_zone: str = "America/Los_Angeles"
    country: str = "US"
    lacking: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """The role as the table and the tokens' file call it."""
        return f"{LACKING}{self.lacking}" if self.lacking else str(self.role)


@dataclass
class Season:
    """What was made: the cohorts, and everyone with their account, the team first."""

    cohorts: list[Cohort] = field(default_factory=list)
    people: list[tuple[Someone, User]] = field(default_factory=list)


TEAM = (
    Someone("registrar@example.org", "Robin Marsh (sample)", Role.REGISTRAR, "they/them", note="runs the desk"),
    Someone(
        "bookkeeper@example.org", "Teodora Ilić (sample)", Role.BOOKKEEPER, "she/her", note="reads the money pages"
    ),
    Someone("amara@example.org", "Amara Osei", Role.INSTRUCTOR, "she/her", note="teaches all three cohorts"),
    Someone("lena@example.org", "Lena Fischer", Role.INSTRUCTOR, "she/they", note="teaches all three cohorts"),
    Someone("dolores@example.org", "Dolores Quintana", Role.MENTOR, "she/her"),
    Someone("kenji@example.org", "Kenji Watanabe", Role.MENTOR, "he/him", "America/Vancouver", "CA"),
    Someone("imogen@example.org", "Imogen Clarke", Role.MENTOR, "they/them", "Europe/London", "GB"),
    Someone("darius@example.org", "Darius Whitfield", Role.MENTOR, "he/him", "America/New_York"),
)
# first name, pronouns, time zone, country; family names turn against them so that combinations repeat late
_FIRST = (
    ("Alex", "they/them", "America/Los_Angeles", "US"),
    ("Priya", "she/her", "Europe/London", "GB"),
    ("Mateo", "he/him", "America/Los_Angeles", "US"),
    ("Noor", "she/they", "America/New_York", "US"),
    ("Wren", "they/them", "America/Vancouver", "CA"),
    ("Ines", "she/her", "America/Los_Angeles", "US"),
    ("Tobias", "he/him", "America/New_York", "US"),
    ("Yara", "she/her", "America/Los_Angeles", "US"),
    ("Callum", "he/they", "Europe/London", "GB"),
    ("Mei", "she/her", "America/Vancouver", "CA"),
    ("Jonah", "he/him", "America/Los_Angeles", "US"),
    ("Sade", "she/her", "Europe/London", "GB"),
    ("Lucía", "ella/she", "America/Los_Angeles", "US"),
    ("Emrys", "ey/em", "America/New_York", "US"),
    ("Anouk", "she/her", "America/Vancouver", "CA"),
    ("Malik", "he/him", "America/Los_Angeles", "US"),
    ("Saoirse", "she/her", "Europe/London", "GB"),
    ("Kai", "he/they", "America/Los_Angeles", "US"),
    ("Zainab", "she/her", "America/New_York", "US"),
    ("Leilani", "she/her", "America/Los_Angeles", "US"),
)
_FAMILY = (
    "Moreno", "Raghavan", "Castellanos", "Haddad", "Sinclair", "Moreau", "Adler", "Mansour", "Reid", "Lin", "Feldman",
    "Adeyemi", "Ibarra", "Vaughn", "Tremblay", "Johnson", "Byrne", "Nakamura", "Siddiqui", "Kealoha", "Novak",
)  # fmt: skip
_LACKING_NAMES = ("Jamie Calloway", "Rosa Delgado", "Femi Balogun", "Petra Lindqvist", "Sam Okafor", "Ada Brandt")
_SEASONS = (("spring", "Spring", 3, 4), ("summer", "Summer", 7, 8), ("autumn", "Autumn", 10, 7))
_TOPICS = (
    ("Scene study", "Director and actor communication"),
    ("Rider language", "Scene study"),
    ("Modesty garment application", "Simulated on-set practice"),
    ("Simulated on-set practice",),
)
_SCOPES = {
    Role.TRAINEE: [Scope.READ, Scope.BOOK],
    Role.INSTRUCTOR: [Scope.READ, Scope.TEACH],
    Role.MENTOR: [Scope.READ],
    Role.BOOKKEEPER: [Scope.READ],
    Role.REGISTRAR: [Scope.READ, Scope.BOOK, Scope.TEACH, Scope.REGISTRAR],
}
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


@writes
def fill(*, year: int, trainees: int, capacity: int, now: datetime) -> Season:
    """Fill an empty database with a season: all of it, or nothing.

    Raises:
        NotEmpty: when somebody has an account.
        TooLate: when a cohort of `year` would begin within the next two days.
    """
    if User.objects.exists():
        raise NotEmpty
    for first in first_days(year):
        if first - school_day(now) <= timedelta(days=2):
            raise TooLate(f"The cohort of {in_words(first)} would be over, or too close to be booked.")
    rules = rules_for(MODULE_IV)
    season = Season(people=_accounts([*TEAM, *_trainees(trainees), *_lacking(rules)], now))
    accounts = {someone.email: user for someone, user in season.people}
    registrar = accounts[TEAM[0].email]
    _qualify(
        [(someone, user) for someone, user in season.people if someone.role == Role.TRAINEE], rules, registrar, now
    )
    _set_up(registrar, now)
    team = [accounts[someone.email] for someone in TEAM if someone.role == Role.INSTRUCTOR]
    season.cohorts = _cohorts(year, capacity, team, registrar, now)
    return season


@writes
def issue_tokens(season: Season, *, now: datetime) -> list[tuple[str, str, str]]:
    """Give everyone an API token; e-mail address, role and key of each."""
    return [
        (user.email, someone.label, ApiToken.issue(user, name="Sample", scopes=_SCOPES[someone.role], now=now)[1])
        for someone, user in season.people
    ]


def sign_in_table() -> str:
    """Who of the sample people can sign in as what, as a table of text; empty where this is no sample season."""
    trainees = list(_trainees(len(_FIRST)))
    lacking = list(_lacking(rules_for(MODULE_IV)))
    known = {someone.email: someone for someone in (*TEAM, *lacking, *trainees[:4])}
    there = set(User.objects.filter(email__in=known, is_active=True).values_list("email", flat=True))
    if TEAM[0].email not in there:
        return ""
    shown = [someone for email, someone in known.items() if email in there]
    rows = [(someone.email, str(someone.role), _about(someone)) for someone in shown]
    more = User.objects.with_role(Role.TRAINEE).count() - sum(someone.role == Role.TRAINEE for someone in shown)
    if more > 0:
        rows.append(("", "trainee", f"and {more} more like these four"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"  {email:<{widths[0]}}  {role:<{widths[1]}}  {about}".rstrip() for email, role, about in rows]
    return "\n".join([*lines, "", f"  Everyone's password: {SAMPLE_PASSWORD}"])


def _about(someone: Someone) -> str:
    if someone.lacking:
        return f"{someone.name}, has all but {someone.lacking}"
    if someone.role == Role.TRAINEE:
        return f"{someone.name}, meets every prerequisite"
    return ", ".join(part for part in (someone.name, someone.note) if part)


def _trainees(number: int) -> Iterator[Someone]:
    for index in range(number):
        turn, place = divmod(index, len(_FIRST))
        first, pronouns, zone, country = _FIRST[place]
        family = _FAMILY[(place + turn) % len(_FAMILY)]
        address = f"{first.lower().replace('í', 'i')}{turn + 1 if turn else ''}@example.org"
        yield Someone(address, f"{first} {family}", Role.TRAINEE, pronouns, zone, country)


def _lacking(rules: list[Rule]) -> Iterator[Someone]:
    for index, rule in enumerate(rules):
        name = _LACKING_NAMES[index % len(_LACKING_NAMES)]
        yield Someone(f"{LACKING}{rule.code}@example.org", name, Role.TRAINEE, lacking=rule.code)


def _accounts(everyone: list[Someone], now: datetime) -> list[tuple[Someone, User]]:
    """Accounts that can be entered at once: one password, hashed once, and verified addresses."""
    password = make_password(SAMPLE_PASSWORD)
    users = User.objects.bulk_create(
        User(
            email=someone.email,
            name=someone.name,
            pronouns=someone.pronouns,
            time_zone=someone.time_zone,
            country=someone.country,
            password=password,
        )
        for someone in everyone
    )
    pairs = list(zip(everyone, users, strict=True))
    RoleGrant.objects.bulk_create(RoleGrant(user=user, role=someone.role, granted_at=now) for someone, user in pairs)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users
    )
    record_all(
        [
            line(
                "role-granted",
                about=("person", user.public_id),
                person=user,
                now=now,
                why=f"{someone.role.label}. {WHY}",
            )
            for someone, user in pairs
        ]
    )
    return pairs


def _qualify(people: list[tuple[Someone, User]], rules: list[Rule], registrar: User, now: datetime) -> None:
    """Give each trainee everything the rules ask for, but for the one thing that someone `lacking` it misses.

    Dates go back from today in the order of the pathway. Who lacks days on set has seven, and no access to the module
    that they open.
    """
    modules = {module.code: module for module in Module.objects.all()}
    today = school_day(now)
    completions: list[Completion] = []
    accesses: list[Access] = []
    lines: list[HistoryLine] = []
    for number, (someone, user) in enumerate(people):
        told: Any = {"about": ("person", user.public_id), "person": user, "by": registrar, "now": now, "why": WHY}
        for step, rule in enumerate(rules):
            if rule.code == someone.lacking:
                continue
            on = today - timedelta(days=60 * (len(rules) - step) + number % 30)
            if rule.module is None:
                opens = modules[rule.opens]
                accesses.append(Access(user=user, module=opens, granted_on=on, recorded_at=now, recorded_by=registrar))
                lines.append(line("access-recorded", module=opens.code, on=on.isoformat(), **told))
                continue
            completions.append(
                Completion(
                    user=user, module=modules[rule.module], completed_on=on, recorded_at=now, recorded_by=registrar
                )
            )
            lines.append(line("completion-recorded", module=rule.module, on=on.isoformat(), **told))
    _prove_days(people, rules, registrar, now)
    Completion.objects.bulk_create(completions)
    Access.objects.bulk_create(accesses)
    record_all(lines)


def _prove_days(people: list[tuple[Someone, User]], rules: list[Rule], registrar: User, now: datetime) -> None:
    """Days on set for each trainee, all of them accepted: as many as the rule asks for, or three fewer."""
    rule = next(rule for rule in rules if rule.module is None)
    records = OnSetRecord.objects.bulk_create(
        OnSetRecord(
            user=user,
            production=("The Long Take", "Harbour Lights", "Second Unit")[number % 3] + " (sample)",
            role=("Intimacy department, assistant", "Costume", "Assistant director")[number % 3],
            proof="Call sheets and a letter from production (sample)",
            state=RecordState.ACCEPTED,
            decided_at=now,
            decided_by=registrar,
        )
        for number, (_, user) in enumerate(people)
    )
    days = [rule.needed - 3 if someone.lacking == rule.code else rule.needed + 2 for someone, _ in people]
    last = school_day(now) - timedelta(days=240)
    OnSetDay.objects.bulk_create(
        OnSetDay(record=record, day=last - timedelta(days=number % 200 + back))
        for number, (record, count) in enumerate(zip(records, days, strict=True))
        for back in range(count)
    )
    record_all(
        [
            line("days-accepted", about=("person", user.public_id), person=user, by=registrar, now=now, why=WHY,
                 days=count, record=record.pk)
            for record, count, (_, user) in zip(records, days, people, strict=True)
        ]
    )  # fmt: skip


def _set_up(registrar: User, now: datetime) -> None:
    """Go through the setup checklist as the sample registrar, who says that it is sample data each time."""
    change_school(
        {
            "email": "workshops@example.org",
            "bank_details": "Sample Bank, account 000 000 000, routing 000 000 000 (sample: pays nothing).\n"
            "Put the reference in the note.",
        },
        by=registrar,
        now=now,
    )
    confirm_terms(Terms().as_json(), by=registrar, now=now, why=WHY)
    confirm_conduct(conduct_text(), by=registrar, now=now, why=WHY)


def _cohorts(year: int, capacity: int, team: list[User], registrar: User, now: datetime) -> list[Cohort]:
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
