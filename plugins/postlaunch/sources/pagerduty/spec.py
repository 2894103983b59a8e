"""PagerDuty's row in the registry."""

from __future__ import annotations

from postlaunch.config.connections import Limit
from postlaunch.landing.streams import Stream
from postlaunch.sources.spec import SourceSpec

LOG_ENTRIES = Stream("pagerduty", "log_entries", occurred=("created_at",), version=("created_at",))
INCIDENTS = Stream("pagerduty", "incidents", occurred=("created_at",), version=("updated_at", "last_status_change_at", "created_at"))
NOTES = Stream("pagerduty", "notes", occurred=("created_at",), version=("updated_at", "created_at"))
SERVICES = Stream("pagerduty", "services", occurred=("created_at",), version=("updated_at",), is_snapshot=True)
PRIORITIES = Stream("pagerduty", "priorities", occurred=("created_at",), version=("updated_at",), is_snapshot=True, marks_dates=False)
ESCALATION_POLICIES = Stream(
    "pagerduty", "escalation_policies", occurred=("created_at",), version=("updated_at",), is_snapshot=True, marks_dates=False
)
SCHEDULES = Stream("pagerduty", "schedules", occurred=("created_at",), version=("updated_at",), is_snapshot=True, marks_dates=False)
ONCALLS = Stream("pagerduty", "oncalls", occurred=("start",), is_snapshot=True)
CHANGE_EVENTS = Stream("pagerduty", "change_events", occurred=("timestamp",), version=("timestamp",))

PAGERDUTY = SourceSpec(
    name="pagerduty",
    label="PagerDuty",
    streams=(LOG_ENTRIES, INCIDENTS, NOTES, SERVICES, PRIORITIES, ESCALATION_POLICIES, SCHEDULES, ONCALLS, CHANGE_EVENTS),
    limits=(Limit(960, 60),),
    slots=2,
    pace="PagerDuty REST: 960 calls a minute",
    can_check=True,
)
