"""The redaction of a running collector: its rules are read again when their file changes."""

from __future__ import annotations

from pathlib import Path

import structlog

from leeway.collector.door.watched import Watched
from leeway.collector.metrics import Metrics
from leeway.collector.redaction.redactor import Redaction, Redactor
from leeway.collector.redaction.rules import Rules
from leeway.collector.redaction.rules_file import load_rules
from leeway.model import Rejected

log = structlog.get_logger(__name__)


class LiveRedaction:
    """Nothing is redacted where there is no file.

    Args:
        hash_key: The secret of `hash`.

    Raises:
        Rejected: The file cannot be used.
    """

    def __init__(self, path: Path | None, hash_key: bytes, metrics: Metrics) -> None:
        self._path = path
        self._hash_key = hash_key
        self._metrics = metrics
        self._watched = Watched(path) if path else None
        self._redactor = self._load()

    def for_project(self, project: str) -> Redaction | None:
        """The redaction of a project's requests from now on; None where nothing of it is redacted."""
        return self._redactor.for_project(project)

    def refresh(self) -> None:
        """Read the rules again if their file has changed; what cannot be used is reported, and the old ones stay."""
        if self._watched is None or not self._watched.changed():
            return
        try:
            self._redactor = self._load()
        except Rejected as e:
            self._metrics.reload_failures.labels("redaction").inc()
            log.warning(
                "reload.failed", file="redaction", error=str(e), remedy="mend the file; the old rules stay in use"
            )
        else:
            self._metrics.reloads.labels("redaction").inc()
            log.info("redaction.reloaded", file=str(self._path))

    def _load(self) -> Redactor:
        rules = load_rules(self._path) if self._path else Rules(version=1)
        return Redactor(
            rules, self._hash_key, lambda rule, action, times: self._metrics.redacted.labels(rule, action).inc(times)
        )
