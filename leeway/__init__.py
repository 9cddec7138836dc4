"""Leeway watches fleets of LLM agents, finds when their behaviour drifts, and acts on it."""
