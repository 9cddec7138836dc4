"""Attributes and their values under a compiled policy."""

from __future__ import annotations

from typing import Final

from leeway.collector.otlp.wire import Parsed
from leeway.collector.redaction import json_text
from leeway.collector.redaction.json_text import Leaves
from leeway.collector.redaction.policy import Compiled, Decision
from leeway.collector.redaction.rules import Rule
from leeway.collector.redaction.scrub import Dropped, Scrubber, Tally

_LEAVES: Final = frozenset({"string_value", "bool_value", "int_value", "double_value", "bytes_value"})


def redact_attributes(attributes: Parsed, policy: Compiled, tally: Tally, *, in_content: bool = False) -> int:
    """Redact a list of KeyValue in place.

    Args:
        in_content: Whether they are of an event that is content, so that only harmless ones stay.

    Returns:
        How many were dropped.
    """
    dropped: list[int] = []
    for i, attribute in enumerate(attributes):
        decision = policy.decision(attribute.key)
        if decision.is_idle and not in_content:
            continue
        if (
            in_content
            and not decision.dropped_by
            and policy.content
            and not policy.content.kept_in_event(attribute.key)
        ):
            decision = policy.decision_of_content
        if not _redact(attribute, decision, policy, tally):
            dropped.append(i)
    for i in reversed(dropped):
        del attributes[i]
    return len(dropped)


def _redact(attribute: Parsed, decision: Decision, policy: Compiled, tally: Tally) -> bool:
    """Whether the attribute stays."""
    if decision.dropped_by:
        tally[decision.dropped_by, "drop"] += 1
        return False
    try:
        if decision.whole:
            replace_value(attribute.value, decision.whole, policy, tally)
        elif decision.scrubber:
            scrub_value(attribute.value, decision.scrubber, tally)
    except Dropped:
        return False
    if decision.key is not None:
        attribute.key = decision.key
        tally.update(decision.key_tally)
    return True


def scrub_value(value: Parsed, scrubber: Scrubber, tally: Tally) -> None:
    """Redact what patterns find in an AnyValue.

    Raises:
        Dropped: A rule of action `drop` found something.
    """
    which = value.WhichOneof("value")
    if which == "array_value":
        for element in value.array_value.values:
            _scrub_leaf(element, element.WhichOneof("value"), scrubber, tally)
    elif which in ("array_json", "kvlist_json"):
        before = getattr(value, which)
        after = scrubber.json(before, tally)
        if after != before:
            setattr(value, which, after)
    else:
        _scrub_leaf(value, which, scrubber, tally)


def _scrub_leaf(leaf: Parsed, which: str | None, scrubber: Scrubber, tally: Tally) -> None:
    if which == "string_value":
        before = leaf.string_value
        after = scrubber.text(before, tally)
        if after is not before and after != before:
            leaf.string_value = after
    elif which == "bytes_value":
        data = leaf.bytes_value
        changed = scrubber.data(data, tally)
        if changed != data:
            leaf.bytes_value = changed
    elif which in ("int_value", "double_value"):
        made = scrubber.number(getattr(leaf, which), tally)
        if made is not None:
            leaf.string_value = made


def replace_value(value: Parsed, rule: Rule, policy: Compiled, tally: Tally) -> None:
    """Hash or mask every leaf of an AnyValue; arrays and objects keep their shape."""
    which = value.WhichOneof("value")
    if which is None:
        return
    before = value.SerializeToString()

    def made(text: str) -> str:
        return policy.hashed(text) if rule.action == "hash" else rule.mask

    def data(content: bytes) -> str:
        return made(content.decode(errors="surrogateescape"))

    if which in ("array_json", "kvlist_json"):
        leaves = Leaves(key=lambda key: key, text=made, number=made, data=data, word=made)
        setattr(value, which, json_text.rewrite(getattr(value, which), leaves, ours=True))
    for leaf in value.array_value.values if which == "array_value" else (value,):
        kind = leaf.WhichOneof("value")
        if kind in _LEAVES:
            content = getattr(leaf, kind)
            leaf.string_value = data(content) if kind == "bytes_value" else made(written(content))
    if value.SerializeToString() != before:
        tally[rule.name, rule.action] += 1


def written(leaf: str | bool | float) -> str:  # noqa: FBT001 - an OTLP value
    """A leaf as text, so that 7 and "7" have one hash."""
    if isinstance(leaf, bool):
        return "true" if leaf else "false"
    return leaf if isinstance(leaf, str) else repr(leaf)
