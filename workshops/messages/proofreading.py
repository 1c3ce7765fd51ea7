"""What is wrong with words that the school has written for a message. Pure rules, asked on saving and on sending alike.

The shipped words are the measure: whatever they tell their reader about a seat, money or a date, in whichever case, the
school's words tell as well, and their one button leads to the same page.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from email.utils import parseaddr
from functools import lru_cache
from itertools import combinations, islice, product

from django.conf import settings

from workshops.messages.catalogue import BY_CODE
from workshops.messages.placeholders import Placeholder, Use, known
from workshops.messages.words import BRACES, FACT, Block, Filled, Text, Unreadable, Words, parse

MOST_SOURCE = 6000
MOST_SUBJECT = 78
MOST_CASES = 4096
# What mail programs make links of, without any that they would not: a name with no full stop in it, a price, "p.m.".
_ADDRESS = re.compile(
    rf"[\w{FACT}]:/|\b(?:mailto|tel|sms):\S|\bwww\.|[\w{FACT}.+-]@[\w{FACT}]"
    rf"|[^\s.]\.(?:{FACT}|[^\W\d_](?:[^\W\d_]|[\u0300-\u1aff]))"  # name.tld, in any script, marks and all
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s()\[\]<>]+")
_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f]")


@dataclass(frozen=True)
class Fault:
    """What to mend, and in which line; 0 where it is no line in particular."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.words}" if self.line else self.words


def placeholders_of(kind: str, shipped: Text) -> dict[str, Placeholder]:
    """The placeholders that the words of this kind may use: what the shipped words use, and what is always there."""
    entry = BY_CODE.get(kind)
    return known(kind, shipped.names() | set(entry.more if entry else ()))


def readable(kind: str, source: str, shipped: Text) -> Text:
    """The text of these words, where each placeholder in it is one of this kind, used for what it is for.

    Raises:
        Unreadable: with the first line that cannot be read.
    """
    if len(source) > MOST_SOURCE:
        raise Unreadable(1, f"The words have {len(source)} characters. Bring them down to {MOST_SOURCE}.")
    if not source.startswith("Subject: "):
        raise Unreadable(1, "The words begin with “Subject: ” and the subject, and then an empty line.")
    text = parse(source)
    _no_addresses(source)
    there = placeholders_of(kind, shipped)
    for name, line in _names(text):
        if name not in there:
            near = get_close_matches(name, there, 1, 0.5)
            rather = f" Did you mean {{{{ {near[0]} }}}}?" if near else " Choose one from the list on this page."
            raise Unreadable(line, f"{{{{ {name} }}}} is no placeholder of this message.{rather}")
    for place in text.places():
        if place.most and place.line > 1:
            raise Unreadable(
                place.line,
                f"{{{{ {place.name} }}}} would be cut short. Only the subject may do that; here the reader needs it "
                f"all: write {{{{ {place.name} }}}} without “truncatechars”.",
            )
        if there[place.name].use is Use.CASE:
            use = f"{{% if {place.name} %}}"
            raise Unreadable(place.line, f"{{{{ {place.name} }}}} says nothing by itself. Use it in {use}.")
    return text


def _names(text: Text) -> Iterator[tuple[str, int]]:
    yield from sorted(
        [
            *((place.name, place.line) for place in text.places()),
            *((each.name, line) for each, line in text.questions()),
        ],
        key=lambda found: found[1],
    )


def own_addresses() -> frozenset[str]:
    """The addresses that may be typed, in lower case: the school's host and where answers to its e-mails go."""
    answers = parseaddr(settings.EMAIL_REPLY_TO or settings.DEFAULT_FROM_EMAIL)[1]
    return frozenset({settings.SITE_HOST.lower(), answers.lower()})


def _no_addresses(source: str) -> None:
    """Refuse those that stand there as they are, where the line is known. What comes out of it is for `misfit`."""
    for number, line in enumerate(BRACES.sub(" ", source).split("\n"), 1):
        if told := _address(line):
            raise Unreadable(number, told)


def _address(typed: str) -> str:
    """Words about the first address in a stretch of text that is not the school's; empty when there is none."""
    found = next((each for each in _addresses(typed) if each.lower() not in own_addresses()), "")
    return found and (
        f"“{found.replace(FACT, '…')}” reads like an address. No address can be typed here: the one button leads where "
        "the reader goes next. Where a sentence ends in it, put a space after the full stop."
    )


@lru_cache(maxsize=1024)
def _addresses(typed: str) -> tuple[str, ...]:
    """Whatever mail programs may take for an address. Remembered: most of a text is the same in every case."""
    words = _WORD.findall(_JOINERS.sub("", unicodedata.normalize("NFKC", typed)))
    return tuple(word.strip(".,;:!?“”\u2018\u2019\"'") for word in words if _ADDRESS.search(word))


def _address_in(own: Filled) -> str:
    return next(filter(None, map(_address, own.typed)), "")


