from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.journal import Entry, Journal, Torn, decode, encode
from leeway.model import Rejected

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


@pytest.mark.parametrize("fsync", [False, True])
def test_what_was_written_and_not_dropped_is_found_in_order(tmp_path: Path, fsync: bool) -> None:  # noqa: FBT001
    with Journal(tmp_path, fsync=fsync) as journal:
        batches = [Entry(journal.writer, seq, seq, (), bytes(seq)) for seq in (1, 2, 10, 9)]
        for entry in batches:
            journal.write(entry, entry.checksum())
        assert journal.bytes == 1 + 2 + 10 + 9
        journal.drop(2)
        assert journal.bytes == 1 + 10 + 9
        writer = journal.writer
    with Journal(tmp_path, fsync=fsync) as journal:
        assert journal.writer == writer
        assert list(journal.unfinished()) == [(e.seq, e) for e in sorted(batches, key=lambda e: e.seq) if e.seq != 2]
        assert journal.bytes == 1 + 10 + 9


def test_a_torn_file_does_not_hide_the_others(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for seq in (1, 2, 3):
            entry = Entry(journal.writer, seq, 1, (), b"x")
            journal.write(entry, entry.checksum())
        torn = sorted((tmp_path / "journal").glob("*.batch"))[1]
        torn.write_bytes(torn.read_bytes()[:-3])
        found = dict(journal.unfinished())
        assert isinstance(found[1], Entry)
        assert isinstance(found[2], Torn)
        assert isinstance(found[3], Entry)
        aside = journal.set_aside(2)
        assert aside.exists()
        assert sorted(dict(journal.unfinished())) == [1, 3]


def test_nothing_is_left_of_a_batch_that_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path) as journal:

        def full(_fd: int, _data: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("leeway.collector.journal.os.write", full)
        with pytest.raises(OSError, match="No space left"):
            journal.write(ENTRY, ENTRY.checksum())
        monkeypatch.undo()
        assert list(journal.unfinished()) == []
        assert journal.bytes == 0


def test_a_second_collector_on_the_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(Rejected, match=r"in use by another collector \(process \d+\)"):
        Journal(tmp_path)
    Journal(tmp_path).close()
