"""What a person sees while Leeway runs: addresses, and what went wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from rich.console import Console
from rich.text import Text

from leeway.runtime.child import LogFile

SHOWN_LEVELS: Final = {"warning": "yellow", "error": "red", "critical": "bold red"}
REPEAT_S: Final = 10.0
"""The same event of the same component is shown at most once in this time, with a count of the others."""
HIDDEN_FIELDS: Final = frozenset({"event", "level", "timestamp", "component", "logger", "exception", "stack"})


class Screen:
    """Children's output: all of it to their log files, their warnings to the terminal."""

    def __init__(self, console: Console, logs: dict[str, LogFile], now_s: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self._logs = logs
        self._now_s = now_s
        self._shown: dict[tuple[str, str], tuple[float, int]] = {}

    def busy(self, what: str) -> AbstractContextManager[object]:
        """Say what we wait for, while we wait, to a person who looks."""
        return self.console.status(f"[dim]{what}") if self.console.is_terminal else nullcontext()

    def line(self, name: str, line: str) -> None:
        """One line of a child's output."""
        self._logs[name].write(line)
        try:
            record = json.loads(line)
        except ValueError:
            return
        if isinstance(record, dict) and record.get("level") in SHOWN_LEVELS:
            self._event(name, record)

    def tell(self, name: str, sentence: str, style: str = "yellow") -> None:
        """Something about a component, now."""
        self.console.print(Text(time.strftime("%H:%M:%S "), "dim"), Text(f"{name} {sentence}", style), sep="")

    def _event(self, name: str, record: dict[str, object]) -> None:
        event = str(record.get("event", ""))
        shown_s, hidden = self._shown.get((name, event), (-REPEAT_S, 0))
        if self._now_s() - shown_s < REPEAT_S:
            self._shown[name, event] = (shown_s, hidden + 1)
            return
        self._shown[name, event] = (self._now_s(), 0)
        fields = " ".join(f"{k}={_short(v)}" for k, v in record.items() if k not in HIDDEN_FIELDS)
        more = f" (and {hidden} more like it: {self._logs[name].path})" if hidden else ""
        self.tell(name, f"{event} {fields}{more}", SHOWN_LEVELS[str(record["level"])])

    def addresses(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """A table of component, address, and what is there."""
        name_width, address_width = (max(len(row[i]) for row in rows) for i in (0, 1))
        self.console.print()
        for name, address, what in rows:
            self.console.print(
                Text(f"  {name:{name_width}}  ", "bold"),
                Text(f"{address:{address_width}}  ", "cyan"),
                Text(what, "dim"),
                sep="",
            )
        self.console.print()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"
