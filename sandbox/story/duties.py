"""Who is to answer for what, as PagerDuty shows it: services, escalation policies, schedules, weeks of duty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sandbox.story import incidents as story
from sandbox.story.plan import DAY, FIRST_DAY, Plan, Record, iso

LATE_DAY, LATE_HOUR = 21, 6  # a Monday on which nobody is on the first level until six in the morning


def services(plan: Plan, incidents: Sequence[story.Incident], names: Mapping[str, str]) -> list[Record]:
    """All services by id and name; `incidents` are those so far."""
    found = []
    for identifier, name in names.items():
        last = [incident.created_at for incident in incidents if incident.trouble.service == identifier]
        found.append(
            {
                **story.service_reference(identifier),
                "type": "service",
                "name": name,
                "description": f"{name} of the sandbox company",
                "created_at": iso(plan.at(FIRST_DAY) - 30 * DAY),
                "updated_at": iso(plan.at(FIRST_DAY) - 30 * DAY),
                "status": "active",
                "teams": [],
                "acknowledgement_timeout": 1800,
                "auto_resolve_timeout": 14400,
                "last_incident_timestamp": iso(last[-1]) if last else None,
                "escalation_policy": story.policy_reference(),
                "alert_creation": "create_alerts_and_incidents",
            }
        )
    return found


def escalation_policies(services: Iterable[str]) -> list[Record]:
    """The one policy of these services: first level, then second."""
    rules = [
        {"id": f"PRUL00{level}", "escalation_delay_in_minutes": 10, "targets": [{"id": schedule, "type": "schedule_reference"}]}
        for level, schedule in enumerate(story.SCHEDULES, start=1)
    ]
    return [
        {
            **story.policy_reference(),
            "type": "escalation_policy",
            "name": story.POLICY["summary"],
            "num_loops": 1,
            "escalation_rules": rules,
            "services": [story.service_reference(identifier) for identifier in services],
        }
    ]


def schedules() -> list[Record]:
    """One schedule a level."""
    return [
        {
            "id": identifier,
            "type": "schedule",
            "summary": name,
            "name": name,
            "self": f"https://api.pagerduty.com/schedules/{identifier}",
            "html_url": f"{story.SITE}/schedules/{identifier}",
            "time_zone": "America/New_York",
            "description": "A week each, from Monday, 00:00",
            "escalation_policies": [story.policy_reference()],
            "users": [story.user_reference(user) for user in story.USERS],
            "teams": [],
        }
        for identifier, name in story.SCHEDULES.items()
    ]


def oncalls(plan: Plan, since: float, until: float) -> list[Record]:
    """Weeks of duty that overlap a window of epoch seconds, each told as a whole."""
    first = max(plan.day_of(since), FIRST_DAY - 7)
    day = first - plan.weekday(first)
    found = []
    while plan.at(day) < max(until, since + 1):
        for level, schedule in enumerate(story.SCHEDULES, start=1):
            found.append(
                {
                    "escalation_policy": story.policy_reference(),
                    "escalation_level": level,
                    "schedule": {"id": schedule, "type": "schedule_reference", "summary": story.SCHEDULES[schedule]},
                    "user": story.user_reference(story.on_call(plan, day, level)),
                    "start": iso(plan.at(day, LATE_HOUR if level == 1 and day == LATE_DAY else 0)),
                    "end": iso(plan.at(day + 7)),
                }
            )
        day += 7
    return found
