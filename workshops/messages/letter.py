"""A message as a mail program gets it: plain text and HTML of the same words, in the school's one layout."""

from collections.abc import Sequence
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from workshops.messages.words import Words
from workshops.text import plain

LONGEST_NAME, LONGEST_SUBJECT = 120, 300


def letter(words: Words, to: Sequence[str], *, connection: BaseEmailBackend | None = None) -> EmailMultiAlternatives:
    """The e-mail that says these words, from the school; answers go where the school reads them."""
    mail = EmailMultiAlternatives(
        subject=in_a_header(words.subject, LONGEST_SUBJECT),
        body=words.text,
        from_email=formataddr(parseaddr(settings.DEFAULT_FROM_EMAIL)),
        to=to,
        reply_to=[settings.EMAIL_REPLY_TO] if settings.EMAIL_REPLY_TO else None,
        headers={"Auto-Submitted": "auto-generated"},
        connection=connection,
    )
    html = render_to_string("messages/layout.html", {"words": words, "site_url": settings.SITE_URL})
    mail.attach_alternative(html, "text/html")
    return mail


def named(name: str, address: str) -> str:
    """An address with the name of whoever has it."""
    return formataddr((in_a_header(name, LONGEST_NAME), address))


def in_a_header(words: str, most: int) -> str:
    """Words that somebody typed as a header carries them: one plain line, and no longer than `most` characters.

    What looks like an encoded word (RFC 2047) is broken up: mail programs would read it as what it stands for, which
    may be a line end.
    """
    return plain(words)[:most].replace("=?", "= ?")
