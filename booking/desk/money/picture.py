"""The picture of what was received against what falls due: where its bars stand. Pure functions of cents.

The drawing is 100 units high and 10 wide a month; it is stretched over the page, so no words stand in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from booking.desk.money.overview import OfMonth

HEIGHT, MONTH_WIDTH = 100, 10
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Bar:
    """One bar: where it begins from the left and from above, and how high it is."""

    x: float
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """One month with its two bars."""

    month: date
    is_now: bool
    due: Bar
    received: Bar


@dataclass(frozen=True)
class Picture:
    """The whole drawing. `lines` are the amounts at its top, middle and foot."""

    columns: list[Column]
    width: int
    lines: tuple[int, int, int]


def picture(months: Sequence[OfMonth], this_month: date) -> Picture:
    """Draw these months: for each, what falls due on the left and what was received on the right."""
    top = round_up(max([each.sums.due for each in months] + [each.sums.received for each in months] + [0]))

    def bar(cents: int, x: float) -> Bar:
        height = round(max(cents, 0) * HEIGHT / top, 2)
        return Bar(x, round(HEIGHT - height, 2), height)

    columns = [
        Column(
            month=each.month,
            is_now=each.month == this_month,
            due=bar(each.sums.due, number * MONTH_WIDTH + 1.4),
            received=bar(each.sums.received, number * MONTH_WIDTH + 5.2),
        )
        for number, each in enumerate(months)
    ]
    return Picture(columns, len(columns) * MONTH_WIDTH, (top, top // 2, 0))


def round_up(cents: int) -> int:
    """The next round amount, in whole dollars that halve well: the top of the scale."""
    size = 10_000
    while True:
        for step in STEPS:
            if cents <= step * size:
                return int(step * size)
        size *= 10
