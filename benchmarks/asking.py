"""How long a question takes: of a store that has just started and of a disk that is read anew, and asked again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import servers, stored
from leeway.storage import Database

DROP_CACHES: Final = Path("/proc/sys/vm/drop_caches")
WARM_S_MAX: Final = 6.0
"""For so long a question is asked again, if it is not asked often enough before."""

Names = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """Something that a person or a program wants to know.

    Attributes:
        name: As a reader knows it.
        asks: Whose it is: the page, call or command that asks just so.
        ask: Returns how many rows came.
        names: What it is asked for, one after the other: no answer is the one before, kept somewhere.
        aim_ms: What it should take, warm, at the median.
        published: What others say of theirs.
    """

    name: str
    asks: str
    ask: Callable[[Database, Names], int]
    names: Sequence[Names]
    aim_ms: float
    published: str = ""


@dataclass(frozen=True)
class Answered:
    """Times from asking to having read the answer, in milliseconds.

    Attributes:
        cold_ms: Each with a store that had just started, the page cache dropped where `is_dropped`.
        warm_ms: Asked again and again.
        rows: Of the last answer.
    """

    cold_ms: list[float]
    warm_ms: list[float]
    rows: int
    is_dropped: bool

    @property
    def cold(self) -> float:
        return float(np.median(self.cold_ms))

    @property
    def warm(self) -> float:
        return float(np.median(self.warm_ms))

    @property
    def warm_p95(self) -> float:
        return float(np.quantile(self.warm_ms, 0.95))


@contextmanager
def store(folder: Path) -> Iterator[Database]:
    """A store of this folder, as `leeway store` runs it, in a process of its own."""
    installation = servers.Leeway(folder)
    process = installation.processes["store"]
    process.start()
    try:
        with stored.open_store(installation.store_url) as db:
            yield db
    finally:
        process.end()


def ask_cold(folder: Path, question: Question, times: int) -> tuple[list[float], bool]:
    """Milliseconds of the first question to a new store, each time for something else.

    Returns:
        Also whether the page cache could be dropped before each.
    """
    took_ms, is_dropped = [], True
    for names in question.names[:times]:
        is_dropped = drop_caches() and is_dropped
        with store(folder) as db:
            took_ms.append(_ask(db, question, names)[0])
    return took_ms, is_dropped


def ask_warm(db: Database, question: Question, times: int) -> tuple[list[float], int]:
    """Milliseconds, and how many rows came last. What comes first is not counted."""
    took_ms: list[float] = []
    began_s = time.monotonic()
    names = question.names
    _, rows = _ask(db, question, names[-1])
    while len(took_ms) < times and (len(took_ms) < 3 or time.monotonic() - began_s < WARM_S_MAX):
        ms, rows = _ask(db, question, names[len(took_ms) % len(names)])
        took_ms.append(ms)
    return took_ms, rows


def drop_caches() -> bool:
    """Whether the kernel let us: it takes root."""
    os.sync()
    with suppress(OSError):
        DROP_CACHES.write_text("3\n", "ascii")
        return True
    return False


def _ask(db: Database, question: Question, names: Names) -> tuple[float, int]:
    began_s = time.perf_counter()
    rows = question.ask(db, names)
    return (time.perf_counter() - began_s) * 1e3, rows
