"""On-set records with their days and proof, what the school decided about each, and audits that keep proof longer."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from workshops.ids import new_id
from workshops.people.models import User

PERSON = settings.AUTH_USER_MODEL


class RecordState(models.TextChoices):
    """How far an on-set record has come. `records.lifecycle` is the only writer."""

    DRAFT = "draft", "Draft"
    IN_REVIEW = "in-review", "In review"
    QUESTION = "question", "Waiting for an answer"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Not accepted"
    WITHDRAWN = "withdrawn", "Withdrawn"


EDITABLE = (RecordState.DRAFT, RecordState.QUESTION)
"""The trainee may change what it says."""
UNDECIDED = (RecordState.IN_REVIEW, RecordState.QUESTION)
"""Sent, and the school has not decided: its days are shown as in review, and do not count."""


class ProductionKind(models.TextChoices):
    """What was being made."""

    FEATURE = "feature", "Feature film"
    SERIES = "series", "Television or streaming series"
    TELEVISION = "television", "Other television"
    SHORT = "short", "Short film"
    COMMERCIAL = "commercial", "Commercial"
    MUSIC_VIDEO = "music-video", "Music video"
    NEW_MEDIA = "new-media", "New media"
    STUDENT = "student", "Student film"
    THEATRE = "theatre", "Theatre"
    OTHER = "other", "Something else"


class ProofKind(models.TextChoices):
    """What shows that the work was done. The school accepts an IMDb page in certain circumstances only."""

    CALL_SHEET = "call-sheet", "Call sheet"
    PAY_STUB = "pay-stub", "Pay stub"
    LETTER = "letter", "Letter from a producer, UPM or hiring department"
    IMDB = "imdb", "IMDb page"


class OnSetRecordQuerySet(QuerySet["OnSetRecord"]):
    """Questions that pages ask."""

    def unseen(self) -> "OnSetRecordQuerySet":
        """What the school has never seen: it was neither sent nor decided."""
        return self.filter(sent_at=None, decided_at=None)

    def shown_to_school(self) -> "OnSetRecordQuerySet":
        """Those of whose existence the school knows: all but `unseen`."""
        return self.filter(Q(sent_at__isnull=False) | Q(decided_at__isnull=False))

    def read_by_school(self) -> "OnSetRecordQuerySet":
        """Those whose content the school reads. What a trainee has taken back to change it is theirs alone again."""
        return self.shown_to_school().exclude(state=RecordState.DRAFT)

    def theirs(self, user: User) -> "OnSetRecordQuerySet":
        """A person's records as they know them; a draft that was deleted before the school saw it is gone."""
        return self.filter(user=user).exclude(state=RecordState.WITHDRAWN, sent_at=None, decided_at=None)


class OnSetRecord(models.Model):
    """Dated work on a professional set, with what the school decided about it.

    A trainee writes it as a draft and sends it. Days that a registrar enters themselves are accepted at once and have
    no review: `proof` says what they saw.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    user = models.ForeignKey(PERSON, models.CASCADE, related_name="on_set_records")
    production = models.CharField(max_length=160, blank=True)
    kind = models.CharField("kind of production", max_length=12, choices=ProductionKind.choices, blank=True)
    company = models.CharField("production company", max_length=160, blank=True)
    department = models.CharField(max_length=80, blank=True)
    role = models.CharField(max_length=160, blank=True, help_text="What you did there.")
    is_paid = models.BooleanField("paid", null=True)
    is_union = models.BooleanField("union production", null=True)
    as_coordinator = models.BooleanField("I worked as an intimacy coordinator", default=False)
    note = models.TextField("anything we should know", max_length=2_000, blank=True)
    proof_kind = models.CharField(max_length=10, choices=ProofKind.choices, blank=True)
    proof_link = models.URLField(max_length=500, blank=True)
    proof_reason = models.TextField(
        "why there is no other proof", max_length=1_000, blank=True, help_text="Needed with an IMDb page."
    )
    proof = models.CharField(max_length=200, blank=True, help_text="What the registrar saw, for example call sheets.")
    dates_typed = models.TextField(blank=True, help_text="The dates of a draft as they were typed, readable or not.")
    aims_for = models.ForeignKey("workshops.Cohort", models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(max_length=10, choices=RecordState.choices, default=RecordState.DRAFT)
    revision = models.PositiveIntegerField(
        default=1, help_text="Raised by every change of what it says or how far it is: who acts names the one they saw."
    )
    created_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When it was last sent for review.")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")
    second_eyes_by = models.ForeignKey(
        PERSON, models.SET_NULL, null=True, related_name="+", help_text="Who asked that somebody else decide."
    )
    second_eyes_why = models.TextField(blank=True)

    objects = OnSetRecordQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(state__in=RecordState.values), name="on_set_record_state"),
            models.CheckConstraint(
                condition=Q(state__in=("draft", "in-review", "question"), decided_at=None)
                | Q(state__in=("accepted", "rejected"), decided_at__isnull=False)
                | Q(state="withdrawn"),
                name="on_set_record_decided",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("in-review", "question", "rejected")) | Q(sent_at__isnull=False),
                name="on_set_record_sent",
            ),
        )
        indexes = (
            models.Index(fields=("sent_at",), condition=Q(state__in=UNDECIDED), name="on_set_record_queue"),
            models.Index(fields=("user", "state"), name="on_set_record_of"),
        )

    def __str__(self) -> str:
        return self.production or "A production without a name"

    def get_absolute_url(self) -> str:
        """The trainee's page about it."""
        from django.urls import reverse

        return reverse("record", args=[self.public_id])

    @property
    def is_editable(self) -> bool:
        """Whether the trainee may change what it says."""
        return self.state in EDITABLE

    @property
    def is_undecided(self) -> bool:
        """Whether it was sent and waits for the school or for an answer."""
        return self.state in UNDECIDED

    @property
    def is_unseen(self) -> bool:
        """Whether the school has never seen it: see `OnSetRecordQuerySet.unseen`."""
        return self.sent_at is None and self.decided_at is None

    @property
    def is_read_by_school(self) -> bool:
        """Whether the school reads what it says: see `OnSetRecordQuerySet.read_by_school`."""
        return self.state != RecordState.DRAFT and not self.is_unseen


