"""What falls due by the clock, done by any number of workers at once.

Each task finds its own work in rows that are due and claims it by changing them, so nothing is done twice because two
workers run, and what a killed worker had begun is found again by the next. Nobody waits for any of it: a hold that ran
out is a free seat already.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime

from booking.payments.attempts import look_again_due
from booking.payments.earning import earn_due
from booking.payments.inbox.processing import process_due as process_events
from booking.payments.plans.cards import catch_up_due, forget_cards
from booking.payments.plans.charging import charge_due
from booking.payments.plans.reminding import remind as remind_of_parts
from booking.payments.reconciling.nightly import nightly
from booking.payments.sending import send_back_due
from booking.reservations import lapses, releasing, reminding, waiting
from booking.reservations.cancelling import choices_over
from booking.reservations.certainty import notice_certain
from booking.reservations.models import Reservation
from booking.reservations.rounds import one_by_one
from booking.rights.forgetting import forget_due
from workshops.messages.outbox import send_due
from workshops.prerequisites.files.keeping import delete_due as delete_proofs

log = logging.getLogger(__name__)

HOLDS_AT_ONCE = 100
# Each may wait out the mail server's timeout; all of them together must end before their lease does.
MESSAGES_AT_ONCE = 10


@dataclass(frozen=True)
class Done:
    """What one round did, a number for each task, and which tasks failed."""

    holds: int = 0
    messages: int = 0
    events: int = 0
    refunds: int = 0
    attempts: int = 0
    earned: int = 0
    books: int = 0
    cards: int = 0
    instalments: int = 0
    certain: int = 0
    offers: int = 0
    reminders: int = 0
    overdue: int = 0
    promises: int = 0
    choices: int = 0
    lines: int = 0
    proofs: int = 0
    forgotten: int = 0
    failed: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How much each task did, by its name."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name != "failed"}

    @property
    def anything(self) -> bool:
        """Whether another round may find more to do at once."""
        return any(self.counts.values())


def do_due(now: datetime) -> Done:
    """Do one round of everything that is due. A task that fails is logged, named in the answer, and stops no other."""
    tasks: dict[str, Callable[[datetime], int]] = {
        "holds": expire_holds,
        "offers": releasing.offer_everywhere,
        "promises": lapses.keep_promises,
        "overdue": lapses.release_overdue,
        "choices": choices_over,
        "lines": waiting.close_begun,
        "reminders": lambda moment: (
            lapses.remind_of_offers(moment)
            + lapses.remind_of_balances(moment)
            + remind_of_parts(moment)
            + reminding.remind(moment)
        ),
        "events": process_events,
        "refunds": send_back_due,
        "attempts": look_again_due,
        "earned": earn_due,
        "cards": lambda moment: catch_up_due(moment) + forget_cards(moment),
        "instalments": charge_due,
        "certain": notice_certain,
        "proofs": delete_proofs,
        "messages": lambda moment: send_due(now=moment, limit=MESSAGES_AT_ONCE),
        "forgotten": forget_due,
        "books": nightly,
    }
    counts: dict[str, int] = {}
    failed = []
    for name, task in tasks.items():
        try:
            counts[name] = task(now)
        except Exception:  # whatever it is, the other tasks and the next round go on
            log.exception("What was due of %s could not be done.", name)
            failed.append(name)
    return Done(**counts, failed=tuple(failed))


def expire_holds(now: datetime) -> int:
    """Mark holds that ran out, each in a transaction of its own; return how many.

    Raises:
        Exception: the last one met, after the others have been tried: one reservation must not keep the rest waiting.
    """
    run_out = Reservation.objects.run_out(now).select_related("cohort__venue", "trainee").order_by("held_until", "pk")
    return one_by_one(run_out[:HOLDS_AT_ONCE], lambda each: releasing.expire(each, now=now), "Expiring a reservation")
