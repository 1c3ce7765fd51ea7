"""What a paper is called. A pure function of its kind and number."""

from collections.abc import Mapping

from booking.payments.papers.models import Paper, PaperKind

PREFIXES: Mapping[str, str] = {PaperKind.RECEIPT: "R", PaperKind.INVOICE: "I", PaperKind.CREDIT_NOTE: "C"}


def shown_number(paper: Paper) -> str:
    """Its number as people quote it: R-000123 for a receipt, I-000045 for an invoice, C-000007 for a credit note."""
    return f"{PREFIXES[paper.kind]}-{paper.number:06}"
