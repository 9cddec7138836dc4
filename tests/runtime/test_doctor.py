"""The doctor: right where all is well, and a remedy where it is not."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leeway.runtime import main
from tests.runtime.processes import HasUrl

PORTS = ("STORE", "GRPC", "HTTP", "DETECTORS", "API", "DASHBOARD")
Doctor = Callable[..., Result]
RULES = "version: 1\nrules:\n  - {name: r, when: {signal: tools}, open: version}\n"


@pytest.fixture
def ports(free_port: Callable[[], int]) -> dict[str, str]:
    return {f"LEEWAY_{name}_PORT": str(free_port()) for name in PORTS}


@pytest.fixture
def doctor(tmp_path: Path, ports: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """`leeway doctor` in an empty folder with a rules file, on free ports."""
    (tmp_path / "leeway-rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEEWAY_")]:
        monkeypatch.delenv(name)

    def run(**environment: str) -> Result:
        return CliRunner().invoke(main, ["doctor"], env={**ports, **environment})

    return run


def faults(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("✗")]


def test_a_fresh_machine_has_nothing_to_mend(doctor: Doctor) -> None:
    done = doctor()
    assert faults(done.output) == []
    assert done.exit_code == 0
    assert "the embedded store is not running — leeway up starts it" in done.output
    assert not Path("leeway-data").exists(), "the doctor changes nothing"


def test_a_clickhouse_that_answers_is_asked_for_version_and_time(store: HasUrl, db: object, doctor: Doctor) -> None:
    done = doctor(LEEWAY_CLICKHOUSE_URL=store.url)
    assert done.exit_code == 0, done.output
    assert "✓ clickhouse  26." in done.output
    assert "✓ clock       within 0." in done.output


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"LEEWAY_CLICKHOUSE_URL": "http://127.0.0.1:1"}, "is LEEWAY_CLICKHOUSE_URL right, and does it run?"),
        ({"LEEWAY_RULES": "nowhere.yaml"}, "cannot read the rules file nowhere.yaml"),
        ({"LEEWAY_COLLECTOR_REQUEST_BYTES_MAX": "much"}, "LEEWAY_COLLECTOR_REQUEST_BYTES_MAX is 'much'; it must be"),
        ({"LEEWAY_HTTP_PORT": "x"}, "LEEWAY_HTTP_PORT is 'x'; it must be a port number"),
    ],
)
def test_a_fault_is_told_with_what_to_mend(environment: dict[str, str], fault: str, doctor: Doctor) -> None:
    done = doctor(**environment)
    assert done.exit_code == 1, done.output
    assert any(fault in line for line in faults(done.output)), done.output


def test_a_stranger_on_our_port_is_a_fault(doctor: Doctor) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = str(stranger.getsockname()[1])
        done = doctor(LEEWAY_DASHBOARD_PORT=port)
    assert done.exit_code == 1
    [line] = faults(done.output)
    assert "set LEEWAY_DASHBOARD_PORT to another port, or stop what uses it" in line


def test_a_misspelt_variable_is_noticed(doctor: Doctor) -> None:
    done = doctor(LEEWAY_GRPCPORT="1")
    assert "LEEWAY_GRPCPORT is set and is no setting — did you mean LEEWAY_GRPC_PORT?" in done.output
    assert done.exit_code == 0
