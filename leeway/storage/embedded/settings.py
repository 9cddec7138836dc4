"""Where the embedded store listens, what it keeps, and how much it may use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    data: Path
    """The folder that ClickHouse keeps its tables in; one process owns it."""
    host: str = "127.0.0.1"
    port: int = 8123
    """0 takes any free port; the log line `store.ready` tells which."""
    user: str = ""
    password: str = ""
    """Asked of every query once either is set."""
    local_files: bool = False
    """Whether queries may read and write this machine's files and start its programs (`file()`, `OUTFILE`, …)."""
    memory_bytes_max: int = 0
    """What ClickHouse may use before it refuses with MEMORY_LIMIT_EXCEEDED; 0: nine tenths of the machine's."""
    merge_nice: int = 5
    """How far merges stand back for queries and INSERTs that want the CPU, as `nice` has it."""
    concurrent_queries_max: int = 64
    """Queries beyond it are answered with TOO_MANY_SIMULTANEOUS_QUERIES, which clients retry."""
    query_bytes_max: int = 64 * 1024 * 1024
    """The longest SQL text; the data of an INSERT does not count."""
    sessions_max: int = 1000
    """Sessions (`session_id`) held at once."""
    session_timeout_s_max: int = 3600
    """The longest `session_timeout` that a client may ask for."""
    drain_timeout_s: int = 30
    """How long running queries may take after a stop."""
    backups: Path | None = None
    """The folder that `leeway backup` writes to and `leeway restore` reads from; `backups` beside `data` if not set."""
    config: Path | None = None
    """A file of ClickHouse's own configuration (XML), laid under everything else: disks, macros, clusters."""
