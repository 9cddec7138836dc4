"""What the last process left in the journal: each batch is ended before new ones get numbers."""

from __future__ import annotations

import structlog

from leeway.collector.commit import Committer, Poisoned
from leeway.collector.journal import Entry, Journal, Torn
from leeway.collector.otlp.framing import unframed
from leeway.collector.spool.spool import Spool

log = structlog.get_logger(__name__)


def recover(journal: Journal, spool: Spool, writer: str, committer: Committer, last: int) -> int:
    """Store what was under way when the process last ended.

    Args:
        spool: Takes what ClickHouse refuses: its drain finds out which message it is.
        writer: Whose numbers the journal's are.
        last: The highest number in the ledger.

    Returns:
        The last number in use.

    Raises:
        Interrupted: The collector stops first.
        OSError: The disk does not take what ClickHouse refuses; the journal keeps it.
    """
    for seq, found in journal.unfinished():
        last = max(last, seq)
        if isinstance(found, Torn):
            _recover_torn(journal, writer, committer, seq, found)
        else:
            _recover(journal, spool, committer, found)
    return last


def _recover(journal: Journal, spool: Spool, committer: Committer, entry: Entry) -> None:
    try:
        committer.commit(entry, entry.checksum(), certain=False)
    except Poisoned as e:
        log.warning("journal.refused", seq=entry.seq, items=entry.rows, error=str(e))
        spool.refile(list(unframed(entry.framed)))
        committer.abandon(entry.seq, entry.writer)
        journal.drop(entry.seq)
    else:
        journal.drop(entry.seq)
        log.info("journal.recovered", seq=entry.seq, items=entry.rows)


def _recover_torn(journal: Journal, writer: str, committer: Committer, seq: int, torn: Torn) -> None:
    """Its process died while writing it, or the disk has lost it; either way nobody was told that it is stored.

    Its number is used up, so it gets its ledger row even where nothing was stored: readers wait for every number.
    """
    stored = committer.stored(writer, seq)
    aside = journal.set_aside(seq)
    log.warning("journal.torn", seq=seq, reason=str(torn), items_stored=stored, kept_as=str(aside))
    committer.finish(seq, writer, stored, ())
