"""Terms that make no sense beside each other are refused in words, for the school and for one cohort."""

import pytest
from django.test import Client

from tests import factories
from tests.desk.test_planning_school import everything_as_shipped
from tests.pages import text
from workshops.cohorts.models import Cohort
from workshops.programme.changing import confirm_terms
from workshops.programme.models import PolicyTerm
from workshops.programme.terms import Terms

pytestmark = pytest.mark.django_db
AT_ODDS = [
    ({"rest_refundable_days": "61"}, "The rest must be refundable for at least as long as the deposit"),
    ({"deposit_refundable_days": "29"}, "which is until 29 days before the first day"),
    ({"moving_until_days": "31"}, "Moving is free until 30 days before the first day, so it must be possible"),
    ({"release_overdue": "yes", "balance_grace_days": "30"}, "begins before any seat is released"),
]
FINE = [
    {"moving_until_days": "7", "moving_fee_cents": "50"},
    {"moving_until_days": "40", "moving_free_days": "40"},
    {"rest_refundable_days": "60"},
    {"balance_grace_days": "30"},
    {"release_overdue": "yes"},
]


@pytest.mark.parametrize(("changes", "words"), AT_ODDS)
def test_the_schools_terms_fit_together(desk: Client, changes: dict[str, str], words: str) -> None:
    answer = desk.post("/desk/terms/", everything_as_shipped() | changes)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert not PolicyTerm.objects.exists()


@pytest.mark.parametrize("changes", FINE)
def test_terms_that_fit_are_saved(desk: Client, changes: dict[str, str]) -> None:
    assert desk.post("/desk/terms/", everything_as_shipped() | changes).status_code == 302


@pytest.mark.parametrize(("changes", "words"), AT_ODDS)
def test_a_cohorts_terms_fit_beside_the_schools(desk: Client, changes: dict[str, str], words: str) -> None:
    cohort = factories.cohort()
    answer = desk.post(f"/desk/cohorts/{cohort.code}/terms/", changes)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert Cohort.objects.get().terms_changed == {}


def test_a_cohort_may_differ_where_the_school_lets_it(desk: Client) -> None:
    cohort, robin = factories.cohort(), factories.person()
    confirm_terms({**Terms().as_json(), "moving_free_days": 45}, by=robin, now=factories.NOW)
    path = f"/desk/cohorts/{cohort.code}/terms/"
    assert desk.post(path, {"moving_until_days": "45"}).status_code == 302
    assert Cohort.objects.get().terms_changed == {"moving_until_days": 45}
    assert "Moving is possible until" in text(desk.get(path))
