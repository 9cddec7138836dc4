"""Where the collector listens, and every bound that it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from leeway import storage

MIB: Final = 1024 * 1024


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
    """The project that spans belong to."""

    request_bytes_max: int = 64 * MIB
    """A request larger than this is refused for good, before and after decompression alike."""
    inflight_bytes_max: int = 512 * MIB
    """Requests that are being received or wait for their INSERT; beyond this, new ones are asked to come back."""
    answer_within_s: float = 9.0
    """How long a request waits for its INSERT before it is asked to come back. Exporters themselves give up after 10
    s."""
    retry_after_s: float = 1.0
    """What a request that is asked to come back is told to wait."""
    json_depth_max: int = 150
    """How deeply attribute values of OTLP/JSON may nest. Protobuf has no such limit."""
    offload_bytes: int = 1 * MIB
    """Requests from this size on are decoded beside the event loop, so that small ones do not wait for them."""

    insert_threads: int = 2
    """INSERTs that may run at once."""
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