class OnSetDay(models.Model):
    """One calendar date of an on-set record."""

    record = models.ForeignKey(OnSetRecord, models.CASCADE, related_name="days")
    day = models.DateField()
    is_refused = models.BooleanField(default=False, help_text="Left out when the rest of the record was accepted.")

    class Meta:
        ordering = ("day",)
        constraints = (models.UniqueConstraint(fields=("record", "day"), name="on_set_day_once"),)

    def __str__(self) -> str:
        return self.day.isoformat()


class ReviewOutcome(models.TextChoices):
    """What a registrar decided."""

    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Not accepted"


class RejectReason(models.TextChoices):
    """Why a record was not accepted; the registrar adds words."""

    NOT_PROVEN = "not-proven", "The proof does not show this work"
    UNREADABLE = "unreadable", "The proof cannot be read"
    DATES_DIFFER = "dates-differ", "The dates differ from those on the proof"
    NOT_PROFESSIONAL = "not-professional", "This was not a professional film or television set"
    AS_COORDINATOR = "as-coordinator", "Work as an intimacy coordinator during training does not count"
    COUNTED_ALREADY = "counted-already", "These days count already"
    OTHER = "other", "Another reason"


NO_PROOF_HELPS = (RejectReason.NOT_PROFESSIONAL, RejectReason.AS_COORDINATOR, RejectReason.COUNTED_ALREADY)
"""Reasons that lie in the work itself: other proof of it changes nothing."""


class Review(models.Model):
    """A registrar's decision about an on-set record, as it was made. `records.reviewing` is the only writer.

    It stays when it is undone, and when the proof is deleted.
    """

    record = models.ForeignKey(OnSetRecord, models.CASCADE, related_name="reviews")
    outcome = models.CharField(max_length=10, choices=ReviewOutcome.choices)
    accepted = models.PositiveSmallIntegerField(help_text="How many of its days.")
    of = models.PositiveSmallIntegerField(help_text="How many days it claimed.")
    reason = models.CharField(max_length=20, choices=RejectReason.choices, blank=True)
    words = models.TextField(blank=True, help_text="What the trainee reads beside the reason.")
    judgement = models.TextField(blank=True, help_text="Why it counts although something about it was flagged.")
    rules = models.CharField(max_length=200, help_text="The version of the rules in force: see `check.version_of`.")
    at = models.DateTimeField()
    by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")
    undone_why = models.TextField(blank=True)

    class Meta:
        ordering = ("at", "pk")
        constraints = (
            models.CheckConstraint(condition=Q(outcome__in=ReviewOutcome.values), name="review_outcome"),
            models.CheckConstraint(
                condition=Q(outcome="accepted", reason="", accepted__gte=1, accepted__lte=F("of"))
                | Q(outcome="rejected", accepted=0, reason__in=RejectReason.values),
                name="review_fits",
            ),
            models.CheckConstraint(
                condition=Q(undone_at=None, undone_why="") | (Q(undone_at__isnull=False) & ~Q(undone_why="")),
                name="review_undone",
            ),
            models.UniqueConstraint(fields=("record",), condition=Q(undone_at=None), name="review_in_force_once"),
        )

    def __str__(self) -> str:
        return f"{self.record}: {self.get_outcome_display()}"


