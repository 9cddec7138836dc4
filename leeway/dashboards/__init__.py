"""The dashboards: Streamlit on the contract's tables, read only. A person's acts go through the control API."""

from leeway.dashboards.server import run
from leeway.dashboards.settings import Settings

__all__ = ["Settings", "run"]
