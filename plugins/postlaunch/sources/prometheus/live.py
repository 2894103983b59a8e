"""What a launch file asks of Prometheus and the server does not have, asked over its newest points."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from postlaunch.config.connections import get_connection
from postlaunch.config.launch import Launch
from postlaunch.sources.budget import UNLIMITED
from postlaunch.sources.prometheus.extract import RangeApi
from postlaunch.sources.prometheus.samples import metrics

POINTS = 5  # the newest ones; the server's own look-back bridges a scrape that is late


def unseen(launch: Launch, now: dt.datetime) -> Iterator[str]:
    """Queries without a series, and request counters without the label that tells how they ended. `now` is zone-aware."""
    config = launch.prometheus
    if config is None or config.openmetrics:
        return
    labels = {f"{level.id}.requests": level.status_label for level in config.service_levels}
    with RangeApi(get_connection(config.connection), config, UNLIMITED) as api:
        end = int(now.timestamp()) // config.step_seconds * config.step_seconds
        for metric in metrics(launch):
            found, _ = api.chunk(metric, end - POINTS * config.step_seconds, end)
            if not found:
                yield f"{_key(launch, metric.metric_id)}: no series matches {metric.query}"
                continue
            label = labels.get(metric.metric_id)
            if label is not None and not any(label in series["metric"] for series in found):
                seen = sorted({name for series in found for name in series["metric"]} - {"__name__"})
                yield (
                    f"{_key(launch, metric.metric_id)}: no series has the label {label!r} (status_label), so there is no error rate; "
                    f"labels seen: {', '.join(seen) or 'none'}"
                )


def _key(launch: Launch, metric_id: str) -> str:
    """Where the launch file names a metric, for example `prometheus.service_levels[0].up`."""
    subject, _, kind = metric_id.rpartition(".")
    config = launch.prometheus
    levels, resources = ([level.id for level in config.service_levels], [item.id for item in config.resources]) if config else ([], [])
    if kind == "resource":
        return f"prometheus.resources[{resources.index(subject)}].query"
    if kind in ("gauge", "counter", "histogram"):
        return f"kpis[{[entry.kpi for entry in launch.kpis].index(subject.partition('.')[0])}].measure.prometheus"
    return f"prometheus.service_levels[{levels.index(subject)}].{kind}"
