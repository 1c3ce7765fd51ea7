"""The only writer of what the school says of itself: school, terms, prices, conduct, modules, requirements, areas.

Every change leaves a line of history with what it was before, because each of these is a promise or a rule.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from django.db import models

from workshops import money
from workshops.clock import in_words, school_day, time_in_words
from workshops.history.record import record
from workshops.people.models import User
from workshops.programme.models import (
    ConductText,
    Module,
    PolicyTerm,
    Price,
    Requirement,
    School,
    TrainingArea,
    conduct_text,
    set_term,
)
from workshops.programme.terms import Term, Terms
from workshops.transactions import writes

Value = int | bool | str


class NotPossible(Exception):
    """The change cannot be made, with a sentence that says what would be right."""


def words_for(term: Term, value: Value) -> str:
    """A term's value as a person says it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if term.unit == "cents":
        return money.in_words(int(value))
    if term.unit == "time of day":
        return time_in_words(time.fromisoformat(str(value)))
    if term.unit == "percent":
        return f"{value}%"
    unit = (
        "person" if term.unit == "people" and value == 1 else term.unit.removesuffix("s") if value == 1 else term.unit
    )
    return f"{value} {unit}"


def fault_of(term: Term, value: Value) -> str:
    """Why `value` cannot be this term's, or an empty string. Pure."""
    if term.unit == "yes or no":
        return "" if isinstance(value, bool) else "Choose yes or no."
    if term.unit == "time of day":
        try:
            time.fromisoformat(str(value))
        except ValueError:
            return "Enter a time such as 21:00."
        return ""
    if isinstance(value, bool) or not isinstance(value, int):
        return "Enter a whole number."
    if not term.least <= value <= term.most:
        least, most = words_for(term, term.least), words_for(term, term.most)
        return f"This is always {least}." if term.least == term.most else f"Between {least} and {most}, please."
    return ""


@writes
def confirm_terms(values: Mapping[str, Value], *, by: User, now: datetime, why: str = "") -> list[str]:
    """Set and confirm these terms of the school; return the codes of those that are new or newly confirmed.

    Reservations that exist keep the terms they were made under.

    Raises:
        NotPossible: for a value that a term cannot have; nothing has changed then.
    """
    catalogue = {term.code: term for term in Terms.catalogue()}
    known = {row.code: row for row in PolicyTerm.objects.select_for_update().filter(code__in=values)}
    changed = []
    for code, value in values.items():
        term = catalogue[code]
        if fault := fault_of(term, value):
            raise NotPossible(f"{term.title}: {fault}")
        row = known.get(code)
        before: Value = row.value if row else term.default
        if row and row.confirmed_at and before == value:
            continue
        set_term(code, value, by=by, now=now)
        record(
            "term-confirmed",
            about=("term", code),
            by=by,
            now=now,
            why=why,
            title=term.title,
            before=before,
            value=value,
        )
        changed.append(code)
    return changed


@writes
def change_school(values: Mapping[str, str], *, by: User, now: datetime) -> bool:
    """Change what the school says about itself. False when it said that already.

    Bank details are written down in the history as changed, not what they were: they belong on one page only.
    """
    it = School.objects.select_for_update().get(pk=1)
    return _change(it, values, ("school", "1"), "school-changed", by=by, now=now, secret=("bank_details",))


@writes
def set_price(item: str, amount_cents: int, effective_from: date, *, by: User, now: datetime) -> Price:
    """Put a price on the list from a day on. Reservations that exist keep theirs.

    Raises:
        NotPossible: for a day that has passed, or one that has a price already.
    """
    if effective_from < school_day(now):
        raise NotPossible(
            f"A price cannot begin on {in_words(effective_from)}, which has passed: the list says what was asked then."
        )
    School.objects.select_for_update().only("pk").get(pk=1)
    if Price.objects.filter(item=item, effective_from=effective_from).exists():
        raise NotPossible(f"There is a price from {in_words(effective_from)} already. Take it off the list first.")
    price = Price.objects.create(item=item, amount_cents=amount_cents, effective_from=effective_from)
    _record("price-set", ("price", item), by, now, cents=amount_cents, effective_from=effective_from.isoformat())
    return price


