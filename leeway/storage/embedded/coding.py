"""HTTP content encodings, one piece at a time: gzip, deflate, zstd, lz4 frames."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final, Protocol

import lz4.frame  # type: ignore[import-untyped]  # ships none
from backports import zstd

from leeway.storage.embedded.errors import QueryRefused

UNKNOWN_COMPRESSION_METHOD: Final = 89
CANNOT_DECOMPRESS: Final = 271


class Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Lz4:
    """lz4's compressor with the two methods that the others have."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._frame.begin()

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._frame.flush())


_COMPRESSORS: Final[dict[str, Callable[[], Compressor]]] = {
    "gzip": lambda: zlib.compressobj(3, zlib.DEFLATED, 31),
    "deflate": lambda: zlib.compressobj(3, zlib.DEFLATED, 15),
    "zstd": lambda: zstd.ZstdCompressor(level=1),
    "lz4": _Lz4,
}


def compressor(encoding: str) -> Compressor | None:
    """A fresh compressor, None for the empty name."""
    return _COMPRESSORS[encoding]() if encoding else None


def decompressor(encoding: str) -> Callable[[bytes], bytes]:
    """A function that takes a body's pieces in order and returns what they decompress to so far.

    Raises:
        QueryRefused: The encoding is unknown; from the function: a piece is not what it should be.
    """
    make: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
        "": lambda: lambda piece: piece,
        "gzip": lambda: _many(lambda: zlib.decompressobj(47)),
        "deflate": lambda: _many(lambda: zlib.decompressobj(47)),
        "zstd": lambda: _many(zstd.ZstdDecompressor),
        "lz4": lambda: _many(lz4.frame.LZ4FrameDecompressor),
    }
    if encoding not in make:
        raise QueryRefused(
            UNKNOWN_COMPRESSION_METHOD,
            f"Content-Encoding {encoding!r} is unknown; use gzip, deflate, zstd or lz4. (UNKNOWN_COMPRESSION_METHOD)",
        )
    decode = make[encoding]()

    def checked(piece: bytes) -> bytes:
        try:
            return decode(piece)
        except (zlib.error, zstd.ZstdError, RuntimeError, EOFError) as e:
            raise QueryRefused(CANNOT_DECOMPRESS, f"The body is not {encoding}: {e}. (CANNOT_DECOMPRESS)") from e

    return checked


class _Frames(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes | None: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _many(make: Callable[[], _Frames]) -> Callable[[bytes], bytes]:
    """Frames may follow one another in one body."""
    current = make()

    def decode(piece: bytes) -> bytes:
        nonlocal current
        out = []
        while piece:
            if current.eof:
                current = make()
            out.append(current.decompress(piece))
            piece = (current.unused_data or b"") if current.eof else b""
        return b"".join(out)

    return decode
