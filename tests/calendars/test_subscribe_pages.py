"""The pages on which people subscribe: what each reader finds there, and that a secret is shown once."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import segno
from django.test import Client
from pytest_django import Settings

from booking.calendars import tokens
from booking.calendars.clients import Ways
from booking.calendars.models import FeedKind, FeedToken
from tests import factories
from tests.asking import StoppedClock
from tests.factories import NOW
from tests.pages import text
from workshops.people.models import Role, User

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

PAGE = "/calendars/"
FEED = "http://localhost:8000/calendar/cohorts.ics"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def anna(client: Client) -> User:
    """A signed-in trainee."""
    person = factories.person(Role.TRAINEE)
    client.force_login(person)
    return person


def html(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def address_on(page: str) -> str:
    """The secret address that a page shows in the field for it."""
    found = re.search(r'<input id="address" value="([^"]+)" readonly', page)
    assert found is not None
    return found[1]


def sections(client: Client) -> list[str]:
    return re.findall(r'<section id="([\w-]+)">', html(client))


def fetch(address: str) -> int:
    return Client().get(urlsplit(address).path).status_code


# -- anyone ------------------------------------------------------------------------------------------------------------
def test_a_visitor_finds_the_address_first_and_then_the_buttons_that_take_it(client: Client) -> None:
    page = html(client)
    assert sections(client) == ["all", "new-dates"]
    links = re.findall(r'href="((?:webcal|https://(?:calendar\.google|outlook))[^"]+)"', page)
    assert page.index(f'value="{FEED}"') < page.index(links[0])
    assert [urlsplit(each.replace("&amp;", "&")).netloc for each in links] == [
        "localhost:8000",
        "calendar.google.com",
        "outlook.live.com",
        "outlook.office.com",
    ]
    assert "It can lag a day behind, and nobody can hurry it." in text(client.get(PAGE))
    assert fetch(FEED) == 200


def test_the_services_are_given_the_address_whole() -> None:
    ways = Ways("https://booking.example.org/calendar/trainee/a-b_c.ics", "CINTIMA: your days & more")
    google, outlook, work = (urlsplit(each) for each in (ways.google, ways.outlook, ways.microsoft_365))
    assert parse_qs(google.query) == {"cid": ["webcal://booking.example.org/calendar/trainee/a-b_c.ics"]}
    for each in (outlook, work):
        assert each.path == "/calendar/0/addfromweb"
        assert parse_qs(each.query) == {"url": [ways.https], "name": ["CINTIMA: your days & more"]}
    assert "+" not in outlook.query, "a plus would stand in the calendar's name"


def test_the_page_of_a_cohort_offers_its_days_alone_and_as_a_file(client: Client) -> None:
    cohort = factories.cohort()
    page = html(client, cohort.get_absolute_url())
    feed = f"/calendar/cohorts/{cohort.code}.ics"
    assert f'value="http://localhost:8000{feed}" readonly' in page
    assert f'href="{feed}" download="{cohort.code}.ics"' in page
    assert f'href="webcal://localhost:8000{feed}"' in page
    assert fetch(feed) == 200


def test_pages_that_show_days_lead_here(client: Client) -> None:
    person = factories.trainee()
    for role in (Role.INSTRUCTOR, Role.MENTOR, Role.REGISTRAR):
        person.role_grants.create(role=role, granted_at=NOW)
    held = factories.reservation(cohort=factories.cohort(instructors=(person,)), trainee=person)
    client.force_login(person)
    for path, part in {
        "/": "",
        held.get_absolute_url(): "#trainee",
        "/teaching/": "#instructor",
        "/desk/": "#registrar",
    }.items():
        answer = client.get(path, follow=True).content.decode()
        main = answer[answer.index("<main") : answer.index("</main>")]
        assert f'href="/calendars/{part}"' in main, path


# -- one's own ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", Role)
def test_everyone_finds_the_calendars_of_their_own_roles(client: Client, role: Role) -> None:
    client.force_login(factories.person(role))
    own = [] if role == Role.BOOKKEEPER else [str(role)]
    assert sections(client) == [*own, "all", "new-dates"]


def test_an_address_is_shown_once_and_kept_by_nobody(client: Client, anna: User) -> None:
    answer = client.post(f"{PAGE}yours/trainee/")
    address = address_on(answer.content.decode())
    assert fetch(address) == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "same-origin", "other hosts are told no address of ours at all"
    secret = address.rpartition("/")[2].removesuffix(".ics")
    for path in (PAGE, f"{PAGE}yours/trainee/", "/profile/", "/your-data/"):
        assert secret not in client.get(path, follow=True).content.decode()
    assert secret not in str(client.session.items())
    assert secret not in answer.request["PATH_INFO"]


def test_the_code_for_a_camera_is_drawn_without_anything_that_the_policy_forbids(client: Client, anna: User) -> None:
    page = client.post(f"{PAGE}yours/trainee/").content.decode()
    (drawn,) = re.findall(r"<svg viewBox=\"[\d ]+\"><path.*?</svg>", page)
    assert "style" not in drawn
    assert 'role="img" aria-label="QR code' in page


def test_the_code_for_a_camera_says_the_address_of_this_very_calendar(client: Client, anna: User) -> None:
    page = client.post(f"{PAGE}yours/trainee/").content.decode()
    code = segno.make(address_on(page).replace("http://", "webcal://"), error="m", micro=False)
    assert modules(page) == [[bool(module) for module in row] for row in code.matrix_iter(border=4)]


def modules(page: str) -> list[list[bool]]:
    """The dark and light modules that the drawing on a page has, row by row, as its pen moves."""
    found = re.search(r'<svg viewBox="0 0 (\d+) \d+">.*?<path stroke="#000" d="([^"]+)"', page)
    assert found is not None
    size = int(found[1])
    rows = [[False] * size for _ in range(size)]
    x, y = 0, 0.0
    for move, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", found[2]):
        if move == "h":
            rows[int(y)][x : x + int(first)] = [True] * int(first)
            x += int(first)
        elif move == "m":
            x, y = x + int(first), y + float(second)
        else:
            x, y = int(first), float(second)
    return rows


def test_a_new_address_ends_the_old_one_at_once(client: Client, anna: User) -> None:
    first, second = (address_on(client.post(f"{PAGE}yours/trainee/").content.decode()) for _ in range(2))
    assert (fetch(first), fetch(second)) == (404, 200)


def test_ending_an_address_ends_it_at_once_and_says_so(client: Client, anna: User) -> None:
    address = address_on(client.post(f"{PAGE}yours/trainee/").content.decode())
    assert "That address has ended" in text(client.post(f"{PAGE}yours/trainee/end/", follow=True))
    assert fetch(address) == 404
    assert "That address had ended before." in text(client.post(f"{PAGE}yours/trainee/end/", follow=True))


def test_what_was_fetched_when_and_by_what_is_told_without_its_own_words(
    client: Client, anna: User, clock: StoppedClock
) -> None:
    address = address_on(client.post(f"{PAGE}yours/trainee/").content.decode())
    assert "Never yet." in text(client.get(PAGE))
    Client().get(urlsplit(address).path, headers={"User-Agent": "Google-Calendar-Importer; of Anna's own"})
    clock.move(hours=3)
    assert "3 hours ago by Google Calendar" in text(client.get(PAGE)).replace("\xa0", " ")
    Client().get(urlsplit(address).path, headers={"User-Agent": "curl/8 Anna"})
    assert "just now by another program" in text(client.get(PAGE))
    assert "Anna" not in str(FeedToken.objects.values().get())


def test_due_dates_are_left_out_and_shown_again_without_another_address(client: Client, anna: User) -> None:
    address = address_on(client.post(f"{PAGE}yours/trainee/").content.decode())
    for sent, kept in (("no", False), ("no", False), ("yes", True)):
        client.post(f"{PAGE}yours/trainee/due-dates/", {"shown": sent})
        assert FeedToken.objects.get().with_due_dates is kept
        assert ("They are left out." in text(client.get(PAGE))) is not kept
    assert fetch(address) == 200
    client.post(f"{PAGE}yours/trainee/end/")
    assert client.post(f"{PAGE}yours/trainee/due-dates/", {"shown": "no"}).status_code == 404


def test_opening_the_addresses_of_the_forms_changes_nothing_and_leads_back(client: Client, anna: User) -> None:
    tokens.make(anna, FeedKind.TRAINEE, now=NOW - timedelta(days=1))
    before = FeedToken.objects.values().get()
    for path in ("", "end/", "due-dates/"):
        answer = client.get(f"{PAGE}yours/trainee/{path}")
        assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert FeedToken.objects.values().get() == before


@pytest.mark.parametrize("kind", ["instructor", "registrar", "bookkeeper", "nobody", "cohorts"])
def test_a_calendar_that_one_may_not_have_is_not_found_like_one_that_is_none(
    client: Client, anna: User, kind: str
) -> None:
    answer = client.post(f"{PAGE}yours/{kind}/")
    assert (answer.status_code, text(answer)) == (404, text(client.post(f"{PAGE}yours/no-such/")))
    assert not FeedToken.objects.exists()


def test_a_calendar_of_a_role_that_has_ended_can_be_ended_and_nothing_else(client: Client, anna: User) -> None:
    tokens.make(anna, FeedKind.TRAINEE, now=NOW)
    anna.role_grants.all().delete()
    page = text(client.get(PAGE))
    assert "You do not have that role here any more" in page
    assert "Make a new address" not in page
    client.post(f"{PAGE}yours/trainee/end/")
    assert not FeedToken.objects.exists()
    assert sections(client) == ["all", "new-dates"]


def test_whoever_must_have_a_second_factor_makes_no_address_without_it(client: Client, settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    client.force_login(factories.person(Role.REGISTRAR))
    assert client.post(f"{PAGE}yours/registrar/").status_code == 302
    assert client.get(PAGE).status_code == 302
    assert not FeedToken.objects.exists()
