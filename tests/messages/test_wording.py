"""The school's own words: whatever somebody writes, no message is stopped, and nobody is told less than they need."""

import re
from datetime import datetime, timedelta
from email.utils import parseaddr

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from tests import factories
from tests.factories import NOW
from workshops.history.models import HistoryLine
from workshops.messages import wording
from workshops.messages.catalogue import BY_CODE
from workshops.messages.models import Message, Wording
from workshops.messages.outbox import queue_all, send_due, words_of
from workshops.messages.wording import ChangedMeanwhile, Faulty, NoSuchWords, Written
from workshops.messages.words import Unreadable, parse
from workshops.people.models import Role, User
from workshops.text import UNSEEN

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

KIND = "hold-longer"
OWN = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
SHIPPED = wording.shipped_source(KIND)
FACTS = {
    "name": "Anna",
    "cohort": "Spring 2027",
    "seat": "4",
    "held_until": "Monday 11 January 2027, 11:00 am PST",
    "days": "Tuesday 11 May 2027 to Friday 14 May 2027",
    "venue": "Stage 3",
    "why": "",
    "balance": "$1,599",
    "price": "$2,099",
    "link": f"{settings.SITE_URL}/reservations/4f7m/",
}
OURS = """Subject: Take your time: {{ cohort }}

Hello {{ name }},

Seat {{ seat }} stays yours to pay for. There is no hurry.

Until: {{ held_until }}
When: {{ days }}
Where: {{ venue }}
{% if why %}Why: {{ why }}
{% endif %}
[Pay for it]({{ link }})

Warmly, the school"""


@pytest.fixture
def robin() -> User:
    """The registrar."""
    return factories.person(Role.REGISTRAR, name="Robin")


def save(source: str, by: User, *, instead_of: str = "", now: datetime = NOW) -> bool:
    return wording.rewrite(KIND, source, instead_of=instead_of, by=by, now=now)


def by_hand(source: str, kind: str = KIND) -> Wording:
    """A row that nobody has looked at."""
    return Wording.objects.create(kind=kind, source=source, revised_at=NOW - timedelta(days=1))


def said(kind: str = KIND, **facts: str) -> str:
    return wording.words_for(kind, {**FACTS, **facts}).text


def shipped_words(**facts: str) -> str:
    Wording.objects.all().delete()
    return said(**facts)


def one_to(person: User, now: datetime = NOW, **facts: str) -> Message:
    about = ("test", str(Message.objects.count()))
    queue_all(KIND, [(about, person, {**FACTS, "name": str(person), **facts})], now=now)
    return Message.objects.order_by("-pk")[0]


def faults(source: str) -> str:
    return " | ".join(map(str, wording.faults_in(KIND, wording.tidy(source))))


def test_messages_have_the_words_that_the_school_saved_and_others_keep_theirs(robin: User) -> None:
    assert save(OURS, robin)
    words = wording.words_for(KIND, FACTS)
    assert words.subject == "Take your time: Spring 2027"
    assert words.text.startswith("Hello Anna,\n\nSeat 4 stays yours to pay for. There is no hurry.\n\nUntil: Monday 11")
    assert "Why" not in words.text
    assert "Why: You were ill." in said(why="You were ill.")
    assert "no hurry" not in said("balance-put-off", balance_due_on="Sunday 11 April 2027")


def test_a_change_and_the_way_back_leave_lines_of_history(robin: User) -> None:
    save(OURS, robin)
    again = wording.revision(Wording.objects.get())
    assert wording.bring_back(KIND, instead_of=again, by=robin, now=NOW + timedelta(hours=1))
    assert not Wording.objects.exists()
    told = [(line.what, line.about_id, line.by, line.facts["source"]) for line in HistoryLine.objects.all()]
    assert told == [("wording-changed", KIND, robin, OURS), ("wording-brought-back", KIND, robin, "")]


def test_saving_the_same_words_again_changes_nothing(robin: User) -> None:
    save(OURS, robin)
    now = wording.revision(Wording.objects.get())
    assert not save(OURS.replace("\n", "\r\n") + "\r\n\r\n", robin, instead_of=now)
    assert HistoryLine.objects.count() == 1


