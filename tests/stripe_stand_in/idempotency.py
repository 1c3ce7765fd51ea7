"""Idempotency keys as Stripe documents them for API v1: the first answer of a key is given again for a day."""

from dataclasses import dataclass
from threading import Lock

from tests.stripe_stand_in.errors import JSON, Refusal

A_DAY = 24 * 60 * 60
LONGEST = 255
Answer = tuple[int, JSON]


@dataclass
class Remembered:
    """What was first asked with a key, and the answer once there is one."""

    asked: tuple[str, str, tuple[tuple[str, str], ...]]
    at: int
    request_id: str
    answer: Answer | None = None


class Idempotency:
    """The keys of a day. A key belongs to a mode: live keys and test keys are apart."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.keys: dict[tuple[bool, str], Remembered] = {}

    def begin(
        self,
        key: tuple[bool, str],
        asked: tuple[str, str, tuple[tuple[str, str], ...]],
        now: int,
        request_id: str,
    ) -> Remembered | None:
        """The earlier answer to the same request, or None: then this one is under way until `finish` or `forget`.

        Raises Refusal: 400 `idempotency_error` for other parameters or another address, 409 while it is under way.
        """
        if len(key[1]) > LONGEST:
            raise Refusal(400, f"Idempotency keys can be up to {LONGEST} characters.", kind="idempotency_error")
        with self.lock:
            earlier = self.keys.get(key)
            if earlier is None or (earlier.answer is not None and now - earlier.at >= A_DAY):
                self.keys[key] = Remembered(asked, now, request_id)
                return None
            if earlier.asked[:2] != asked[:2]:
                raise Refusal(
                    400,
                    "Keys for idempotent requests can only be used for the same endpoint they were first used for "
                    f"('{asked[1]}' vs '{earlier.asked[1]}'). Try using a key other than '{key[1]}' if you meant to "
                    "execute a different request.",
                    kind="idempotency_error",
                )
            if earlier.asked != asked:
                raise Refusal(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    f"Try using a key other than '{key[1]}' if you meant to execute a different request.",
                    kind="idempotency_error",
                )
            if earlier.answer is None:
                raise Refusal(
                    409,
                    "There is currently another in-progress request using this Idempotent Key (that probably means "
                    f"you submitted twice, and the other request is still going through): {key[1]}. Please try again "
                    "later.",
                    code="idempotency_key_in_use",
                )
            return earlier

    def finish(self, key: tuple[bool, str], answer: Answer) -> None:
        """The answer is the answer for a day."""
        with self.lock:
            self.keys[key].answer = answer

    def forget(self, key: tuple[bool, str]) -> None:
        """The work never began: the key is free."""
        with self.lock:
            self.keys.pop(key, None)
