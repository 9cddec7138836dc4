"""chdb: one engine in this process, a connection of its own for every query.

A connection costs 0.15 ms, so a query gets a fresh one: what a query `SET`s ends with it, and two queries never wait
for each other. Only a client's `session_id` keeps a connection alive (sessions.py).

chdb's limits, and what is done about them. `send_insert` swallows every error behind the parser (a failing view, a full
disk, the memory limit) and reports success; and data behind FORMAT in a statement's text is cut at line ends. So an
INSERT's data goes through a file, which chdb reads with all errors raised. A streamed result frames every chunk as a
whole document of its format; so only formats whose documents can be concatenated are streamed.
"""

from __future__ import annotations

import fcntl
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlencode

from chdb.session import Session

from leeway.model import Rejected
from leeway.storage.embedded.errors import QueryRefused, from_engine

STREAMABLE: Final = frozenset({
    "native", "rowbinary", "tabseparated", "tsv", "tabseparatedraw", "tsvraw", "csv", "jsoneachrow",
    "jsoncompacteachrow",
})  # fmt: skip
"""Formats of which two documents, one after the other, are a document."""


@dataclass
class Progress:
    """What a query read and wrote, for X-ClickHouse-Summary."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    started_s: float = field(default_factory=time.monotonic)

    def as_json_fields(self) -> dict[str, str]:
        """ClickHouse writes the numbers as strings."""
        fields = {k: str(v) for k, v in vars(self).items() if k != "started_s"}
        return {
            **fields,
            "total_rows_to_read": "0",
            "elapsed_ns": str(int((time.monotonic() - self.started_s) * 1e9)),
        }


class Connection:
    """One chdb connection. Not for two threads at once.

    Raises, from every method: QueryRefused, with ClickHouse's own code and text.
    """

    def __init__(self, path: str) -> None:
        self._session: Any = Session(path)

    def close(self) -> None:
        self._session.close()

    def set(self, settings: Mapping[str, str]) -> None:
        """Set settings for the queries to come; values may be text whatever their type."""
        if settings:
            self.run("SET " + ", ".join(f"{_name(k)} = {literal(v)}" for k, v in settings.items()))

    def reset(self, settings: Mapping[str, str | None]) -> None:
        """Give settings these values, None standing for the server's default."""
        if settings:
            pairs = (f"{_name(k)} = {'DEFAULT' if v is None else literal(v)}" for k, v in settings.items())
            self.run("SET " + ", ".join(pairs))

    def use(self, database: str) -> None:
        self.run(f"USE {identifier(database)}")

    def run(self, sql: str, fmt: str = "TabSeparated", parameters: Mapping[str, str] | None = None) -> bytes:
        """Run a statement and return its answer whole."""
        return self.query(sql, fmt, parameters or {}, Progress())

    def query(self, sql: str, fmt: str, parameters: Mapping[str, str], progress: Progress) -> bytes:
        """Run a statement, note its `progress`, and return its answer whole."""
        with _refusals():
            result = self._session.query(sql, fmt, params=dict(parameters))
            progress.read_rows = result.storage_rows_read()
            progress.read_bytes = result.storage_bytes_read()
            progress.result_rows = result.rows_read()
            data: bytes = result.bytes()
            progress.result_bytes = len(data)
            return data

    def stream(self, sql: str, fmt: str, parameters: Mapping[str, str], progress: Progress) -> Generator[bytes]:
        """Run a SELECT and yield its answer in chunks; closing the iterator cancels the query."""
        with _refusals():
            result = self._session.send_query(sql, fmt, params=dict(parameters))
        try:
            while True:
                with _refusals():
                    chunk = result.fetch()
                    if chunk is None:
                        return
                    progress.result_rows += chunk.rows_read()
                    data: bytes = chunk.bytes()
                progress.result_bytes += len(data)
                yield data
        finally:
            result.cancel()

    def insert(self, insert: Insert, parameters: Mapping[str, str], progress: Progress) -> None:
        """Run an INSERT whose data lies in a file."""
        with _refusals():
            result = self._session.query(insert.sql(), "Null", params=dict(parameters))
        progress.written_rows = result.rows_written()
        progress.written_bytes = result.bytes_written()


