"""Asking the embedded store as curl would."""

from __future__ import annotations

import httpx


def run(http: httpx.Client, sql: str, **params: str) -> str:
    answer = http.post("/", content=sql, params=params)
    assert answer.status_code == 200, answer.text
    return answer.text


def refusal(answer: httpx.Response) -> tuple[int, int]:
    """HTTP's code and ClickHouse's."""
    return answer.status_code, int(answer.headers["X-ClickHouse-Exception-Code"])
