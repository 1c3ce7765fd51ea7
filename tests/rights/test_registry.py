"""Every model says how long it is kept and what erasing does to it, field by field."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection, models
from django.test import Client

from booking.rights.registry import EVERYTHING, KEPT
from tests import factories
from tests.factories import NOW
from tests.pages import text
from workshops.models import User
from workshops.retention import Keeping, Person

MODELS = {model._meta.label: model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy}
DECLARED = {each.model: each for each in EVERYTHING}
OTHER_TABLES = {
    "django_migrations": "Which changes of its tables the product has made.",
    "site_cache": "How often somebody tried to sign in, under a hash of who they are, for five minutes at most.",
}
"""Tables without a model, and what is in them."""
FREE = (models.CharField, models.TextField, models.JSONField)


def fields_of(label: str) -> set[str]:
    return {field.name for field in MODELS[label]._meta.concrete_fields}


def test_every_model_says_what_is_kept_and_no_rule_is_about_a_model_that_is_gone() -> None:
    assert sorted(each.model for each in EVERYTHING) == sorted(MODELS)


@pytest.mark.parametrize("label", sorted(MODELS))
def test_every_field_has_a_rule_and_no_rule_names_a_field_that_is_gone(label: str) -> None:
    said = DECLARED[label]
    assert (set(said.fields) if isinstance(said, Keeping) else said.names) == fields_of(label)


@pytest.mark.django_db
def test_every_table_is_a_models_or_is_explained() -> None:
    tables = set(connection.introspection.table_names())
    assert tables - {model._meta.db_table for model in MODELS.values()} == set(OTHER_TABLES)


@pytest.mark.parametrize("each", EVERYTHING, ids=lambda each: each.model)
def test_every_rule_says_in_words_why(each: object) -> None:
    if not isinstance(each, Keeping):
        assert each.why.endswith(".")  # type: ignore[attr-defined]
        return
    assert each.what
    assert each.goes or each.stays.endswith(".")
    assert all(field.said or field.why.endswith(".") for field in each.fields.values())


@pytest.mark.parametrize("each", [each for each in KEPT if not each.goes], ids=lambda each: each.model)
def test_text_that_could_say_anything_is_emptied_or_says_why_it_stays(each: Keeping) -> None:
    free = {
        field.name
        for field in MODELS[each.model]._meta.concrete_fields
        if isinstance(field, FREE) and not field.choices and each.fields[field.name].stays
    }
    assert {name for name in free if not each.fields[name].why} == set()


@pytest.mark.parametrize("label", sorted(MODELS))
def test_whatever_names_somebody_is_said_to_be_about_people_or_by_them(label: str) -> None:
    named = {
        field.name
        for field in MODELS[label]._meta.concrete_fields
        if field.related_model is apps.get_model("workshops.User")
    }
    said = DECLARED[label]
    assert isinstance(said, Keeping) or set(said.by.split()) == named


@pytest.mark.django_db
@pytest.mark.parametrize("each", KEPT, ids=lambda each: each.model)
def test_every_rule_can_be_carried_out_on_both_databases(each: Keeping) -> None:
    """Also where nobody has a row: the paths, the expressions and the clocks are ones that the database takes."""
    someone = factories.person(name="Ana Lima", phone="+1 213 555 0147")
    assert list(each.rows_of(someone)) == ([someone] if each.model == "workshops.User" else [])
    person = Person(someone, ("Ana Lima", someone.email), NOW)
    rows = each.rows_to_erase(person)
    if each.goes:
        rows.delete()
    elif changes := each.changes_for(person):
        assert rows.update(**changes) == (each.model == "workshops.User")
    assert [list(due) for due in each.due(NOW)] == [[] for _ in each.clocks]


@pytest.mark.django_db
def test_what_is_left_without_a_model_holds_no_address() -> None:
    cache.set("x", 1)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT cache_key, value FROM {settings.CACHES['default']['LOCATION']}")
        assert "@" not in str(cursor.fetchall())


@pytest.mark.django_db
def test_the_page_says_all_of_it_in_words_and_anyone_may_read_it(client: Client) -> None:
    page = client.get("/what-is-kept/")
    words = text(page)
    assert page.status_code == 200
    for each in KEPT:
        assert each.what in words
        assert each.kept_for in words
        assert each.stays in words
    assert not {each.model.split(".")[1] for each in KEPT} & set(words.split()) - {
        "Access",
        "Review",
        "Session",
        "Message",
        "Seat",
    }


@pytest.mark.django_db
def test_how_long_proof_is_kept_is_said_as_the_school_has_set_it(client: Client) -> None:
    from workshops.programme.models import set_term

    set_term("proof_kept_days", 45, by=None, now=NOW)
    assert "Until 45 days after the decision" in text(client.get("/what-is-kept/"))


@pytest.mark.django_db
def test_the_page_is_linked_for_everyone_and_ones_own_from_the_account(client: Client) -> None:
    assert 'href="/what-is-kept/"' in client.get("/").content.decode()
    client.force_login(factories.trainee())
    for path in ("/", "/profile/"):
        assert 'href="/your-data/"' in client.get(path).content.decode()


def test_nothing_is_kept_by_a_clock_for_less_than_it_is_needed() -> None:
    """The row of a message is what keeps it from being sent twice: it outlives every reminder of a cohort."""
    [sent] = [clock for clock in DECLARED["workshops.Message"].clocks if clock.since == "sent_at"]  # type: ignore[union-attr]
    assert sent.after >= timedelta(days=365)
    assert User._meta.label == "workshops.User"