def test_saving_the_shipped_words_brings_them_back(robin: User) -> None:
    assert not save(SHIPPED, robin)
    save(OURS, robin)
    assert save(SHIPPED, robin, instead_of=wording.revision(Wording.objects.get()))
    assert not Wording.objects.exists()


def test_of_two_who_write_at_once_the_second_is_told(robin: User) -> None:
    kay = factories.person(Role.REGISTRAR, name="Kay")
    save(OURS, robin)
    theirs = OURS.replace("no hurry", "time")
    with pytest.raises(ChangedMeanwhile):
        save(theirs, kay, now=NOW + timedelta(minutes=1))
    with pytest.raises(ChangedMeanwhile):
        wording.bring_back(KIND, instead_of="", by=kay, now=NOW)
    assert Wording.objects.get().source == OURS
    save(theirs, kay, instead_of=wording.revision(Wording.objects.get()), now=NOW + timedelta(minutes=1))
    with pytest.raises(ChangedMeanwhile):
        save(OURS, robin, instead_of=NOW.isoformat(), now=NOW + timedelta(minutes=2))
    assert (Wording.objects.get().source, Wording.objects.get().revised_by) == (theirs, kay)


def test_there_are_no_words_for_a_message_that_the_product_does_not_send(robin: User) -> None:
    for kind in ("from-another-time", "../desk/_tabs", "layout", ""):
        with pytest.raises(NoSuchWords):
            wording.rewrite(kind, OURS, instead_of="", by=robin, now=NOW)
        with pytest.raises(NoSuchWords):
            wording.words_for(kind, FACTS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("Subject: Take", "Take"), "Line 1: The words begin with “Subject: ”"),
        (("Subject: Take your time: {{ cohort }}", "Subject: "), "Line 1: The words begin with “Subject: ”"),
        (("{{ held_until }}", "{{ held_untill }}"), "Line 7: {{ held_untill }} is no placeholder of this message."),
        (("{{ held_until }}", "{{ held_untill }}"), "Did you mean {{ held_until }}?"),
        (("{{ held_until }}", "{{ xyzzy }}"), "Choose one from the list"),
        (("{{ held_until }}", "soon"), "{{ held_until }} is missing below the subject. Until when the seat is held"),
        (("Subject: Take your time", "Subject: Until {{ held_until }}"), ""),
        (("Until: {{ held_until }}", "Until: {% if why %}{{ held_until }}{% else %}soon{% endif %}"), "no why"),
        (("{% if why %}Why: {{ why }}\n{% endif %}", "Why: {{ why }}\n"), "Line 10: {{ why }} is not always there."),
        (("{% if why %}", "{% if balance %}"), "{{ why }} is not always there"),
        (("[Pay for it]({{ link }})", "Pay for it soon."), "Here there is none."),
        (("[Pay for it]({{ link }})", "[Pay for it]({{ link }})\n\n[Or here]({{ link }})"), "Here there are several."),
        (("[Pay for it]({{ link }})", "[Pay for it]({{ link }})x"), "A button stands on a line of its own"),
        (("[Pay for it]({{ link }})", "Please [pay]({{ link }}) now."), "A button stands on a line of its own"),
        (("[Pay for it]({{ link }})", "[Pay for it]({{ link }}more/)"), "must lead where the shipped one leads"),
        (("[Pay for it]({{ link }})", "[Pay for it](https://evil.example/)"), "Line 12: “https://evil.example/”"),
        (("There is no hurry.", "See www.evil.example."), "No address can be typed here: the one button"),
        (("There is no hurry.", "HTTPS://evil.example."), "Line 5: “HTTPS://evil.example” reads"),
        (("There is no hurry.", "Try evil-school.com/pay!"), "Line 5: “evil-school.com/pay” reads like an address"),
        (("There is no hurry.", "Ask (pay@evil.example)."), "Line 5: “pay@evil.example” reads like an address"),
        (("There is no hurry.", "Ask pay@evil now."), "“pay@evil” reads like an address"),
        (("There is no hurry.", "Call tel:+13105550123."), "reads like an address"),
        (("There is no hurry.", "See 192.0.2.1/pay."), "“192.0.2.1/pay” reads like an address"),
        (("There is no hurry.", "See пример.рф or"), "“пример.рф” reads like an address"),
        (("There is no hurry.", "See उदाहरण.भारत or"), "reads like an address"),
        (("There is no hurry.", "See evil\uff0eexample or"), "“evil.example” reads like an address"),
        (("There is no hurry.", "See evil.e\u200dxample or"), "“evil.example” reads like an address"),
        (("There is no hurry.", f"Write to {OWN}x."), "reads like an address"),
        (("There is no hurry.", f"Write to x{OWN}."), "reads like an address"),
        (("There is no hurry.", f"Write to {OWN}, or (before noon) to {OWN.title()}."), ""),
        (("There is no hurry.", "At 9.30 a.m., or 5.30 p.m. for $1.599,00, e.g. @cintima… then rest."), ""),
        (("There is no hurry.", "مرحبا नमस्ते \u2764\ufe0f"), ""),
        (("There is no hurry.", "javascript:/x"), "Line 5: “javascript:/x” reads"),
        (("There is no hurry.", "It is at {{ link }}."), "Line 5: {{ link }} is an address"),
        (("Subject: Take your time", "Subject: {{ link }}"), "Line 1: {{ link }} is an address"),
        (("{% endif %}", ""), "Line 10: This “{% if … %}” has no “{% endif %}”"),
        (("{% endif %}", "{% endfor %}"), "Line 11: “{% endfor %}” cannot stand in a message"),
        (("There is", "{% endif %}There is"), "Line 5: “{% endif %}” has no “{% if … %}” before it"),
        (("There is", "{% else %}There is"), "Line 5: “{% else %}” has no"),
        (("{% endif %}", "{% else %}x{% else %}y{% endif %}"), "Nothing but “{% endif %}” can come after"),
        (("{% endif %}", "{% else %}x{% elif why %}y{% endif %}"), "Nothing but “{% endif %}” can come after"),
        (("{% endif %}", "{% else why %}x{% endif %}"), "says too much"),
        (("{% if why %}", "{% if %}"), "Line 10: The condition “” cannot be read"),
        (("{% if why %}", "{% if why and %}"), "cannot be read"),
        (("{% if why %}", "{% if why.upper %}"), "cannot be read"),
        (("{% if why %}", "{% if why|length %}"), "cannot be read"),
        (("{% if why %}", "{% if why > 1 %}"), "cannot be read"),
        (("{% if why %}", "{% if (why) %}"), "cannot be read"),
        (("There is", "{{ name }"), "Line 5: “{{” stands alone"),
        (("There is", "name }}"), "Line 5: “}}” stands alone"),
        (("There is", "{% if"), "Line 5: “{%” stands alone"),
        (("There is", "{# a note #}"), "stands alone"),
        (("There is", "{{ }}"), "cannot be read"),
        (("There is", "{{ name.password }}"), "cannot be read"),
        (("There is", "{{ name|safe }}"), "cannot be read"),
        (("There is", "{{ name|default:name }}"), "cannot be read"),
        (("There is", "{{ name|truncatechars:0 }}"), "cannot be read"),
        (("Until: {{ held_until }}", "Until: {{ held_until|truncatechars:1 }}"), "Line 7: {{ held_until }} would be"),
        (("Until: {{ held_until }}", "Until: {{ held_until|truncatechars:900 }}"), "here the reader needs it all"),
        (("Hello {{ name }}", "Hello {{ name|truncatechars:9 }}"), "Line 3: {{ name }} would be cut short."),
        (("{{ cohort }}", "{{ cohort|truncatechars:1 }}"), "{{ cohort }} is missing below the subject"),
        (("{{ cohort }}", "{{ cohort|truncatechars:50 }} ({{ cohort }})"), ""),
        (("{{ cohort }}\n", "{{ cohort|truncatechars:50 }}\n\nSeat {{ seat }} in {{ cohort }}.\n"), ""),
        (("{{ cohort }}\n", "{{ cohort }} {{ link|truncatechars:20 }}\n"), "Line 1: {{ link }} is an address"),
        (("There is", "{{ _name }}"), "cannot be read"),
        (("There is", "{{ settings.SECRET_KEY }}"), "cannot be read"),
        (("There is", "{% load static %}"), "cannot stand in a message"),
        (("There is", "{% include 'account/login.html' %}"), "cannot stand in a message"),
        (("There is", "{% extends 'site/base.html' %}"), "cannot stand in a message"),
        (("There is", "{% url 'home' %}"), "cannot stand in a message"),
        (("There is", "{% debug %}"), "cannot stand in a message"),
        (("There is", "{% autoescape off %}"), "cannot stand in a message"),
        (("There is", "{% for x in name %}"), "cannot stand in a message"),
        (("There is", "\u202eThere is"), "Line 5: There is a character in it that cannot be seen"),
        (("There is", "There\u200e\u200b is"), "cannot be seen (U+200E), before “is no hurry.”. Type the line anew."),
        (("no hurry.", "no hurry.\u061c"), "cannot be seen (U+061C), at its end. Type"),
        (("There is", "\x00There is"), "cannot be seen"),
        (("There is", "\ue0000\ue001There is"), "cannot be seen"),
        (("There is", "{% if why %}" * 9 + "{% endif %}" * 9), "too many conditions"),
        (("There is", "There is" + " so much" * 800), "Bring them down to 6000"),
        (("Take your time", "Take your time" + ", please" * 8), "Line 1: The subject is longer than 78 characters"),
    ],
)  # fmt: skip
def test_saving_says_where_and_what_to_mend(change: tuple[str, str], told: str, robin: User) -> None:
    before, after = change
    source = OURS.replace(before, after)
    assert source != OURS
    assert told in faults(source)
    if told:
        with pytest.raises(Faulty):
            save(source, robin)
        assert not Wording.objects.exists()
    else:
        assert save(source, robin)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("https{% if name %}:{% endif %}//evil/pay", "https://evil/pay"),
        ("https{% if why %}:{% endif %}//evil/pay", "https://evil/pay"),
        ("htt{% if not why %}ps:{% endif %}//evil/pay", "https://evil/pay"),
        ('https:{{ why|default:"//evil/pay" }}', "https://evil/pay"),
        ("evil{% if name %}.{% endif %}example", "evil.example"),
        ("pay{% if name %}@{% endif %}evil", "pay@evil"),
        ("{{ name }}.example", "….example"),
        ("evil.{{ name }}", "evil.…"),
        ("{{ name }}@evil", "…@evil"),
        ("https{% if name %}:{% endif %}/{{ name }}", "https:/…"),
    ],
)
def test_no_address_comes_together_from_pieces(typed: str, found: str, robin: User) -> None:
    """Neither in a paragraph nor among the facts nor in the subject; and none is sent that stands in the table."""
    for before, after in (
        ("There is no hurry.", f"See {typed} now."),
        ("Where: ", f"Pay at: {typed}\nWhere: "),
        ("Take your time", f"See {typed} "),
        ("[Pay for it]", f"[Pay at {typed} for it]"),
    ):
        source = OURS.replace(before, after)
        assert f"“{found}” reads like an address" in faults(source)
        Wording.objects.all().delete()
        by_hand(source)
        for why in ("", "You were ill."):
            words = wording.words_for(KIND, {**FACTS, "why": why})
            assert found.replace("…", "Anna") not in words.subject + words.text


