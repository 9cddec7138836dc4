"""What the dashboards need to know, and how it reaches the Streamlit process: by environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from leeway import storage
from leeway.model import Rejected

VARIABLE: Final = "LEEWAY_DASHBOARDS"
"""The environment variable that holds the settings as JSON, for the child process only."""


@dataclass(frozen=True)
class Settings:
    clickhouse: storage.Settings = field(default_factory=storage.Settings)
    host: str = "127.0.0.1"
    port: int = 8501
    """0 takes any free port."""
    api_url: str = "http://127.0.0.1:4320"
    """Where the control API answers; the dashboards never change anything by any other road."""
    api_token: str = ""
    """What the control API asks for, where it asks for anything."""
    otlp_grpc_port: int = 4317
    """Shown to whoever has not sent a span yet."""
    otlp_http_port: int = 4318
    min_baseline_runs: int = 300
    """Below this many runs an agent is said to be learning; the rules file's `watch.min_baseline_runs`."""
    nice: int = 10
    """How far ClickHouse stands back for others that want the CPU while it works for a page, as `nice` has it."""
    refresh_s: float = 5.0
    """How often a live page reads again."""
    text_chars_max: int = 20_000
    """A longer attribute or message is cut on the page, which says so and offers the whole as a download."""
    table_rows_max: int = 100
    """Rows of a table on one page; the rest is a click away."""
    search_runs_max: int = 500
    """A search in spans (an attribute, words) ends with so many runs, the newest; the page says so."""
    agents_max: int = 300
    """Agents on the overview, those with drifts and errors first; the page says how many are left out."""
    graph_nodes_max: int = 60
    """The orchestration graph draws the busiest; the page says how many are left out."""
    waterfall_spans_max: int = 5_000
    """Spans of one run drawn at once, in order of time; the page says how many are left out."""


def to_environment(settings: Settings) -> dict[str, str]:
    return {VARIABLE: json.dumps(asdict(settings), default=str)}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings that `to_environment` wrote.

    Raises:
        Rejected: They are missing: the app was not started by `leeway dashboards`.
    """
    text = environment.get(VARIABLE)
    if text is None:
        raise Rejected("start the dashboards with `leeway dashboards`; streamlit alone does not know the settings")
    raw = json.loads(text)
    clickhouse = raw.pop("clickhouse")
    for name in ("conventions", "prices"):
        clickhouse[name] = Path(clickhouse[name]) if clickhouse.get(name) else None
    return Settings(clickhouse=storage.Settings(**clickhouse), **raw)
