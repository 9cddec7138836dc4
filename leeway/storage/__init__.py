"""ClickHouse: the schema, the way in, and the named queries. Embedded or a server, the road is the same."""

from leeway.storage.conventions import ConventionsInvalid
from leeway.storage.database import Database
from leeway.storage.repetition import REPEATED_BYTES_MAX, repeated_bytes
from leeway.storage.schema import migrate
from leeway.storage.settings import Settings

__all__ = ["REPEATED_BYTES_MAX", "ConventionsInvalid", "Database", "Settings", "migrate", "repeated_bytes"]
