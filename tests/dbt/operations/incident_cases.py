"""Incidents of one launch: answered, ignored, open, open again, escalated, of known and unknown priority."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Entity, Place

PLACE = Place("paged", ZoneInfo("America/New_York"))
LAUNCH_DATE = dt.date(2026, 3, 1)
FIRST, LAST = dt.date(2026, 3, 1), dt.date(2026, 3, 14)  # summer time begins on March 8
SEVERITIES = {"Critical": "P0", "Major": "P1", "Minor": "P2"}
PRIORITIES = (*SEVERITIES, "Unheard of", None)


@dataclass(frozen=True)
class Incident:
    """What happened; the record and the log entries are made from it."""

    id: str
    priority: str | None
    triggered_at: dt.datetime
    acknowledged_at: tuple[dt.datetime, ...]
    resolved_at: tuple[dt.datetime, ...]
    is_open: bool
    escalation_count: int

    @property
    def severity(self) -> str:
        return SEVERITIES.get(self.priority or "", "none")


def _incidents() -> list[Incident]:
    chance = random.Random(4)
    start = PLACE.midnight(FIRST).astimezone(dt.UTC)
    incidents = []
    for number in range(80):
        triggered = start + dt.timedelta(seconds=chance.randrange(14 * 86400 - 3600))
        acknowledged = [triggered + dt.timedelta(seconds=chance.randrange(1, 2000)) for _ in range(chance.choice([0, 1, 1, 1, 2]))]
        resolved = [triggered + dt.timedelta(seconds=chance.randrange(2000, 9000)) for _ in range(chance.choice([0, 1, 1, 1, 2]))]
        is_open = not resolved or chance.random() < 0.1
        incidents.append(
            Incident(
                f"Q{number}",
                chance.choice(PRIORITIES),
                triggered,
                tuple(sorted(acknowledged)),
                tuple(sorted(resolved)),
                is_open,
                chance.randrange(3),
            )
        )
    return incidents


INCIDENTS = _incidents()


def incident_entities() -> list[Entity]:
    """As GET /incidents gives them."""
    return [
        Entity(
            incident.id,
            incident.triggered_at,
            {
                "id": incident.id,
                "incident_number": number,
                "title": f"Incident {number}",
                "status": ("acknowledged" if incident.acknowledged_at else "triggered") if incident.is_open else "resolved",
                "priority": {"id": "P", "summary": incident.priority} if incident.priority else None,
                "service": {"id": "S1", "summary": "API"},
                "resolved_at": None if incident.is_open else incident.resolved_at[-1].isoformat(),
            },
        )
        for number, incident in enumerate(INCIDENTS)
    ]


def log_entities() -> list[Entity]:
    """As GET /log_entries gives them."""
    entries = []
    for incident in INCIDENTS:
        moments = [("trigger", incident.triggered_at)]
        moments += [("acknowledge", moment) for moment in incident.acknowledged_at]
        moments += [("resolve", moment) for moment in incident.resolved_at]
        moments += [("escalate", incident.triggered_at + dt.timedelta(minutes=30))] * incident.escalation_count
        for number, (kind, moment) in enumerate(moments):
            record = {"type": f"{kind}_log_entry", "created_at": moment.isoformat(), "incident": {"id": incident.id}}
            entries.append(Entity(f"{incident.id}-{number}", moment, record))
    return entries


def service_entities() -> list[Entity]:
    """As GET /services gives them."""
    return [Entity("S1", PLACE.midnight(FIRST), {"id": "S1", "name": "EMR API"})]
