"""What is kept of mentors, whom they mentor, and when they meet."""

from workshops.retention import FOR_GOOD, Keeping, Topic, emptied, keys, shown, workings

KEEPS = (
    Keeping(
        "workshops.Mentorship",
        Topic.ROLES,
        "Who mentors you, or whom you mentor",
        FOR_GOOD,
        of=("mentor", "trainee"),
        stays="The other of the two was mentored, or has mentored, all the same.",
        fields={
            **keys("id mentor trainee"),
            "public_id": shown("Number", why="The history names the mentorship by it."),
            "began_on": shown("Began"),
            "ended_on": shown("Ended"),
        },
    ),
    Keeping(
        "workshops.Meeting",
        Topic.ROLES,
        "When you meet your mentor, or whom you mentor",
        FOR_GOOD,
        of=("mentorship__mentor", "mentorship__trainee"),
        stays="The other of the two was there as well.",
        fields={
            **keys("id mentorship"),
            "public_id": shown("Number", why="The history names the meeting by it."),
            "starts_at": shown("Begins"),
            "minutes": shown("Minutes"),
            "place": emptied("Where"),
            "cancelled_at": shown("Cancelled"),
            **workings("sequence revised_at"),
        },
    ),
)
