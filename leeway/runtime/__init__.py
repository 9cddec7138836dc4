"""The command line, the composition of settings, and the lifecycle of processes. Nothing imports this room."""

from leeway.runtime.cli import main

__all__ = ["main"]