class ProofMedia(models.TextChoices):
    """What a file of proof is kept as. HEIC becomes JPEG when it comes in."""

    PDF = "pdf", "PDF"
    JPEG = "jpeg", "JPEG"
    PNG = "png", "PNG"


class ProofFileQuerySet(QuerySet["ProofFile"]):
    """Questions that pages ask."""

    def kept(self) -> "ProofFileQuerySet":
        """Files that can be opened, in the order in which they came."""
        return self.filter(kept_at__isnull=False, removed_at=None, deleted_at=None).order_by("pk")

    def gone_by_the_clock(self) -> "ProofFileQuerySet":
        """Files that were kept until their time was over. What a trainee took away themselves is none of them."""
        return self.filter(kept_at__isnull=False, removed_at=None, deleted_at__isnull=False)

    def due_for_deletion(self, decided_before: datetime, arriving_before: datetime) -> "ProofFileQuerySet":
        """Files whose bytes are to go, but for those of people whose proof is kept for an audit.

        Removed by the trainee; never arrived; of a record that was taken back; of one decided before a moment.
        """
        audited = AuditHold.objects.open().filter(user=OuterRef("record__user"))
        is_over = (
            Q(removed_at__isnull=False)
            | Q(kept_at=None, begun_at__lt=arriving_before)
            | Q(record__state="withdrawn")
            | Q(record__decided_at__lt=decided_before)
        )
        return self.filter(is_over, ~Exists(audited), deleted_at=None)


class ProofFile(models.Model):
    """One file of proof. `prerequisites.files.keeping` is the only writer; the bytes lie in the storage of files.

    The row is written before the bytes are stored and stays when they are deleted, so that none is ever left behind.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    record = models.ForeignKey(OnSetRecord, models.CASCADE, related_name="files")
    name = models.CharField(max_length=120, blank=True, help_text="As the trainee called it; empty once it is deleted.")
    media = models.CharField(max_length=4, choices=ProofMedia.choices)
    size = models.PositiveIntegerField(help_text="Bytes, as kept.")
    pages = models.PositiveSmallIntegerField(default=1)
    sha256 = models.CharField(max_length=64, help_text="Of the bytes as they came, to tell when the same comes twice.")
    stored_as = models.CharField(max_length=64, unique=True)
    begun_at = models.DateTimeField()
    kept_at = models.DateTimeField(null=True, help_text="When its bytes were stored.")
    removed_at = models.DateTimeField(null=True, help_text="When its trainee took it away.")
    deleted_at = models.DateTimeField(null=True, help_text="When its bytes were deleted.")

    objects = ProofFileQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (models.CheckConstraint(condition=Q(media__in=ProofMedia.values), name="proof_file_media"),)
        indexes = (models.Index(fields=("record",), condition=Q(deleted_at=None), name="proof_file_there"),)

    def __str__(self) -> str:
        return self.name or f"A deleted {self.get_media_display()}"

    @property
    def is_kept(self) -> bool:
        """Whether it can be opened: see `ProofFileQuerySet.kept`."""
        return bool(self.kept_at) and not (self.removed_at or self.deleted_at)

    @property
    def is_gone(self) -> bool:
        """Whether the clock deleted it: see `ProofFileQuerySet.gone_by_the_clock`."""
        return bool(self.kept_at and self.deleted_at) and not self.removed_at

    @property
    def is_converted(self) -> bool:
        """Whether it came as a picture that few browsers show: HEIC is kept as JPEG."""
        return self.media == ProofMedia.JPEG and self.name.lower().endswith((".heic", ".heif"))

    @property
    def page_numbers(self) -> range:
        """Its pages, counted from 1."""
        return range(1, self.pages + 1)


class AuditHoldQuerySet(QuerySet["AuditHold"]):
    """Audits that go on."""

    def open(self) -> "AuditHoldQuerySet":
        """Those that have not ended."""
        return self.filter(ended_at=None)


class AuditHold(models.Model):
    """While one is open, nothing of this person's proof is deleted. `prerequisites.files.audits` is the only writer."""

    user = models.ForeignKey(PERSON, models.CASCADE, related_name="audit_holds")
    why = models.TextField()
    begun_at = models.DateTimeField()
    begun_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(PERSON, models.SET_NULL, null=True, related_name="+")

    objects = AuditHoldQuerySet.as_manager()

    class Meta:
        ordering = ("-begun_at",)
        constraints = (
            models.CheckConstraint(condition=~Q(why=""), name="audit_hold_why"),
            models.UniqueConstraint(fields=("user",), condition=Q(ended_at=None), name="audit_hold_once"),
        )

    def __str__(self) -> str:
        return f"Audit of {self.user}"
