"""Who may open what. Every view and every API route declares it here; a test walks them all.

The order of refusal never tells an outsider what exists: first who you are (sign in), then what you are (the role),
and only then whether the thing is there for you ("not found" for what is not yours).
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.cache import never_cache
from django_htmx.middleware import HtmxDetails

from workshops.people.models import Role, User

P = ParamSpec("P")
Response = TypeVar("Response", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


class SignedInRequest(HttpRequest):
    """A request whose user is known to be a person: what views behind `signed_in` and `roles` get."""

    user: User
    htmx: HtmxDetails
    """True when htmx asks for a part of a page."""


def anyone(view: View[P]) -> View[P]:
    """Anyone may open this page, signed in or not."""
    view = login_not_required(view)
    view.declared_access = "anyone"  # type: ignore[attr-defined]
    return view


def signed_in(view: Callable[Concatenate[SignedInRequest, P], Response]) -> View[P]:
    """Anyone with an account may open this page; what it shows is theirs alone."""
    return _declared(view, frozenset(), "signed in")


def roles(
    *allowed: Role,
) -> Callable[[Callable[Concatenate[SignedInRequest, P], Response]], View[P]]:
    """Only people with one of these roles may open this page. Others are told so, whatever the address says."""

    def decorate(view: Callable[Concatenate[SignedInRequest, P], Response]) -> View[P]:
        return _declared(view, frozenset(allowed), ", ".join(sorted(allowed)))

    return decorate


def _declared(
    view: Callable[Concatenate[SignedInRequest, P], Response], allowed: frozenset[Role], declared: str
) -> View[P]:
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User):
            raise AssertionError("LoginRequiredMiddleware lets nobody through to here.")
        if allowed and not allowed & user.roles:
            raise PermissionDenied
        return view(request, *args, **kwargs)  # type: ignore[arg-type]

    # Pages about people must not be read from a shared computer's cache after signing out.
    update_wrapper(wrapper, view)
    guarded: View[P] = never_cache(wrapper)
    guarded.declared_access = declared  # type: ignore[attr-defined]
    return guarded
