"""One query from its bytes to its answer, in one worker thread: read the statement, lay the settings on, run, write.

Body and answer are the two ends that the server lends: blocking here, asynchronous there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from leeway.storage.embedded.engine import STREAMABLE, Connection, Engine, Insert, Progress, literal
from leeway.storage.embedded.errors import (
    ACCESS_DENIED,
    NOT_IMPLEMENTED,
    QUERY_IS_TOO_LARGE,
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_FORMAT,
    QueryRefused,
)
from leeway.storage.embedded.external import loaded
from leeway.storage.embedded.request import Ask
from leeway.storage.embedded.sessions import Sessions
from leeway.storage.embedded.settings import Settings
from leeway.storage.embedded.statement import Statement, analyse, as_text, without_end

HEAD_BYTES_MAX: Final = 256 * 1024
"""Where an INSERT's data must have begun, as ClickHouse's `max_query_size` has it."""
INSERT_SETTINGS: Final = {"max_block_size": "1048449"}
"""Blocks as large as a server makes them of an INSERT's data: what fits into one is all or nothing."""
DEFAULT_FORMAT: Final = "TabSeparated"
PYTHON_FORMATS: Final = frozenset({"dataframe", "arrowtable", "datastore", "debug"})
"""Names that make chdb return Python objects instead of bytes; ClickHouse knows none of them."""


class Body(Protocol):
    """The request's body, decompressed."""

    def read(self) -> bytes:
        """The next piece, `b''` at the end."""


class Answer(Protocol):
    """Where an answer goes; the first call to either sends the headers."""

    def write(self, data: bytes, fmt: str, progress: Progress) -> None:
        """Send a piece now. `fmt` is '' where there is no result set."""

    def finish(self, data: bytes, fmt: str, progress: Progress) -> None:
        """Send the last piece."""


@dataclass(frozen=True)
class Store:
    """What executions share."""

    engine: Engine
    sessions: Sessions
    settings: Settings


@dataclass(frozen=True)
class Prepared:
    """A statement, read.

    Attributes:
        sql: All of it; of an INSERT of data, what comes before SETTINGS, FORMAT or VALUES.
        settings: An INSERT of data's SETTINGS clause.
        data: Hands over an INSERT's data piece by piece, `b''` at the end; None for every other statement.
    """

    statement: Statement
    sql: str
    settings: str = ""
    data: Callable[[], bytes] | None = None


def execute(ask: Ask, body: Body, answer: Answer, store: Store) -> str:
    """Run one request.

    Returns:
        The statement's verb, for the metrics.

    Raises:
        QueryRefused: In ClickHouse's own terms; nothing has been sent unless the answer was streamed.
    """
    prepared = read_statement(ask, body, store.settings.query_bytes_max)
    _check(ask, prepared, store.settings)
    progress = Progress()
    rest, fmt = b"", ""
    if prepared.data is not None:
        _insert_data(prepared, prepared.data, ask, store, progress)
    else:
        with (
            _connection(ask, store) as connection,
            _laid_on(connection, ask, ask.settings),
            loaded(connection, ask.external, store.engine),
        ):
            rest, fmt = _rows(connection, prepared, ask, answer, progress)
    # Only now: a client that has its answer may send the session's next query at once.
    answer.finish(rest, fmt, progress)
    return prepared.statement.verb


def _check(ask: Ask, prepared: Prepared, settings: Settings) -> None:
    statement = prepared.statement
    if ask.read_only and not statement.reads:
        raise QueryRefused(READONLY, f"Cannot execute {statement.verb} in readonly mode: use POST. (READONLY)")
    for each in (statement, *(analyse(table.definition) for table in ask.external)):
        # ClickHouse itself keeps the files of backups within one folder (engine.py).
        confined = each.verb in ("BACKUP", "RESTORE") and each.reaches_out.lower() == "file"
        if each.reaches_out and not settings.local_files and not confined:
            raise QueryRefused(
                ACCESS_DENIED, f"{each.reaches_out} is not served: the setting `local_files` is off. (ACCESS_DENIED)"
            )
    if statement.verb == "INSERT" and prepared.data is None and statement.data_at is not None:
        raise QueryRefused(
            NOT_IMPLEMENTED, "INSERT … SELECT FROM input() is not served by the embedded store. (NOT_IMPLEMENTED)"
        )


def _insert_data(
    prepared: Prepared, next_piece: Callable[[], bytes], ask: Ask, store: Store, progress: Progress
) -> None:
    """Take all of an INSERT's data, so that a client that gives up half-way has inserted nothing; then run it."""
    with store.engine.spool() as file:
        while piece := next_piece():
            file.write(piece)
        file.flush()
        file.seek(0)
        insert = Insert(prepared.sql, prepared.settings, prepared.statement.format or ask.default_format, file)
        with _connection(ask, store) as connection, _laid_on(connection, ask, INSERT_SETTINGS | dict(ask.settings)):
            connection.insert(insert, ask.parameters, progress)


