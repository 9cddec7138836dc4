from __future__ import annotations

import contextlib
import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.otlp.compression import STREAMS_MAX, decompress
from leeway.collector.refusal import Reason, Refused


def bare_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


Compress = Callable[[bytes], bytes]
COMPRESSED: list[tuple[str, Compress]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", bare_deflate),
    ("zstd", zstd.compress),
]


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
@given(st.binary(max_size=500))
def test_what_was_compressed_comes_out(encoding: str, compress: Compress, data: bytes) -> None:
    assert decompress(compress(data), encoding, 500) == data


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
def test_a_bomb_is_refused_before_it_goes_off(encoding: str, compress: Compress) -> None:
    bomb = compress(bytes(200_000_000))
    tracemalloc.start()
    with pytest.raises(Refused) as refused:
        decompress(bomb, encoding, 1_000_000)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.reason is Reason.TOO_LARGE
    assert peak_bytes < 10_000_000


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
def test_cut_data_is_undecodable(encoding: str, compress: Compress) -> None:
    with pytest.raises(Refused) as refused:
        decompress(compress(b"some data" * 20)[:-5], encoding, 1000)
    assert refused.value.reason is Reason.UNDECODABLE


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@given(st.binary(min_size=1, max_size=40))
def test_garbage_never_raises_anything_else(encoding: str, data: bytes) -> None:
    with contextlib.suppress(Refused):
        decompress(data, encoding, 1000)


def test_encodings_are_undone_last_first_and_members_are_joined() -> None:
    assert decompress(zstd.compress(gzip.compress(b"a") + gzip.compress(b"b")), " GZip , zstd", 100) == b"ab"
    assert decompress(zstd.compress(b"a") + zstd.compress(b"b"), "zstd", 100) == b"ab"
    assert decompress(b"plain", "identity", 100) == b"plain"


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(Refused, match="'br' is not one of gzip"):
        decompress(b"", "br", 100)


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd.compress)]
)
def test_a_long_row_of_short_streams_is_undone_and_kept_to_the_limit(encoding: str, compress: Compress) -> None:
    row = compress(b"x") * STREAMS_MAX
    assert decompress(row, encoding, STREAMS_MAX) == b"x" * STREAMS_MAX
    with pytest.raises(Refused, match="decompresses to more"):
        decompress(row, encoding, STREAMS_MAX - 1)
    with pytest.raises(Refused, match="more than 10000 streams"):
        decompress(row + compress(b""), encoding, STREAMS_MAX)


@pytest.mark.parametrize(("encoding", "compress"), COMPRESSED)
def test_large_data_comes_out_whole(encoding: str, compress: Compress) -> None:
    data = random.Random(1).randbytes(3_000_000)
    assert decompress(compress(data), encoding, len(data)) == data