def misfit(own: Filled, shipped: Filled, there: Mapping[str, Placeholder]) -> tuple[str, str] | None:
    """What keeps the school's words from going out in place of the shipped ones, with the same facts in both.

    The placeholder that it is about, where it is about one, and why; None when nothing does.
    """
    words = own.words
    if not words.subject:
        return "", "The subject is empty. Say what the message is about."
    if own.is_cut_short:
        return "", "A button stands on a line of its own, with an empty line before and after: [words]({{ link }})."
    if told := _address_in(own):
        return "", told
    for name in sorted(own.holes):
        return (
            name,
            f"{{{{ {name} }}}} is not always there. Put what needs it inside {{% if {name} %}} … {{% endif %}}.",
        )
    for name in sorted(own.shown | own.in_subject):
        if there[name].use is Use.LINK:
            return (
                name,
                f"{{{{ {name} }}}} is an address: it can only stand behind the button, [words]({{{{ {name} }}}}).",
            )
    if told := _button(words, shipped.words):
        return "", told
    for name in sorted(shipped.shown - own.shown):
        in_subject = name in own.in_subject - own.cut_in_subject
        if there[name].use is Use.FACT or (there[name].use is Use.TOPIC and not in_subject):
            return "", f"{{{{ {name} }}}} is missing below the subject. {there[name].meaning}: the reader must be told."
    return None


def _button(own: Words, shipped: Words) -> str:
    theirs, ours = _actions(own), _actions(shipped)
    if len(theirs) != len(ours):
        is_one = "There is one button, on a line of its own, such as [Do this next]({{ link }})."
        return f"{is_one} Here there {'is none' if not theirs else 'are several'}." if ours else "No button goes here."
    if [block.address for block in theirs] != [block.address for block in ours]:
        return "The button must lead where the shipped one leads. Copy what stands in its round brackets."
    return ""


def _actions(words: Words) -> list[Block]:
    return [block for block in words.blocks if block.kind == "action"]


def faults_of(kind: str, source: str, shipped: Text, real: Iterable[Mapping[str, str]]) -> list[Fault]:
    """Everything that has to be mended before these words can be the school's; nothing when they can.

    They are read in every case that the shipped words or they themselves tell apart, with examples, and with the facts
    of `real` messages of this kind.
    """
    try:
        text = readable(kind, source, shipped)
    except Unreadable as unreadable:
        return [Fault(unreadable.line, unreadable.why)]
    there = placeholders_of(kind, shipped)
    found: dict[str, Fault] = {}
    for facts, told in (*((each, "") for each in real), *_cases(text, shipped, there)):
        measure = shipped.fill(facts)
        if measure.holes:  # no message has these facts together
            continue
        own = text.fill(facts)
        if wrong := misfit(own, measure, there):
            name, why = wrong
            found.setdefault(why, Fault(_line_of(text, name), f"{why}{told}"))
        elif len(own.words.subject) > max(MOST_SUBJECT, len(measure.words.subject)):
            why = f"The subject is longer than {MOST_SUBJECT} characters with real facts in it: “{own.words.subject}”."
            found.setdefault("subject", Fault(1, f"{why} Shorten it."))
    return sorted(found.values(), key=lambda fault: (fault.line or 10_000, fault.words))


def _line_of(text: Text, name: str) -> int:
    return next((place.line for place in text.places() if place.name == name), 0)


def _cases(text: Text, shipped: Text, there: Mapping[str, Placeholder]) -> Iterator[tuple[dict[str, str], str]]:
    """Facts for every case that the words tell apart, the fullest first, each with words that say which it is."""
    all_there = examples(there)
    options: dict[str, set[str]] = {}
    for asked, _ in (*shipped.questions(), *text.questions()):
        if asked.name in there:
            options.setdefault(asked.name, {"", all_there[asked.name]}).update({asked.equals} if asked.equals else ())
    for place in (*shipped.places(), *text.places()):
        if place.default and place.name in there:
            options.setdefault(place.name, {"", all_there[place.name]})
    for chosen in _chosen({name: sorted(values, reverse=True) for name, values in sorted(options.items())}):
        absent = [name for name, value in chosen.items() if not value and there[name].use is not Use.CASE]
        told = f" (This is so when there is no {', no '.join(absent[:3])}.)" if absent else ""
        yield {**all_there, **chosen}, told


def _chosen(options: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    """Every choice of one value for each name; where these are too many, all values of any two names together."""
    count = 1
    for values in options.values():
        count *= len(values)
    if count <= MOST_CASES:
        every = product(*options.values())
        yield from (dict(zip(options, values, strict=True)) for values in every)
        return
    yield from islice(_in_twos(options), MOST_CASES)


def _in_twos(options: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    for rest in (0, -1):
        others = {name: values[rest] for name, values in options.items()}
        yield others
        for one, two in combinations(options, 2):
            for pair in product(options[one], options[two]):
                yield {**others, one: pair[0], two: pair[1]}


def examples(there: Mapping[str, Placeholder]) -> dict[str, str]:
    """Truthful facts, for a message that nobody has been sent yet."""
    return {name: placeholder.sample for name, placeholder in there.items()}


@lru_cache(maxsize=256)
def once_readable(kind: str, source: str, shipped: Text) -> Text:
    """As `readable`, remembered: for those who send many."""
    return readable(kind, source, shipped)
