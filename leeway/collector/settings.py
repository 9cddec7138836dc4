"""Where the collector listens, and every bound that it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from leeway import storage
from leeway.collector.door import tokens
from leeway.model import Rejected, Signal

MIB: Final = 1024 * 1024
PROCESS_BYTES: Final = 512 * MIB
"""Python, gRPC, the compiler and its kernels, with what small requests need."""
CONNECTION_BYTES: Final = 128 * 1024
"""What a connection buffers before it is asked to stop."""
WINDOW_BYTES: Final = 64 * 1024
"""What a gRPC request may send before it is read."""


@dataclass(frozen=True)
class Settings:
    """A collector's settings. What a bound turns away is counted in `leeway_collector_refused_total`."""

    clickhouse: storage.Settings = field(default_factory=storage.Settings)
    host: str = "127.0.0.1"
    grpc_port: int = 4317
    """OTLP/gRPC; 0 takes any free port."""
    http_port: int = 4318
    """OTLP/HTTP, health and metrics; 0 takes any free port."""
    data: Path = Path("leeway-data")
    """The collector keeps its writer id and its journal in the folder `collector` below it. One collector a folder."""
    project: str = "default"
    """The project that everything belongs to while no tokens are set."""

    tokens: tuple[str, ...] = ()
    """Who may send, and to which project: `project:SHA-256 of the token`, and `@2027-01-31` behind it where it expires;
    several for a project if need be. `leeway token PROJECT` makes one. None, and no `tokens_file`: everybody may."""
    tokens_file: Path | None = None
    """The same, one a line, `#` for comments. Read again when it changes. An empty file lets nobody in."""
    tls_cert: Path | None = None
    """The server's certificate and those above it, PEM; with `tls_key`, both transports speak TLS and nothing else. All
    three files are read again when they change."""
    tls_key: Path | None = None
    """Its private key, PEM, without a password."""
    tls_client_ca: Path | None = None
    """Mutual TLS: clients must show a certificate that one of these, PEM, has signed."""
    cors_origins: tuple[str, ...] = ()
    """Web pages that may send OTLP/HTTP, such as `https://shop.example`; `*` stands for any text, alone for all."""
    project_bytes_per_s: Mapping[str, int] = field(default_factory=dict)
    """The most that a project may send, decompressed; `*` for each that is not named. Beyond it: 429, come back."""
    project_items_per_s: Mapping[str, int] = field(default_factory=dict)
    """The same in spans, log records and data points."""
    rate_burst_s: float = 5.0
    """How much of its rate, in seconds, a project that was quiet may send at once."""
    redaction: Path | None = None
    """Rules of what is dropped, hashed or masked before anything is stored (docs/redaction.md). Read again when
    it changes; rules that cannot be used are reported, and the old ones stay."""

    request_bytes_max: int = 64 * MIB
    """A request larger than this is refused for good, before and after decompression alike."""
    request_items_max: int = 1_000_000
    """Nor one with more spans, log records or data points: two bytes can be one."""
    request_resources_max: int = 100_000
    """Nor one with more resources, each of which is handled on its own."""
    request_streams_max: int = 10_000
    """How many gzip or zstd streams may follow one another in a body; to begin one costs more than its bytes say."""
    request_values_max: int = 2_000_000
    """Nor one with more values (objects, lists, their elements) in JSON, or more attributes and elements beside values
    that nest: two bytes can be one, and each takes up to 250 bytes while it is looked at."""
    heavy_requests_max: int = 2
    """How many requests of `offload_bytes` and more are decompressed, decoded or checked at once, which may take ten
    times their size; the others wait."""
    inflight_bytes_max: int = 512 * MIB
    """Requests that are being received or wait for their INSERT; beyond this, new ones are asked to come back. A
    project may hold four times as much as is still free, so however busy some are, others find room."""
    requests_max: int = 16_384
    """Requests under way at once, on both transports; the memory of small ones is not in their bytes."""
    connections_max: int = 2000
    """Connections of each transport. One more is turned away."""
    grpc_streams_max: int = 256
    """Requests under way at once on one gRPC connection; a client keeps more to itself."""
    grpc_reads_max: int = 8
    """gRPC requests that are being received at once; others wait unread, in their senders' memory. Each may be as large
    as a request may be, which nobody knows before its end."""
    header_bytes_max: int = 32 * 1024
    """An HTTP request's headers and its URL together. gRPC's own limit is 16 KiB."""
    receive_within_s: float = 30.0
    """How long a request may take to arrive. Exporters themselves give up after 10 s."""
    idle_within_s: float = 120.0
    """How long an HTTP connection may stay without a request. Exporters of metrics send every 60 s."""
    keepalive_s: float = 60.0
    """After so long a silence a gRPC client is asked whether it is still there."""
    keepalive_answer_s: float = 20.0
    """How long it has to answer before its connection is closed."""
    answer_within_s: float = 9.0
    """How long a request waits for its INSERT before it is asked to come back. Exporters themselves give up after 10
    s."""
    retry_after_s: float = 1.0
    """What a request that is asked to come back is told to wait."""
    json_depth_max: int = 10_000
    """How deeply attribute values of OTLP/JSON may nest. Protobuf has no such limit, since its values are read where
    they lie."""
    offload_bytes: int = 1 * MIB
    """Requests from this size on are decoded beside the event loop, so that small ones do not wait for them."""

    insert_threads: int = 4
    """INSERTs of spans that may run at once; of logs, and of metrics, two at most."""
    linger_s: float = 0.01
    """While no INSERT runs, how long a request waits for the next one to come."""
    linger_busy_s: float = 0.25
    """The longest that requests gather: while an INSERT runs, or while they come without a pause."""
    batch_spans_worth: int = 32_000
    """From this size on, a batch need not gather any longer: the fixed cost of an INSERT is small beside it."""
    batch_spans_max: int = 64_000
    """A batch takes no further request beyond so many spans."""
    batch_bytes_max: int = 64 * MIB
    """Nor beyond so many bytes. A single larger request still goes, alone."""

    spool_bytes_max: int = 4096 * MIB
    """What may be kept on disk, below `data`, while ClickHouse is slow or away, shared between projects as memory is.
    Beyond it, requests are asked to come back. 0 switches the spool off."""
    spool_after_s: float = 0.7
    """How long a request waits for its turn before it is made durable in the spool and answered. While ClickHouse is
    known to be away it does not wait at all."""
    harden_after_s: float = 0.4
    """How long a request whose INSERT is under way waits for its end before its batch, which is in the journal already,
    is forced to the disk, and it is answered: a busy ClickHouse holds no exporter up. Wants the spool switched on."""
    spool_segment_bytes_max: int = 24 * MIB
    """A file of the spool that has so many bytes is followed by another; each is one INSERT later."""
    journal_fsync: bool = False
    """Whether a batch is forced to the disk before its INSERT. It survives the death of the process either way."""
    backoff_s_max: float = 5.0
    """The longest pause between attempts at an INSERT while ClickHouse is away."""
    resend_memory_max: int = 200_000
    """Requests that are remembered, so that a resend of one adds nothing; about 150 bytes each."""
    resend_memory_s: float = 3600.0
    """How long a request is remembered."""
    stop_within_s: float = 10.0
    """How long a stop waits for requests and INSERTs that are under way."""

    def insert_threads_of(self, signal: Signal) -> int:
        """INSERTs of a signal at once. Spans are most of what comes; the others want a second one for what comes while
        the first is busy.
        """
        return self.insert_threads if signal is Signal.TRACES else min(2, self.insert_threads)

    @property
    def memory_bytes_max(self) -> int:
        """What the process may take at most, whatever is thrown at it: the sum of its parts at their worst at once.

        What they take is measured: tests/collector/test_memory.py and the tables of docs/memory.md.
        """
        return (
            PROCESS_BYTES
            + 2 * self.inflight_bytes_max  # requests, and the batches that are made of them
            + 2
            * sum(map(self.insert_threads_of, Signal))
            * max(self.batch_bytes_max, self.request_bytes_max)  # answered, their INSERT goes on
            + 3 * len(Signal) * (self.spool_segment_bytes_max + self.request_bytes_max)  # segments on their way out
            + 3 * self.grpc_reads_max * self.request_bytes_max  # in gRPC's pieces, then whole, perhaps compressed too
            + self.heavy_requests_max
            * (8 * self.request_bytes_max + 300 * self.request_values_max + 400 * self.request_items_max)
            + 3 * self.clickhouse.insert_bytes_max  # control characters in arrays become six each
            + 2 * self.connections_max * CONNECTION_BYTES
            + self.requests_max * WINDOW_BYTES  # of gRPC, unread
        )

    def __post_init__(self) -> None:
        """Raises: Rejected: Two fields do not fit together, or one holds what nobody can read."""
        for entry in self.tokens:
            tokens.parse(entry, "collector.tokens")
        if (self.tls_cert is None) is not (self.tls_key is None):
            raise Rejected("collector.tls_cert and collector.tls_key go together; one of them is missing")
        if self.tls_client_ca and not self.tls_cert:
            raise Rejected("collector.tls_client_ca wants collector.tls_cert and collector.tls_key beside it")
        for name in ("project_bytes_per_s", "project_items_per_s"):
            for project, rate in getattr(self, name).items():
                if rate <= 0:
                    raise Rejected(f"collector.{name} is {rate} for {project!r}; it must be more than 0")
        if self.rate_burst_s <= 0:
            raise Rejected(f"collector.rate_burst_s is {self.rate_burst_s:g}; it must be more than 0")
