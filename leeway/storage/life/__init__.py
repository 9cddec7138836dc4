"""How long things live: the old goes, what somebody asks to forget goes, and all of it can be kept elsewhere."""

from leeway.storage.life.backup import Backup, backup, restore
from leeway.storage.life.content import dropped
from leeway.storage.life.deletion import Forget, Forgotten, forget
from leeway.storage.life.retention import Policy, RetentionInvalid, Step, apply, load_policy, partitions, plan

__all__ = [
    "Backup",
    "Forget",
    "Forgotten",
    "Policy",
    "RetentionInvalid",
    "Step",
    "apply",
    "backup",
    "dropped",
    "forget",
    "load_policy",
    "partitions",
    "plan",
    "restore",
]
