"""`leeway doctor`: what is right, what is not, and how to mend it. It changes nothing."""

from __future__ import annotations

import contextlib
import difflib
import os
import platform
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.text import Text

from leeway import storage
from leeway.model import LeewayError
from leeway.runtime.components import COMPONENTS, STORE, Component
from leeway.runtime.composition import compose, known_keys, reachable, settings_of, shared
from leeway.runtime.derivation import derived
from leeway.runtime.mistake import Mistake
from leeway.runtime.ports import check_free
from leeway.runtime.sources import Sources, env_name
from leeway.storage import life

FREE_BYTES_MIN: Final = 2 << 30
CLOCK_SKEW_S_MAX: Final = 1.0
CLICKHOUSE_OLDEST: Final = (26, 9)
"""Before it, reading OTLP's oneofs from protobuf had bugs, or was not there."""
OTHER_VARIABLES: Final = frozenset({"LEEWAY_CONFIG", "LEEWAY_DEMO_EXIT", "LEEWAY_REDACTION_HASH_KEY"})
LIBRARIES: Final = ("chdb", "clickhouse-connect", "grpcio", "polars", "river", "streamlit")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        ok: None for what is worth knowing but no fault.
        mend: What to do; empty where there is nothing to do.
    """

    ok: bool | None
    subject: str
    said: str
    mend: str = ""


def examine(sources: Sources) -> Iterator[Finding]:
    """Every check, one after the other; a check that cannot be made says so."""
    checks: tuple[Callable[[Sources], Iterator[Finding]], ...] = (
        _versions, _settings, _variables, _rules, _retention, _disk, _ports, _clickhouse,
    )  # fmt: skip
    for check in checks:
        try:
            yield from check(sources)
        except (LeewayError, OSError) as e:
            yield Finding(False, check.__name__.strip("_"), str(e), "mend this first; the check needs it")


def tell(console: Console, sources: Sources) -> bool:
    """Print the findings as they are made; whether there was no fault."""
    marks = {True: Text("✓ ", "green"), False: Text("✗ ", "bold red"), None: Text("· ", "yellow")}
    healthy = True
    for finding in examine(sources):
        healthy = healthy and finding.ok is not False
        mend = Text(f" — {finding.mend}", "yellow") if finding.mend else ""
        console.print(marks[finding.ok], Text(f"{finding.subject:12}", "bold"), Text(finding.said), mend, sep="")
    return healthy


def _versions(_: Sources) -> Iterator[Finding]:
    python = platform.python_version()
    yield Finding(
        sys.version_info >= (3, 11), "python", python, "" if sys.version_info >= (3, 11) else "use 3.11 or newer"
    )
    missing = []
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield Finding(
        not missing, "libraries", ", ".join(found), f"missing: {', '.join(missing)}; make setup" if missing else ""
    )


def _settings(sources: Sources) -> Iterator[Finding]:
    where = str(sources.path) if sources.file else "no leeway.toml; flags, environment, defaults"
    good = True
    for component in COMPONENTS:
        try:
            compose(component, sources, derived(component, sources))
        except Mistake as e:
            good = False
            yield Finding(False, "settings", f"{component.name}: {e}")
    if good:
        yield Finding(True, "settings", where)


def _variables(sources: Sources) -> Iterator[Finding]:
    keys = known_keys() | {s.key for c in COMPONENTS for s in settings_of(c)}
    keys |= {s.general for c in COMPONENTS for s in settings_of(c) if s.general}
    names = {env_name(key) for key in keys} | OTHER_VARIABLES
    for name in sorted(sources.environment):
        near = difflib.get_close_matches(name, names, 1, 0.85)
        if name.startswith("LEEWAY_") and name not in names and near:
            yield Finding(None, "environment", f"{name} is set and is no setting", f"did you mean {near[0]}?")


def _rules(sources: Sources) -> Iterator[Finding]:
    from leeway.runtime.rules_command import rule_errors

    path: Path = shared("rules", sources)
    errors = rule_errors(path)
    if errors:
        yield Finding(False, "rules", f"{path}: {errors[0]}", f"leeway rules check {path}")
    else:
        yield Finding(True, "rules", str(path))


def _retention(sources: Sources) -> Iterator[Finding]:
    path: Path = shared("retention", sources)
    if not path.exists():
        yield Finding(None, "retention", f"there is no {path}: everything is kept for ever", "see docs/retention.md")
        return
    try:
        life.load_policy(path)
    except life.RetentionInvalid as e:
        yield Finding(False, "retention", str(e), "nothing goes until it is mended")
    else:
        yield Finding(True, "retention", str(path))


def _disk(sources: Sources) -> Iterator[Finding]:
    folder: Path = shared("data", sources)
    there = folder
    while not there.exists():
        there = there.parent
    if not os.access(there, os.W_OK):
        yield Finding(False, "data folder", f"{folder} cannot be written", f"chown it, or set {env_name('data')}")
        return
    free = shutil.disk_usage(there).free
    mend = "" if free >= FREE_BYTES_MIN else f"free some, or set {env_name('data')} to a folder on another disk"
    yield Finding(free >= FREE_BYTES_MIN, "data folder", f"{folder}, {free / (1 << 30):.1f} GiB free", mend)


def _ports(sources: Sources) -> Iterator[Finding]:
    for component in COMPONENTS:
        if component is STORE and sources.given("clickhouse_url"):
            continue
        for key, what in component.serves:
            own = sources.given(f"{component.name}.host")
            host, port = str(own.raw) if own else shared("host", sources), shared(key, sources)
            tls = sources.given(f"{component.name}.tls_cert") is not None
            yield _port(component, key, host, port, what, tls=tls)


def _port(component: Component, key: str, host: str, port: int, what: str, *, tls: bool) -> Finding:
    subject, said = component.name, f"{host}:{port} {what}"
    try:
        check_free([(key, host, port)])
    except Mistake as e:
        if (_speaks_tls(host, port) if tls else _answers(host, port)) or key == "grpc_port":
            return Finding(True, subject, f"{said}, something answers")
        return Finding(False, subject, said, str(e))
    return Finding(True, subject, f"{said}, free")


def _answers(host: str, port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        for path in ("/healthz", "/_stcore/health", "/ping"):
            if httpx.get(f"http://{reachable(host)}:{port}{path}", timeout=2, trust_env=False).is_success:
                return True
    return False


def _speaks_tls(host: str, port: int) -> bool:
    """Whether a handshake succeeds; whose certificate it is, and whether ours would do, is not the question."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection((reachable(host), port), timeout=2) as connection,
        context.wrap_socket(connection),
    ):
        return True
    return False