@dataclass(frozen=True)
class Insert:
    """An INSERT of data.

    Attributes:
        head: Its text up to SETTINGS, FORMAT or VALUES.
        settings: Its SETTINGS clause, or ''.
        fmt: The data's format; '' is VALUES.
        file: The open file that holds the data.
    """

    head: str
    settings: str
    fmt: str
    file: IO[bytes]

    def sql(self) -> str:
        """The statement that makes chdb read the file by its descriptor; it may have no name any more."""
        source = f"FROM INFILE '/dev/fd/{self.file.fileno()}'"
        return f"{self.head} {source} {self.settings} FORMAT {identifier(self.fmt or 'Values')}"


class Engine:
    """The folder and everything open on it. Opening it twice in one process is not possible, in two is refused."""

    def __init__(
        self,
        data: Path,
        memory_bytes_max: int = 0,
        backups: Path | None = None,
        config: Path | None = None,
        merge_nice: int = 0,
    ) -> None:
        """Raises:
        Rejected: The folder cannot be used: another process has it, or it cannot be written.
        """
        data.mkdir(parents=True, exist_ok=True)
        self._path = str(data.resolve())
        options: dict[str, object] = {"max_server_memory_usage": memory_bytes_max} if memory_bytes_max else {}
        if backups is not None:
            options["backups.allowed_path"] = backups.resolve()
        if merge_nice:
            options["os_threads_nice_value_merge_mutate"] = merge_nice
        if config is not None:
            options["config-file"] = Path(config).resolve()  # chdb reads it relative to its own folder
        if "?" in self._path:
            raise Rejected(f"the data folder {self._path} has a '?' in its name, which chdb does not take")
        owner = _owner(data / "status")
        if owner:
            raise Rejected(f"the data folder {self._path} is in use by another `leeway store` ({owner}); stop it first")
        try:
            self._keeper = Connection(f"{self._path}?{urlencode(options)}" if options else self._path)
        except RuntimeError as e:
            raise Rejected(f"the data folder {self._path} cannot be opened: {e}") from e

    def connect(self) -> Connection:
        return Connection(self._path)

    def value(self, sql: str) -> str:
        """The one value that a query returns, as text."""
        with_connection = self.connect()
        try:
            return with_connection.run(sql).decode("utf-8", "replace").strip()
        finally:
            with_connection.close()

    def spool(self) -> IO[bytes]:
        """A file for an INSERT's data on the data folder's disk; it is gone when it is closed or its process dies."""
        return tempfile.TemporaryFile(dir=self._path)

    def close(self) -> None:
        """Let ClickHouse finish its writes and leave the folder."""
        self._keeper.close()


def _owner(status: Path) -> str:
    """Who holds the lock on a data folder, '' for nobody.

    ClickHouse locks its status file for as long as it lives (no lock outlives a killed process) and writes its process
    number there; asked to open a locked folder, chdb prints why and raises something else.
    """
    if not status.exists():
        return ""
    with status.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            first = file.readline().decode("utf-8", "replace").strip()
            return first or "of unknown process number"
        fcntl.flock(file, fcntl.LOCK_UN)
    return ""


def literal(text: str) -> str:
    """Text as a SQL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(text: str) -> str:
    """Text as a quoted SQL name."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _name(setting: str) -> str:
    if not setting.replace("_", "").isalnum() or not setting.isascii():
        raise QueryRefused(115, f"Unknown setting {setting!r}. (UNKNOWN_SETTING)")
    return setting


class _refusals:  # noqa: N801 - reads as the phrase "with refusals"
    """Turns what chdb raises into QueryRefused."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, (RuntimeError, UnicodeDecodeError)):
            raise from_engine(error) from error
