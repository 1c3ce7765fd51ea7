"""Nothing that is logged tells the secret of a private calendar.

The secret stands in the address that calendar programs fetch, and addresses come up wherever something fails: in what
Django says was not found, in a traceback, in a Referer. So every line is looked through after it was made, whoever
made it, and whatever follows the kind of a private calendar is left out.
"""

import logging
import re

MASK = "[secret]"
# A slash, or one as it stands in a query, encoded once or again.
_SLASH = r"(?:/|\\|%(?:25)*(?:2f|5c))"
_ADDRESS = re.compile(
    # As near to it as a slip may come: another case, a slash too many, no such kind. The feeds of cohorts are public.
    rf"(calendars?{_SLASH}+(?!cohorts(?:\.|{_SLASH}))[\w%.~-]+?{_SLASH}+)[^\s\"'<>|,;()\[\]{{}}]+",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])", re.ASCII)
"""What `secrets.token_urlsafe(32)` makes, wherever it stands by itself."""


def masked(text: str) -> str:
    """The text without any secret of a private calendar."""
    return _TOKEN.sub(MASK, _ADDRESS.sub(rf"\1{MASK}", text))


class MaskingFormatter(logging.Formatter):
    """Lines with their tracebacks and stacks, masked as a whole."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, which may have further lines below it."""
        return masked(super().format(record))
