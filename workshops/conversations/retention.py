"""What is kept of what people and the school write to each other."""

from workshops.conversations.models import Post
from workshops.retention import GOES, WITH_ACCOUNT, Keeping, Topic, keys, shown, workings


def _entry(post: Post) -> dict[str, object]:
    by = "The school" if post.is_from_school else "You"
    return {"When": post.written_at, "By": by, "Words": post.words}


KEEPS = (
    Keeping(
        "workshops.Post",
        Topic.WORDS,
        "Conversations with the school about your seats and your days on set",
        WITH_ACCOUNT,
        of=("person",),
        stays=GOES,
        entry=_entry,
        fields={
            **keys("id public_id person"),
            **workings("read_by_person_at read_by_school_at told_at settled_at"),
            "about_kind": shown("About"),
            "about_id": shown("Number"),
            "author": shown("By"),
            "words": shown("Words"),
            "written_at": shown("When"),
        },
    ),
)
