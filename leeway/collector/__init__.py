"""OTLP in, spans in ClickHouse: both transports, durable before the answer."""

from leeway.collector.server import run
from leeway.collector.settings import Settings

__all__ = ["Settings", "run"]
