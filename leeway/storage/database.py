"""The one way to ClickHouse, embedded or server alike: clickhouse-connect over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from clickhouse_connect.driver.httputil import get_pool_manager

from leeway.model import Rejected, Signal, Unavailable
from leeway.storage.claims import Claims
from leeway.storage.cluster import session_settings
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices
from leeway.storage.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from leeway.storage.columns import Decoder

Parameters = Mapping[str, object]

RETRYABLE_CODES: Final = frozenset({
    74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
    75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR: another way to say that the disk is full
    76,  # CANNOT_OPEN_FILE
    95,  # CANNOT_READ_FROM_SOCKET
    96,  # CANNOT_WRITE_TO_SOCKET
    159,  # TIMEOUT_EXCEEDED
    164,  # READONLY
    173,  # CANNOT_ALLOCATE_MEMORY
    201,  # QUOTA_EXCEEDED: of an interval that ends
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203,  # NO_FREE_CONNECTION
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    225,  # NO_ZOOKEEPER
    236,  # ABORTED
    241,  # MEMORY_LIMIT_EXCEEDED
    242,  # TABLE_IS_READ_ONLY
    243,  # NOT_ENOUGH_SPACE
    252,  # TOO_MANY_PARTS
    279,  # ALL_CONNECTION_TRIES_FAILED: of a cluster, a shard is away
    285,  # TOO_FEW_LIVE_REPLICAS
    286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319,  # UNKNOWN_STATUS_OF_INSERT
    394,  # QUERY_WAS_CANCELLED
    425,  # SYSTEM_ERROR
    439,  # CANNOT_SCHEDULE_TASK: every thread is busy
    473,  # DEADLOCK_AVOIDED: a lock was not to be had in time
    586,  # CANNOT_CREATE_FILE
    733,  # TABLE_IS_BEING_RESTARTED
    745,  # SERVER_OVERLOADED
    749,  # TCP_CONNECTION_LIMIT_REACHED
    762,  # HTTP_CONNECTION_LIMIT_REACHED
    776,  # RESOURCE_LIMIT_EXCEEDED
    999,  # KEEPER_EXCEPTION
})  # fmt: skip
"""ClickHouse's error codes after which the same statement may succeed later."""
_STD_EXCEPTION: Final = 1001
"""What C++'s own library has thrown: `filesystem_error` when a folder cannot be made, as on a full disk."""

BLOCK_SETTINGS: Final[Mapping[str, object]] = {
    "async_insert": 0,
    # One block, one part, all or nothing.
    "min_insert_block_size_rows": 0,
    "min_insert_block_size_bytes": 0,
    # Copies within a batch are removed by FINAL and by merges; collapsing them here costs 3.5 us a span.
    "optimize_on_insert": 0,
}


