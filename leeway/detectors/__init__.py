"""Detectors: from spans to runs, from runs to observations, from observations to findings."""

from leeway.detectors.backtest import backtest
from leeway.detectors.recosting import Recosted, recost_runs
from leeway.detectors.server import run
from leeway.detectors.settings import Settings, WatchSettings
from leeway.detectors.watcher import Watcher

__all__ = ["Recosted", "Settings", "WatchSettings", "Watcher", "backtest", "recost_runs", "run"]
