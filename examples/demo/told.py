"""A finding in a line or two for a person."""

from __future__ import annotations

from typing import Any, Final

from examples.demo.tables import FindingRow

MOVES_MAX: Final = 3


def evidence(finding: FindingRow) -> str:
    """Where it was found, what moved, and how sure the detector is."""
    what = f"{finding.signal}:{finding.dimension}" if finding.dimension else finding.signal
    lines = [
        f"{finding.agent_name or 'whole run'} {finding.version}, signal {what}, by {finding.detector}",
        f"{finding.current_runs} runs against {finding.baseline_runs} of {finding.baseline_version or 'the baseline'}",
        _moved(finding.baseline, finding.current),
        f"evidence {finding.e_value:,.0f} to 1; the false-alarm budget asks for {finding.threshold:,.0f} to 1",
        f"look at runs {', '.join(finding.exemplars_current[:2])}" if finding.exemplars_current else "",
    ]
    return "\n".join(line for line in lines if line)


def _moved(then: dict[str, Any], now: dict[str, Any]) -> str:
    if then.get("kind") == "categories":
        before, after = then.get("shares", {}), now.get("shares", {})
        names = sorted(before | after, key=lambda name: -abs(after.get(name, 0.0) - before.get(name, 0.0)))[:MOVES_MAX]
        return ", ".join(f"{name} {before.get(name, 0.0):.0%} → {after.get(name, 0.0):.0%}" for name in names)
    if then.get("kind") == "distribution":
        unit = then.get("unit", "")
        return ", ".join(f"{q} {then[q]:,.4g} → {now[q]:,.4g} {unit}" for q in ("p50", "p95") if q in then and q in now)
    if then.get("kind") == "rate":
        return f"{then.get('rate', 0.0):.1%} → {now.get('rate', 0.0):.1%}"
    return ""
