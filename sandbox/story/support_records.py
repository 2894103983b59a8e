"""The desk's people and rules as Zendesk shows them at a moment: users, organizations, SLA policies, the schedule and its holidays."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.story.event_records import SITES, profile
from sandbox.story.plan import DAY, Plan, Record, iso
from sandbox.story.support_hours import HOLIDAYS, PHASES, hours
from sandbox.story.ticket_records import ORGANIZATION, SITE, SLA_POLICY, USER, organization_id
from sandbox.story.tickets import AGENTS, FIRST_REPLY_MINUTES, PRIORITIES, RESOLUTION_MINUTES, Ticket

SCHEDULE = 360000000701
HOLIDAY = 360000000801
AT_RISK = (2, 38)  # the organization that is marked after the great incident, and the day
_AGENT_NAMES = ("Ines Marchetti", "Łucja Nowak", "Sam O\u2019Brien", "Tomás Rivera", "Mei Tanaka", "Ada Keller")
_LEAVERS = 31  # one customer in so many closes the account once nothing was asked for `_LEAVING_DAYS`
_LEAVING_DAYS = 20


def users(plan: Plan, tickets: Iterable[Ticket], now: float) -> list[Record]:
    """Agents, and everybody who ever asked one of the tickets: their account begins with the first."""
    asked: dict[int, list[int]] = {}
    for ticket in tickets:
        asked.setdefault(ticket.requester, []).append(ticket.created_at)
    return [*_agents(plan), *(_customer(plan, number, moments, now) for number, moments in sorted(asked.items()))]


def organizations(plan: Plan, now: float) -> list[Record]:
    """The hospitals. One is marked when it is at risk."""
    number, day = AT_RISK
    return [
        {
            "id": ORGANIZATION + position,
            "url": f"{SITE}/api/v2/organizations/{ORGANIZATION + position}.json",
            "name": site,
            "shared_tickets": False,
            "shared_comments": False,
            "external_id": None,
            "created_at": iso(_founded(plan)),
            "updated_at": iso(plan.at(day) if position == number and plan.at(day) <= now else _founded(plan)),
            "domain_names": [],
            "details": f"{city}, {region}",
            "notes": "",
            "group_id": None,
            "tags": ["at_risk"] if position == number and plan.at(day) <= now else [],
            "organization_fields": {"region": region},
            "deleted_at": None,
        }
        for position, (site, city, region) in enumerate(SITES)
    ]


def sla_policies(plan: Plan) -> list[Record]:
    """The one policy, with the targets of the launch plan in minutes."""
    targets = (("first_reply_time", FIRST_REPLY_MINUTES), ("total_resolution_time", RESOLUTION_MINUTES))
    return [
        {
            **SLA_POLICY,
            "url": f"{SITE}/api/v2/slas/policies/{SLA_POLICY['id']}.json",
            "position": 1,
            "filter": {"all": [], "any": []},
            "policy_metrics": [
                {
                    "priority": priority,
                    "metric": metric,
                    "target": minutes[priority],
                    "target_in_seconds": 60 * minutes[priority],
                    "business_hours": True,
                }
                for metric, minutes in targets
                for priority in PRIORITIES
            ],
            "created_at": iso(_founded(plan)),
            "updated_at": iso(_founded(plan)),
        }
    ]


def schedules(plan: Plan, now: float) -> list[Record]:
    """The schedule of the desk; its intervals (minutes since Sunday, 00:00) are those of the phase at the moment."""
    day = max(phase for phase in PHASES if plan.at(phase) <= now)
    intervals = []
    for sunday_first in range(7):
        found = hours(day, (sunday_first - 1) % 7)
        if found is not None:
            intervals.append({"start_time": 60 * (24 * sunday_first + found[0]), "end_time": 60 * (24 * sunday_first + found[1])})
    return [
        {
            "id": SCHEDULE,
            "name": "EMR support",
            "time_zone": "Eastern Time (US & Canada)",
            "intervals": intervals,
            "created_at": iso(_founded(plan)),
            "updated_at": iso(plan.at(day)),
        }
    ]


def holidays(plan: Plan) -> list[Record]:
    """The days on which the desk stays closed."""
    return [
        {"id": HOLIDAY + number, "name": name, "start_date": str(plan.date_of(day)), "end_date": str(plan.date_of(day))}
        for number, (name, day) in enumerate(HOLIDAYS)
    ]


def _founded(plan: Plan) -> int:
    return plan.at(PHASES[0])


def _agents(plan: Plan) -> list[Record]:
    return [
        _user(agent, name, f"agent-{agent}@emr-platform.example", "agent", _founded(plan), _founded(plan))
        for agent, name in zip(AGENTS, _AGENT_NAMES, strict=True)
    ]


def _customer(plan: Plan, number: int, asked: list[int], now: float) -> Record:
    leaves_at = asked[-1] + _LEAVING_DAYS * DAY
    has_left = number % _LEAVERS == 0 and leaves_at <= now
    person = profile(plan, number)
    record = _user(
        USER + number,
        person["$name"],
        None if has_left else f"{person['distinct_id']}@emr-platform.example",
        "end-user",
        asked[0],
        leaves_at if has_left else asked[-1],
    )
    place = organization_id(plan, number)
    return record | {"organization_id": place, "external_id": person["distinct_id"], "active": not has_left}


def _user(identifier: int, name: str, email: str | None, role: str, created_at: int, updated_at: int) -> Record:
    return {
        "id": identifier,
        "url": f"{SITE}/api/v2/users/{identifier}.json",
        "name": name,
        "email": email,
        "created_at": iso(created_at),
        "updated_at": iso(updated_at),
        "time_zone": "Eastern Time (US & Canada)",
        "iana_time_zone": "America/New_York",
        "phone": None,
        "locale": "en-US",
        "organization_id": None,
        "external_id": None,
        "role": role,
        "verified": True,
        "active": True,
        "suspended": False,
        "tags": [],
        "notes": "",
        "user_fields": {},
    }
