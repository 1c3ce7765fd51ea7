"""What may be asked: read from the installed SDK's own typed definitions, so that a parameter it has lost is refused.

A form (`line_items[0][price_data][currency]=usd`) becomes nested values of the types the definition names. What the
definition does not know is refused with `parameter_unknown`; a choice it does not list is refused too. (The SDK writes
every choice as `Literal[...] | str` to allow for later ones; those that it lists are what may be sent.)
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib import import_module
from types import UnionType
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import typing_extensions
from stripe._request_options import RequestOptions

from tests.stripe_stand_in.errors import JSON, invalid

OPTIONS = frozenset(RequestOptions.__annotations__)
MARKS = {NotRequired, Required, typing_extensions.NotRequired, typing_extensions.Required}
UNIONS = {Union, UnionType}
LITERALS = {Literal, typing_extensions.Literal}


def parse(form: str) -> JSON:
    """A form's pairs as nested dictionaries of text. Lists stay dictionaries of numbers until their type is known."""
    whole: JSON = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name) or [name]
        place, key = whole, first
        for following in rest:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise invalid(f"Invalid {name}", name)
            key = following or str(len(place))
        place[key] = value
    return whole


def definition(path: str) -> type:
    """The SDK's definition by name: `checkout.SessionCreateParams`, `RefundCreateParams`."""
    room, _, name = path.rpartition(".")
    found = getattr(import_module(f"stripe.params.{room}" if room else "stripe.params"), name)
    assert isinstance(found, type)
    return found


@cache
def fields(typed: type) -> dict[str, tuple[bool, Any]]:
    """The names a definition knows: whether each must be given, and what it may be."""
    own = {name: annotation for name, annotation in typed.__annotations__.items() if name not in OPTIONS}
    # A class with the same annotations and no bases: the SDK's own base names a class that is not there at run time.
    bare = type("Definition", (), {"__annotations__": own, "__module__": typed.__module__})
    known = {}
    for name, annotation in get_type_hints(bare, include_extras=True).items():
        required = get_origin(annotation) not in MARKS
        known[name] = required, tuple(choices(annotation if required else get_args(annotation)[0]))
    return known


def choices(annotation: Any) -> Iterator[Any]:
    """The alternatives of a union, one after another; a list as ("list", alternatives of its items)."""
    origin = get_origin(annotation)
    if origin in UNIONS:
        for one in get_args(annotation):
            yield from choices(one)
    elif origin in LITERALS:
        yield ("literal", tuple(str(one) for one in get_args(annotation)))
    elif origin is list:
        yield ("list", tuple(choices(get_args(annotation)[0])))
    elif origin is dict:
        yield ("dict", tuple(choices(get_args(annotation)[1])))
    elif origin is not None:
        yield ("dict", (str,))  # UntypedStripeObject[str]: metadata read back from an answer
    else:
        yield annotation


def read(typed: type, raw: JSON, inside: str = "") -> JSON:
    """The values of a form as the definition types them. Raises Refusal for what it does not know, or does not find."""
    known = fields(typed)
    for name in raw:
        if name not in known:
            param = f"{inside}[{name}]" if inside else name
            raise invalid(f"Received unknown parameter: {param}", param, "parameter_unknown")
    for name, (required, _) in known.items():
        if required and name not in raw:
            param = f"{inside}[{name}]" if inside else name
            raise invalid(f"Missing required param: {param}.", param, "parameter_missing")
    return {
        name: value_of(known[name][1], value, f"{inside}[{name}]" if inside else name) for name, value in raw.items()
    }


def value_of(kinds: tuple[Any, ...], value: Any, param: str) -> Any:
    """One value as the first kind that it can be."""
    if isinstance(value, dict):
        return structure_of(kinds, value, param)
    listed = [one for kind in kinds if isinstance(kind, tuple) and kind[0] == "literal" for one in kind[1]]
    if value in listed:
        return value
    for kind in kinds:
        if kind is bool and value in ("true", "false"):
            return value == "true"
        if kind is int and re.fullmatch(r"-?\d+", value):
            return int(value)
        if kind in (float, Decimal) and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return Decimal(value)
    if any(listed) and str in kinds:
        *others, last = (one for one in listed if one)
        words = f"{', '.join(others)}, or {last}" if others else last
        raise invalid(f"Invalid {param}: must be one of {words}", param)
    if str in kinds or Any in kinds:
        return value
    if int in kinds:
        raise invalid(f"Invalid integer: {value}", param, "parameter_invalid_integer")
    if bool in kinds:
        raise invalid(f"Invalid boolean: {value}", param)
    raise invalid(f"Invalid {param}", param)


def structure_of(kinds: tuple[Any, ...], value: JSON, param: str) -> Any:
    """A nested form: a definition of its own, a list, or free keys (metadata)."""
    for kind in kinds:
        if isinstance(kind, tuple):
            if kind[0] == "list" and all(key.isdigit() for key in value):
                ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
                return [value_of(kind[1], one, f"{param}[{key}]") for key, one in ordered]
            if kind[0] == "dict":
                free = {key: value_of(kind[1], one, f"{param}[{key}]") for key, one in value.items()}
                return within_limits(free, param) if param.endswith(("metadata", "metadata]")) else free
        elif isinstance(kind, type) and typing_extensions.is_typeddict(kind):
            return read(kind, value, param)
    raise invalid(f"Invalid {param}", param)


def within_limits(metadata: JSON, param: str) -> JSON:
    """Metadata as Stripe takes it: 50 keys of up to 40 characters, values of up to 500."""
    if len(metadata) > 50:
        raise invalid("You can only have up to 50 metadata keys.", param)
    for key, value in metadata.items():
        if len(key) > 40:
            raise invalid(f"Metadata keys can have up to 40 characters, but one has {len(key)}: {key}", param)
        if len(value) > 500:
            raise invalid(
                f"Metadata values can have up to 500 characters, but you passed in a value that is {len(value)} "
                f"characters. Invalid value: {value}",
                f"{param}[{key}]",
            )
    return metadata
