"""`make fuzz`: a long, coverage-guided run over every parser; `python -m tests.fuzz --help`.

A finding does not end the run: each is told apart by where it was raised, and one input of it is kept. The run fails
if there is any, or if an input took longer than its size allows.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from types import TracebackType
from typing import NamedTuple

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # there for `make fuzz` only

os.environ["NUMBA_BOUNDSCHECK"] = "1"  # what a kernel reads past an array is then an error, and a finding

# Not instrumented: what numba compiles must be the functions as they are written.
import leeway.storage.columns  # noqa: F401

with atheris.instrument_imports(include=["leeway.collector"], enable_loader_override=False):
    from tests.fuzz import targets
from tests.fuzz.mutation import fresh, mutated

SEEDS_PER_TARGET = 20
PROGRESS_EVERY = 50_000


class Slow(NamedTuple):
    cpu_s: float
    target: str
    data: bytes


def allowed_s(size_bytes: int) -> float:
    """CPU time that an input may take, instrumented: far from what it takes, and far below what quadratic would."""
    return 0.5 + size_bytes * 200e-6


class Run:
    """Counts, times and collects."""

    def __init__(self, runs: int, minutes_max: float, folder: Path) -> None:
        self._runs = runs
        self._ends_s = time.monotonic() + minutes_max * 60
        self._folder = folder
        self._began_s = time.monotonic()
        self._count = 0
        self._by_target: Counter[str] = Counter()
        self._findings: dict[str, bytes] = {}
        self._slowest = Slow(0.0, "", b"")
        self._too_slow: list[Slow] = []

    def one(self, data: bytes) -> None:
        target = targets.NAMES[targets.chosen(data)]
        slow = Slow(self._timed_s(target, data), target, data)
        if slow.cpu_s > allowed_s(len(data)):
            # A machine out of memory makes anything slow, once: an input is too slow if it is so each time.
            slow = min(slow, *(Slow(self._timed_s(target, data), target, data) for _ in range(2)))
        self._slowest = max(self._slowest, slow)
        if slow.cpu_s > allowed_s(len(data)):
            self._too_slow.append(slow)
        self._by_target[target] += 1
        self._count += 1
        if self._count % PROGRESS_EVERY == 0:
            print(
                f"{self._count} inputs, {time.process_time():.0f} s of CPU, {len(self._findings)} findings", flush=True
            )
        if self._count == self._runs or time.monotonic() > self._ends_s:
            self.end()

    def _timed_s(self, target: str, data: bytes) -> float:
        """The CPU time of an input, in seconds."""
        began_s = time.process_time()
        try:
            targets.run(data)
        except Exception as e:  # noqa: BLE001 - whatever it is, it is a finding
            self._note(target, e, data)
        return time.process_time() - began_s

    def _note(self, target: str, error: Exception, data: bytes) -> None:
        name = f"{target}: {type(error).__name__} at {_place(error.__traceback__)}"
        if name in self._findings:
            return
        self._findings[name] = data
        print(f"\nFINDING {name}: {error}\n{self._kept('finding', data)}", flush=True)
        traceback.print_exception(error)

    def _kept(self, kind: str, data: bytes) -> Path:
        path = self._folder / f"{kind}-{hashlib.sha256(data).hexdigest()[:16]}"
        path.write_bytes(data)
        return path

    def end(self) -> None:
        """Print the result and end the process: libFuzzer does not give control back."""
        took_s = time.monotonic() - self._began_s
        cpu_s = time.process_time()
        print(f"\n{self._count} inputs in {took_s:.0f} s, {self._count / took_s:.0f} a second; {cpu_s:.0f} s of CPU")
        for target, count in sorted(self._by_target.items()):
            print(f"  {count:9d}  {target}")
        print(f"distinct findings: {len(self._findings)}")
        for name in self._findings:
            print(f"  {name}")
        slowest = self._slowest
        print(f"slowest input: {slowest.cpu_s * 1e3:.1f} ms of CPU, {len(slowest.data)} bytes of {slowest.target}")
        for slow in self._too_slow[:10]:
            print(f"  TOO SLOW {slow.cpu_s:.2f} s, {slow.target}: {self._kept('slow', slow.data)}")
        sys.stdout.flush()
        os._exit(1 if self._findings or self._too_slow else 0)


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


def _fill(corpus: Path) -> None:
    """Valid inputs to begin with, the same for every run."""
    for target in range(len(targets.NAMES)):
        for i in range(SEEDS_PER_TARGET):
            path = corpus / f"valid-{target}-{i}"
            if not path.exists():
                path.write_bytes(bytes((target,)) + fresh(target, Random(i)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="how many inputs")
    parser.add_argument("--minutes", type=float, default=24 * 60, help="the most that it may take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--folder", type=Path, default=Path(".fuzz"), help="where the corpus grows and findings are kept"
    )
    args = parser.parse_args()
    corpus = args.folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    _fill(corpus)
    run = Run(args.runs, args.minutes, args.folder)

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        return mutated(data, Random(seed), lambda d: bytes(atheris.Mutate(d, size_max)))[:size_max]

    targets.DECODER.warm_up()
    atheris.Setup(
        [
            sys.argv[0], str(corpus), f"-seed={args.seed}", "-runs=-1", "-max_len=4096",
            "-print_final_stats=0", "-verbosity=0", "-rss_limit_mb=2048", "-timeout=60",
        ],
        run.one,
        custom_mutator=mutate,
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    main()
