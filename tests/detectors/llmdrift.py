"""The LLMDrift corpus as observations: the same questions to two dated snapshots of a model."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from leeway.model import Observation

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"


def read(name: str) -> dict[str, dict[str, list[Observation]]]:
    """By service the observations of each version, in order; the first version first."""
    path = CORPORA / name
    if not path.exists():
        pytest.skip(f"the corpus {name} is not here (expected at ../shared/corpora)")
    services: dict[str, dict[str, list[Observation]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            for resource in json.loads(line)["resourceSpans"]:
                o = _observation(resource)
                services.setdefault(o.service_name, {}).setdefault(o.version, []).append(o)
    return services


def _observation(resource: dict) -> Observation:
    about = _attributes(resource["resource"]["attributes"])
    spans = [s for scope in resource["scopeSpans"] for s in scope["spans"]]
    chat = next(s for s in spans if s["name"].startswith("chat"))
    root = next(s for s in spans if not s.get("parentSpanId"))
    said = _attributes(chat["attributes"])
    messages = json.loads(str(said["gen_ai.output.messages"]))
    text = "".join(part.get("content", "") for message in messages for part in message["parts"])
    start_ns, end_ns = int(root["startTimeUnixNano"]), int(root["endTimeUnixNano"])
    return Observation(
        project="default",
        service_name=str(about["service.name"]),
        agent_name=str(said["gen_ai.agent.name"]),
        version=str(about["service.version"]),
        environment="production",
        variant="",
        trace_id=root["traceId"],
        session_id=str(said["gen_ai.conversation.id"]),
        start_ns=start_ns,
        end_ns=end_ns,
        duration_ns=end_ns - start_ns,
        llm_calls=1,
        input_tokens=int(str(said["gen_ai.usage.input_tokens"])),
        output_tokens=int(str(said["gen_ai.usage.output_tokens"])),
        output_chars=len(text),
        cost_usd=float(str(said.get("gen_ai.usage.cost", 0.0))),
        finish_reasons=dict.fromkeys(said.get("gen_ai.response.finish_reasons", []), 1),
    )


def _attributes(found: list[dict]) -> dict:
    return {a["key"]: _value(a["value"]) for a in found}


def _value(value: dict) -> object:
    kind, inner = next(iter(value.items()))
    return [_value(v) for v in inner["values"]] if kind == "arrayValue" else inner
