"""Start Streamlit as a child process, say when it serves, stop it cleanly."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import structlog

import leeway
from leeway.dashboards.settings import Settings, to_environment
from leeway.model import Unavailable

APP: Final = Path(__file__).with_name("app.py")
START_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 10.0
POLL_S: Final = 0.2

log = structlog.get_logger("leeway.dashboards")


def run(settings: Settings, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Serve until `stop` is set.

    It does not wait for ClickHouse: a page says that it is away, and reads again.

    Raises:
        Unavailable: Streamlit did not come up, or went away by itself.
    """
    port = settings.port or _free_port(settings.host)
    with _child(settings, port) as child:
        url = f"http://{_reachable(settings.host)}:{port}"
        if not _wait_until_healthy(url, child, stop):
            return
        log.info("dashboards.ready", url=url)
        ready()
        while not stop.wait(POLL_S):
            if child.poll() is not None:
                raise Unavailable(f"the dashboards' process ended by itself with status {child.returncode}")


def command_line(settings: Settings, port: int) -> list[str]:
    """Streamlit's command; look and feel are in `.streamlit/config.toml` beside the app."""
    options = {
        "server.address": settings.host,
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": _reachable(settings.host),
        "browser.serverPort": str(port),
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags]


@contextlib.contextmanager
def _child(settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    # Streamlit puts the app's own folder on the path, not the one that holds the package.
    root = str(Path(leeway.__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    environment = {**os.environ, **to_environment(settings), "PYTHONPATH": path}
    # Its own session: Ctrl-C in a terminal reaches the parent alone, which then stops the child in order.
    with subprocess.Popen(  # noqa: S603 - our own command line
        command_line(settings, port), env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    ) as child:
        try:
            yield child
        finally:
            _stop(child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        log.warning("dashboards.killed", after_s=STOP_WITHIN_S)
        child.kill()
        child.wait()


def _wait_until_healthy(url: str, child: subprocess.Popen[bytes], stop: threading.Event) -> bool:
    waited_s = 0.0
    while waited_s < START_WITHIN_S:
        if child.poll() is not None:
            raise Unavailable(f"the dashboards did not start (status {child.returncode}); is {url} taken?")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/_stcore/health", timeout=2.0, trust_env=False).status_code == httpx.codes.OK:
                return True
        if stop.wait(POLL_S):
            return False
        waited_s += POLL_S
    raise Unavailable(f"the dashboards did not answer at {url} within {START_WITHIN_S:.0f} s")


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "localhost", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - not a bind


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host or "127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
