"""Undoing a request's compression, never further than a request may be long."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from backports import zstd

from leeway.collector.refusal import Reason, Refused

ZSTD_WINDOW_LOG_MAX: Final = 27
"""128 MiB, what the zstd tool itself allows."""


STREAMS_MAX: Final = 10_000


class TooLong(ValueError):
    """The data is longer than the limit."""


def decompress(data: bytes, encoding: str, limit_bytes: int, streams_max: int = STREAMS_MAX) -> bytes:
    """Undo one or more content encodings.

    Args:
        encoding: As in the header `Content-Encoding`: those that were applied, in order.
        limit_bytes: The most that may come out of each.
        streams_max: How many streams may follow one another: to begin one costs up to 10 us, and it may be 9 bytes
            long.

    Raises:
        Refused: An encoding is unknown, the data is not what it says, or too long.
    """
    for name in reversed([e.strip().lower() for e in encoding.split(",")]):
        if name in ("", "identity"):
            continue
        if name not in _DECODERS:
            raise Refused(Reason.ENCODING, f"content encoding {name!r} is not one of {', '.join(_DECODERS)}")
        try:
            data = _DECODERS[name](data, limit_bytes, streams_max)
        except TooLong as e:
            raise Refused(Reason.TOO_LARGE, f"the request decompresses to more than {limit_bytes} bytes") from e
        except (zlib.error, zstd.ZstdError, EOFError) as e:
            raise Refused(Reason.UNDECODABLE, f"the request is not {name}: {e}") from e
    return data


_FIRST_BYTES: Final = 1 << 20
_NEXT_BYTES: Final = 1 << 12


class _Stream(Protocol):
    """What zlib and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview, /, max_length: int) -> bytes: ...


def _members(data: bytes, limit_bytes: int, streams_max: int, stream_of: Callable[[], _Stream]) -> bytes:
    """Everything in a row of compressed streams; gzip files and zstd frames may follow one another.

    Streams are fed in pieces, because each gives back what it did not need as a copy: whole, a row of many would cost
    the square of its length.
    """
    out: list[bytes] = []
    size_bytes = at = streams = 0
    view = memoryview(data)
    feed_bytes = _FIRST_BYTES
    while at < len(data):
        streams += 1
        if streams > streams_max:
            raise EOFError(f"more than {streams_max} streams follow one another")
        stream = stream_of()
        while not stream.eof:
            if at >= len(data):
                raise EOFError("it is cut off")
            piece = view[at : at + feed_bytes]
            made = stream.decompress(piece, max_length=limit_bytes + 1 - size_bytes)
            size_bytes += len(made)
            if size_bytes > limit_bytes:
                raise TooLong
            if made:
                out.append(made)
            at += len(piece)
            feed_bytes *= 2
        at -= len(stream.unused_data)
        feed_bytes = _NEXT_BYTES
    return out[0] if len(out) == 1 else b"".join(out)


def _zlib(data: bytes, limit_bytes: int, streams_max: int, window_bits: int) -> bytes:
    return _members(data, limit_bytes, streams_max, lambda: zlib.decompressobj(window_bits))


def _gzip(data: bytes, limit_bytes: int, streams_max: int) -> bytes:
    return _zlib(data, limit_bytes, streams_max, 16 + zlib.MAX_WBITS)


def _deflate(data: bytes, limit_bytes: int, streams_max: int) -> bytes:
    """Zlib's format, as HTTP says, or bare deflate, as some send."""
    try:
        return _zlib(data, limit_bytes, streams_max, zlib.MAX_WBITS)
    except zlib.error:
        return _zlib(data, limit_bytes, streams_max, -zlib.MAX_WBITS)


def _zstd(data: bytes, limit_bytes: int, streams_max: int) -> bytes:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX}
    return _members(data, limit_bytes, streams_max, lambda: zstd.ZstdDecompressor(options=options))


_DECODERS: Final[Mapping[str, Callable[[bytes, int, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
