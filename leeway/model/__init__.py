"""The nouns that every room of the house speaks of. Standard library only; no I/O, no clock."""

from leeway.model.failure import LeewayError, Rejected, Unavailable
from leeway.model.finding import Direction, Finding
from leeway.model.observation import Observation
from leeway.model.operation import MODEL_CALLS, OPERATIONS, Operation
from leeway.model.run import REFUSALS, Run, RunSpan, assemble_run
from leeway.model.signal import Signal
from leeway.model.stream import Stream

__all__ = [
    "MODEL_CALLS",
    "OPERATIONS",
    "REFUSALS",
    "Direction",
    "Finding",
    "LeewayError",
    "Observation",
    "Operation",
    "Rejected",
    "Run",
    "RunSpan",
    "Signal",
    "Stream",
    "Unavailable",
    "assemble_run",
]