def _clickhouse(sources: Sources) -> Iterator[Finding]:
    given = sources.given("clickhouse_url")
    url = str(given.raw) if given else f"http://{reachable(shared('host', sources))}:{shared('store_port', sources)}"
    try:
        with storage.Database(storage.Settings(clickhouse_url=url)) as db:
            before_s = time.time()
            row = db.rows("SELECT version() AS version, toFloat64(now64(6)) AS now_s")[0]
            after_s = time.time()
            tables = db.rows("SELECT count() AS n FROM system.tables WHERE database = 'leeway'")[0]["n"]
    except LeewayError as e:
        if given:
            yield Finding(False, "clickhouse", str(e), f"is {given.said} right, and does it run?")
        else:
            yield Finding(None, "clickhouse", "the embedded store is not running", "leeway up starts it")
        return
    number = tuple(int(part) for part in str(row["version"]).split(".")[:2])
    new_enough = number >= CLICKHOUSE_OLDEST
    wanted = ".".join(map(str, CLICKHOUSE_OLDEST))
    yield Finding(
        new_enough, "clickhouse", f"{row['version']}, {tables} tables", "" if new_enough else f"use {wanted} or newer"
    )
    skew_s = max(0.0, row["now_s"] - after_s, before_s - row["now_s"])
    mend = "" if skew_s <= CLOCK_SKEW_S_MAX else "synchronise the clocks (NTP); times of spans and findings disagree"
    yield Finding(skew_s <= CLOCK_SKEW_S_MAX, "clock", f"within {skew_s:.2f} s of ClickHouse's", mend)
