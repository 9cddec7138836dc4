"""The collector's life: lock the folder, listen, reach ClickHouse, end what was under way, serve, drain, close."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from leeway import storage
from leeway.collector import grpc_server, http_server, ledger
from leeway.collector.batcher import Batcher
from leeway.collector.commit import Committer, Interrupted
from leeway.collector.health import Health
from leeway.collector.intake import Intake
from leeway.collector.journal import Journal
from leeway.collector.metrics import Metrics
from leeway.collector.settings import Settings
from leeway.model import Unavailable
from leeway.storage import Database

log = structlog.get_logger(__name__)

STOP_POLL_S: Final = 0.05


def run(settings: Settings, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Collect until `stop` is set.

    Args:
        ready: Called once, when requests are taken.

    Raises:
        Rejected: Another collector holds the data folder, or the database is not one of ours.
        Unavailable: A port is taken.
    """
    with Journal(settings.data / "collector", fsync=settings.journal_fsync) as journal:
        asyncio.run(_serve(settings, journal, stop, ready))
    log.info("collector.stopped")


@dataclass(frozen=True, slots=True)
class _Store:
    """What there is once ClickHouse has answered and the journal is empty."""

    db: Database
    committer: Committer
    next_seq: int
    digests: list[int]


async def _serve(settings: Settings, journal: Journal, stop: threading.Event, ready: Callable[[], None]) -> None:
    metrics = Metrics()
    metrics.journal_bytes.set_function(lambda: journal.bytes)
    intake = Intake(settings, metrics)
    health = Health(intake, metrics)
    grpc, grpc_port = await grpc_server.start(settings, intake)
    try:
        http, http_port = http_server.start(settings, intake, health, metrics)
    except Unavailable:
        await grpc.stop(0)
        raise
    log.info("collector.listening", host=settings.host, grpc_port=grpc_port, http_port=http_port, writer=journal.writer)
    give_up = threading.Event()
    batcher: Batcher | None = None
    watch: asyncio.Task[None] | None = None
    opening = asyncio.create_task(asyncio.to_thread(_open_store, settings, journal, metrics, give_up))
    try:
        await _until(lambda: stop.is_set() or opening.done())
        if opening.done():
            store = opening.result()
            batcher = Batcher(settings, journal, store.committer, metrics, store.next_seq, intake.settle)
            watch = asyncio.create_task(health.watch(store.db, store.committer))
            intake.open(batcher, store.digests)
            log.info("collector.ready", next_batch=store.next_seq, requests_remembered=len(store.digests))
            ready()
        await _until(stop.is_set)
    finally:
        intake.close()
        await _drain(settings, batcher, give_up)
        await asyncio.gather(grpc.stop(settings.stop_within_s), http.stop())
        give_up.set()
        if watch:
            watch.cancel()
        await asyncio.gather(opening, return_exceptions=True)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the event to stop is a thread's, which nobody can await
        await asyncio.sleep(STOP_POLL_S)


async def _drain(settings: Settings, batcher: Batcher | None, give_up: threading.Event) -> None:
    """Store what waits; when ClickHouse does not take it in time, leave it in the journal."""
    if batcher is None:
        return
    draining = asyncio.create_task(asyncio.to_thread(batcher.close))
    done, _ = await asyncio.wait([draining], timeout=settings.stop_within_s)
    if not done:
        give_up.set()
        log.warning("collector.drain_given_up", after_s=settings.stop_within_s)
        await asyncio.wait([draining], timeout=settings.stop_within_s)


def _open_store(settings: Settings, journal: Journal, metrics: Metrics, give_up: threading.Event) -> _Store:
    """Reach ClickHouse, however long that takes, bring its schema up to date and end what was under way.

    Raises:
        Interrupted: The collector stops first.
        Rejected: The database is not one of ours.
    """
    failures = 0
    while True:
        try:
            db = Database(settings.clickhouse)
            storage.migrate(db)
            committer = Committer(db, journal, metrics, give_up, settings.backoff_s_max)
            last = committer.recover()
            digests = ledger.recent_hashes(db, time.time() - settings.resend_memory_s, settings.resend_memory_max)
            return _Store(db, committer, last + 1, digests)
        except Unavailable as e:
            failures += 1
            pause_s = min(0.2 * 2 ** min(failures, 10), settings.backoff_s_max)
            log.warning(
                "clickhouse.awaited", url=_without_password(settings), retry_in_s=round(pause_s, 1), error=str(e)
            )
            if give_up.wait(pause_s):
                raise Interrupted from e


def _without_password(settings: Settings) -> str:
    return settings.clickhouse.clickhouse_url.rsplit("@", 1)[-1]
