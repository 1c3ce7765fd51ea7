"""What one person and the school write to each other, each conversation about one thing."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from workshops.ids import new_id

LONGEST = 4000
"""Characters in one post."""


class PostQuerySet(models.QuerySet["Post"]):
    """Questions the pages ask."""

    def in_thread(self, about: tuple[str, str], person_id: int) -> "PostQuerySet":
        """The posts of one thread, in the order they were written."""
        kind, key = about
        return self.filter(about_kind=kind, about_id=key, person_id=person_id)

    def last_of_each_thread(self) -> "PostQuerySet":
        """For each thread the post that nobody has written after."""
        later = Post.objects.filter(
            about_kind=OuterRef("about_kind"),
            about_id=OuterRef("about_id"),
            person=OuterRef("person"),
            pk__gt=OuterRef("pk"),
        )
        return self.filter(~Exists(later))

    def unanswered(self) -> "PostQuerySet":
        """The last posts of threads in which it is the school's turn."""
        return self.last_of_each_thread().filter(author=F("person"), settled_at=None)


class Post(models.Model):
    """One piece of a thread. A thread is about one (kind, id) and belongs to one person; `writing` is the only writer.

    Kept as long as its person's account, and gone with it. A post whose author is not its person is the school's, also
    when that registrar's account is gone.
    """

    public_id = models.CharField(max_length=20, unique=True, default=new_id, editable=False)
    about_kind = models.CharField(max_length=20)
    about_id = models.CharField(max_length=40)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="posts")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    words = models.CharField(max_length=LONGEST)
    written_at = models.DateTimeField()
    read_by_person_at = models.DateTimeField(null=True)
    read_by_school_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(
        null=True,
        help_text="When the other side was sent a notice; empty where an earlier one still waited to be read.",
    )
    settled_at = models.DateTimeField(null=True, help_text="When a registrar said that it needs no answer.")

    objects = PostQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = (models.CheckConstraint(condition=~Q(words=""), name="post_words"),)
        indexes = (models.Index(fields=("about_kind", "about_id", "person", "id"), name="post_thread"),)

    def __str__(self) -> str:
        return f"{self.author or 'The school'} about {self.about_kind} {self.about_id}"

    @property
    def is_from_school(self) -> bool:
        """Whether the school wrote it."""
        return self.author_id != self.person_id
