"""Which traces hold a span that somebody remembers something of."""

from leeway.storage.search.traces import Found, Wanted, find_traces

__all__ = ["Found", "Wanted", "find_traces"]
