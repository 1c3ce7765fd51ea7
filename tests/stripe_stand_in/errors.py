"""How the stand-in says no: the statuses, types and codes that Stripe documents for its errors."""

from typing import Any

JSON = dict[str, Any]


class Refusal(Exception):
    """An answer that is an error. `began`: whether the work had begun, so that an idempotency key remembers it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        began: bool = True,
        more: JSON | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.began = began
        self.error: JSON = {"message": message, "type": kind, **(more or {})}
        if code:
            self.error |= {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
        if param:
            self.error["param"] = param


def invalid(message: str, param: str = "", code: str = "") -> Refusal:
    """A parameter that cannot be: 400, and nothing was begun, so that no key remembers it."""
    return Refusal(400, message, param=param, code=code, began=False)


def missing(kind: str, object_id: str, param: str = "id") -> Refusal:
    """404 for an address, 400 for a parameter that names what is not there."""
    words = kind.rpartition(".")[2] if kind == "checkout.session" else kind
    return Refusal(
        404 if param == "id" else 400, f"No such {words}: '{object_id}'", param=param, code="resource_missing"
    )
