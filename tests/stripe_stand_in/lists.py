"""What every list and answer has in common: filters, pages, searching, and `expand[]`."""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.stripe_stand_in.account import Account
from tests.stripe_stand_in.errors import JSON, Refusal, invalid, missing

# Where an id may be replaced by the whole object, by the kind of object it stands in (from the SDK's ExpandableField).
EXPANDABLE: dict[str, frozenset[str]] = {
    "checkout.session": frozenset({"customer", "payment_intent", "setup_intent"}),
    "payment_intent": frozenset({"customer", "latest_charge", "payment_method"}),
    "charge": frozenset({"balance_transaction", "customer", "failure_balance_transaction", "payment_intent"}),
    "refund": frozenset({"balance_transaction", "charge", "failure_balance_transaction", "payment_intent"}),
    "dispute": frozenset({"charge", "payment_intent"}),
    "setup_intent": frozenset({"customer", "payment_method"}),
    "payment_method": frozenset({"customer"}),
    "balance_transaction": frozenset({"source"}),
    "payout": frozenset({"balance_transaction", "failure_balance_transaction"}),
    "customer": frozenset({"default_source"}),
}
DEEPEST = 4


def line_items(account: Account, session: JSON) -> JSON:
    """A session's items, shown when asked for."""
    items = account.hidden[session["id"]]["line_items"]
    return whole_list(items, f"/v1/checkout/sessions/{session['id']}/line_items")


def charge_refunds(account: Account, charge: JSON) -> JSON:
    """A charge's refunds, shown when asked for."""
    items = [one for one in account.all("refund") if one["charge"] == charge["id"]]
    return whole_list(items, f"/v1/charges/{charge['id']}/refunds")


# What is absent until it is expanded.
INCLUDED: dict[tuple[str, str], Callable[[Account, JSON], JSON]] = {
    ("checkout.session", "line_items"): line_items,
    ("charge", "refunds"): charge_refunds,
}


def whole_list(items: list[JSON], url: str) -> JSON:
    """A list that is all there."""
    return {"object": "list", "data": deepcopy(items), "has_more": False, "url": url}


def within(value: int, wanted: Any) -> bool:
    """Whether a moment or amount is as asked: a number, or gt, gte, lt, lte."""
    if not isinstance(wanted, dict):
        return value == int(wanted)
    tests: dict[str, Callable[[int], bool]] = {
        "gt": lambda edge: value > edge,
        "gte": lambda edge: value >= edge,
        "lt": lambda edge: value < edge,
        "lte": lambda edge: value <= edge,
    }
    return all(tests[name](int(edge)) for name, edge in wanted.items())


def listed(account: Account, kind: str, params: JSON, url: str, *filters: str, among: list[JSON] | None = None) -> JSON:
    """A page of a list: newest first, `filters` compared as they are, `created` as a range, then the page asked for."""
    items = account.all(kind) if among is None else among
    for name in filters:
        if name in params:
            items = [one for one in items if one.get(name) == params[name]]
    if "created" in params:
        items = [one for one in items if within(one["created"], params["created"])]
    return page(items, params, kind, url)


def page(items: list[JSON], params: JSON, kind: str, url: str) -> JSON:
    """The part of a list that `limit`, `starting_after` and `ending_before` ask for."""
    limit = size_of_page(params)
    ids = [one["id"] for one in items]
    if "starting_after" in params:
        start = place_of(ids, params["starting_after"], kind, "starting_after") + 1
        chosen, more = items[start : start + limit], len(items) > start + limit
    elif "ending_before" in params:
        end = place_of(ids, params["ending_before"], kind, "ending_before")
        chosen, more = items[max(0, end - limit) : end], end > limit
    else:
        chosen, more = items[:limit], len(items) > limit
    return {"object": "list", "data": deepcopy(chosen), "has_more": more, "url": url}


def size_of_page(params: JSON) -> int:
    """How many a page may have: 1 to 100, 10 unless asked."""
    limit: int = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(f"This value must be between 1 and 100 (it currently is '{limit}').", "limit")
    return limit


def place_of(ids: list[str], wanted: str, kind: str, param: str) -> int:
    """Where in a list an id stands."""
    if wanted not in ids:
        raise missing(kind, wanted, param)
    return ids.index(wanted)


