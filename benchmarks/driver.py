"""`make driver-tests`: clickhouse-connect's own integration tests against the embedded store; `--help`.

The tests are not in what the driver publishes for installation: they come from a checkout of its source, and none of
them is kept here. The run fails if a test failed for a reason that is not known (driver_reasons.py).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import clickhouse_connect
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.driver_reasons import LEFT_OUT, REASONS, Reason
from benchmarks.servers import Process, folder, free_ports

TESTS: Final = Path("tests/integration_tests")
UNEXPLAINED: Final = Reason("", "nobody knows", "Not explained yet.")


@dataclass(frozen=True)
class Outcome:
    """How one test went.

    Attributes:
        file: Of the test, below tests/integration_tests.
        name: Of the test, with its parameters.
        result: `passed`, `failed` or `skipped`.
        text: Of the failure.
    """

    file: str
    name: str
    result: str
    text: str = ""

    @property
    def reason(self) -> Reason:
        return next((r for r in REASONS if r.explains(self.name, self.text)), UNEXPLAINED)


@contextlib.contextmanager
def store() -> Iterator[int]:
    """An embedded store on a free port, of a folder of its own; yields the port."""
    (port,) = free_ports(1)
    with folder() as data:
        process = Process(
            "store",
            [str(Path(sys.executable).with_name("leeway")), "store"],
            f"http://127.0.0.1:{port}/readyz",
            data / "store.log",
            {"LEEWAY_DATA": str(data / "data"), "LEEWAY_STORE_PORT": str(port)},
        )
        process.start()
        try:
            yield port
        finally:
            process.end()


def run(checkout: Path, port: int, console: Console) -> list[Outcome]:
    """Run the tests against the store at `port`."""
    environment = {
        **os.environ,
        "CLICKHOUSE_CONNECT_TEST_HOST": "127.0.0.1",
        "CLICKHOUSE_CONNECT_TEST_PORT": str(port),
        "CLICKHOUSE_CONNECT_TEST_DOCKER": "False",
        "CLICKHOUSE_CONNECT_TEST_CLOUD": "False",
    }
    with folder() as made:
        report = made / "report.xml"
        command = [
            sys.executable, "-m", "pytest", "--verbose", "--tb=short", "--disable-warnings", "-p", "no:cacheprovider",
            "-o", "junit_family=xunit1", "--rootdir", str(checkout), f"--junitxml={report}",
            *(f"--ignore={TESTS / name}" for name in LEFT_OUT), str(TESTS),
        ]  # fmt: skip
        with subprocess.Popen(
            command, cwd=checkout, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            said = show(process, console)
        if not report.exists():
            sys.exit(f"pytest wrote no report:\n{said}")
        return outcomes(report)


def show(process: subprocess.Popen[str], console: Console) -> str:
    """A bar that grows with the tests; returns the last lines that pytest wrote."""
    said: list[str] = []
    columns = (
        TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("clickhouse-connect's tests", total=None, counts="")
        counts: Counter[str] = Counter()
        assert process.stdout is not None
        for line in process.stdout:
            said = [*said[-40:], line]
            if collected := re.search(r"collected (\d+) items", line):
                progress.update(task, total=int(collected[1]))
            result = next((w for w in ("PASSED", "FAILED", "SKIPPED", "ERROR") if f" {w} " in line), "")
            if "::" in line and result and "[" in line:
                counts[result.lower()] += 1
                text = ", ".join(f"{n} {name}" for name, n in counts.items())
                progress.update(task, advance=1, counts=text, description=line.split("::")[0].rsplit("/", 1)[-1])
    return "".join(said)


def outcomes(report: Path) -> list[Outcome]:
    """What pytest's JUnit report says. A fixture's error counts as its test's failure."""
    found = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        module = case.get("classname", "").removeprefix("tests.integration_tests.")
        file = "/".join(part for part in module.split(".") if not part.startswith("Test")) + ".py"
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if bad is not None:
            found.append(Outcome(file, case.get("name", ""), "failed", f"{bad.get('message', '')}\n{bad.text or ''}"))
        else:
            result = "passed" if case.find("skipped") is None else "skipped"
            found.append(Outcome(file, case.get("name", ""), result))
    return found


def page(found: list[Outcome], port: int, about: str) -> str:
    """The report in Markdown."""
    with clickhouse_connect.get_client(host="127.0.0.1", port=port) as client:
        server = client.server_version
    counts = Counter(outcome.result for outcome in found)
    by_file: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in found:
        by_file[outcome.file][outcome.result] += 1
    between = (
        f"clickhouse-connect {version('clickhouse-connect')}, chdb {version('chdb')} (ClickHouse {server}), "
        f"Python {platform.python_version()}"
    )
    lines = [
        "# clickhouse-connect's own tests against the embedded store",
        "",
        f"**{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped**: {between}.",
        "Written by `make driver-tests CHECKOUT=…`, which takes the tests from a checkout of the driver's source.",
        *(["", about] if about else []),
        "",
        "| file | passed | failed | skipped |",
        "| --- | --: | --: | --: |",
        *(f"| {file} | {n['passed']} | {n['failed']} | {n['skipped']} |" for file, n in sorted(by_file.items())),
        "",
        "## What fails, and why",
        "",
        *reasons(found),
        "## Not run",
        "",
        *(f"- `{name}`: {need}" for name, need in LEFT_OUT.items()),
        "",
    ]
    return "\n".join(lines)


def reasons(found: list[Outcome]) -> Iterator[str]:
    """A paragraph for each reason, with its tests; the modes of one test are one."""
    by_reason: dict[Reason, Counter[str]] = defaultdict(Counter)
    for outcome in found:
        if outcome.result == "failed":
            by_reason[outcome.reason][f"`{outcome.file}::{outcome.name.split('[')[0]}`"] += 1
    for reason, tests in sorted(by_reason.items(), key=lambda item: item[0].whose):
        names = ", ".join(f"{name} ({n})" if n > 1 else name for name, n in sorted(tests.items()))
        yield f"- **{reason.whose}** ({tests.total()}): {reason.text} {names}."
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.driver", description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True, help="a checkout of clickhouse-connect's source")
    parser.add_argument("--report", type=Path, help="a file for the figures, in Markdown")
    parser.add_argument("--about", default="", help="a sentence for the report: what the checkout is")
    arguments = parser.parse_args()
    checkout = arguments.checkout.resolve()
    if not (checkout / TESTS).is_dir():
        parser.error(f"{checkout} holds no {TESTS}")
    console = Console()
    with store() as port:
        found = run(checkout, port, console)
        text = page(found, port, arguments.about)
    if arguments.report:
        arguments.report.write_text(text)
    console.print(table(found))
    unexplained = [outcome for outcome in found if outcome.result == "failed" and outcome.reason is UNEXPLAINED]
    for outcome in unexplained:
        console.print(f"[red]not explained[/]: {outcome.file}::{outcome.name}", highlight=False)
        console.print(outcome.text.splitlines()[0][:300], markup=False, highlight=False)
    sys.exit(bool(unexplained))


def table(found: list[Outcome]) -> Table:
    """The failures by reason, for the terminal."""
    shown = Table("failed", "whose", "reason", title=str(dict(Counter(outcome.result for outcome in found))))
    for reason, n in Counter(outcome.reason for outcome in found if outcome.result == "failed").most_common():
        shown.add_row(str(n), reason.whose, reason.text)
    return shown


if __name__ == "__main__":
    main()
