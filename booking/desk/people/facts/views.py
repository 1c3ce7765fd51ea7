"""What a registrar writes about a person's path: modules, access, days on set, exceptions, audits; and takes back."""

from collections.abc import Callable

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from booking.desk.people.answering import NOTHING, Asked, carried_out, find
from booking.desk.people.evidence import facts_on_record
from booking.desk.people.facts.forms import (
    AcceptedBeforeForm,
    AccessForm,
    AuditForm,
    CompletionForm,
    DaysForm,
    EntitlementForm,
    FactBackForm,
    TakeBackForm,
    WaiverForm,
)
from booking.desk.people.page import choices
from workshops.clock import current_time, days_in_words, in_words, school_day
from workshops.people.models import Role
from workshops.prerequisites import facts, recording, waiving
from workshops.prerequisites.files.audits import begin_audit, end_audit
from workshops.prerequisites.models import Access, Completion, Waiver, WaiverKind
from workshops.prerequisites.records.models import OnSetRecord
from workshops.programme.models import MODULE_IV
from workshops.web.access import SignedInRequest, roles


@roles(Role.REGISTRAR)
@require_POST
def completion(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record that someone finished a module, or correct when."""
    return _dated(
        request, public_id, CompletionForm(request.POST), recording.complete, "{} is recorded as finished on {}."
    )


@roles(Role.REGISTRAR)
@require_POST
def access(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record the day the school let someone into a module, or correct it."""
    return _dated(
        request, public_id, AccessForm(request.POST), recording.grant_access, "Access to {} is recorded from {}."
    )


def _dated(
    request: SignedInRequest, public_id: str, form: forms.Form, write: Callable[..., bool], words: str
) -> HttpResponse:
    someone = find(public_id)

    def record(asked: Asked) -> str:
        why = asked["why"].strip()
        changed = write(
            someone, asked["module"], asked["on"], by=request.user, now=current_time(), why=why, correct=bool(why)
        )
        return words.format(asked["module"], in_words(asked["on"])) if changed else NOTHING

    return carried_out(request, someone, str(form.prefix), form, record)


@roles(Role.REGISTRAR)
@require_POST
def entitlement(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record that a module is paid for already."""
    someone = find(public_id)

    def record(asked: Asked) -> str:
        new = recording.entitle(someone, asked["module"], asked["source"], by=request.user, now=current_time())
        return f"{asked['module']} is recorded as paid for." if new else f"{asked['module']} was on record as paid for."

    return carried_out(request, someone, "entitlement", EntitlementForm(request.POST), record)


@roles(Role.REGISTRAR)
@require_POST
def days(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Accept days on set whose proof the registrar has seen."""
    someone, now = find(public_id), current_time()

    def accept(asked: Asked) -> str:
        recording.accept_days(
            someone,
            asked["dates"],
            production=asked["production"],
            role=asked["role"],
            proof=asked["proof"],
            by=request.user,
            now=now,
        )
        return f"{days_in_words(len(asked['dates']))} on {asked['production']} accepted."

    return carried_out(request, someone, "days", DaysForm(request.POST, today=school_day(now)), accept)


@roles(Role.REGISTRAR)
@require_POST
def days_back(request: SignedInRequest, public_id: str, record_id: int) -> HttpResponse:
    """Take back the acceptance of an on-set record."""
    someone = find(public_id)
    record = get_object_or_404(OnSetRecord, pk=record_id, user=someone)

    def take_back(asked: Asked) -> str:
        done = recording.take_back_days(record, why=asked["why"], by=request.user, now=current_time())
        return f"The days on {record.production} count no more." if done else NOTHING

    name = f"days-{record.pk}"
    return carried_out(request, someone, name, TakeBackForm(request.POST, prefix=name), take_back)


@roles(Role.REGISTRAR)
@require_POST
def waiver(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Make an exception from one requirement."""
    someone, now = find(public_id), current_time()
    form = WaiverForm(request.POST, rules=facts.rules_for(MODULE_IV), today=school_day(now))

    def waive(asked: Asked) -> str:
        cohort = asked["cohort"]
        waiving.waive(
            someone,
            asked["requirement"],
            kind=WaiverKind.WAIVER,
            reason=asked["reason"],
            by=request.user,
            now=now,
            cohort_id=cohort.pk if cohort else None,
            until=asked["until"],
        )
        return f"The exception is made{f' for {cohort}' if cohort else ''}."

    return carried_out(request, someone, "waiver", form, waive)


@roles(Role.REGISTRAR)
@require_POST
def accepted_before(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Record that the school accepted proof of a requirement before this system existed."""
    someone, now = find(public_id), current_time()
    form = AcceptedBeforeForm(request.POST, rules=facts.rules_for(MODULE_IV))

    def waive(asked: Asked) -> str:
        waiving.waive(
            someone, asked["requirement"], kind=WaiverKind.BEFORE, reason=asked["reason"], by=request.user, now=now
        )
        return "Recorded as accepted before this system existed."

    return carried_out(request, someone, "before", form, waive)


@roles(Role.REGISTRAR)
@require_POST
def waiver_back(request: SignedInRequest, public_id: str, waiver_id: int) -> HttpResponse:
    """Take back an exception. A seat that was taken under it stays."""
    someone = find(public_id)
    given = get_object_or_404(Waiver.objects.select_related("user"), pk=waiver_id, user=someone)

    def take_back(asked: Asked) -> str:
        done = waiving.take_back_waiver(given, why=asked["why"], by=request.user, now=current_time())
        return "The exception is taken back. Seats that were taken under it stay." if done else NOTHING

    name = f"waiver-{given.pk}"
    return carried_out(request, someone, name, TakeBackForm(request.POST, prefix=name), take_back)


@roles(Role.REGISTRAR)
@require_POST
def fact_back(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Take a finished module, access, or a module paid for off the record. Seats stay."""
    someone = find(public_id)
    known = facts_on_record(someone)
    rows = {fact.key: fact for fact in known}

    def take_back(asked: Asked) -> str:
        fact, why, now = rows[asked["fact"]], asked["why"], current_time()
        if isinstance(fact.row, Completion):
            done = recording.take_back_completion(fact.row, why=why, by=request.user, now=now)
        elif isinstance(fact.row, Access):
            done = recording.take_back_access(fact.row, why=why, by=request.user, now=now)
        else:
            done = recording.take_back_entitlement(fact.row, why=why, by=request.user, now=now)
        return f"Taken off the record: {fact.in_full}." if done else NOTHING

    return carried_out(request, someone, "fact", FactBackForm(request.POST, known=choices(known)), take_back)


@roles(Role.REGISTRAR)
@require_POST
def audit(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Keep all of someone's proof until an audit is over."""
    someone = find(public_id)

    def begin(asked: Asked) -> str:
        begin_audit(someone, asked["why"], by=request.user, now=current_time())
        return f"All proof of {someone} is kept until you end the audit."

    return carried_out(request, someone, "audit", AuditForm(request.POST), begin)


@roles(Role.REGISTRAR)
@require_POST
def audit_end(request: SignedInRequest, public_id: str) -> HttpResponse:
    """End an audit: proof is deleted again when its time has come."""
    someone = find(public_id)

    def end(asked: Asked) -> str:
        ended = end_audit(someone, asked["why"], by=request.user, now=current_time())
        return "The audit has ended. Proof is deleted when its time has come." if ended else "No audit was open."

    return carried_out(request, someone, "audit", AuditForm(request.POST), end)
