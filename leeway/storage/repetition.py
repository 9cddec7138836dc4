"""How much of a batch is what its rows repeat, for whoever takes batches in (columns/repeated.py reckons)."""

from __future__ import annotations

from typing import Final

from leeway.model import Signal

REPEATED_BYTES_MAX: Final = 256 * 1024 * 1024
"""What the rows of a block may repeat of their resources and scopes: 4 KiB for each row of the largest batch."""


def repeated_bytes(signal: Signal, framed: bytes) -> int:
    """How many bytes, as they were sent, the rows of framed messages repeat.

    Raises:
        ValueError: The bytes are not framed messages of this signal.
    """
    # Only who decodes needs the compiler's half second and 100 MB.
    from leeway.storage.columns import repeated_bytes as reckoned  # noqa: PLC0415

    return reckoned(signal, framed)
