"""What is wrong with a request, in words for the person who wrote the program that sent it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workshops.web.problems import Problem

Context = Mapping[str, Any]

_WORDS: Mapping[str, Callable[[Context], str]] = {
    "missing": lambda _: "This is required.",
    "string_type": lambda _: "Write this as text.",
    "string_unicode": lambda _: "This is not readable text.",
    "string_too_long": lambda context: f"Use {context['max_length']} characters at most.",
    "string_too_short": lambda context: f"Use {context['min_length']} characters at least.",
    "string_pattern_mismatch": lambda _: "This holds characters that cannot be kept.",
    "int_type": lambda _: "Write a whole number.",
    "int_parsing": lambda _: "Write a whole number.",
    "int_parsing_size": lambda _: "This number is too large.",
    "int_from_float": lambda _: "Write a whole number.",
    "greater_than_equal": lambda context: f"Use {context['ge']} or more.",
    "less_than_equal": lambda context: f"Use {context['le']} or less.",
    "literal_error": lambda context: f"Choose {context['expected']}.",
    "model_type": lambda _: "Send a JSON object.",
    "model_attributes_type": lambda _: "Send a JSON object.",
    "date_form": lambda _: "Write the date as YYYY-MM-DD.",
    "date_from_datetime_parsing": lambda _: "There is no such date.",
    "date_parsing": lambda _: "There is no such date.",
}


def invalid(field: str, message: str) -> Problem:
    """One field is wrong."""
    return Problem("invalid-input", errors=[{"field": field, "message": message}])


def invalid_input(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Everything that the reading of a request's fields found wrong, each with the name of its field."""
    return Problem("invalid-input", errors=[{"field": _field(error), "message": _message(error)} for error in errors])


def _field(error: Mapping[str, Any]) -> str:
    source, *names = [str(part) for part in error["loc"]]
    if source == "body":  # the first name is the parameter that the body is read into
        names = names[1:]
    return ".".join(names) or source


def _message(error: Mapping[str, Any]) -> str:
    if words := _WORDS.get(error["type"]):
        return words(error.get("ctx", {}))
    return f"{str(error['msg']).rstrip('.')}."
