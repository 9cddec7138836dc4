"""The collector's life: lock the folder, listen, take requests, reach ClickHouse, end what was under way, close."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog
import uvloop

from leeway import storage
from leeway.collector import grpc_server, http_server, ledger
from leeway.collector.commit import Committer, Interrupted
from leeway.collector.data_folder import DataFolder
from leeway.collector.door.door import Door
from leeway.collector.health import Health
from leeway.collector.intake import Intake
from leeway.collector.metrics import Metrics
from leeway.collector.pipeline import Pipeline
from leeway.collector.redaction import HASH_KEY_VARIABLE, LiveRedaction
from leeway.collector.room import SpoolRoom
from leeway.collector.settings import Settings
from leeway.collector.store_state import StoreState
from leeway.model import Signal, Unavailable
from leeway.storage import Database

log = structlog.get_logger(__name__)

STOP_POLL_S: Final = 0.05
REFRESH_S: Final = 1.0
"""How often files are looked at that somebody may have changed."""


def run(settings: Settings, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Collect until `stop` is set.

    Args:
        ready: Called once, when requests are taken and ClickHouse has answered.

    Raises:
        Rejected: Another collector holds the data folder, the database is not one of ours, or the redaction file
            cannot be used.
        Unavailable: A port is taken.
    """
    with DataFolder(settings.data / "collector") as folder:
        uvloop.run(_serve(settings, folder, stop, ready))
    log.info("collector.stopped")


async def _serve(settings: Settings, folder: DataFolder, stop: threading.Event, ready: Callable[[], None]) -> None:
    metrics = Metrics()
    metrics.memory_bound_bytes.set(settings.memory_bytes_max)
    redaction = LiveRedaction(settings.redaction, os.environ.get(HASH_KEY_VARIABLE, "").encode(), metrics)
    intake = Intake(settings, metrics, redaction.for_project)
    store = StoreState()
    pipelines = _pipelines(settings, folder, store, metrics, intake)
    health = Health(settings, intake, store, folder.disk, pipelines, metrics)
    door = Door(settings, metrics)
    grpc, grpc_port = await grpc_server.start(settings, intake, door)
    try:
        http, http_port = http_server.start(settings, intake, door, health, metrics)
    except Unavailable:
        await grpc.stop(0)
        raise
    log.info("collector.listening", host=settings.host, grpc_port=grpc_port, http_port=http_port, writer=folder.writer)
    intake.open(pipelines)
    sweep = asyncio.create_task(intake.sweep())
    refresh = asyncio.create_task(_refresh(redaction))
    watch_disk = asyncio.create_task(health.watch_disk())
    watch: asyncio.Task[None] | None = None
    give_up = threading.Event()
    opening = asyncio.create_task(asyncio.to_thread(_open_store, settings, pipelines, store, give_up))
    try:
        await _until(lambda: stop.is_set() or opening.done())
        if opening.done():
            ways, digests = opening.result()
            intake.remember(digests)
            store.opened()
            known = frozenset(digests)
            for signal, pipeline in pipelines.items():
                pipeline.open(*ways[signal], known)
            watch = asyncio.create_task(health.watch())
            log.info("collector.ready", requests_remembered=len(digests))
            ready()
        await _until(stop.is_set)
    finally:
        intake.close()
        give_up.set()
        if not store.is_open:
            for pipeline in pipelines.values():
                pipeline.give_up()
        await asyncio.gather(opening, return_exceptions=True)
        await asyncio.gather(*(asyncio.to_thread(p.close, settings.stop_within_s) for p in pipelines.values()))
        await asyncio.gather(grpc.stop(settings.stop_within_s), http.stop())
        sweep.cancel()
        refresh.cancel()
        watch_disk.cancel()
        if watch:
            watch.cancel()


async def _refresh(redaction: LiveRedaction) -> None:
    while True:
        await asyncio.sleep(REFRESH_S)
        redaction.refresh()


def _pipelines(
    settings: Settings, folder: DataFolder, store: StoreState, metrics: Metrics, intake: Intake
) -> Mapping[Signal, Pipeline]:
    room = SpoolRoom(settings.spool_bytes_max)

    def pipeline(signal: Signal) -> Pipeline:
        return Pipeline(
            settings, signal, folder, room, store, metrics, lambda requests, fate: intake.settle(signal, requests, fate)
        )

    made = {signal: pipeline(signal) for signal in Signal}
    for one in made.values():
        intake.remember(one.known())
    metrics.journal_bytes.set_function(lambda: sum(p.journal.bytes for p in made.values()))
    metrics.spool_bytes.set_function(lambda: sum(p.spool.size_bytes for p in made.values()))
    metrics.spool_items.set_function(lambda: sum(p.spool.items for p in made.values()))
    metrics.spool_oldest_seconds.set_function(lambda: _oldest_s(made))
    return made


def _oldest_s(pipelines: Mapping[Signal, Pipeline]) -> float:
    since = [ns for p in pipelines.values() if (ns := p.spool.oldest_ns()) is not None]
    return max(0.0, (time.time_ns() - min(since)) / 1e9) if since else 0.0


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the event to stop is a thread's, which nobody can await
        await asyncio.sleep(STOP_POLL_S)


def _open_store(
    settings: Settings, pipelines: Mapping[Signal, Pipeline], store: StoreState, give_up: threading.Event
) -> tuple[dict[Signal, tuple[Committer, int]], list[int]]:
    """Reach ClickHouse, however long that takes, bring its schema up to date and end what was under way.

    Returns:
        By signal the way to the database and the number of the next batch, and the digests of recent requests.

    Raises:
        Interrupted: The collector stops first.
        Rejected: The database is not one of ours.
    """
    failures = 0
    while True:
        try:
            db = Database(settings.clickhouse)
            db.warm_up()
            storage.migrate(db)
            ways = {signal: pipeline.recover(db) for signal, pipeline in pipelines.items()}
            digests = ledger.recent_hashes(db, time.time() - settings.resend_memory_s, settings.resend_memory_max)
            return ways, digests
        except Unavailable as e:
            failures += 1
            store.failed()
            pause_s = min(0.2 * 2 ** min(failures, 10), settings.backoff_s_max)
            log.warning(
                "clickhouse.awaited", url=_without_password(settings), retry_in_s=round(pause_s, 1), error=str(e)
            )
            if give_up.wait(pause_s):
                raise Interrupted from e


def _without_password(settings: Settings) -> str:
    return settings.clickhouse.clickhouse_url.rsplit("@", 1)[-1]
