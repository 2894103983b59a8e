"""The gates of a verdict: what was promised against what the launch did, and what follows from it. No I/O.

Day N judges the first N days (0..N-1). Each KPI with a target on the last of them is a gate, judged over the phase of that
target: from the phase's first day, or day 0 where the launch file gives none. Ratios and means are ratios of sums, p95 comes from
merged buckets, counts are summed, levels are those of the last day.

Proportions of people or tickets carry a Wilson interval (intervals.py). Uptime and error rate carry
none: seconds and requests fail together, and an interval for independent trials would promise far too much.

The recommendation, in this order:
  insufficient data  before one business cycle, or while a gate's domain is held or late, or if half of the gates cannot be judged
  roll back          a stability gate (uptime, error rate, P0 incidents) is missed, and so are at least half of the judged gates
  scale              every judged gate is met, the guardrails (support, incidents, reliability, capacity) as well as use
  pivot              otherwise: something has to change first, and the missed gates say what
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["met", "missed", "insufficient_data", "no_data"]
Recommendation = Literal["scale", "pivot", "roll back", "insufficient data"]
STABILITY = ("uptime", "error_rate", "incidents_p0")
PROVISIONAL_DAYS = 30


@dataclass(frozen=True)
class Gate:
    """One promise and what came of it. `low`..`high` is the 95 % Wilson interval of a proportion."""

    kpi_id: str
    name: str
    domain: str
    unit: str
    actual: float | None
    numerator: float | None
    denominator: float | None
    target: float
    comparator: str
    from_day: int
    to_day: int
    outcome: Outcome
    low: float | None = None
    high: float | None = None

    @property
    def is_clear(self) -> bool:
        """False when the interval includes the target: chance alone could have decided the gate."""
        return self.low is None or self.high is None or not self.low <= self.target <= self.high


@dataclass(frozen=True)
class Verdict:
    """A recommendation, why, and whether it may still turn."""

    recommendation: Recommendation
    reason: str
    is_provisional: bool


def outcome(actual: float | None, denominator: float | None, target: float, comparator: str, minimum: int | None) -> Outcome:
    """Met or missed; not judged without data, nor under `minimum` people or tickets (None: no minimum)."""
    if minimum is not None and denominator is not None and denominator < minimum:
        return "no_data" if denominator == 0 else "insufficient_data"
    if actual is None:
        return "no_data"
    kept = actual >= target if comparator == ">=" else actual <= target
    return "met" if kept else "missed"


def recommend(gates: Sequence[Gate], day: int, cycle_days: int, unreliable: Sequence[str]) -> Verdict:
    """Apply the rule of this module. `unreliable`: domains that are held or late."""
    provisional = day <= PROVISIONAL_DAYS
    judged = [gate for gate in gates if gate.outcome in ("met", "missed")]
    missed = [gate for gate in judged if gate.outcome == "missed"]
    if obstacle := _obstacle(gates, judged, day, cycle_days, unreliable):
        return Verdict("insufficient data", obstacle, provisional)
    if not missed:
        return Verdict("scale", f"every gate that could be judged is met ({len(judged)} of {len(gates)})", provisional)
    if any(gate.kpi_id in STABILITY for gate in missed) and len(missed) * 2 >= len(judged):
        return Verdict("roll back", f"a stability gate is missed, and {_of(missed, judged)}", provisional)
    return Verdict("pivot", f"{_of(missed, judged)} missed", provisional)


def _of(missed: Sequence[Gate], judged: Sequence[Gate]) -> str:
    return f"{len(missed)} of {len(judged)} judged gates {'is' if len(missed) == 1 else 'are'}"


def _obstacle(gates: Sequence[Gate], judged: Sequence[Gate], day: int, cycle_days: int, unreliable: Sequence[str]) -> str | None:
    """Why nothing can be recommended yet; None if it can."""
    blind = sorted({gate.domain for gate in gates} & set(unreliable))
    if day < cycle_days:
        return f"one business cycle is {cycle_days} days, and only {day} have passed"
    if blind:
        return f"the data of {' and '.join(blind)} is held or late"
    if not gates:
        return "the launch file promises nothing for this phase"
    return f"only {len(judged)} of {len(gates)} gates could be judged" if len(judged) * 2 <= len(gates) else None
