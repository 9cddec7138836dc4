"""From a transition to the request that tells a receiver about it: a table of pure functions, one a preset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from leeway.alerts.records import Transition, iso, to_json
from leeway.alerts.rules import Preset
from leeway.alerts.subject import path_segment
from leeway.alerts.webhook import Request
from leeway.model import Finding, Rejected

BODY_VERSION: Final = 1
FINDINGS_KEPT: Final = 5
"""Findings that a body keeps when it has to shrink."""
_STATE_WORDS: Final = {"open": "opened", "closed": "closed", "half_open": "half_opened"}


@dataclass(frozen=True, slots=True)
class News:
    """All that a preset may tell.

    Attributes:
        id: Of the delivery: the same however often it is sent.
        findings: Those that the transition names, or those that opened the breaker where it names none.
        api_url, dashboard_url: Without a slash at the end; an empty one gives no links.
    """

    id: str
    transition: Transition
    findings: Sequence[Finding]
    api_url: str
    dashboard_url: str


def generic(news: News) -> dict[str, Any]:
    """Leeway's own body. Fields may be added under the same `version`; none is taken away or changes its meaning."""
    t = news.transition
    return {
        "type": _type(t),
        "version": BODY_VERSION,
        "id": news.id,
        "timestamp": iso(t.at_ns),
        "transition": t.id,
        "breaker": t.breaker_id,
        "subject": {
            "kind": t.subject.kind,
            "text": str(t.subject),
            "project": t.subject.project,
            "service": t.subject.service,
            "agent": t.subject.agent,
            "version": t.subject.version,
            "tool": t.subject.tool,
        },
        "from": t.from_state,
        "to": t.to_state,
        "reason": t.reason,
        "rule": t.rule,
        "rule_version": t.rule_version,
        "actor": t.actor,
        "at": iso(t.at_ns),
        "findings": [_finding(f, news) for f in news.findings],
        "links": _links(news),
        "control": {"api": f"{news.api_url}/v1/breakers/{t.breaker_id}"},
    }


def alertmanager(news: News) -> list[dict[str, Any]]:
    """Alertmanager's `POST /api/v2/alerts`: one alert a breaker, ended when it closes.

    Alertmanager drops an alert that nobody repeats after its own `resolve_timeout` unless it carries an end, so an open
    one is given an end far away.
    """
    t = news.transition
    labels = {
        "alertname": "LeewayBreaker",
        "breaker": t.breaker_id,
        "subject_kind": t.subject.kind,
        "project": t.subject.project,
        "service": t.subject.service,
        "agent": t.subject.agent,
        "version": t.subject.version,
        "tool": t.subject.tool,
        "rule": t.rule,
    }
    alert: dict[str, Any] = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {
            "summary": _sentence(t),
            "description": "\n".join(f.headline for f in news.findings),
            "rule_version": t.rule_version,
        },
        "generatorURL": _links(news).get("dashboard", f"{news.api_url}/v1/breakers/{t.breaker_id}"),
    }
    if t.to_state == "closed":
        alert["endsAt"] = iso(t.at_ns)
    else:
        alert["startsAt"] = iso(t.at_ns)
        alert["endsAt"] = iso(t.at_ns + 365 * 86_400 * 10**9)
    return [alert]


def slack(news: News) -> dict[str, Any]:
    """An incoming webhook's message, with Slack's own signs (&, <, >) escaped and at most 3000 characters a block."""
    t = news.transition
    link = _links(news).get("dashboard", "")
    lines = [f"*{_escaped(_sentence(t))}*", *(f"• {_escaped(f.headline)}" for f in news.findings[:FINDINGS_KEPT])]
    if len(news.findings) > FINDINGS_KEPT:
        lines.append(f"… and {len(news.findings) - FINDINGS_KEPT} more findings")
    text = "\n".join(lines)
    if len(text) > 2900:
        text = f"{text[:2900]}… (shortened)"
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    if link:
        blocks.append(
            {
                "type": "context",
                "elements": [{"type": "mrkdwn", "text": f"<{link}|Open in Leeway> · rule {_escaped(t.rule or '–')}"}],
            }
        )
    return {"text": _escaped(_sentence(t)), "blocks": blocks}