@writes
def take_off_price(price: Price, *, by: User, now: datetime) -> None:
    """Take a price off the list that has not come into effect.

    Raises:
        NotPossible: when it has: someone may have been asked for it.
    """
    if price.effective_from <= school_day(now):
        raise NotPossible(f"This price holds since {in_words(price.effective_from)}. Add a new one instead.")
    deleted, _ = Price.objects.filter(pk=price.pk).delete()
    if deleted:
        _record("price-taken-off", ("price", price.item), by, now, cents=price.amount_cents,
                effective_from=price.effective_from.isoformat())  # fmt: skip


@writes
def publish_conduct(body: str, *, by: User, now: datetime) -> ConductText:
    """Publish a new version of the conduct text, which confirms it as well. The same words make no new version."""
    School.objects.select_for_update().only("pk").get(pk=1)
    latest = conduct_text()
    if latest.body.split() == body.split():
        confirm_conduct(latest, by=by, now=now)
        return latest
    text = ConductText.objects.create(version=latest.version + 1, body=body.strip(), published_at=now)
    _record("conduct-published", ("conduct", str(text.version)), by, now)
    return text


@writes
def confirm_conduct(text: ConductText, *, by: User, now: datetime, why: str = "") -> None:
    """Record that a registrar has read this version and lets it stand.

    Raises:
        NotPossible: when it is no longer the version in force.
    """
    if conduct_text().pk != text.pk:
        raise NotPossible(f"Version {text.version} is no longer in force. Read the new one and confirm that.")
    record("conduct-confirmed", about=("conduct", str(text.version)), by=by, now=now, why=why)


@writes
def change_module(module: Module, values: Mapping[str, Any], *, by: User, now: datetime) -> bool:
    """Change how a module is described. False when it was described so already."""
    it = Module.objects.select_for_update().get(pk=module.pk)
    return _change(it, values, ("module", it.code), "module-changed", by=by, now=now)


@writes
def change_requirement(requirement: Requirement, values: Mapping[str, Any], *, by: User, now: datetime) -> bool:
    """Change the numbers of a requirement. It holds from now on; nobody loses a seat they have."""
    it = Requirement.objects.select_for_update(of=("self",)).get(pk=requirement.pk)
    return _change(it, values, ("requirement", it.code), "requirement-changed", by=by, now=now)


@writes
def set_areas(titles: Sequence[str], *, by: User, now: datetime) -> bool:
    """Bring the training areas to these titles in this order. False when they were so already."""
    School.objects.select_for_update().only("pk").get(pk=1)
    before = list(TrainingArea.objects.values_list("title", flat=True))
    if before == list(titles):
        return False
    # Positions are unique, so none can be given while another area still has it.
    TrainingArea.objects.all().delete()
    TrainingArea.objects.bulk_create(
        TrainingArea(title=title, position=position) for position, title in enumerate(titles, start=1)
    )
    _record("areas-changed", ("school", "1"), by, now, before="; ".join(before), areas="; ".join(titles))
    return True


def _change(
    it: models.Model,
    values: Mapping[str, Any],
    about: tuple[str, str],
    what: str,
    *,
    by: User,
    now: datetime,
    secret: tuple[str, ...] = (),
) -> bool:
    differing = {name: value for name, value in values.items() if getattr(it, name) != value}
    if not differing:
        return False
    facts: dict[str, Any] = {
        name: "changed" if name in secret else f"{_text(getattr(it, name))} → {_text(value)}"
        for name, value in differing.items()
    }
    for name, value in differing.items():
        setattr(it, name, value)
    it.save(update_fields=list(differing))
    _record(what, about, by, now, **facts)
    return True


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _record(what: str, about: tuple[str, str], by: User, now: datetime, **facts: Any) -> None:
    record(what, about=about, by=by, now=now, **facts)
