"""Small words that pages share: how long ago, how many days, a number that was sent back, the look of a state."""

from datetime import timedelta

import pytest
from django.template import engines
from django.test import Client
from django.utils import timezone

from booking.templatetags.reviews import PILLS
from tests import factories
from tests.asking import StoppedClock
from tests.factories import NOW
from workshops.clock import ago, current_time, days_in_words
from workshops.people.models import Role
from workshops.prerequisites.check import Rule, days_rule
from workshops.prerequisites.records.models import OnSetRecord, RecordState
from workshops.web.forms import whole_number


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1\xa0minute ago"),
        (timedelta(hours=5, minutes=50), "5\xa0hours ago"),
        (timedelta(days=22), "3\xa0weeks ago"),
    ],
)
def test_how_long_ago_is_said_in_one_unit(passed: timedelta, words: str) -> None:
    assert ago(NOW - passed, NOW) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 days"), (1, "1 day"), (14, "14 days")])
def test_days_are_counted_in_words(count: int, words: str) -> None:
    assert days_in_words(count) == words


@pytest.mark.parametrize(
    ("sent", "number"),
    [("0", 0), ("42", 42), ("", -1), ("-1", -1), ("4.2", -1), ("\u0663", -1), ("\u00b2", -1), ("9" * 10, -1)],
)
def test_what_is_no_number_that_a_page_sent_is_one_that_nothing_has(sent: str, number: int) -> None:
    assert whole_number(sent) == number


def test_a_stopped_clock_stops_whoever_asks_for_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = StoppedClock(monkeypatch)
    assert current_time() == timezone.now() == NOW
    assert clock.move(days=1) == current_time()


def test_the_rule_that_asks_for_days_is_found_where_there_is_one() -> None:
    modules = [Rule("module-i", "Module I", "module-iv", module="module-i")]
    days = Rule("on-set-days", "14 days", "module-iv", needed=14, within_years=10)
    assert days_rule([*modules, days]) is days
    assert days_rule(modules) is None
    assert (days.counts_days, modules[0].counts_days) == (True, False)


@pytest.mark.parametrize("state", RecordState)
def test_every_state_of_a_record_has_a_look(state: RecordState) -> None:
    shown = engines["django"].from_string("{% load reviews %}{{ state|pill }}").render({"state": state.value})
    assert shown == PILLS[state]


@pytest.mark.django_db
@pytest.mark.parametrize("state", [RecordState.ACCEPTED, RecordState.REJECTED, RecordState.WITHDRAWN])
def test_a_state_looks_the_same_to_its_trainee_and_at_the_desk(state: RecordState) -> None:
    ana = factories.trainee(lacking="on-set-days")
    it = factories.prove_days(ana, 3)
    OnSetRecord.objects.filter(pk=it.pk).update(state=state)
    look = f'<span class="pill {PILLS[state]}">{state.label}</span>'
    pages = {
        "/experience/": ana,
        it.get_absolute_url(): ana,
        f"/desk/reviews/{it.public_id}/": factories.person(Role.REGISTRAR),
        f"/desk/people/{ana.public_id}/": factories.person(Role.REGISTRAR),
    }
    for page, reader in pages.items():
        client = Client()
        client.force_login(reader)
        assert look in client.get(page).content.decode(), page
