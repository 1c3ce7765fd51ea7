"""Who mentors whom: the only writer of mentorships. A registrar begins and ends them, with a reason for the end."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from workshops.clock import school_day
from workshops.history.record import line, record_all
from workshops.mentors import emails
from workshops.mentors.meetings import cancel_coming, locked
from workshops.mentors.models import Mentorship
from workshops.people.closing import Closed
from workshops.people.models import Role, User
from workshops.people.presence import lock
from workshops.prerequisites.deciding import BadFact, not_their_own, reason_given
from workshops.transactions import writes


@writes
def begin(mentor: User, trainee: User, *, by: User, now: datetime) -> Mentorship:
    """Let a mentor accompany a trainee from today on, and tell both. Locks the accounts of both.

    Raises:
        BadFact: when the registrar is one of the two, somebody would mentor themselves, has not the role for it, or
            the trainee has a mentor.
        Closed: when one of them was erased or merged away.
    """
    for person in (mentor, trainee):
        not_their_own(person, by)
    if mentor.pk == trainee.pk:
        raise BadFact("Nobody mentors themselves. Choose somebody else.")
    both = lock(mentor.pk, trainee.pk)
    for person in both.values():
        if person.is_closed:
            raise Closed(person)
    mentor, trainee = both[mentor.pk], both[trainee.pk]
    if Role.MENTOR not in mentor.roles:
        raise BadFact(f"{mentor} is no mentor here. Give them the role first, or choose somebody else.")
    if Role.TRAINEE not in trainee.roles:
        raise BadFact(f"{trainee} is no trainee here. Give them the role first.")
    if known := running_of(trainee):
        raise BadFact(f"{known.mentor} mentors {trainee} already. End that first, if somebody else is to.")
    mentorship = Mentorship.objects.create(mentor=mentor, trainee=trainee, began_on=school_day(now))
    _record("mentorship-begun", mentorship, by, now)
    emails.begun(mentorship, now=now)
    return mentorship


@writes
def end(mentorship: Mentorship, *, by: User, now: datetime, why: str) -> Mentorship:
    """End it today, cancel the meetings that are still to come, and tell both. Locks the accounts of both.

    Raises:
        BadFact: when the registrar is one of the two, gives no reason, or it has ended already.
        Closed: when one of them was erased or merged away.
    """
    for person in (mentorship.mentor, mentorship.trainee):
        not_their_own(person, by)
    reason, fresh = reason_given(why), locked(mentorship)
    if fresh.ended_on is not None:
        raise BadFact("This mentoring has ended already.")
    cancel_coming(fresh, by=by, now=now)
    fresh.ended_on = school_day(now)
    fresh.save(update_fields=["ended_on"])
    _record("mentorship-ended", fresh, by, now, reason)
    emails.ended(fresh, why=reason, now=now)
    return fresh


def running_of(trainee: User) -> Mentorship | None:
    """The mentorship in which this trainee is accompanied now, with both people. One statement."""
    return Mentorship.objects.running().filter(trainee=trainee).select_related("mentor", "trainee").first()


def mentors() -> QuerySet[User]:
    """Everyone who may be chosen as a mentor, by name, with how many they accompany now as `accompanies`."""
    running = Count("mentorships", filter=Q(mentorships__ended_on=None))
    return User.objects.with_role(Role.MENTOR).annotate(accompanies=running)


def check_role_may_go(person: User, role: Role) -> None:
    """Keep somebody's role while a mentorship of theirs needs it: neither of the two could open its pages any more.

    Raises:
        BadFact: when one is running.
    """
    side: Mapping[Role, str] = {Role.MENTOR: "mentor", Role.TRAINEE: "trainee"}
    if role not in side:
        return
    lock(person.pk)
    running = Mentorship.objects.running().filter(**{side[role]: person}).select_related("mentor", "trainee")
    names = ", ".join(f"{each.mentor} mentors {each.trainee}" for each in running.order_by("pk"))
    if names:
        raise BadFact(f"{names}. End that first.")


def hand_over(person: User, to: User) -> None:
    """Give the mentorships of one account, with their meetings, to another account of the same person.

    In the transaction that merges them. It has locked both accounts, and made sure that neither has mentored the
    other and that they have not a mentor each.
    """
    Mentorship.objects.filter(mentor=person).update(mentor=to)
    Mentorship.objects.filter(trainee=person).update(trainee=to)


def _record(what: str, mentorship: Mentorship, by: User, now: datetime, why: str = "") -> None:
    """A line in the story of each. The reason stands in the trainee's: it is about them, and goes when they do."""
    about = ("mentorship", mentorship.public_id)
    record_all(
        [
            line(what, about=about, person=mentorship.trainee, by=by, now=now, why=why),
            line(what, about=about, person=mentorship.mentor, by=by, now=now),
        ]
    )
