"""Zendesk's row in the registry."""

from __future__ import annotations

from postlaunch.config.connections import Limit
from postlaunch.landing.streams import Stream
from postlaunch.sources.spec import SourceSpec

TICKETS = Stream("zendesk", "tickets", occurred=("created_at",), version=("generated_timestamp", "updated_at"))
METRIC_EVENTS = Stream("zendesk", "ticket_metric_events", occurred=("time",), version=("time",))
TICKET_EVENTS = Stream("zendesk", "ticket_events", occurred=("created_at", "timestamp"), version=("timestamp", "created_at"))
RATINGS = Stream("zendesk", "satisfaction_ratings", occurred=("created_at",), version=("updated_at", "created_at"))
USERS = Stream("zendesk", "users", occurred=("created_at",), version=("updated_at", "created_at"), marks_dates=False)
ORGANIZATIONS = Stream("zendesk", "organizations", occurred=("created_at",), version=("updated_at", "created_at"), marks_dates=False)
SLA_POLICIES = Stream("zendesk", "sla_policies", occurred=("created_at",), version=("updated_at",), is_snapshot=True, marks_dates=False)
SCHEDULES = Stream("zendesk", "schedules", occurred=("created_at",), version=("updated_at",), is_snapshot=True, marks_dates=False)
HOLIDAYS = Stream("zendesk", "holidays", is_snapshot=True, marks_dates=False)  # `start_date` is a date of the schedule's zone

ZENDESK = SourceSpec(
    name="zendesk",
    label="Zendesk",
    streams=(TICKETS, USERS, ORGANIZATIONS, METRIC_EVENTS, TICKET_EVENTS, RATINGS, SLA_POLICIES, SCHEDULES, HOLIDAYS),
    limits=(Limit(10, 60),),  # the incremental exports; 30 with the add-on
    slots=1,
    pace="Zendesk incremental exports: 10 calls a minute",
)
