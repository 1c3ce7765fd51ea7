"""The API's description as a page that a person can read, made from the OpenAPI schema alone."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

from workshops.web.problems import CATALOGUE


@dataclass(frozen=True)
class Part:
    """One parameter, field or member: its name, what it is, and what is to be known about it."""

    name: str
    kind: str
    note: str
    required: bool


@dataclass(frozen=True)
class Answer:
    """One answer of a call. `shape` names a shape that the page describes."""

    status: str
    words: str
    shape: str


@dataclass(frozen=True)
class Call:
    """One call. `problems` are the slugs of those that are its own; any call may end in the usual ones."""

    id: str
    method: str
    path: str
    title: str
    description: str
    who: str
    scopes: list[str]
    parameters: list[Part]
    body: list[Part]
    answers: list[Answer]
    problems: list[str]


@dataclass(frozen=True)
class Group:
    """Calls that belong together."""

    title: str
    calls: list[Call]


@dataclass(frozen=True)
class Shape:
    """A JSON object that calls answer, member by member."""

    name: str
    words: str
    parts: list[Part]


class ApiDocs(DocsBase):
    """Draws the page. Nothing on it comes from another host, and it needs no script."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **_given: Any) -> HttpResponse:
        """The page."""
        schema: dict[str, Any] = dict(api.get_openapi_schema())
        context = {"info": schema["info"], "groups": groups(schema), "shapes": shapes(schema), "catalogue": CATALOGUE}
        return TemplateResponse(request, "site/api_docs.html", context)


def groups(schema: dict[str, Any]) -> list[Group]:
    """Every call of the API, in the order in which the rooms declare them."""
    found: dict[str, list[Call]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_call(schema, path, method, operation))
    return [Group(title, calls) for title, calls in found.items()]


def shapes(schema: dict[str, Any]) -> list[Shape]:
    """Every shape that an answer has, problems and what is sent apart."""
    return [
        Shape(_title(name), described.get("description", ""), _parts(described))
        for name, described in sorted(schema["components"]["schemas"].items())
        if not name.startswith("Problem") and not name.endswith(("Asked", "Paging"))
    ]


def _call(schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Call:
    return Call(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        title=operation["summary"],
        description=operation.get("description", ""),
        who=operation["x-who"],
        scopes=operation["x-scopes"],
        parameters=[
            Part(each["name"], _kind(each["schema"]), each.get("description", ""), each["required"])
            for each in operation["parameters"]
        ],
        body=_body(schema, operation),
        answers=[
            Answer(str(status), response["description"], _shape(response))
            for status, response in operation["responses"].items()
            if "application/problem+json" not in response.get("content", {})
        ],
        problems=operation["x-problems"],
    )


def _shape(response: dict[str, Any]) -> str:
    return _kind(response["content"]["application/json"]["schema"]) if "content" in response else "nothing"


def _body(schema: dict[str, Any], operation: dict[str, Any]) -> list[Part]:
    sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for choice in [sent, *sent.get("anyOf", []), *sent.get("allOf", [])]:
        if "$ref" in choice:
            return _parts(schema["components"]["schemas"][_last(choice["$ref"])])
    return []


def _parts(described: dict[str, Any]) -> list[Part]:
    required = described.get("required", [])
    return [
        Part(name, _kind(part), part.get("description", ""), name in required)
        for name, part in described.get("properties", {}).items()
    ]


def _kind(part: dict[str, Any]) -> str:
    if "$ref" in part:
        return _title(_last(part["$ref"]))
    if "enum" in part:
        return " | ".join(str(value) for value in part["enum"])
    if choices := part.get("anyOf") or part.get("allOf") or part.get("oneOf"):
        return " | ".join(_kind(choice) for choice in choices)
    if part.get("type") == "array":
        return f"list of {_kind(part['items'])}"
    return str({"date": "date", "date-time": "time"}.get(part.get("format", "")) or part.get("type", "anything"))


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def _title(name: str) -> str:
    """Page_CohortAnswer_ reads as page of Cohort."""
    if name.startswith("Page_"):
        return f"page of {_title(name.removeprefix('Page_').rstrip('_'))}"
    return name.removesuffix("Answer")