def test_an_address_that_is_a_fact_of_the_product_is_not_taken_for_a_typed_one(robin: User) -> None:
    assert save(OURS.replace("There is no hurry.", "For you, {{ name }}."), robin)
    facts = {"name": "Ana.Example", "venue": "www.stage.example", "why": "Ask robin@school.example or 192.0.2.1."}
    words = wording.words_for(KIND, {**FACTS, **facts})
    assert words.text.startswith("Hello Ana.Example,")
    assert "www.stage.example" in words.text


def test_the_schools_own_addresses_may_be_typed(robin: User, settings: Settings) -> None:
    ours = OURS.replace("There is no hurry.", "Write to office@school.example.")
    assert "reads like an address" in faults(ours)
    settings.EMAIL_REPLY_TO = "The school <office@school.example>"
    assert save(ours, robin)
    assert "Write to office@school.example." in said()
    settings.EMAIL_REPLY_TO = "other@school.example"
    assert said() == shipped_words()


def test_no_fact_is_cut_in_words_that_stand_in_the_table(robin: User) -> None:
    for fact in ("held_until", "days", "venue"):
        Wording.objects.all().delete()
        by_hand(OURS.replace(f"{{{{ {fact} }}}}", f"{{{{ {fact}|truncatechars:2 }}}}"))
        assert FACTS[fact] in said()


