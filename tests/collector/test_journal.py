from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.data_folder import DataFolder
from leeway.collector.journal import Entry, Journal, Torn, decode, encode
from leeway.model import Rejected, Signal

entries = st.builds(
    Entry,
    writer=st.text(max_size=20),
    seq=st.integers(1, 2**63),
    rows=st.integers(0, 2**40),
    hashes=st.lists(st.integers(0, 2**128 - 1), max_size=5).map(tuple),
    framed=st.binary(max_size=200),
)
ENTRY = Entry("collector-1", 7, 3, (1, 2**127), b"framed" * 50)


@given(entries)
def test_an_entry_is_read_back(entry: Entry) -> None:
    assert decode(encode(entry)) == entry


@given(entries, st.data())
def test_a_torn_tail_is_noticed(entry: Entry, data: st.DataObject) -> None:
    whole = encode(entry)
    with pytest.raises(Torn):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(entries, st.data())
def test_a_flipped_bit_is_noticed(entry: Entry, data: st.DataObject) -> None:
    torn = bytearray(encode(entry))
    torn[data.draw(st.integers(0, len(torn) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Torn):
        decode(bytes(torn))


@given(st.binary(max_size=300))
def test_any_other_bytes_are_torn(data: bytes) -> None:
    with pytest.raises(Torn):
        decode(data)


def journal(folder: Path, *, fsync: bool = False) -> Journal:
    return Journal(folder, Signal.TRACES, fsync=fsync)


@pytest.mark.parametrize("fsync", [False, True])
def test_what_was_written_and_not_dropped_is_found_in_order(tmp_path: Path, fsync: bool) -> None:  # noqa: FBT001
    first = journal(tmp_path, fsync=fsync)
    batches = [Entry("writer", seq, seq, (), bytes(seq)) for seq in (1, 2, 10, 9)]
    for entry in batches:
        first.write(entry, entry.checksum())
    assert first.bytes == 1 + 2 + 10 + 9
    first.drop(2)
    assert first.bytes == 1 + 10 + 9
    second = journal(tmp_path, fsync=fsync)
    assert list(second.unfinished()) == [(e.seq, e) for e in sorted(batches, key=lambda e: e.seq) if e.seq != 2]
    assert second.bytes == 1 + 10 + 9


def test_signals_do_not_meet(tmp_path: Path) -> None:
    journal(tmp_path).write(ENTRY, ENTRY.checksum())
    assert list(Journal(tmp_path, Signal.LOGS).unfinished()) == []


def test_a_batch_is_made_hard_or_is_gone_because_it_is_stored(tmp_path: Path) -> None:
    batches = journal(tmp_path)
    batches.write(ENTRY, ENTRY.checksum())
    batches.harden(ENTRY.seq)
    assert list(batches.unfinished()) == [(ENTRY.seq, ENTRY)]
    batches.drop(ENTRY.seq)
    batches.harden(ENTRY.seq)
    assert list(batches.unfinished()) == []


def test_a_torn_file_does_not_hide_the_others(tmp_path: Path) -> None:
    batches = journal(tmp_path)
    for seq in (1, 2, 3):
        entry = Entry("writer", seq, 1, (), b"x")
        batches.write(entry, entry.checksum())
    torn = sorted((tmp_path / "journal" / "traces").glob("*.batch"))[1]
    torn.write_bytes(torn.read_bytes()[:-3])
    found = dict(batches.unfinished())
    assert isinstance(found[1], Entry)
    assert isinstance(found[2], Torn)
    assert isinstance(found[3], Entry)
    assert batches.set_aside(2).exists()
    assert sorted(dict(batches.unfinished())) == [1, 3]


def test_nothing_is_left_of_a_batch_that_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = journal(tmp_path)

    def full(_fd: int, _data: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("leeway.collector.journal.os.write", full)
    with pytest.raises(OSError, match="No space left"):
        batches.write(ENTRY, ENTRY.checksum())
    monkeypatch.undo()
    assert list(batches.unfinished()) == []
    assert batches.bytes == 0


def test_a_name_whose_numbers_the_ledger_may_have_forgotten_is_not_used_again(tmp_path: Path) -> None:
    with DataFolder(tmp_path) as first:
        writer = first.writer
    month_ago_s = time.time() - 31 * 86_400
    os.utime(tmp_path / "writer", (month_ago_s, month_ago_s))
    unfinished = Journal(tmp_path, Signal.LOGS)
    unfinished.write(ENTRY, ENTRY.checksum())
    with DataFolder(tmp_path) as crashed:
        assert crashed.writer == writer, "it has a batch to end under its own name"
    unfinished.drop(ENTRY.seq)
    (tmp_path / "writer.new").mkdir()  # as good as a disk that takes nothing
    with DataFolder(tmp_path) as full:
        assert full.writer == writer
    (tmp_path / "writer.new").rmdir()
    with DataFolder(tmp_path) as after:
        assert after.writer != writer
        writer = after.writer
    with DataFolder(tmp_path) as again:
        assert again.writer == writer


def test_a_second_collector_on_the_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    with DataFolder(tmp_path) as first:
        with pytest.raises(Rejected, match=r"in use by another collector \(process \d+\)"):
            DataFolder(tmp_path)
        writer = first.writer
    with DataFolder(tmp_path) as second:
        assert second.writer == writer
