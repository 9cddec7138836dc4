"""`leeway up` with every process real: it starts, mends itself, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.conftest import PATIENCE_S
from tests.runtime.installation import Installation
from tests.runtime.processes import HasUrl, Leeway, leeway
from tests.runtime.test_replay import LINES, write

Start = Callable[..., Leeway]
FreePort = Callable[[], int]
HEALTH = {
    "STORE": "/ping",
    "HTTP": "/healthz",
    "DETECTORS": "/healthz",
    "API": "/healthz",
    "DASHBOARD": "/_stcore/health",
}


def processes_of(folder: Path) -> dict[int, str]:
    """Every process that was started with this data folder, children's children included: pid to command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if f"LEEWAY_DATA={folder / 'data'}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def eventually(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if condition():
            return True
        time.sleep(0.1)
    return False


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_it_serves_mends_itself_stops_cleanly_and_keeps_what_it_acknowledged(
    start: Start, tmp_path: Path, free_port: FreePort
) -> None:
    installation = Installation(start, tmp_path, free_port)
    for name, path in HEALTH.items():
        assert answers(installation.url(name) + path), name
        assert any(installation.url(name) in line for line in installation.process.output), (
            f"{name} is not in the table"
        )
    components = ["store", "collector", "detectors", "alerts", "dashboards"]
    assert [name for name in components if not (tmp_path / "data" / "logs" / f"{name}.log").stat().st_size] == []

    name = write(tmp_path / "a.jsonl", b"\n".join(LINES[:5]))
    assert leeway("replay", name, "--endpoint", installation.url("HTTP"), folder=tmp_path).returncode == 0

    [collector] = [pid for pid, line in processes_of(tmp_path).items() if "leeway.runtime collector" in line]
    os.kill(collector, signal.SIGKILL)
    name = write(tmp_path / "b.jsonl", b"\n".join(LINES[5:]))
    assert leeway("replay", name, "--endpoint", installation.url("HTTP"), folder=tmp_path).returncode == 0

    assert installation.process.stop(signal.SIGINT) == 0
    assert processes_of(tmp_path) == {}
    told = "\n".join(installation.process.output)
    assert "collector died with signal SIGKILL; starting it again in 0.5 s" in told
    assert installation.process.output[-1] == "stopped"

    installation.start()
    with installation.database() as db:
        assert db.rows("SELECT count() AS n FROM leeway.spans")[0]["n"] == 40
    assert installation.process.stop(signal.SIGTERM) == 0
    assert processes_of(tmp_path) == {}


def test_nothing_outlives_it_when_it_is_killed(start: Start, tmp_path: Path, free_port: FreePort) -> None:
    installation = Installation(start, tmp_path, free_port)
    assert len(processes_of(tmp_path)) >= 6
    installation.process.end()
    assert eventually(lambda: processes_of(tmp_path) == {}), processes_of(tmp_path)


def test_with_a_clickhouse_of_ones_own_no_store_is_started(
    store: HasUrl, db: object, start: Start, tmp_path: Path, free_port: FreePort
) -> None:
    installation = Installation(start, tmp_path, free_port, LEEWAY_CLICKHOUSE_URL=store.url)
    assert not any("leeway.runtime store" in line for line in processes_of(tmp_path).values())
    assert not answers(installation.url("STORE") + "/ping")
    assert answers(installation.url("API") + "/readyz")
    assert installation.process.stop() == 0


def test_a_port_in_use_is_one_line_that_names_the_setting(tmp_path: Path, free_port: FreePort) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        environment = {
            f"LEEWAY_{name}_PORT": str(free_port()) for name in ("STORE", "GRPC", "DETECTORS", "API", "DASHBOARD")
        }
        done = leeway("up", folder=tmp_path, **environment, LEEWAY_HTTP_PORT=port)
    assert done.returncode == 2
    line = (
        f"leeway: http_port is {port}: the port is in use; set LEEWAY_HTTP_PORT to another port, or stop what uses it\n"
    )
    assert done.stderr == line


def test_two_components_on_one_port_is_one_line(tmp_path: Path, free_port: FreePort) -> None:
    port = str(free_port())
    done = leeway("up", folder=tmp_path, LEEWAY_GRPC_PORT=port, LEEWAY_STORE_PORT=port)
    assert done.returncode == 2
    assert done.stderr == f"leeway: grpc_port is {port}, and so is store_port; set LEEWAY_GRPC_PORT to another port\n"


def test_a_mistake_in_a_components_section_stops_everything_with_its_line(tmp_path: Path, free_port: FreePort) -> None:
    (tmp_path / "leeway.toml").write_text("[collector]\nrequest_byte_max = 3\n")
    ports = {f"LEEWAY_{name}_PORT": str(free_port()) for name in (*HEALTH, "GRPC")}
    done = leeway("up", folder=tmp_path, **ports)
    assert done.returncode == 2
    assert "collector: collector.request_byte_max in " in done.stderr
    assert "leeway.toml is not a setting; did you mean collector.request_bytes_max?\n" in done.stderr
    assert processes_of(tmp_path) == {}


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path: Path, free_port: FreePort) -> None:
    (tmp_path / "file").write_text("")
    ports = {f"LEEWAY_{name}_PORT": str(free_port()) for name in (*HEALTH, "GRPC")}
    done = leeway("up", folder=tmp_path, LEEWAY_DATA=str(tmp_path / "file" / "data"), **ports)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "it must be a folder that can be written" in done.stderr