@pytest.mark.parametrize("kind", sorted(BY_CODE))
def test_no_message_can_be_saved_with_its_facts_cut(kind: str) -> None:
    shipped = wording.shipped_source(kind)
    cut = re.sub(r"\{\{ (\w+)(\|default:\"[^\"]*\")? \}\}(?!\))", r"{{ \1|truncatechars:1 }}", shipped)
    assert cut == shipped or "would be cut short" in str(wording.faults_in(kind, cut)[0])


def test_what_is_not_seen_is_one_list(robin: User) -> None:
    """Whatever is never kept of what people type cannot stand in the school's words either."""
    unseen = [each for each in map(chr, range(0xD800)) if re.match(f"[{UNSEEN}]", each)]
    for each in [*unseen, "\ufeff", "\xad", "\U000e0041"]:
        with pytest.raises(Unreadable, match="cannot be seen"):
            parse(OURS.replace("no hurry", f"no{each}hurry"))


def test_what_only_tells_cases_apart_cannot_be_shown() -> None:
    source = wording.shipped_source("balance-overdue").replace("With care", "{{ by_itself }}")
    assert "{{ by_itself }} says nothing by itself" in str(wording.faults_in("balance-overdue", source)[0])


def test_a_placeholder_that_has_other_words_when_it_is_empty_is_always_there(robin: User) -> None:
    assert save(OURS.replace("There is no hurry.", 'We say: {{ why|default:"take your time" }}.'), robin)
    assert "We say: take your time." in said()


