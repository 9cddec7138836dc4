"""Settings that follow from others, where nobody said them: addresses, and what the rules file tells the rooms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from leeway.runtime.components import ALERTS, DASHBOARDS, DETECTORS, Component
from leeway.runtime.composition import reachable, shared
from leeway.runtime.mistake import Mistake
from leeway.runtime.sources import Sources

if TYPE_CHECKING:
    from leeway.alerts import Rules


def derived(component: Component, sources: Sources) -> dict[str, object]:
    """Key to value, to stand before the fields' own defaults.

    Raises:
        Mistake: The rules file cannot be used, and the component needs it.
    """
    host = reachable(shared("host", sources))
    common: dict[str, object] = {"clickhouse_url": f"http://{host}:{shared('store_port', sources)}"}
    if component is DETECTORS:
        return common | _watch(_rules(sources))
    if component is ALERTS:
        return common | {"alerts.dashboard_url": f"http://{host}:{shared('dashboard_port', sources)}"}
    if component is DASHBOARDS:
        common["dashboards.api_url"] = f"http://{host}:{shared('api_port', sources)}"
        token = sources.given("alerts.api_token")
        if token is not None:
            common["dashboards.api_token"] = token.raw
        rules = _rules(sources)
        if rules and rules.watch.min_baseline_runs is not None:
            common["dashboards.min_baseline_runs"] = rules.watch.min_baseline_runs
    return common


def _rules(sources: Sources) -> Rules | None:
    """The rules; None where nobody asked for a file and there is none."""
    from leeway.alerts import load_rules
    from leeway.model import Rejected

    path: Path = shared("rules", sources)
    given = sources.given("rules")
    if given is None and not path.exists():
        return None
    try:
        return load_rules(path)
    except Rejected as e:
        raise Mistake(str(e)) from e


def _watch(rules: Rules | None) -> dict[str, object]:
    """The sections `false_alarms` and `watch` of the rules, as settings of the detectors."""
    if rules is None:
        return {}
    said = rules.watch.model_dump(exclude_none=True)
    return {
        "detectors.watch.false_alarms_at_most": rules.false_alarms.at_most,
        "detectors.watch.false_alarms_per_s": rules.false_alarms.per,
        **{f"detectors.watch.{name}": value for name, value in said.items()},
    }
