"""How to reach ClickHouse, and how to leave it alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    clickhouse_url: str = "http://127.0.0.1:8123"
    """`http[s]://[user:password@]host:port`; the database is always `leeway`."""
    connect_timeout_s: float = 5.0
    """Waiting longer for a connection counts as ClickHouse being away."""
    query_timeout_s: float = 300.0
    """Waiting longer for an answer counts as ClickHouse being away."""
    conventions: Path | None = None
    """A user's own table of attribute conventions, laid over the shipped one."""
    prices: Path | None = None
    """A user's own price table, laid over the shipped one."""
