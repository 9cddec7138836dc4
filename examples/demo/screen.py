"""What the person at the terminal sees: steps that stay, and one live line below them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

BAR_WIDTH: Final = 24
COLOURS: Final = {"v1": "green", "v2": "red"}
PLAIN_PULSE_S: Final = 5.0
"""Without a terminal, the live line is printed this often while a step waits."""


class Pulse(Protocol):
    """Where the live line's figures come from."""

    def rates(self) -> Mapping[str, float]: ...


class Screen:
    """Steps with the time since the start, and a live line of the traffic. Colours and motion only on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.pulse: Pulse | None = None
        self._began_s = time.monotonic()
        self._waiting_for = ""
        self._progress: tuple[int, int] | None = None
        self._pulsed_s = 0.0
        self._live = Live("", console=self.console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began_s

    # -- lines that stay --------------------------------------------------------------------------------------------

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def begin(self, text: str) -> None:
        """What happens now, and what the live line says until it is done."""
        self._waiting_for, self._progress, self._pulsed_s = text, None, time.monotonic()
        self._line("[cyan]▸[/]", f"[bold]{escape(text)}[/]")

    def done(self, text: str) -> None:
        self._waiting_for, self._progress = "", None
        self._line("[green]✓[/]", escape(text))

    def failed(self, text: str) -> None:
        self._waiting_for, self._progress = "", None
        self._line("[red]✗[/]", f"[bold red]{escape(text)}[/]")

    def detail(self, text: str, style: str = "dim") -> None:
        for line in text.splitlines():
            self.console.print(Text(f"            {line}", style=style), soft_wrap=True)

    def plain(self, text: str = "") -> None:
        self.console.print(Text(text), soft_wrap=True)

    def _line(self, mark: str, markup: str) -> None:
        self.console.print(f"[dim]{self.elapsed_s:7.1f} s[/] {mark} {markup}", soft_wrap=True)

    # -- the line that lives ----------------------------------------------------------------------------------------

    def tick(self, progress: tuple[int, int] | None = None) -> None:
        """Draw the live line anew.

        Args:
            progress: How far the step is, of how much.
        """
        self._progress = progress or self._progress
        if self.console.is_terminal:
            self._live.update(self._pulse_line())
        elif time.monotonic() - self._pulsed_s >= PLAIN_PULSE_S:
            self._pulsed_s = time.monotonic()
            self.console.print(self._pulse_line(), soft_wrap=True)

    def _pulse_line(self) -> Text:
        line = Text(f"{self.elapsed_s:7.1f} s   ", style="dim", no_wrap=True, overflow="crop")
        rates = self.pulse.rates() if self.pulse else {}
        total = sum(rates.values())
        if total:
            line.append(f"{total:5.1f} runs/s  ", style="bold")
            for version in sorted(rates):
                line.append("█" * round(BAR_WIDTH * rates[version] / total), style=COLOURS.get(version, "blue"))
            shares = "  ".join(f"{version} {rates[version] / total:.0%}" for version in sorted(rates))
            line.append(f"  {shares}   ")
        if self._progress:
            done, of = self._progress
            filled = min(BAR_WIDTH, round(BAR_WIDTH * done / max(1, of)))
            line.append("━" * filled, style="cyan")
            line.append("━" * (BAR_WIDTH - filled), style="dim")
            line.append(f" {min(done, of)} of {of}")
        elif self._waiting_for:
            line.append("…")
        return line
