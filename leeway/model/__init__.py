"""The nouns that every room of the house speaks of. Standard library only; no I/O, no clock."""

from leeway.model.failure import LeewayError, Rejected, Unavailable
from leeway.model.finding import Finding
from leeway.model.observation import Observation
from leeway.model.operation import MODEL_CALLS, OPERATIONS, Operation
from leeway.model.stream import Stream

__all__ = [
    "MODEL_CALLS",
    "OPERATIONS",
    "Finding",
    "LeewayError",
    "Observation",
    "Operation",
    "Rejected",
    "Stream",
    "Unavailable",
]
