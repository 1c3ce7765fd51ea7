"""How tests read a paper: its words as a PDF reader gives them."""

import pypdfium2

from booking.payments.papers.drawing import pdf_of
from booking.payments.papers.models import Paper

BREAKS = "\u200b"
"""Stands between the letters of a very long word, so that it may break anywhere."""


def words_of(paper: Paper) -> str:
    """Everything that stands on it, page by page, with one space between words."""
    document = pypdfium2.PdfDocument(pdf_of(paper))
    pages = [page.get_textpage().get_text_range() for page in document]
    return " ".join(" ".join(pages).replace(BREAKS, "").split())
