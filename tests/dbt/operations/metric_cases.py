"""Prometheus samples of one launch, hourly for 45 days: instances that restart and fall silent, resources that grow, stand and jump.

What Prometheus would make of them is written here from its documentation, one sample after the other.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from collections import defaultdict
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Place, Sample

PLACE = Place("watched", ZoneInfo("America/New_York"))
LAUNCH_DATE = dt.date(2026, 2, 10)
FIRST, LAST = dt.date(2026, 2, 1), dt.date(2026, 3, 17)  # summer time begins on March 8
DATES = [FIRST + dt.timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
STEP = 3600
SILENT_DATE = dt.date(2026, 2, 20)  # the date is loaded, and nothing was scraped
BOUNDS = ("0.1", "0.25", "0.5", "1", "+Inf")
INSTANCES = ("api-1", "api-2")
TRIGGERS = {"leak": 0.8, "stairs": 500.0, "flat": 10.0, "noise": 100.0, "gaps": 100.0, "full": 5.0}
CLASSES = {"quick": 0, "medium": 0.25, "odd": 0.3, "slow": 0.5}  # no bucket ends at 0.3
PROMETHEUS = {
    "step_seconds": STEP,
    "service_levels": [
        {
            "id": "api",
            "name": "The API",
            "up": "up",
            "requests": "requests_total",
            "error_codes": "5..|429",
            "latency_buckets": "seconds_bucket",
            "classes": CLASSES,
        },
        # the label is called status, which one of the two says; `up` and the buckets match nothing
        {"id": "web", "name": "Web", "up": "up{job='wbe'}", "requests": "web_total", "latency_buckets": "web_bucket"},
        {"id": "shop", "name": "Shop", "up": "up{job='shpo'}", "requests": "shop_total", "status_label": "status"},
    ],
    "resources": [
        {"id": resource, "name": resource.title(), "query": resource, "unit": "count", "trigger": trigger}
        for resource, trigger in TRIGGERS.items()
    ],
}

ALERTS = [
    {"id": resource, "resource": resource, "leak": True, "page": "on-call", "message": "It leaks"}
    for resource in ("leak", "flat", "noise", "stairs")
]
ALERTS.append({"id": "hoard", "query": "hoard", "leak": True, "page": "on-call", "message": "It leaks"})  # what `leak` is
STEP_ALERTS = [
    {"id": "errors", "kpi": "error_rate", "above": 0.03, "minutes": 60, "page": "on-call", "message": "Errors"},
    {"id": "slow", "kpi": "latency_p95", "above": 0.6, "minutes": 60, "page": "on-call", "message": "Slow"},
    {"id": "loud", "resource": "noise", "above": 55, "minutes": 120, "page": "on-call", "message": "Noise"},
]
TARGETS = [
    {"kpi": "uptime", "targets": [{"at_least": 0.5}]},
    {"kpi": "error_rate", "targets": [{"at_most": 0.5}]},
    {"kpi": "latency_p95", "targets": [{"at_most": 9}]},
    {"kpi": "request_count", "targets": [{"at_least": 0}]},
]


def moments() -> Iterator[tuple[dt.datetime, dt.date]]:
    """Every full hour of the period, with its local date."""
    moment, end = PLACE.midnight(FIRST).astimezone(dt.UTC), PLACE.midnight(LAST + dt.timedelta(days=1)).astimezone(dt.UTC)
    while moment < end:
        yield moment, moment.astimezone(PLACE.zone).date()
        moment += dt.timedelta(seconds=STEP)


def service_samples(seed: int = 5) -> list[Sample]:
    """`up`, requests by code and cumulative latency buckets of two instances."""
    chance = random.Random(seed)
    samples: list[Sample] = []
    counters: dict[tuple[str, str, str], float] = defaultdict(float)
    for number, (moment, date) in enumerate(moments()):
        for instance in INSTANCES:
            is_down = chance.random() < 0.06
            if date == SILENT_DATE or chance.random() < 0.02:
                continue
            samples.append(Sample("api.up", (("instance", instance),), moment, 0.0 if is_down else 1.0))
            for metric in ("web.requests", "shop.requests"):  # a hundred requests an hour, one of them failed
                samples.append(Sample(metric, (("instance", instance), ("status", "200")), moment, 99.0 * number))
                samples.append(Sample(metric, (("instance", instance), ("status", "500")), moment, 1.0 * number))
            if chance.random() < 0.05:  # restarted since the last scrape
                counters = defaultdict(float, {key: value for key, value in counters.items() if key[0] != instance})
            if not is_down:
                _count_requests(chance, counters, instance, number)
                samples.extend(_scrape(chance, counters, instance, moment))
    return samples


def _count_requests(chance: random.Random, counters: dict[tuple[str, str, str], float], instance: str, number: int) -> None:
    for code, share in (("200", 100), ("404", 5), ("429", 3), ("503", 2 + 40 * (number % 97 == 0))):
        counters[instance, "code", code] += chance.randrange(share + 1)
    if number % 61 == 40:  # an error that has never happened before has no series: it is born beside the others
        counters[instance, "code", "502"] += 40
    total = 0
    for bound, share in zip(BOUNDS, (30, 60, 20, 6, 3), strict=True):
        total += chance.randrange(share)
        counters[instance, "le", bound] += total


def _scrape(chance: random.Random, counters: dict[tuple[str, str, str], float], instance: str, moment: dt.datetime) -> Iterator[Sample]:
    for (owner, label, text), value in counters.items():
        if owner == instance:
            metric = "api.requests" if label == "code" else "api.latency_buckets"
            yield Sample(metric, (("instance", instance), (label, text)), moment, math.nan if chance.random() < 0.01 else value)


def resource_samples(seed: int = 6) -> list[Sample]:
    """Six resources of one or two instances; `gaps` is scraped on every third day, and NaN comes now and then."""
    chance = random.Random(seed)
    samples = []
    for moment, date in moments():
        day = (date - FIRST).days
        values = {
            "leak": 0.3 + 0.006 * day + chance.gauss(0, 0.01),
            "stairs": 20.0 * (day // 5),
            "flat": 4.0,
            "noise": 50 + chance.gauss(0, 8),
            "gaps": 10 + day / 2 + chance.random(),
            "full": 3 + day / 20,
        }
        for resource, value in values.items():
            if date == SILENT_DATE or (resource == "gaps" and day % 3):
                continue
            seen = math.nan if chance.random() < 0.01 else value
            samples.append(Sample(f"{resource}.resource", (("instance", "one"),), moment, seen))
            if resource == "leak":
                samples.append(Sample("hoard.leak", (("instance", "one"),), moment, seen))
            samples.append(Sample(f"{resource}.resource", (("instance", "two"),), moment, seen - chance.choice([0.0, 0.5])))
    return samples


def local_date(sample: Sample) -> dt.date:
    """The date of a sample in the launch's zone."""
    return sample.sampled_at.astimezone(PLACE.zone).date()


