"""Policies that people write as YAML: read with a line and a column for every mistake.

No matter of storage, but of both the collector and the alerts, and this is the room that they share.
"""

from leeway.storage.policy_file.file import Place, PolicyInvalid, Problem, Written, read, shown, validated

__all__ = ["Place", "PolicyInvalid", "Problem", "Written", "read", "shown", "validated"]
