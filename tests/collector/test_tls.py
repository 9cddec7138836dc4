"""TLS and mutual TLS on both transports, with certificates that are renewed while the collector runs."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from leeway.collector.door.tls import Tls
from leeway.model import Rejected
from tests.collector.client import grpc_export
from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.collector.requests import request
from tests.conftest import StoreProcess, until


@dataclass
class Files:
    """The server's files, and who signed what."""

    folder: Path

    def __post_init__(self) -> None:
        self.cert, self.key, self.client_ca = (self.folder / name for name in ("cert.pem", "key.pem", "clients.pem"))
        self.renew()

    def renew(self) -> None:
        """A new authority for each side, and new certificates."""
        self.servers, self.clients = trustme.CA(), trustme.CA()
        issued = self.servers.issue_cert("127.0.0.1", "localhost")
        self.key.write_bytes(issued.private_key_pem.bytes())
        self.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.clients.cert_pem.write_to_path(self.client_ca)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secured(store: StoreProcess, files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    process = CollectorProcess(
        store.url,
        tmp_path_factory.mktemp("secured") / "data",
        **STORED_FIRST,
        wait=False,
        tls_cert=files.cert,
        tls_key=files.key,
        tls_client_ca=files.client_ca,
    )
    until(lambda: is_ready(process, files), "the collector is ready")
    yield process
    process.stop()


def is_ready(collector: CollectorProcess, files: Files) -> bool:
    assert collector.is_alive(), collector.log.read_text()
    try:
        return https(collector, files, files.clients, path="/readyz", method="GET").status_code == 200
    except httpx.ConnectError:
        return False


def https(
    collector: CollectorProcess,
    files: Files,
    clients: trustme.CA | None,
    path: str = "/v1/traces",
    method: str = "POST",
) -> httpx.Response:
    context = ssl.create_default_context()
    files.servers.configure_trust(context)
    if clients:
        clients.issue_cert("agent").configure_cert(context)
    url = collector.http.replace("http://", "https://") + path
    headers = {"content-type": "application/x-protobuf"}
    return httpx.request(method, url, content=request().SerializeToString(), headers=headers, verify=context)


def grpcs(collector: CollectorProcess, files: Files, clients: trustme.CA | None) -> str:
    issued = clients.issue_cert("agent") if clients else None
    credentials = grpc.ssl_channel_credentials(
        files.servers.cert_pem.bytes(),
        issued.private_key_pem.bytes() if issued else None,
        issued.cert_chain_pems[0].bytes() if issued else None,
    )
    answer = grpc_export(
        collector, request().SerializeToString(), credentials=credentials, timeout_s=10, wait_for_ready=False
    )
    return answer.code


def encrypted(key: bytes) -> bytes:
    return load_pem_private_key(key, None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )


def test_a_client_with_a_certificate_is_served_on_both_transports(secured: CollectorProcess, files: Files) -> None:
    assert https(secured, files, files.clients).status_code == 200
    assert grpcs(secured, files, files.clients) == "OK"


@pytest.mark.parametrize("clients", [None, trustme.CA()], ids=["none", "somebody else's"])
def test_a_client_without_one_of_ours_is_not(
    clients: trustme.CA | None, secured: CollectorProcess, files: Files
) -> None:
    with pytest.raises(httpx.TransportError):
        https(secured, files, clients)
    assert grpcs(secured, files, clients) == "UNAVAILABLE"


def test_nothing_is_served_without_tls(secured: CollectorProcess) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{secured.http}/healthz")
    assert grpc_export(secured, b"", timeout_s=10, wait_for_ready=False).code == "UNAVAILABLE"


def test_renewed_files_are_used_without_a_restart(secured: CollectorProcess, files: Files) -> None:
    before = files.clients
    files.renew()
    until(lambda: is_ready(secured, files), "the new certificate is shown")
    until(lambda: grpcs(secured, files, files.clients) == "OK", "gRPC shows it too")
    with pytest.raises(httpx.TransportError):
        https(secured, files, before)
    assert grpcs(secured, files, before) == "UNAVAILABLE"


def test_files_that_cannot_be_used_leave_the_old_in_use(secured: CollectorProcess, files: Files) -> None:
    good = files.cert.read_bytes()
    files.cert.write_bytes(good[:-100])
    until(lambda: "reload.failed" in secured.log.read_text(), "the log says that the file is of no use")
    assert https(secured, files, files.clients).status_code == 200
    assert grpcs(secured, files, files.clients) == "OK"
    files.cert.write_bytes(good)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.cert.unlink(), "tls_cert .*cert.pem cannot be read: No such file"),
        (lambda f: f.key.write_text("key"), "tls_key .*key.pem holds no private key in PEM"),
        (lambda f: f.cert.write_bytes(f.key.read_bytes()), "tls_cert .*cert.pem holds no certificate in PEM"),
        (lambda f: f.client_ca.write_text(""), "tls_client_ca .*clients.pem holds no certificate in PEM"),
        (lambda f: f.client_ca.write_text("-----BEGIN CERTIFICATE-----\n"), "tls_client_ca .* cannot be used"),
        (lambda f: f.cert.write_bytes(Files(f.folder.parent).cert.read_bytes()), "cannot be used: key values mismatch"),
        (lambda f: f.key.write_bytes(encrypted(f.key.read_bytes())), "tls_key .*key.pem is encrypted"),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_in_one_line(spoil: object, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    files = Files(folder)
    Tls(files.cert, files.key, files.client_ca)
    spoil(files)  # type: ignore[operator]  # a lambda
    with pytest.raises(Rejected, match=said) as told:
        Tls(files.cert, files.key, files.client_ca)
    assert "\n" not in str(told.value)
