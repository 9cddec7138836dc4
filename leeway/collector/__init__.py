"""OTLP in, spans in ClickHouse: both transports, durable before the answer."""

from leeway.collector.server import run
from leeway.collector.settings import Settings
from leeway.collector.tokens import make as make_token

__all__ = ["Settings", "make_token", "run"]
