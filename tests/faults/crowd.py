"""A crowd that reserves, pays, moves, waits, answers and cancels through the API, and remembers what it was told.

Each trainee is a program with a thread of its own. What it was told yes to stays in `heard`, and `told` is what it
holds to be true. A request that was cut off may have been done or not: `may_be` says what it could have led to, and
the trainee then repeats it with its Idempotency-Key, or looks where they stand, before they go on.
"""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from tests import factories
from tests.services.server import Product
from workshops.people.models import Scope

HAS_A_SEAT = ("held", "reserved", "confirmed")
PATIENCE_SECONDS = 90
"""So long the product may take to serve again after a kill, on a machine that is busy with other tests."""


class NobodyThere(Exception):
    """Nobody took the connection, or took the question: nothing was done."""


class CutOff(Exception):
    """No answer came, or one that says that something broke: what was asked is done or not done."""


@dataclass(frozen=True)
class Answer:
    """What the API said to one call."""

    status: int
    body: dict[str, Any]
    replayed: bool = False

    @property
    def said(self) -> str:
        """The slug of the problem, or the status of a yes."""
        return str(self.body.get("type", self.status)).rpartition("/")[2]


@dataclass(frozen=True)
class Yes:
    """What was asked, about which reservation, cohort or place in line (its id), and the answer that said yes."""

    what: str
    about: str
    body: dict[str, Any]


def ask(product: Product, method: str, path: str, token: str, body: object = None, *, key: str | None = None) -> Answer:
    """One call of the API.

    Raises:
        NobodyThere, CutOff
    """
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.connect()
    except OSError:
        raise NobodyThere from None
    try:
        connection.request(
            method,
            f"/api/v1{path}",
            json.dumps(body) if body is not None else None,
            headers | ({"Idempotency-Key": key} if key else {}),
        )
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException):
        raise CutOff from None
    finally:
        connection.close()
    if response.status == 429:  # on a machine so quick that people outrun their allowance
        raise NobodyThere
    if response.status >= 500:
        raise CutOff
    return Answer(response.status, json.loads(text or b"{}"), response.headers.get("Idempotent-Replayed") == "true")


