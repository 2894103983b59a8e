"""The streams of the four sources. Light to import: no client library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from postlaunch.config.launch import Source

Mode = Literal["replace", "merge"]


@dataclass(frozen=True)
class Stream:
    """One kind of record. `replace`: a launch-local date is loaded as a whole; `merge`: records are merged by id."""

    source: Source
    name: str
    mode: Mode


EVENTS = Stream("mixpanel", "events", "replace")
TICKETS = Stream("zendesk", "tickets", "merge")
METRIC_EVENTS = Stream("zendesk", "ticket_metric_events", "merge")
RATINGS = Stream("zendesk", "satisfaction_ratings", "merge")
LOG_ENTRIES = Stream("pagerduty", "log_entries", "merge")
INCIDENTS = Stream("pagerduty", "incidents", "merge")
SERVICES = Stream("pagerduty", "services", "merge")
SAMPLES = Stream("prometheus", "samples", "replace")

STREAMS: dict[Source, tuple[Stream, ...]] = {
    "mixpanel": (EVENTS,),
    "zendesk": (TICKETS, METRIC_EVENTS, RATINGS),
    "pagerduty": (LOG_ENTRIES, INCIDENTS, SERVICES),
    "prometheus": (SAMPLES,),
}
