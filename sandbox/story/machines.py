"""How the machines feel, minute by minute: requests, failures and latencies of the API instances, and the gauges around them.

Arrays cover one UTC day: the last axis before any other is the minute, shape (1440, ...). Counters start again at zero with every restart.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from sandbox.story.people import users_before
from sandbox.story.plan import DAY, FIRST_DAY, NEW_YORK, Floats, Ints, Plan, hour_weights
from sandbox.story.troubles import felt_by_machines, outages, vendor_is_up

MINUTES = 1440
INSTANCES = ("api-1:8080", "api-2:8080")
CODES = ("200", "400", "500")
BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0, float("inf"))
LEAK_DAY, RESTART_DAY = 58, 74  # Redis fills up from here; is restarted here, and fills up again
GAP_DAY, NAN_DAY = 12, 29  # Prometheus itself is down for an hour; the Kafka exporter answers NaN
_TRAFFIC = hour_weights(h0_5=0.35, h6_6=0.9, h7_7=1.5, h8_11=2.0, h12_12=1.6, h13_16=1.9, h17_18=1.3, h19_21=0.9, h22_23=0.5)
_TRAFFIC_MEAN = float(_TRAFFIC.mean())
_WEEK = np.array([1.05, 1.08, 1.07, 1.05, 1.0, 0.66, 0.6])
_DEPLOY_HOUR = 5

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Counters:
    """Cumulative since the last restart at the end of each minute; `bucket` is cumulative over bounds too, as Prometheus has it."""

    code: Floats  # (1440, instances, codes)
    bucket: Floats  # (1440, instances, bounds)
    seconds: Floats  # (1440, instances): sum of latencies
    is_down: Bools  # (1440, instances)


def minutes_of(utc_day: int) -> Ints:
    """Epoch seconds of the minutes of a UTC day (days since 1970-01-01)."""
    return utc_day * DAY + 60 * np.arange(MINUTES, dtype=np.int64)


@lru_cache(maxsize=4)
def counters(plan: Plan, utc_day: int) -> Counters:
    """The counters of the API instances on a UTC day."""
    minutes = minutes_of(utc_day)
    grown = _growth(plan, utc_day)
    restarted = _restarts(plan, utc_day)
    carry = _carry(plan, utc_day)
    total = np.empty_like(grown)
    for instance in range(len(INSTANCES)):
        running = np.cumsum(grown[:, instance], axis=0) + carry[instance]
        for row in np.searchsorted(minutes, restarted[instance]):
            running[row:] -= running[row - 1] if row else carry[instance]
        total[:, instance] = running
    codes, bounds = len(CODES), len(BOUNDS)
    return Counters(
        code=total[:, :, :codes],
        bucket=np.cumsum(total[:, :, codes : codes + bounds], axis=2),
        seconds=total[:, :, -1],
        is_down=np.stack([_down(plan, utc_day, instance) for instance in range(len(INSTANCES))], axis=1),
    )


def load(plan: Plan, utc_day: int) -> Floats:
    """Requests a minute relative to the daily mean of a platform with 1,000 daily users, shape (1440,)."""
    local = _local_hours(utc_day)
    profile = np.interp(local, np.arange(-1, 26) + 0.5, np.concatenate([_TRAFFIC[-1:], _TRAFFIC, _TRAFFIC[:2]])) / _TRAFFIC_MEAN
    day = plan.day_of(utc_day * DAY + DAY // 2)
    users = users_before(plan, day + 1) if day >= FIRST_DAY else 0
    scaled: Floats = profile * float(_WEEK[plan.weekday(day)]) * (0.03 + 0.44 * users / 1000)
    return scaled


def server_is_up(plan: Plan, utc_day: int) -> Bools:
    """False in the hour in which Prometheus itself was down, and before the story, shape (1440,)."""
    minutes, gap = minutes_of(utc_day), plan.at(GAP_DAY, 22)
    up: Bools = (minutes >= plan.at(FIRST_DAY)) & ~((minutes >= gap) & (minutes < gap + 3600))
    return up


@lru_cache(maxsize=4)
def gauges(plan: Plan, utc_day: int) -> dict[str, Floats]:
    """The gauges of a UTC day by name, each of shape (1440,); `cpu` has shape (1440, instances)."""
    minutes, pressure = minutes_of(utc_day), load(plan, utc_day)
    rng = plan.rng("gauges", utc_day)
    errors, slower = felt_by_machines(plan, minutes)
    days = (minutes - plan.at(0)) / DAY
    strain = np.where(errors > 0.05, 1.0, 0.0)
    cpu = 0.09 + 0.13 * pressure[:, None] + 0.035 * (slower[:, None] - 1) + rng.normal(0, 0.012, (MINUTES, len(INSTANCES)))
    connections = np.rint(85 + 120 * pressure + 330 * strain + rng.normal(0, 6, MINUTES))
    lag = np.rint(np.exp(rng.normal(4.6, 0.5, MINUTES)) * (1 + pressure) + 900 * (slower > 1.15))
    broken = plan.at(NAN_DAY, 11)
    return {
        "cpu": np.round(np.clip(cpu, 0.01, 0.99), 4),
        "memory": np.round(_memory(plan, minutes) + 0.012 * pressure + rng.normal(0, 0.002, MINUTES), 5),
        "connections": np.clip(connections, 20, 698),
        "disk": np.round(0.415 + 0.00155 * np.maximum(days, -9) + rng.normal(0, 0.0004, MINUTES), 5),
        "lag": np.where((minutes >= broken) & (minutes < broken + 1200), np.nan, lag),
        "vendor": vendor_is_up(plan, minutes),
    }


def _memory(plan: Plan, minutes: Ints) -> Floats:
    """Redis memory: level, then a leak that a restart cuts once; every later restart comes at 78 %."""
    days = (minutes - plan.at(0)) / DAY
    restart = (plan.at(RESTART_DAY, 6, 40) - plan.at(0)) / DAY
    base = 0.43 + 0.0004 * np.maximum(days, 0)
    first = 0.0152 * np.maximum(days - LEAK_DAY, 0)
    again = 0.0186 * np.mod(np.maximum(days - restart, 0), 18.0)
    return np.where(days < restart, base + first, base + again)


@lru_cache(maxsize=10)
def _growth(plan: Plan, utc_day: int) -> Floats:
    """What every minute adds: (1440, instances, codes + bounds + 1); buckets are counts in the bucket, the last column is seconds."""
    minutes, pressure = minutes_of(utc_day), load(plan, utc_day)
    rng = plan.rng("requests", utc_day)
    errors, slower = felt_by_machines(plan, minutes)
    days = (minutes - plan.at(0)) / DAY
    columns = []
    for instance in range(len(INSTANCES)):
        alive = ~_down(plan, utc_day, instance) & server_started(plan, minutes)
        requests = rng.poisson(330 * pressure) * alive
        failed = rng.binomial(requests, np.clip(0.00022 + 0.0005 * np.exp(-np.maximum(days, 0) / 6) + errors, 0, 1))
        refused = rng.binomial(requests - failed, 0.014)
        median = np.where(days < 20, 0.088, 0.058) * (1 + 0.12 * pressure) * slower
        below = ndtr((np.log(np.array(BOUNDS[:-1])) - np.log(median)[:, None]) / 0.78)
        odds = np.diff(np.concatenate([np.zeros((MINUTES, 1)), below, np.ones((MINUTES, 1))], axis=1), axis=1)
        buckets = rng.multinomial(requests, odds / odds.sum(axis=1, keepdims=True))
        seconds = np.round(requests * median * np.exp(0.78**2 / 2), 3)
        columns.append(np.column_stack([requests - failed - refused, refused, failed, buckets, seconds]))
    return np.stack(columns, axis=1).astype(np.float64)


def server_started(plan: Plan, minutes: Ints) -> Bools:
    """True from the first day of the story on (same shape)."""
    started: Bools = minutes >= plan.at(FIRST_DAY)
    return started


@lru_cache(maxsize=1024)
def _carry(plan: Plan, utc_day: int) -> Floats:
    """The counters at the end of the day before, shape (instances, columns); found by going back to the last restart."""
    width = len(CODES) + len(BOUNDS) + 1
    if (utc_day - 1) * DAY + DAY <= plan.at(FIRST_DAY):
        return np.zeros((len(INSTANCES), width))
    grown, minutes = _growth(plan, utc_day - 1), minutes_of(utc_day - 1)
    carried = np.zeros((len(INSTANCES), width))
    restarted = _restarts(plan, utc_day - 1)
    for instance in range(len(INSTANCES)):
        rows = np.searchsorted(minutes, restarted[instance])
        carried[instance] = grown[rows[-1] if len(rows) else 0 :, instance].sum(axis=0)
    without = [instance for instance in range(len(INSTANCES)) if not len(restarted[instance])]
    if without:
        carried[without] += _carry(plan, utc_day - 1)[without]
    return carried


def _restarts(plan: Plan, utc_day: int) -> tuple[Ints, ...]:
    """The epoch seconds at which each instance starts again on a UTC day: after an outage, and with every Tuesday's deploy."""
    start = utc_day * DAY
    found = []
    for instance in range(len(INSTANCES)):
        ups = [up for _, up in _outages(plan, utc_day, instance) if start <= up < start + DAY]
        found.append(np.array(sorted(ups), dtype=np.int64))
    return tuple(found)


