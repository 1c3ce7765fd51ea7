"""What must be in place before a cohort can be published, so that nothing invented ever appears as the school's."""

from dataclasses import dataclass
from datetime import date, datetime

from workshops.clock import in_words, moment_in_words, school_day
from workshops.cohorts.models import Cohort, Venue
from workshops.cohorts.plans import Objection
from workshops.history.models import HistoryLine
from workshops.people.models import Role, User
from workshops.programme.models import MODULE_IV, ConductText, PolicyTerm, Price, conduct_text, price_on, school
from workshops.programme.terms import Terms

# A new version counts as read by whoever published it; the first one came with the product and is confirmed once.
CONDUCT_READ = ("conduct-published", "conduct-confirmed")


@dataclass(frozen=True)
class Item:
    """One line of the checklist. `page` names the desk's page where it is mended."""

    code: str
    title: str
    done: bool
    words: str
    page: str


def setup_checklist() -> list[Item]:
    """Every item, in the order in which a new school would do them. A handful of statements, however much there is."""
    return [*_about_school(), *_about_terms(), _price(), _conduct(), _venue(), _instructor()]


def conduct_is_confirmed(text: ConductText) -> bool:
    """Whether a registrar has read this version and let it stand."""
    return HistoryLine.objects.filter(about_kind="conduct", about_id=str(text.version), what__in=CONDUCT_READ).exists()


def obstacles(cohort: Cohort, now: datetime) -> list[Objection]:
    """What must be there before a cohort can be published and is not. None of it can be overridden."""
    found = []
    if missing := [item.title for item in setup_checklist() if not item.done]:
        found.append(Objection("setup", f"The setup checklist is not complete. Still to do: {'; '.join(missing)}."))
    day = max(school_day(now), school_day(cohort.bookings_open_at))
    if price_on(cohort.module.code, day) is None:
        found.append(Objection("price", f"There is no price for {cohort.module} on {in_words(day)}. Enter one first."))
    if not cohort.sessions.exists():
        found.append(Objection("sessions", "It has no days yet. Enter them first."))
    if not cohort.teachings.exists():
        found.append(Objection("instructor", "Nobody teaches it yet. Choose at least one instructor."))
    if not cohort.seats.exists():
        found.append(Objection("seats", "It has no seats yet. Say how many there are."))
    if cohort.bookings_close_at <= now:
        found.append(
            Objection(
                "bookings-over", f"Bookings closed on {moment_in_words(cohort.bookings_close_at)}. Choose a later day."
            )
        )
    return found


def _about_school() -> list[Item]:
    it = school()
    return [
        Item(
            "school-email",
            "The school's e-mail address",
            bool(it.email),
            f"People write to {it.email}."
            if it.email
            else "Say where people can write to; pages and messages show it.",
            "school",
        ),
        Item(
            "bank-details",
            "Bank details",
            bool(it.bank_details.strip()),
            "People who pay by bank transfer are told where to."
            if it.bank_details.strip()
            else "Give what someone needs to pay by bank transfer.",
            "school",
        ),
        Item(
            "school-legal",
            "The school's legal name and address",
            bool(it.legal_name and it.address.strip()),
            f"Receipts and invoices come from {it.legal_name}."
            if it.legal_name and it.address.strip()
            else "Give the name and address that receipts and invoices come from.",
            "school",
        ),
    ]


def _about_terms() -> list[Item]:
    """One item for each term: each is a promise of its own, and is confirmed by itself."""
    confirmed = {
        code: moment for code, moment in PolicyTerm.objects.values_list("code", "confirmed_at") if moment is not None
    }
    return [
        Item(
            f"term-{term.code}",
            term.title,
            term.code in confirmed,
            f"Confirmed on {in_words(school_day(confirmed[term.code]))}."
            if term.code in confirmed
            else "Comes with the product and is not the school's yet. Read it, change it if need be, confirm it.",
            "terms",
        )
        for term in Terms.catalogue()
    ]


def _price() -> Item:
    first: date | None = (
        Price.objects.filter(item=MODULE_IV).order_by("effective_from").values_list("effective_from", flat=True).first()
    )
    return Item(
        "price",
        "A price for Module IV",
        first is not None,
        f"On the price list since {in_words(first)}." if first else "Put Module IV on the price list.",
        "prices",
    )


def _conduct() -> Item:
    text = conduct_text()
    done = conduct_is_confirmed(text)
    return Item(
        "conduct",
        "The conduct text",
        done,
        f"Version {text.version} has been read and confirmed."
        if done
        else f"Read version {text.version} and confirm it, or publish your own.",
        "conduct",
    )


def _venue() -> Item:
    number = Venue.objects.count()
    words = f"{number} {'venue' if number == 1 else 'venues'} on file." if number else "Add the place where you teach."
    return Item("venue", "A venue", bool(number), words, "venues")


def _instructor() -> Item:
    number = User.objects.with_role(Role.INSTRUCTOR).count()
    words = (
        f"{number} {'person has' if number == 1 else 'people have'} the role."
        if number
        else "Give the role of instructor to someone with an account."
    )
    return Item("instructor", "An instructor", bool(number), words, "people")
