"""From framed OTLP to ClickHouse's columns, in machine code and numpy instead of in the database."""

from leeway.storage.columns.decoder import Decoder

__all__ = ["Decoder"]
