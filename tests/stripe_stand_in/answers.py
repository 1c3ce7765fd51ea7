"""What goes back over HTTP: a status, a body, headers."""

from dataclasses import dataclass, field


@dataclass
class Answer:
    """One answer, complete."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
