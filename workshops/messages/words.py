"""How a message is written down: one plain text, from which both the text and the HTML part are made.

    Subject: Your seat is held until {{ held_until }}

    Dear {{ name }},

    A paragraph.{% if fee %} A sentence for those who owe a fee of {{ fee }}.{% endif %}

    When: {{ days }}
    Where: {{ venue|default:"Stage 3" }}

    [Pay the deposit]({{ link }})

Paragraphs are set apart by empty lines. A paragraph whose lines all read "Label: value" is a list of facts; a line in
the form [label](address) is the one thing to do next; a line that begins with four spaces is a code to type somewhere.

The words in braces look like Django's, and are read here: this much of its language and no more, so that what somebody
writes at the desk can reach nothing but the facts of the message. What a text looks like is settled before any fact is
put into it, so that a name or a reason that somebody typed cannot pose as a link, a fact or a placeholder.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from workshops.text import UNSEEN

STOP = "stop_link"
"""Where the facts of a message carry the address of a page on which its reader may say that they want no more of it."""
MOST_DEPTH = 8
FACT = "\ue000"
"""Stands for any fact, where only what somebody typed is looked at."""

_ACTION = re.compile(r"^\[(?P<label>[^\]]+)\]\((?P<address>\S+)\)$")
_FACT = re.compile(r"^(?P<label>[A-Z][\w ,'-]{1,30}): (?P<value>\S.*)$")
_BUTTON = re.compile(r"\]\s?\(")
_CODE = re.compile(r"^ {4,}\S")
# Where a fact will stand, while the text is taken apart: characters that no text may have.
_OPENS, _CLOSES = FACT, "\ue001"
_MARK = re.compile(f"{_OPENS}(\\d+){_CLOSES}")
_NOT_TEXT = re.compile(
    f"[{UNSEEN}"
    "\t\x0b-\r\x85\u2028\u2029"  # ends of lines that are none here
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0"  # blank, wherever they stand
    "\ue000-\uf8ff\U000e0000-\U000e0fff]"  # those without a meaning, and the tags that nothing shows
)

BRACES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
"""What is written in braces, whether or not it can be read."""
_STRAY = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_NAME = r"[a-z][a-z0-9_]*"
_SHOWN = re.compile(
    rf'^(?P<name>{_NAME})(?:\|default:"(?P<default>[^"{{}}%]*)"|\|truncatechars:(?P<most>[1-9]\d{{0,2}}))?$'
)
_ATOM = re.compile(rf'"[^"]*"|==|{_NAME}|\S+')


class Unreadable(ValueError):
    """The text cannot be read: in which line, counted from 1, and why, in words for whoever wrote it."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"Line {line}: {why}")
        self.line, self.why = line, why


@dataclass(frozen=True)
class Block:
    """A paragraph, a list of facts (pairs), a code to be typed somewhere, or the one action."""

    kind: Literal["paragraph", "facts", "action", "code"]
    text: str = ""
    address: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Words:
    """A message ready to be sent. `because` says why its reader gets it, `stop` where they may say no more of it."""

    subject: str
    blocks: tuple[Block, ...]
    because: str = ""
    stop: str = ""

    @property
    def text(self) -> str:
        """The plain text part. Its foot is set off by the line that mail programs know as the end of the letter."""
        letter = "\n\n".join(_plain(block) for block in self.blocks) + "\n"
        foot = " ".join(filter(None, (self.because, f"No more of these: {self.stop}" if self.stop else "")))
        return f"{letter}\n-- \n{foot}\n" if foot else letter


def _plain(block: Block) -> str:
    if block.kind == "action":
        return f"{block.text}:\n{block.address}"
    if block.kind == "facts":
        return "\n".join(f"{label}: {value}" for label, value in block.facts)
    return f"    {block.text}" if block.kind == "code" else block.text


@dataclass(frozen=True)
class Filled:
    """Words with the facts in them, and what was done with each of these."""

    words: Words
    shown: frozenset[str]
    """The placeholders whose facts can be read below the subject."""
    in_subject: frozenset[str]
    """Those whose facts can be read in the subject."""
    holes: frozenset[str]
    """Those that stand in the text and had nothing to say."""
    cut_in_subject: frozenset[str]
    """Those that stand in the subject only where they may be cut to so many characters."""
    typed: tuple[str, ...]
    """What somebody typed, subject first, stretch by stretch as it is read: `FACT` wherever a fact stands."""
    is_cut_short: bool
    """Whether a button was begun in it that is none: it must have a line to itself."""


@dataclass(frozen=True)
class Shown:
    """A place where a fact is shown: `{{ name }}`, with words for when there is none, or cut to so many characters."""

    name: str
    line: int
    default: str = ""
    most: int = 0

    def value(self, facts: Mapping[str, str]) -> str:
        """What stands there."""
        value = facts.get(self.name) or self.default
        return value if not self.most or len(value) <= self.most else f"{value[: self.most - 1]}…"


@dataclass(frozen=True)
class Asked:
    """One question of a condition: whether there is such a fact, or whether it is just this."""

    name: str
    negated: bool = False
    equals: str | None = None

    def holds(self, facts: Mapping[str, str]) -> bool:
        """The answer."""
        value = facts.get(self.name, "")
        return (bool(value) if self.equals is None else value == self.equals) != self.negated


