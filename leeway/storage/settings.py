"""How to reach ClickHouse, and how to leave it alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leeway.model import Rejected
from leeway.storage.cluster import is_cluster_name


@dataclass(frozen=True)
class Settings:
    clickhouse_url: str = "http://127.0.0.1:8123"
    """`http[s]://[user:password@]host:port`; the database is always `leeway`."""
    connect_timeout_s: float = 5.0
    """Waiting longer for a connection counts as ClickHouse being away."""
    query_timeout_s: float = 300.0
    """Waiting longer for an answer counts as ClickHouse being away."""
    insert_bytes_max: int = 512 * 1024 * 1024
    """Memory that INSERTs of OTLP may take at once, as it is reckoned before they take it; others wait. One that takes
    more goes alone."""
    conventions: Path | None = None
    """A user's own table of attribute conventions, laid over the shipped one."""
    prices: Path | None = None
    """A user's own price table, laid over the shipped one."""
    cluster: str = ""
    """The name of a cluster in ClickHouse's `remote_servers`: tables are made on all of its nodes, replicated and
    sharded by trace. Only for an empty database; see docs/scaling.md."""
    insert_quorum: int = 0
    """On a cluster: replicas of a shard that must have a row before it is acknowledged; 0 for the one that took it."""

    def __post_init__(self) -> None:
        if self.cluster and not is_cluster_name(self.cluster):
            raise Rejected(f"cluster is {self.cluster!r}; it must be a name of letters, digits, _ and -")
        if self.insert_quorum < 0:
            raise Rejected(f"insert_quorum is {self.insert_quorum}; it must be 0 or more")
