"""What a person sees while a benchmark runs: what is done, what is going on, and how it goes."""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

BARS: Final = "▁▂▃▄▅▆▇█"
KEPT: Final = 60
EVERY_S: Final = 0.25

Facts = Callable[[], Mapping[str, str]]


class Screen:
    """A live display; without a terminal, a line for each thing that is begun and done."""

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._progress = Progress(
            TextColumn("[bold]{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} s"),
            TimeRemainingColumn(), console=console,
        )  # fmt: skip
        self._facts: Mapping[str, str] = {}
        self._rates: deque[float] = deque(maxlen=KEPT)
        self._done: list[Text] = []
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._picture, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._console.print(self._title)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def done(self, text: str) -> None:
        """Something is over; the line stays."""
        line = Text("✓ ", "green").append(text, "default")
        self._done.append(line)
        self._console.print(line)

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """While it is not known for how long."""
        task = self._begin(doing, None)
        try:
            yield
        finally:
            self._progress.remove_task(task)

    def watch(
        self, doing: str, seconds: float, facts: Facts, count: Callable[[], float] | None = None,
        until: Callable[[], bool] = lambda: False,
    ) -> float:  # fmt: skip
        """Show the facts for so long, or until something is so.

        Args:
            count: Of what has been done since the start; its rate is drawn.

        Returns:
            How long it was, in seconds.
        """
        task = self._begin(doing, seconds)
        began_s = last_s = time.monotonic()
        last = count() if count else 0.0
        while (now_s := time.monotonic()) - began_s < seconds and not until():
            self._progress.update(task, completed=now_s - began_s)
            if count and now_s - last_s >= 1:
                now = count()
                self._rates.append((now - last) / (now_s - last_s))
                last, last_s = now, now_s
            self._facts = facts()
            time.sleep(EVERY_S)
        self._progress.remove_task(task)
        self._facts = {}
        return time.monotonic() - began_s

    def _begin(self, doing: str, seconds: float | None) -> TaskID:
        self._rates.clear()
        if not self._console.is_terminal:
            self._console.print(Text(f"… {doing}", "dim"))
        return self._progress.add_task(doing, total=seconds or 1.0, start=seconds is not None)

    def _picture(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        for name, value in self._facts.items():
            grid.add_row(Text(name, "dim"), value)
        if self._rates:
            top = max(self._rates) or 1
            marks = "".join(BARS[int(rate / top * (len(BARS) - 1))] for rate in self._rates)
            grid.add_row(Text("rate", "dim"), Text(f"{marks} {self._rates[-1]:,.0f}/s", "cyan"))
        return Group(Text(self._title, "bold"), self._progress, grid)


def parser(doc: str | None) -> argparse.ArgumentParser:
    """With the options that every benchmark has."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help="print the figures as JSON")
    made.add_argument("--report", metavar="FOLDER", help="write a report with plots there")
    return made


def table(title: str, rows: Sequence[Mapping[str, str]], texts: int = 1) -> Table:
    """Results as a person reads them; every row has the first row's keys.

    Args:
        texts: So many columns at the beginning say what a row is of; the others are figures.
    """
    made = Table(title=title)
    for n, name in enumerate(rows[0]):
        made.add_column(name, justify="left" if n < texts else "right")
    for row in rows:
        made.add_row(*row.values())
    return made


def figure(value: float) -> str:
    """With as many digits as say something: 82,114; 18.4; 0.53."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
