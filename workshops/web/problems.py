"""Problems of the API as RFC 9457 describes them: `application/problem+json` with a type that a person can open."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, JsonResponse

# slug -> (status, title, what it means and what to do). The page /problems/<slug> shows the same words.
CATALOGUE: Mapping[str, tuple[int, str, str]] = {
    "unauthenticated": (
        401,
        "Sign in first",
        "The request carried no token, or one that is unknown, expired or revoked.",
    ),
    "scope-missing": (403, "The token may not do this", "The token lacks the scope that this call needs."),
    "not-allowed": (403, "This needs a role you do not have", "Only people with the role for this may call it."),
    "csrf": (403, "The request could not be trusted", "A browser session must send the CSRF token with every change."),
    "not-found": (404, "Not found", "There is nothing at this address that you may see."),
    "method-not-allowed": (405, "Not possible here", "This address does not take requests of that kind."),
    "malformed-json": (400, "Unreadable JSON", "The body could not be read as JSON."),
    "bad-request": (400, "Unreadable request", "The request could not be read."),
    "invalid-input": (
        422,
        "Some of this needs another look",
        "One or more fields are missing or wrong; `errors` names each.",
    ),
    "idempotency-key-reused": (
        422,
        "That key was used for another request",
        "Send a new Idempotency-Key with a new request.",
    ),
    "in-progress": (
        409,
        "Still at work",
        "The first request with this Idempotency-Key is still running. Ask again shortly.",
    ),
    "length-required": (411, "How long is it?", "Send the request with a Content-Length; nothing of it was read."),
    "too-large": (413, "Too large", "The request is larger than anything that this address takes; nothing was read."),
    "slow-down": (429, "Too many requests", "Wait as long as Retry-After says, then go on."),
    "busy": (
        503,
        "Busy for a moment",
        "Too much is happening at once. Try again as Retry-After says; nothing was changed.",
    ),
    "booking-closed": (409, "Bookings are closed", "This cohort takes no reservations now."),
    "already-reserved": (409, "You have a seat already", "`reservation` is the one you have."),
    "prerequisites-unmet": (409, "Something is still missing", "`requirements` says what, and how to mend it."),
    "cohort-full": (
        409,
        "No seat is left",
        "Every seat is taken, held or owed to the line at this moment: join the line.",
    ),
    "seats-available": (409, "Nobody needs to wait", "There is a free seat in this cohort: reserve it instead."),
    "offer-gone": (
        409,
        "There is no offer here (any more)",
        "The place in line has no seat on offer: `state` says what has become of it.",
    ),
    "hold-expired": (409, "The hold has run out", "Reserve again while there is a seat."),
    "nothing-to-pay": (409, "Nothing to pay", "What this payment would be for is not owed."),
    "not-cancellable": (
        409,
        "This cannot be cancelled",
        "It has ended already, is an offer still, or its cohort has begun; `detail` says what to do.",
    ),
    "not-movable": (
        409,
        "This cannot move to another cohort",
        "It has ended already or is an offer still; `detail` says what to do.",
    ),
    "moving-over": (
        409,
        "It is too late to move",
        "After `last_day` only the school moves anyone: write to it.",
    ),
    "discount-refused": (
        409,
        "The code cannot be used here",
        "`detail` says why: the code itself, the seat, or something that has been paid already.",
    ),
    "gateway-unavailable": (409, "That way to pay is not offered", "Choose one of the ways that are offered here."),
    "payment-under-way": (
        409,
        "Another payment is under way",
        "Wait for its answer, or go on with it: `checkout_url` is its page, where it still has one.",
    ),
    "processor-unavailable": (
        503,
        "The card processor does not answer",
        "Nothing was taken. Try again as Retry-After says: the same payment goes on.",
    ),
    "conflicting-completion": (
        409,
        "The record says another date",
        "`recorded` is the date on record. To correct it, send `why` with the reason, or do it on the person's page.",
    ),
    "conflicting-access": (
        409,
        "The record says that access began on another date",
        "`recorded` is the date on record. To correct it, send `why` with the reason, or do it on the person's page.",
    ),
    "server-error": (
        500,
        "Something went wrong here",
        "It is our fault and has been noted. Try again, or write to the school.",
    ),
}


class Problem(Exception):
    """An answer of the API that is not the one asked for."""

    def __init__(self, slug: str, detail: str = "", *, retry_after: int | None = None, **members: Any) -> None:
        super().__init__(slug)
        self.slug, self.members, self.retry_after = slug, members, retry_after
        self.status, self.title, meaning = CATALOGUE[slug]
        self.detail = detail or meaning

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }


def problem_response(problem: Problem) -> JsonResponse:
    """The answer that a problem makes."""
    response = JsonResponse(problem.as_json(), status=problem.status, content_type="application/problem+json")
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def is_api(request: HttpRequest) -> bool:
    """Whether a program asked, and wants a problem rather than a page."""
    return request.path.startswith("/api/")
