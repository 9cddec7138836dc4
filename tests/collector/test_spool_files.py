"""The spool's folder: what it holds after appends that the disk took, and after one that it did not."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.room import SpoolRoom
from leeway.collector.spool.segment import Record
from leeway.collector.spool.spool import Full, Spool
from leeway.model import Signal


def spool(folder: Path, *, most_bytes: int = 10**6, segment_bytes_max: int = 300) -> Spool:
    return Spool(folder, Signal.TRACES, "collector-1", SpoolRoom(most_bytes), segment_bytes_max)


def append(into: Spool, number: int, size: int = 50, project: str = "default") -> None:
    data = number.to_bytes(4, "big") * (size // 4)
    assert into.append(into.next_header(), Record(1, (number,), data, {project: size}))


def drained(spool_: Spool) -> list[int]:
    """Empty it: the numbers that were in it, in order."""
    numbers: list[int] = []
    seqs: dict[str, list[int]] = {}
    while segment := spool_.oldest():
        content = spool_.read(segment)
        assert content.torn_bytes == content.spoilt_bytes == 0
        numbers += content.hashes
        seqs.setdefault(segment.writer, []).append(segment.seq)
        spool_.remove(segment)
    for of_writer in seqs.values():
        assert of_writer == list(range(of_writer[0], of_writer[0] + len(of_writer))), "a writer's numbers have no gap"
    assert spool_.size_bytes == spool_.items == len(spool_) == 0
    return numbers


@given(st.lists(st.integers(4, 200), max_size=12), st.integers(100, 600))
def test_what_was_appended_comes_out_in_order_before_and_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], segment_bytes_max: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    first = spool(folder, segment_bytes_max=segment_bytes_max)
    for number, size in enumerate(sizes):
        append(first, number, size)
    first.close()
    second = spool(folder, segment_bytes_max=segment_bytes_max)
    assert second.hashes_at_start == list(range(len(sizes)))
    assert second.items == first.items == len(sizes)
    append(second, len(sizes))
    assert drained(second) == list(range(len(sizes) + 1))


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_record_that_the_disk_refuses_leaves_nothing_and_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, before: int
) -> None:
    into = spool(tmp_path, segment_bytes_max=10_000)
    for number in range(before):
        append(into, number)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, call, full)
        with pytest.raises(OSError, match="No space left"):
            append(into, 99)
    for number in range(before, before + 2):
        append(into, number)
    into.close()
    assert drained(spool(tmp_path)) == list(range(before + 2))


def test_what_has_no_room_is_refused_whole_and_room_comes_back(tmp_path: Path) -> None:
    into = spool(tmp_path, most_bytes=100)
    append(into, 1, 60)
    with pytest.raises(Full):
        append(into, 2, 60)
    assert drained(into) == [1]
    append(into, 2, 60)
    assert drained(into) == [2]


def test_a_spool_that_is_switched_off_takes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Full):
        append(spool(tmp_path, most_bytes=0), 1)


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    append(spool(tmp_path), 1)
    stranger = tmp_path / "spool" / "traces" / "notes.segment"
    stranger.write_text("not ours")
    assert drained(spool(tmp_path)) == [1]
    assert stranger.read_text() == "not ours"


def test_what_there_is_can_be_asked_while_the_disk_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = spool(tmp_path)
    append(into, 1)
    waiting, go_on = threading.Event(), threading.Event()

    def slow(fd: int) -> None:
        waiting.set()
        assert go_on.wait(60)
        os.fsync(fd)

    monkeypatch.setattr(os, "fdatasync", slow)
    with ThreadPoolExecutor(2) as threads:
        appended = threads.submit(append, into, 2)
        try:
            assert waiting.wait(60)
            asked = threads.submit(lambda: (into.items, into.size_bytes > 0, into.oldest_ns() is not None))
            assert asked.result(30) == (1, True, True)
        finally:
            go_on.set()
        appended.result(60)
    assert into.items == 2
