"""What goes by the clock, and what does not."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client

from booking.rights.forgetting import forget_due
from booking.site.due import do_due
from tests import factories
from tests.factories import NOW
from workshops.messages.models import Message, MessageState
from workshops.messages.outbox import queue
from workshops.people.keys import revoke
from workshops.people.models import ApiToken, Role, Scope, User

pytestmark = pytest.mark.django_db
SOON = NOW + timedelta(days=1)


def message(person: User, number: int, *, sent_days_ago: int | None) -> Message:
    queue("account-opened", ("person", str(number)), person, {"email": "x", "link": "x"}, now=NOW)
    made = Message.objects.get(subject=f"person:{number}")
    if sent_days_ago is not None:
        Message.objects.filter(pk=made.pk).update(state=MessageState.SENT, sent_at=NOW - timedelta(days=sent_days_ago))
    return made


def test_messages_go_two_years_after_they_were_sent_and_no_other_does() -> None:
    person = factories.person()
    kept = [message(person, 1, sent_days_ago=729), message(person, 2, sent_days_ago=None)]
    message(person, 3, sent_days_ago=730)
    assert do_due(NOW).forgotten == 1
    assert list(Message.objects.order_by("pk")) == kept


def test_tokens_go_when_nobody_can_have_used_them_for_a_while() -> None:
    person = factories.person(Role.TRAINEE)
    for _ in range(3):
        factories.token(person, Scope.READ)
    revoked, run_out, kept = ApiToken.objects.order_by("pk")
    revoke(revoked, by=person, now=NOW)
    ApiToken.objects.filter(pk=run_out.pk).update(expires_at=NOW)
    assert forget_due(NOW + timedelta(days=89)) == 0
    assert forget_due(NOW + timedelta(days=91)) == 2
    assert ApiToken.objects.get() == kept


def test_sessions_go_when_they_have_run_out_and_with_them_where_somebody_was_signed_in() -> None:
    client = Client()
    client.force_login(factories.person())
    person = User.objects.get()
    UserSession.objects.create(user=person, ip="192.0.2.7", session_key=client.session.session_key, user_agent="x")
    assert (Session.objects.count(), UserSession.objects.count()) == (1, 1)
    ends = Session.objects.get().expire_date
    forget_due(ends - timedelta(minutes=1))
    assert (Session.objects.count(), UserSession.objects.count()) == (1, 1)
    forget_due(ends)
    forget_due(ends)
    assert (Session.objects.count(), UserSession.objects.count()) == (0, 0)


def test_a_round_that_finds_nothing_old_writes_nothing() -> None:
    assert forget_due(SOON) == 0
