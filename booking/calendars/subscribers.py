"""Who is told, without an account, when the school sets new dates: asking, confirming, telling, stopping.

A mailbox is asked once in seven days, under however many of its addresses, until it has said yes: a stranger who types
other people's addresses into the form can neither flood one of them nor have the school send so much that its mail is
no longer taken.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.db.models import Func, Q, Value
from django.db.models.functions import Lower, Replace
from django.urls import reverse

from booking.calendars.models import Subscriber, SubscriberQuerySet
from booking.calendars.retention import UNCONFIRMED_KEPT
from booking.reservations import changing
from booking.reservations.emails import about_cohort
from booking.reservations.emails_changes import each_day
from workshops import money
from workshops.clock import days_in_words, moment_in_words, school_day
from workshops.cohorts.models import Cohort, CohortStatus
from workshops.history.record import record
from workshops.messages import outbox
from workshops.messages.outbox import ADDRESS, STOP
from workshops.people.models import User
from workshops.programme.models import price_on
from workshops.transactions import writes

LINK_LASTS = UNCONFIRMED_KEPT
ASKED_AGAIN_AFTER = LINK_LASTS
"""While the last e-mail can still be answered there is no other."""
COUNTED_OVER = timedelta(hours=1)
MAILS_AN_HOUR = 300
"""So many addresses are asked in an hour and no more, whoever types them in: many times what a busy day brings.

There is no limit on where a request comes from: a whole office shares one address, and whoever means harm has many.
Who reaches this one keeps others out for as long as they go on, and the page says how to be heard all the same.
"""
WITHOUT_POINTS = frozenset({"gmail.com", "googlemail.com"})
"""Where a.n.a@ and ana@ are one mailbox, and both names are one server."""


class TooMany(Exception):
    """So many addresses were asked within the last hour that none is for now."""


class Forged(Exception):
    """A link that the school did not write."""


# -- asking and confirming ---------------------------------------------------------------------------------------------
@writes
def ask(email: str, *, now: datetime) -> None:
    """Ask an address by e-mail whether it wants to hear of new dates, unless it does, or its mailbox was asked lately.

    It answers nothing, so that nobody learns from it which addresses the school knows. Locks the subscriber's row.

    Raises:
        TooMany: while too many were asked in the last hour, whatever the address.
    """
    if Subscriber.objects.filter(asked_at__gt=now - COUNTED_OVER).count() >= MAILS_AN_HOUR:
        raise TooMany
    asked = _asked(email, now)
    if asked is None:
        return
    context = {"link": _address(CONFIRMING, asked.public_id), "lasts": days_in_words(LINK_LASTS.days)}
    # A further time is another message: the last one may still be on its way, or have failed.
    about = ("subscriber", f"{asked.public_id}:{now:%Y%m%d%H%M}")
    outbox.queue_to_address("dates-confirm", about, None, asked.email, context, now=now)


def _asked(email: str, now: datetime) -> Subscriber | None:
    """Whoever is to be asked now, written down as asked; None where they are not."""
    theirs = list(_of_one_mailbox(email).select_for_update())
    known = next((each for each in theirs if each.email.lower() == email.lower()), None)
    if any(each.asked_at > now - ASKED_AGAIN_AFTER for each in theirs) or (known and known.confirmed_at):
        return None
    if known is None:
        try:
            with transaction.atomic():
                return Subscriber.objects.create(email=email, asked_at=now)
        except IntegrityError:  # somebody typed it in at this very moment
            return None
    # As it was typed last: what stands before the @ belongs to its own mail server.
    known.email, known.asked_at = email, now
    known.save(update_fields=["email", "asked_at"])
    return known


def _with_address(email: str) -> SubscriberQuerySet:
    """Whoever has this address, however it is written: at most one."""
    return Subscriber.objects.alias(lower=Lower("email")).filter(lower=email.lower())


def _of_one_mailbox(email: str) -> SubscriberQuerySet:
    """Everyone whose mail arrives where that of this address does: what follows a + is for its owner's own order."""
    name, _, domain = email.lower().rpartition("@")
    name, domains = name.partition("+")[0], {domain}
    written: Func = Lower("email")
    if domain in WITHOUT_POINTS:
        name, written = name.replace(".", ""), Replace(written, Value("."), Value(""))
        domains = {each.replace(".", "") for each in WITHOUT_POINTS}
    same = Q()
    for each in domains:
        same |= Q(written=f"{name}@{each}") | Q(written__startswith=f"{name}+", written__endswith=f"@{each}")
    return Subscriber.objects.alias(written=written).filter(same).order_by("pk")


