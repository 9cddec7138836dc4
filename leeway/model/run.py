"""From the spans of one trace to its run, its critical path and what each of its agents did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from leeway.model.critical_path import NO_SPAN, Interval, critical_path
from leeway.model.observation import Observation
from leeway.model.operation import MODEL_CALLS

REFUSALS: Final = frozenset({"refusal", "content_filter", "safety", "blocked", "prohibited_content", "guardrail"})
"""Finish reasons and output types, in lower case, that say that the model would not answer."""


class RunSpan(NamedTuple):
    """What a run is assembled from: a part of a row of `spans`, fields in the order in which they are queried."""

    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    status_code: str
    service_name: str
    service_version: str
    environment: str
    operation: str
    agent_name: str
    agent_version: str
    conversation_id: str
    user_id: str
    model: str
    tool_name: str
    input_tokens: int
    output_tokens: int
    cost_usd: float
    finish_reason: str
    output_type: str
    output_chars: int
    error_type: str
    variant: str


class PathStep(NamedTuple):
    """One row of `critical_path`; a step without a span id is time that no top-level span covers."""

    span_id: str
    name: str
    operation: str
    service_name: str
    agent_name: str
    tool_name: str
    model: str
    self_ns: int


class ModelUse(NamedTuple):
    """What the calls of one model in a run come to; the calls of models that nobody named have an empty one."""

    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Run:
    """One row of `runs`."""

    project: str
    trace_id: str
    root_span_id: str
    root_name: str
    root_operation: str
    service_name: str
    service_version: str
    agent_name: str
    agent_version: str
    variant: str
    environment: str
    conversation_id: str
    user_id: str
    start_ns: int
    duration_ns: int
    spans: int
    llm_calls: int
    tool_calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    complete: bool
    critical_path: tuple[PathStep, ...]
    models: tuple[ModelUse, ...]
    """By name; tokens and money sum to the run's."""


def assemble_run(project: str, trace_id: str, spans: Sequence[RunSpan]) -> tuple[Run, tuple[Observation, ...]]:
    """The run that the spans of one trace make, and its observations: the whole first, then its agents by name.

    Args:
        spans: At least one, of one trace, in any order; of spans with the same id the first counts.
    """
    spans = list({s.span_id: s for s in reversed(spans)}.values())[::-1]
    path = critical_path([Interval(s.span_id, s.parent_span_id, s.start_ns, s.end_ns, s.service_name) for s in spans])
    agents = _agents(spans)
    calls = _counted_model_calls(spans)
    root = spans[path.root] if path.root != NO_SPAN else min(spans, key=lambda s: (s.start_ns, s.span_id))
    first_agent = root.agent_name or next((s.agent_name for s in sorted(spans, key=_start) if s.agent_name), "")
    whole = _Tally()
    by_agent = {agent: _Tally() for agent in set(agents) if agent}
    for span, agent, model_call in zip(spans, agents, calls, strict=True):
        whole.add(span, model_call=model_call)
        if agent:
            by_agent[agent].add(span, model_call=model_call)
    _hand_overs(spans, agents, whole, by_agent)
    run = Run(
        project=project,
        trace_id=trace_id,
        root_span_id=root.span_id if path.root != NO_SPAN else "",
        root_name=root.name,
        root_operation=root.operation,
        service_name=root.service_name,
        service_version=root.service_version,
        agent_name=first_agent,
        agent_version=root.agent_version or _first(spans, "agent_version", first_agent),
        variant=root.variant or _first(spans, "variant"),
        environment=root.environment,
        conversation_id=root.conversation_id or _first(spans, "conversation_id"),
        user_id=root.user_id or _first(spans, "user_id"),
        start_ns=path.start_ns,
        duration_ns=path.duration_ns,
        spans=len(spans),
        llm_calls=whole.llm_calls,
        tool_calls=whole.tool_calls,
        errors=whole.errors,
        input_tokens=whole.input_tokens,
        output_tokens=whole.output_tokens,
        cost_usd=whole.cost_usd,
        complete=path.root != NO_SPAN,
        critical_path=tuple(
            _path_step(spans[s.place], agents[s.place], s.self_ns)
            if s.place != NO_SPAN
            else PathStep("", "", "other", root.service_name, "", "", "", s.self_ns)
            for s in path.steps
        ),
        models=_models(s for s, is_call in zip(spans, calls, strict=True) if is_call),
    )
    observations = [_observe(run, "", run.agent_version or run.service_version, whole, run.duration_ns)]
    for agent in sorted(by_agent):
        tally = by_agent[agent]
        observations.append(_observe(run, agent, tally.version(), tally, tally.wall_ns()))
    return run, tuple(observations)


