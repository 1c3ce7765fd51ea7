"""What every page knows."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from workshops.people.models import Role, User
from workshops.programme.models import school


@dataclass(frozen=True)
class NavigationItem:
    """One entry of the navigation."""

    label: str
    url: str
    current: bool


_ENTRIES: tuple[tuple[str, str, frozenset[Role] | None], ...] = (
    ("Cohorts", "home", None),
    ("Where you stand", "standing", frozenset({Role.TRAINEE})),
    ("My reservations", "reservations", frozenset({Role.TRAINEE})),
    ("Teaching", "teaching", frozenset({Role.INSTRUCTOR})),
    ("Mentoring", "mentoring", frozenset({Role.MENTOR})),
    ("Money", "desk:owed", frozenset({Role.BOOKKEEPER})),
    ("Desk", "desk:cohorts", frozenset({Role.REGISTRAR})),
)


def site(request: HttpRequest) -> dict[str, Any]:
    """The school, the navigation for this reader, and where this is running."""
    user = getattr(request, "user", None)
    held = user.roles if isinstance(user, User) else frozenset()
    items = []
    for label, name, wanted in _ENTRIES:
        if wanted is None or wanted & held:
            url = reverse(name)
            items.append(
                NavigationItem(label, url, request.path == url or (url != "/" and request.path.startswith(url)))
            )
    return {"school": school(), "navigation": items, "environment": settings.CINTIMA_ENV, "site_url": settings.SITE_URL}
