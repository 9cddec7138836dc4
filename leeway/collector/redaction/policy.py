"""A project's policy, compiled: for every key what becomes of its value, and a test that spares most messages."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from leeway.collector.redaction.built_in import NAMES, SHAPES, finder
from leeway.collector.redaction.content import Content, content
from leeway.collector.redaction.patterns import Regex, compiled, either, key_hint, key_pattern, unasserted
from leeway.collector.redaction.rules import CONTENT, Policy, Rule
from leeway.collector.redaction.scrub import Dropped, Hash, Pattern, Scrubber, Tally

KEYS_REMEMBERED_MAX: Final = 10_000
"""Keys whose decision is remembered; keys are the senders' to invent."""
_HIDDEN_IN_ASCII: Final = r"\\u00"
"""What JSON may write for an ASCII character; no hint of a built-in pattern needs any other escape."""
_HIDDEN: Final = r"\\"
"""What a person's pattern looks for may be written with any escape in JSON."""
_LONG_NUMBERS: Final = (
    re.compile(rb"\x18[\x80-\xff]{5}"),
    re.compile(rb"\x09\x21.{7}[\x42-\x44\xc2-\xc4]", re.DOTALL),
)
"""Tag and bytes of an AnyValue that is an integer from 2**35 on, or negative; length, tag and bytes of one that is a
double from 2**32 on. No smaller number is a card's. They begin with fixed bytes, which are looked for in C."""
_DEEP_BYTES: Final = r'\{"\$bytes'
"""Bytes within deep values stand there in base64, in which no hint sees anything."""
_NUMBERS: Final = (re.compile(rb"\x18"), re.compile(rb"\x09\x21"))
_DEEP: Final = (re.compile(rb"\xa2\x06"), re.compile(rb"\xaa\x06"))
"""Tags of array_json and kvlist_json."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of an attribute, as its key has it.

    Attributes:
        dropped_by: The rule that drops it.
        whole: The rule that hashes or masks all of its value.
        scrubber: The patterns that its value is searched for.
        key: What its key shall be.
        key_tally: What renaming the key counts.
    """

    dropped_by: str = ""
    whole: Rule | None = None
    scrubber: Scrubber | None = None
    key: str | None = None
    key_tally: Tally | None = None

    @property
    def is_idle(self) -> bool:
        return not self.dropped_by and self.whole is None and self.scrubber is None and self.key is None


class Compiled:
    """A policy with everything compiled.

    Attributes:
        hashed: Of texts.
        scrubber: The patterns that hold whatever the key, for names, messages and bodies.
        content: What is content, where content is not stored.
    """

    def __init__(self, policy: Policy, hashed: Hash) -> None:
        self.hashed = hashed
        self.content: Content | None = content(policy.content_keys) if policy.content is False else None
        self._rules = policy.rules
        self._keys: tuple[Regex, ...] = tuple(
            compiled(either(key_pattern(key) for key in rule.keys)) if rule.keys else None for rule in policy.rules
        )
        self._patterns = {rule.name: tuple(_patterns(rule)) for rule in policy.rules}
        self._built_in = tuple(_built_in(policy))
        self._escapes = _HIDDEN if any(rule.values for rule in policy.rules) else _HIDDEN_IN_ASCII
        self._scrubbers: dict[tuple[str, ...], Scrubber] = {}
        self.scrubber = self._scrubber(tuple(rule.name for rule in policy.rules if rule.values and not rule.keys))
        self._decisions: dict[str, Decision] = {}
        numbers = [rule for rule in policy.rules if rule.numbers]
        self._hints: tuple[Regex, ...] = (
            compiled(either(self._text_hints(policy))),
            *(_NUMBERS if numbers else _LONG_NUMBERS if self.scrubber.numbers else ()),
            *(_DEEP if any(rule.values for rule in policy.rules) else ()),
        )

    decision_of_content: Final = Decision(dropped_by=CONTENT)

    @property
    def is_idle(self) -> bool:
        """Whether nothing can ever change under this policy."""
        return self.content is None and not self._rules and not self._built_in

    def concerns(self, serialised: bytes) -> bool:
        """Whether a message of these bytes may hold anything to change. Never wrong when it says no."""
        return any(hint.search(serialised) for hint in self._hints)

    def concerned(self, serialised: Sequence[bytes]) -> list[int]:
        """Which of several messages `concerns` would say yes to, and perhaps their neighbours.

        They are searched as one text: a call of the search for each would cost more than the search.
        """
        ends = list(accumulate(map(len, serialised)))
        joined = b"".join(serialised)
        found: set[int] = set()
        for hint in self._hints:
            at = 0
            while match := hint.search(joined, at):
                index = bisect_right(ends, match.start())
                found.add(index)
                at = ends[index]
        return sorted(found)

    def decision(self, key: str) -> Decision:
        """What becomes of an attribute of that key."""
        found = self._decisions.get(key)
        if found is None:
            if len(self._decisions) >= KEYS_REMEMBERED_MAX:
                self._decisions.clear()
            found = self._decisions[key] = self._decide(key)
        return found

    def _decide(self, key: str) -> Decision:
        if self.content and self.content.holds(key):
            return Decision(dropped_by=CONTENT)
        data = key.encode()
        names: list[str] = []
        for rule, keys in zip(self._rules, self._keys, strict=True):
            if keys is not None and not keys.search(data):
                continue
            if rule.values:
                names.append(rule.name)
            elif rule.action == "drop":
                return Decision(dropped_by=rule.name)
        whole = next(
            (r for r, k in zip(self._rules, self._keys, strict=True) if k and not r.values and k.search(data)), None
        )
        tally: Tally = Tally()
        try:
            renamed = self.scrubber.text(key, tally)
        except Dropped:
            return Decision(dropped_by=next(iter(tally))[0])
        scrubber = self._scrubber(tuple(names))
        return Decision(
            whole=whole,
            scrubber=scrubber if scrubber.patterns else None,
            key=renamed if renamed != key else None,
            key_tally=tally,
        )

    def _scrubber(self, names: tuple[str, ...]) -> Scrubber:
        """The one for these rules and the built-in patterns."""
        made = self._scrubbers.get(names)
        if made is None:
            patterns = [p for name in names for p in self._patterns[name]]
            made = self._scrubbers[names] = Scrubber((*patterns, *self._built_in), self.hashed, self._escapes)
        return made

    def _text_hints(self, policy: Policy) -> Iterator[str]:
        if self.content:
            yield from self.content.hints
        for rule in policy.rules:
            if rule.values:
                yield from (p.hint for p in self._patterns[rule.name])
            else:
                yield from (key_hint(key) for key in rule.keys)
        yield from (p.hint for p in self._built_in)
        if self._built_in or any(rule.values for rule in policy.rules):
            yield self._escapes
            yield _DEEP_BYTES


def _patterns(rule: Rule) -> Iterator[Pattern]:
    for value in rule.values:
        yield Pattern(rule.name, rule.action, finder(value), unasserted(value), rule.mask, rule.numbers)


def _built_in(policy: Policy) -> Iterator[Pattern]:
    for name in NAMES:
        if name in (policy.built_in or ()):
            shape = SHAPES[name]
            yield Pattern(name, "mask", shape.find, shape.hint, shape.mask, shape.numbers)
