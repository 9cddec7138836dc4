"""What a client asks for, read from an HTTP request's parameters and headers as ClickHouse reads them."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from leeway.storage.embedded.errors import (
    AUTHENTICATION_FAILED,
    BAD_ARGUMENTS,
    INVALID_SESSION_TIMEOUT,
    NOT_IMPLEMENTED,
    REQUIRED_PASSWORD,
    QueryRefused,
)
from leeway.storage.embedded.external import Table
from leeway.storage.embedded.settings import Settings

_OURS: Final = frozenset({
    "query", "query_id", "database", "default_format", "user", "password", "quota_key", "role", "stacktrace",
    "buffer_size", "wait_end_of_query", "compress", "decompress", "client_protocol_version",
    "http_headers_progress_interval_ms", "send_progress_in_http_headers", "enable_http_compression",
    "session_id", "session_timeout", "session_check", "close_session", "cancel_http_readonly_queries_on_client_close",
})  # fmt: skip
"""Parameters of the interface itself; every other name is a ClickHouse setting."""
SESSION_TIMEOUT_S: Final = 60


@dataclass(frozen=True)
class Ask:
    """One request, its body aside."""

    query: str
    query_id: str
    database: str
    default_format: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    session_id: str
    session_timeout_s: int
    session_must_exist: bool
    close_session: bool
    whole_answer: bool
    """Nothing is sent before the query has ended, so that a late error still has an HTTP code."""
    read_only: bool
    compress_answer: str
    """The content encoding of the answer, '' for none."""
    compressed_body: str
    """The content encoding of the body, '' for none."""
    external: tuple[Table, ...] = ()
    """Tables that came along, for this query only."""


def read(
    method: str,
    params: Mapping[str, str],
    headers: Mapping[str, str],
    settings: Settings,
    external: tuple[Table, ...] = (),
) -> Ask:
    """Read a request's parameters and headers.

    Raises:
        QueryRefused: A parameter has no meaning, or asks for what this store does not do.
    """
    for name in ("compress", "decompress"):
        if params.get(name, "0") not in ("", "0"):
            raise QueryRefused(
                NOT_IMPLEMENTED,
                f"{name}=1 (ClickHouse's own block compression over HTTP) is not served here; "
                f"use Accept-Encoding and Content-Encoding with gzip, deflate, zstd or lz4. (NOT_IMPLEMENTED)",
            )
    return Ask(
        query=params.get("query", ""),
        query_id=params.get("query_id") or str(uuid.uuid4()),
        database=params.get("database") or headers.get("x-clickhouse-database", ""),
        default_format=headers.get("x-clickhouse-format") or params.get("default_format", ""),
        parameters={k.removeprefix("param_"): v for k, v in params.items() if k.startswith("param_")},
        settings={k: v for k, v in params.items() if k not in _OURS and not k.startswith("param_")},
        session_id=params.get("session_id", ""),
        session_timeout_s=_session_timeout_s(params, settings),
        session_must_exist=params.get("session_check") == "1",
        close_session=params.get("close_session") == "1",
        whole_answer=params.get("wait_end_of_query", "0") not in ("", "0"),
        read_only=method in ("GET", "HEAD"),
        compress_answer=_encoding(headers.get("accept-encoding", "")) if _wants_compression(params) else "",
        compressed_body=headers.get("content-encoding", "").strip().lower().replace("identity", ""),
        external=external,
    )


def authenticate(params: Mapping[str, str], headers: Mapping[str, str], settings: Settings) -> None:
    """Compare the credentials in constant time, where any are asked for.

    Raises:
        QueryRefused: They are missing or wrong.
    """
    if not (settings.user or settings.password):
        return
    user, password = _credentials(params, headers)
    wanted_user = settings.user or "default"
    same_user = hmac.compare_digest(user.encode(), wanted_user.encode())
    same_password = hmac.compare_digest(password.encode(), settings.password.encode())
    if same_user and same_password:
        return
    if not password and settings.password and same_user:
        raise QueryRefused(REQUIRED_PASSWORD, f"{user}: a password is required. (REQUIRED_PASSWORD)")
    raise QueryRefused(
        AUTHENTICATION_FAILED,
        f"{user}: Authentication failed: password is incorrect, or there is no user with such name. "
        "(AUTHENTICATION_FAILED)",
    )


def _credentials(params: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError) as e:
            raise QueryRefused(
                AUTHENTICATION_FAILED, "the Authorization header is not Basic. (AUTHENTICATION_FAILED)"
            ) from e
        return user, password
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", "")
    return params.get("user", "default"), params.get("password", "")


def _session_timeout_s(params: Mapping[str, str], settings: Settings) -> int:
    text = params.get("session_timeout", "")
    if not text:
        return SESSION_TIMEOUT_S
    if not text.isdigit():
        raise QueryRefused(BAD_ARGUMENTS, f"Invalid session timeout: '{text}'. (INVALID_SESSION_TIMEOUT)")
    if int(text) > settings.session_timeout_s_max:
        most = settings.session_timeout_s_max
        raise QueryRefused(
            INVALID_SESSION_TIMEOUT,
            f"Session timeout '{text}' is larger than the maximum: {most}. (INVALID_SESSION_TIMEOUT)",
        )
    return int(text)


def _wants_compression(params: Mapping[str, str]) -> bool:
    """ClickHouse compresses when the header allows it, unless `enable_http_compression=0` forbids it."""
    return params.get("enable_http_compression", "1") not in ("0", "false")


def _encoding(accepted: str) -> str:
    offered = {
        part.split(";", 1)[0].strip().lower()
        for part in accepted.split(",")
        if not part.replace(" ", "").endswith(";q=0")
    }
    return next((name for name in ("lz4", "zstd", "gzip", "deflate") if name in offered), "")