def test_a_fact_that_the_shipped_words_tell_in_one_case_must_be_told_in_that_case() -> None:
    kind = "balance-overdue"
    source = wording.shipped_source(kind).replace("the end of {{ grace_until }} in Los Angeles", "a while")
    assert "{{ grace_until }} is missing" in " ".join(map(str, wording.faults_in(kind, source)))
    kind = "cohort-moved"
    source = wording.shipped_source(kind).replace("Answer by: {{ held_until }}", "Answer by: soon")
    assert "{{ held_until }} is missing" in " ".join(map(str, wording.faults_in(kind, source)))


def test_new_words_are_tried_on_real_messages(robin: User) -> None:
    """The example has a short title; a real cohort has a long one."""
    source = OURS.replace("Take your time", "Take your time, and then a little more of it")
    assert not faults(source)
    one_to(factories.trainee(), cohort="The cohort of the longest spring there ever was")
    assert "longer than 78 characters with real facts" in faults(source)


def test_every_way_to_ask_a_question_is_answered() -> None:
    def answer(condition: str, **facts: str) -> bool:
        return (
            parse(f"Subject: {{% if {condition} %}}yes{{% else %}}no{{% endif %}}").fill(facts).words.subject == "yes"
        )

    assert answer("a", a="x")
    assert not answer("a", a="")
    assert not answer("a")
    assert answer("not a")
    assert answer('a == "x y"', a="x y")
    assert answer('not a == "x"', a="y")
    assert answer("a or b and c", a="1")
    assert not answer("a or b and c", b="1")
    assert answer("a or b and c", b="1", c="1")
    assert answer("a and not b", a="1")