def increases(samples: list[Sample], metric_id: str) -> dict[tuple[dt.date, str], float]:
    """(date, value of the last label) -> sum over instances of what the counters grew by, scrape after scrape of each instance.

    What a new series shows has come since the instance was scraped without it; the first scrape of an instance tells nothing.
    """
    scrapes: dict[tuple[dt.datetime, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.metric_id == metric_id and not math.isnan(sample.value):
            scrapes[sample.sampled_at, sample.labels[0][1]].append(sample)
    last_seen: dict[tuple[tuple[str, str], ...], float] = {}
    totals: dict[tuple[dt.date, str], float] = defaultdict(float)
    for key in sorted(scrapes):
        was_running = any(sample.labels in last_seen for sample in scrapes[key])
        for sample in scrapes[key]:
            before = last_seen.get(sample.labels)
            if before is not None or was_running:
                grown = sample.value if before is None or sample.value < before else sample.value - before
                totals[local_date(sample), sample.labels[-1][1]] += grown
        last_seen |= {sample.labels: sample.value for sample in scrapes[key]}
    return totals


def histogram_quantile(quantile: float, cumulative: list[tuple[float, float]]) -> float | None:
    """From Prometheus' documentation: `cumulative` are (upper bound, count up to it) by rising bounds; None stands for NaN.

    Linear within the bucket of the rank; the upper bound of the second highest bucket if that is the highest (+Inf); the lower limit of the
    lowest bucket is 0 if its upper bound is greater than 0.
    """
    if not cumulative or not math.isinf(cumulative[-1][0]) or cumulative[-1][1] == 0:
        return None
    rank = quantile * cumulative[-1][1]
    index = next(number for number, (_, count) in enumerate(cumulative) if count >= rank)
    if index == len(cumulative) - 1:
        return cumulative[-2][0]
    start, below = cumulative[index - 1] if index else (0.0, 0.0)
    end, count = cumulative[index]
    return start + (end - start) * (rank - below) / (count - below)
