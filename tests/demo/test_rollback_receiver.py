"""The receiver, over a real socket, with signatures made by the Standard Webhooks library."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from standardwebhooks import Webhook

from examples.rollback_receiver import BODY_BYTES_MAX, Message, RollbackReceiver

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ....").decode()
BODY = json.dumps({"type": "breaker.opened"}).encode()


class Acts:
    """What the receiver was told to do, and how it fares."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.fail = False
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, message: Message) -> None:
        self.gate.wait(30)
        if self.fail:
            raise RuntimeError("the cluster is away")
        self.messages.append(message)


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
def receiver(acts: Acts) -> Iterator[RollbackReceiver]:
    with RollbackReceiver(SECRET, acts) as server:
        yield server


def signed(body: bytes = BODY, *, message_id: str = "msg_1", age_s: float = 0, secret: str = SECRET) -> dict[str, str]:
    at = datetime.now(UTC) - timedelta(seconds=age_s)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


def test_what_is_signed_is_done(receiver: RollbackReceiver, acts: Acts) -> None:
    response = httpx.post(receiver.url, content=BODY, headers=signed())
    assert (response.status_code, response.content) == (204, b"")
    assert [(m.id, m.body) for m in acts.messages] == [("msg_1", json.loads(BODY))]


def test_a_resend_is_answered_alike_and_not_done_again(receiver: RollbackReceiver, acts: Acts) -> None:
    for _ in range(3):
        assert httpx.post(receiver.url, content=BODY, headers=signed()).status_code == 204
    assert httpx.post(receiver.url, content=BODY, headers=signed(message_id="msg_2")).status_code == 204
    assert [m.id for m in acts.messages] == ["msg_1", "msg_2"]


def test_a_resend_that_overtakes_the_first_is_not_done_again(receiver: RollbackReceiver, acts: Acts) -> None:
    acts.gate.clear()
    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(httpx.post, receiver.url, content=BODY, headers=signed()) for _ in range(4)]
        acts.gate.set()
        assert [post.result().status_code for post in posts] == [204] * 4
    assert len(acts.messages) == 1


@pytest.mark.parametrize(
    "headers_now",
    [
        pytest.param(dict, id="unsigned"),
        pytest.param(
            lambda: signed(secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()), id="another secret"
        ),
        pytest.param(lambda: signed(b"{}"), id="another body"),
        pytest.param(lambda: {**signed(), "webhook-id": "msg_9"}, id="another id"),
        pytest.param(lambda: {**signed(), "webhook-signature": "v1"}, id="no signature in the header"),
        pytest.param(lambda: {**signed(), "webhook-signature": "v1,%%%"}, id="not base64"),
        pytest.param(lambda: {**signed(), "webhook-timestamp": "yesterday"}, id="no time"),
        pytest.param(lambda: signed(age_s=6 * 60), id="too old"),
        pytest.param(lambda: signed(age_s=-6 * 60), id="from the future"),
    ],
)
def test_what_is_not_verified_is_refused(
    receiver: RollbackReceiver, acts: Acts, headers_now: Callable[[], dict[str, str]]
) -> None:
    assert httpx.post(receiver.url, content=BODY, headers=headers_now()).status_code == 401
    assert acts.messages == []


def test_one_good_signature_among_several_is_enough(receiver: RollbackReceiver, acts: Acts) -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1,{base64.b64encode(b'old key').decode()} {headers['webhook-signature']}"
    assert httpx.post(receiver.url, content=BODY, headers=headers).status_code == 204
    assert len(acts.messages) == 1


def test_a_failed_roll_back_asks_for_another_try(receiver: RollbackReceiver, acts: Acts) -> None:
    acts.fail = True
    assert httpx.post(receiver.url, content=BODY, headers=signed()).status_code == 500
    acts.fail = False
    assert httpx.post(receiver.url, content=BODY, headers=signed()).status_code == 204
    assert len(acts.messages) == 1


@pytest.mark.parametrize("body", [b"not json", b"[]"])
def test_a_signed_body_that_is_no_message_is_a_bad_request(receiver: RollbackReceiver, acts: Acts, body: bytes) -> None:
    assert httpx.post(receiver.url, content=body, headers=signed(body)).status_code == 400
    assert acts.messages == []


def test_bytes_that_are_no_text_are_refused(receiver: RollbackReceiver) -> None:
    assert httpx.post(receiver.url, content=b"\xff\xfe", headers=signed()).status_code == 401


def test_other_paths_methods_and_sizes_get_their_own_answers(receiver: RollbackReceiver, acts: Acts) -> None:
    base = receiver.url.removesuffix("/rollback")
    assert httpx.post(f"{base}/elsewhere", content=BODY, headers=signed()).status_code == 404
    assert httpx.get(receiver.url).status_code == 501
    assert _post_head(receiver.url, {"Content-Length": str(BODY_BYTES_MAX + 1)}) == 413
    assert _post_head(receiver.url, {}) == 411
    assert acts.messages == []


def _post_head(url: str, headers: dict[str, str]) -> int:
    """The status for a request whose body is never sent."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.putrequest("POST", "/rollback")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("body", "bad_version"),
    [
        ({"type": "breaker.opened", "subject": {"kind": "version", "version": "v2"}}, "v2"),
        ({"type": "breaker.closed", "subject": {"kind": "version", "version": "v2"}}, ""),
        ({"type": "breaker.opened", "subject": {"kind": "tool", "version": ""}}, ""),
        ({"type": "breaker.opened", "subject": "v2"}, ""),
        ({}, ""),
    ],
)
def test_only_the_open_breaker_of_a_version_asks_for_a_roll_back(body: dict[str, object], bad_version: str) -> None:
    assert Message("msg_1", 0, body).bad_version == bad_version
