"""Stored spans priced anew, and the models that have no price."""

from leeway.storage.repricing.reprice import Change, Unpriced, changes, reprice, unpriced

__all__ = ["Change", "Unpriced", "changes", "reprice", "unpriced"]