def expand(account: Account, answer: JSON, paths: list[str]) -> JSON:
    """The answer with whole objects in place of the ids at these paths: `latest_charge`, `data.source`.

    Raises Refusal for what cannot be expanded, or lies deeper than four.
    """
    for path in paths:
        if len(path.split(".")) > DEEPEST + (answer.get("object") in ("list", "search_result")):
            raise invalid(f"You cannot expand more than {DEEPEST} levels of a property: {path}", "expand")
        open_path(account, answer, path.split("."), path)
    return answer


def open_path(account: Account, place: Any, names: list[str], path: str) -> None:
    if not names or place is None:
        return
    if isinstance(place, list):
        for one in place:
            open_path(account, one, names, path)
        return
    name, *rest = names
    kind = place.get("object", "")
    if (kind, name) in INCLUDED:
        place.setdefault(name, None)
        place[name] = place[name] or INCLUDED[kind, name](account, account.objects[place["id"]])
    elif name not in place or (kind in EXPANDABLE and not openable(kind, name, place[name], rest)):
        raise Refusal(400, f"This property cannot be expanded ({path}).", param="expand", began=False)
    elif isinstance(place[name], str) and place[name] in account.objects:
        place[name] = deepcopy(account.objects[place[name]])
    open_path(account, place[name], rest, path)


def openable(kind: str, name: str, value: Any, rest: list[str]) -> bool:
    """An id that may be opened, or a structure on the way to one."""
    return name in EXPANDABLE[kind] or (bool(rest) and isinstance(value, dict | list))


CLAUSE = re.compile(
    r"""\s*(?P<no>-)?(?P<field>metadata\[(?:'[^']*'|"[^"]*")\]|[a-z_.]+)(?P<how>:|~|>=|<=|>|<)"""
    r"""(?P<value>"[^"]*"|'[^']*'|null|\d+)\s*"""
)


def search(account: Account, kind: str, params: JSON, fields: frozenset[str]) -> JSON:
    """Objects that a query in Stripe's search language finds; those younger than `search_lag` are not found yet."""
    clauses, every = parse_query(params["query"], fields)
    settled = account.seconds() - account.search_lag
    items = [one for one in account.all(kind) if not account.search_lag or one["created"] <= settled]
    items = [one for one in items if (all if every else any)(clause(one) for clause in clauses)]
    start = int(params["page"]) if str(params.get("page", "")).isdigit() else 0
    limit = size_of_page(params)
    more = len(items) > start + limit
    return {
        "object": "search_result",
        "data": deepcopy(items[start : start + limit]),
        "has_more": more,
        "next_page": str(start + limit) if more else None,
        "url": f"/v1/{kind}s/search",
    }


def parse_query(query: str, fields: frozenset[str]) -> tuple[list[Callable[[JSON], bool]], bool]:
    """The clauses of a query, and whether all must hold (AND, the default) or any (OR). The two cannot be mixed."""
    clauses, joins, place = [], set(), 0
    while place < len(query):
        found = CLAUSE.match(query, place)
        if found is None:
            raise invalid(f"We were unable to parse your search query: {query}", "query")
        clauses.append(clause_of(found, fields))
        place = found.end()
        if joined := re.compile(r"(AND|OR)\s+", re.IGNORECASE).match(query, place):
            joins.add(joined[1].upper())
            place = joined.end()
    if not clauses or len(joins) > 1:
        raise invalid("A query needs at least one clause, and cannot mix AND with OR.", "query")
    return clauses, "OR" not in joins


def clause_of(found: re.Match[str], fields: frozenset[str]) -> Callable[[JSON], bool]:
    field, how, wanted, no = found["field"], found["how"], found["value"].strip("'\""), bool(found["no"])
    if not field.startswith("metadata[") and field not in fields:
        raise invalid(f"Field `{field}` is an unsupported search field.", "query")

    def holds(one: JSON) -> bool:
        has = one["metadata"].get(field[10:-2]) if field.startswith("metadata[") else one.get(field)
        if found["value"] == "null":
            result = has is None
        elif how == ":":
            result = has is not None and str(has).lower() == wanted.lower()
        elif how == "~":
            result = wanted.lower() in str(has or "").lower()
        else:
            name = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}[how]
            result = has is not None and within(int(has), {name: int(wanted)})
        return result != no

    return holds
