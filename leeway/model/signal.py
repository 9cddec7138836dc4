"""The kinds of telemetry that OTLP carries and Leeway keeps."""

from __future__ import annotations

from enum import StrEnum


class Signal(StrEnum):
    """Named as in OTLP/HTTP's paths, `/v1/traces`."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"
