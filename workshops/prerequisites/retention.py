"""What is kept of a person's path, and of what proves it."""

from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce

from workshops.prerequisites.check import rules_in_words
from workshops.programme.models import school_terms
from workshops.retention import (
    FOR_GOOD,
    GOES,
    Keeping,
    Person,
    Topic,
    emptied,
    keys,
    shown,
    unseen,
    where_there_is_some,
    workings,
)

_CERTIFICATION = "Certification rests on it: the school must be able to say what it was given for."
_DECISION = "The decision, its dates and who made it stay, as certification rests on them. Every word in it goes."
ERASED_REASON = "The reason went with the name."


def _removed(person: Person) -> Coalesce:
    """A file that was taken away is deleted by the clock, within minutes."""
    return Coalesce("removed_at", Value(person.now), output_field=DateTimeField())


def proof_kept_for() -> str:
    """How long proof is kept, by the school's own term."""
    return f"Until {school_terms().proof_kept_days} days after the decision, or longer while the school is audited."


KEEPS = (
    Keeping(
        "workshops.Completion",
        Topic.PATH,
        "The modules that you have finished",
        FOR_GOOD,
        of=("user",),
        stays=_CERTIFICATION,
        fields={
            **keys("id user"),
            "module": shown("Module"),
            "completed_on": shown("Finished on"),
            "recorded_at": shown("Recorded"),
            "recorded_by": shown("Recorded by"),
        },
    ),
    Keeping(
        "workshops.Access",
        Topic.PATH,
        "The day on which the school let you into a module",
        FOR_GOOD,
        of=("user",),
        stays=_CERTIFICATION,
        fields={
            **keys("id user"),
            "module": shown("Module"),
            "granted_on": shown("Since"),
            "recorded_at": shown("Recorded"),
            "recorded_by": shown("Recorded by"),
        },
    ),
    Keeping(
        "workshops.Entitlement",
        Topic.PATH,
        "Modules that were paid for elsewhere, and where",
        FOR_GOOD,
        of=("user",),
        stays="The books need to say why nothing was charged. Where it was paid goes.",
        fields={
            **keys("id user"),
            "module": shown("Module"),
            "source": emptied("Where it was paid"),
            "recorded_at": shown("Recorded"),
            "recorded_by": shown("Recorded by"),
        },
    ),
    Keeping(
        "workshops.Waiver",
        Topic.PATH,
        "Exceptions that the school made for you, and why",
        FOR_GOOD,
        of=("user",),
        stays=f"{_CERTIFICATION} The reason goes.",
        fields={
            **keys("id user"),
            "requirement": shown("Requirement", why="A code of the programme."),
            "kind": shown("Kind"),
            "cohort": shown("For"),
            "reason": emptied("Reason", ERASED_REASON),
            "until": shown("Until"),
            "given_at": shown("Given"),
            "given_by": shown("Given by"),
            "revoked_at": shown("Taken back"),
        },
    ),
    Keeping(
        "workshops.OnSetRecord",
        Topic.SET_DAYS,
        "Records of your days on set: the production, what you did there, what the school decided",
        FOR_GOOD,
        of=("user",),
        stays=f"{_DECISION} What was never decided is taken back first.",
        fields={
            **keys("id user"),
            **workings("revision"),
            "public_id": shown("Number", why="The history names the record by it."),
            "production": emptied("Production"),
            "kind": shown("Kind of production"),
            "company": emptied("Production company"),
            "department": emptied("Department"),
            "role": emptied("What you did there"),
            "is_paid": shown("Paid"),
            "is_union": shown("Union production"),
            "as_coordinator": shown("As an intimacy coordinator"),
            "note": emptied("Your note"),
            "proof_kind": shown("Kind of proof"),
            "proof_link": emptied("Link to the proof"),
            "proof_reason": emptied("Why there is no other proof"),
            "proof": emptied("What the school saw"),
            "dates_typed": emptied("The dates as you typed them"),
            "aims_for": shown("The cohort that you are aiming for"),
            "state": shown("State"),
            "created_at": shown("Begun"),
            "changed_at": shown("Changed"),
            "sent_at": shown("Sent"),
            "decided_at": shown("Decided"),
            "decided_by": shown("Decided by"),
            "second_eyes_by": shown("Somebody else was asked to decide by"),
            "second_eyes_why": emptied("What somebody else was asked to look at"),
        },
    ),
    Keeping(
        "workshops.OnSetDay",
        Topic.SET_DAYS,
        "The days themselves",
        FOR_GOOD,
        of=("record__user",),
        stays=_CERTIFICATION,
        fields={
            **keys("id"),
            "record": shown("Production"),
            "day": shown("Day"),
            "is_refused": shown("Left out by the school"),
        },
    ),
    Keeping(
        "workshops.Review",
        Topic.SET_DAYS,
        "What the school decided about each record, and why",
        FOR_GOOD,
        of=("record__user",),
        stays=_DECISION,
        fields={
            **keys("id"),
            "record": shown("Production"),
            "outcome": shown("Decision"),
            "accepted": shown("Days accepted"),
            "of": shown("Days claimed"),
            "reason": shown("Reason"),
            "words": emptied("What the school wrote"),
            "judgement": emptied("Why it counts"),
            "rules": shown(
                "The rules in force",
                why="The version of the rules, which names nobody.",
                words=lambda review: rules_in_words(review.rules),
            ),
            "at": shown("When"),
            "by": shown("By"),
            "undone_at": shown("Taken back"),
            "undone_by": shown("Taken back by"),
            "undone_why": emptied("Why it was taken back", where_there_is_some("undone_why", ERASED_REASON)),
        },
    ),
    Keeping(
        "workshops.ProofFile",
        Topic.SET_DAYS,
        "Files of proof",
        proof_kept_for,
        of=("record__user",),
        stays="The files and their names go. That there was a file, and when it was deleted, stays: "
        "so that none is left behind.",
        content_goes=True,
        fields={
            **keys("id"),
            "public_id": shown("Number", why="The history names the file by it."),
            "record": shown("Production"),
            "name": emptied("Name"),
            "media": shown("Kind"),
            "size": shown("Bytes"),
            "pages": shown("Pages"),
            "sha256": unseen("A fingerprint of the file, to tell when the same one comes twice.", ""),
            "stored_as": unseen("A random name under which the bytes lie until they are deleted."),
            "begun_at": shown("Arrived"),
            "kept_at": shown("Stored"),
            "removed_at": emptied("Taken away", _removed),
            "deleted_at": shown("Deleted"),
        },
    ),
    Keeping(
        "workshops.AuditHold",
        Topic.SET_DAYS,
        "That your proof is kept for an audit, and why",
        "As long as you have an account.",
        of=("user",),
        stays=GOES,
        fields={
            **keys("id user"),
            "why": shown("Why"),
            "begun_at": shown("Begun"),
            "begun_by": shown("Begun by"),
            "ended_at": shown("Ended"),
            "ended_by": shown("Ended by"),
        },
    ),
)