# -- one trainee -------------------------------------------------------------------------------------------------------
@dataclass
class Trainee:
    """One person: their key, what they were told, and the next thing they do."""

    person_id: int
    token: str
    cohorts: list[str]
    chance: Random
    heard: list[Yes] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    """The last that was said about each of their reservations: its state by its id."""
    place: str | None = None
    """Where they wait, or have an offer: the id of their place in line."""
    offer: str | None = None
    seat_in: str | None = None
    may_be: dict[str, set[str]] = field(default_factory=dict)
    """What a reservation may have become because of requests that were cut off; "" stands for one they know not of."""
    unsure: bool = False
    wrong: list[str] = field(default_factory=list)

    @property
    def seat(self) -> str | None:
        """The reservation that they have a seat by."""
        return next((one for one, state in self.told.items() if state in HAS_A_SEAT), None)

    def act(self, product: Product) -> None:
        """Do the next thing. Raises NobodyThere, or CutOff when only a look was cut off."""
        if self.unsure:
            self.look(product)
        elif self.place and (not self.seat or self.chance.random() < 0.5):
            self._wait(product)
        elif not self.seat:
            self._reserve(product)
        else:
            self._go_on(product, self.seat)

    # What they do. After each request: what it may lead to if it is cut off, and what a yes means.
    def _reserve(self, product: Product) -> None:
        cohort = self.chance.choice(self.cohorts)
        answer = self._post(product, "reserve", cohort, "/reservations", {"cohort": cohort}, {"": {"held"}})
        if answer and answer.status == 201:
            self._has(answer, cohort)
        elif answer and self._no(answer, "cohort-full"):
            self._join(product, cohort)

    def _join(self, product: Product, cohort: str) -> None:
        answer = self._post(product, "join", cohort, "/waitlist", {"cohort": cohort}, {})
        if answer and answer.status in (200, 201):
            self.place = answer.body["id"]
            if answer.body["offer"]:
                self._is_offered(answer.body["offer"]["reservation"])
        elif answer:
            self._no(answer, "seats-available")

    def _wait(self, product: Product) -> None:
        assert self.place is not None
        if self.offer and self.chance.random() < 0.75:
            self._accept(product, self.place, self.offer)
        elif self.offer:
            self._decline(product, self.place)
        elif self.chance.random() < 0.1:
            self._leave(product, self.place)
        else:
            self._look_at_place(product, self.place)

    def _accept(self, product: Product, place: str, offer: str) -> None:
        may_be = {offer: {"held", "cancelled"}, "": set(HAS_A_SEAT)}
        if self.seat:  # accepting is then a move
            may_be[self.seat] = {"transferred"}
        answer = self._post(product, "accept", place, f"/waitlist/{place}/accept", None, may_be)
        if answer and answer.status == 200:
            moved = answer.body["id"] != offer
            self._out_of_line("cancelled" if moved else answer.body["state"])
            if moved and self.seat:
                self.told[self.seat] = "transferred"
            self._has(answer, answer.body["cohort"])
        elif answer:
            self._no(answer)

    def _decline(self, product: Product, place: str) -> None:
        answer = self._post(product, "decline", place, f"/waitlist/{place}/decline", None, self._leaving())
        if answer and answer.status == 200:
            self._out_of_line("cancelled")
        elif answer:
            self._no(answer)

    def _leave(self, product: Product, place: str) -> None:
        answer = self._send(product, "leave", place, "DELETE", f"/waitlist/{place}", None, self._leaving())
        if answer and answer.status == 204:
            self._out_of_line("cancelled")
        elif answer:
            self._no(answer)

    def _go_on(self, product: Product, seat: str) -> None:
        state, dice = self.told[seat], self.chance.random()
        if state == "held" and dice < 0.6:
            self._pay(product, seat, "deposit" if dice < 0.45 else "full", "reserved" if dice < 0.45 else "confirmed")
        elif state == "reserved" and dice < 0.4:
            self._pay(product, seat, "balance", "confirmed")
        elif dice < 0.75:
            self._move(product, seat)
        else:
            answer = self._post(product, "cancel", seat, f"/reservations/{seat}/cancel", {}, {seat: {"cancelled"}})
            if answer and answer.status == 200:
                self.told[seat], self.seat_in = answer.body["state"], None
            elif answer:
                self._no(answer)

    def _pay(self, product: Product, seat: str, purpose: str, leads_to: str) -> None:
        asked = {"purpose": purpose, "gateway": "sandbox"}
        answer = self._post(product, "pay", seat, f"/reservations/{seat}/payments", asked, {seat: {leads_to}})
        if answer and answer.status == 201 and answer.body["status"] == "succeeded":
            self.told[seat] = leads_to
        elif answer:
            self._no(answer)

    def _move(self, product: Product, seat: str) -> None:
        to = self.chance.choice([cohort for cohort in self.cohorts if cohort != self.seat_in])
        may_be = {seat: {"transferred"}, "": set(HAS_A_SEAT)} | self._leaving()
        answer = self._post(product, "move", seat, f"/reservations/{seat}/transfer", {"cohort": to}, may_be)
        if answer and answer.status == 201:
            self.told[seat] = "transferred"
            if self.place:  # with two cohorts, the line that they waited in is the one of the cohort they moved to
                self._out_of_line("cancelled")
            self._has(answer, to)
        elif answer and self._no(answer, "cohort-full") and not self.place:
            self._join(product, to)

    # What they know.
    def _has(self, answer: Answer, cohort: str) -> None:
        self.told[answer.body["id"]], self.seat_in = answer.body["state"], cohort

    def _is_offered(self, offer: str) -> None:
        self.offer = offer
        self.told[offer] = "offered"

    def _leaving(self) -> dict[str, set[str]]:
        return {self.offer: {"cancelled"}} if self.offer else {}

    def _out_of_line(self, offer_is: str) -> None:
        if self.offer:
            self.told[self.offer] = offer_is
        self.place = self.offer = None

    def _no(self, answer: Answer, *expected: str) -> bool:
        """Whether they were told a no that makes sense. Otherwise they look where they stand."""
        if answer.said in expected:
            return True
        self.unsure = True
        if not self.may_be:
            self.wrong.append(f"person {self.person_id} heard {answer.said} and holds {self.told}: {answer.body}")
        return False

    def _look_at_place(self, product: Product, place: str) -> None:
        found = {each["id"]: each for each in self._all(product, "/waitlist")}.get(place, {})
        if found.get("state") == "offered":
            self._is_offered(found["offer"]["reservation"])
        elif found.get("state") != "waiting":
            self.unsure = True
            if not self.may_be:
                self.wrong.append(f"person {self.person_id} waited at {place} and found {found}")

    def look(self, product: Product) -> None:
        """Where they stand: what the product says now must not contradict what it said before."""
        seats = {each["id"]: each for each in self._all(product, "/reservations")}
        places = self._all(product, "/waitlist")
        self.wrong += self.contradictions({one: each["state"] for one, each in seats.items()})
        self.told = {one: each["state"] for one, each in seats.items()}
        self.seat_in = seats[self.seat]["cohort"] if self.seat else None
        self.place = self.offer = None
        for each in places:
            if each["state"] in ("waiting", "offered"):
                self.place = each["id"]
                self.offer = each["offer"] and each["offer"]["reservation"]
        self.unsure = False

    def contradictions(self, there: Mapping[str, str]) -> Iterator[str]:
        """Where the reservations that are there, each with its state, make something untrue that they were told."""
        for one, state in self.told.items():
            if there.get(one) not in {state, *self.may_be.get(one, ())}:
                yield f"reservation {one} was told to be {state} and is {there.get(one, 'gone')}"
        for one in there.keys() - self.told.keys():
            if there[one] in HAS_A_SEAT and not self.may_be.get(""):
                yield f"reservation {one} is {there[one]}, and person {self.person_id} never asked for it"

    def is_settled(self, there: Mapping[str, str]) -> None:
        """All has come to rest and this is how it stands: nothing is in doubt any more."""
        self.told = dict(there)
        self.may_be.clear()
        self.unsure = True  # of their places in line; a look tells

    # How they ask.
    def _all(self, product: Product, path: str) -> list[dict[str, Any]]:
        answer = ask(product, "GET", f"{path}?limit=200", self.token)
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.body["items"]
        return found

    def _post(
        self, product: Product, what: str, about: str, path: str, body: object, may_be: Mapping[str, set[str]]
    ) -> Answer | None:
        key = uuid.UUID(int=self.chance.getrandbits(128)).hex if self.chance.random() < 0.5 else None
        return self._send(product, what, about, "POST", path, body, may_be, key)

    def _send(
        self,
        product: Product,
        what: str,
        about: str,
        method: str,
        path: str,
        body: object,
        may_be: Mapping[str, set[str]],
        key: str | None = None,
    ) -> Answer | None:
        """The answer; None when there is none. One that was cut off is repeated where it had a key."""
        repeating = False
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = ask(product, method, path, self.token, body, key=key)
                break
            except CutOff:
                for one, states in may_be.items():
                    self.may_be.setdefault(one, set()).update(states)
                self.may_be.setdefault(about, set())  # whatever it was, not all they hold is certain
                if key is None:
                    self.unsure = True
                    return None
                repeating = True
            except NobodyThere:
                if not repeating or time.monotonic() > deadline:
                    self.unsure = self.unsure or repeating
                    raise
            time.sleep(0.02)
        if answer.said == "in-progress":
            self.unsure = True
            return None
        if answer.status < 300:
            self.heard.append(Yes(what, about, answer.body))
        return answer


