"""One component in this process: settings, logs, signals, and the line to whoever started us."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import structlog

from leeway.runtime.components import Component
from leeway.runtime.composition import compose, settings_of, shared
from leeway.runtime.derivation import derived
from leeway.runtime.logs import configure_logs
from leeway.runtime.ports import check_free
from leeway.runtime.sources import Sources

READY_FD: Final = "LEEWAY_READY_FD"
"""Where `leeway up` reads that we serve."""
LIFELINE_FD: Final = "LEEWAY_LIFELINE_FD"
"""A pipe whose other end only our parent holds: it closes when the parent dies, however it dies."""
ORPHAN_GRACE_S: Final = 60.0
"""How long a component may take to stop after its parent died."""

log = structlog.get_logger(__name__)


def run_component(component: Component, sources: Sources) -> None:
    """Run until SIGINT, SIGTERM, or the death of the parent; return after a clean stop.

    Raises:
        Mistake: A setting cannot be used; a port is taken.
    """
    # Loading makes much and no garbage: to look for cycles meanwhile is a tenth of the start, and more.
    gc.disable()
    try:
        configure_logs(component.name, shared("log_level", sources), shared("log_format", sources))
        settings = compose(component, sources, derived(component, sources))
    finally:
        gc.freeze()
        gc.enable()
    check_free(ports(component, settings))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopper(stop))
    ready_fd = _inherited(READY_FD)
    lifeline_fd = _inherited(LIFELINE_FD)
    if lifeline_fd is not None:
        threading.Thread(target=_hold, args=(lifeline_fd, stop), name="lifeline", daemon=True).start()

    def ready() -> None:
        # What is loaded by now stays until the end: whoever looks for cycles need not look at it again and again.
        gc.freeze()
        log.info("component.ready")
        if ready_fd is not None:
            os.write(ready_fd, b"ready\n")
            os.close(ready_fd)
        else:
            sys.stdout.write("ready\n")
            sys.stdout.flush()

    component.run(settings, stop, ready)
    log.info("component.stopped")


def ports(component: Component, settings: Any) -> list[tuple[str, str, int]]:  # noqa: ANN401 - the room's own class
    """Key, host and number of every port that a component will listen on."""
    served = {key for key, _ in component.serves}
    return [
        (setting.key, settings.host, getattr(settings, setting.path[0]))
        for setting in settings_of(component)
        if setting.key in served and len(setting.path) == 1
    ]


def _stopper(stop: threading.Event) -> Callable[[int, object], None]:
    def handle(_number: int, _frame: object) -> None:
        stop.set()

    return handle


def _inherited(name: str) -> int | None:
    """A file descriptor that the parent left us, taken out of the environment so that our children do not see it."""
    text = os.environ.pop(name, None)
    if text is None:
        return None
    os.set_inheritable(int(text), False)
    return int(text)


def _hold(fd: int, stop: threading.Event) -> None:
    os.read(fd, 1)
    stop.set()
    log.warning("parent.died", remedy="stopping")
    # A component that cannot stop must not outlive its parent either.
    threading.Event().wait(ORPHAN_GRACE_S)
    os._exit(1)
