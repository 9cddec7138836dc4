"""What a span does, in the words of the `operation` column."""

from __future__ import annotations

from typing import Final, Literal

Operation = Literal["agent", "workflow", "llm", "tool", "retrieval", "embedding", "guardrail", "evaluator", "other"]

OPERATIONS: Final[tuple[Operation, ...]] = (
    "agent", "workflow", "llm", "tool", "retrieval", "embedding", "guardrail", "evaluator", "other",
)  # fmt: skip

MODEL_CALLS: Final[frozenset[Operation]] = frozenset({"llm", "embedding"})
"""Tokens and money are counted on these and on nothing else: an agent's span repeats its children's sums."""