class Database:
    """Queries and inserts; safe to share between threads.

    Args:
        nice: How far ClickHouse's threads stand back for others while they work for this one, as `nice` has it.

    Raises, from every method: `Unavailable` when a retry may succeed, `Rejected` when it cannot.
    """

    def __init__(self, settings: Settings, nice: int = 0) -> None:
        self.settings = settings
        self._client = _connect(settings, nice)
        self._claims = Claims(settings.insert_bytes_max)
        self._types: dict[tuple[str, tuple[str, ...]], Sequence[ClickHouseType]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def command(self, sql: str, parameters: Parameters | None = None, settings: Parameters | None = None) -> object:
        """Run a statement; a statement that returns one value returns it."""
        with _failures():
            return self._client.command(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
        """The rows of a query as dictionaries. For small results; `frame` for the rest.

        Times are aware and in UTC, whole microseconds; for nanoseconds ask for `toUnixTimestamp64Nano(…)`.
        """
        with _failures():
            return list(self._client.query(sql, parameters=dict(parameters or {})).named_results())

    def frame(self, sql: str, parameters: Parameters | None = None) -> pl.DataFrame:
        """The rows of a query as a polars frame, through Arrow.

        Strings of every kind come as String, DateTime64 as Datetime in UTC, Map as Map, Tuple as Struct. What Arrow has
        no type for comes as ClickHouse keeps it: DateTime as UInt32 seconds, Enum as its number, UInt128 as 16 bytes;
        ask for `toDateTime64(…)` and `toString(…)` there.
        """
        import polars as pl  # noqa: PLC0415 - the store and the collector never ask for a frame

        with _failures():
            table = self._client.query_arrow(sql, parameters=dict(parameters or {}), use_strings=True)
        return pl.DataFrame(table)

    def stream(self, sql: str, parameters: Parameters | None = None) -> Iterator[dict[str, Any]]:
        """The rows of a query as dictionaries, block by block: for results that do not fit into memory.

        The connection is free again when the iterator ends or is closed.
        """
        with _failures(), self._client.query_row_block_stream(sql, parameters=dict(parameters or {})) as blocks:
            names = blocks.source.column_names
            for block in blocks:
                for row in block:
                    yield dict(zip(names, row, strict=True))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]], token: str = "") -> None:
        """Insert rows into `leeway.{table}`.

        Args:
            token: Two inserts of the same token into a table with a deduplication window leave one copy.
        """
        settings = {"async_insert": 0, **({"insert_deduplication_token": token} if token else {})}
        names = tuple(columns)
        with _failures():
            types = self._types.get((table, names))
            if types is None:
                # Asked once: the client itself would ask before every INSERT.
                context = self._client.create_insert_context(table, names, database="leeway")
                types = context.column_types
            # Remembered again only when it went well: the table may have changed.
            self._types.pop((table, names), None)
            self._client.insert(
                table, rows, column_names=names, database="leeway", column_types=types, settings=settings
            )
            self._types[table, names] = types

    def insert_frame(self, table: str, frame: pl.DataFrame, token: str = "") -> None:
        """Insert a polars frame, whose columns are named as the table's, into `leeway.{table}`, through Arrow.

        A Map column must be one in the frame too (`pl.Map`); columns left out get their defaults.
        """
        settings = {"async_insert": 0, **({"insert_deduplication_token": token} if token else {})}
        with _failures():
            self._client.insert_arrow(table, frame.to_arrow(), database="leeway", settings=settings)

    def insert_otlp(self, framed: bytes, token: str, signal: Signal = Signal.TRACES) -> None:
        """Insert framed messages (varint length, message, ...), which are decoded here, into the tables of a signal.

        Metrics have five tables, which are filled one after the other: an attempt that fails may have stored some of a
        batch. The same token says it to each of them, so a repetition adds what is missing and nothing else.

        Args:
            framed: Of `ResourceSpans`, `ResourceLogs` or `ResourceMetrics`, each with Leeway's own fields at its end.
            token: Names the batch; a second INSERT of the same token adds nothing.
        """
        settings = {"insert_deduplication_token": token, **BLOCK_SETTINGS}
        with self._claims.claim() as claim, _failures():
            try:
                blocks = self._decoder.blocks(signal, framed, claim)
            except ValueError as e:
                raise Rejected(f"not OTLP: {e}") from e
            for table, block in blocks.items():
                self._client.raw_insert(f"leeway.{table}", insert_block=block, settings=settings, fmt="Native")

    def warm_up(self) -> None:
        """Make `insert_otlp` ready, so that its first call is no slower than others: ten seconds once on a machine."""
        self._decoder.warm_up()

    @cached_property
    def _decoder(self) -> Decoder:
        # Only who writes OTLP needs the compiler's half second and 100 MB.
        from leeway.storage.columns import Decoder  # noqa: PLC0415

        return Decoder(
            load_conventions(self.settings.conventions),
            load_frameworks(self.settings.conventions),
            load_prices(self.settings.prices),
        )


def _connect(settings: Settings, nice: int) -> Client:
    url = urlsplit(settings.clickhouse_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise Rejected(f"clickhouse_url is {settings.clickhouse_url!r}; it must be like http://127.0.0.1:8123")
    said = session_settings(settings.cluster, settings.insert_quorum)
    if nice:
        said["os_thread_priority"] = nice
    with _failures():
        return clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.hostname,
            port=url.port or (8443 if url.scheme == "https" else 8123),
            username=url.username or None,
            password=url.password or "",
            connect_timeout=int(settings.connect_timeout_s),
            send_receive_timeout=int(settings.query_timeout_s),
            autogenerate_session_id=False,
            query_retries=0,
            compress=False,
            tz_mode="aware",
            settings=said,
            pool_mgr=get_pool_manager(maxsize=16),
        )


class _failures:  # noqa: N801 - reads as the phrase "with failures"
    """Turns clickhouse-connect's exceptions into the two kinds of failure."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, OperationalError):
            raise Unavailable(f"ClickHouse does not answer: {_first_line(error)}") from error
        if isinstance(error, DatabaseError):
            # An answer without ClickHouse's own code comes from something in front of it, such as a proxy.
            no_clickhouse = error.code is None and "received HTTP status 5" in str(error)
            no_folder = error.code == _STD_EXCEPTION and "filesystem_error" in str(error)
            if error.code in RETRYABLE_CODES or no_clickhouse or no_folder:
                raise Unavailable(f"ClickHouse refuses for now: {_first_line(error)}") from error
            raise Rejected(f"ClickHouse refuses: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    """What went wrong, without the URL: it holds every setting of the query."""
    reason = getattr(error.__cause__, "reason", None) or error
    text = str(reason).strip().split("\n", 1)[0]
    return re.sub(r"^HTTPS?Connection\([^)]*\): |\(for url .*\)$", "", text)[:2000]
