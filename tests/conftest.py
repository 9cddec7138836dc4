"""What tests of several rooms need once a session: the real embedded store, a real browser, Node.js."""

from __future__ import annotations

import compileall
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, expect, sync_playwright
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from leeway import storage

# Compiled kernels check every access, in the processes that tests start too.
os.environ.setdefault("NUMBA_BOUNDSCHECK", "1")

# No test fails because a machine is slow.
settings.register_profile("leeway", settings.default, deadline=None)
settings.load_profile("leeway")

T = TypeVar("T")

PATIENCE_S = 180.0
"""How long anything may take that a test waits for: machines may be slow, and busy."""

ROOT = Path(__file__).parents[1]
NODE_PROJECT = ROOT / "tests" / "exporters" / "node"
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_RUN = """
import gc
gc.disable()  # as `leeway store` does while it loads
import signal, sys, threading
from pathlib import Path
from leeway.storage.embedded import Settings, run
gc.freeze()
gc.enable()
stop = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())
run(Settings(data=Path(sys.argv[1]), port=int(sys.argv[2]), **eval(sys.argv[3])), stop, lambda: None)
"""

_COMPILE = """
from leeway.detectors import assembly
from leeway.storage.columns import Decoder
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices
assembly.warm_up()
Decoder(load_conventions(None), load_frameworks(None), load_prices(None)).warm_up()
"""


class ByRoom(LoadScopeScheduling):  # type: ignore[misc]  # xdist's types say nothing of it
    """Tests that share what is dear to make (a browser, Node's packages, Go's program, the demo's story) go to one
    worker, the others by file.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        room = Path(file).parent.name
        return room if room in ("dashboards", "demo", "exporters") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByRoom:
    return ByRoom(config, log)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compile what every process of the tests runs, once: those that start together would each do so, and where
    PYTHONDONTWRITEBYTECODE is set, as in many a container, every one that starts at all.
    """
    if session.config.getoption("numprocesses", None):
        compileall.compile_dir(ROOT / "leeway", quiet=1)
        subprocess.run([sys.executable, "-c", _COMPILE], cwd=ROOT, check=True)


class StoreProcess:
    """An embedded store of its own process.

    Attributes:
        url: `http://127.0.0.1:port`.
        port: Where it listens, the same after a restart.
        data: Its folder.
    """

    def __init__(self, data: Path, **settings: object) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, or do nothing where it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        arguments = [sys.executable, "-c", _RUN, str(self.data), str(self.port), repr(self._settings)]
        self.log = self.data.parent / f"{self.data.name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(arguments, cwd=ROOT, stdout=log, stderr=log)
        self._wait_until_ready()

    def kill(self) -> None:
        """As a crash would: SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As a person would: SIGTERM; waits for the end."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start again on the same folder and port; kills it first if it still runs."""
        if self._process is not None:
            self.kill()
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=PATIENCE_S)
            self._process = None

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        process, log = self._process, self.log

        def has_come() -> bool:
            assert process.poll() is None, f"the embedded store ended with {process.returncode}:\n{tail(log)}"
            return is_ready(self.url)

        until(has_come, lambda: f"the embedded store was ready:\n{tail(log)}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def is_ready(url: str) -> bool:
    """Whether the process at `url` says so."""
    with contextlib.suppress(URLError, OSError), urlopen(f"{url}/readyz", timeout=30) as answer:
        return bool(answer.status == 200)
    return False


def tail(log: Path) -> str:
    """The end of a log, for a message."""
    return log.read_text("utf-8", "replace")[-4000:]


def apart(work: Callable[[], T]) -> T:
    """Do what runs an event loop of its own, in a thread that has none yet: the browser's tests leave one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def until(condition: Callable[[], object], what: str | Callable[[], object]) -> None:
    """Wait until something has happened in another thread or process; `what` is said, or asked, when it did not."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"waited in vain until {what if isinstance(what, str) else what()}")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """The embedded store of this test session."""
    process = StoreProcess(tmp_path_factory.mktemp("store") / "data")
    yield process
    process.stop()


@pytest.fixture(scope="session")
def empty_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with Leeway's tables and nothing in them: a copy starts at once, a migration takes longer
    than many a test.
    """
    process = StoreProcess(tmp_path_factory.mktemp("empty") / "data")
    with storage.Database(storage.Settings(clickhouse_url=process.url)) as database:
        storage.migrate(database)
    process.stop()
    return process.data


@pytest.fixture
def own_store(tmp_path: Path, empty_tables: Path) -> Iterator[StoreProcess]:
    """An embedded store of this test alone: for one that makes backups or changes tables."""
    process = StoreProcess(shutil.copytree(empty_tables, tmp_path / "store", symlinks=True))
    yield process
    process.stop()


@pytest.fixture(scope="session")
def _spare(tmp_path_factory: pytest.TempPathFactory, empty_tables: Path) -> Iterator[StoreProcess]:
    process = StoreProcess(shutil.copytree(empty_tables, tmp_path_factory.mktemp("spare") / "data", symlinks=True))
    yield process
    process.stop()


@pytest.fixture
def spare_store(_spare: StoreProcess) -> StoreProcess:
    """An embedded store with empty tables that may be killed: the next test starts it again, which is sooner done than
    making one.
    """
    _spare.start()
    with storage.Database(storage.Settings(clickhouse_url=_spare.url)) as database:
        _empty(database)
    return _spare


@pytest.fixture
def fussy_store(spare_store: StoreProcess) -> Iterator[StoreProcess]:
    """The spare store, which refuses spans of the name `poison`."""
    with storage.Database(storage.Settings(clickhouse_url=spare_store.url)) as database:
        database.command("ALTER TABLE leeway.span_rows ADD CONSTRAINT taste CHECK name != 'poison'")
        yield spare_store
        database.command("ALTER TABLE leeway.span_rows DROP CONSTRAINT taste")


@pytest.fixture(scope="session")
def _migrated(store: StoreProcess) -> Iterator[storage.Database]:
    with storage.Database(storage.Settings(clickhouse_url=store.url)) as database:
        storage.migrate(database)
        yield database


@pytest.fixture
def db(_migrated: storage.Database) -> storage.Database:
    """A migrated `Database` whose tables are empty."""
    storage.migrate(_migrated)
    _empty(_migrated)
    return _migrated


def _empty(database: storage.Database) -> None:
    full = database.rows(
        "SELECT name FROM system.tables WHERE database = 'leeway' AND engine LIKE '%MergeTree' AND total_rows > 0"
        " AND name != 'schema_versions'"
    )
    for table in full:
        database.command(f"TRUNCATE TABLE leeway.{table['name']}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all: Playwright takes only one of itself in a thread."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the dashboards' pages are not opened")
    expect.set_options(timeout=1e3 * PATIENCE_S)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js, with the packages of tests/exporters/node installed as its lock file says."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        pytest.skip("Node.js and npm are not installed; the Node exporters are not tried")
    installed = NODE_PROJECT / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (NODE_PROJECT / "package-lock.json").stat().st_mtime:
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"], cwd=NODE_PROJECT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"npm cannot install the exporters: {done.stderr.strip()[-500:]}")
        installed.touch()
    return program
