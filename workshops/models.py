"""Every model of the ground floor, where Django looks for them."""

from workshops.cohorts.models import CalendarRevision, Cohort, Seat, Session, Teaching, Venue
from workshops.conversations.models import Post
from workshops.history.models import HistoryLine
from workshops.mentors.models import Meeting, Mentorship
from workshops.messages.models import Message, Wording
from workshops.people.models import ApiToken, ErasureRequest, RoleGrant, User
from workshops.prerequisites.models import Access, Completion, Entitlement, Waiver
from workshops.prerequisites.records.models import AuditHold, OnSetDay, OnSetRecord, ProofFile, Review
from workshops.programme.models import (
    ConductText,
    Module,
    PolicyTerm,
    Price,
    Requirement,
    School,
    TrainingArea,
)
from workshops.web.models import KeptAnswer

__all__ = [
    "Access",
    "ApiToken",
    "AuditHold",
    "CalendarRevision",
    "Cohort",
    "Completion",
    "ConductText",
    "Entitlement",
    "ErasureRequest",
    "HistoryLine",
    "KeptAnswer",
    "Meeting",
    "Mentorship",
    "Message",
    "Module",
    "OnSetDay",
    "OnSetRecord",
    "PolicyTerm",
    "Post",
    "Price",
    "ProofFile",
    "Requirement",
    "Review",
    "RoleGrant",
    "School",
    "Seat",
    "Session",
    "Teaching",
    "TrainingArea",
    "User",
    "Venue",
    "Waiver",
    "Wording",
]
