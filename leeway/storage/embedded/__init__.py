"""ClickHouse without a server to install: chdb in a process of its own, behind ClickHouse's HTTP interface.

Whatever speaks to a ClickHouse server over HTTP speaks to this one; nothing of Leeway knows which of the two it has.
"""

from leeway.storage.embedded.server import run
from leeway.storage.embedded.settings import Settings

__all__ = ["Settings", "run"]
