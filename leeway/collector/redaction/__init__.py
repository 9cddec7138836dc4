"""Redaction at the door: what rules drop, hash or mask before anything is stored, the spool included."""

from leeway.collector.redaction.dry_run import Change, Sent, dry_run
from leeway.collector.redaction.live import LiveRedaction
from leeway.collector.redaction.redactor import HASH_KEY_VARIABLE, Redactor
from leeway.collector.redaction.rules import Rules
from leeway.collector.redaction.rules_file import load_rules, parse_rules

__all__ = [
    "HASH_KEY_VARIABLE",
    "Change",
    "LiveRedaction",
    "Redactor",
    "Rules",
    "Sent",
    "dry_run",
    "load_rules",
    "parse_rules",
]
