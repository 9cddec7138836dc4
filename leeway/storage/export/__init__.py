"""What is stored, out again as OTLP: every attribute, of whatever type and depth, as it came in."""

from leeway.storage.export.encodings import Encoding, Json, Protobuf
from leeway.storage.export.reading import Export, Piece, Selection

__all__ = ["Encoding", "Export", "Json", "Piece", "Protobuf", "Selection"]
