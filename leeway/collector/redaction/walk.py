"""Every place of a request where text stands. Most messages are spared by a look at their bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from leeway.collector.otlp.wire import Parsed
from leeway.collector.redaction.policy import Compiled
from leeway.collector.redaction.rules import CONTENT
from leeway.collector.redaction.scrub import Dropped, Tally
from leeway.collector.redaction.values import redact_attributes, scrub_value
from leeway.model import Signal

_DATA: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
TOGETHER: Final = 64
"""Messages that are searched in one go; more would leave the processor's cache."""
EVENT_NAME: Final = "event.name"
"""The attribute that named a log record's event before there was a field for it."""


def redact_request(request: Parsed, signal: Signal, policy: Compiled, tally: Tally) -> bool:
    """Redact a request in place; whether anything changed."""
    walk = _Walk(policy, tally)
    {Signal.TRACES: walk.traces, Signal.LOGS: walk.logs, Signal.METRICS: walk.metrics}[signal](request)
    return bool(tally)


class _Walk:
    def __init__(self, policy: Compiled, tally: Tally) -> None:
        self._policy = policy
        self._tally = tally

    def traces(self, request: Parsed) -> None:
        for resource in request.resource_spans:
            self._resource(resource)
            for scope in resource.scope_spans:
                self._scope(scope)
                for span in self._concerned(scope.spans):
                    self._span(span)

    def logs(self, request: Parsed) -> None:
        for resource in request.resource_logs:
            self._resource(resource)
            for scope in resource.scope_logs:
                self._scope(scope)
                for record in self._concerned(scope.log_records):
                    self._record(record)

    def metrics(self, request: Parsed) -> None:
        for resource in request.resource_metrics:
            self._resource(resource)
            for scope in resource.scope_metrics:
                self._scope(scope)
                for metric in self._concerned(scope.metrics):
                    self._metric(metric)

    def _concerned(self, messages: Parsed) -> Iterator[Parsed]:
        # Serialising takes a fraction of the time that a visit to every attribute does.
        for first in range(0, len(messages), TOGETHER):
            some = messages[first : first + TOGETHER]
            for i in self._policy.concerned([m.SerializeToString() for m in some]):
                yield some[i]

    def _resource(self, message: Parsed) -> None:
        self._text(message, "schema_url")
        if message.HasField("resource"):
            self._attributes(message.resource)
            if _has(message.resource, "entity_refs") and any(self._concerned(message.resource.entity_refs)):
                message.resource.ClearField("entity_refs")  # names of attributes; stored nowhere but in the spool

    def _scope(self, message: Parsed) -> None:
        self._text(message, "schema_url")
        if message.HasField("scope"):
            self._text(message.scope, "name", "version")
            self._attributes(message.scope)

    def _span(self, span: Parsed) -> None:
        self._text(span, "name", "trace_state")
        if span.HasField("status"):
            self._text(span.status, "message")
        self._attributes(span)
        for event in span.events:
            self._attributes(event, in_content=self._is_content(event.name))
            self._text(event, "name")
        for link in span.links:
            self._text(link, "trace_state")
            self._attributes(link)

    def _record(self, record: Parsed) -> None:
        name = record.event_name or next((a.value.string_value for a in record.attributes if a.key == EVENT_NAME), "")
        in_content = self._is_content(name)
        if record.HasField("body"):
            if in_content:
                record.ClearField("body")
                self._tally[CONTENT, "drop"] += 1
            else:
                try:
                    scrub_value(record.body, self._policy.scrubber, self._tally)
                except Dropped:
                    record.ClearField("body")
        self._attributes(record, in_content=in_content)
        self._text(record, "event_name", "severity_text")

    def _metric(self, metric: Parsed) -> None:
        self._text(metric, "name", "description", "unit")
        self._list(metric, "metadata")
        data = next((getattr(metric, kind) for kind in _DATA if _has(metric, kind) and metric.HasField(kind)), None)
        for point in data.data_points if data is not None else ():
            self._attributes(point)
            for exemplar in point.exemplars if _has(point, "exemplars") else ():
                self._list(exemplar, "filtered_attributes")

    def _attributes(self, owner: Parsed, *, in_content: bool = False) -> None:
        dropped = redact_attributes(owner.attributes, self._policy, self._tally, in_content=in_content)
        if dropped and _has(owner, "dropped_attributes_count"):
            owner.dropped_attributes_count = min(owner.dropped_attributes_count + dropped, 2**32 - 1)

    def _list(self, owner: Parsed, field: str) -> None:
        if _has(owner, field):
            redact_attributes(getattr(owner, field), self._policy, self._tally)

    def _text(self, owner: Parsed, *fields: str) -> None:
        """Texts that are no attributes; one that must not be kept is emptied."""
        for field in fields:
            if not _has(owner, field):
                continue
            before = getattr(owner, field)
            if not before:
                continue
            try:
                after = self._policy.scrubber.text(before, self._tally)
            except Dropped:
                after = ""
            if after != before:
                setattr(owner, field, after)

    def _is_content(self, name: str) -> bool:
        content = self._policy.content
        return content is not None and content.is_event(name)


def _has(message: Parsed, field: str) -> bool:
    """Whether the schema has the field: not every message of every signal has all."""
    return field in message.DESCRIPTOR.fields_by_name
