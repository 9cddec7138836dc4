"""The detectors' life: health over HTTP in one thread, the loop in the other."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leeway import storage
from leeway.detectors import assembly
from leeway.detectors.assembler import Assembler
from leeway.detectors.metrics import Metrics
from leeway.detectors.settings import Settings
from leeway.detectors.tail import Pace, follow
from leeway.detectors.tenure import Tenure
from leeway.detectors.watch import Watch
from leeway.model import LeewayError, Unavailable
from leeway.storage import Database

STALE_S: Final = 30.0
"""A loop that has not come round for so long is not ready."""

GARBAGE_EVERY: Final = (50_000, 10, 10)
"""How many objects come before cycles among them are looked for. Thousands of observations are made at once and none of
them is part of a cycle; with Python's own 700 the search takes a twelfth of this process's time."""

log = structlog.get_logger(__name__)


def run(settings: Settings, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Assemble runs and watch them until `stop` is set.

    Args:
        ready: Called once, when the loop has taken up its work.

    Raises:
        Rejected: The database is not one of ours.
        Unavailable: The port is taken.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(settings.nice, os.getpriority(os.PRIO_PROCESS, 0)))
    gc.set_threshold(*GARBAGE_EVERY)
    life = _Life(settings, ready)
    with _serving(settings, life):
        pace = Pace(settings.idle_s, settings.rest_s_max, settings.assembler.read_spans_max // 2)
        follow(life.make_assembler, life.make_watch, lambda: life.held(stop), stop, life.took_up, pace)
        life.close()
        # Where another took over there is nothing left to do; but who ended would be started again, and take over.
        stop.wait()
    log.info("detectors.stopped")


class _Life:
    """What the loop works with, from one failure to the next."""

    def __init__(self, settings: Settings, ready: Callable[[], None]) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self._ready: Callable[[], None] | None = ready
        self._db: Database | None = None
        self._watch: Watch | None = None
        self._tenure: Tenure | None = None
        self._started = False

    def make_assembler(self) -> Assembler | None:
        """The first thing of each attempt: so the database is reached here. Runs are whole only where all their spans
        are seen, so the first shard puts all of them together, and every shard watches its part.
        """
        self.metrics.failures += self._started
        self._started = True
        self._watch = None
        if self._db is None:
            db = Database(self.settings.clickhouse, nice=self.settings.nice)
            storage.migrate(db)
            self._db = db
            self._tenure = Tenure(db, f"detectors/{self.settings.shard}")
        if self.settings.shard:
            return None
        assembly.warm_up()
        return Assembler(self._db, self.settings.assembler, "assembler/0", self.metrics.assembler)

    def held(self, stop: threading.Event) -> bool:
        """Whether this process does its shard's work, and not one that was started later."""
        self.metrics.holds = self._tenure is not None and self._tenure.held(stop)
        return self.metrics.holds

    def make_watch(self) -> Watch:
        if self._db is None:
            raise Unavailable("ClickHouse was not reached")
        self._watch = Watch(self._db, self.settings, self.metrics.health)
        self.metrics.watcher = self._watch.watcher
        return self._watch

    def took_up(self) -> None:
        """The loop goes round from here on."""
        self.metrics.health.ok_at_s = time.monotonic()
        log.info("detectors.ready", reader=self._watch.reader if self._watch else "")
        if self._ready is not None:
            self._ready()
            self._ready = None

    def close(self) -> None:
        """Save what can be saved; what cannot is observed again next time."""
        try:
            if self._watch is not None:
                self._watch.save()
        except LeewayError as e:
            log.warning("detectors.not_saved", reason=str(e))
        try:
            if self._tenure is not None:
                self._tenure.release()
        except LeewayError as e:
            log.warning("detectors.not_let_go", reason=str(e))
        if self._db is not None:
            self._db.close()

    def missing(self) -> str:
        """Why it is not ready; empty when it is."""
        if self._tenure is not None and self._tenure.superseded_by:
            return f"another process has taken over: {self._tenure.superseded_by}"
        if self._tenure is not None and self._tenure.waits_for:
            return f"waiting until another process has let go: {self._tenure.waits_for}"
        if self._ready is not None:
            return "ClickHouse has not answered yet"
        behind_s = time.monotonic() - self.metrics.health.ok_at_s
        return f"the loop has not come round for {behind_s:.0f} s" if behind_s > STALE_S else ""


@contextmanager
def _serving(settings: Settings, life: _Life) -> Iterator[None]:
    def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    def readyz(_: Request) -> Response:
        missing = life.missing()
        return JSONResponse({"status": missing or "ok"}, status_code=503 if missing else 200)

    def metrics(_: Request) -> Response:
        return Response(life.metrics.text(), media_type="text/plain; version=0.0.4")

    app = Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])
    server = uvicorn.Server(
        uvicorn.Config(app, settings.host, settings.port, log_config=None, log_level="warning", access_log=False)
    )
    thread = threading.Thread(target=_serve, args=(server,), name="health", daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(0.01)
    if not server.started:
        raise Unavailable(f"port {settings.port} on {settings.host} is taken; set detectors.port to another one")
    log.info("detectors.listening", host=settings.host, port=server.servers[0].sockets[0].getsockname()[1])
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=5)


def _serve(server: uvicorn.Server) -> None:
    # uvicorn ends the thread with SystemExit when the port is taken; the caller sees that it never started.
    try:
        server.run()
    except SystemExit:
        log.debug("health.not_started")
