"""The API of what someone has finished, and the shape in which calls answer where someone stands."""

from dataclasses import dataclass
from datetime import date

from ninja import Query, Router, Status
from pydantic import BaseModel

from workshops.people.models import Role, Scope, User
from workshops.prerequisites.check import Outcome
from workshops.prerequisites.facts import BadFact, Contradiction, complete
from workshops.prerequisites.models import Completion
from workshops.programme.models import Module
from workshops.web.invalid import invalid
from workshops.web.operations import PersonsRequest, operation, roles
from workshops.web.paging import Page, Paging, page
from workshops.web.problems import Problem
from workshops.web.shapes import Day, Moment, Word

router = Router(tags=["Completions"])
REGISTRARS = roles(Role.REGISTRAR, scopes=[Scope.REGISTRAR])


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


class CompletionAsked(BaseModel):
    """A module finished. `module` is its code (module-iii) or its numeral (III)."""

    email: Word
    module: Word
    completed_on: Day


@operation(router, "GET", "/completions", {200: Page[CompletionAnswer]}, access=REGISTRARS)
def completions(request: PersonsRequest, asked: Query[Paging]) -> Page[CompletionAnswer]:  # noqa: ARG001
    """List completions

    Of everybody, the last recorded first.
    """
    rows = Completion.objects.select_related("user", "module")
    return page(rows, asked, by=("-recorded_at", "-pk")).showing(lambda found: [_shown(row) for row in found])


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

    201 when it is new and 200 when it was known. A date other than the one on record is refused: it is corrected, with
    a reason, on the person's page.
    """
    user, module = _person(asked.email), _module(asked.module)
    try:
        created = complete(user, module, asked.completed_on, by=request.person, now=request.now)
    except BadFact as problem:
        raise invalid("completed_on", str(problem)) from None
    except Contradiction as conflict:
        detail = f"{conflict} Correct it on the person's page, with a reason."
        raise Problem("conflicting-completion", detail, recorded=conflict.recorded) from None
    row = Completion.objects.select_related("user", "module").get(user=user, module=module)
    return Status(201 if created else 200, _shown(row))


def _person(email: str) -> User:
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise invalid("email", "Nobody here has this address.")
    return user


def _module(name: str) -> Module:
    wanted = name.strip().lower()
    for module in Module.objects.all():
        if wanted in (module.code, module.numeral.lower()):
            return module
    raise invalid("module", "Write the module's code, such as module-iii.")


def _shown(row: Completion) -> CompletionAnswer:
    return CompletionAnswer(row.user.email, row.user.name, row.module.code, row.completed_on, row.recorded_at)
