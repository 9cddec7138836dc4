from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.conftest import StoreProcess


@pytest.fixture(scope="package")
def collector(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector for exporters to deliver to."""
    process = CollectorProcess(store.url, tmp_path_factory.mktemp("exporters") / "data", **STORED_FIRST)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def go_sender(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program of tests/exporters/go, built as its go.sum says."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed; the Go exporters are not tried")
    program = tmp_path_factory.mktemp("go") / "send"
    arguments = [go, "build", "-o", str(program), "."]
    done = subprocess.run(arguments, cwd=Path(__file__).parent / "go", capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"Go cannot build the exporters: {done.stderr.strip()[-500:]}")
    return str(program)