def _rows(
    connection: Connection, prepared: Prepared, ask: Ask, answer: Answer, progress: Progress
) -> tuple[bytes, str]:
    """Run a statement that is no INSERT of data.

    Returns:
        What of its result has not been written to `answer` yet, and the format, '' where there is no result set.
    """
    sql, statement = prepared.sql, prepared.statement
    fmt = statement.format or ask.default_format or DEFAULT_FORMAT
    if fmt.lower() in PYTHON_FORMATS:
        raise QueryRefused(UNKNOWN_FORMAT, f"Unknown format {fmt}. (UNKNOWN_FORMAT)")
    selects = statement.verb in ("SELECT", "WITH")
    tidy = "TOTALS" not in statement.words and "extremes" not in ask.settings
    if selects and tidy and fmt.lower() in STREAMABLE and not ask.whole_answer:
        with closing(connection.stream(sql, fmt, ask.parameters, progress)) as chunks:
            for chunk in chunks:
                answer.write(chunk, fmt, progress)
        return b"", fmt
    rows = connection.query(sql, fmt, ask.parameters, progress)
    return rows, fmt if rows or statement.reads else ""


# -- the statement ----------------------------------------------------------------------------------------------------


def read_statement(ask: Ask, body: Body, query_bytes_max: int) -> Prepared:
    """Read as much of the body as the statement needs."""
    head = ask.query.encode()
    statement = _peek(head)
    if not (head.strip() and statement.inserts_data):
        while len(head) < HEAD_BYTES_MAX and (piece := body.read()):
            head += piece
        statement = _peek(head)
    if statement.inserts_data and (statement.data_at is not None or ask.query.strip()):
        return _insert(head, statement, body)
    parts, size = [head], len(head)
    while piece := body.read():
        parts.append(piece)
        size += len(piece)
        if size > query_bytes_max:
            raise QueryRefused(
                QUERY_IS_TOO_LARGE, f"The query is longer than {query_bytes_max} bytes. (QUERY_IS_TOO_LARGE)"
            )
    whole = b"".join(parts)
    sql = without_end(as_text(whole))
    if not sql.strip():
        raise QueryRefused(SYNTAX_ERROR, "Syntax error: the query is empty. (SYNTAX_ERROR)")
    statement = analyse(sql)
    return _insert(whole, _peek(whole), body) if statement.inserts_data else Prepared(statement, sql)


def _peek(head: bytes) -> Statement:
    """Positions are in bytes: what ClickHouse's grammar is made of is ASCII, and data may be no text at all."""
    return analyse(head.decode("latin-1"), whole=False)


def _insert(head: bytes, statement: Statement, body: Body) -> Prepared:
    end = len(head) if statement.head_end is None else statement.head_end
    settings_at = end if statement.settings_at is None else statement.settings_at
    first = b"" if statement.data_at is None else head[statement.data_at :]

    def next_piece() -> bytes:
        nonlocal first
        if first:
            piece, first = first, b""
            return piece
        return body.read()

    sql, settings = as_text(head[:settings_at]), as_text(head[settings_at:end])
    return Prepared(statement, without_end(sql), without_end(settings), next_piece)


# -- the connection ---------------------------------------------------------------------------------------------------


@contextmanager
def _connection(ask: Ask, store: Store) -> Iterator[Connection]:
    if ask.session_id:
        held = store.sessions.hold(
            ask.session_id, ask.session_timeout_s, must_exist=ask.session_must_exist, close=ask.close_session
        )
        with held as connection:
            yield connection
        return
    connection = store.engine.connect()
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _laid_on(connection: Connection, ask: Ask, settings: Mapping[str, str]) -> Iterator[None]:
    """A request's own settings and database hold for its query only; in a session, what was there before comes back."""
    before = _settings_now(connection, settings) if ask.session_id and settings else {}
    database_before = (
        connection.run("SELECT currentDatabase()").decode().strip() if ask.session_id and ask.database else ""
    )
    try:
        connection.set(settings)
        if ask.database:
            connection.use(ask.database)
        if ask.read_only and not ask.session_id:
            connection.set({"readonly": "2"})
        yield
    finally:
        if ask.session_id:
            connection.reset(before)
            if database_before:
                connection.use(database_before)


def _settings_now(connection: Connection, settings: Mapping[str, str]) -> dict[str, str | None]:
    sql = "SELECT name, value FROM system.settings WHERE changed AND name IN {names:Array(String)}"
    names = f"[{', '.join(literal(name) for name in settings)}]"
    found = connection.run(sql, "TabSeparatedRaw", {"names": names})
    changed = dict(line.split("\t", 1) for line in found.decode("utf-8", "replace").splitlines())
    return {name: changed.get(name) for name in settings}
