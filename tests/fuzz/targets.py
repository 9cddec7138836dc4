"""What is fuzzed: every parser that meets bytes from outside. Each takes any bytes and raises only at a fault of ours.

The first byte of an input chooses the target, so that one corpus serves all.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from itertools import pairwise

from leeway.collector import journal
from leeway.collector.otlp import deep, framing
from leeway.collector.otlp.compression import decompress
from leeway.collector.otlp.json_request import to_protobuf
from leeway.collector.otlp.validate import Checked, check
from leeway.collector.refusal import Refused
from leeway.collector.spool import segment
from leeway.model import Signal
from leeway.storage.columns import Decoder
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices
from tests.collector.storable import assert_storable

DECODER = Decoder(load_conventions(), load_frameworks(), load_prices())
DECOMPRESSED_BYTES_MAX = 1 << 16
JSON_DEPTH_MAX = 200
ENCODINGS = ("gzip", "deflate", "zstd", "gzip, zstd")


def _protobuf(signal: Signal) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        with contextlib.suppress(Refused):
            _assert_decodable(signal, check(data, signal))

    return target


def _assert_decodable(signal: Signal, checked: Checked) -> None:
    """What has passed the check is whole, and the decoder takes it."""
    assert_storable(signal, checked)
    suffix = framing.private_fields("default", "w1", 1, 1_770_000_000_000_000_000)
    DECODER.blocks(signal, b"".join(framing.framed(checked.body, checked.slices, suffix)))


def _columns(signal: Signal) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        with contextlib.suppress(ValueError):  # refused; what reads past its array is an IndexError here
            DECODER.blocks(signal, framing.varint(len(data)) + data)

    return target


def _json(signal: Signal) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        with contextlib.suppress(Refused):
            _assert_decodable(signal, check(to_protobuf(data, JSON_DEPTH_MAX, signal), signal))

    return target


def _compressed(encoding: str) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        with contextlib.suppress(Refused):
            assert len(decompress(data, encoding, DECOMPRESSED_BYTES_MAX)) <= DECOMPRESSED_BYTES_MAX

    return target


def _deep(data: bytes) -> None:
    # A RecursionError is Python's decoder's, which cannot follow what ours wrote.
    with contextlib.suppress(Refused, UnicodeDecodeError, RecursionError):
        json.loads(deep.json_text(data))


def _framing(data: bytes) -> None:
    with contextlib.suppress(framing.Unframable):
        slices = framing.resource_spans(data)
        assert all(a.end <= b.start for a, b in pairwise(slices))
    with contextlib.suppress(ValueError):
        assert sum(map(len, framing.unframed(data))) <= len(data)


def _journal(data: bytes) -> None:
    with contextlib.suppress(journal.Torn):
        assert journal.encode(journal.decode(data)) == data


def _segment(data: bytes) -> None:
    try:
        header, at = segment.decode_header(data)
    except segment.Spoilt:
        at = 0
    else:
        assert header.writer is not None
    covered = 0
    for part in segment.decode_records(data, at):
        if isinstance(part, segment.Damage):
            assert at <= part.start < part.end <= len(data)
            covered += part.end - part.start
        else:
            covered += len(part.framed)
    assert covered <= len(data) - at


TARGETS: tuple[tuple[str, Callable[[bytes], None]], ...] = (
    *((f"protobuf {signal}", _protobuf(signal)) for signal in Signal),
    *((f"json {signal}", _json(signal)) for signal in Signal),
    *((encoding, _compressed(encoding)) for encoding in ENCODINGS),
    *((f"columns of {signal}", _columns(signal)) for signal in Signal),
    ("deep values", _deep),
    ("framing", _framing),
    ("journal", _journal),
    ("spool segment", _segment),
)
NAMES = [name for name, _ in TARGETS]


def chosen(data: bytes) -> int:
    """Which target an input is for."""
    return data[0] % len(TARGETS) if data else 0


def run(data: bytes) -> None:
    TARGETS[chosen(data)][1](data[1:])
