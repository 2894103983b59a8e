"""A launch that is watched every minute over four dates, and what its alerts did: one walk over the points of the grid.

Conditions come and go at random, for one minute to some twenty; an hour is not scraped, a date is silent, counters restart, no request
comes for a while, the clocks change.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.dbt.operations.metric_cases import histogram_quantile
from tests.dbt.operations.raw_rows import Place, Sample

PLACE = Place("guarded", ZoneInfo("America/New_York"))
LAUNCH_DATE = dt.date(2026, 3, 7)
DATES = [dt.date(2026, 3, 7) + dt.timedelta(days=number) for number in range(4)]  # summer time begins on the 8th
SILENT_DATE = DATES[2]
STEP = dt.timedelta(minutes=1)
BOUNDS = ("0.1", "0.5", "1", "+Inf")
Series = tuple[tuple[str, str], ...]
Values = dict[dt.datetime, float]  # an alert's value at the points at which it has one


@dataclass(frozen=True)
class Rule:
    """An alert: beyond the bound for so many minutes, and the same in PromQL."""

    id: str
    bound: float
    minutes: int
    promql: str
    is_below: bool = False

    def holds(self, value: float) -> bool:
        return value < self.bound if self.is_below else value > self.bound


RULES = (
    Rule("errors", 0.01, 5, 'sum(rate(requests{code=~"5.."}[90s])) / sum(rate(requests[90s])) > 0.01'),
    Rule("slow_queries", 0.5, 5, "histogram_quantile(0.95, sum by (le) (rate(queries[90s]))) > 0.5"),
    Rule("response", 3, 1, "sum(rate(seconds[90s])) / sum(rate(answers[90s])) > 3"),
    Rule("cpu", 0.8, 1, "max(cpu) > 0.8"),
    Rule("free", 0.2, 3, "min(free) < 0.2", is_below=True),
    Rule("payment", 1, 2, "max(probe) < 1", is_below=True),
    Rule("crowd", 50, 4, "avg(sessions) > 50"),
)
CODES = "5.."


def _alert(rule: Rule, **of: str) -> dict[str, object]:
    side = "below" if rule.is_below else "above"
    return {"id": rule.id, **of, side: rule.bound, "minutes": rule.minutes, "page": "on-call", "message": f"{rule.id}!"}


def _kpi(kpi: str, **prometheus: str) -> dict[str, object]:
    return {"kpi": kpi, "unit": "seconds", "better": "lower", "measure": {"prometheus": prometheus}}


FILE = {
    "date": LAUNCH_DATE,
    "timezone": PLACE.zone.key,
    "prometheus": {
        "step_seconds": 60,
        "service_levels": [{"id": "api", "name": "API", "up": "up", "requests": "requests", "error_codes": CODES}],
        "resources": [{"id": "cpu", "name": "CPU", "query": "cpu", "unit": "ratio", "trigger": 0.9}],
        "dependencies": [{"id": "bank", "name": "The bank", "up": "probe"}],
    },
    "kpis": [
        _kpi("query_time", query="queries", kind="histogram", read="p95"),
        _kpi("answer_time", query="seconds", kind="ratio", of="answers"),
        _kpi("sessions", query="sessions", kind="gauge"),
    ],
    "alerts": [
        _alert(RULES[0], kpi="error_rate"),
        _alert(RULES[1], kpi="query_time"),
        _alert(RULES[2], kpi="answer_time"),
        _alert(RULES[3], resource="cpu"),
        _alert(RULES[4], query="free"),
        _alert(RULES[5], dependency="bank"),
        _alert(RULES[6], kpi="sessions"),
    ],
}


def points() -> list[dt.datetime]:
    """Every minute of the dates."""
    start, end = PLACE.midnight(DATES[0]).astimezone(dt.UTC), PLACE.midnight(DATES[-1] + dt.timedelta(days=1)).astimezone(dt.UTC)
    return [start + STEP * number for number in range((end - start) // STEP)]


def date_of(moment: dt.datetime) -> dt.date:
    """The date in the launch's zone."""
    return moment.astimezone(PLACE.zone).date()


