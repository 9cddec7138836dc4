"""OTLP in, spans in ClickHouse: both transports, durable before the answer."""

from leeway.collector.redaction import HASH_KEY_VARIABLE, Sent, dry_run, load_rules
from leeway.collector.server import run
from leeway.collector.settings import Settings
from leeway.collector.tokens import make as make_token

__all__ = ["HASH_KEY_VARIABLE", "Sent", "Settings", "dry_run", "load_rules", "make_token", "run"]
