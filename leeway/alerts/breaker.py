"""The breaker's state machine: a table, its guards, and nothing else.

Time comes with each event, state goes in and comes out; nothing is read from a clock, a file or a database. A breaker's
state is therefore what its log of events says, and reading the log again (`replay`) gives the same state.

Words: *open* means that the subject should not run. *Half open* lets one probe through for each cooldown. A *silence*
keeps findings from opening a closed breaker; it never holds back what a person does. An *approval* says that a drift is
expected: findings of the same signals do not open the breaker again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import ClassVar, Final, Literal, assert_never

State = Literal["closed", "open", "half_open"]
STATES: Final[tuple[State, ...]] = ("closed", "open", "half_open")


class Effect(Enum):
    """What follows from an event."""

    NOTHING = "nothing"
    """The log does not even mention it."""
    RECORD = "record"
    """It goes into the log; nobody is told."""
    NOTIFY = "notify"
    """It goes into the log, and the rule's webhooks are sent."""


@dataclass(frozen=True, slots=True)
class FindingMatched:
    """A rule says that a finding opens this breaker."""

    kind: ClassVar = "finding_matched"
    at_ns: int
    finding_ids: tuple[str, ...]
    signals: frozenset[str]
    headline: str
    cooldown_ns: int


@dataclass(frozen=True, slots=True)
class CooldownOver:
    """The rule's cooldown may have passed since the breaker opened."""

    kind: ClassVar = "cooldown_over"
    at_ns: int


@dataclass(frozen=True, slots=True)
class ProbeAsked:
    """Somebody asks to run the subject once."""

    kind: ClassVar = "probe_asked"
    at_ns: int


@dataclass(frozen=True, slots=True)
class ProbeHealthy:
    """The subject has had as many runs without a finding as its rule asks for."""

    kind: ClassVar = "probe_healthy"
    at_ns: int
    runs: int


@dataclass(frozen=True, slots=True)
class ProbeUnhealthy:
    """The run that was let through has failed."""

    kind: ClassVar = "probe_unhealthy"
    at_ns: int
    why: str


@dataclass(frozen=True, slots=True)
class TrafficLeft:
    """No span of the subject has come for as long as its rule says."""

    kind: ClassVar = "traffic_left"
    at_ns: int
    why: str


@dataclass(frozen=True, slots=True)
class PersonOpens:
    kind: ClassVar = "person_opens"
    at_ns: int
    why: str
    cooldown_ns: int


@dataclass(frozen=True, slots=True)
class PersonCloses:
    kind: ClassVar = "person_closes"
    at_ns: int
    why: str


@dataclass(frozen=True, slots=True)
class PersonApproves:
    kind: ClassVar = "person_approves"
    at_ns: int
    why: str
    signals: frozenset[str]


@dataclass(frozen=True, slots=True)
class PersonSilences:
    kind: ClassVar = "person_silences"
    at_ns: int
    why: str
    until_ns: int


Event = (
    FindingMatched
    | CooldownOver
    | ProbeAsked
    | ProbeHealthy
    | ProbeUnhealthy
    | TrafficLeft
    | PersonOpens
    | PersonCloses
    | PersonApproves
    | PersonSilences
)
EVENTS: Final[tuple[type[Event], ...]] = (
    FindingMatched,
    CooldownOver,
    ProbeAsked,
    ProbeHealthy,
    ProbeUnhealthy,
    TrafficLeft,
    PersonOpens,
    PersonCloses,
    PersonApproves,
    PersonSilences,
)

