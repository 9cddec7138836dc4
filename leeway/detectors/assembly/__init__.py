"""Runs and observations from spans, many runs at once: what `leeway.model.assemble_run` says of each, as frames.

`spans.py` lays the spans side by side, `trees.py` finds parents, agents and critical paths, `tallies.py` sums up,
`assembled.py` makes runs of it. What all of it means is the model's to say; what is odd, the model assembles.
"""

from leeway.detectors.assembly.assembled import Assembled, TraceKey, assemble, observation_frame, warm_up
from leeway.detectors.assembly.spans import RUN, with_spans

__all__ = ["RUN", "Assembled", "TraceKey", "assemble", "observation_frame", "warm_up", "with_spans"]
