"""The command line itself."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from leeway.collector import Settings as CollectorSettings
from leeway.runtime import main
from tests.runtime.processes import ROOT, leeway

COMMANDS = [
    "up", "store", "collector", "detectors", "alerts", "dashboards", "replay", "export", "retention", "backup",
    "restore", "forget", "backtest", "prices", "rules", "redaction", "token", "doctor",
]  # fmt: skip


def test_help_lists_every_command_in_the_order_of_use(tmp_path: Path) -> None:
    done = leeway("--help", folder=tmp_path)
    listed = [line.split()[0] for line in done.stdout.split("Commands:")[1].splitlines() if line.strip()]
    assert listed == COMMANDS


@pytest.mark.parametrize(
    "command", [[c] for c in COMMANDS] + [["rules", "check"], ["redaction", "check"]], ids=" ".join
)
def test_every_command_explains_itself(command: list[str]) -> None:
    done = CliRunner().invoke(main, [*command, "--help"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Usage: ")


def test_a_component_offers_all_its_settings_as_flags() -> None:
    said = CliRunner().invoke(main, ["collector", "--help"]).output
    for flag in ("--clickhouse-url", "--data", "--host", "--grpc-port", "--http-port", "--request-bytes-max"):
        assert flag in said
    assert "LEEWAY_COLLECTOR_REQUEST_BYTES_MAX" in "".join(said.split())


def test_a_token_is_made_with_the_line_that_the_collector_wants() -> None:
    done = CliRunner().invoke(main, ["token", "shop", "--days", "30"])
    assert done.exit_code == 0, done.output
    token, entry = done.stdout.splitlines()
    settings = CollectorSettings(tokens=(entry,))
    assert entry.startswith(f"shop:{hashlib.sha256(token.encode()).hexdigest()}@")
    assert settings.tokens == (entry,)
    assert token not in done.stderr
    assert CliRunner().invoke(main, ["token", "shop"]).stdout.splitlines()[0] != token


def test_a_project_that_no_line_could_name_gets_no_token() -> None:
    done = CliRunner().invoke(main, ["token", "a:b"])
    assert done.exit_code == 1
    assert not done.stdout


def test_the_store_does_not_pay_for_the_dashboards() -> None:
    program = (
        "import sys; from leeway.runtime.cli import main; from leeway.runtime.composition import settings_of;"
        "from leeway.runtime.components import STORE; settings_of(STORE);"
        "print([m for m in ('streamlit', 'river', 'grpc') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_good_rules_are_told_and_bad_ones_have_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text("version: 1\nrules:\n  - {name: r, when: {signal: tools}, open: version}\n")
    good = CliRunner().invoke(main, ["rules", "check", "good.yaml"])
    assert good.exit_code == 0
    assert "r: tools of * opens the version's breaker" in good.stdout
    assert "✓ good.yaml: 1 rules, version " in good.stdout

    (tmp_path / "bad.yaml").write_text("version: 1\nrules:\n  - name: r\n    opne: version\n  - 3\n")
    bad = CliRunner().invoke(main, ["rules", "check", "bad.yaml"])
    assert bad.exit_code == 1
    assert "bad.yaml:3:" in bad.stderr
    assert "bad.yaml:4:5: rules[0].opne: is not a key here; did you mean open?" in bad.stderr
    assert "bad.yaml:5:" in bad.stderr
