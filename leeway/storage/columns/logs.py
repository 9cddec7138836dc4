"""Framed OTLP logs to a block of `log_rows`, ready to INSERT in ClickHouse's Native format."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.storage.claims import Claim
from leeway.storage.columns import messages, native, repeated
from leeway.storage.columns.attributes import Attributes, attributes, values, wanted
from leeway.storage.columns.layout import Layout, layout
from leeway.storage.columns.messages import Plain, plain
from leeway.storage.columns.native import low_cardinality, numbers
from leeway.storage.columns.said import plain_sources
from leeway.storage.columns.surroundings import (
    RESOURCE_ATTRIBUTES,
    Named,
    held,
    identity,
    nanoseconds,
    of_resources,
    of_scopes,
    positions,
    scope_names,
)  # fmt: skip
from leeway.storage.columns.texts import Texts
from leeway.storage.conventions import Conventions

_ATTRIBUTES: Final = (6,)
_OF_RECORD: Final = ("agent_name", "conversation_id", "event_name")
_OF_RESOURCE: Final = ("service_name", "service_version", "environment")
_EVENT_NAME: Final = ((0, "event.name"),)
"""Before records had an event_name, an attribute carried it."""


class LogDecoder:
    """Decodes by one table of conventions; safe to share between threads."""

    def __init__(self, conventions: Conventions) -> None:
        columns = {column.name: plain_sources(column) for column in conventions.columns}
        self._of_record = wanted([columns["agent_name"], columns["conversation_id"], _EVENT_NAME])
        self._of_resource = wanted([columns[name] for name in _OF_RESOURCE], literal=True)

    def block(self, framed: bytes, claim: Claim) -> bytes:
        """The rows of framed ResourceLogs.

        Returns:
            A block in Native format, no bytes at all if there are no rows.

        Raises:
            ValueError: The bytes are not framed ResourceLogs, or their rows would repeat too much.
        """
        data = np.frombuffer(framed, np.uint8)
        found = layout(data)
        claim(repeated.decoding_bytes(len(data), repeated.of_rows(found, found.item_scope)))
        if not len(found.item_starts):
            return b""
        resource_of = found.scope_resource[found.item_scope]
        own = attributes(data, found.item_starts, found.item_ends, _ATTRIBUTES, self._of_record)
        resources = attributes(data, found.resource_starts, found.resource_ends, RESOURCE_ATTRIBUTES, self._of_resource)
        records = plain(data, found.item_starts, found.item_ends, messages.LOG_RECORD)
        scope_name, scope_version = scope_names(data, found)
        agent_name, conversation_id, event_name = (
            Texts.read(own.texts, *own.winners(place)) for place in range(len(_OF_RECORD))
        )
        columns = [
            *_as_sent(data, found, records, resource_of, event_name),
            ("agent_name", low_cardinality(agent_name)),
            ("conversation_id", native.plain_strings(conversation_id)),
            *_said(resources, resource_of),
            ("scope_name", low_cardinality(scope_name)),
            ("scope_version", low_cardinality(scope_version)),
            *held("", own),
            *held("resource_", resources.take(resource_of)),
            *of_scopes(data, found),
            *of_resources(data, found, resource_of),
            *identity(data, found, resource_of, positions(resource_of)),
        ]
        return native.block(len(found.item_starts), columns)


def _as_sent(
    data: NDArray[np.uint8], found: Layout, records: Plain, resource_of: NDArray[np.int64], event_name: Texts
) -> Named:
    sent = dict(zip(messages.LOG_RECORD_NUMBERS, records.numbers, strict=True))
    time, observed = sent["time_unix_nano"], sent["observed_time_unix_nano"]
    # A record need not say when it happened; then it counts from when it was seen.
    seen = np.where(observed != 0, observed, found.received_ns[resource_of])
    yield "timestamp", numbers(nanoseconds(np.where(time != 0, time, seen)), native.TIME)
    yield "observed_timestamp", numbers(nanoseconds(observed), native.TIME)
    texts = dict(zip(messages.LOG_RECORD_TEXTS, zip(records.starts, records.ends, strict=True), strict=True))
    for name in ("trace_id", "span_id"):
        yield name, native.identity(data, *texts[name])
    yield "severity_text", low_cardinality(Texts.read(data, *texts["severity_text"]))
    yield "event_name", low_cardinality(Texts.read(data, *texts["event_name"]).or_else(event_name))
    yield "severity_number", numbers(sent["severity_number"].astype(np.int32), "Int32")
    for name in ("flags", "dropped_attributes"):
        yield name, numbers(sent[name].astype(np.uint32), "UInt32")
    bodies = values(data, *texts["body"])
    yield "body", native.Column("String", [bodies.texts.data])
    yield "body_type", numbers(bodies.kinds, "UInt8")


def _said(resources: Attributes, resource_of: NDArray[np.int64]) -> Named:
    for place, name in enumerate(_OF_RESOURCE):
        yield name, low_cardinality(Texts.read(resources.texts, *resources.winners(place)).take(resource_of))
