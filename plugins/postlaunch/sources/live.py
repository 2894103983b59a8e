"""`launches check --live`: what a launch file names and its sources do not have, found before the first night does not find it.

prometheus   each query over the last points: no series; request counters without the label that tells how they ended
pagerduty    services that the account does not have
mixpanel, zendesk   nothing here: their exports are asked by date, and the reviews tell which events and which brand were never seen
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from postlaunch.config.connections import get_connection
from postlaunch.config.launch import Launch, Prometheus
from postlaunch.errors import PostlaunchError
from postlaunch.sources.budget import UNLIMITED
from postlaunch.sources.prometheus.extract import RangeApi
from postlaunch.sources.prometheus.samples import metrics

POINTS = 5  # the newest ones; the server's own look-back bridges a scrape that is late


def unseen(launch: Launch, now: dt.datetime | None = None) -> Iterator[str]:
    """`key path: what is not there`, one line per finding. A source that cannot be reached is one finding and costs no other.

    `now`: the moment whose newest points are asked for (zone-aware), by default this one.
    """
    end = now or dt.datetime.now(dt.UTC)
    for source, check in (("prometheus", _prometheus), ("pagerduty", _pagerduty)):
        try:
            yield from check(launch, end)
        except PostlaunchError as error:
            yield f"{source}: {error}"


def _prometheus(launch: Launch, now: dt.datetime) -> Iterator[str]:
    config = launch.prometheus
    if config is None or config.openmetrics:
        return
    labels = {f"{level.id}.requests": level.status_label for level in config.service_levels}
    with RangeApi(get_connection(config.connection), config, UNLIMITED) as api:
        end = int(now.timestamp()) // config.step_seconds * config.step_seconds
        for metric in metrics(config):
            found, _ = api.chunk(metric, end - POINTS * config.step_seconds, end)
            if not found:
                yield f"{_key(config, metric.metric_id)}: no series matches {metric.query}"
                continue
            label = labels.get(metric.metric_id)
            if label is not None and not any(label in series["metric"] for series in found):
                seen = sorted({name for series in found for name in series["metric"]} - {"__name__"})
                yield (
                    f"{_key(config, metric.metric_id)}: no series has the label {label!r} (status_label), so there is no error rate; "
                    f"labels seen: {', '.join(seen) or 'none'}"
                )


def _key(config: Prometheus, metric_id: str) -> str:
    """Where the launch file names a metric, for example `prometheus.service_levels[0].up`."""
    subject, _, kind = metric_id.rpartition(".")
    if kind == "resource":
        return f"prometheus.resources[{[resource.id for resource in config.resources].index(subject)}].query"
    return f"prometheus.service_levels[{[level.id for level in config.service_levels].index(subject)}].{kind}"


def _pagerduty(launch: Launch, _now: dt.datetime) -> Iterator[str]:
    from postlaunch.sources.pagerduty.client import PagerDutyApi

    config = launch.pagerduty
    if config is None or not config.services:
        return
    api = PagerDutyApi(get_connection(config.connection), UNLIMITED)
    known = {str(service["id"]) for service in api.all("/services")}
    for number, service in enumerate(config.services):
        if service not in known:
            yield f"pagerduty.services[{number}]: the account has no service {service}"