@dataclass(frozen=True)
class Branch:
    """Words for one case: any of `cases`, each of which is all of its questions; none at all for `else`."""

    cases: tuple[tuple[Asked, ...], ...]
    line: int
    parts: "tuple[Part, ...]"

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether this is the case."""
        return not self.cases or any(all(each.holds(facts) for each in case) for case in self.cases)


@dataclass(frozen=True)
class Choice:
    """Words of which the first that hold are said."""

    branches: tuple[Branch, ...]


Part = str | Shown | Choice


@dataclass(frozen=True)
class Text:
    """A message as it is written down, before it has any facts."""

    parts: tuple[Part, ...]

    def places(self) -> Iterator[Shown]:
        """Every place where a fact may be shown."""
        return (each for each in _walk(self.parts) if isinstance(each, Shown))

    def branches(self) -> Iterator[Branch]:
        """Every case that the words tell apart."""
        return (branch for each in _walk(self.parts) if isinstance(each, Choice) for branch in each.branches)

    def questions(self) -> Iterator[tuple[Asked, int]]:
        """Everything that a condition asks, with its line."""
        return ((asked, branch.line) for branch in self.branches() for case in branch.cases for asked in case)

    def names(self) -> frozenset[str]:
        """Every placeholder in it."""
        return frozenset({place.name for place in self.places()} | {asked.name for asked, _ in self.questions()})

    def fill(self, facts: Mapping[str, str]) -> Filled:
        """The words with these facts.

        Raises:
            ValueError: when they do not begin with a subject.
        """
        placed: list[tuple[Shown, str]] = []
        form = _form("".join(_said(self.parts, facts, placed)))
        below = "".join(f"{block.text}{''.join(value for _, value in block.facts)}" for block in form.blocks)

        def said_in(text: str, *, whole: bool = False) -> frozenset[str]:
            there = (placed[int(number)] for number in _MARK.findall(text))
            return frozenset(place.name for place, value in there if value and not (whole and place.most))

        holes = frozenset(place.name for place, value in placed if not value)
        words = _put_in(form, [value for _, value in placed])
        cut_short = any(_BUTTON.search(block.text) for block in form.blocks if block.kind != "action")
        in_subject = said_in(form.subject)
        return Filled(
            words,
            shown=said_in(below),
            in_subject=in_subject,
            holes=holes,
            cut_in_subject=in_subject - said_in(form.subject, whole=True),
            typed=_typed(form, [FACT if facts.get(place.name) else place.default for place, _ in placed]),
            is_cut_short=cut_short,
        )


def _walk(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, Choice):
            for branch in part.branches:
                yield from _walk(branch.parts)


def _said(parts: tuple[Part, ...], facts: Mapping[str, str], placed: list[tuple[Shown, str]]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Shown):
            placed.append((part, part.value(facts)))
            yield f"{_OPENS}{len(placed) - 1}{_CLOSES}"
        elif branch := next((each for each in part.branches if each.holds(facts)), None):
            yield from _said(branch.parts, facts, placed)


def _form(source: str) -> Words:
    head, _, body = source.strip().partition("\n")
    if not head.startswith("Subject: "):
        raise ValueError("A message begins with a line 'Subject: …'.")
    paragraphs = re.split(r"\n(?:[^\S\n]*\n)+", f"\n{body}\n")
    return Words(head.removeprefix("Subject: ").strip(), tuple(_block(each) for each in paragraphs if each.strip()))


def _block(paragraph: str) -> Block:
    lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
    if _CODE.match(paragraph):
        return Block("code", text=" ".join(lines))
    if len(lines) == 1 and (action := _ACTION.match(lines[0])):
        return Block("action", text=action["label"], address=action["address"])
    facts = [_FACT.match(line) for line in lines]
    if all(facts):
        return Block("facts", facts=tuple((fact["label"], fact["value"]) for fact in facts if fact))
    return Block("paragraph", text=" ".join(lines))


def _put_in(form: Words, values: list[str]) -> Words:
    def put(text: str) -> str:
        return _MARK.sub(lambda mark: values[int(mark[1])], text).strip()

    blocks = (
        replace(
            block,
            text=put(block.text),
            address=put(block.address),
            facts=tuple((label, said) for label, value in block.facts if (said := put(value))),
        )
        for block in form.blocks
    )
    return replace(
        form, subject=put(form.subject), blocks=tuple(block for block in blocks if block.text or block.facts)
    )


def _typed(form: Words, values: list[str]) -> tuple[str, ...]:
    stretches = [form.subject]
    for block in form.blocks:
        stretches += [block.text, *(f"{label}: {value}" for label, value in block.facts)]
    return tuple(_MARK.sub(lambda mark: values[int(mark[1])], each) for each in stretches if each)


def parse(source: str) -> Text:
    """Read a message as it is written down.

    Raises:
        Unreadable: with the line and the reason, when a placeholder or a condition in it is none that is known here.
    """
    if strange := _NOT_TEXT.search(source):
        raise Unreadable(
            _line(source, strange.start()),
            f"There is a character in it that cannot be seen (U+{ord(strange[0]):04X}), {_beside(source, strange)}. "
            "Type the line anew.",
        )
    return Text(_Reading(source).parts())


def _line(source: str, at: int) -> int:
    return source.count("\n", 0, at) + 1


def _beside(source: str, strange: re.Match[str]) -> str:
    """Where a character stands that nobody sees, in words that can be seen."""
    after = _NOT_TEXT.sub("", source[strange.end() :].split("\n", 1)[0]).strip()
    return f"before “{after[:20].strip()}”" if after else "at its end"


class _Reading:
    """One reading of a text from its beginning to its end."""

    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0
        self.braces = list(BRACES.finditer(source))
        self.tag, self.tag_line = "", 1
        """The tag at which the last stretch of text ended, empty at the end of it all, and its line."""

    def parts(self) -> tuple[Part, ...]:
        """All of it."""
        found = self._until_tag(0)
        if self.tag:
            raise Unreadable(
                self.tag_line, f"“{{% {self.tag} %}}” has no “{{% if … %}}” before it. Take it out, or put one there."
            )
        return found

    def _until_tag(self, depth: int) -> tuple[Part, ...]:
        """The parts up to the next elif, else, endif or the end, which is left in `tag`."""
        found: list[Part] = []
        while self.braces:
            brace = self.braces.pop(0)
            self._text(brace.start(), found)
            self.at = brace.end()
            line, inside = _line(self.source, brace.start()), brace[0][2:-2].strip()
            if brace[0].startswith("{{"):
                found.append(_shown(inside, line))
                continue
            self.tag, self.tag_line = inside, line
            word = inside.split(" ", 1)[0]
            if word in {"elif", "else", "endif"}:
                return tuple(found)
            if word != "if":
                raise Unreadable(
                    line,
                    f"“{brace[0]}” cannot stand in a message: only if, elif, else and endif can. Take it out.",
                )
            found.append(self._choice(depth + 1))
        self._text(len(self.source), found)
        self.tag, self.tag_line = "", _line(self.source, len(self.source))
        return tuple(found)

    def _choice(self, depth: int) -> Choice:
        opened = self.tag_line
        if depth > MOST_DEPTH:
            raise Unreadable(opened, "There are too many conditions inside one another. Say it more simply.")
        branches: list[Branch] = []
        while True:
            tag, line = self.tag, self.tag_line
            word, _, condition = tag.partition(" ")
            if tag == "endif":
                return Choice(tuple(branches))
            if word in {"else", "endif"} and condition.strip():
                raise Unreadable(line, f"“{{% {tag} %}}” says too much: write “{{% {word} %}}”.")
            if branches and not branches[-1].cases:
                raise Unreadable(line, "Nothing but “{% endif %}” can come after “{% else %}”.")
            cases = () if word == "else" else _cases(condition, line)
            parts = self._until_tag(depth)
            branches.append(Branch(cases, line, parts))
            if not self.tag:
                raise Unreadable(opened, "This “{% if … %}” has no “{% endif %}”. Put one where the condition ends.")

    def _text(self, until: int, found: list[Part]) -> None:
        text = self.source[self.at : until]
        if stray := _STRAY.search(text):
            raise Unreadable(
                _line(self.source, self.at + stray.start()),
                f"“{stray[0]}” stands alone. A placeholder is written {{{{ name }}}}, a condition {{% if name %}}.",
            )
        if text:
            found.append(text)


def _shown(inside: str, line: int) -> Shown:
    read = _SHOWN.match(inside)
    if not read:
        raise Unreadable(
            line,
            f"“{{{{ {inside} }}}}” cannot be read. Write the name of a placeholder and nothing else, or with words for "
            'when it is empty: {{ name|default:"words" }}.',
        )
    return Shown(read["name"], line, read["default"] or "", int(read["most"] or 0))


def _cases(condition: str, line: int) -> tuple[tuple[Asked, ...], ...]:
    """A condition: names joined by `and` and `or`, each with `not` before it or `== "words"` after it."""
    atoms: list[str] = _ATOM.findall(condition)
    cases: list[list[Asked]] = [[]]
    while True:
        negated = atoms[:1] == ["not"]
        rest = atoms[1:] if negated else atoms
        if not rest or not re.fullmatch(_NAME, rest[0]) or rest[0] in {"and", "or", "not"}:
            break
        name, rest = rest[0], rest[1:]
        equals = None
        if rest[:1] == ["=="] and len(rest) > 1 and rest[1].startswith('"'):
            equals, rest = rest[1].strip('"'), rest[2:]
        cases[-1].append(Asked(name, negated, equals))
        if not rest:
            return tuple(tuple(case) for case in cases)
        if rest[0] == "or":
            cases.append([])
        elif rest[0] != "and":
            break
        atoms = rest[1:]
    raise Unreadable(
        line,
        f"The condition “{condition.strip()}” cannot be read. Name a placeholder, as in {{% if why %}}; “not”, “and”, "
        '“or” and == "words" may go with it.',
    )
