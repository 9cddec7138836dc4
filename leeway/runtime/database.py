"""The way to ClickHouse for commands that are no component."""

from __future__ import annotations

from leeway import storage
from leeway.runtime.components import ALERTS
from leeway.runtime.composition import compose
from leeway.runtime.derivation import derived
from leeway.runtime.sources import Sources


def database_settings(sources: Sources) -> storage.Settings:
    """What every component would use.

    Raises:
        Mistake: A value cannot be used.
    """
    settings: storage.Settings = compose(ALERTS, sources, derived(ALERTS, sources)).clickhouse
    return settings
