"""How a message is written down: one plain text, from which both the text and the HTML part are made.

    Subject: Your seat is held until {{ held_until }}

    Dear {{ name }},

    A paragraph.

    When: Thursday 4 March 2027
    Where: Stage 3

    [Pay the deposit]({{ link }})

Paragraphs are set apart by empty lines. A paragraph whose lines all read "Label: value" is a list of facts; a line in
the form [label](address) is the one thing to do next.
"""

import re
from dataclasses import dataclass
from typing import Literal

_ACTION = re.compile(r"^\[(?P<label>[^\]]+)\]\((?P<address>\S+)\)$")
_FACT = re.compile(r"^(?P<label>[A-Z][\w ,'-]{1,30}): (?P<value>\S.*)$")


@dataclass(frozen=True)
class Block:
    """A paragraph, a list of facts (pairs), or the one action."""

    kind: Literal["paragraph", "facts", "action"]
    text: str = ""
    address: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Words:
    """A message ready to be sent."""

    subject: str
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """The plain text part."""
        return "\n\n".join(_plain(block) for block in self.blocks) + "\n"


def read(source: str) -> Words:
    """Take a written-down message apart.

    Raises:
        ValueError: when it does not begin with a subject.
    """
    head, _, body = source.strip().partition("\n")
    if not head.startswith("Subject: "):
        raise ValueError("A message begins with a line 'Subject: …'.")
    paragraphs = re.split(r"\n\s*\n", body.strip())
    return Words(subject=head.removeprefix("Subject: ").strip(), blocks=tuple(_block(p.strip()) for p in paragraphs))


def _block(paragraph: str) -> Block:
    if action := _ACTION.match(paragraph):
        return Block("action", text=action["label"], address=action["address"])
    lines = [line.strip() for line in paragraph.splitlines()]
    facts = [_FACT.match(line) for line in lines]
    if facts and all(facts):
        return Block("facts", facts=tuple((fact["label"], fact["value"]) for fact in facts if fact))
    return Block("paragraph", text=" ".join(lines))


def _plain(block: Block) -> str:
    if block.kind == "action":
        return f"{block.text}:\n{block.address}"
    if block.kind == "facts":
        return "\n".join(f"{label}: {value}" for label, value in block.facts)
    return block.text
