"""What the alerts may be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from leeway import storage
from leeway.model import Rejected


@dataclass(frozen=True)
class Settings:
    clickhouse: storage.Settings = field(default_factory=storage.Settings)
    host: str = "127.0.0.1"
    api_port: int = 4320
    """Control API, with /healthz, /readyz and /metrics; 0 takes any free port."""
    rules: Path = Path("leeway-rules.yaml")
    """The rules file; it is read again when it changes. Without one, drifts are found and shown and nothing more."""
    retention: Path = Path("leeway-retention.toml")
    """The retention file (docs/retention.md); without one, everything is kept for ever."""
    retention_every_s: float = 3_600.0
    """How often what is too old is looked for. A changed file holds once two rounds have found it alike."""
    api_token: str = ""
    """Where it is set, every call to /v1 and /ofrep must send `Authorization: Bearer` with it."""
    api_url: str = ""
    """Where others reach the control API, for links in webhooks; empty: http://host:api_port."""
    dashboard_url: str = "http://127.0.0.1:8501"
    """Where people reach the dashboards, for links in webhooks."""
    evaluate_every_s: float = 1.0
    """How often findings are decided and open breakers are looked after."""
    findings_a_round_max: int = 500
    """Findings that one round decides; the rest comes with the next."""
    request_bytes_max: int = 64 * 1024
    """The longest body that the control API reads; longer ones get a 413."""
    page_rows_max: int = 1_000
    """The most rows that one answer of the control API holds; `offset` reaches the rest."""
    webhook_timeout_s: float = 10.0
    """How long a receiver may take to connect and, again, to answer."""
    webhook_body_bytes_max: int = 256 * 1024
    """A longer body is sent with less evidence, and says so in `omitted`."""
    webhook_first_retry_s: float = 2.0
    """The wait before the first retry; each further one is twice as long, with jitter."""
    webhook_retry_s_max: float = 3_600.0
    """The longest wait between two attempts."""
    webhook_give_up_after_s: float = 86_400.0
    """Attempts end so long after the first one, and the delivery becomes a dead letter."""
    webhook_proxy: str = ""
    """An HTTP proxy for webhooks; the environment's proxies are not used."""
    webhook_poll_s: float = 1.0
    """How often deliveries that are due are looked for."""

    def __post_init__(self) -> None:
        for name in (
            "retention_every_s", "evaluate_every_s", "findings_a_round_max", "request_bytes_max", "page_rows_max",
            "webhook_timeout_s", "webhook_first_retry_s", "webhook_retry_s_max", "webhook_give_up_after_s",
            "webhook_poll_s",
        ):  # fmt: skip
            if not getattr(self, name) > 0:
                raise Rejected(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.webhook_body_bytes_max < 4096:
            raise Rejected(f"webhook_body_bytes_max is {self.webhook_body_bytes_max}; it must be 4096 or more")
