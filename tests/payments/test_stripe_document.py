"""What docs/stripe.md tells a school to set up is what the product works with."""

import re

from stripe import _api_version

from booking.payments.inbox.kinds import DISPUTE, PAYMENT, PAYOUT, REFUND, of_interest
from tests.services.environment import PROJECT

DOCUMENT = (PROJECT / "docs" / "stripe.md").read_text()
EVENTS = re.findall(r"^ {7}([a-z_.]+)$", DOCUMENT, re.MULTILINE)


def test_the_webhook_is_told_to_send_every_event_that_is_of_interest_and_no_other() -> None:
    assert {each for each in EVENTS if not each.startswith(PAYOUT)} == PAYMENT | REFUND | DISPUTE
    assert all(of_interest(each) for each in EVENTS)
    assert len(EVENTS) == len(set(EVENTS))


def test_the_version_is_the_one_that_the_installed_library_speaks() -> None:
    assert f"`{_api_version._ApiVersion.CURRENT}`" in DOCUMENT
