"""`leeway retention`, `backup`, `restore` and `forget` for a person."""

from __future__ import annotations

import getpass
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from leeway import storage
from leeway.model import Unavailable
from leeway.runtime.composition import shared
from leeway.runtime.database import database_settings
from leeway.runtime.sources import Sources
from leeway.storage import life


def run_retention(sources: Sources, file: Path | None, *, dry_run: bool, every_s: float | None) -> None:
    """Apply a policy once, or again and again until a signal.

    Raises:
        RetentionInvalid: The file cannot be used.
        Unavailable: ClickHouse does not answer, and it was to be done once.
    """
    policy = life.load_policy(file or shared("retention", sources))
    console = Console(highlight=False, soft_wrap=True)
    stop = threading.Event()
    if every_s is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    while True:
        try:
            with storage.Database(database_settings(sources)) as db:
                storage.migrate(db)
                steps = life.plan(policy, life.partitions(db), datetime.now(UTC), life.dropped(db))
                done = steps if dry_run else life.apply(db, steps, "leeway retention")
            for step in done:
                console.print(Text("· " if dry_run else "✓ ", "dim" if dry_run else "green"), str(step), sep="")
            if not done:
                console.print(Text("nothing is too old", "dim"))
        except Unavailable as e:
            if every_s is None:
                raise
            console.print(Text(f"later: {e}", "yellow"))
        if every_s is None or stop.wait(every_s):
            return


def run_backup(sources: Sources, name: str | None, base: str) -> None:
    """Raises: Rejected, Unavailable: as `life.backup`."""
    name = name or f"{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    console = Console(highlight=False, soft_wrap=True)
    with storage.Database(database_settings(sources)) as db, _bar("backup") as progress:
        storage.migrate(db)
        made = life.backup(db, name, _person(), base, progress)
    console.print(Text("✓ ", "green"), f"{made.name}: {made.files:,} files, {made.bytes:,} bytes", sep="")
    console.print(Text(f"  back again into an empty store: leeway restore {made.name}", "dim"))


def run_restore(sources: Sources, name: str) -> None:
    """Raises: Rejected, Unavailable: as `life.restore`."""
    with storage.Database(database_settings(sources)) as db, _bar("restore") as progress:
        life.restore(db, name, _person(), progress)
        storage.migrate(db)
    Console(highlight=False, soft_wrap=True).print(Text("✓ ", "green"), f"{name} is back", sep="")


def run_forget(
    sources: Sources,
    by: Literal["user", "conversation"],
    number: str,
    reason: str,
    projects: tuple[str, ...],
    *,
    dry_run: bool,
) -> None:
    """Raises: Rejected, Unavailable: as `life.forget`."""
    console = Console(highlight=False, soft_wrap=True)
    asked = life.Forget(by, number, _person(), reason, projects)
    with storage.Database(database_settings(sources)) as db:
        storage.migrate(db)
        done = life.forget(db, asked, dry_run=dry_run)
    if dry_run:
        console.print(f"{done.traces:,} traces would go")
        return
    console.print(Text("✓ ", "green"), f"{done.traces:,} traces, {sum(done.rows.values()):,} rows", sep="")
    for table, rows in done.rows.items():
        console.print(Text(f"  {table}: {rows:,} rows", "dim"))
    console.print(
        Text(
            "  Not in ClickHouse, so not forgotten: what waits in a collector's spool (spool_bytes in its /metrics; "
            "ask again when it is 0), backups, and exported files.",
            "yellow",
        )
    )


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@contextmanager
def _bar(what: str) -> Iterator[Callable[[str, int, int], None]]:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what)
        yield lambda stage, done, of: bar.update(task, completed=done, total=of, description=f"{what}: {stage}")
