"""From findings to action: rules, breakers, signed webhooks, and the control API."""

from leeway.alerts.deliveries import resend
from leeway.alerts.hindsight import Outcome, hindsight
from leeway.alerts.rules import Rules
from leeway.alerts.rules_file import load_rules
from leeway.alerts.service import run
from leeway.alerts.settings import Settings

__all__ = ["Outcome", "Rules", "Settings", "hindsight", "load_rules", "resend", "run"]
