"""Reading what an account has, as `what.compare` takes it."""

from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from booking.desk.merging.what import Account, Dated
from booking.reservations.merging import holdings_of
from workshops.clock import school_day
from workshops.mentors.models import Mentorship
from workshops.people.models import Role, User
from workshops.prerequisites.merging import DATED
from workshops.prerequisites.records.models import OnSetDay, RecordState

PROFILE = ("name", "pronouns", "phone", "legal_name", "country", "time_zone")


def account_of(user: User, now: datetime) -> Account:
    """Everything of one account, as of `now`. A constant number of statements."""
    addresses = dict(EmailAddress.objects.filter(user=user).order_by("email").values_list("email", "verified"))
    records = user.on_set_records.prefetch_related("days").order_by("pk")
    accepted = OnSetDay.objects.filter(record__user=user, record__state=RecordState.ACCEPTED, is_refused=False)
    waivers = user.waivers.in_force(school_day(now)).order_by("pk")
    held = set(user.role_grants.values_list("role", flat=True))
    mentorships = Mentorship.objects.select_related("mentor", "trainee").order_by("pk")
    mentored, mentoring = list(mentorships.filter(trainee=user)), list(mentorships.filter(mentor=user))
    return Account(
        pk=user.pk,
        public_id=user.public_id,
        name=str(user),
        email=user.email,
        addresses=tuple({user.email: False, **addresses}.items()),
        since=user.created_at,
        is_active=user.is_active,
        is_erased=user.erased_at is not None,
        profile=tuple((name, _title(name), str(getattr(user, name))) for name in PROFILE),
        roles=tuple(role for role in Role if role in held),
        dates=tuple(
            Dated(kind, row.module.code, str(row.module), getattr(row, field))
            for kind, (model, field) in DATED.items()
            for row in model._default_manager.filter(user=user)
            .select_related("module")
            .order_by("module__position", "pk")
        ),
        paid_for=tuple(
            (str(each.module), each.source)
            for each in user.entitlements.select_related("module").order_by("module__position", "pk")
        ),
        records=tuple(
            (str(each), each.get_state_display().lower(), len(each.days.all()))
            for each in records
            if each.is_read_by_school
        ),
        drafts=sum(each.state == RecordState.DRAFT for each in records),
        days=frozenset(accepted.values_list("day", flat=True)),
        exceptions=tuple(f"{each.requirement}: {each.reason}" for each in waivers),
        holdings=holdings_of(user, now),
        teaches=tuple(str(each.cohort) for each in user.teachings.select_related("cohort").order_by("pk")),
        mentor=next((str(each.mentor) for each in mentored if each.ended_on is None), ""),
        mentors=tuple(str(each.trainee) for each in mentoring if each.ended_on is None),
        has_met=frozenset({each.mentor_id for each in mentored} | {each.trainee_id for each in mentoring}),
        posts=user.posts.count(),
        tokens=user.api_tokens.filter(revoked_at=None).count(),
        feeds=user.feed_tokens.count(),
        second_factors=Authenticator.objects.filter(user=user).count(),
        is_audited=user.audit_holds.open().exists(),
        has_asked_to_be_erased=user.erasure_requests.open().exists(),
    )


def _title(name: str) -> str:
    words = str(User._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    return words[:1].upper() + words[1:]
