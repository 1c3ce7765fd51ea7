"""What files are called: by the trainee who sent one, and by the browser that saves it."""

import re

LONGEST_NAME = 120
ENDINGS = {"pdf": ".pdf", "jpeg": ".jpg", "png": ".png"}

# Control characters, marks that turn the direction of what is read after them, and what some system has a use for.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MEANT = re.compile(r'["\'`<>:;|?*%$&{}#]')
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def tidy_name(given: str) -> str:
    """A name as it was meant: no folders, nothing unseen, 120 characters at most, of which the ending stays."""
    last = re.split(r"[/\\]", given)[-1]
    name = " ".join(_UNSEEN.sub("", last).split()).strip(". ")
    if len(name) > LONGEST_NAME:
        ending = found[0] if (found := _ENDING.search(name)) else ""
        name = name[: LONGEST_NAME - len(ending)].rstrip(". ") + ending
    return name or "Proof"


def download_name(name: str, media: str) -> str:
    """What a browser may save a kept file as: its name, plain, with the ending of what it is now."""
    plain = _MEANT.sub("", _ENDING.sub("", tidy_name(name))).strip(". ")
    return f"{plain or 'proof'}{ENDINGS[media]}"
