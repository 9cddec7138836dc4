"""A collector that wants a token: made by `leeway token`, read from its environment, given by `leeway replay`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leeway import storage
from tests.runtime.conftest import Start
from tests.runtime.processes import HasUrl, leeway
from tests.runtime.test_replay import LINES


def test_a_replay_gets_in_with_a_token_and_its_spans_belong_to_the_tokens_project(
    store: HasUrl, db: storage.Database, start: Start, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    made = leeway("token", "shop", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    words = made.stdout.split()
    token = next(word for word in words if word.startswith("lw_"))
    entry = next(word for word in words if word.startswith("shop:"))
    grpc_port, http_port = free_port(), free_port()
    start(
        "collector",
        LEEWAY_CLICKHOUSE_URL=store.url,
        LEEWAY_DATA=str(tmp_path / "data"),
        LEEWAY_GRPC_PORT=str(grpc_port),
        LEEWAY_HTTP_PORT=str(http_port),
        LEEWAY_COLLECTOR_TOKENS=entry,
    ).wait_until_ready()
    file = tmp_path / "a.jsonl"
    file.write_bytes(LINES[0])
    header = f"authorization=Bearer%20{token}"
    http, grpc = f"http://127.0.0.1:{http_port}", f"grpc://127.0.0.1:{grpc_port}"

    refused = leeway("replay", str(file), "--endpoint", http, folder=tmp_path)
    assert refused.returncode == 1
    assert "401" in refused.stderr + refused.stdout
    taken = leeway("replay", str(file), "--endpoint", http, "--header", header, folder=tmp_path)
    assert taken.returncode == 0, taken.stderr
    again = leeway("replay", str(file), "--endpoint", grpc, folder=tmp_path, OTEL_EXPORTER_OTLP_HEADERS=header)
    assert again.returncode == 0, again.stderr
    assert db.rows("SELECT project, count() AS n FROM leeway.spans GROUP BY project") == [{"project": "shop", "n": 4}]


def test_a_header_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(LINES[0])
    said = leeway("replay", str(file), "--header", "nonsense", folder=tmp_path)
    assert said.returncode == 2
    assert "nonsense" in said.stderr
