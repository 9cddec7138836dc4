"""A stream: one signal of one agent in one version, which one detector watches."""

from __future__ import annotations

from typing import NamedTuple


class Stream(NamedTuple):
    """The key of a stream. An empty `agent` means the run as a whole; `dimension` is '' or, for example, 'p99'."""

    project: str
    service: str
    agent: str
    version: str
    signal: str
    dimension: str = ""

    def __str__(self) -> str:
        who = f"{self.service}/{self.agent}" if self.agent else self.service
        what = f"{self.signal}:{self.dimension}" if self.dimension else self.signal
        return f"{self.project}: {who} {self.version} {what}"
