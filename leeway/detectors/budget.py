"""The false-alarm budget: how much of it each stream may spend on each unit, so that all of them together keep it.

The user states a rate `a` (so many false alarms in so long). A detector that spends `c_t` on its t-th unit raises at
most `sum c_t` false alarms in expectation, for any `c` that does not look ahead (`bets.py`); expectations add over
streams. So it is enough that all spendings together never exceed `a` times the time that has passed:

- Steady watching. While time passes from t to t + dt, each of the K streams that exist then earns `(1 - r) a dt / K`,
  and spends on its next unit what it has earned since its last one. Over all streams that is `(1 - r) a dt`, however
  K changes: a stream that arrives lowers what the others earn from then on and takes back nothing that was promised.
  No run rate has to be estimated: a quick stream spends little on each of many units, a slow one much on each of few.
- Rollouts. The rest, `r a`, is put by in each agent's profile at the same pace. When a new version appears there, its
  streams are granted what has been put by, each its share: a rollout is when behaviour changes, so evidence that starts
  there needs to be less. (An e-detector whose prior over the time of change has a lump at the rollout.)

With K streams at u units a second a lasting stream's alarm level is about b = u K / ((1 - r) a): 23 in natural
logarithms for 100 streams, 40 units a second and one false alarm in 30 days; after a quiet week the rollout's lump
lowers that by 13.

Time comes from the observations alone and cannot be trusted: the clock follows at most `STEP_NS_MAX` for one
observation, and an observation that lies behind earns nothing. Budget that was not earned (idle nights, slow clocks)
is forfeited: the bound is on the safe side.

Sources: Shin, Ramdas & Rinaldo, "E-detectors" (the recursion, and mixtures over it); that expectations add under any
dependence is Wang & Ramdas' argument for averaging e-values. The split by elapsed time is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

SECOND_NS: Final = 10**9
STEP_NS_MAX: Final = 3_600 * SECOND_NS
BEHIND_MAX: Final = 20
"""After so many observations in a row far behind the clock, it is the clock that is wrong."""
PUT_BY_S_MAX: Final = 30 * 86_400.0


@dataclass(slots=True)
class Purse:
    """One agent's clock and what its streams have earned.

    Attributes:
        now_ns: The latest end time that was believed.
        earned_s: Seconds that passed, each divided by the streams that existed in it: what *one* stream has earned,
        before
            the rate is applied.
        put_by_s: The same, since the last rollout.
    """

    now_ns: int = 0
    earned_s: float = 0.0
    put_by_s: float = 0.0
    behind: int = 0

    def tick(self, end_ns: int, streams: int) -> None:
        """Time goes on.

        Args:
            streams: How many streams share the budget, of the whole installation.
        """
        step = end_ns - self.now_ns
        if self.now_ns == 0:
            self.now_ns = end_ns
        elif step > 0:
            self.behind = 0
            step = min(step, STEP_NS_MAX)
            self.now_ns += step
            share_s = step / SECOND_NS / max(1, streams)
            self.earned_s += share_s
            self.put_by_s = min(self.put_by_s + share_s, PUT_BY_S_MAX)
        elif step < -STEP_NS_MAX:
            self.behind += 1
            if self.behind >= BEHIND_MAX:
                self.now_ns, self.behind = end_ns, 0

    def take_put_by(self) -> float:
        """What each stream of a new version is granted, in seconds of its share; from then on it starts from
        nothing.
        """
        lump, self.put_by_s = self.put_by_s, 0.0
        return lump

    def state(self) -> list[object]:
        return [self.now_ns, self.earned_s, self.put_by_s, self.behind]

    @staticmethod
    def restored(s: list[Any]) -> Purse:
        return Purse(*s)
