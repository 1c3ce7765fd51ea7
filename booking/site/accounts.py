"""How signing in behaves here, on top of allauth."""

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from workshops.clock import current_time
from workshops.people.models import Role
from workshops.people.roles import grant
from workshops.programme.models import school

log = logging.getLogger(__name__)


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
            super().send_mail(template_prefix, email, {**context, "school": school()})
        except (OSError, SMTPException) as error:
            log.error("A sign-in message could not be sent: %s", type(error).__name__)
            if self.request:
                messages.error(
                    self.request, "We could not send the e-mail just now. Please try again in a few minutes."
                )

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
