"""Changes that keep an input nearly valid: protobuf is mutated field by field, with lengths that fit again."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from backports import zstd

from leeway.collector import journal
from leeway.collector.otlp import framing
from leeway.collector.spool import segment
from leeway.model import Signal
from tests.collector.otlp_messages import REQUESTS, json_request, random_message
from tests.fuzz.targets import ENCODINGS, NAMES, chosen

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
Field = tuple[int, int, bytes]
"""Number, wire type, content as it is on the wire (of `_LEN` without the length)."""
INTERESTING = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"\x00" * 8,
    b"\x00" * 16,
    b"\x01" * 16,
    b"\xc3",
    "é".encode(),
    b"\x08\x96\x01",
)


def fields_of(data: bytes) -> list[Field] | None:
    """The bytes as fields of a message; None when they are none."""
    fields: list[Field] = []
    at, end = 0, len(data)
    try:
        while at < end:
            tag, at = framing.read_varint(data, at, end)
            start = at
            if tag & 7 == _VARINT:
                _, at = framing.read_varint(data, at, end)
            elif tag & 7 == _LEN:
                length, start = framing.read_varint(data, at, end)
                at = start + length
            elif tag & 7 in (_I64, _I32):
                at += 8 if tag & 7 == _I64 else 4
            else:
                return None
            if at > end or not tag >> 3:
                return None
            fields.append((tag >> 3, tag & 7, data[start:at]))
    except ValueError:
        return None
    return fields


def joined(fields: list[Field]) -> bytes:
    out = []
    for number, wire_type, content in fields:
        out.append(framing.varint(number << 3 | wire_type))
        if wire_type == _LEN:
            out.append(framing.varint(len(content)))
        out.append(content)
    return b"".join(out)


def mutated_message(data: bytes, random: Random) -> bytes:
    """One field of a message changed, at any depth."""
    fields = fields_of(data)
    if not fields:
        return data + random.choice(INTERESTING)
    i = random.randrange(len(fields))
    number, wire_type, content = fields[i]
    if wire_type == _LEN and content and random.random() < 0.75:
        inner = fields_of(content)
        if inner:
            fields[i] = number, wire_type, mutated_message(content, random)
            return joined(fields)
    match random.randrange(8):
        case 0:
            del fields[i]
        case 1:
            fields.insert(random.randrange(len(fields) + 1), fields[i])
        case 2:
            fields[i] = number, _LEN, random.choice(INTERESTING)
        case 3:
            fields[i] = number, _VARINT, framing.varint(random.getrandbits(random.choice((1, 7, 32, 64))))
        case 4:
            fields[i] = (
                random.choice((1, 5, 6, 7, 9, 10, 100, 101, 1000, 1003, random.randrange(1, 30))),
                wire_type,
                content,
            )
        case 5:
            fields[i] = number, _LEN, joined([(random.choice((1, 2, 5, 6)), _LEN, content)] * random.choice((1, 1, 2)))
        case 6:
            random.shuffle(fields)
        case _:
            at = random.randrange(len(content) + 1)
            fields[i] = number, wire_type, content[:at] + random.randbytes(1) + content[at + 1 :]
    return joined(fields)


def fresh(target: int, random: Random) -> bytes:
    """A valid input of a target."""
    signal = random.choice(list(Signal))
    name = NAMES[target]
    if name.startswith(("protobuf", "json", "columns")):
        signal = Signal(name.split()[-1])
    message = random_message(REQUESTS[signal], random)
    body = message.SerializeToString()
    make: dict[str, Callable[[], bytes]] = {
        "protobuf": lambda: body,
        "json": lambda: json.dumps(json_request(message)).encode(),
        "gzip": lambda: gzip.compress(body),
        "deflate": lambda: zlib.compress(body),
        "zstd": lambda: zstd.compress(body),
        ENCODINGS[3]: lambda: zstd.compress(gzip.compress(body)),
        "framing": lambda: body,
        "columns": lambda: next((body[start:end] for start, end in framing.resource_spans(body)), b""),
        "journal": lambda: journal.encode(journal.Entry("writer", 1, 2, (3, 4), body)),
        "spool": lambda: _segment(body),
        "deep": lambda: joined([(random.choice((5, 6)), _LEN, body)]),
    }
    return make[name if name in make else name.split()[0]]()


def _segment(body: bytes) -> bytes:
    record = b"".join(segment.encode_record(segment.Record(2, (1, 2), body, {"p": 3})))
    return segment.encode_header(segment.Header("writer", 1, 2)) + record + record


def mutated(data: bytes, random: Random, any_mutation: Callable[[bytes], bytes]) -> bytes:
    """The next input after this one: sometimes fresh, mostly a small change.

    Args:
        any_mutation: The fuzzer's own, which knows nothing of formats.
    """
    if not data or random.random() < 0.02:
        target = random.randrange(len(NAMES))
        return bytes((target,)) + fresh(target, random)
    target = chosen(data)
    name = NAMES[target]
    if name.startswith(("protobuf", "columns", "deep", "framing")) and random.random() < 0.6:
        return data[:1] + mutated_message(data[1:], random)
    if name.startswith("json") and random.random() < 0.5:
        return data[:1] + _mutated_json(data[1:], random)
    return data[:1] + any_mutation(data[1:])


def _mutated_json(data: bytes, random: Random) -> bytes:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    return json.dumps(_changed(document, random)).encode("utf-8", "surrogatepass")


_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**64, 1e999, "", "NaN", "-1", "zz", "\ud800", [], {}, [[]],
    {"arrayValue": {"values": [{}]}},
    {"kvlistValue": {"values": [{"key": "$bytes", "value": {"bytesValue": "_-"}}]}},
)  # fmt: skip


def _changed(value: Any, random: Random) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        if random.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _changed(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        i = random.randrange(len(value))
        rest = value[i:] if random.random() < 0.1 else value[i + 1 :]
        return [*value[:i], _changed(value[i], random), *rest]
    return random.choice(_VALUES)
