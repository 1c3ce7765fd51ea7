"""The one list of e-mails: nothing is sent that is not on it, nothing is on it that is not sent."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import allauth
import pytest
from django.conf import settings

from booking.site.accounts import KINDS as SIGN_IN_KINDS
from booking.site.accounts import NOTICES
from workshops.messages.catalogue import BY_CODE, KINDS, Group, because
from workshops.messages.placeholders import _ELSEWHERE, EVERYWHERE, Use
from workshops.messages.proofreading import faults_of, placeholders_of
from workshops.messages.wording import shipped_source, shipped_text

ROOT = Path(settings.BASE_DIR)
SHIPPED = {path.stem for path in (ROOT / "templates" / "messages").glob("*.txt")}
QUEUEING = re.compile(r"^_?queue(_all|_to_address|_last_word)?$|^_to_registrar$")


def queued() -> Iterator[tuple[str, ast.expr]]:
    """The kind that is queued wherever something is, with the file that does."""
    for room in ("booking", "workshops"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if QUEUEING.match(name) and node.args:
                        yield str(path.relative_to(ROOT)), node.args[0]


def test_every_shipped_text_is_on_the_list_and_the_other_way_round() -> None:
    assert sorted(SHIPPED) == sorted(BY_CODE)
    assert len(KINDS) == len(BY_CODE)


def test_every_kind_that_is_queued_by_name_is_on_the_list() -> None:
    named = {
        (path, part.value)
        for path, kind in queued()
        for part in ast.walk(kind)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value != "reservation-"
    }
    assert len(named) > 40
    assert [(path, kind) for path, kind in sorted(named) if kind not in BY_CODE] == []


def test_every_sign_in_message_of_the_library_is_on_the_list() -> None:
    """Whatever allauth sends that is not ours would go out in allauth's own words and its own look."""
    library = Path(allauth.__file__).parent
    sent = {
        prefix
        for app in ("account", "mfa")
        for path in (library / app).rglob("*.py")
        if "tests" not in path.parts
        for prefix in re.findall(r'"((?:account|mfa)/email/\w+)"', path.read_text(encoding="utf-8"))
    }
    ours = set(SIGN_IN_KINDS) | set(NOTICES)
    off_here = {"account/email/password_reset_code"}  # passwords are chosen anew by a link, not by a code
    assert sent == ours | off_here
    assert set(SIGN_IN_KINDS.values()) | {"account-changed"} == {kind.code for kind in KINDS if kind.at_once}


def test_codes_are_for_messages_that_never_lie_in_the_outbox() -> None:
    secret = {kind.code for kind in KINDS if "code" in shipped_text(kind.code).names()}
    assert secret == {"account-code", "account-welcome", "account-confirm"}
    assert all(BY_CODE[code].at_once for code in secret)
    queued_kinds = {part.value for _, kind in queued() for part in ast.walk(kind) if isinstance(part, ast.Constant)}
    assert not queued_kinds & {kind.code for kind in KINDS if kind.at_once}


def test_only_what_no_seat_depends_on_may_be_stopped() -> None:
    assert {kind.code for kind in KINDS if kind.may_be_stopped} <= {"workshop-soon", "dates-new"}


def test_every_placeholder_is_explained_and_none_is_explained_in_vain() -> None:
    used = {(kind.code, name) for kind in KINDS for name in placeholders_of(kind.code, shipped_text(kind.code))}
    assert [pair for pair in sorted(used) if pair not in _ELSEWHERE and pair[1] not in EVERYWHERE] == []
    assert set(_ELSEWHERE) <= used
    assert set(EVERYWHERE) == {name for code, name in used if (code, name) not in _ELSEWHERE}


def test_what_is_shown_can_be_read_and_what_only_tells_cases_apart_is_never_shown() -> None:
    for kind in KINDS:
        text = shipped_text(kind.code)
        there = placeholders_of(kind.code, text)
        assert [place.name for place in text.places() if there[place.name].use is Use.CASE] == []


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_the_shipped_words_pass_what_the_schools_must_pass(code: str) -> None:
    """In every case that they tell apart; so whoever changes one word of them can save it."""
    assert [str(fault) for fault in faults_of(code, shipped_source(code), shipped_text(code), [])] == []


def test_every_message_says_why_it_came() -> None:
    for group in Group:
        assert re.fullmatch(r"You get this e-mail because .*\.", group.because)
    assert because("line-joined") == Group.LINE.because
    assert because("from-another-time").startswith("You get this e-mail because")


def test_titles_are_told_apart_and_no_code_is_too_long_for_the_history() -> None:
    assert len({kind.title for kind in KINDS}) == len(KINDS)
    assert max(len(kind.code) for kind in KINDS) <= 40
