"""The one registry: what is kept of people in every model of the product, and in those that it was built with."""

from booking.calendars.retention import KEEPS as CALENDARS
from booking.payments.discounts.retention import KEEPS as DISCOUNTS
from booking.payments.inbox.retention import KEEPS as INBOX
from booking.payments.papers.retention import KEEPS as PAPERS
from booking.payments.payouts.retention import KEEPS as PAYOUTS
from booking.payments.plans.retention import KEEPS as PLANS
from booking.payments.retention import KEEPS as MONEY
from booking.reservations.retention import KEEPS as SEATS
from workshops.cohorts.retention import KEEPS as COHORTS
from workshops.conversations.retention import KEEPS as CONVERSATIONS
from workshops.history.retention import KEEPS as HISTORY
from workshops.mentors.retention import KEEPS as MENTORS
from workshops.messages.retention import KEEPS as MESSAGES
from workshops.people.retention import KEEPS as PEOPLE
from workshops.prerequisites.retention import KEEPS as PREREQUISITES
from workshops.programme.retention import KEEPS as PROGRAMME
from workshops.retention import AboutNobody, Keeping
from workshops.web.retention import KEEPS as WEB

# Messages before conversations: notices are found by the posts that they are about.
EVERYTHING: tuple[Keeping | AboutNobody, ...] = (
    *MESSAGES, *WEB, *PEOPLE, *COHORTS, *PREREQUISITES, *SEATS, *MONEY, *PLANS, *DISCOUNTS, *PAPERS, *INBOX,
    *PAYOUTS, *CONVERSATIONS, *CALENDARS, *MENTORS, *HISTORY, *PROGRAMME,
)  # fmt: skip

KEPT: tuple[Keeping, ...] = tuple(each for each in EVERYTHING if isinstance(each, Keeping))
"""What holds something about people, in the order in which erasing goes through it."""
