"""A launch whose KPIs are its own: PromQL of each kind, facts, and ratios of KPIs, over the same 45 days as metric_cases.

What each comes to is worked out here from the words of the launch file's documentation.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from tests.dbt.operations import metric_cases
from tests.dbt.operations.metric_cases import DATES, FIRST, LAST, LAUNCH_DATE, SILENT_DATE, histogram_quantile, moments
from tests.dbt.operations.raw_rows import Place, Sample

PLACE = Place("declared", metric_cases.PLACE.zone)
COST = [[dt.date(2026, 2, 28), 900.0], [dt.date(2026, 3, 31), 1100.0]]  # booked on the last day; March is not over when the data end
COVERAGE = [[dt.date(2026, 2, 3), 0.7], [dt.date(2026, 2, 9), 0.8]]  # nobody renewed it: it speaks until March 12
BUGS = [[dt.date(2026, 2, 5), 3.0], [dt.date(2026, 2, 6), 5.0], [dt.date(2026, 2, 17), 1.0]]
HELD_UNTIL = dt.date(2026, 3, 12)
QUANTILES = {"lag_p50": 0.5, "lag_p95": 0.95, "lag_p99": 0.99}


def _promql(kpi: str, unit: str, **measure: Any) -> dict[str, Any]:
    return {"kpi": kpi, "unit": unit, "better": "lower", "measure": {"prometheus": {"query": kpi, **measure}}}


KPIS: list[dict[str, Any]] = [
    _promql("lag", "count", kind="gauge"),
    _promql("lag_max", "count", kind="gauge", read="max"),
    _promql("lag_min", "count", kind="gauge", read="min"),
    *(_promql(kpi, "count", kind="gauge", read=kpi.removeprefix("lag_")) for kpi in QUANTILES),
    _promql("restarts", "count", kind="counter"),
    _promql("hit_rate", "ratio", kind="ratio"),
    _promql("average_seconds", "seconds", kind="ratio", of="seconds_count"),
    _promql("query_p95", "seconds", kind="histogram"),
    _promql("unseen", "count", kind="counter"),
    {
        "kpi": "cost",
        "unit": "usd",
        "better": "lower",
        "domain": "capacity",
        "measure": {"facts": {"rows": COST, "read": "sum", "each": "month"}},
    },
    {"kpi": "test_coverage", "unit": "ratio", "better": "higher", "domain": "reliability", "measure": {"facts": {"rows": COVERAGE}}},
    {"kpi": "bugs", "unit": "count", "better": "lower", "domain": "reliability", "measure": {"facts": {"rows": BUGS, "read": "mean"}}},
    {"kpi": "restarts_by_lag", "unit": "ratio", "better": "lower", "measure": {"ratio": ["restarts", "lag"], "per": 1000}},
    {"kpi": "cost_by_restart", "unit": "usd", "better": "lower", "measure": {"ratio": ["cost", "restarts"]}},
]
PLANNED = {"restarts": 40.0, "hit_rate": 0.9, "cost": 1500.0}
MONTH_2 = LAUNCH_DATE + dt.timedelta(days=30)
FILE = {
    "date": LAUNCH_DATE,
    "timezone": PLACE.zone.key,
    "prometheus": {"step_seconds": metric_cases.STEP},
    "kpis": KPIS,
    "plan": [
        {"month": 2, "values": {"hit_rate": PLANNED["hit_rate"], "cost": PLANNED["cost"]}, "per_day": {"restarts": PLANNED["restarts"]}},
        {"month": 3, "values": {"restarts": 80.0}},
    ],
}


def samples(seed: int = 17) -> list[Sample]:
    """What the server answers, an hour apart, of two instances; a counter restarts now and then."""
    chance = random.Random(seed)
    found: list[Sample] = []
    counters: dict[tuple[str, str], float] = defaultdict(float)
    for number, (moment, date) in enumerate(moments()):
        for instance in ("one", "two"):
            if date == SILENT_DATE:
                continue
            labels = (("instance", instance),)
            lag = math.nan if chance.random() < 0.01 else chance.choice([0.0, -3.25, 7.0, chance.lognormvariate(4, 3)])
            found += [Sample(f"{kpi}.value.gauge", labels, moment, lag) for kpi in ("lag", "lag_max", "lag_min", *QUANTILES)]
            found.append(Sample("hit_rate.value.gauge", labels, moment, chance.random()))
            if chance.random() < 0.03:
                for key in [key for key in counters if key[0] == instance]:
                    counters[key] = 0.0
            counters[instance, "restarts"] += number % 29 == 0
            counters[instance, "calls"] += (calls := chance.randrange(50))
            counters[instance, "seconds"] += calls * chance.random()
            found.append(Sample("restarts.value.counter", labels, moment, counters[instance, "restarts"]))
            found.append(Sample("average_seconds.good.counter", labels, moment, counters[instance, "seconds"]))
            found.append(Sample("average_seconds.of.counter", labels, moment, counters[instance, "calls"]))
            total = 0
            for bound, share in zip(metric_cases.BOUNDS, (30, 60, 20, 6, 3), strict=True):
                total += chance.randrange(share)
                counters[instance, bound] += total
                found.append(Sample("query_p95.value.histogram", (*labels, ("le", bound)), moment, counters[instance, bound]))
    return found


class Truth:
    """What each KPI comes to over some dates; None is no data."""

    def __init__(self, found: list[Sample]) -> None:
        self._points: dict[str, dict[dt.date, list[float]]] = defaultdict(lambda: defaultdict(list))
        for sample in found:
            if sample.metric_id.endswith(".gauge") and not math.isnan(sample.value):
                self._points[sample.metric_id.partition(".")[0]][metric_cases.local_date(sample)].append(sample.value)
        self._grown = {
            name: metric_cases.increases(found, f"{name}.counter")
            for name in ("restarts.value", "average_seconds.good", "average_seconds.of")
        }
        self._buckets = metric_cases.increases(found, "query_p95.value.histogram")
        self._restart_days = {metric_cases.local_date(sample) for sample in found if sample.metric_id == "restarts.value.counter"}

    def of(self, kpi: str, dates: list[dt.date]) -> float | None:
        """The value over the covered dates of a period."""
        points = [value for date in dates for value in self._points[kpi][date]]
        if kpi in QUANTILES:
            return nearest_rank([rounded(value) for value in points], QUANTILES[kpi])
        if kpi in ("lag", "hit_rate"):
            return sum(points) / len(points) if points else None
        if kpi in ("lag_max", "lag_min"):
            return (max if kpi == "lag_max" else min)(points, default=None)
        if kpi == "restarts":
            return self._sum("restarts.value", dates) if self._restart_days & set(dates) else None
        if kpi == "average_seconds":
            return _ratio(self._sum("average_seconds.good", dates), self._sum("average_seconds.of", dates))
        if kpi == "query_p95":
            return self._quantile(dates)
        if kpi == "unseen":
            return None
        return self._of_facts(kpi, dates)

    def _of_facts(self, kpi: str, dates: list[dt.date]) -> float | None:
        if kpi == "cost":
            booked = [value for date, value in COST if date in dates]
            return sum(booked) if booked else None
        if kpi == "bugs":
            told = [value for date, value in BUGS if date in dates]
            return sum(told) / len(told) if told else None
        if kpi == "test_coverage":
            levels = [value for date, value in COVERAGE if date <= max(dates)]
            return levels[-1] if levels and max(dates) <= HELD_UNTIL else None
        top, bottom, factor = {"restarts_by_lag": ("restarts", "lag", 1000), "cost_by_restart": ("cost", "restarts", 1)}[kpi]
        above, below = self.of(top, dates), self.of(bottom, dates)
        return None if above is None or not below else factor * above / below

    def _sum(self, counter: str, dates: Iterable[dt.date]) -> float:
        return sum(value for (date, _), value in self._grown[counter].items() if date in set(dates))

    def _quantile(self, dates: list[dt.date]) -> float | None:
        totals = [0.0] * len(metric_cases.BOUNDS)
        for date in dates:
            highest = 0.0
            for number, bound in enumerate(metric_cases.BOUNDS):
                highest = max(highest, self._buckets.get((date, bound), 0.0))
                totals[number] += highest
        bounds = [math.inf if bound == "+Inf" else float(bound) for bound in metric_cases.BOUNDS]
        return histogram_quantile(0.95, list(zip(bounds, totals, strict=True)))


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None


def rounded(value: float) -> float:
    """To three significant digits."""
    return float(f"{value:.3g}")


def nearest_rank(values: list[float], quantile: float) -> float | None:
    """The smallest value that at least that share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(quantile * len(ordered)) - 1] if ordered else None


def covered(kpi: str) -> Callable[[dt.date], bool]:
    """Whether a date is covered: those of the source, or those that facts speak for, up to the end of the data."""
    if kpi in ("cost", "cost_by_restart"):
        return lambda date: dt.date(2026, 2, 1) <= date <= LAST
    if kpi == "bugs":
        return lambda date: date in {told for told, _ in BUGS}
    if kpi == "test_coverage":
        return lambda date: COVERAGE[0][0] <= date <= HELD_UNTIL
    return lambda date: FIRST <= date <= LAST


def periods(kpi: str) -> dict[tuple[str, dt.date], list[dt.date]]:
    """(kind, first day) -> its covered dates."""
    found: dict[tuple[str, dt.date], list[dt.date]] = defaultdict(list)
    for date in filter(covered(kpi), DATES):
        found["day", date].append(date)
        found["week", date - dt.timedelta(days=date.weekday())].append(date)
        found["month", date.replace(day=1)].append(date)
        found["quarter", dt.date(2026, 1, 1)].append(date)
        if date >= LAUNCH_DATE:
            found["phase", LAUNCH_DATE].append(date)  # the launch to date
        if date >= MONTH_2 and kpi in PLANNED:
            found["phase", MONTH_2].append(date)
    return found
