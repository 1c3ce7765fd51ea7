"""A message as a mail program gets it: plain text and HTML of the same words, in the school's one layout."""

from collections.abc import Sequence
from email.utils import formataddr, parseaddr

from django.apps import apps
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from workshops.messages.words import Words
from workshops.text import plain

LONGEST_NAME, LONGEST_SUBJECT = 120, 300


def letter(words: Words, to: Sequence[str], *, connection: BaseEmailBackend | None = None) -> EmailMultiAlternatives:
    """The e-mail that says these words, from the school; answers go where the school reads them."""
    school = school_address()
    mail = EmailMultiAlternatives(
        subject=in_a_header(words.subject, LONGEST_SUBJECT),
        body=f"{words.text}To write to the school: {school}\n" if school else words.text,
        from_email=formataddr(parseaddr(settings.DEFAULT_FROM_EMAIL)),
        to=to,
        reply_to=[school] if school else None,
        headers={"Auto-Submitted": "auto-generated"},
        connection=connection,
    )
    html = render_to_string("messages/layout.html", {"words": words, "site_url": settings.SITE_URL, "school": school})
    mail.attach_alternative(html, "text/html")
    return mail


def school_address() -> str:
    """Where people write to the school, and where answers to its e-mails go; empty where it has said neither."""
    if settings.EMAIL_REPLY_TO:
        return str(settings.EMAIL_REPLY_TO)
    # The programme's room stands above this one: it is asked for by its name.
    return str(apps.get_model("workshops.School").objects.values_list("email", flat=True).first() or "")


def named(name: str, address: str) -> str:
    """An address with the name of whoever has it."""
    return formataddr((in_a_header(name, LONGEST_NAME), address))


def in_a_header(words: str, most: int) -> str:
    """Words that somebody typed as a header carries them: one plain line, and no longer than `most` characters.

    What looks like an encoded word (RFC 2047) is broken up: mail programs would read it as what it stands for, which
    may be a line end.
    """
    return plain(words)[:most].replace("=?", "= ?")
