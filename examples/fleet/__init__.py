"""A small fleet of agents that emit OpenTelemetry as real ones do, and a rollout that decides which version serves."""

from examples.fleet.profiles import PROFILES, V1, V2, Profile
from examples.fleet.rollout import Rollout, Shift
from examples.fleet.telemetry import Sent, Telemetry, otlp
from examples.fleet.traffic import Traffic
from examples.fleet.travel_desk import AGENTS, SERVICE, Request, plan_run, request

__all__ = [
    "AGENTS",
    "PROFILES",
    "SERVICE",
    "V1",
    "V2",
    "Profile",
    "Request",
    "Rollout",
    "Sent",
    "Shift",
    "Telemetry",
    "Traffic",
    "otlp",
    "plan_run",
    "request",
]
