"""Three hundred change events as deliveries send them: releases, hotfixes, flags, with details that are missing or odd; and incidents.

What each means is told in plain Python, by the words of the launch file and the clock of New York, over the night when summer time begins.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Entity, Place

PLACE = Place("shipped", ZoneInfo("America/New_York"))
LAUNCH_DATE, FIRST, LAST = dt.date(2026, 3, 3), dt.date(2026, 3, 2), dt.date(2026, 3, 15)
UNSEEN = dt.date(2026, 3, 15)  # its change events were refused
HOTFIX_HOURS = 2
OPENS, MINUTES = (dt.time(1, 30), dt.time(6), dt.time(22, 15)), 90
DEPLOYMENTS = {
    "version": "build",
    "result": "state",
    "hotfix_hours": HOTFIX_HOURS,
    "windows": [
        {"to_day": 1, "at": "always"},
        {"from_day": 2, "to_day": 8, "at": [f"{time:%H:%M}" for time in OPENS], "minutes": MINUTES},
    ],
}
RESULTS = {"success": True, "Passed": True, " ok ": True, "FAILED": False, "error": False, "cancelled": None, "": None, None: None}


class Change(NamedTuple):
    """One change event; `details` as they were sent."""

    id: str
    at: dt.datetime
    details: dict[str, Any]


class Meaning(NamedTuple):
    """What a deployment is, or None where it is not known."""

    metric_date: dt.date
    is_hotfix: bool
    is_successful: bool | None
    is_in_window: bool | None
    live_seconds: float | None
    is_live_in_time: bool | None
    incidents_24h: int | None


def _changes() -> list[Change]:
    chance = random.Random(11)
    start, seconds = PLACE.midnight(FIRST).astimezone(dt.UTC), 13 * 86_400 - 3600
    found = []
    for number in range(300):
        at = start + dt.timedelta(seconds=chance.randrange(seconds))
        details: dict[str, Any] = {"build": chance.choice([f"1.{number}", number, f" 2.{number}-rc "])}
        details["state"] = chance.choice(list(RESULTS))
        if chance.random() < 0.4:
            details["kind"] = chance.choice(["hotfix", "HotFix ", "release", 7])
            before = dt.timedelta(seconds=chance.choice([7200, 7201, -60, chance.randrange(20_000)]))
            details["identified_at"] = chance.choice([(at - before).isoformat(), "yesterday", None])
        if chance.random() < 0.1:
            details = chance.choice([{"flag": "on"}, {"build": ""}, {"build": None, "state": "success"}])
        found.append(Change(f"C{number}", at, details))
    return found


def _incidents() -> list[Change]:
    chance, start = random.Random(12), PLACE.midnight(FIRST).astimezone(dt.UTC)
    return [Change(f"I{number}", start + dt.timedelta(seconds=chance.randrange(14 * 86_400 - 3600)), {}) for number in range(8)]


CHANGES, INCIDENTS = _changes(), _incidents()
DATA_END = PLACE.midnight(LAST + dt.timedelta(days=1))


def meaning(change: Change) -> Meaning | None:
    """None for a change that is no deployment."""
    details = change.details
    if not str(details.get("build") or "").strip():
        return None
    local = change.at.astimezone(PLACE.zone)
    is_hotfix = str(details.get("kind", "")).strip().lower() == "hotfix"
    state = details.get("state")
    is_successful = {str(word).strip().lower(): is_live for word, is_live in RESULTS.items()}[str(state).strip().lower()]
    live = None
    try:
        waited = (change.at - dt.datetime.fromisoformat(details["identified_at"])).total_seconds()
        live = waited if is_hotfix and is_successful and waited >= 0 else None
    except (KeyError, TypeError, ValueError):
        pass
    followed = sum(change.at <= incident.at < change.at + dt.timedelta(hours=24) for incident in INCIDENTS)
    return Meaning(
        local.date(),
        is_hotfix,
        is_successful,
        _in_window(local),
        live,
        None if live is None else live <= HOTFIX_HOURS * 3600,
        followed if change.at + dt.timedelta(hours=24) <= DATA_END else None,
    )


def _in_window(local: dt.datetime) -> bool | None:
    day = (local.date() - LAUNCH_DATE).days
    if day > 8:
        return None
    if day <= 1:
        return True
    minute = local.hour * 60 + local.minute
    return any(0 <= minute - (time.hour * 60 + time.minute) < MINUTES for time in OPENS)


def change_entities() -> list[Entity]:
    """As GET /change_events gives them."""
    return [
        Entity(
            change.id,
            change.at,
            {"timestamp": change.at.isoformat(), "services": [{"id": "S1", "summary": "API"}], "custom_details": change.details},
        )
        for change in CHANGES
    ]


def incident_entities() -> list[Entity]:
    """As GET /incidents gives them: open ones."""
    return [Entity(each.id, each.at, {"id": each.id, "status": "triggered", "service": {"id": "S1"}}) for each in INCIDENTS]
