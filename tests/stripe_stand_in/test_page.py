"""The page a person pays on, over HTTP as a browser speaks it, and the process that serves it."""

import re
import subprocess
import sys
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
import stripe

from tests.stripe_stand_in import StandIn
from tests.stripe_stand_in.shop import checkout


def ask(stand_in: StandIn, path: str, **form: str) -> tuple[int, str, str]:
    """Status, address to go to, and words of a page; with a form, pressed."""
    connection = HTTPConnection("127.0.0.1", stand_in.port, timeout=5)
    connection.request("POST" if form else "GET", path, urlencode(form) if form else None)
    answer = connection.getresponse()
    words = re.sub(r"\s+", " ", answer.read().decode())
    connection.close()
    return answer.status, answer.headers.get("Location", ""), words


def path_of(stand_in: StandIn, session: stripe.checkout.Session) -> str:
    assert session.url is not None
    return session.url.removeprefix(stand_in.url)


def test_the_page_says_what_is_paid_to_whom_and_how(stand_in: StandIn, client: stripe.StripeClient) -> None:
    status, _, words = ask(stand_in, path_of(stand_in, checkout(client, excluded_payment_method_types=["klarna"])))
    assert status == 200
    for expected in ("CINTIMA", "US $500.00", "Deposit", "Afterpay", "stand-in", 'href="http://localhost/back"'):
        assert expected in words
    assert "Klarna" not in words


def test_paying_goes_to_the_success_page_with_the_sessions_id(stand_in: StandIn, client: stripe.StripeClient) -> None:
    session = checkout(client)
    path = path_of(stand_in, session)
    status, address, _ = ask(stand_in, path, action="pay", card="4242 4242 4242 4242", email="amara@example.org")
    assert (status, address) == (303, f"http://localhost/paid?session={session.id}")
    paid = client.v1.checkout.sessions.retrieve(session.id)
    assert paid.customer_details is not None
    assert (paid.payment_status, paid.customer_details.email) == ("paid", "amara@example.org")
    assert "all done" in ask(stand_in, path)[2]


def test_a_declined_card_says_why_and_the_page_stays(stand_in: StandIn, client: stripe.StripeClient) -> None:
    path = path_of(stand_in, checkout(client))
    status, _, words = ask(stand_in, path, action="pay", card="4000000000009995")
    assert status == 422
    assert "Your card has insufficient funds." in words
    assert "test cards alone" in ask(stand_in, path, action="pay", card="1234")[2]


def test_authentication_is_a_second_button(stand_in: StandIn, client: stripe.StripeClient) -> None:
    path = path_of(stand_in, checkout(client))
    assert "Complete authentication" in ask(stand_in, path, action="pay", card="4000002760003184")[2]
    assert "unable to authenticate" in ask(stand_in, path, action="refuse")[2]
    ask(stand_in, path, action="pay", card="4000002760003184")
    assert ask(stand_in, path, action="authenticate")[0] == 303


def test_a_page_that_has_expired_or_never_was_says_so(stand_in: StandIn, client: stripe.StripeClient) -> None:
    session = checkout(client)
    path = path_of(stand_in, session)
    stand_in.expire(session.id)
    assert "expired" in ask(stand_in, path)[2]
    assert ask(stand_in, path, action="pay", card="4242424242424242")[0] == 422
    assert ask(stand_in, "/c/pay/cs_test_nothing")[0] == 404
    assert ask(stand_in, "/elsewhere")[0] == 404


def test_the_desk_does_what_the_dashboard_would(stand_in: StandIn, client: stripe.StripeClient) -> None:
    intent = stand_in.pay(checkout(client).id)["payment_intent"]
    other = stand_in.other_sale(12_000)["id"]
    assert "US $500.00, succeeded" in ask(stand_in, "/")[2]
    assert ask(stand_in, "/", do="refund", id=intent)[:2] == (303, "/")
    assert "already been refunded" in ask(stand_in, "/", do="refund", id=intent)[2]
    assert ask(stand_in, "/", do="dispute", id=other)[0] == 303
    (dispute,) = stand_in.all("dispute")
    assert ask(stand_in, "/", do="won", id=dispute["id"])[0] == 303
    assert stand_in.books()[intent].refunded == 50_000
    assert ask(stand_in, "/", do="unheard of")[0] == 422


@pytest.mark.slow
def test_it_runs_as_a_process_of_its_own() -> None:
    asked = [sys.executable, "-m", "tests.stripe_stand_in", "--port", "0", "--secret", "whsec_test"]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        client = stripe.StripeClient("sk_test_process", base_addresses={"api": address})
        assert (checkout(client).url or "").startswith(f"{address}/c/pay/cs_test_")
        process.terminate()
