"""One attempt at one webhook: sign, post, and say what came of it. https://www.standardwebhooks.com"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from standardwebhooks import Webhook

from leeway.model import Rejected

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
SECRET_BYTES_MIN: Final = 24
ANSWER_BYTES_MAX: Final = 2_048
"""What is read of an answer, for the log of deliveries; receivers owe us a status and nothing else."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted. `headers` are the preset's own; `signed` adds those of Standard Webhooks."""

    url: str
    body: bytes
    signed: bool
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it.

    Attributes:
        status: The HTTP status; 0 where there was no answer.
        error: '' where it was delivered.
        retry_after_s: What the receiver asked for; 0 where it did not.
        gone: The receiver wants this message no more (410).
    """

    status: int
    error: str
    duration_ms: float
    retry_after_s: float = 0.0
    gone: bool = False

    @property
    def delivered(self) -> bool:
        return not self.error


def signer(secret: str, variable: str) -> Webhook:
    """What signs with a `whsec_` secret.

    Raises:
        Rejected: It is missing, or not what the standard asks for: base64 of at least 24 bytes.
    """
    if not secret:
        raise Rejected(f"the environment variable {variable} (its secret) is not set")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) < SECRET_BYTES_MIN:
        raise Rejected(
            f"the environment variable {variable} must hold whsec_ and the base64 of {SECRET_BYTES_MIN} or more bytes"
        )
    return Webhook(secret)


def signature_headers(webhook: Webhook, message_id: str, now_s: int, body: bytes) -> dict[str, str]:
    """The three headers. The timestamp is the attempt's, so that a late retry is not taken for a replay."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": webhook.sign(message_id, datetime.fromtimestamp(now_s, UTC), body.decode()),
    }


def post(client: httpx.Client, request: Request, headers: Mapping[str, str], now_s: float) -> Attempt:
    """Post once. Redirects are not followed: they would carry the evidence to where no rule has sent it."""
    started = time.perf_counter()
    sent = {"content-type": "application/json", "user-agent": "Leeway", **request.headers, **headers}
    try:
        with client.stream("POST", request.url, content=request.body, headers=sent) as response:
            said = b"" if response.is_success else next(response.iter_raw(ANSWER_BYTES_MAX), b"")
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        return Attempt(0, f"{type(e).__name__}: {e}".rstrip(": "), _ms_since(started))
    if response.is_success:
        return Attempt(response.status_code, "", _ms_since(started))
    text = said[:ANSWER_BYTES_MAX].decode("utf-8", "replace").strip()
    hint = "; redirects are not followed" if response.is_redirect else ""
    return Attempt(
        response.status_code,
        f"answered {response.status_code}{hint}{f': {text}' if text else ''}",
        _ms_since(started),
        retry_after_s=_retry_after_s(response.headers.get("retry-after", ""), now_s),
        gone=response.status_code == httpx.codes.GONE,
    )


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _retry_after_s(text: str, now_s: float) -> float:
    """RFC 9110, section 10.2.3: seconds, or a date."""
    if text.strip().isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now_s)
