"""Turns: how many may do at once what takes long, and that one person does not take them all."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Condition


class NoTurn(Exception):
    """Too many others are at it; try again in a moment. Nothing was done."""


class Turns:
    """So many turns in this process, and no more than one for the same person."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = list[Hashable]()
        self._changed = Condition()

    def take(self, whose: Hashable = None, *, wait: float = 0) -> bool:
        """Take a turn, within `wait` seconds. False when there was none, or this person has theirs already."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(whose), timeout=wait):
                return False
            self._taken.append(whose)
            return True

    def give_back(self, whose: Hashable = None) -> None:
        """End a turn that was taken."""
        with self._changed:
            self._taken.remove(whose)
            self._changed.notify_all()

    @contextmanager
    def turn(self, whose: Hashable = None, *, wait: float = 0) -> Iterator[None]:
        """Hold a turn. Raises `NoTurn` when there was none within `wait` seconds."""
        if not self.take(whose, wait=wait):
            raise NoTurn
        try:
            yield
        finally:
            self.give_back(whose)

    def _is_free(self, whose: Hashable) -> bool:
        return len(self._taken) < self._most and (whose is None or whose not in self._taken)
