"""A thousand incidents as PagerDuty tells them: answered, ignored, un-acknowledged, open, open again, merged, of odd priorities.

`outcome` follows the history of an incident entry by entry, as PagerDuty's documentation describes the life of one.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Entity, Place

PLACE = Place("paged", ZoneInfo("America/New_York"))
ONE_P1 = Place("one_p1", ZoneInfo("UTC"))
TYPO = Place("typo", ZoneInfo("UTC"))
LAUNCH_DATE = dt.date(2026, 3, 1)
FIRST, LAST = dt.date(2026, 3, 1), dt.date(2026, 3, 14)  # summer time begins on March 8
SEVERITIES = {"Critical": "P0", "Major": "P1", "Minor": "P2"}
PRIORITIES = {"Critical": "P0", " critical": "P0", "Major": "P1", "MAJOR ": "P1", "Minor": "P2", "Unheard of": "none", None: "none"}
TARGETS = {"P0": (300.0, 3600.0), "P1": (900.0, None)}  # seconds to acknowledge and to resolve
PAGERDUTY = {
    "severities": SEVERITIES,
    "targets": [
        {"severity": "P0", "acknowledge_minutes": 5, "resolve_minutes": 60},
        {"severity": "P1", "acknowledge_minutes": 15},
    ],
}
DATA_END = PLACE.midnight(LAST + dt.timedelta(days=1))


@dataclass
class Incident:
    """What happened to it, (moment, kind of log entry) in order; `merged_into`: the id of the incident that took it over."""

    id: str
    priority: str | None
    history: list[tuple[dt.datetime, str]] = field(default_factory=list)
    merged_into: str | None = None

    @property
    def triggered_at(self) -> dt.datetime:
        return self.history[0][0]

    @property
    def severity(self) -> str:
        return PRIORITIES[self.priority]


@dataclass(frozen=True)
class Outcome:
    """How it was answered, in seconds from the trigger; None: it was not. `ended`: resolved or merged."""

    acknowledged: float | None
    resolved: float | None
    ended: float | None
    escalations: int

    def in_time(self, seconds: float | None, target: float | None, waited: float) -> bool | None:
        """Kept, broken, or not decided at the end of the data."""
        if target is None:
            return None
        if seconds is not None:
            return seconds <= target
        return False if waited > target else None


def outcome(incident: Incident) -> Outcome:
    """Walk the log: the first acknowledgement counts and is not taken back; what opens an incident again undoes its end."""
    acknowledged: dt.datetime | None = None
    ended: dt.datetime | None = None
    escalations = 0
    for moment, kind in incident.history:
        if kind == "acknowledge" and acknowledged is None:
            acknowledged = moment
        escalations += kind == "escalate"
        if kind == "resolve":
            ended = moment
        elif kind in ("trigger", "acknowledge", "unacknowledge"):
            ended = None

    def after(moment: dt.datetime | None) -> float | None:
        return None if moment is None else (moment - incident.triggered_at).total_seconds()

    return Outcome(after(acknowledged), None if incident.merged_into else after(ended), after(ended), escalations)


def _history(chance: random.Random, triggered: dt.datetime) -> list[tuple[dt.datetime, str]]:
    def later(low: int, high: int) -> dt.datetime:
        return triggered + dt.timedelta(seconds=chance.randrange(low, high))

    entries = [(later(1, 2000), "acknowledge") for _ in range(chance.choice([0, 1, 1, 1, 2]))]
    entries += [(later(2000, 2400), "unacknowledge")] * (chance.random() < 0.1)
    entries += [(later(2400, 2600), "acknowledge")] * (chance.random() < 0.1)
    entries += [(triggered + dt.timedelta(seconds=1800), "escalate")] * chance.randrange(3)
    if chance.random() < 0.85:
        entries.append((later(2600, 9000), "resolve"))
        if chance.random() < 0.1:
            entries.append((later(9000, 9500), "trigger"))  # opened again
            entries += [(later(9500, 20000), "resolve")] * (chance.random() < 0.5)
    elif chance.random() < 0.3:
        entries.append((later(30, 2000), "resolve"))  # over before anybody looked, or looked too late
        entries = [entry for entry in entries if entry <= entries[-1]]
    return [(triggered, "trigger"), *sorted(entries)]


def _merge(chance: random.Random, incidents: list[Incident]) -> None:
    """A tenth into one another, while both were open; some into incidents of another team."""
    for victim in chance.sample(incidents, len(incidents) // 8):
        survivor = chance.choice(incidents)
        moment = max(victim.triggered_at, survivor.triggered_at) + dt.timedelta(seconds=chance.randrange(1, 4000))
        taken = {one.merged_into for one in incidents}
        if survivor is victim or survivor.merged_into or victim.id in taken:
            continue
        if chance.random() < 0.2:
            victim.merged_into = f"THEIRS{chance.randrange(4)}"
            moment = victim.triggered_at + dt.timedelta(seconds=chance.randrange(1, 4000))
        else:
            victim.merged_into = survivor.id
            opened = [entry for entry in survivor.history if entry[1] != "resolve"]
            survivor.history = sorted([*opened, (moment + dt.timedelta(seconds=chance.randrange(1, 5000)), "resolve")])
        victim.history = [*(entry for entry in victim.history if entry[0] < moment and entry[1] != "resolve"), (moment, "resolve")]
    # chains: what took others over is merged itself, later
    for victim in [one for one in incidents if not one.merged_into and any(other.merged_into == one.id for other in incidents)][:10]:
        end = max(moment for moment, _ in victim.history) + dt.timedelta(seconds=1)
        victim.history = [*(entry for entry in victim.history if entry[1] != "resolve"), (end, "resolve")]
        victim.merged_into = next(one.id for one in incidents if one is not victim and not one.merged_into)


def _incidents() -> list[Incident]:
    chance = random.Random(4)
    start = PLACE.midnight(FIRST).astimezone(dt.UTC)
    incidents = []
    for number in range(1000):
        triggered = start + dt.timedelta(seconds=chance.randrange(14 * 86400 - 3600))
        incidents.append(Incident(f"Q{number}", chance.choice(list(PRIORITIES)), _history(chance, triggered)))
    _merge(chance, incidents)
    return incidents


INCIDENTS = _incidents()
_NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def _minutes(minutes: int) -> dt.datetime:
    return _NOON + dt.timedelta(minutes=minutes)


# One P1 of two hours; two more pages about it were merged into it before anybody acknowledged them.
ONE_P1_INCIDENTS = [
    Incident("MAIN", "Major", [(_minutes(0), "trigger"), (_minutes(5), "acknowledge"), (_minutes(120), "resolve")]),
    Incident("TWIN1", "Major", [(_minutes(2), "trigger"), (_minutes(6), "resolve")], merged_into="MAIN"),
    Incident("TWIN2", "Major", [(_minutes(3), "trigger"), (_minutes(6), "resolve")], merged_into="MAIN"),
]


def incident_entities(incidents: list[Incident] = INCIDENTS) -> list[Entity]:
    """As GET /incidents gives them."""
    entities = []
    for number, incident in enumerate(incidents):
        states = {"trigger": "triggered", "unacknowledge": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}
        turns = [(moment, states[kind]) for moment, kind in incident.history if kind in states]
        survivor = {"id": incident.merged_into, "type": "incident_reference"}
        record = {
            "id": incident.id,
            "incident_number": number,
            "title": f"Incident {number}: ask ada@example.com",
            "status": turns[-1][1],
            "priority": {"id": "P", "summary": incident.priority} if incident.priority else None,
            "service": {"id": "S1", "summary": "API"},
            "last_status_change_at": turns[-1][0].isoformat(),
            "resolved_at": turns[-1][0].isoformat() if turns[-1][1] == "resolved" else None,
            "resolve_reason": {"type": "merge_resolve_reason", "incident": survivor} if incident.merged_into else None,
        }
        entities.append(Entity(incident.id, incident.triggered_at, record))
    return entities


def log_entities(incidents: list[Incident] = INCIDENTS) -> list[Entity]:
    """As GET /log_entries gives them."""
    return [
        Entity(
            f"{incident.id}-{number}",
            moment,
            {"type": f"{kind}_log_entry", "created_at": moment.isoformat(), "incident": {"id": incident.id}},
        )
        for incident in incidents
        for number, (moment, kind) in enumerate(incident.history)
    ]


def service_entities() -> list[Entity]:
    """As GET /services gives them."""
    return [Entity("S1", PLACE.midnight(FIRST), {"id": "S1", "name": "EMR API"})]
