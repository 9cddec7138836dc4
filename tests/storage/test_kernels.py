"""Machine code is kept, and never that of other sources than those that are there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLEE = """
from leeway.storage.kernels import {kind}
@{kind}
def step(n):
    return n + {by}
"""
CALLER = """
from leeway.storage.kernels import {kind}
from room.callee import step
@{kind}
def walk(n):
    return step(n)
"""


def walked(folder: Path, kind: str, by: int) -> str:
    """What `walk(1)` says in a process of its own, `step` adding `by`; and how much of it was kept machine code."""
    room = folder / "room"
    room.mkdir(exist_ok=True)
    (room / "callee.py").write_text(CALLEE.format(kind=kind, by=by))
    (room / "caller.py").write_text(CALLER.format(kind=kind))
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}", "XDG_CACHE_HOME": str(folder / "cache")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    said = subprocess.run(
        [sys.executable, "-c", "from room.caller import walk; print(walk(1), sum(walk.stats.cache_hits.values()))"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return said.stdout.strip()


def test_a_kernel_is_compiled_once_and_anew_when_one_that_it_calls_changes(tmp_path: Path) -> None:
    for kind in ("kernel", "array_kernel"):
        folder = tmp_path / kind
        folder.mkdir()
        assert walked(folder, kind, 1) == "2 0"
        assert walked(folder, kind, 1) == "2 1"
        assert walked(folder, kind, 40) == "41 0", "a change in another file is seen"


DECODING = """
import sys
from leeway.storage.columns import Decoder
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices
Decoder(load_conventions(None), load_frameworks(None), load_prices(None)).warm_up()
print("scipy.linalg" in sys.modules)
from scipy.linalg import norm
print(norm([3.0, 4.0]))
"""


def test_kernels_do_not_load_scipy_and_leave_it_to_those_who_want_it() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", DECODING], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout == "False\n5.0\n"
