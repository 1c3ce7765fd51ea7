"""The list of people: who is shown, and where each stands with Module IV."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from allauth.account.models import EmailAddress
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet, prefetch_related_objects

from workshops.people.models import Role, User
from workshops.prerequisites.check import Standing
from workshops.prerequisites.facts import standings_of
from workshops.programme.models import MODULE_IV

A_PAGE = 25
# Facts of this many people are read in one go, well below what a database takes in one statement.
AT_ONCE = 2_000


@dataclass(frozen=True)
class Listed:
    """One line of the list. Only trainees have a standing."""

    person: User
    roles: tuple[str, ...]
    standing: Standing | None


def page_of_people(wanted: dict[str, Any], number: object, today: date) -> "Page[User]":
    """The people who match: by name or e-mail, role, and whether a trainee has everything for Module IV."""
    people = User.objects.filter(merged_into=None, erased_at=None).order_by("name", "email", "pk")
    if text := " ".join((wanted.get("q") or "").split()):
        further = EmailAddress.objects.filter(email__icontains=text).values("user")
        people = people.filter(Q(name__icontains=text) | Q(email__icontains=text) | Q(pk__in=further))
    if role := wanted.get("role"):
        people = people.filter(role_grants__role=role)
    if standing := wanted.get("standing"):
        trainees = people.filter(pk__in=User.objects.filter(role_grants__role=Role.TRAINEE).values("pk"))
        people = people.filter(pk__in=_who_stand(trainees, today, eligible=standing == "eligible"))
    return Paginator(people, A_PAGE).get_page(number)  # type: ignore[arg-type]


def _who_stand(trainees: QuerySet[User], today: date, *, eligible: bool) -> list[int]:
    everyone = list(trainees.only("pk"))
    return [
        pk
        for start in range(0, len(everyone), AT_ONCE)
        for pk, standing in standings_of(everyone[start : start + AT_ONCE], MODULE_IV, today).items()
        if standing.eligible == eligible
    ]


def listed(people: Sequence[User], today: date) -> list[Listed]:
    """The lines of one page: three statements, however many people."""
    prefetch_related_objects(people, "role_grants")
    roles = {person.pk: {Role(grant.role) for grant in person.role_grants.all()} for person in people}
    trainees = [person for person in people if Role.TRAINEE in roles[person.pk]]
    standings = standings_of(trainees, MODULE_IV, today)
    return [
        Listed(person, tuple(role.label for role in Role if role in roles[person.pk]), standings.get(person.pk))
        for person in people
    ]
