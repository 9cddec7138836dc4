"""What a page says when it cannot show what it is for: what is wrong, and what to do about it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import streamlit as st
import structlog

from leeway.dashboards import reading
from leeway.dashboards.drawing import div, draw, el, icon, text
from leeway.dashboards.settings import Settings

log = structlog.get_logger("leeway.dashboards")

SNIPPET: Final = """\
pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http

export OTEL_EXPORTER_OTLP_ENDPOINT=http://{host}:{http_port}
export OTEL_SERVICE_NAME=my-agent
export OTEL_RESOURCE_ATTRIBUTES=service.version=1.0,deployment.environment.name=production
"""
PROGRAM: Final = """\
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

with trace.get_tracer("my-agent").start_as_current_span("invoke_agent helper") as span:
    span.set_attribute("gen_ai.operation.name", "invoke_agent")
    span.set_attribute("gen_ai.agent.name", "helper")

trace.get_tracer_provider().shutdown()
"""


def box(kind: str, symbol: str, headline: str, *lines: str, key: str) -> None:
    """A notice. Kinds: `muted`, `ok`, `warn`, `bad`."""
    body = [div(line, cls="line") for line in lines]
    draw(div(icon(symbol, "big"), div(el("h3", headline), *body), cls=f"notice {kind}"), key)


def store_away(message: str) -> None:
    """ClickHouse does not answer."""
    settings = reading.settings()
    url = urlsplit(settings.clickhouse.clickhouse_url)
    where = f"{url.scheme}://{url.hostname}:{url.port or 8123}"  # never with its password
    box(
        "bad", "cloud_off", "ClickHouse does not answer",
        f"The dashboards read everything from {where}, and nothing answers there.",
        "Collectors keep what they receive in their spools meanwhile; nothing that was acknowledged is lost.",
        "On one machine: leeway up, or leeway store. With a server of your own: is LEEWAY_CLICKHOUSE_URL right? "
        "leeway doctor says what is wrong.",
        key="away",
    )  # fmt: skip
    _details(message)
    if st.button("Try again", icon=":material/refresh:", key="away_again"):
        st.rerun(scope="app")


def refused(message: str) -> None:
    """ClickHouse answers, and says no: most often the tables are not there yet."""
    log.error("dashboards.query_refused", reason=message)
    box(
        "warn", "database", "ClickHouse refuses to answer this page",
        "Are Leeway's tables there? Every other component makes them when it starts: leeway up, or leeway collector.",
        "If they are, this is a mistake of ours or of an older schema; leeway doctor says more.",
        key="refused",
    )  # fmt: skip
    _details(message)


def no_runs_yet() -> None:
    """The installation has never seen a run: how to send the first one."""
    settings = reading.settings()
    host = _host(settings)
    box(
        "muted", "waves", "No data yet",
        "Leeway shows agents as soon as they send OpenTelemetry traces. Nothing has arrived so far.",
        f"OTLP/HTTP http://{host}:{settings.otlp_http_port}   ·   OTLP/gRPC {host}:{settings.otlp_grpc_port}",
        key="no_runs",
    )  # fmt: skip
    st.markdown("**Point an instrumented agent at it**")
    st.code(SNIPPET.format(host=host, http_port=settings.otlp_http_port), language="bash")
    st.markdown("**Or send a first run by hand** and watch it arrive here within a second or two")
    st.code(PROGRAM, language="python")
    st.caption("No agent at hand? `make demo` runs a small fleet; `leeway replay FILE` sends recorded traces.")


def nothing_here(headline: str, *lines: str, key: str) -> None:
    """The page is right, and there is nothing to show in this stretch of time."""
    box("muted", "waves", headline, *lines, key=key)


def _host(settings: Settings) -> str:
    return "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host  # noqa: S104 - not a bind


def _details(message: str) -> None:
    draw(el("details", el("summary", "What ClickHouse said"), el("pre", text(message))), "what_was_said")