NAMES = st.sampled_from([*FACTS, "nothing", "name.x", "_", "and", "or", "not", ""])
BRACED = st.one_of(
    st.builds("{{{{ {} }}}}".format, NAMES),
    st.builds('{{{{ {}|default:"{}" }}}}'.format, NAMES, st.text(max_size=4)),
    st.builds("{{{{ {}|truncatechars:{} }}}}".format, NAMES, st.integers(-1, 1200)),
    st.builds("{{% if {} %}}".format, NAMES),
    st.builds("{{% elif {} and not {} %}}".format, NAMES, NAMES),
    st.builds('{{% if {} == "{}" or {} %}}'.format, NAMES, st.text(max_size=3), NAMES),
    st.sampled_from(
        ["{% else %}", "{% endif %}", "{% load x %}", "{%", "%}", "{{", "}}", "{#", "\n", "\n\n", "    ", ""]
    ),
    st.sampled_from(["[Pay]({{ link }})", "[a](b)", "When: {{ days }}", "Subject: ", "{% include 'x' %}", "http://x"]),
    st.sampled_from(["http", ":", "//x", "@", ".", "evil.example", "pay@evil"]),
    st.text(max_size=12),
)
SOURCES = st.one_of(
    st.lists(BRACED, max_size=30).map("".join),
    st.lists(BRACED, max_size=6).map(lambda parts: OURS + "".join(parts)),
    st.builds(lambda part, at: OURS[:at] + part + OURS[at:], BRACED, st.integers(0, len(OURS))),
    st.builds(lambda at, until: OURS[:at] + OURS[at + until :], st.integers(0, len(OURS)), st.integers(0, 60)),
)


@hypothesis_settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(source=SOURCES, why=st.sampled_from(["", "You were ill."]))
def test_whatever_stands_in_the_table_the_reader_is_told_what_they_need(source: str, why: str) -> None:
    """Words written by a person, by accident or by another release: the message goes out, and says what it must."""
    rows = Written()
    row = Wording(kind=KIND, source=source.replace("\x00", ""), revised_at=NOW)
    rows.__dict__["rows"] = {KIND: row}
    words = wording.words_for(KIND, {**FACTS, "why": why}, written=rows)
    assert words.subject
    assert [block.address for block in words.blocks if block.kind == "action"] == [FACTS["link"]]
    below = " ".join(f"{block.text} {block.facts}" for block in words.blocks)
    for fact in (FACTS["held_until"], FACTS["days"], FACTS["venue"], why):
        assert fact in below
    strange = r"\{\{|\}\}|\{%|%\}|[\ue000-\uf8ff]|https?://x|evil\.example|pay@evil"
    assert re.search(strange, words.subject + words.text) is None


@hypothesis_settings(max_examples=300, deadline=None)
@given(source=SOURCES)
def test_reading_ends_in_words_or_in_a_line_to_mend(source: str) -> None:
    found = 1
    try:
        parse(source)
    except Unreadable as unreadable:
        found = unreadable.line
    assert 1 <= found <= source.count("\n") + 1


BAD = {
    "empty": "",
    "no subject": "Hello",
    "broken": OURS.replace("{% endif %}", ""),
    "unknown placeholder": OURS.replace("{{ seat }}", "{{ chair }}"),
    "a fact left out": OURS.replace("Until: {{ held_until }}\n", ""),
    "another page": OURS.replace("({{ link }})", "(https://evil.example/)"),
    "no button": OURS.replace("[Pay for it]({{ link }})", ""),
    "two buttons": OURS.replace("[Pay for it]({{ link }})", "[Pay]({{ link }})\n\n[Pay]({{ link }})"),
    "an empty subject": OURS.replace("Take your time: {{ cohort }}", "{{ why }}"),
    "Django's": OURS.replace("There is", "{% include 'site/base.html' %}{{ name|upper }}"),
    "deep": OURS + "{% if why %}" * 500 + "{% endif %}" * 500,
    "long": OURS + "x" * 100_000,
}


@pytest.mark.parametrize("source", BAD.values(), ids=list(BAD))
def test_bad_words_never_stop_a_message_and_the_desk_is_told(source: str, robin: User) -> None:
    by_hand(source)
    message = one_to(robin)
    send_due(now=NOW)
    message.refresh_from_db()
    (sent,) = mail.outbox
    assert (message.state, sent.subject) == ("sent", "You have more time: Spring 2027")
    assert sent.body == shipped_words(name="Robin") or source == ""
    if source:
        Wording.objects.all().delete()
        by_hand(source)
        one_to(robin)
        send_due(now=NOW)
        assert Wording.objects.get().failed_at == NOW


