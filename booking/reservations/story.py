"""A reservation's story as one: it goes on in another cohort when it moves, so what was before belongs to it."""

from dataclasses import dataclass

from booking.reservations.models import Reservation, State
from workshops.history.models import HistoryLine
from workshops.history.words import Told, told
from workshops.people.models import User


@dataclass(frozen=True)
class Chapter:
    """A line of a story as a reader may know it; `cohort` is the title of the cohort it was about, if another one."""

    told: Told
    cohort: str


def whole_story(reservation: Reservation) -> list[Reservation]:
    """Every reservation of one story with its cohort: those it moved here from, itself, those it went on to.

    The oldest first. One statement, however many moves; none where nothing ever moved. `reservation.cohort` is loaded
    already.
    """
    if reservation.moved_from_id is None and reservation.state != State.TRANSFERRED:
        return [reservation]
    own = list(Reservation.objects.filter(trainee=reservation.trainee_id).select_related("cohort"))
    by_key, after = {each.pk: each for each in own}, {each.moved_from_id: each for each in own if each.moved_from_id}
    first = reservation
    while first.moved_from_id is not None:
        first = by_key[first.moved_from_id]
    story = [first]
    while following := after.get(story[-1].pk):
        story.append(following)
    return story


def story_so_far(reservation: Reservation) -> list[Reservation]:
    """The same up to this reservation, which is the last of them."""
    story = whole_story(reservation)
    return story[: [each.pk for each in story].index(reservation.pk) + 1]


def chapters_of(reservation: Reservation, reader: User) -> list[Chapter]:
    """What has happened so far, in every cohort it has been in, the oldest first. Two statements at most."""
    story = story_so_far(reservation)
    titles = {each.public_id: each.cohort.title for each in story}
    titles[reservation.public_id] = ""
    lines = HistoryLine.objects.filter(about_kind="reservation", about_id__in=titles).select_related("by")
    # Leaving one cohort and coming to the next is one step, and the next tells it.
    moves = {each.public_id for each in story[:-1]}
    kept = [line for line in lines if not (line.what == "reservation-transferred" and line.about_id in moves)]
    return [Chapter(told(line, reader), titles[line.about_id]) for line in kept]
