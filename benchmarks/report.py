"""A benchmark's figures as files: JSON for programs, Markdown and pictures for people."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import vl_convert
from PIL import Image

from benchmarks import gauges, plots
from benchmarks.servers import ROOT

PACKAGES: Final = ("leeway", "chdb", "grpcio", "protobuf", "uvicorn")
SCALE: Final = 2.0
STARTED: Final = gauges.machine_ticks()
"""When this module was loaded, which is when the benchmark began."""


def environment(command: str) -> dict[str, str]:
    """Where, when and of what the figures are.

    Args:
        command: As a person would type it.
    """
    return {
        "machine": f"{os.cpu_count()} × {_cpu_model()}, {_memory_gib()} GiB, {platform.system()} {platform.release()}",
        "taken by other machines": f"{_stolen_share():.0%} of this machine's CPU time, from start to end",
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": command,
        "commit": _commit(),
        "versions": ", ".join([f"Python {platform.python_version()}", *map(_package, PACKAGES)]),
    }


def command(module: str) -> str:
    """The one that runs us."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def write(
    folder: Path, name: str, figures: Mapping[str, Any], markdown: str, pictures: Mapping[str, plots.Chart]
) -> None:
    """`name.json`, `name.md` and a picture `name-….png` each.

    Args:
        figures: With the key `environment`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    for key, chart in pictures.items():
        png = vl_convert.vegalite_to_png(chart.to_json(), scale=SCALE)
        # A palette is enough for lines and bars, and takes a fifth of the bytes.
        Image.open(io.BytesIO(png)).convert("RGB").quantize(64).save(folder / f"{name}-{key}.png", optimize=True)
    about = "\n".join(f"- {key}: {_code(key, value)}" for key, value in figures["environment"].items())
    (folder / f"{name}.md").write_text(f"{markdown.strip()}\n\n## Of what, where, when\n\n{about}\n", "utf-8")


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Markdown; every row has the first row's keys."""
    names = list(rows[0])
    lines = [names, ["---", *("---:" for _ in names[1:])], *([row[n] for n in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(key: str, value: str) -> str:
    return f"`{value}`" if key in ("command", "commit") else value


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} missing"


def _commit() -> str:
    """Short, and whether the tree differs from it."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return head + (" and changes" if _git("status", "--porcelain", "--", "leeway", "benchmarks") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _stolen_share() -> float:
    stolen, ticks = gauges.machine_ticks()
    return (stolen - STARTED[0]) / max(1, ticks - STARTED[1])


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _cpu_model() -> str:
    text = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in text if line.startswith("model name")), platform.machine())


def _memory_gib() -> int:
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
