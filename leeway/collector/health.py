"""Whether the collector can do its work now: take requests and make them durable."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from leeway.collector.disk import Disk
from leeway.collector.intake import Intake
from leeway.collector.metrics import Metrics
from leeway.collector.pipeline import Pipeline
from leeway.collector.settings import Settings
from leeway.collector.store_state import StoreState
from leeway.model import Rejected, Signal, Unavailable
from leeway.storage import Database

ASK_EVERY_S: Final = 2.0
ASK_WITHIN_S: Final = 10.0
"""A ClickHouse that says nothing for so long is away, though it may take connections. An INSERT may take longer."""


class Health:
    """What `/readyz` says."""

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        store: StoreState,
        disk: Disk,
        pipelines: Mapping[Signal, Pipeline],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._store = store
        self._disk = disk
        self._pipelines = pipelines
        metrics.ready.set_function(lambda: not self.missing())
        metrics.store_up.set_function(lambda: store.is_up)

    def missing(self) -> list[str]:
        """What keeps requests from being made durable, as a person would say it; empty when all is well."""
        missing = []
        if not self._intake.is_open:
            missing.append("the collector is starting or stopping")
        if self._disk.trouble:
            missing.append(f"the collector's own disk does not take what is to be stored: {self._disk.trouble}")
        if not self._store.is_away:
            if not self._store.is_open:
                missing.append("ClickHouse has not answered yet, or what the last process left is still being stored")
        elif not self._settings.spool_bytes_max:
            missing.append("ClickHouse does not answer, and the spool is switched off")
        elif not all(p.spool.has_room(self._settings.project, 1) for p in self._pipelines.values()):
            missing.append("ClickHouse does not answer, and the spool is full")
        return missing

    def is_spooling(self) -> bool:
        """Whether what is taken now goes to the disk first."""
        return self._store.is_away and bool(self._settings.spool_bytes_max)

    def notes(self) -> list[str]:
        """What does not keep the collector from its work, and should be known."""
        if not self.is_spooling():
            return []
        items = sum(p.spool.items for p in self._pipelines.values())
        return [f"ClickHouse does not answer; {items} items wait on the disk and are stored when it is back"]

    async def watch_disk(self) -> None:
        """Try the disk while there is trouble with it, for ever."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            if self._disk.trouble:
                await asyncio.to_thread(self._disk.try_again)

    async def watch(self) -> None:
        """Ask ClickHouse whether it is there, for ever."""
        asking = replace(self._settings.clickhouse, query_timeout_s=ASK_WITHIN_S)
        db: Database | None = None
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                if db is None:
                    db = await asyncio.to_thread(Database, asking)
                await asyncio.to_thread(db.command, "SELECT 1")
            except (Unavailable, Rejected):
                self._store.failed()
            else:
                self._store.answered()
