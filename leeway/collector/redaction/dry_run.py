"""What redaction would change in requests: how often each rule, and an example of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from leeway.collector.otlp.json_request import to_protobuf
from leeway.collector.otlp.validate import check
from leeway.collector.otlp.wire import EXACT, SHAPES, Parsed
from leeway.collector.redaction.redactor import Redaction, Redactor
from leeway.collector.redaction.rules import Policy, Rules
from leeway.model import Signal

JSON_DEPTH_MAX: Final = 150
EXAMPLE_CHARS_MAX: Final = 80
"""An example is for the eye; redaction itself cuts nothing."""
_BELOW: Final = "\x1f"


class Sent(NamedTuple):
    """A request, in protobuf or OTLP/JSON."""

    body: bytes
    signal: Signal
    is_json: bool


@dataclass(frozen=True)
class Change:
    """What one rule would do.

    Attributes:
        times: How often.
        where: Of the example: `name`, `attributes[user.id]`, `body`.
        before: The text there now.
        after: The text that would be stored; None where it would be dropped.
    """

    rule: str
    action: str
    times: int
    where: str = ""
    before: str = ""
    after: str | None = None


def dry_run(rules: Rules, hash_key: bytes, project: str, requests: Iterable[Sent]) -> list[Change]:
    """What the rules that hold for a project would do to requests, the most frequent first.

    Raises:
        Rejected: A rule hashes without a key, or a request is none.
    """
    policy = rules.policy(project)
    counted: Counter[tuple[str, str]] = Counter()

    def count(rule: str, action: str, times: int) -> None:
        counted[rule, action] += times

    whole = Redactor(Rules(version=1, default=policy), hash_key, count).for_project(project)
    alone = {name: Redactor(Rules(version=1, default=one), hash_key).for_project("") for name, one in _each(policy)}
    examples: dict[str, tuple[str, str, str | None]] = {}
    for sent in requests if whole else ():
        signal = sent.signal
        body = to_protobuf(sent.body, JSON_DEPTH_MAX, signal) if sent.is_json else sent.body
        before = len(counted), counted.total()
        check(body, signal, whole)
        if (len(counted), counted.total()) == before:
            continue
        for name in [rule for rule, _ in counted if rule not in examples]:
            example = _example(body, signal, alone[name])
            if example:
                examples[name] = example
    return [
        Change(rule, action, times, *examples.get(rule, ("", "", None)))
        for (rule, action), times in counted.most_common()
    ]


def _each(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """Every rule on its own, by the name under which it is counted."""
    yield "content", Policy(content=policy.content, content_keys=policy.content_keys)
    for name in policy.built_in or ():
        yield name, Policy(built_in=(name,))
    for rule in policy.rules:
        yield rule.name, Policy(rules=(rule,))


def _example(body: bytes, signal: Signal, redaction: Redaction | None) -> tuple[str, str, str | None] | None:
    request = EXACT[SHAPES[signal].request]
    now = dict(_texts(request.FromString(check(body, signal).body), ""))
    then = dict(_texts(request.FromString(check(body, signal, redaction).body), ""))
    for where, text in now.items():
        after = then.get(where)
        if after != text:
            return where.rsplit(_BELOW, 1)[-1], _cut(text), None if after is None else _cut(after)
    return None


def _texts(message: Parsed, where: str) -> Iterator[tuple[str, str]]:
    """Every value of a message by where it stands; attributes by their keys, so that what follows a dropped one keeps
    its place.
    """
    for field, value in message.ListFields():
        for i, one in enumerate(value if field.is_repeated else (value,)):
            if field.message_type is None:
                yield f"{where}{_BELOW}{field.name}", str(one)
            elif field.message_type.name == "KeyValue":
                yield f"{where}{_BELOW}{field.name}[{one.key}]", _value(one.value)
            elif field.message_type.name == "AnyValue":
                yield f"{where}{_BELOW}{field.name}", _value(one)
            else:
                yield from _texts(one, f"{where}{_BELOW}{field.name}.{i}")


def _value(value: Parsed) -> str:
    which = value.WhichOneof("value")
    if which == "array_value":
        return ", ".join(map(_value, value.array_value.values))
    return str(getattr(value, which)) if which else ""


def _cut(text: str) -> str:
    return text if len(text) <= EXAMPLE_CHARS_MAX else f"{text[: EXAMPLE_CHARS_MAX - 1]}…"
