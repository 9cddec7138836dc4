"""`leeway prices`: the table itself, the models that are not in it, and stored calls priced anew."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from leeway import storage
from leeway.detectors import recost_runs
from leeway.runtime.backtest_command import END_OF_TIME_NS, moment_ns
from leeway.runtime.database import database_settings
from leeway.runtime.mistake import Mistake
from leeway.runtime.sources import Sources
from leeway.storage.prices import PART_OF, RATES, Model, Period, PricesInvalid, PriceTable, load_prices, read_prices
from leeway.storage.repricing import Change, changes, reprice, unpriced

TABLE_WIDTH = 200
SHOWN = {
    "input": "input", "output": "output", "cached_input": "cached", "cache_write": "cache write",
    "cache_write_1h": "for 1 h", "reasoning": "reasoning", "audio_input": "audio in", "audio_output": "audio out",
}  # fmt: skip


def list_prices(sources: Sources, words: Sequence[str]) -> bool:
    """Print the table, or what the named models cost; whether all of them have a price.

    Raises:
        Mistake: The settings or the prices cannot be used.
    """
    table = _table(sources)
    console = _console()
    found = [(word, table.find(word)) for word in words] or [(m.names[0], m) for m in table.models]
    out = Table(_left("model"), *map(_right, SHOWN.values()), _left(""), box=None, header_style="bold")
    for word, model in found:
        if model is None:
            out.add_row(word, *("" for _ in SHOWN), Text("no price", "yellow"))
            continue
        for period in model.periods:
            for number, rates in enumerate(period.rates):
                usd = dict(zip(RATES, rates.usd_per_million, strict=True))
                held = _held(period) if number == 0 else f"above {rates.above_input_tokens:,} input tokens"
                out.add_row(_name(word, model), *(f"{usd[rate]:g}" if _own(rate, usd) else "" for rate in SHOWN), held)
    console.print(out)
    console.print(Text("USD for a million tokens; what is empty costs what its whole does", "dim"))
    return all(model for _, model in found)


def check_prices(file: Path) -> bool:
    """Print what is wrong with a price file; whether it can be used."""
    try:
        layer = read_prices(file)
    except PricesInvalid as e:
        Console(stderr=True, highlight=False, soft_wrap=True).print(Text(f"✗ {e}", "red"))
        return False
    _console().print(Text("✓ ", "green"), f"{file}: {len(layer.models)} models", sep="")
    return True


def list_unknown(sources: Sources, since: str | None, until: str | None) -> None:
    """Print the models whose calls have no price.

    Raises:
        Mistake: A moment cannot be read.
        Unavailable: ClickHouse does not answer.
    """
    between = _between(since, until)
    with storage.Database(database_settings(sources)) as db:
        storage.migrate(db)
        listed = unpriced(db, *between)
    console = _console()
    if not listed:
        console.print(Text("✓ ", "green"), "every model call has a price", sep="")
        return
    counted = (_right(name) for name in ("calls", "input", "output"))
    out = Table(
        _left("model"), _left("provider"), *counted, _left("first"), _left("last"), box=None, header_style="bold"
    )
    for one in listed:
        counts = (f"{n:,}" for n in (one.calls, one.input_tokens, one.output_tokens))
        out.add_row(one.model or Text("(none)", "dim"), one.provider, *counts, one.first_at[:19], one.last_at[:19])
    console.print(out)
    console.print(Text("give them a price in a file of your own (setting prices), then: leeway prices reprice", "dim"))


def reprice_stored(sources: Sources, since: str | None, until: str | None, *, dry_run: bool) -> bool:
    """Price stored calls anew, or say what that would change; False when it was broken off.

    Raises:
        Mistake: A moment or the prices cannot be used.
        Rejected: ClickHouse cannot write the costs.
        Unavailable: ClickHouse does not answer.
    """
    between = _between(since, until)
    table = _table(sources)
    console = _console()
    with storage.Database(database_settings(sources)) as db:
        storage.migrate(db)
        found = changes(db, table, *between)
        _tell(console, found)
        if dry_run:
            return True
        with _interrupted() as stop, _bar() as bar:
            calls, runs = bar.add_task("calls", total=1), bar.add_task("runs", total=1)
            reprice(db, table, *between, lambda done, of: bar.update(calls, completed=done, total=of), stop)
            # Runs are looked at even where no span changes: an earlier attempt may have been broken off before them.
            written = recost_runs(db, *between, time.time_ns(), lambda share: bar.update(runs, completed=share), stop)
    if stop.is_set():
        console.print(Text("broken off; the same command goes on from here", "yellow"))
        return False
    console.print(Text("✓ ", "green"), f"{sum(c.changed for c in found):,} calls and their runs priced anew", sep="")
    if written.runs:
        console.print(f"{written.runs:,} runs cost ${written.before_usd:,.4f} before, ${written.after_usd:,.4f} now")
    return True


def _tell(console: Console, found: Sequence[Change]) -> None:
    changed = [c for c in found if c.changed]
    counted = (_right(name) for name in ("calls", "change", "before, $", "after, $"))
    out = Table(_left("model"), _left("provider"), *counted, box=None, header_style="bold")
    for c in changed:
        note = Text(" no price", "yellow") if c.unknown else Text("")
        counts = (f"{c.spans:,}", f"{c.changed:,}", f"{c.before_usd:,.4f}")
        out.add_row(c.model, c.provider, *counts, Text(f"{c.after_usd:,.4f}") + note)
    if changed:
        console.print(out)
    before, after = sum(c.before_usd for c in found), sum(c.after_usd for c in found)
    spans, new = sum(c.spans for c in found), sum(c.changed for c in found)
    console.print(f"{new:,} of {spans:,} calls that a table prices would change: ${before:,.4f} → ${after:,.4f}")
    console.print(Text("by span: a call that two libraries report is here twice, and counts once in runs", "dim"))


def _table(sources: Sources) -> PriceTable:
    path = database_settings(sources).prices
    try:
        return load_prices(path)
    except PricesInvalid as e:
        raise Mistake(str(e)) from e


def _between(since: str | None, until: str | None) -> tuple[int, int]:
    from_ns = moment_ns("--from", since) if since else 0
    to_ns = moment_ns("--to", until) if until else END_OF_TIME_NS
    if from_ns > to_ns:
        raise Mistake(f"--from is {since!r} and --to is {until!r}; --from must be the earlier")
    return from_ns, to_ns


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, instead of tearing the work apart."""
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _own(rate: str, usd: dict[str, float]) -> bool:
    """Whether a rate says more than the one of what it is a part of."""
    return rate not in PART_OF or usd[rate] != usd[PART_OF[rate]]


def _name(word: str, model: Model) -> str:
    return word if word.lower() == model.names[0] else f"{word} → {model.names[0]}"


def _held(period: Period) -> str:
    def day(ns: int) -> str:
        return datetime.fromtimestamp(ns / 1e9, UTC).date().isoformat()

    since = f"from {day(period.from_ns)}" if period.from_ns != Period.from_ns else ""
    until = f"until {day(period.until_ns)}" if period.until_ns != Period.until_ns else ""
    return " ".join(filter(None, (since, until)))


def _right(name: str) -> Column:
    return Column(name, justify="right", no_wrap=True)


def _left(name: str) -> Column:
    return Column(name, no_wrap=True)


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    # What goes into a file or a pipe is not cut at the width that a terminal would have.
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=TABLE_WIDTH)


def _bar() -> Progress:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
