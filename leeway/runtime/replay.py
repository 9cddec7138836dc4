"""`leeway replay`: stored OTLP to a collector, at its own pace, faster, or as fast as it goes."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import tenacity

from leeway.model import Rejected, Unavailable
from leeway.runtime.mistake import Mistake
from leeway.runtime.otlp_file import STDIN, Broken, Request, opened, read_requests
from leeway.runtime.otlp_shift import shifted
from leeway.runtime.otlp_signal import Signal
from leeway.runtime.senders import Answer, Sender

MAX: Final = "max"
BACKOFF_S_MAX: Final = 30.0


@dataclass
class Tally:
    """What became of it all."""

    requests: int = 0
    accepted: int = 0
    spans: int = 0
    rejected_spans: int = 0
    failed: int = 0
    broken: int = 0
    retries: int = 0
    seconds: float = 0.0

    @property
    def all_accepted(self) -> bool:
        return not (self.failed or self.broken or self.rejected_spans)


@dataclass(frozen=True)
class Pace:
    """When a request is due: at `factor` times the speed at which it was recorded, or at once when it is None."""

    factor: float | None

    @classmethod
    def parse(cls, text: str) -> Pace:
        """`max`, `realtime`, or a factor such as `10x`.

        Raises:
            Mistake: None of them.
        """
        if text == MAX:
            return cls(None)
        if text == "realtime":
            return cls(1.0)
        try:
            factor = float(text.removesuffix("x"))
        except ValueError:
            factor = 0.0
        if not text.endswith("x") or not 0 < factor < float("inf"):
            raise Mistake(f"--speed is {text!r}; it must be max, realtime, or a factor such as 10x")
        return cls(factor)

    def due_s(self, request: Request, first_ns: int) -> float:
        """Seconds after the start: a request is sent when its last span has ended, as an exporter would."""
        if self.factor is None or not request.last_ns:
            return 0.0
        return max(0.0, (request.last_ns - first_ns) / 1e9 / self.factor)


@dataclass
class Replay:
    """One replay.

    Args:
        in_flight: Requests under way at once.
        retry_for_s: How long a retryable refusal is retried before the request counts as failed.
        signal: What the files hold; None where their content is to say it.
        complain: Told about each request that was not accepted: place and reason.
        progress: Told how far each file has been read: name and bytes.
    """

    sender: Sender
    pace: Pace
    in_flight: int
    retry_for_s: float
    complain: Callable[[str, str], None]
    progress: Callable[[str, int], None]
    shift_to_now: bool = False
    signal: Signal | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    tally: Tally = field(default_factory=Tally)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, files: Sequence[str]) -> Tally:
        """Send everything; what is not accepted is complained about and counted."""
        with ExitStack() as stack:
            if self.shift_to_now or self.pace.factor is not None:
                files = [stack.enter_context(_seekable(name)) if name == STDIN else name for name in files]
                first_ns, last_ns = _span_of_time(files, self.signal)
            else:
                first_ns = last_ns = 0
            # At speed, the past is wanted: the last span ends now. At a pace, the first begins now.
            by_ns = time.time_ns() - (last_ns if self.pace.factor is None else first_ns) if self.shift_to_now else 0
            started_s = time.monotonic()
            with ThreadPoolExecutor(self.in_flight, "replay") as pool:
                under_way: dict[Future[Answer], Request] = {}
                for request in self._requests(files):
                    delay_s = started_s + self.pace.due_s(request, first_ns) - time.monotonic()
                    if self.stop.wait(delay_s) if delay_s > 0 else self.stop.is_set():
                        break
                    while len(under_way) >= 2 * self.in_flight:
                        self._settle(under_way, wait(under_way, return_when=FIRST_COMPLETED).done)
                    under_way[pool.submit(self._send, shifted(request, by_ns))] = request
                    self.tally.requests += 1
                self._settle(under_way, wait(under_way).done)
            self.tally.seconds = time.monotonic() - started_s
        return self.tally

    def _requests(self, files: Iterable[str]) -> Iterator[Request]:
        for name in files:
            with opened(name) as (stream, raw):
                for item in read_requests(name, stream, self.signal):
                    if isinstance(item, Broken):
                        self.tally.broken += 1
                        self.complain(item.place, item.reason)
                    else:
                        yield item
                    self.progress(name, raw.tell() if raw.seekable() else 0)

    def _send(self, request: Request) -> Answer:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            stop=tenacity.stop_after_delay(self.retry_for_s) | tenacity.stop_when_event_set(self.stop),
            wait=_as_told,
            sleep=tenacity.sleep_using_event(self.stop),
            before_sleep=self._count_retry,
            reraise=True,
        )
        return retrying(self.sender.send, request)

    def _count_retry(self, _: tenacity.RetryCallState) -> None:
        with self._lock:
            self.tally.retries += 1

    def _settle(self, under_way: dict[Future[Answer], Request], done: Iterable[Future[Answer]]) -> None:
        for future in list(done):
            request = under_way.pop(future)
            try:
                answer = future.result()
            except (Rejected, Unavailable) as e:
                self.tally.failed += 1
                self.complain(request.place, str(e))
                continue
            self.tally.accepted += 1
            self.tally.spans += request.spans - answer.rejected
            self.tally.rejected_spans += answer.rejected
            if answer.rejected:
                self.complain(request.place, f"{answer.rejected} rejected: {answer.reason}")


def _as_told(state: tenacity.RetryCallState) -> float:
    """The delay that the collector asked for, or a growing one with jitter, whichever is longer."""
    error = state.outcome.exception() if state.outcome else None
    asked_s = error.retry_after_s if isinstance(error, Unavailable) else 0.0
    growing = tenacity.wait_random_exponential(multiplier=0.5, max=BACKOFF_S_MAX)
    return max(asked_s, growing(state))


def _span_of_time(files: Sequence[str], signal: Signal | None) -> tuple[int, int]:
    """Start of the earliest span and end of the latest, over all files."""
    first_ns, last_ns = 0, 0
    for name in files:
        with opened(name) as (stream, _):
            for item in read_requests(name, stream, signal):
                if isinstance(item, Request) and item.spans:
                    first_ns = min(first_ns or item.first_ns, item.first_ns or first_ns)
                    last_ns = max(last_ns, item.last_ns)
    return first_ns, last_ns


class _seekable:  # noqa: N801 - reads as the phrase "with seekable"
    """Standard input in a file, so that it can be read twice."""

    def __init__(self, _: str) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="leeway-replay-", delete=False)  # noqa: SIM115 - closed below

    def __enter__(self) -> str:
        with self._file:
            shutil.copyfileobj(sys.stdin.buffer, self._file)
        return self._file.name

    def __exit__(self, *_: object) -> None:
        Path(self._file.name).unlink(missing_ok=True)