# fmt: off
TABLE: Final[dict[tuple[State, type[Event]], tuple[State, Effect, str]]] = {
    ("closed",    FindingMatched): ("open",      Effect.NOTIFY,  "opened"),
    ("closed",    CooldownOver):   ("closed",    Effect.NOTHING, "already closed"),
    ("closed",    ProbeAsked):     ("closed",    Effect.NOTHING, "closed: needs no probe"),
    ("closed",    ProbeHealthy):   ("closed",    Effect.NOTHING, "already closed"),
    ("closed",    ProbeUnhealthy): ("closed",    Effect.NOTHING, "already closed"),
    ("closed",    TrafficLeft):    ("closed",    Effect.NOTHING, "already closed"),
    ("closed",    PersonOpens):    ("open",      Effect.NOTIFY,  "opened by a person"),
    ("closed",    PersonCloses):   ("closed",    Effect.NOTHING, "already closed"),
    ("closed",    PersonApproves): ("closed",    Effect.NOTHING, "closed: there is nothing to approve"),
    ("closed",    PersonSilences): ("closed",    Effect.RECORD,  "silenced by a person"),
    ("open",      FindingMatched): ("open",      Effect.NOTHING, "already open"),
    ("open",      CooldownOver):   ("half_open", Effect.RECORD,  "the cooldown is over"),
    ("open",      ProbeAsked):     ("open",      Effect.NOTHING, "open: no probe before the cooldown is over"),
    ("open",      ProbeHealthy):   ("closed",    Effect.NOTIFY,  "healthy again"),
    ("open",      ProbeUnhealthy): ("open",      Effect.NOTHING, "already open"),
    ("open",      TrafficLeft):    ("closed",    Effect.NOTIFY,  "traffic left"),
    ("open",      PersonOpens):    ("open",      Effect.NOTHING, "already open"),
    ("open",      PersonCloses):   ("closed",    Effect.NOTIFY,  "closed by a person"),
    ("open",      PersonApproves): ("closed",    Effect.NOTIFY,  "approved by a person"),
    ("open",      PersonSilences): ("open",      Effect.RECORD,  "silenced by a person"),
    ("half_open", FindingMatched): ("open",      Effect.NOTIFY,  "opened again"),
    ("half_open", CooldownOver):   ("half_open", Effect.NOTHING, "already half open"),
    ("half_open", ProbeAsked):     ("half_open", Effect.RECORD,  "probe admitted"),
    ("half_open", ProbeHealthy):   ("closed",    Effect.NOTIFY,  "healthy again"),
    ("half_open", ProbeUnhealthy): ("open",      Effect.NOTIFY,  "the probe failed"),
    ("half_open", TrafficLeft):    ("closed",    Effect.NOTIFY,  "traffic left"),
    ("half_open", PersonOpens):    ("open",      Effect.NOTIFY,  "opened by a person"),
    ("half_open", PersonCloses):   ("closed",    Effect.NOTIFY,  "closed by a person"),
    ("half_open", PersonApproves): ("closed",    Effect.NOTIFY,  "approved by a person"),
    ("half_open", PersonSilences): ("half_open", Effect.RECORD,  "silenced by a person"),
}
# fmt: on
"""(state, event) to (next state, effect, reason), once the guards let the event through."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """All that decides; times are Unix nanoseconds and 0 where there is none."""

    state: State = "closed"
    changed_ns: int = 0
    """When `state` became what it is."""
    cooldown_ns: int = 0
    """Of the rule, or person, that opened it last; 0: it stays open until somebody or something closes it."""
    probe_ns: int = 0
    """When the last probe was let through since it is half open."""
    silenced_until_ns: int = 0
    approved: frozenset[str] = frozenset()
    """Signals whose drift a person expects."""


NEW: Final = Breaker()
"""A breaker that nothing has happened to."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What an event came to.

    Attributes:
        breaker: What it is now.
        was: The state it was in.
        reason: For a person; the text before the first ': ' is stable.
    """

    breaker: Breaker
    was: State
    effect: Effect
    reason: str

    @property
    def changed(self) -> bool:
        """Whether the state is another one."""
        return self.breaker.state != self.was


def decide(breaker: Breaker, event: Event) -> Decision:
    """What `event` does to `breaker`."""
    refused = _guard(breaker, event)
    if refused:
        return Decision(breaker, breaker.state, Effect.NOTHING, refused)
    state, effect, reason = TABLE[breaker.state, type(event)]
    if effect is Effect.NOTHING:
        return Decision(breaker, breaker.state, effect, reason)
    after = replace(breaker, state=state)
    if state != breaker.state:
        after = replace(after, changed_ns=event.at_ns, probe_ns=0)
    why = ""
    match event:
        case FindingMatched():
            after, why = replace(after, cooldown_ns=event.cooldown_ns), event.headline
        case PersonOpens():
            after, why = replace(after, cooldown_ns=event.cooldown_ns), event.why
        case ProbeAsked():
            after = replace(after, probe_ns=event.at_ns)
        case ProbeHealthy():
            why = f"{event.runs} runs without a new finding"
        case PersonApproves():
            after, why = replace(after, approved=breaker.approved | event.signals), event.why
        case PersonSilences():
            after, why = replace(after, silenced_until_ns=event.until_ns), event.why
        case ProbeUnhealthy() | TrafficLeft() | PersonCloses():
            why = event.why
        case CooldownOver():
            pass
        case _:
            assert_never(event)
    return Decision(after, breaker.state, effect, f"{reason}: {why}" if why else reason)


def _guard(breaker: Breaker, event: Event) -> str:
    """Why this event, in this state, comes to nothing now; '' where it does not."""
    match event:
        case FindingMatched() if breaker.state == "closed" and event.at_ns < breaker.silenced_until_ns:
            return "silenced"
        case FindingMatched() if breaker.state == "closed" and event.signals and event.signals <= breaker.approved:
            return "approved: a person expects this drift"
        case CooldownOver() if breaker.state == "open" and event.at_ns < breaker.changed_ns + breaker.cooldown_ns:
            return "the cooldown is not over"
        case CooldownOver() if breaker.state == "open" and not breaker.cooldown_ns:
            return "there is no cooldown: a person decides"
        case ProbeAsked() if breaker.state == "half_open" and event.at_ns < _next_probe_ns(breaker):
            return "half open: this cooldown's probe is under way"
        case ProbeUnhealthy() if breaker.state == "half_open" and not breaker.probe_ns:
            return "half open: no probe was let through"
        case _:
            return ""


def _next_probe_ns(breaker: Breaker) -> int:
    return breaker.probe_ns + breaker.cooldown_ns if breaker.probe_ns else 0


def may_run(breaker: Breaker) -> bool:
    """Whether the subject may run freely; a half-open one only as a probe."""
    return breaker.state == "closed"


def replay(events: Iterable[Event], breaker: Breaker = NEW) -> Breaker:
    """The state that a log of events leads to."""
    for event in events:
        breaker = decide(breaker, event).breaker
    return breaker
