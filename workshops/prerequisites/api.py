"""The API of modules finished and access given, and the shape in which calls answer where someone stands."""

from dataclasses import dataclass
from datetime import date
from typing import TypedDict

from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from workshops.people.addresses import account_at
from workshops.people.models import Role, Scope, User
from workshops.prerequisites.check import Outcome
from workshops.prerequisites.deciding import BadFact, not_their_own
from workshops.prerequisites.models import Access, Completion
from workshops.prerequisites.recording import Contradiction, complete, grant_access
from workshops.programme.models import Module
from workshops.web.invalid import invalid
from workshops.web.operations import PersonsRequest, operation, roles
from workshops.web.paging import Page, Paging, page
from workshops.web.problems import Problem
from workshops.web.shapes import Day, Moment, Sentence, Word

router = Router(tags=["Modules"])
REGISTRARS = roles(Role.REGISTRAR, scopes=[Scope.REGISTRAR])


class Correction(TypedDict):
    """How the writers are told that a date on record may be changed."""

    why: str
    correct: bool


@dataclass(frozen=True)
class RequirementAnswer:
    """One requirement: what it asks for, what is there, and what to do about it."""

    code: str
    title: str
    met: bool
    waived: bool
    needed: int
    counted: int
    in_review: int
    message: str
    changes_on: date | None

    @classmethod
    def of(cls, outcome: Outcome) -> "RequirementAnswer":
        """The same outcome, as the API shows it."""
        return cls(
            code=outcome.code,
            title=outcome.title,
            met=outcome.met,
            waived=outcome.waived,
            needed=outcome.needed,
            counted=outcome.counted,
            in_review=outcome.in_review,
            message=outcome.message,
            changes_on=outcome.changes_on,
        )


@dataclass(frozen=True)
class CompletionAnswer:
    """A module that somebody finished on a date."""

    email: str
    name: str
    module: str
    completed_on: date
    recorded_at: Moment


@dataclass(frozen=True)
class AccessAnswer:
    """The day on which the school let somebody into a module."""

    email: str
    name: str
    module: str
    granted_on: date
    recorded_at: Moment


class CompletionAsked(BaseModel):
    """A module finished. `module` is its code (module-iii) or its numeral (III)."""

    email: Word
    module: Word
    completed_on: Day
    why: Sentence = Field("", description="Why the date on record is corrected. Without it, another date is refused.")


class AccessAsked(BaseModel):
    """Access to a module. `module` is its code (module-iii) or its numeral (III)."""

    email: Word
    module: Word
    granted_on: Day
    why: Sentence = Field("", description="Why the date on record is corrected. Without it, another date is refused.")


@operation(router, "GET", "/completions", {200: Page[CompletionAnswer]}, access=REGISTRARS)
def completions(request: PersonsRequest, asked: Query[Paging]) -> Page[CompletionAnswer]:  # noqa: ARG001
    """List completions

    Of everybody, the last recorded first.
    """
    rows = Completion.objects.select_related("user", "module")
    return page(rows, asked, by=("-recorded_at", "-pk")).showing(lambda found: [_completion(row) for row in found])


@operation(
    router,
    "POST",
    "/completions",
    {200: CompletionAnswer, 201: CompletionAnswer},
    access=REGISTRARS,
    problems=("conflicting-completion",),
)
def record_completion(request: PersonsRequest, asked: CompletionAsked) -> Status[CompletionAnswer]:
    """Record a completion

    201 when it is new and 200 when it was known. A date other than the one on record is refused, unless `why` says why
    it is corrected: then it is, and the answer is 200.
    """
    user, module = _person(asked.email, request.person), _module(asked.module)
    is_new = not Completion.objects.filter(user=user, module=module).exists()
    try:
        changed = complete(
            user, module, asked.completed_on, by=request.person, now=request.now, **_correction(asked.why)
        )
    except BadFact as problem:
        raise invalid("completed_on", str(problem)) from None
    except Contradiction as conflict:
        raise _conflict("conflicting-completion", conflict) from None
    row = Completion.objects.select_related("user", "module").get(user=user, module=module)
    return Status(201 if is_new and changed else 200, _completion(row))


@operation(router, "GET", "/accesses", {200: Page[AccessAnswer]}, access=REGISTRARS)
def accesses(request: PersonsRequest, asked: Query[Paging]) -> Page[AccessAnswer]:  # noqa: ARG001
    """List access to modules

    Of everybody, the last recorded first.
    """
    rows = Access.objects.select_related("user", "module")
    return page(rows, asked, by=("-recorded_at", "-pk")).showing(lambda found: [_access(row) for row in found])


@operation(
    router,
    "POST",
    "/accesses",
    {200: AccessAnswer, 201: AccessAnswer},
    access=REGISTRARS,
    problems=("conflicting-access",),
)
def record_access(request: PersonsRequest, asked: AccessAsked) -> Status[AccessAnswer]:
    """Record access to a module

    The day counts: days on set are counted back from it for good. 201 when it is new and 200 when it was known. A date
    other than the one on record is refused, unless `why` says why it is corrected: then it is, and the answer is 200.
    """
    user, module = _person(asked.email, request.person), _module(asked.module)
    is_new = not Access.objects.filter(user=user, module=module).exists()
    try:
        changed = grant_access(
            user, module, asked.granted_on, by=request.person, now=request.now, **_correction(asked.why)
        )
    except BadFact as problem:
        raise invalid("granted_on", str(problem)) from None
    except Contradiction as conflict:
        raise _conflict("conflicting-access", conflict) from None
    row = Access.objects.select_related("user", "module").get(user=user, module=module)
    return Status(201 if is_new and changed else 200, _access(row))


def _person(email: str, by: User) -> User:
    """Whose address this is: of merged accounts, the one that took over."""
    user = account_at(email)
    if user is None:
        raise invalid("email", "Nobody here has this address.")
    try:
        not_their_own(user, by)
    except BadFact as refused:
        raise invalid("email", str(refused)) from None
    return user


def _correction(why: str) -> Correction:
    return {"why": why.strip(), "correct": bool(why.strip())}


def _conflict(slug: str, conflict: Contradiction) -> Problem:
    detail = f"{conflict} To correct it, send `why` with the reason, or do it on the person's page."
    return Problem(slug, detail, recorded=conflict.recorded)


def _module(name: str) -> Module:
    wanted = name.strip().lower()
    for module in Module.objects.all():
        if wanted in (module.code, module.numeral.lower()):
            return module
    raise invalid("module", "Write the module's code, such as module-iii.")


def _completion(row: Completion) -> CompletionAnswer:
    return CompletionAnswer(row.user.email, row.user.name, row.module.code, row.completed_on, row.recorded_at)


def _access(row: Access) -> AccessAnswer:
    return AccessAnswer(row.user.email, row.user.name, row.module.code, row.granted_on, row.recorded_at)
