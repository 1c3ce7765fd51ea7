"""One round of a worker's task: each row by itself, so that one that cannot be done keeps no other waiting."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")


def one_by_one(rows: Iterable[T], do: Callable[[T], int], what: str) -> int:
    """Do each of these, and return how much came of it in all. What fails is logged by its public name only.

    Raises:
        Exception: the last one met, after the others have been tried, when nothing came of any.
    """
    done, problem = 0, None
    for row in rows:
        try:
            done += do(row)
        except Exception as error:  # whatever it is, the others are not to wait for it
            name = getattr(row, "public_id", row)
            log.warning("%s could not be done for %s: %s", what, name, type(error).__name__)
            problem = error
    if problem and not done:
        raise problem
    return done
