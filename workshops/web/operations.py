"""Declaring a call of the API: who may make it, what it answers, which problems it may end in.

Every operation goes through here, and a test fails for one that does not. What happens before the operation itself:
who asks, how often, in which role, with which scope, and whether this very request has been answered before. Only then
is the input read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Literal, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router
from ninja.decorators import decorate_view

from workshops.clock import current_time
from workshops.people.models import Role, Scope, User
from workshops.web import limits, openapi
from workshops.web.problems import Problem
from workshops.web.repeats import answered_once
from workshops.web.tokens import Caller, identify

Operation = TypeVar("Operation", bound=Callable[..., Any])
Run = Callable[..., HttpResponseBase]


class ApiRequest(HttpRequest):
    """A request that has been let in: who asks (None where nobody need say), and one moment that is now."""

    person: User | None
    scopes: frozenset[Scope]
    now: datetime


class PersonsRequest(ApiRequest):
    """A request of someone known."""

    person: User


@dataclass(frozen=True)
class Access:
    """Who may make a call. `roles` None: anyone, known or not; empty: anyone known. Any one of `scopes` will do."""

    roles: frozenset[Role] | None
    scopes: tuple[Scope, ...] = ()

    def __str__(self) -> str:
        if self.roles is None:
            return "anyone"
        return " or ".join(sorted(role.label.lower() for role in self.roles)) or "anyone signed in"

    def check(self, caller: Caller | None) -> None:
        """Refuse whoever may not.

        Raises:
            Problem: ``unauthenticated``, ``not-allowed`` without the role, ``scope-missing``.
        """
        if self.roles is None:
            return
        if caller is None:
            raise Problem("unauthenticated")
        if self.roles and not self.roles & caller.user.roles:
            raise Problem("not-allowed")
        if not caller.scopes.intersection(self.scopes):
            needed = " or ".join(f"`{scope}`" for scope in self.scopes)
            raise Problem("scope-missing", f"This call needs a token with the scope {needed}.")


ANYONE = Access(None)


def signed_in(*scopes: Scope) -> Access:
    """Anyone with an account, with a token of one of these scopes; what the call reaches is theirs alone."""
    return Access(frozenset(), scopes)


def roles(*allowed: Role, scopes: Sequence[Scope]) -> Access:
    """Only people with one of these roles, with a token of one of these scopes."""
    return Access(frozenset(allowed), tuple(scopes))


def operation(
    router: Router,
    method: Literal["GET", "POST", "DELETE"],
    path: str,
    answers: Mapping[int, Any],
    *,
    access: Access,
    problems: Sequence[str] = (),
    keeps_answers: bool = True,
) -> Callable[[Operation], Operation]:
    """Make a function a call of the API.

    Its first argument is an `ApiRequest`, or a `PersonsRequest` unless anyone may call. `answers` gives the shape of
    each good answer by its status; `problems` are the slugs of those problems that are this call's own. The first line
    of the docstring becomes its title, the rest its description. A POST that does not keep its answers, because a
    secret stands in them, takes no notice of an Idempotency-Key.
    """

    def decorate(function: Operation) -> Operation:
        repeats = method == "POST" and keeps_answers
        function.declared_access = str(access)  # type: ignore[attr-defined]
        function.declared_scopes = access.scopes  # type: ignore[attr-defined]
        title, _, description = (function.__doc__ or "").partition("\n")
        register = router.api_operation(
            [method],
            path,
            response=dict(answers),
            operation_id=function.__name__,
            summary=title.strip().rstrip("."),
            description=" ".join(description.split()),
            openapi_extra=openapi.extras(
                method=method,
                path=path,
                answers=list(answers),
                who=str(access),
                scopes=access.scopes,
                anonymous=access.roles is None,
                problems=problems,
                repeats=repeats,
            ),
        )
        return register(decorate_view(_entrance(access, repeats=repeats))(function))

    return decorate


def _entrance(access: Access, *, repeats: bool) -> Callable[[Run], Run]:
    def decorate(run: Run) -> Run:
        @wraps(run)
        def enter(request: ApiRequest, **given: Any) -> HttpResponseBase:
            request.now = current_time()
            # Read whole before anything looks for form fields in it, after which it could not be read any more.
            _ = request.body
            caller = identify(request, request.now)
            if caller is not None:
                limits.count(caller.counted_as)
            access.check(caller)
            request.person = caller.user if caller else None
            request.scopes = caller.scopes if caller else frozenset()
            key = request.headers.get("Idempotency-Key")
            if not repeats or key is None or caller is None:
                return run(request, **given)
            return answered_once(request, caller.user, key, lambda: run(request, **given), now=request.now)

        return enter

    return decorate
