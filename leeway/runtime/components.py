"""The five processes of an installation, in the order in which they start."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final


@dataclass(frozen=True)
class Component:
    """One process. Its room is imported when somebody asks for it, so that the store does not pay for Streamlit.

    Attributes:
        name: Of the command and of the section in leeway.toml.
        package: Whose surface has `Settings` and `run`.
        summary: For a person.
        serves: Key of a port setting, and what is there.
        folder: Below the data folder, for a room whose `data` is a folder of its own.
    """

    name: str
    package: str
    summary: str
    serves: tuple[tuple[str, str], ...]
    folder: str = ""

    def settings_class(self) -> type[Any]:
        """The room's frozen dataclass."""
        kind: type[Any] = import_module(self.package).Settings
        return kind

    def run(self, *arguments: object) -> None:
        """The room's `run(settings, stop, ready)`; returns when it has stopped."""
        import_module(self.package).run(*arguments)


STORE: Final = Component(
    "store", "leeway.storage.embedded", "ClickHouse, embedded", (("store_port", "ClickHouse over HTTP"),), "store"
)
COLLECTOR: Final = Component(
    "collector",
    "leeway.collector",
    "receives OTLP and makes it durable",
    (("grpc_port", "OTLP/gRPC"), ("http_port", "OTLP/HTTP, /metrics")),
)
DETECTORS: Final = Component(
    "detectors", "leeway.detectors", "assemble runs and find drift", (("detectors.port", "/healthz, /metrics"),)
)
ALERTS: Final = Component(
    "alerts", "leeway.alerts", "rules, breakers, webhooks, control API", (("api_port", "control API"),)
)
DASHBOARDS: Final = Component(
    "dashboards", "leeway.dashboards", "what a person looks at", (("dashboard_port", "dashboards"),)
)

COMPONENTS: Final = (STORE, COLLECTOR, DETECTORS, ALERTS, DASHBOARDS)
BY_NAME: Final = {component.name: component for component in COMPONENTS}
