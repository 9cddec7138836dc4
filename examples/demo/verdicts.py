"""What the detectors say of the versions that they watch, from their own metrics."""

from __future__ import annotations

from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

GAUGE: Final = "leeway_detectors_versions"


def verdicts(metrics_url: str) -> dict[str, int]:
    """How many agents' versions are `learning`, `watching`, `drifted`; nothing where the detectors do not answer."""
    try:
        text = httpx.get(metrics_url, timeout=5.0).raise_for_status().text
    except httpx.HTTPError:
        return {}
    families = text_string_to_metric_families(text)
    return {s.labels["verdict"]: int(s.value) for f in families if f.name == GAUGE for s in f.samples}
