"""The gates of a verdict: what was promised against what the launch did, and what follows from it. No I/O.

Day N judges the first N days (0..N-1). Each target that holds on the last of them is a gate, judged by marts.verdict_gates over
its own days: from its first day, or day 0 where the launch file gives none. Targets of one KPI whose days overlap are gates side by
side. A target for each week is as good as its worst week.

A gate is judged when each of its days was seen, or nothing can change the outcome any more: a count that broke its bound stays broken,
and of a level the last day alone decides. A count whose days run on beyond the verdict is kept so far, at risk, or not yet due. Until a
gate is judged it counts against "every gate is met", as do one under the minimum sample and one that nothing measured. A promise about
how incidents are handled asks nothing of days that were all seen and had none.

Proportions of people or tickets carry a Wilson interval (intervals.py). Uptime and error rate carry
none: seconds and requests fail together, and an interval for independent trials would promise far too much.

The recommendation, in this order:
  insufficient data  before one business cycle, or while a gate's domain is held or late, or if half of the gates cannot be judged
  roll back          a stability gate (kpis/*.yaml say which) is missed, and so are at least half of the judged gates
  pivot              a gate is missed: something has to change first, and the missed gates say what
  pivot              none is missed, and later users do not stay as the first ones did (mirage.py)
  insufficient data  no gate is missed, but not all of them could be judged
  scale              every gate is met, the guardrails (support, incidents, reliability, capacity) as well as use
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from postlaunch.reviews import formats

GateOutcome = Literal[
    "met", "missed", "at_risk", "undecided", "insufficient_data", "no_data", "nothing"
]  # nothing: all was seen, and nothing happened
Recommendation = Literal["scale", "pivot", "roll back", "insufficient data"]
PROVISIONAL_DAYS = 30  # up to here early use may be curiosity: the 30-day mirage


@dataclass(frozen=True)
class Gate:
    """One promise and what came of it. `low`..`high` is the 95 % Wilson interval of a proportion."""

    kpi_id: str
    subject_id: str
    segment_id: str
    name: str
    domain: str
    unit: str
    actual: float | None
    numerator: float | None
    denominator: float | None
    target: float | None  # None: relative to a phase that is not over
    comparator: str
    from_day: int
    to_day: int  # the last day that the verdict judges
    outcome: GateOutcome
    low: float | None = None
    high: float | None = None
    days_unseen: int = 0  # of the days from_day..to_day
    is_stability: bool = False
    denominator_unit: str = "count"
    period_kind: str = "phase"  # or each day, week, month, quarter that ended in these days; `actual` is the worst of them then
    periods: int = 0
    periods_met: int = 0
    due_day: int | None = None  # the last day of the target; None: for ever
    promise: str = ""  # the document and its words
    waits_for: str = ""  # a business cycle that is not over: what it came to so far decides nothing

    @property
    def is_clear(self) -> bool:
        """False when the interval includes the target: chance alone could have decided the gate."""
        return self.low is None or self.high is None or self.target is None or not self.low <= self.target <= self.high


@dataclass(frozen=True)
class Verdict:
    """A recommendation, why, and whether it may still turn."""

    recommendation: Recommendation
    reason: str
    is_provisional: bool


def recommend(
    gates: Sequence[Gate], day: int, cycle_days: int, unreliable: Sequence[str], *, is_peak_missing: bool = False, is_mirage: bool = False
) -> Verdict:
    """Apply the rule of this module.

    `unreliable`: domains that are held or late; `is_peak_missing`: the launch saw none of its peaks; `is_mirage`: later users stay less.
    """
    provisional = day <= PROVISIONAL_DAYS or is_peak_missing
    gates = [gate for gate in gates if gate.outcome != "nothing"]
    judged = [gate for gate in gates if gate.outcome in ("met", "missed")]
    missed = [gate for gate in judged if gate.outcome == "missed"]
    if obstacle := _obstacle(gates, judged, day, cycle_days, unreliable):
        return Verdict("insufficient data", obstacle, provisional)
    if any(gate.is_stability for gate in missed) and len(missed) * 2 >= len(judged):
        return Verdict("roll back", f"a stability gate is missed, and {_of(missed, judged)}{_blind(gates, judged)}", provisional)
    if missed:
        return Verdict("pivot", f"{_of(missed, judged)} missed{_blind(gates, judged)}", provisional)
    if is_mirage:
        return Verdict("pivot", f"later users do not stay as the first did, though no gate is missed{_blind(gates, judged)}", provisional)
    if len(judged) < len(gates):
        met = f"{len(judged)} of {len(gates)} gates {'is' if len(judged) == 1 else 'are'} met"
        return Verdict("insufficient data", f"only {met}{_blind(gates, judged)}", provisional)
    return Verdict("scale", f"every gate is met ({len(gates)} of {len(gates)})", provisional)


def _of(missed: Sequence[Gate], judged: Sequence[Gate]) -> str:
    return f"{len(missed)} of {len(judged)} judged gates {'is' if len(missed) == 1 else 'are'}"


def _blind(gates: Sequence[Gate], judged: Sequence[Gate]) -> str:
    """`, and uptime could not be judged`: what the others cannot speak for."""
    names = [formats.name_in_sentence(gate.name) for gate in gates if gate not in judged]
    return f", and {formats.listed(names)} could not be judged" if names else ""


def _obstacle(gates: Sequence[Gate], judged: Sequence[Gate], day: int, cycle_days: int, unreliable: Sequence[str]) -> str | None:
    """Why nothing can be recommended yet; None if it can."""
    blind = sorted({gate.domain for gate in gates} & set(unreliable))
    if day < cycle_days:
        return f"one business cycle is {cycle_days} days, and only {day} have passed"
    if blind:
        return f"the data of {' and '.join(blind)} is held or late"
    if not gates:
        return "the launch file promises nothing for this phase that could be measured"
    return f"only {len(judged)} of {len(gates)} gates could be judged" if len(judged) * 2 <= len(gates) else None
