"""TLS and mutual TLS for both transports, from one set of files, read again when they change."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import grpc
import structlog

from leeway.collector.door.watched import Watched
from leeway.model import Rejected

log = structlog.get_logger(__name__)

CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
KEY: Final = b"PRIVATE KEY-----"


class Tls:
    """The files, and what both transports make of them.

    Attributes:
        context: For a listening socket. Each handshake is handed over to the newest files.

    Raises:
        Rejected: A file is missing or is not what it should be.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None) -> None:
        self._cert, self._key, self._client_ca = cert, key, client_ca
        self._watched = Watched(*(path for path in (cert, key, client_ca) if path))
        self._grpc, self.context = self._load()
        self._newest = self.context
        self.context.sni_callback = self._hand_over

    def refresh(self) -> None:
        """Use the files' new content in handshakes from now on.

        Raises:
            Rejected: It cannot be used; the old stays.
        """
        if self._watched.changed():
            self._grpc, self._newest = self._load()
            log.info("tls.reloaded", cert=str(self._cert))

    def grpc_credentials(self) -> grpc.ServerCredentials:
        # gRPC asks for the configuration at each handshake, in a thread of its own.
        return grpc.dynamic_ssl_server_credentials(
            self._grpc, lambda: self._grpc, require_client_authentication=self._client_ca is not None
        )

    def _hand_over(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._newest

    def _load(self) -> tuple[grpc.ServerCertificateConfiguration, ssl.SSLContext]:
        cert = _pem("tls_cert", self._cert, CERTIFICATE, "certificate")
        key = _pem("tls_key", self._key, KEY, "private key")
        ca = _pem("tls_client_ca", self._client_ca, CERTIFICATE, "certificate") if self._client_ca else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._cert, self._key, password=self._no_password)
        except (ssl.SSLError, ValueError) as e:
            raise Rejected(
                f"collector.tls_cert {self._cert} and collector.tls_key {self._key} cannot be used: {_reason(e)}"
            ) from e
        if self._client_ca and ca:
            try:
                context.load_verify_locations(self._client_ca)
            except ssl.SSLError as e:
                raise Rejected(f"collector.tls_client_ca {self._client_ca} cannot be used: {_reason(e)}") from e
            context.verify_mode = ssl.CERT_REQUIRED
        return grpc.ssl_server_certificate_configuration([(key, cert)], ca), context

    def _no_password(self) -> str:
        """Without this, OpenSSL would ask at the terminal."""
        raise Rejected(f"collector.tls_key {self._key} is encrypted; Leeway wants it without a password")


def _pem(setting: str, path: Path, mark: bytes, what: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as e:
        raise Rejected(f"collector.{setting} {path} cannot be read: {e.strerror}") from e
    if mark not in content:
        raise Rejected(f"collector.{setting} {path} holds no {what} in PEM")
    return content


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)
