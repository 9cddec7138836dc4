"""The doctor: right where all is well, and a remedy where it is not."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
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


def test_a_collector_with_tls_is_asked_in_tls(doctor: Doctor, tmp_path: Path) -> None:
    """Clients need a certificate here, and the doctor has none: that somebody answers is what it wants to know."""
    authority = trustme.CA()
    cert, key, clients = (tmp_path / name for name in ("cert.pem", "key.pem", "clients.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(cert)
    authority.cert_pem.write_to_path(clients)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(clients)
    context.verify_mode = ssl.CERT_REQUIRED
    tls = {"LEEWAY_COLLECTOR_TLS_CERT": str(cert), "LEEWAY_COLLECTOR_TLS_KEY": str(key)}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                        secured.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        assert faults(doctor(LEEWAY_HTTP_PORT=port, **tls).output) == []
        [line] = faults(doctor(LEEWAY_HTTP_PORT=port).output)
        assert "set LEEWAY_HTTP_PORT to another port" in line
