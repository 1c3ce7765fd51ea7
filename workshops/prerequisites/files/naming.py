"""What files are called: by the trainee who sent one, by the browser that saves it, and in an archive."""

import re

from django.utils.text import slugify

from workshops.text import plain

LONGEST_NAME = 120
ENDINGS = {"pdf": ".pdf", "jpeg": ".jpg", "png": ".png"}

# What some system has a use for.
_MEANT = re.compile(r'["\'`<>:;|?*%$&{}#]')
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def tidy_name(given: str) -> str:
    """A name as it was meant: no folders, nothing unseen, 120 characters at most, of which the ending stays."""
    last = re.split(r"[/\\]", given)[-1]
    name = plain(last).strip(". ")
    if len(name) > LONGEST_NAME:
        ending = found[0] if (found := _ENDING.search(name)) else ""
        name = name[: LONGEST_NAME - len(ending)].rstrip(". ") + ending
    return name or "Proof"


def download_name(name: str, media: str) -> str:
    """What a browser may save a kept file as: its name, plain, with the ending of what it is now."""
    bare = _MEANT.sub("", _ENDING.sub("", tidy_name(name))).strip(". ")
    return f"{bare or 'proof'}{ENDINGS[media]}"


def archive_name(name: str, media: str) -> str:
    """What a kept file is called in an archive, for any system that unpacks it: plain letters, digits and hyphens."""
    return f"{slugify(_ENDING.sub('', name))[:60] or 'proof'}{ENDINGS[media]}"
