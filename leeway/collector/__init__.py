"""OTLP in, spans in ClickHouse: both transports, durable before the answer."""

from leeway.collector.door.tokens import make as make_token
from leeway.collector.redaction import HASH_KEY_VARIABLE, Sent, dry_run, load_rules
from leeway.collector.server import run
from leeway.collector.settings import Settings

__all__ = ["HASH_KEY_VARIABLE", "Sent", "Settings", "dry_run", "load_rules", "make_token", "run"]
