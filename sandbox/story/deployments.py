"""What the company ships, as PagerDuty's change events tell it: releases, hotfixes, one that failed, and changes that are no deployment.

Release every Tuesday, some more in the first week, a hotfix after each grave trouble of the product -> change_event_records(now)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sandbox.story import incidents as story
from sandbox.story.plan import FIRST_DAY, Plan, Record, iso
from sandbox.story.troubles import API, BILLING, INTEGRATIONS, WEB, troubles

TUESDAY = 1
RELEASED_AT = (5, 40)  # after the rolling restart of the machines
# Day, clock, service, result: the first week, in and out of its windows, and a release that failed.
_MORE = (
    (0, (9, 20), API, "success"),
    (0, (21, 5), WEB, "success"),
    (1, (3, 30), API, "success"),
    (2, (10, 15), WEB, "success"),
    (3, (18, 40), INTEGRATIONS, "success"),
    (4, (15, 25), WEB, "success"),
    (5, (14, 10), API, "success"),
    (24, (11, 5), INTEGRATIONS, "failure"),
    (44, (9, 45), WEB, "success"),
    (55, (11, 40), BILLING, "success"),
)
_FLAGS = ((8, (13, 0)), (37, (15, 20)))  # a feature flag is switched: a change, and no deployment


@dataclass(frozen=True)
class Deployment:
    """A version that went live, or failed to; `identified_at` of a hotfix."""

    at: int
    service: str
    version: str
    result: str
    identified_at: int | None = None


@lru_cache(maxsize=32)
def deployments(plan: Plan, last_day: int) -> tuple[Deployment, ...]:
    """All deployments up to a day, oldest first; versions count up."""
    told: list[tuple[int, str, str, int | None]] = [(plan.at(day, *clock), service, result, None) for day, clock, service, result in _MORE]
    told += [(plan.at(day, *RELEASED_AT), API, "success", None) for day in range(FIRST_DAY, last_day + 1) if plan.weekday(day) == TUESDAY]
    for trouble in troubles(plan, last_day):
        if trouble.hotfix is not None:
            identified = trouble.starts_at + 60 * trouble.page
            told.append((identified + 60 * trouble.hotfix, trouble.service, "success", identified))
    known = [each for each in sorted(told, key=lambda each: each[0]) if plan.day_of(each[0]) <= last_day]
    return tuple(
        Deployment(at, service, f"2.{number}.0", result, identified) for number, (at, service, result, identified) in enumerate(known, 1)
    )


def change_event_records(plan: Plan, now: float) -> list[Record]:
    """Change events up to a moment, newest first, as GET /change_events gives them."""
    found = [deployment_record(each) for each in deployments(plan, plan.day_of(now))]
    found += [_record(plan.at(day, *clock), WEB, "Feature flag switched", {"flag": "new-task-list"}) for day, clock in _FLAGS]
    known = [record for record in found if record["timestamp"] <= iso(now)]
    return sorted(known, key=lambda record: (record["timestamp"], record["id"]), reverse=True)


def deployment_record(each: Deployment) -> Record:
    """The change event of a deployment."""
    details = {
        "version": each.version,
        "kind": "deployment" if each.identified_at is None else "hotfix",
        "result": each.result,
        **({} if each.identified_at is None else {"identified_at": iso(each.identified_at)}),
    }
    return _record(each.at, each.service, f"Deployed {each.version}", details)


def _record(at: int, service: str, summary: str, details: Record) -> Record:
    return {
        "id": f"01CHANGE{at:010d}{service}",
        "type": "change_event",
        "summary": summary,
        "timestamp": iso(at),
        "source": "delivery",
        "integration": {"id": f"PINT{service[1:]}", "type": "inbound_integration_reference"},
        "services": [story.service_reference(service)],
        "links": [],
        "images": [],
        "custom_details": details,
    }