def samples(seed: int, *, is_whole: bool = False) -> list[Sample]:
    """What was scraped; `is_whole`: without a gap, a restart or a minute without requests."""
    chance = random.Random(seed)
    is_bad = {rule.id: _spells(random.Random(f"{seed}{rule.id}")) for rule in RULES}
    counters: dict[tuple[str, Series], float] = defaultdict(float)
    found: list[Sample] = []
    for number, moment in enumerate(points()):
        bad = {rule: next(spells) for rule, spells in is_bad.items()}
        is_down = not is_whole and (900 <= number < 960 or date_of(moment) == SILENT_DATE or chance.random() < 0.02)
        for instance in ("a", "b"):
            label = ("instance", instance)
            if not is_whole and chance.random() < 0.001:
                counters.update({key: 0.0 for key in counters if label in key[1]})  # a restart
            is_quiet = not is_whole and 2000 <= number < 2040
            _serve(chance, counters, label, bad, 0 if is_quiet else 200)
            gauges = {
                "cpu.resource": chance.uniform(0.81, 0.99) if bad["cpu"] and instance == "b" else chance.uniform(0.1, 0.8),
                "free.alert": chance.uniform(0.0, 0.19) if bad["free"] and instance == "a" else chance.uniform(0.2, 1.0),
                "bank.dependency": float(not bad["payment"] and (instance == "a" or chance.random() < 0.5)),
                "sessions.value.gauge": chance.uniform(60, 90) if bad["crowd"] else chance.uniform(10, 60 if instance == "a" else 40),
            }
            is_lost = is_down or (not is_whole and chance.random() < 0.01)
            if not is_lost:
                found += [Sample(metric, (label,), moment, value) for metric, value in gauges.items()]
                found += [Sample(metric, series, moment, value) for (metric, series), value in counters.items() if label in series]
    return found


def _spells(chance: random.Random) -> Iterator[bool]:
    """Minute after minute, whether it is bad: mostly not, in spells."""
    while True:
        yield from [False] * chance.randrange(20, 200)
        for _ in range(chance.randrange(1, 4)):  # spells that a good minute divides
            yield from [True] * chance.randrange(1, 12)
            yield False


def _serve(
    chance: random.Random, counters: dict[tuple[str, Series], float], label: tuple[str, str], bad: Mapping[str, bool], requests: int
) -> None:
    """A minute of one instance."""
    failed = 0 if not requests else chance.randrange(4, 9) if bad["errors"] else chance.randrange(0, 2)
    counters["api.requests", (("code", "200"), label)] += requests - failed
    if failed:  # the series of a code begins with the first one
        counters["api.requests", (("code", "500"), label)] += failed
    cumulative = 0
    for bound, share in zip(BOUNDS, (0.5, 0.3, 0.2, 0.0) if bad["slow_queries"] else (0.5, 0.48, 0.01, 0.01), strict=True):
        cumulative += round(requests * share) + (chance.randrange(3) if requests else 0)
        counters["query_time.value.histogram", (label, ("le", bound))] += cumulative
    counters["answer_time.good.counter", (label,)] += requests * (chance.uniform(3.1, 4) if bad["response"] else chance.uniform(1, 2.9))
    counters["answer_time.of.counter", (label,)] += requests


# --- what Prometheus would make of them -----------------------------------------------------------------------------------------


