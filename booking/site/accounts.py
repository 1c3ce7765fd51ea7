"""How signing in behaves here, on top of allauth."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from smtplib import SMTPException
from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.urls import reverse

from workshops.clock import current_time, moment_for
from workshops.messages.letter import letter
from workshops.messages.wording import words_to_send
from workshops.people.models import Role, User
from workshops.people.roles import grant

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """What is told about a change of an account: the subject, and what has happened, with facts of allauth's."""

    subject: str
    what: str


KINDS: Mapping[str, str] = {
    "account/email/login_code": "account-code",
    "account/email/email_confirmation_signup": "account-welcome",
    "account/email/email_confirmation": "account-confirm",
    "account/email/account_already_exists": "account-exists",
    "account/email/unknown_account": "account-unknown",
    "account/email/password_reset_key": "account-password-link",
}
"""The kind of message, as the catalogue has it, for each that allauth sends."""

NOTICES: Mapping[str, Notice] = {
    "account/email/password_changed": Notice("Your password has changed", "The password of your account was changed."),
    "account/email/password_reset": Notice(
        "Your password has changed", "The password of your account was reset, and a new one chosen."
    ),
    "account/email/password_set": Notice("You now have a password", "A password was added to your account."),
    "account/email/email_changed": Notice(
        "Your e-mail address has changed",
        "The e-mail address of your account was changed from {from_email} to {to_email}.",
    ),
    "account/email/email_deleted": Notice(
        "An e-mail address was removed", "{deleted_email} was removed from your account."
    ),
    "mfa/email/totp_activated": Notice(
        "Your authenticator app is set up", "An authenticator app was set up as the second step when you sign in."
    ),
    "mfa/email/totp_deactivated": Notice(
        "Your authenticator app is switched off", "The authenticator app is no longer asked for when you sign in."
    ),
    "mfa/email/recovery_codes_generated": Notice(
        "New recovery codes", "New recovery codes were made for your account. The old ones no longer work."
    ),
    "mfa/email/webauthn_added": Notice("A passkey was added", "A passkey was added to your account."),
    "mfa/email/webauthn_removed": Notice("A passkey was removed", "A passkey was removed from your account."),
}
"""What the message `account-changed` says for each change."""


def _told(template: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The facts of a sign-in message, as its words may name them, from what allauth gives."""
    if notice := NOTICES.get(template):
        user: User = given["user"]
        return {
            "name": str(user),
            "title": notice.subject,
            "what": notice.what.format(**given),
            "timestamp": moment_for(given["timestamp"], user.time_zone),
            "ip": str(given.get("ip") or ""),
            "user_agent": str(given.get("user_agent") or "")[:120],
            "link": f"{settings.SITE_URL}{reverse('account_reset_password')}",
        }
    to_sign_in = template == "account/email/login_code"
    seconds = app_settings.LOGIN_BY_CODE_TIMEOUT if to_sign_in else app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT
    pages = {"account/email/unknown_account": reverse("account_signup")}
    # The library's addresses begin with whatever host the browser asked for; ours with the one that people know.
    page = pages.get(template) or urlsplit(str(given.get("password_reset_url", ""))).path
    return {
        "email": str(given["email"]),
        "code": str(given.get("code", "")),
        "minutes": f"{seconds // 60} minutes",
        "link": f"{settings.SITE_URL}{page}",
    }


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """The school's words and rules for accounts."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": "This account is closed at the moment. Please write to the school.",
        "email_password_mismatch": (
            "This e-mail address and password do not go together. Look at both once more, or let us e-mail you a code."
        ),
        "enter_current_password": "Please enter the password you have now.",
        "incorrect_code": "This is not the code we expect. Look at it once more, or ask for a new one.",
        "incorrect_password": "This is not the password of this account. Look at it once more.",
        "too_many_login_attempts": (
            "Too many tries in a short time. Please wait five minutes, or let us e-mail you a code."
        ),
        "rate_limited": "Too many tries in a short time. Please wait a few minutes and try again.",
        "email_taken": "This address belongs to an account already.",
        "duplicate_email": "This address is on your account already.",
        "same_as_current": "This is what it is now. Please enter a different one.",
    }

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a sign-in message at once. It carries a code, so it never lies in the outbox.

        A mail server that is down is said in words; the person can ask again, and nothing else is lost.
        """
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, SMTPException) as error:
            log.error("A sign-in message could not be sent: %s", type(error).__name__)
            if self.request:
                messages.error(
                    self.request, "We could not send the e-mail just now. Please try again in a few minutes."
                )

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMultiAlternatives:
        """Write a sign-in message with the words that every other message has: the school's own, or the shipped."""
        kind = "account-changed" if template_prefix in NOTICES else KINDS.get(template_prefix)
        if kind is None:  # one that allauth has learned since: it goes out in allauth's words
            written: EmailMultiAlternatives = super().render_mail(template_prefix, email, context, headers)
            return written
        to = [email] if isinstance(email, str) else email
        mail = letter(words_to_send(kind, _told(template_prefix, context), now=current_time()), to)
        mail.extra_headers |= headers or {}
        return mail

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell somebody what has changed about their account, by their name."""
        super().send_notification_mail(template_prefix, user, {**(context or {}), "user": user}, email)

    def send_account_already_exists_mail(self, email: str) -> None:
        """Tell the owner of an account that someone tried to sign up with its address.

        Hashing a password takes a good part of a second. Done here as well, it takes as long to sign up with an address
        that has an account as with one that has none, and nobody learns which it was.
        """
        make_password("a password that nobody keeps")
        super().send_account_already_exists_mail(email)

    def set_password(self, user: Any, password: str) -> None:
        """Keep a new password, and nothing else of what was read before it was hashed, which takes its time."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """Everyone who signs up begins as a trainee."""
        saved = super().save_user(request, user, form, commit)
        if commit:
            grant(saved, Role.TRAINEE, by=None, now=current_time())
        return saved
