"""A POST that was cut off by a kill and is repeated with its Idempotency-Key: one outcome, whatever had been done."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import Count, F
from django.utils.timezone import now

from booking.payments.models import Payment, PaymentStatus
from booking.reservations.models import Reservation, State
from tests.faults import promises
from tests.faults.conftest import Struck
from tests.faults.crowd import Answer, CutOff, NobodyThere, Trainee, ask, gather, until
from tests.faults.house import House
from tests.invariants import assert_all_hold
from tests.services.server import Product
from workshops.web.models import KeptAnswer
from workshops.web.repeats import ABANDONED

PEOPLE = 32
Posts = Mapping[int, tuple[str, object]]
"""What each person posts, by their number: the path and the body."""


class Crowd:
    """People who all post at once, each with a key of their own, and the answers that reached them."""

    def __init__(self, product: Product, people: list[Trainee], posts: Posts, key: str) -> None:
        self.product, self.people, self.posts, self.key = product, people, posts, key

    def all_at_once(self, answered: dict[int, Answer | None]) -> None:
        """Everyone asks; the answer of each, None where it was cut off, nothing where nobody was there to ask."""
        gate = threading.Barrier(len(self.people))

        def one(number: int) -> None:
            path, body = self.posts[number]
            gate.wait()
            try:
                key = f"{self.key} {number}"
                answered[number] = ask(self.product, "POST", path, self.people[number].token, body, key=key)
            except CutOff:
                answered[number] = None
            except NobodyThere:
                pass

        with ThreadPoolExecutor(len(self.people)) as threads:
            list(threads.map(one, range(len(self.people))))

    def struck(self, strike: Callable[[], None]) -> dict[int, Answer | None]:
        """The same, with a strike when the first few have their answer."""
        answered: dict[int, Answer | None] = {}
        posting = threading.Thread(target=self.all_at_once, args=(answered,))
        posting.start()
        until(lambda: len(answered) >= 3, "nobody is answered", self.product)
        strike()
        posting.join()
        connection.close()
        return answered

    def again(self) -> dict[int, Answer]:
        """Everyone repeats what they posted; everyone has an answer now."""
        answered: dict[int, Answer | None] = {}
        self.all_at_once(answered)
        found = {number: answer for number, answer in answered.items() if answer is not None}
        assert len(found) == len(self.people), self.product.last_words()
        return found


def posted_and_repeated(
    crowd: Crowd, strike: Callable[[], None], had_been_done: str, *, may_forget: bool
) -> dict[int, Answer]:
    """What each is told in the end. Whoever had an answer before gets it again, word for word.

    Whose answer was lost gets it now, or the work is done now; where it had been done and the answer never kept, they
    hear `had_been_done`, once the claim of the process that died counts as abandoned. So do those whose answer reached
    them and could not be kept, because the database died in between (`may_forget`).
    """
    before = crowd.struck(strike)
    assert None in before.values(), "nobody was cut off"
    at_once = crowd.again()
    assert {answer.said for answer in at_once.values()} <= {"201", "in-progress", had_been_done}
    # A minute later.
    KeptAnswer.objects.filter(status=None).update(created_at=F("created_at") - ABANDONED)
    later, once_more = crowd.again(), crowd.again()
    for number, answer in later.items():
        assert answer.said in ("201", had_been_done)
        for known in (before.get(number), at_once[number]):
            if known is not None and known.status == 201 and not (may_forget and answer.said == had_been_done):
                assert (answer.body, answer.replayed) == (known.body, True)
        assert once_more[number].body == answer.body
    return later


def one_outcome_each(product: Product, strike: Callable[[], None], *, may_forget: bool = False) -> None:
    """Everyone reserves, then everyone pays, and each time the lights go out."""
    people = gather(PEOPLE, seats=PEOPLE, seed=5)
    cohort = people[0].cohorts[0]
    reserve: Posts = {number: ("/reservations", {"cohort": cohort}) for number in range(PEOPLE)}
    crowd = Crowd(product, people, reserve, "reserve")
    answers = posted_and_repeated(crowd, strike, "already-reserved", may_forget=may_forget)
    seats = {made.trainee_id: made for made in Reservation.objects.select_related("cohort")}
    assert Reservation.objects.count() == len(seats) == PEOPLE
    for number, answer in answers.items():
        mine = seats[people[number].person_id]
        assert mine.public_id == answer.body["id" if answer.status == 201 else "reservation"]

    deposit = {"purpose": "deposit", "gateway": "sandbox"}
    pay: Posts = {
        number: (f"/reservations/{seats[each.person_id].public_id}/payments", deposit)
        for number, each in enumerate(people)
    }
    posted_and_repeated(Crowd(product, people, pay, "pay"), strike, "nothing-to-pay", may_forget=may_forget)
    assert set(Reservation.objects.values_list("state", flat=True)) == {State.RESERVED}
    received = Payment.objects.filter(status=PaymentStatus.SUCCEEDED)
    assert received.count() == PEOPLE
    assert not received.values("reservation").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert list(promises.half_done()) == []
    assert_all_hold(now())


@pytest.mark.slow
def test_what_a_killed_web_server_cut_off_has_one_outcome_when_it_is_repeated(
    start_product: Callable[..., Product],
) -> None:
    house = House(start_product(processes=1))
    one_outcome_each(house.product, house.kill_the_web_server)


@pytest.mark.slow
@pytest.mark.postgres
def test_what_a_killed_postgres_cut_off_has_one_outcome_when_it_is_repeated(
    start_struck: Callable[..., Struck],
) -> None:
    struck = start_struck(processes=1)
    one_outcome_each(struck.product, House(struck.product, struck.database).kill_the_database, may_forget=True)
