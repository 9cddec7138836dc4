"""Whether the collector can do its work now."""

from __future__ import annotations

import asyncio
from typing import Final

from leeway.collector.commit import Committer
from leeway.collector.intake import Intake
from leeway.collector.metrics import Metrics
from leeway.model import Rejected, Unavailable
from leeway.storage import Database

ASK_EVERY_S: Final = 2.0


class Health:
    """What `/readyz` says."""

    def __init__(self, intake: Intake, metrics: Metrics) -> None:
        self._intake = intake
        self._committer: Committer | None = None
        metrics.ready.set_function(lambda: not self.missing())

    def missing(self) -> list[str]:
        """What is not there, as a person would say it; empty when all is well."""
        missing = []
        if self._committer is None:
            missing.append("ClickHouse has not answered yet, or the journal is still being stored")
        elif not self._committer.reachable.is_set():
            missing.append("ClickHouse does not answer")
        if self._committer is not None and not self._intake.is_open:
            missing.append("the collector is stopping")
        return missing

    async def watch(self, db: Database, committer: Committer) -> None:
        """Ask ClickHouse whether it is there, for ever."""
        self._committer = committer
        committer.reachable.set()
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                await asyncio.to_thread(db.command, "SELECT 1")
            except (Unavailable, Rejected):
                committer.reachable.clear()
            else:
                committer.reachable.set()
