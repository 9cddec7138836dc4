"""A mistake of the person who started us: one clear line, exit status 2."""

from __future__ import annotations

from leeway.model import Rejected


class Mistake(Rejected):
    """A setting, flag or file that cannot be used. The message names the key, the value, and what would be right."""
