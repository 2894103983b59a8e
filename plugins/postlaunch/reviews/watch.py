"""What gets worse although no target says so: the guard against looking at the good numbers only.

A KPI that no target speaks for is watched when it is worse than the period before (a day: than the same day a week ago) by
more than noise, or when the next scaling trigger is near. Judged on enough people, tickets or events only: the launch's
minimum sample. A period that still runs is not judged here either.
"""

from __future__ import annotations

from collections.abc import Sequence

from postlaunch.reviews import formats, sentences
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import KpiValue

POINTS = 0.05  # a proportion is worse by five percentage points
SHARE = 0.25  # everything else by a quarter
NEAR_DAYS = 30  # until a scaling trigger: time to buy and set up what is missing


def watched(metrics: Sequence[KpiValue], period: Period, minimum_sample: int) -> list[KpiValue]:
    """KPIs that have no target, or one that is not decided, and still need eyes: quotas at risk, a near trigger, what got worse most."""
    at_risk = [metric for metric in metrics if metric.status == "at_risk"]
    silent = [metric for metric in metrics if not metric.is_judged and metric not in at_risk]
    near = [metric for metric in silent if is_near(metric)]
    worse = [metric for metric in silent if metric not in near and _is_worse(metric, period, minimum_sample)]
    return at_risk + near + sorted(worse, key=lambda metric: improvement(metric, before(metric, period), minimum_sample))


def is_near(metric: KpiValue) -> bool:
    """Whether this is the next scaling trigger, and it is near."""
    return metric.is_countdown and metric.value is not None and metric.value < NEAR_DAYS


def before(metric: KpiValue, period: Period) -> float | None:
    """What a value is compared with: the same day a week ago, because days of the week differ, else the period before."""
    return metric.week_ago if period.kind == "daily" else metric.previous


def line(metric: KpiValue, period: Period) -> str:
    """`First replies in time: 63.1 %, was 95.2 % (n 122)`."""
    if metric.status == "at_risk":
        return f"{metric.label}: {sentences.quota(metric)}, used up faster than its days pass"
    if is_near(metric):
        return trigger(metric)
    now, then = formats.value(metric.value, metric.unit), formats.value(before(metric, period), metric.unit)
    return f"{metric.label}: {now}, {'a week ago' if period.kind == 'daily' else 'was'} {then}{sentences.sample(metric)}"


def trigger(metric: KpiValue) -> str:
    """`Redis memory: the next scaling trigger is 8 days away`."""
    name = f"{metric.subject}: the" if metric.subject else "The"
    away = "is reached" if metric.value == 0 else f"is {formats.value(metric.value, metric.unit)} away"
    return f"{name} next scaling trigger {away}"


def improvement(metric: KpiValue, was: float | None, minimum_sample: int) -> float:
    """Relative change for the better (worse: negative); 0 where it cannot be told, or too few to tell it from chance."""
    if metric.value is None or not was or not metric.is_complete or metric.status == "insufficient_data" or metric.is_volume:
        return 0.0
    judged = max(metric.value, was) if metric.unit == "count" else metric.denominator
    if judged is not None and judged < minimum_sample:
        return 0.0
    change = metric.value / was - 1
    return change if metric.better == "higher" else -change


def _is_worse(metric: KpiValue, period: Period, minimum_sample: int) -> bool:
    if metric.is_countdown:  # worth eyes by its nearness only
        return False
    was = before(metric, period)
    gain = improvement(metric, was, minimum_sample)
    if metric.needs_sample:
        return gain < 0 and abs((metric.value or 0) - (was or 0)) >= POINTS
    return gain <= -SHARE
