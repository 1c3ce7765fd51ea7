"""How tests read a page."""

import re

from django.http.response import HttpResponseBase


def text(page: HttpResponseBase) -> str:
    """The words of a page, without its tags."""
    html = page.content.decode()  # type: ignore[attr-defined]
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", html, flags=re.DOTALL)
    return " ".join(plain.split()).replace("&#x27;", "'").replace("&quot;", '"')
