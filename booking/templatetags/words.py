"""Words that pages use everywhere: money, dates and moments as the school writes them."""

from datetime import date, datetime

from django import template

from workshops import clock
from workshops import money as money_in_words

register = template.Library()


@register.filter
def money(cents: int | None, currency: str = "USD") -> str:
    """An amount of whole cents as the price list writes it."""
    return "" if cents is None else money_in_words.in_words(cents, currency)


@register.filter
def day(value: date | None) -> str:
    """A date with its weekday: Thursday 4 March 2027."""
    return "" if value is None else clock.with_weekday(value)


@register.filter
def short_day(value: date | None) -> str:
    """A date without its weekday: 4 March 2027."""
    return "" if value is None else clock.in_words(value)


@register.filter
def moment(value: datetime | None, zone_name: str = "") -> str:
    """A moment in Los Angeles with weekday and zone, followed by the reader's own where their clocks differ."""
    return "" if value is None else clock.moment_for(value, zone_name)


@register.filter
def until(first: date, last: date) -> str:
    """Two dates as one phrase: 4 to 7 March 2027."""
    return clock.range_in_words(first, last)


@register.filter
def hours(value: datetime) -> str:
    """The time of day in Los Angeles: 9:30 am."""
    return clock.hours_in_words(value)


@register.filter
def school_date(value: datetime) -> date:
    """The date of a moment in Los Angeles."""
    return clock.school_day(value)