@dataclass(slots=True)
class _Tally:
    """Sums over the spans of a run, or of one agent in it."""

    llm_calls: int = 0
    tool_calls: int = 0
    errors: int = 0
    refusals: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    output_chars: int = 0
    cost_usd: float = 0.0
    invocations_ns: int = 0
    start_ns: int = 2**63 - 1
    end_ns: int = 0
    agent_version: str = ""
    service_version: str = ""
    tools: Counter[str] = field(default_factory=Counter)
    finish_reasons: Counter[str] = field(default_factory=Counter)
    output_types: Counter[str] = field(default_factory=Counter)
    error_types: Counter[str] = field(default_factory=Counter)
    handovers: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)

    def add(self, span: RunSpan, *, model_call: bool) -> None:
        self.start_ns = min(self.start_ns, span.start_ns)
        self.end_ns = max(self.end_ns, span.end_ns)
        self.agent_version = self.agent_version or span.agent_version
        self.service_version = self.service_version or span.service_version
        if span.status_code == "error" or span.error_type:
            self.errors += 1
            self.error_types[span.error_type or "error"] += 1
        if span.operation == "tool":
            self.tool_calls += 1
            self.tools[span.tool_name or span.name] += 1
        if model_call:
            self._add_model_call(span)

    def _add_model_call(self, span: RunSpan) -> None:
        self.input_tokens += span.input_tokens
        self.output_tokens += span.output_tokens
        self.cost_usd += span.cost_usd
        if span.operation != "llm":
            return
        self.llm_calls += 1
        self.output_chars += span.output_chars
        if span.model:
            self.models[span.model] += 1
        if span.finish_reason:
            self.finish_reasons[span.finish_reason] += 1
        if span.output_type:
            self.output_types[span.output_type] += 1
        if span.finish_reason.lower() in REFUSALS or span.output_type.lower() in REFUSALS:
            self.refusals += 1

    def version(self) -> str:
        return self.agent_version or self.service_version

    def wall_ns(self) -> int:
        """The time of the agent's invocations, or from its first span to its last where it has none."""
        return self.invocations_ns or max(0, self.end_ns - self.start_ns)


def _start(span: RunSpan) -> tuple[int, str]:
    return span.start_ns, span.span_id


def _first(spans: Sequence[RunSpan], attribute: str, agent: str | None = None) -> str:
    for span in spans:
        value: str = getattr(span, attribute)
        if value and (agent is None or span.agent_name == agent):
            return value
    return ""


def _parents(spans: Sequence[RunSpan]) -> list[int]:
    places = {s.span_id: i for i, s in enumerate(spans)}
    return [places.get(s.parent_span_id, NO_SPAN) if s.parent_span_id else NO_SPAN for s in spans]


def _agents(spans: Sequence[RunSpan]) -> list[str]:
    """For each span the agent that it works for: its own, or the one of the nearest span above it that has one."""
    parents = _parents(spans)
    agents: list[str | None] = [s.agent_name or None for s in spans]
    for i in range(len(spans)):
        chain: list[int] = []
        at = i
        while at != NO_SPAN and agents[at] is None:
            agents[at] = ""  # stops a cycle; overwritten below
            chain.append(at)
            at = parents[at]
        found = "" if at == NO_SPAN else agents[at]
        for j in chain:
            agents[j] = found
    return [a or "" for a in agents]


def _counted_model_calls(spans: Sequence[RunSpan]) -> list[bool]:
    """Which spans are model calls whose tokens and money count.

    Two instrumentations of one call (a framework's and a client library's) make a model call below a model call with
    the same tokens twice; the outer one counts where it states any.
    """
    calls = [s.operation in MODEL_CALLS for s in spans]
    if sum(calls) < 2:  # one call cannot nest
        return calls
    parents = _parents(spans)
    counted = list(calls)
    for i, is_call in enumerate(calls):
        at, seen = parents[i], 0
        while is_call and at != NO_SPAN and seen < len(spans):
            if calls[at] and spans[at].input_tokens + spans[at].output_tokens > 0:
                counted[i] = False
                break
            at, seen = parents[at], seen + 1
    return counted


def _models(calls: Iterable[RunSpan]) -> tuple[ModelUse, ...]:
    by_model: dict[str, ModelUse] = {}
    for s in calls:
        use = by_model.get(s.model) or ModelUse(s.model, 0, 0, 0, 0.0)
        by_model[s.model] = ModelUse(
            s.model,
            use.calls + 1,
            use.input_tokens + s.input_tokens,
            use.output_tokens + s.output_tokens,
            use.cost_usd + s.cost_usd,
        )
    return tuple(by_model[model] for model in sorted(by_model))


def _hand_overs(spans: Sequence[RunSpan], agents: Sequence[str], whole: _Tally, by_agent: dict[str, _Tally]) -> None:
    """Who called whom; and how long each agent's outermost invocations took."""
    for i, parent in enumerate(_parents(spans)):
        if spans[i].operation != "agent" or not agents[i]:
            continue
        caller = agents[parent] if parent != NO_SPAN else ""
        if caller == agents[i]:
            continue
        by_agent[agents[i]].invocations_ns += max(0, spans[i].end_ns - spans[i].start_ns)
        if parent != NO_SPAN:
            (by_agent[caller] if caller else whole).handovers[agents[i]] += 1


def _path_step(span: RunSpan, agent: str, self_ns: int) -> PathStep:
    tool = (span.tool_name or span.name) if span.operation == "tool" else ""
    return PathStep(span.span_id, span.name, span.operation, span.service_name, agent, tool, span.model, self_ns)


def _observe(run: Run, agent: str, version: str, tally: _Tally, duration_ns: int) -> Observation:
    return Observation(
        project=run.project,
        service_name=run.service_name,
        agent_name=agent,
        version=version,
        environment=run.environment,
        variant=run.variant,
        trace_id=run.trace_id,
        session_id=run.conversation_id or run.trace_id,
        start_ns=tally.start_ns,
        end_ns=tally.end_ns,
        duration_ns=duration_ns,
        llm_calls=tally.llm_calls,
        tool_calls=tally.tool_calls,
        errors=tally.errors,
        refusals=tally.refusals,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        output_chars=tally.output_chars,
        cost_usd=tally.cost_usd,
        tools=tally.tools,
        finish_reasons=tally.finish_reasons,
        output_types=tally.output_types,
        error_types=tally.error_types,
        handovers=tally.handovers,
        models=tally.models,
    )
