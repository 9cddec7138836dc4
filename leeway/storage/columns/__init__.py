"""From framed OTLP to ClickHouse's columns, in machine code and numpy instead of in the database."""

from leeway.storage.columns.decoder import Decoder
from leeway.storage.columns.repeated import repeated_bytes

__all__ = ["Decoder", "repeated_bytes"]
