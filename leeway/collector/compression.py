"""Undoing a request's compression, never further than a request may be long."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final

from backports import zstd

from leeway.collector.refusal import Reason, Refused

ZSTD_WINDOW_LOG_MAX: Final = 27
"""128 MiB, what the zstd tool itself allows."""


class TooLong(ValueError):
    """The data is longer than the limit."""


def decompress(data: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo one or more content encodings.

    Args:
        encoding: As in the header `Content-Encoding`: those that were applied, in order.
        limit_bytes: The most that may come out of each.

    Raises:
        Refused: An encoding is unknown, the data is not what it says, or too long.
    """
    for name in reversed([e.strip().lower() for e in encoding.split(",")]):
        if name in ("", "identity"):
            continue
        if name not in _DECODERS:
            raise Refused(Reason.ENCODING, f"content encoding {name!r} is not one of {', '.join(_DECODERS)}")
        try:
            data = _DECODERS[name](data, limit_bytes)
        except TooLong as e:
            raise Refused(Reason.TOO_LARGE, f"the request decompresses to more than {limit_bytes} bytes") from e
        except (zlib.error, zstd.ZstdError, EOFError) as e:
            raise Refused(Reason.UNDECODABLE, f"the request is not {name}: {e}") from e
    return data


def _zlib(data: bytes, limit_bytes: int, window_bits: int) -> bytes:
    out = b""
    while data:
        stream = zlib.decompressobj(window_bits)
        out += stream.decompress(data, limit_bytes + 1 - len(out))
        if len(out) > limit_bytes:
            raise TooLong
        if not stream.eof:
            raise EOFError("it is cut off")
        data = stream.unused_data  # gzip files may follow one another
    return out


def _gzip(data: bytes, limit_bytes: int) -> bytes:
    return _zlib(data, limit_bytes, 16 + zlib.MAX_WBITS)


def _deflate(data: bytes, limit_bytes: int) -> bytes:
    """Zlib's format, as HTTP says, or bare deflate, as some send."""
    try:
        return _zlib(data, limit_bytes, zlib.MAX_WBITS)
    except zlib.error:
        return _zlib(data, limit_bytes, -zlib.MAX_WBITS)


def _zstd(data: bytes, limit_bytes: int) -> bytes:
    out = b""
    while data:
        stream = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX})
        out += stream.decompress(data, max_length=limit_bytes + 1 - len(out))
        if len(out) > limit_bytes:
            raise TooLong
        if not stream.eof:
            raise EOFError("it is cut off")
        data = stream.unused_data
    return out


_DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
}
