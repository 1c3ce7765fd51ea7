"""Filling an empty database with the sample season.

The cohorts are planned and published by the same commands that a registrar uses, and a few records of days on set were
sent and decided as everybody's are. All other people and what is on record about them are written in bulk, so that a
season for a load test is there in seconds.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from booking.desk.sample import cast, experience, mentoring
from booking.desk.sample.cast import TEAM, WHY, Someone
from booking.desk.sample.year import first_days, plan_year
from workshops.clock import in_words, school_day
from workshops.cohorts.models import Cohort
from workshops.history.models import HistoryLine
from workshops.history.record import line, record_all
from workshops.people.models import ApiToken, Role, RoleGrant, Scope, User
from workshops.prerequisites.check import Rule
from workshops.prerequisites.facts import rules_for
from workshops.prerequisites.models import Access, Completion
from workshops.programme.changing import change_school, confirm_conduct, confirm_terms
from workshops.programme.models import MODULE_IV, Module, conduct_text
from workshops.programme.terms import Terms
from workshops.transactions import writes

SAMPLE_PASSWORD = "closed-set-rehearsal"  # noqa: S105  (printed for everyone; production refuses it)
_SCOPES = {
    Role.TRAINEE: [Scope.READ, Scope.BOOK],
    Role.INSTRUCTOR: [Scope.READ, Scope.TEACH],
    Role.MENTOR: [Scope.READ],
    Role.BOOKKEEPER: [Scope.READ],
    Role.REGISTRAR: [Scope.READ, Scope.BOOK, Scope.TEACH, Scope.REGISTRAR],
}


class NotEmpty(Exception):
    """Somebody has an account already: this is no database for sample data."""


class TooLate(Exception):
    """A cohort of that year would have begun already."""


@dataclass
class Season:
    """What was made: the cohorts, and everyone with their account, the team first."""

    cohorts: list[Cohort] = field(default_factory=list)
    people: list[tuple[Someone, User]] = field(default_factory=list)


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
    season = Season(people=_accounts([*TEAM, *cast.trainees(trainees), *cast.lacking(rules)], now))
    accounts = {someone.email: user for someone, user in season.people}
    registrar = accounts[TEAM[0].email]
    learners = [(someone, user) for someone, user in season.people if someone.role == Role.TRAINEE]
    _qualify(learners, rules, registrar, now)
    _set_up(registrar, now)
    team = [accounts[someone.email] for someone in TEAM if someone.role == Role.INSTRUCTOR]
    season.cohorts = plan_year(year, capacity, team, registrar, now)
    experience.prove_days(learners, rules, registrar, now)
    if trainee := accounts.get(mentoring.TRAINEE):
        mentoring.bring_together(accounts[mentoring.MENTOR], trainee, registrar, now)
    lacking = {someone.lacking: user for someone, user in learners if someone.lacking}
    experience.fill_the_desk(lacking, rules, registrar, now)
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
    shown_first = (*TEAM, *cast.lacking(rules_for(MODULE_IV)), *cast.trainees(4))
    known = {someone.email: someone for someone in shown_first}
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

    Dates go back from today in the order of the pathway. Days on set are for `experience`; who lacks some has no access
    to the module that they open.
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
    Completion.objects.bulk_create(completions)
    Access.objects.bulk_create(accesses)
    record_all(lines)


def _set_up(registrar: User, now: datetime) -> None:
    """Go through the setup checklist as the sample registrar, who says that it is sample data each time."""
    change_school(
        {
            "email": "workshops@example.org",
            "bank_details": "Sample Bank, account 000 000 000, routing 000 000 000 (sample: pays nothing).\n"
            "Put the reference in the note.",
            "legal_name": "CINTIMA Sample School LLC",
            "address": "100 Example Street\nLos Angeles, CA 90012",
            "what_to_bring": "Clothes that you can move in and layers for a cool stage.\n"
            "Something to write with.\nA bottle for water; lunch is there, please tell us what you cannot eat.",
        },
        by=registrar,
        now=now,
    )
    confirm_terms(Terms().as_json(), by=registrar, now=now, why=WHY)
    confirm_conduct(conduct_text(), by=registrar, now=now, why=WHY)
