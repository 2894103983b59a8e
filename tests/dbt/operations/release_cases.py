"""Tickets that are due with a release, and three weeks of deployments: versions on two services, hotfixes, failures; judged one by one."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.dbt.operations.raw_rows import Entity, Place

PLACE = Place("released", ZoneInfo("Asia/Kolkata"))
LAUNCH_DATE, FIRST, LAST = dt.date(2026, 3, 2), dt.date(2026, 3, 2), dt.date(2026, 3, 22)
UNSEEN = dt.date(2026, 3, 19)  # its change events were refused
ZENDESK = {"sla": [{"priority": "low", "resolution_by": "next_release"}, {"priority": "high", "first_reply_minutes": 60}]}


class Ticket(NamedTuple):
    """A ticket that was solved once, or never."""

    id: int
    priority: str
    created_at: dt.datetime
    solved_at: dt.datetime | None


class Change(NamedTuple):
    """A version that goes live on one service, or does not."""

    id: str
    at: dt.datetime
    version: str
    kind: str
    state: str


def _draw() -> tuple[list[Ticket], list[Change]]:
    chance, start = random.Random(8), PLACE.midnight(FIRST).astimezone(dt.UTC)
    changes = []
    for number in range(14):
        at, kind = start + dt.timedelta(seconds=chance.randrange(17 * 86_400)), chance.choice(["release", "release", "hotfix"])
        state = chance.choice(["success", "success", "failed", ""])
        changes.append(Change(f"C{number}", at, f"1.{number}", kind, state))
        if chance.random() < 0.5:  # the other service follows; and a version that failed is tried again
            changes.append(Change(f"D{number}", at + dt.timedelta(hours=chance.randrange(1, 30)), f"1.{number}", kind, "success"))
    tickets = []
    for number in range(300):
        created = start + dt.timedelta(seconds=chance.randrange(20 * 86_400))
        solved = created + dt.timedelta(seconds=chance.randrange(6 * 86_400)) if chance.random() < 0.8 else None
        solved = solved if solved is not None and solved < DATA_END else None
        tickets.append(Ticket(number, chance.choice(["low", "low", "high"]), created, solved))
    return tickets, changes


DATA_END = PLACE.midnight(LAST + dt.timedelta(days=1))
TICKETS, CHANGES = _draw()


def status(ticket: Ticket) -> str | None:
    """in_time, late, missed, open or no_data, by the words of the promise; None for a ticket that is promised none."""
    if ticket.priority != "low":
        return None
    live: dict[str, dt.datetime] = {}
    for change in sorted(CHANGES, key=lambda each: each.at):
        if change.kind != "hotfix" and change.state != "failed":
            live.setdefault(change.version, change.at)
    after = sorted(at for at in live.values() if at > ticket.created_at)
    due = after[1] if len(after) > 1 else None
    decided = min(moment for moment in (due, ticket.solved_at, DATA_END - dt.timedelta(seconds=1)) if moment is not None)
    if ticket.created_at.astimezone(PLACE.zone).date() <= UNSEEN <= decided.astimezone(PLACE.zone).date():
        return "no_data"
    if ticket.solved_at is not None and (due is None or ticket.solved_at <= due):
        return "in_time"
    if due is None:
        return "open"
    return "missed" if ticket.solved_at is None else "late"


def ticket_entities() -> list[Entity]:
    """As the incremental export gives them."""
    found = []
    for ticket in TICKETS:
        solved = None if ticket.solved_at is None else ticket.solved_at.isoformat()
        record: dict[str, Any] = {"id": ticket.id, "status": "solved" if solved else "open", "priority": ticket.priority}
        record["metric_set"] = {"solved_at": solved, "status_updated_at": solved or ticket.created_at.isoformat()}
        found.append(Entity(str(ticket.id), ticket.created_at, record))
    return found


def change_entities() -> list[Entity]:
    """As GET /change_events gives them."""
    return [
        Entity(
            change.id,
            change.at,
            {
                "timestamp": change.at.isoformat(),
                "services": [{"id": change.id[0], "summary": "Shop"}],
                "custom_details": {"version": change.version, "kind": change.kind, "result": change.state},
            },
        )
        for change in CHANGES
    ]