PRESETS: Final[Mapping[Preset, Callable[[News], Any]]] = {
    "generic": generic,
    "alertmanager": alertmanager,
    "slack": slack,
}


def body_of(preset: Preset, news: News, bytes_max: int) -> bytes:
    """The body, at most `bytes_max` long; what does not fit is left out by kind, and `omitted` names it.

    Raises:
        Rejected: Even the bare transition is too long.
    """
    body = PRESETS[preset](news)
    text = to_json(body).encode()
    if len(text) <= bytes_max:
        return text
    if preset == "generic":
        for shrunk in _shrunk(body, bytes_max):
            text = to_json(shrunk).encode()
            if len(text) <= bytes_max:
                return text
    raise Rejected(f"the {preset} body takes {len(text)} bytes; webhook_body_bytes_max is {bytes_max}")


def request_of(preset: Preset, url: str, body: bytes) -> Request:
    """The request that carries `body`."""
    return Request(url, body, signed=preset == "generic", headers={})


def _shrunk(body: dict[str, Any], bytes_max: int) -> list[dict[str, Any]]:
    """Ever smaller versions: without evidence, without the two summaries, with few findings, with none."""
    note = f"the body was to be at most {bytes_max} bytes; the control API has the rest"
    steps: list[dict[str, Any]] = []
    findings: list[dict[str, Any]] = body["findings"]
    left_out: list[str] = []
    for fields in (("evidence",), ("baseline", "current")):
        left_out += [f"findings[].{field}" for field in fields]
        findings = [{k: v for k, v in f.items() if k not in fields} for f in findings]
        steps.append({**body, "findings": findings, "omitted": {"what": list(left_out), "why": note}})
    for count in (FINDINGS_KEPT, 0):
        what = [*left_out, f"{len(findings) - min(count, len(findings))} of {len(findings)} findings"]
        steps.append({**body, "findings": findings[:count], "omitted": {"what": what, "why": note}})
    return steps


def _type(t: Transition) -> str:
    return f"breaker.{_STATE_WORDS[t.to_state]}"


def _sentence(t: Transition) -> str:
    return f"Leeway: {t.subject.kind} {t.subject} {_STATE_WORDS[t.to_state].replace('_', ' ')}: {t.reason}"


def _finding(f: Finding, news: News) -> dict[str, Any]:
    return {
        "id": f.id,
        "found_at": iso(f.found_at_ns),
        "since": iso(f.first_observed_ns),
        "signal": f.stream.signal,
        "dimension": f.stream.dimension,
        "agent": f.stream.agent,
        "version": f.stream.version,
        "detector": f.detector,
        "direction": f.direction,
        "headline": f.headline,
        "effect": f.effect,
        "effect_unit": f.effect_unit,
        "e_value": f.e_value,
        "threshold": f.threshold,
        "baseline": {"version": f.baseline_version, "runs": f.baseline_runs, "summary": f.baseline},
        "current": {"version": f.stream.version, "runs": f.current_runs, "summary": f.current},
        "evidence": f.evidence,
        "exemplars": {
            "baseline": [_trace(trace_id, news) for trace_id in f.exemplars_baseline],
            "current": [_trace(trace_id, news) for trace_id in f.exemplars_current],
        },
        "links": {"dashboard": f"{news.dashboard_url}/drift?{urlencode({'finding': f.id})}"}
        if news.dashboard_url
        else {},
    }


def _trace(trace_id: str, news: News) -> dict[str, str]:
    entry = {"trace_id": trace_id, "api": f"{news.api_url}/v1/runs/{path_segment(trace_id)}"}
    if news.dashboard_url:
        entry["dashboard"] = f"{news.dashboard_url}/runs?{urlencode({'trace': trace_id})}"
    return entry


def _links(news: News) -> dict[str, str]:
    if not news.dashboard_url:
        return {}
    return {"dashboard": f"{news.dashboard_url}/breakers?{urlencode({'breaker': news.transition.breaker_id})}"}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