def who_may_confirm(token: str, *, now: datetime) -> Subscriber | None:
    """Whom the link of a `dates-confirm` is about; None where it has run out, or they have stopped since.

    Raises:
        Forged: for a link that the school did not write.
    """
    asked = Subscriber.objects.filter(public_id=_read(CONFIRMING, token)).first()
    return asked if asked and (asked.confirmed_at or asked.asked_at > now - LINK_LASTS) else None


@writes
def confirm(asked: Subscriber, *, now: datetime) -> None:
    """They said from the address itself that they want to hear of new dates. Doing it twice changes nothing."""
    Subscriber.objects.filter(pk=asked.pk, confirmed_at=None).update(confirmed_at=now)


# -- stopping ----------------------------------------------------------------------------------------------------------
def who_may_stop(token: str) -> str:
    """The public id that the link of a `dates-new` is about, whether they are still told or not.

    Raises:
        Forged: for a link that the school did not write.
    """
    return _read(STOPPING, token)


@writes
def stop(public_id: str) -> None:
    """Delete them, and with them what waits to be sent to them. Doing it twice changes nothing."""
    if Subscriber.objects.filter(public_id=public_id).delete()[0]:
        outbox.withdraw(TOLD, f"subscriber:{public_id}:")


@writes
def take_off(email: str, *, by: User, now: datetime) -> bool:
    """Stop for somebody who asked the school to. False when the address is not on the list.

    The history says that it was done, and not for whom: the address is gone.
    """
    known = _with_address(email).select_for_update().first()
    if known is None:
        return False
    stop(known.public_id)
    record("subscriber-taken-off", about=("subscriber", known.public_id), by=by, now=now)
    return True


# -- telling -----------------------------------------------------------------------------------------------------------
TOLD = ("dates-confirm", "dates-new")


@writes
def publish(cohort: Cohort, *, by: User, now: datetime) -> Cohort:
    """Publish a cohort, and tell everyone who asked for new dates, in one transaction. See `changing.publish`."""
    published = changing.publish(cohort, by=by, now=now)
    told = tell_of(published, now=now)
    if told:
        record("dates-told", about=("cohort", cohort.public_id), by=by, now=now, people=told)
    return published


def how_many() -> int:
    """How many are told when a cohort is published now."""
    return Subscriber.objects.confirmed().count()


def tell_of(cohort: Cohort, *, now: datetime) -> int:
    """Queue the dates of this cohort to everyone who confirmed, in the caller's transaction. Returns to how many.

    Nobody is told of a cohort that nobody may see, that is cancelled, or that has begun.
    """
    if cohort.status != CohortStatus.PUBLISHED or cohort.starts_on <= school_day(now):
        return 0
    told = list(Subscriber.objects.confirmed().order_by("pk"))
    if not told:
        return 0
    facts = _facts(cohort, now)
    outbox.queue_all(
        "dates-new",
        (
            (
                ("subscriber", f"{each.public_id}:{cohort.public_id}"),
                None,
                {**facts, ADDRESS: each.email, STOP: _address(STOPPING, each.public_id)},
            )
            for each in told
        ),
        now=now,
    )
    return len(told)


def _facts(cohort: Cohort, now: datetime) -> dict[str, str]:
    """What a message says of a cohort. Two statements."""
    opens = cohort.bookings_open_at
    price = price_on(cohort.module.code, school_day(max(now, opens)))
    return {
        **about_cohort(cohort),
        "hours": each_day(cohort.sessions.values_list("starts_at", "ends_at")),
        "opens": "" if opens <= now else moment_in_words(opens),
        "price": money.in_words(price.amount_cents, price.currency) if price else "",
    }


# -- links -------------------------------------------------------------------------------------------------------------
CONFIRMING, STOPPING = "new-dates-confirm", "new-dates-stop"
"""The pages that a link of these messages can lead to. A token for one of them is worth nothing on the other."""


def token_for(page: str, public_id: str) -> str:
    """What stands in the address of such a page for this subscriber."""
    return _signer(page).sign(public_id)


def _address(page: str, public_id: str) -> str:
    return settings.SITE_URL + reverse(page, args=[token_for(page, public_id)])


def _read(page: str, token: str) -> str:
    try:
        return _signer(page).unsign(token)
    except BadSignature:
        raise Forged from None


def _signer(page: str) -> Signer:
    # A point, since some mail programs take a colon for the end of an address in plain text.
    return Signer(salt=f"calendars.{page}", sep=".")
