"""Lists of the API, a page at a time, by a cursor that stays right while rows come and go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db.models import Model, Q, QuerySet
from pydantic import BaseModel, Field

from workshops.web.invalid import invalid

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")
Shown = TypeVar("Shown")


class Paging(BaseModel):
    """What every list may be asked for."""

    limit: int = Field(50, ge=1, le=200, description="How many items a page has at most.")
    cursor: str | None = Field(None, max_length=1000, description="`next` of the page before.")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list. `next` is the cursor of the page after it, or null on the last."""

    items: list[Item]
    next: str | None

    def showing(self, show: Callable[[list[Item]], list[Shown]]) -> "Page[Shown]":
        """The same page with its items as the API shows them."""
        return Page(show(self.items), self.next)


def page(rows: QuerySet[Row], asked: Paging, *, by: Sequence[str]) -> Page[Row]:
    """The page of `rows` that was asked for, in the order of `by`. One statement.

    `by` names fields of the model, all ascending or all (with a minus) descending, that together are unique: a page
    begins after the last row of the one before, so no row that stays is shown twice or left out.

    Raises:
        Problem: ``invalid-input`` for a cursor that is not one of this list.
    """
    names = [name.removeprefix("-") for name in by]
    salt = f"cursor:{rows.model._meta.label_lower}:{','.join(by)}"
    if asked.cursor is not None:
        beyond = "lt" if by[0].startswith("-") else "gt"
        rows = rows.filter(_after(names, _read(asked.cursor, salt), beyond))
    found = list(rows.order_by(*by)[: asked.limit + 1])
    items = found[: asked.limit]
    if len(found) == len(items):
        return Page(items, None)
    return Page(items, _cursor([getattr(items[-1], name) for name in names], salt))


def page_of(items: Sequence[Item], asked: Paging, *, key: Callable[[Item], int], of: str) -> Page[Item]:
    """The same for a short list that is in memory, in the order of `key`, which is unique. `of` names the list.

    Raises:
        Problem: ``invalid-input`` for a cursor that is not one of this list.
    """
    salt = f"cursor:{of}"
    after = _read(asked.cursor, salt)[0] if asked.cursor is not None else None
    rest = [item for item in sorted(items, key=key) if after is None or key(item) > after]
    shown = rest[: asked.limit]
    return Page(shown, _cursor([key(shown[-1])], salt) if len(rest) > len(shown) else None)


def _cursor(values: list[Any], salt: str) -> str:
    return signing.dumps(values, salt=salt, serializer=_Exact)


class _Exact:
    """JSON that keeps the microseconds of a moment, which Django's own encoder cuts to thousandths."""

    def dumps(self, values: list[Any]) -> bytes:
        return signing.JSONSerializer().dumps([v.isoformat() if hasattr(v, "isoformat") else v for v in values])

    def loads(self, data: bytes) -> Any:
        return signing.JSONSerializer().loads(data)


def _read(cursor: str, salt: str) -> list[Any]:
    try:
        return list(signing.loads(cursor, salt=salt, serializer=_Exact))
    except signing.BadSignature:
        raise invalid("cursor", "Send `next` of the page before, unchanged.") from None


def _after(names: list[str], values: list[Any], beyond: str) -> Q:
    """Rows beyond these values in the order of the names: (a, b) > (x, y) as a > x or (a = x and b > y)."""
    after, same = Q(), Q()
    for name, value in zip(names, values, strict=True):
        after |= same & Q(**{f"{name}__{beyond}": value})
        same &= Q(**{name: value})
    return after