def _down(plan: Plan, utc_day: int, instance: int) -> Bools:
    minutes = minutes_of(utc_day)
    down = np.zeros(MINUTES, dtype=np.bool_)
    for first, last in _outages(plan, utc_day, instance):
        down |= (minutes >= first) & (minutes < last)
    return down


def _outages(plan: Plan, utc_day: int, instance: int) -> list[tuple[int, int]]:
    """(first second down, first second up) that touch a UTC day; a rolling deploy takes a minute of each instance."""
    start, day = utc_day * DAY, plan.day_of(utc_day * DAY)
    spans = [(down, up) for number, down, up in outages(plan, day - 1, day + 1) if number == instance]
    for each in (day, day + 1):
        if plan.weekday(each) == 1:
            at = plan.at(each, _DEPLOY_HOUR, 31 + 5 * instance)
            spans.append((at, at + 60))
    return sorted((down, up) for down, up in spans if down < start + DAY and up > start)


def _local_hours(utc_day: int) -> Floats:
    """The New York hour of the day (fractional) of every minute, shape (1440,)."""
    starts = [dt.datetime.fromtimestamp(utc_day * DAY + 3600 * hour, NEW_YORK).hour for hour in range(24)]
    return np.repeat(np.array(starts, dtype=np.float64), 60) + np.tile(np.arange(60) / 60, 24)
