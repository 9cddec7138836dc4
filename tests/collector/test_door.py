"""Tokens, rates and origins on both transports of one real collector."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import httpx
import pytest

from leeway.collector import make_token
from leeway.model import Signal
from leeway.storage import Database
from tests.collector.client import JSON, METHODS, connect, grpc_export, head, http_export, refusal_message
from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.collector.requests import request, span, text
from tests.conftest import StoreProcess, until

SHOP, SHOP_ENTRY = make_token("shop")
NEW, NEW_ENTRY = make_token("shop")
BANK, BANK_ENTRY = make_token("bank")
LATE, LATE_ENTRY = make_token("shop", 1_700_000_000)
SLOW, SLOW_ENTRY = make_token("slow")
DENSE, DENSE_ENTRY = make_token("dense")
PAGE = "https://shop.example"


@pytest.fixture(scope="module")
def guarded(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "tokens").write_text(f"# bank\n{BANK_ENTRY}\n")
    process = CollectorProcess(
        store.url,
        folder / "data",
        **STORED_FIRST,
        tokens=tuple(map(str, (SHOP_ENTRY, NEW_ENTRY, LATE_ENTRY, SLOW_ENTRY, DENSE_ENTRY))),
        tokens_file=folder / "tokens",
        project_bytes_per_s={"slow": 500},
        project_items_per_s={"dense": 2},
        rate_burst_s=2.0,
        cors_origins=(PAGE, "https://*.shop.example"),
    )
    yield process
    process.stop()


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def body() -> bytes:
    return request().SerializeToString()


@pytest.mark.parametrize(
    ("headers", "project"),
    [(bearer(SHOP), "shop"), (bearer(NEW), "shop"), ({"x-api-key": SHOP}, "shop"), (bearer(BANK), "bank")],
)
def test_a_token_decides_the_project(
    headers: dict[str, str], project: str, guarded: CollectorProcess, db: Database
) -> None:
    assert grpc_export(guarded, body(), headers=headers).code == "OK"
    assert http_export(guarded, body(), headers=headers).status_code == 200
    assert db.rows("SELECT project, count() AS n FROM leeway.spans GROUP BY project") == [{"project": project, "n": 2}]


@pytest.mark.parametrize("headers", [{}, bearer("guess"), {"x-api-key": "guess"}, bearer(LATE)])
@pytest.mark.parametrize("signal", Signal)
def test_nobody_else_gets_in(signal: Signal, headers: dict[str, str], guarded: CollectorProcess, db: Database) -> None:
    told = grpc_export(guarded, body(), headers=headers, method=METHODS[signal])
    assert told.code == "UNAUTHENTICATED"
    assert told.status
    assert told.status.code == 16
    assert told.retry_info is None
    assert told.trailers["www-authenticate"] == 'Bearer realm="leeway"'
    answer = http_export(guarded, body(), headers=headers, path=f"/v1/{signal}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="leeway"'
    assert "token" in refusal_message(answer)
    assert "retry-after" not in answer.headers
    assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 0}]


def test_who_is_refused_is_refused_before_their_body_is_read(guarded: CollectorProcess) -> None:
    with connect(guarded) as connection:
        connection.sendall(head(10_000_000))
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_health_and_metrics_want_no_token(guarded: CollectorProcess) -> None:
    http_export(guarded, body())
    for path in ("healthz", "readyz", "metrics"):
        assert httpx.get(f"{guarded.http}/{path}").status_code == 200
    assert 'refused_total{reason="unauthenticated",transport="http"}' in httpx.get(f"{guarded.http}/metrics").text


def test_tokens_are_read_again_when_their_file_changes(guarded: CollectorProcess) -> None:
    path = guarded.data.parent / "tokens"
    before = path.read_text()
    token, entry = make_token("later")
    path.write_text(f"{before}{entry}\n")
    until(lambda: http_export(guarded, b"", headers=bearer(token)).status_code == 200, "the token is known")
    path.write_text("not an entry\n")
    failure = 'reload_failures_total{file="tokens"} 1.0'
    until(lambda: failure in httpx.get(f"{guarded.http}/metrics").text, "the failure is counted")
    assert http_export(guarded, b"", headers=bearer(token)).status_code == 200
    path.write_text(before)
    until(lambda: http_export(guarded, b"", headers=bearer(token)).status_code == 401, "nobody is let in")


# -- rates -------------------------------------------------------------------------------------------------------------


def large() -> bytes:
    return request(span(attributes=[text("large", os.urandom(2000).hex())])).SerializeToString()


def test_above_its_rate_a_project_is_asked_to_come_back_and_others_are_not(guarded: CollectorProcess) -> None:
    assert http_export(guarded, large(), headers=bearer(SLOW)).status_code == 200, "a burst is let in, and more"
    answer = http_export(guarded, large(), headers=bearer(SLOW))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 10
    told = grpc_export(guarded, large(), headers=bearer(SLOW))
    assert told.code == "RESOURCE_EXHAUSTED"
    assert told.retry_info
    assert 0 < told.retry_info.retry_delay.ToSeconds() <= 10
    assert told.status
    assert told.status.message.startswith("project 'slow' is above its rate")
    assert http_export(guarded, large(), headers=bearer(SHOP)).status_code == 200
    assert 'refused_total{reason="rate",transport="grpc"}' in httpx.get(f"{guarded.http}/metrics").text


def test_spans_have_a_rate_too(guarded: CollectorProcess) -> None:
    assert grpc_export(guarded, request(*(span() for _ in range(20))).SerializeToString(), headers=bearer(DENSE)).code
    answer = grpc_export(guarded, body(), headers=bearer(DENSE))
    assert answer.code == "RESOURCE_EXHAUSTED"
    assert answer.retry_info


# -- browsers ----------------------------------------------------------------------------------------------------------

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,authorization"}


@pytest.mark.parametrize("origin", [PAGE, "https://eu.shop.example"])
def test_a_page_that_may_send_is_told_so(origin: str, guarded: CollectorProcess) -> None:
    asked = http_export(guarded, b"", None, method="OPTIONS", headers={"origin": origin, **PREFLIGHT})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "authorization" in asked.headers["access-control-allow-headers"]
    sent = http_export(guarded, json.dumps({}).encode(), JSON, headers={"origin": origin, **bearer(SHOP)})
    assert sent.status_code == 200
    assert sent.headers["access-control-allow-origin"] == origin
    refused = http_export(guarded, b"{}", JSON, headers={"origin": origin})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin, "or the page could not read why"


@pytest.mark.parametrize("origin", ["https://evil.example", "https://shop.example.evil.example", "null"])
def test_other_pages_are_not(origin: str, guarded: CollectorProcess) -> None:
    asked = http_export(guarded, b"", None, method="OPTIONS", headers={"origin": origin, **PREFLIGHT})
    assert asked.status_code == 400
    sent = http_export(guarded, b"{}", JSON, headers={"origin": origin, **bearer(SHOP)})
    assert "access-control-allow-origin" not in [*asked.headers, *sent.headers]


def test_without_origins_there_is_no_cors(collector: CollectorProcess) -> None:
    asked = http_export(collector, b"", None, method="OPTIONS", headers={"origin": PAGE, **PREFLIGHT})
    assert asked.status_code == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]