# -- all of them -------------------------------------------------------------------------------------------------------
@transaction.atomic
def gather(people: int, *, seats: int, seed: int) -> list[Trainee]:
    """So many trainees who qualify, and two cohorts of so many seats that they rush for."""
    cohorts = [factories.cohort(capacity=seats, now=now()) for _ in range(2)]
    users = factories.trainees(people)
    return [
        Trainee(
            user.pk,
            factories.token(user, Scope.BOOK, Scope.READ, now=now()),
            [cohort.public_id for cohort in cohorts],
            Random(seed * 1000 + number),  # noqa: S311  (dice are no secret)
        )
        for number, user in enumerate(users)
    ]


class Rush:
    """The crowd in motion, for the length of a `with`."""

    def __init__(self, product: Product, people: list[Trainee]) -> None:
        self.product = product
        self.people = people
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(each,)) for each in people]

    def __enter__(self) -> "Rush":
        """Let everyone go."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for everyone's last answer."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, trainee: Trainee) -> None:
        while not self._over.is_set():
            try:
                trainee.act(self.product)
            except (NobodyThere, CutOff):
                time.sleep(0.05)
            except Exception as problem:
                trainee.wrong.append(f"person {trainee.person_id} stopped: {problem!r}")
                return
            self._over.wait(trainee.chance.uniform(0.02, 0.15))

    @property
    def yeses(self) -> int:
        """How often a yes has been heard so far."""
        return sum(len(each.heard) for each in self.people)

    @property
    def _wrong(self) -> bool:
        return any(each.wrong for each in self.people)

    def goes_on(self, yeses: int) -> None:
        """Wait until so many more have been told yes: the product serves, and the rush is in full swing.

        And then any moment longer: what is struck at the very moment of a yes is always struck at the same point.
        """
        wanted = self.yeses + yeses
        until(lambda: self.yeses >= wanted or self._wrong, "nobody is told yes", self.product)
        time.sleep(self.people[0].chance.uniform(0, 0.15))


def until(true: Callable[[], bool], otherwise: str, product: Product) -> None:
    """Wait until something is true. Fails with `otherwise` and the ends of the logs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"{otherwise}\n{product.last_words()}"
        time.sleep(0.01)