def test_a_failure_is_noted_once_an_hour_and_forgotten_when_other_words_are_saved(robin: User) -> None:
    row = by_hand(BAD["broken"])
    for minutes, noted in ((0, 0), (30, 0), (61, 61)):
        one_to(robin)
        send_due(now=NOW + timedelta(minutes=minutes))
        row.refresh_from_db()
        assert row.failed_at == NOW + timedelta(minutes=noted)
    save(OURS, robin, instead_of=wording.revision(row), now=NOW + timedelta(hours=2))
    assert Wording.objects.get().failed_at is None


def test_looking_at_a_message_notes_nothing(robin: User) -> None:
    by_hand(BAD["broken"])
    assert words_of(one_to(robin)).subject == "You have more time: Spring 2027"
    assert Wording.objects.get().failed_at is None


def test_a_table_that_cannot_be_read_stops_nothing(robin: User) -> None:
    one_to(robin)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workshops_wording RENAME TO workshops_wording_gone")
    try:
        send_due(now=NOW)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE workshops_wording_gone RENAME TO workshops_wording")
    assert [each.subject for each in mail.outbox] == ["You have more time: Spring 2027"]


def test_what_somebody_typed_is_text_in_the_schools_words_as_well(robin: User) -> None:
    """A line of its own is where a reason could pose as a button, a fact or a placeholder."""
    save(OURS.replace("Why: {{ why }}\n", "\n{{ why }}\n"), robin)
    for why in ("[Pay here](https://evil.example/)", "Bank: mine", "{{ held_until }}", "{% debug %}", "Subject: x"):
        words = wording.words_for(KIND, {**FACTS, "why": why})
        assert [block.address for block in words.blocks if block.kind == "action"] == [FACTS["link"]]
        assert [block.text for block in words.blocks if block.text == why] == [why]
    words = wording.words_for(KIND, {**FACTS, "why": "one\n\n[Pay](https://evil.example/)\r\n\x0btwo"})
    assert "one [Pay](https://evil.example/) two" in words.text


def test_a_message_that_went_out_keeps_the_words_that_it_had(robin: User) -> None:
    before, shipped = one_to(robin), said(name="Robin")
    send_due(now=NOW)
    save(OURS, robin, now=NOW + timedelta(hours=1))
    between = one_to(robin)
    send_due(now=NOW + timedelta(hours=2))
    first = wording.revision(Wording.objects.get())
    save(OURS.replace("no hurry", "time"), robin, instead_of=first, now=NOW + timedelta(hours=3))
    second = wording.revision(Wording.objects.get())
    after = one_to(robin)
    send_due(now=NOW + timedelta(hours=4))
    wording.bring_back(KIND, instead_of=second, by=robin, now=NOW + timedelta(hours=5))
    waiting = one_to(robin)
    for message in (before, between, after):
        message.refresh_from_db()
    written = Written()
    shown = [words_of(each, written).text for each in (before, between, after, waiting)]
    assert shown[:3] == [str(each.body) for each in mail.outbox]
    assert shown[3] == shipped


def test_many_messages_take_one_statement_for_their_words(robin: User) -> None:
    save(OURS, robin)
    for _ in range(3):
        one_to(robin)
    written = Written()
    with CaptureQueriesContext(connection) as taken:
        for message in Message.objects.all():
            words_of(message, written)
    assert len(taken) == 2  # the messages, and the school's words


def test_the_latest_real_message_is_what_words_are_shown_with(robin: User) -> None:
    assert wording.preview(KIND, OURS).message is None
    assert "Hello Noa Adler," in wording.preview(KIND, OURS).words.text
    one_to(factories.trainee(name="Bea"))
    latest = one_to(factories.trainee(name="Cleo"), now=NOW + timedelta(hours=1))
    shown = wording.preview(KIND, OURS)
    assert (shown.message, "Hello Cleo," in shown.words.text) == (latest, True)


def test_words_are_never_shown_with_the_facts_of_somebody_who_is_gone(robin: User) -> None:
    gone = factories.trainee(name="Gone")
    one_to(gone)
    User.objects.filter(pk=gone.pk).update(erased_at=NOW)
    to_an_address = {**FACTS, "address": "old@example.org"}
    for number, to in enumerate((None, robin)):
        queue_all(KIND, [(("address", str(number)), to, to_an_address)], now=NOW)
    assert wording.real_facts(KIND) == []
