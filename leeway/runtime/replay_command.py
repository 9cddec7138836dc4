"""`leeway replay` for a person: a bar while it runs, every mishap with its place, a summary at the end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from leeway.runtime.otlp_file import STDIN
from leeway.runtime.otlp_signal import Signal
from leeway.runtime.replay import Pace, Replay, Tally
from leeway.runtime.senders import headers_of, sender_to


def replay_files(
    files: Sequence[str],
    endpoint: str,
    speed: str,
    headers: Sequence[str] = (),
    signals: Signal | None = None,
    *,
    shift_to_now: bool,
    in_flight: int,
    retry_for_s: float,
) -> bool:
    """Replay and tell.

    Args:
        headers: `name=value` pairs that are sent along.
        signals: What the files hold; None where their content is to say it.

    Returns:
        Whether everything was accepted.

    Raises:
        Mistake: A file cannot be read, or an argument is wrong; nothing was sent.
    """
    pace = Pace.parse(speed)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    stop = threading.Event()
    sizes = [Path(name).stat().st_size if name != STDIN and Path(name).exists() else 0 for name in files]
    with closing(sender_to(endpoint, in_flight, headers_of(headers))) as sender, _bar(console) as bar:
        task = bar.add_task("replay", total=sum(sizes) or None, spans=0)
        before = 0
        current: str | None = None
        position = 0

        def progress(name: str, bytes_read: int) -> None:
            nonlocal before, current, position
            if name != current:
                before += position
                current = name
            position = bytes_read
            description = "stdin" if name == STDIN else Path(name).name
            bar.update(task, completed=before + position, description=description, spans=replay.tally.spans)

        def complain(place: str, reason: str) -> None:
            bar.console.print(Text(f"{place}: {reason}", "red"))

        replay = Replay(sender, pace, in_flight, retry_for_s, complain, progress, shift_to_now, signals, stop)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        tally = replay.run(files)
        bar.update(task, completed=sum(sizes) or None, spans=tally.spans)
    _summary(Console(highlight=False, soft_wrap=True), tally, stopped=stop.is_set())
    return tally.all_accepted and not stop.is_set()


class _Spans(ProgressColumn):
    def render(self, task: Task) -> Text:
        spans = int(task.fields["spans"])
        rate = spans / task.elapsed if task.elapsed else 0.0
        return Text(f"{spans:,} spans  {rate:,.0f}/s", "cyan")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        _Spans(),
        TimeElapsedColumn(),
        TextColumn("[dim]left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _summary(console: Console, tally: Tally, *, stopped: bool) -> None:
    rate = tally.spans / tally.seconds if tally.seconds else 0.0
    mishaps = [
        (tally.rejected_spans, "spans rejected"),
        (tally.failed, "requests failed"),
        (tally.broken, "broken lines or messages"),
        (tally.retries, "retries"),
    ]
    said = [f"{count:,} {what}" for count, what in mishaps if count]
    mark = Text("✗ ", "red") if stopped or not tally.all_accepted else Text("✓ ", "green")
    console.print(
        mark,
        f"{tally.accepted:,} of {tally.requests:,} requests accepted, {tally.spans:,} spans in {tally.seconds:.1f} s "
        f"({rate:,.0f} spans/s)",
        "; stopped before the end" if stopped else "",
        f"; {', '.join(said)}" if said else "",
        sep="",
    )
    console.print(Text("  What the collector had before changes nothing when it is sent again.", "dim"))
