"""What the OpenAPI description says beyond what can be read from the code: problems, keys, who may call."""

from collections.abc import Mapping, Sequence
from typing import Any

from workshops.people.models import Scope
from workshops.web.problems import CATALOGUE

JsonSchema = Mapping[str, Any]

# Members that a problem has beyond type, title, status and detail.
_MEMBERS: Mapping[str, Mapping[str, JsonSchema]] = {
    "invalid-input": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        }
    },
    "already-reserved": {"reservation": {"type": "string", "description": "The id of the reservation you have."}},
    "prerequisites-unmet": {
        "requirements": {"type": "array", "items": {"$ref": "#/components/schemas/RequirementAnswer"}}
    },
    "cohort-full": {"waitlist_length": {"type": "integer"}},
    "offer-gone": {"state": {"type": "string", "description": "What has become of the place in line."}},
    "moving-over": {"last_day": {"type": "string", "format": "date", "description": "The last day it was possible."}},
    "conflicting-completion": {
        "recorded": {"type": "string", "format": "date", "description": "The date that is on record."}
    },
    "conflicting-access": {
        "recorded": {"type": "string", "format": "date", "description": "The date that is on record."}
    },
}

_HEADERS: Mapping[str, tuple[str, JsonSchema]] = {
    "Retry-After": ("Seconds to wait before the next try.", {"type": "integer", "minimum": 1}),
    "Idempotent-Replayed": ("Present when this is the first answer again.", {"type": "string", "const": "true"}),
    "WWW-Authenticate": ("How to prove who you are.", {"type": "string"}),
}
_WITH_RETRY_AFTER = frozenset({"in-progress", "slow-down", "busy"})

KEY_PARAMETER: JsonSchema = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x20-\x7e]+$"},
    "description": "A name of your own for this request. Sent again with it, the request gets its first answer again.",
}

SECURITY_SCHEMES: JsonSchema = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of yours, with the scopes it was made for."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A browser that is signed in; every change also sends X-CSRFToken.",
    },
}


def extras(
    *,
    method: str,
    path: str,
    answers: Sequence[int],
    who: str,
    scopes: Sequence[Scope],
    anonymous: bool,
    problems: Sequence[str],
    repeats: bool,
) -> dict[str, Any]:
    """The parts of an operation's description that its function does not show."""
    slugs = [*_usual_problems(method, path, anonymous=anonymous, repeats=repeats), *problems]
    responses = _problem_responses(slugs, repeats=repeats)
    if repeats:
        for status in answers:
            responses[status] = {"headers": _headers("Idempotent-Replayed")}
    return {
        "responses": responses,
        "parameters": [dict(KEY_PARAMETER)] if repeats else [],
        "security": ([{}] if anonymous else []) + [{"token": [str(scope) for scope in scopes]}, {"session": []}],
        "x-who": who,
        "x-scopes": [str(scope) for scope in scopes],
        "x-problems": [*(["not-found"] if "{" in path else []), *problems],
    }


def problem_schemas() -> dict[str, JsonSchema]:
    """One schema for each problem, to be referred to by name."""
    return {_name(slug): _schema(slug) for slug in CATALOGUE}


def _usual_problems(method: str, path: str, *, anonymous: bool, repeats: bool) -> list[str]:
    usual = ["bad-request", "unauthenticated", "invalid-input", "slow-down", "server-error"]
    if not anonymous:
        usual += ["scope-missing", "not-allowed"]
    if "{" in path:
        usual.append("not-found")
    if method != "GET":
        usual += ["csrf", "busy"]
    if method == "POST":
        usual += ["malformed-json"]
    if repeats:
        usual += ["idempotency-key-reused", "in-progress"]
    return usual


def _problem_responses(slugs: Sequence[str], *, repeats: bool) -> dict[int, dict[str, Any]]:
    by_status: dict[int, list[str]] = {}
    for slug in sorted(set(slugs)):
        by_status.setdefault(CATALOGUE[slug][0], []).append(slug)
    responses = {}
    for status, together in sorted(by_status.items()):
        headers = ["Retry-After"] if _WITH_RETRY_AFTER & set(together) else []
        headers += ["WWW-Authenticate"] if status == 401 else []
        headers += ["Idempotent-Replayed"] if status == 422 and repeats else []
        schemas = [{"$ref": f"#/components/schemas/{_name(slug)}"} for slug in together]
        schema = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
        responses[status] = {
            "description": "; ".join(f"`{slug}`: {CATALOGUE[slug][1]}" for slug in together),
            "headers": _headers(*headers),
            "content": {"application/problem+json": {"schema": schema}},
        }
    return responses


def _headers(*names: str) -> dict[str, Any]:
    return {
        name: {"description": _HEADERS[name][0], "required": False, "schema": dict(_HEADERS[name][1])} for name in names
    }


def _name(slug: str) -> str:
    return "Problem" + "".join(part.capitalize() for part in slug.split("-"))


def _schema(slug: str) -> JsonSchema:
    status, title, meaning = CATALOGUE[slug]
    members = _MEMBERS.get(slug, {})
    return {
        "type": "object",
        "title": title,
        "description": meaning,
        "required": ["type", "title", "status", "detail", *members],
        "properties": {
            "type": {"type": "string", "const": f"/problems/{slug}"},
            "title": {"type": "string"},
            "status": {"type": "integer", "const": status},
            "detail": {"type": "string"},
            **members,
        },
    }
