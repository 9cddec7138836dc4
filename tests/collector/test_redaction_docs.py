"""The example of docs/redaction.md is one."""

from __future__ import annotations

import re
from pathlib import Path

from leeway.collector.redaction import parse_rules
from leeway.collector.redaction.built_in import NAMES, SHAPES

DOC = (Path(__file__).parents[2] / "docs" / "redaction.md").read_text("utf-8")


def test_the_example_file_can_be_used() -> None:
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", DOC, re.DOTALL))
    rules = parse_rules(example)
    assert rules.policy("playground").content is True
    assert len(rules.policy("playground").rules) == 3
    assert rules.policy("untouched").rules == ()


def test_every_built_in_pattern_and_its_mask_is_described() -> None:
    assert all(f"| `{name}` |" in DOC and f"`{SHAPES[name].mask}`" in DOC for name in NAMES)
