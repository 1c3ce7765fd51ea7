"""A paper as PDF, on US Letter. What it says is handed to Typst as data: nothing in it is ever read as markup.

The same paper gives the same bytes. Nothing is kept: drawing one takes less time than looking for it would.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import typst

from booking.payments.models import Payment, Refund
from booking.payments.papers.models import Paper, PaperKind
from booking.payments.papers.numbers import shown_number
from workshops.clock import school_day

_HERE = Path(__file__).parent / "typst"
_TEMPLATE = _HERE / "paper.typ"
NAME_REMOVED = "Name removed"
_SYMBOLS = {"USD": "$"}


def pdf_of(paper: Paper) -> bytes:
    """The paper as a tagged PDF. Not inside a transaction: it takes some hundredths of a second.

    It is held to no standard of accessible or archived PDF: those refuse a name that no font at hand can draw.
    """
    drawn: bytes = typst.compile(
        str(_TEMPLATE),
        root=str(_HERE),
        font_paths=_fonts(),
        format="pdf",
        sys_inputs={"paper": json.dumps(_shown(paper))},
        timestamp=int(paper.issued_at.timestamp()),
    )
    return drawn


def file_name(paper: Paper) -> str:
    """What the file is called when it is kept: CINTIMA-receipt-R-000123.pdf."""
    school = "".join(each for each in str(paper.says["school"]["name"]) if each.isascii() and each.isalnum())
    return f"{school or 'school'}-{paper.kind}-{shown_number(paper)}.pdf"


@cache
def _fonts() -> typst.Fonts:
    """The site's own type; a name in another script is drawn with what the machine has for it."""
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=True, font_paths=[str(_HERE / "fonts")])


def _shown(paper: Paper) -> dict[str, Any]:
    says: dict[str, Any] = paper.says
    currency = str(says["currency"])
    day = school_day(paper.issued_at)
    facts = list(says["facts"])
    if reference := _reference(paper):
        facts.append(["Reference", reference])
    return {
        "kind": paper.kind,
        "title": PaperKind(paper.kind).label,
        "number": shown_number(paper),
        "date": [day.year, day.month, day.day],
        "school": {**says["school"], "address": says["school"]["address"].splitlines()},
        "payer": paper.payer.splitlines() or [NAME_REMOVED],
        "has_payer": bool(paper.payer),
        "play_money": says["play_money"],
        "facts": facts,
        "lines": [{**each, "amount": _amount(each["cents"], currency)} for each in says["lines"]],
        "sums": [{**each, "amount": _amount(each["cents"], currency)} for each in says["sums"]],
        "due": [
            {**each, "amount": _amount(each["cents"], currency), "open": _amount(each["open_cents"], currency)}
            for each in says["due"]
        ],
        "notes": says["notes"],
    }


def _reference(paper: Paper) -> str:
    """What the bank or the processor calls the money. It is read where it stands, since it may name somebody."""
    about: Payment | Refund | None = paper.payment or paper.refund
    return about.reference if about else ""


def _amount(cents: int, currency: str) -> str:
    """An amount for a column of figures: always with its cents, and with a true minus."""
    sign = "\N{MINUS SIGN}" if cents < 0 else ""
    return f"{sign}{_SYMBOLS.get(currency, f'{currency} ')}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
