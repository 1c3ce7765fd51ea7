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
    ("Days on set", "records", frozenset({Role.TRAINEE})),
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
    entries = [(label, reverse(name)) for label, name, wanted in _ENTRIES if wanted is None or wanted & held]
    here = _here(request.path, [url for _, url in entries])
    items = [NavigationItem(label, url, url == here) for label, url in entries]
    return {"school": school(), "navigation": items, "environment": settings.CINTIMA_ENV, "site_url": settings.SITE_URL}


def _here(path: str, urls: list[str]) -> str:
    """The one entry that `path` belongs to: the most particular; a cohort's page belongs to the front page."""
    if path == "/" or path.startswith("/cohorts/"):
        return "/"
    if path.startswith("/payments/"):  # what was paid is part of a reservation
        return reverse("reservations")
    return max((url for url in urls if url != "/" and path.startswith(url)), key=len, default="")
