"""What is said of clickhouse-connect's own tests comes from pytest's report."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.driver import UNEXPLAINED, Outcome, outcomes, reasons

REPORT = """<testsuites><testsuite>
<testcase classname="tests.integration_tests.test_client" name="test_ping[sync]"/>
<testcase classname="tests.integration_tests.test_temporal.TestTime" name="test_int"><skipped message="old"/></testcase>
<testcase classname="tests.integration_tests.test_sqlalchemy.test_ddl" name="test_make[a]">
<failure message="no">default: Not enough privileges.</failure></testcase>
<testcase classname="tests.integration_tests.test_sqlalchemy.test_ddl" name="test_make[b]">
<error message="Not enough privileges"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def found(tmp_path: Path) -> list[Outcome]:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    return outcomes(report)


def test_every_test_is_counted_under_its_file(found: list[Outcome]) -> None:
    assert [(outcome.file, outcome.result) for outcome in found] == [
        ("test_client.py", "passed"),
        ("test_temporal.py", "skipped"),
        ("test_sqlalchemy/test_ddl.py", "failed"),
        ("test_sqlalchemy/test_ddl.py", "failed"),
    ]


def test_failures_of_one_reason_are_told_together(found: list[Outcome]) -> None:
    (paragraph, _) = reasons(found)
    assert paragraph.startswith("- **chdb** (2): chdb has one user")
    assert "`test_sqlalchemy/test_ddl.py::test_make` (2)" in paragraph


def test_a_failure_that_nobody_knows_is_not_explained() -> None:
    assert Outcome("test_client.py", "test_ping", "failed", "assert False").reason is UNEXPLAINED
    elsewhere = Outcome("test_client.py", "test_ping", "failed", "UnicodeDecodeError")
    assert elsewhere.reason is UNEXPLAINED
