"""What a request must pass before its body is received: is there room for one more, whose is it, may they send now?

One for both transports. Everything here runs on the event loop and none of it waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from leeway.collector.door import tokens
from leeway.collector.door.rate import Bucket
from leeway.collector.door.tls import Tls
from leeway.collector.door.watched import Watched
from leeway.collector.metrics import Metrics
from leeway.collector.refusal import Later, Reason
from leeway.collector.settings import Settings
from leeway.model import Rejected

log = structlog.get_logger(__name__)

EACH: Final = "*"
"""In the rates' settings: each project that is not named."""


class _Buckets(NamedTuple):
    in_bytes: Bucket | None
    in_items: Bucket | None


class Door:
    """Tokens, rates, TLS, and how many requests there are.

    Attributes:
        tls: None where it is not set up.
        asks_for_tokens: Whether `enter` looks at what it is given.

    Raises:
        Rejected: A file of tokens or certificates cannot be used.
    """

    def __init__(self, settings: Settings, metrics: Metrics, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._metrics = metrics
        self._clock_s = clock_s
        self._under_way = 0
        metrics.requests_under_way.set_function(lambda: self._under_way)
        self._buckets: dict[str, _Buckets] = {}
        self._has_rates = bool(settings.project_bytes_per_s or settings.project_items_per_s)
        self._entries = [tokens.parse(entry, "collector.tokens") for entry in settings.tokens]
        self._file = Watched(settings.tokens_file) if settings.tokens_file else None
        self._tokens = tokens.Tokens([*self._entries, *_read(settings.tokens_file)])
        self.asks_for_tokens = bool(settings.tokens) or settings.tokens_file is not None
        self.tls = (
            Tls(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
            if settings.tls_cert and settings.tls_key
            else None
        )

    def enter(self, authorization: str | None, api_key: str | None) -> str:
        """Let a request in; each that comes in must `leave`.

        Args:
            authorization: The header of that name.
            api_key: The header `x-api-key`.

        Returns:
            Its project.

        Raises:
            Refused: Nobody knows its token.
            Later: There are too many requests, or its project is above its rate.
        """
        project = self._settings.project
        if self.asks_for_tokens:
            project = self._tokens.project(authorization, api_key, time.time())
        if self._has_rates:
            self._check_rate(project)
        if self._under_way >= self._settings.requests_max:
            raise Later(Reason.BUSY, f"{self._under_way} requests are under way", self._settings.retry_after_s)
        self._under_way += 1
        return project

    def leave(self) -> None:
        self._under_way -= 1

    def charge(self, project: str, size_bytes: int = 0, items: int = 0) -> None:
        """Count what a project has sent against its rates."""
        if not self._has_rates:
            return
        now_s = self._clock_s()
        for bucket, amount in zip(self._of(project, now_s), (size_bytes, items), strict=True):
            if bucket is not None:
                bucket.take(amount, now_s)

    def refresh(self) -> None:
        """Read again what has changed on disk; what cannot be used is reported, and the old stays."""
        if self._file and self._file.changed():
            try:
                self._tokens = tokens.Tokens([*self._entries, *_read(self._settings.tokens_file)])
                log.info("tokens.reloaded", tokens=len(self._tokens))
            except Rejected as e:
                self._keep_old("tokens", e)
        if self.tls:
            try:
                self.tls.refresh()
            except Rejected as e:
                self._keep_old("tls", e)

    def _keep_old(self, file: str, error: Rejected) -> None:
        self._metrics.reload_failures.labels(file).inc()
        log.warning("reload.failed", file=file, error=str(error), remedy="mend the file; the old content stays in use")

    def _check_rate(self, project: str) -> None:
        now_s = self._clock_s()
        wait_s = max(bucket.wait_s(now_s) if bucket else 0.0 for bucket in self._of(project, now_s))
        if wait_s:
            raise Later(Reason.RATE, f"project {project!r} is above its rate; come back in {wait_s:.3g} s", wait_s)

    def _of(self, project: str, now_s: float) -> _Buckets:
        # Projects come from tokens, so there are not more of them than tokens.
        found = self._buckets.get(project)
        if found is None:
            found = self._buckets[project] = _Buckets(
                self._bucket(self._settings.project_bytes_per_s, project, now_s),
                self._bucket(self._settings.project_items_per_s, project, now_s),
            )
        return found

    def _bucket(self, rates: Mapping[str, int], project: str, now_s: float) -> Bucket | None:
        rate = rates.get(project, rates.get(EACH))
        return None if rate is None else Bucket(rate, rate * self._settings.rate_burst_s, now_s)


def _read(path: Path | None) -> list[tokens.Entry]:
    if path is None:
        return []
    try:
        return tokens.parse_file(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as e:
        raise Rejected(f"collector.tokens_file {path} cannot be read: {getattr(e, 'strerror', None) or e}") from e
