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
PROFILES = Stream("mixpanel", "profiles", "merge")
TICKETS = Stream("zendesk", "tickets", "merge")
METRIC_EVENTS = Stream("zendesk", "ticket_metric_events", "merge")
TICKET_EVENTS = Stream("zendesk", "ticket_events", "merge")
RATINGS = Stream("zendesk", "satisfaction_ratings", "merge")
USERS = Stream("zendesk", "users", "merge")
ORGANIZATIONS = Stream("zendesk", "organizations", "merge")
SLA_POLICIES = Stream("zendesk", "sla_policies", "merge")
SUPPORT_SCHEDULES = Stream("zendesk", "schedules", "merge")
HOLIDAYS = Stream("zendesk", "holidays", "merge")
LOG_ENTRIES = Stream("pagerduty", "log_entries", "merge")
INCIDENTS = Stream("pagerduty", "incidents", "merge")
NOTES = Stream("pagerduty", "notes", "merge")
SERVICES = Stream("pagerduty", "services", "merge")
PRIORITIES = Stream("pagerduty", "priorities", "merge")
ESCALATION_POLICIES = Stream("pagerduty", "escalation_policies", "merge")
DUTY_SCHEDULES = Stream("pagerduty", "schedules", "merge")
ONCALLS = Stream("pagerduty", "oncalls", "merge")
SAMPLES = Stream("prometheus", "samples", "replace")

STREAMS: dict[Source, tuple[Stream, ...]] = {
    "mixpanel": (EVENTS, PROFILES),
    "zendesk": (TICKETS, USERS, ORGANIZATIONS, METRIC_EVENTS, TICKET_EVENTS, RATINGS, SLA_POLICIES, SUPPORT_SCHEDULES, HOLIDAYS),
    "pagerduty": (LOG_ENTRIES, INCIDENTS, NOTES, SERVICES, PRIORITIES, ESCALATION_POLICIES, DUTY_SCHEDULES, ONCALLS),
    "prometheus": (SAMPLES,),
}

REPLACED = [stream for streams in STREAMS.values() for stream in streams if stream.mode == "replace"]
DATED: list[Source] = sorted({stream.source for stream in REPLACED})  # whose dates are loaded one by one; the others have windows
