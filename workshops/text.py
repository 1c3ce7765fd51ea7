"""What people type, as they meant it: without what nobody sees. A line, and words of several lines.

Letters of every script, marks that combine with them, and the joiners within emoji and Persian words stay.
"""

import re

UNSEEN = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # control characters, line ends and tabs apart
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of what is read after them
    "\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # no width, and hide what a text begins with
    "\ud800-\udfff"  # halves of a pair: no encoding can write them
)
"""Characters that are never kept, as the inside of a regular expression's brackets. The only list of them."""

_UNSEEN = re.compile(f"[{UNSEEN}]")
_LINE_ENDS = re.compile("\r\n|[\n\x0b\x0c\r\x85\u2028\u2029]")
# Alone these show nothing either; between letters and in emoji they have their use.
_INK = re.compile(r"[^\s\u00ad\u034f\u115f\u1160\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0]")


def plain(line: str) -> str:
    """One line as it was meant: nothing unseen, one space between words; "" when nothing is to be seen."""
    return _inked(" ".join(_UNSEEN.sub("", line).split()))


def tidy(words: str) -> str:
    """Words as they were meant: nothing unseen, at most one empty line in a row; "" when nothing is to be seen.

    Paragraphs stay.
    """
    lines = _LINE_ENDS.sub("\n", _UNSEEN.sub("", words).replace("\t", " ")).split("\n")
    return _inked(re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip())


def _inked(text: str) -> str:
    return text if _INK.search(text) else ""
