"""`leeway up`: everything on one machine."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final
from urllib.parse import quote

from rich.console import Console
from rich.text import Text

from leeway.runtime.child import Child, LogFile
from leeway.runtime.components import ALERTS, COLLECTOR, COMPONENTS, DASHBOARDS, DETECTORS, STORE, Component
from leeway.runtime.composition import known_keys, reachable, shared
from leeway.runtime.mistake import Mistake
from leeway.runtime.ports import check_free
from leeway.runtime.sources import Sources, env_name
from leeway.runtime.supervisor import GaveUp, Interrupt, Interrupted, Supervisor
from leeway.runtime.terminal import Screen

STOP_ORDER: Final = ((COLLECTOR.name,), (DETECTORS.name, ALERTS.name, DASHBOARDS.name), (STORE.name,))
"""First nothing new comes in, then nobody reads, then the store closes."""


def run_up(sources: Sources) -> int:
    """Start, supervise, stop.

    Returns:
        The exit status: 0 after a stop that was asked for.

    Raises:
        Mistake: A setting cannot be used, or a port is taken.
    """
    external = sources.given("clickhouse_url")
    components = [c for c in COMPONENTS if c is not STORE or external is None]
    served = {(c.name, key): _place(c, key, sources) for c in components for key, _ in c.serves}
    _check_files(sources)
    check_free((key, host, port) for (_, key), (host, port) in served.items())
    logs_folder = _folder(sources) / "logs"
    bounds = shared("log_file_bytes_max", sources), shared("log_files_max", sources)
    logs = {c.name: LogFile(logs_folder / f"{c.name}.log", *bounds) for c in components}
    screen = Screen(Console(highlight=False, soft_wrap=True), logs)
    supervisor = Supervisor(child_environment(sources), screen.tell)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: supervisor.hear(Interrupt(n)))

    def child(component: Component) -> Child:
        command = [sys.executable, "-m", "leeway.runtime", component.name]
        return Child(component.name, command, supervisor.hear, screen.line)

    def serving(name: str, took_s: float) -> None:
        screen.console.print(Text("✓ ", "green"), Text(f"{name:11}", "bold"), Text(f"{took_s:4.1f} s", "dim"), sep="")

    status = 0
    try:
        with screen.busy("starting; Ctrl-C stops everything"):
            if external is None:
                supervisor.start([child(STORE)], serving)
            supervisor.start([child(c) for c in components if c is not STORE], serving)
        screen.addresses(_addresses(components, served, sources, logs_folder))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        supervisor.watch()
    except Interrupted:
        pass
    except GaveUp as e:
        status = e.status
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text("leeway:", "bold red"), Text(str(e)))
    screen.console.print(Text("stopping", "dim"))
    with screen.busy("waiting for what is under way; Ctrl-C again does not wait"):
        supervisor.stop(STOP_ORDER)
    screen.console.print(Text("stopped", "dim"))
    for log in logs.values():
        log.close()
    return status


def child_environment(sources: Sources) -> dict[str, str]:
    """Ours, with what our flags said and what follows from the settings; children read the same leeway.toml."""
    said = {env_name(key): text for key, text in sources.flags.items()}
    derived = {"LEEWAY_LOG_FORMAT": "json", "PYTHONUNBUFFERED": "1"}
    if sources.path is not None and sources.file:
        derived["LEEWAY_CONFIG"] = str(sources.path.resolve())
    if sources.given("clickhouse_url") is None:
        derived[env_name("clickhouse_url")] = _store_url(sources)
    return {**os.environ, **said, **derived}


def _store_url(sources: Sources) -> str:
    host, port = _place(STORE, "store_port", sources)
    user, password = (sources.given(f"store.{key}") for key in ("user", "password"))
    login = f"{quote(str(user.raw), safe='')}:{quote(str(password.raw), safe='') if password else ''}@" if user else ""
    return f"http://{login}{reachable(host)}:{port}"


def _place(component: Component, key: str, sources: Sources) -> tuple[str, int]:
    own = sources.given(f"{component.name}.host")
    return str(own.raw) if own else shared("host", sources), shared(key, sources)


def _folder(sources: Sources) -> Path:
    folder: Path = shared("data", sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise Mistake(f"data is {str(folder)!r}; it must be a folder that can be written: {e.strerror}") from e
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Mistake(f"data is {str(folder)!r}; it must be a folder that can be written")
    return folder


def _check_files(sources: Sources) -> None:
    """Sections are checked by their components; here only that each belongs to one."""
    sources.check_file(known_keys(), {*(c.name for c in COMPONENTS), "clickhouse"})


def _addresses(
    components: list[Component], served: dict[tuple[str, str], tuple[str, int]], sources: Sources, logs: Path
) -> list[tuple[str, str, str]]:
    rows = []
    for component in components:
        for i, (key, what) in enumerate(component.serves):
            host, port = served[component.name, key]
            rows.append((component.name if i == 0 else "", f"http://{reachable(host)}:{port}", what))
    if (url := sources.given("clickhouse_url")) is not None:
        rows.insert(0, ("clickhouse", _without_password(str(url.raw)), "yours"))
    return [*rows, ("logs", str(logs), "")]


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rsplit('@', 1)[-1]}"