def values(found: list[Sample]) -> dict[str, Values]:
    """Rule -> its value at each point that has one."""
    by_metric: dict[str, dict[Series, Values]] = defaultdict(lambda: defaultdict(dict))
    for sample in found:
        by_metric[sample.metric_id][sample.labels][sample.sampled_at] = sample.value
    return {
        "errors": _by_point(by_metric["api.requests"], _error_rate, is_counter=True),
        "slow_queries": _by_point(by_metric["query_time.value.histogram"], _p95, is_counter=True),
        "response": _ratio(by_metric["answer_time.good.counter"], by_metric["answer_time.of.counter"]),
        "cpu": _by_point(by_metric["cpu.resource"], lambda row: max(row.values())),
        "free": _by_point(by_metric["free.alert"], lambda row: min(row.values())),
        "payment": _by_point(by_metric["bank.dependency"], lambda row: max(row.values())),
        "crowd": _by_point(by_metric["sessions.value.gauge"], lambda row: sum(row.values()) / len(row)),
    }


def _by_point(metric: dict[Series, Values], read: Callable[[dict[Series, float]], float | None], *, is_counter: bool = False) -> Values:
    rows: dict[dt.datetime, dict[Series, float]] = defaultdict(dict)
    for series, own in metric.items():
        for moment, value in (_grown(own) if is_counter else own).items():
            rows[moment][series] = value
    read_rows = {moment: read(row) for moment, row in rows.items()}
    return {moment: value for moment, value in read_rows.items() if value is not None}


def _grown(own: Values) -> Values:
    """By how much a counter grew since the point before, where that has a sample."""
    return {
        after: own[after] - own[before] if own[after] >= own[before] else own[after]
        for before, after in pairwise(own)
        if after - before == STEP
    }


def _error_rate(row: dict[Series, float]) -> float | None:
    total = sum(row.values())
    return sum(count for series, count in row.items() if dict(series)["code"].startswith("5")) / total if total else None


def _p95(row: dict[Series, float]) -> float | None:
    cumulative, highest = [], 0.0
    for bound in BOUNDS:
        highest = max(highest, sum(count for series, count in row.items() if dict(series)["le"] == bound))
        cumulative.append((math.inf if bound == "+Inf" else float(bound), highest))
    return histogram_quantile(0.95, cumulative)


def _ratio(top: dict[Series, Values], bottom: dict[Series, Values]) -> Values:
    above, below = (_by_point(metric, lambda row: sum(row.values()), is_counter=True) for metric in (top, bottom))
    return {moment: above[moment] / below[moment] for moment in above.keys() & below.keys() if below[moment]}


@dataclass
class Episode:
    """A run of points beyond the bound that no point within it divides; `fired_at`: where it had held for so long without a gap."""

    started_at: dt.datetime
    is_start_seen: bool
    last_seen_at: dt.datetime
    worst: float
    fired_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    seen: int = 0

    def may_have_fired(self, rule: Rule) -> bool:
        return self.fired_at is not None or self.last_seen_at - self.started_at >= rule.minutes * STEP


def episodes(rule: Rule, own: Values) -> list[Episode]:
    """Follow the points: the clock of `for` begins with the condition, and anew after a gap."""
    found: list[Episode] = []
    running: Episode | None = None
    since: dt.datetime | None = None
    for moment in points():
        value = own.get(moment)
        if value is None:
            since = None
            continue
        if not rule.holds(value):
            if running is not None and running.last_seen_at == moment - STEP:
                running.ended_at = moment
            running = since = None
            continue
        if running is None:
            running = Episode(moment, moment - STEP in own, moment, value)
            found.append(running)
        since = since or moment
        running.last_seen_at = moment
        running.seen += 1
        running.worst = min(running.worst, value) if rule.is_below else max(running.worst, value)
        if running.fired_at is None and moment - since >= rule.minutes * STEP:
            running.fired_at = moment
    return [episode for episode in found if episode.may_have_fired(rule)]


def firing(rule: Rule, own: Values) -> set[dt.datetime]:
    """The points at which it fires."""
    return {
        moment
        for episode in episodes(rule, own)
        if episode.fired_at is not None
        for moment, value in own.items()
        if episode.fired_at <= moment <= episode.last_seen_at and rule.holds(value)
    }
