"""`leeway export` for a person: OTLP into a file or a pipe, a bar while it runs, what came out at the end."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from leeway import storage
from leeway.model import Signal
from leeway.runtime.backtest_command import END_OF_TIME_NS, moment_ns
from leeway.runtime.database import database_settings
from leeway.runtime.mistake import Mistake
from leeway.runtime.otlp_file import STDIN as PIPE
from leeway.runtime.sources import Sources
from leeway.storage.export import Encoding, Export, Json, Protobuf, Selection

FORMATS: Final[dict[str, type[Encoding]]] = {"jsonl": Json, "protobuf": Protobuf}
_SUFFIXES: Final = {".jsonl": "jsonl", ".json": "jsonl", ".ndjson": "jsonl", ".pb": "protobuf", ".binpb": "protobuf"}
_NOUNS: Final = {Signal.TRACES: "spans", Signal.LOGS: "log records", Signal.METRICS: "data points"}


def export_file(
    sources: Sources,
    output: str,
    signal: str,
    fmt: str | None,
    since: str | None,
    until: str | None,
    projects: tuple[str, ...],
    traces: tuple[str, ...],
) -> None:
    """Write what is selected.

    Args:
        output: A file, which appears when it is whole; `-` for standard output.
        fmt: Of `FORMATS`; None for what the file's name says.

    Raises:
        Mistake: An argument is wrong, or the file cannot be written.
        Unavailable: ClickHouse does not answer.
    """
    from_ns = moment_ns("--from", since) if since else 0
    to_ns = moment_ns("--to", until) if until else END_OF_TIME_NS
    if from_ns > to_ns:
        raise Mistake(f"--from is {since!r} and --to is {until!r}; --from must be the earlier")
    if traces and signal == Signal.METRICS:
        raise Mistake("--trace selects no metrics, which belong to no trace; use --from, --to and --project")
    encoding = FORMATS[fmt or _format_of(output)]()
    selection = Selection(from_ns, to_ns, projects, tuple(_trace_id(t) for t in traces))
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with storage.Database(database_settings(sources)) as db:
        storage.migrate(db)
        export = Export(db, Signal(signal), selection, encoding)
        items, written_bytes = 0, 0
        with _written(output) as out, _bar(console) as bar:
            task = bar.add_task(_NOUNS[Signal(signal)], total=export.rows)
            for piece in export:
                out.write(piece.data)
                items += piece.items
                written_bytes += len(piece.data)
                bar.update(task, completed=items)
    where = "standard output" if output == PIPE else output
    noun = _NOUNS[Signal(signal)]
    console.print(Text("✓ ", "green"), f"{items:,} {noun}, {written_bytes:,} bytes of OTLP to {where}", sep="")


def _format_of(output: str) -> str:
    return _SUFFIXES.get(Path(output.removesuffix(".gz")).suffix, "jsonl")


def _trace_id(text: str) -> str:
    """Raises: Mistake: It is no trace id."""
    if len(text) != 32 or not all(c in "0123456789abcdefABCDEF" for c in text):
        raise Mistake(f"--trace is {text!r}; it must be 32 hexadecimal digits")
    return text.lower()


@contextmanager
def _written(output: str) -> Iterator[IO[bytes]]:
    """A file to write, under another name until it is whole; compressed where its name ends in .gz."""
    if output == PIPE:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            with gzip.open(part, "wb", 6) if path.suffix == ".gz" else part.open("wb") as file:
                yield file  # type: ignore[misc]  # a GzipFile is written like any other
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as e:
        raise Mistake(f"{output} cannot be written: {e.strerror or os.strerror(e.errno or 0)}") from e


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
