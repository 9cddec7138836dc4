"""Memory that threads share."""

from __future__ import annotations

import threading

import pytest

from leeway.storage.claims import Claims


def test_what_is_not_there_is_waited_for() -> None:
    claims = Claims(100)
    second_done = threading.Event()
    order: list[str] = []

    def second() -> None:
        with claims.claim() as claim:
            claim(50)
            order.append("second")
        second_done.set()

    with claims.claim() as claim:
        claim(60)
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    assert second_done.wait(30)
    thread.join()
    assert order == ["first", "second"]
    assert claims.held_bytes == 0


def test_what_is_larger_than_all_gets_it_alone() -> None:
    claims = Claims(100)
    with claims.claim() as claim:
        claim(1000)
        assert claims.held_bytes == 1000
    assert claims.held_bytes == 0


def test_what_failed_gives_back_what_it_had() -> None:
    claims = Claims(100)

    def fails() -> None:
        with claims.claim() as claim:
            claim(70)
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        fails()
    assert claims.held_bytes == 0
