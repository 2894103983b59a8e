"""What was done to a ticket, as Zendesk's ticket events: an event an update, its changes and comments as child events.

The first public comment of an agent is the reply that the metric events count; notes of agents among themselves count nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.story.event_records import profile
from sandbox.story.plan import Plan, Record, iso
from sandbox.story.ticket_records import SUBJECTS, USER, changes, status
from sandbox.story.tickets import Ticket

SYSTEM_USER = -1
_EVENT = 926_000_000_000
_EVENTS_PER_TICKET = 40
_CHILDREN_PER_EVENT = 10
_VIA = {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}
_REPLIES = (
    "Thank you, we are looking into it.",
    "Merci, nous regardons cela tout de suite.",
    "Please try again now: it works on our side.",
)


def ticket_events(plan: Plan, ticket: Ticket, now: float, *, with_comments: bool) -> Iterator[Record]:
    """The events of a ticket that have happened at a moment, in order of time; comments in full only if they are asked for."""
    before = None
    for position, (at, state) in enumerate(changes(ticket)):
        if at > now:
            return
        identifier = _EVENT + ticket.id * _EVENTS_PER_TICKET + position
        children: list[Record] = [] if state in ("", before) else [{"event_type": "Change", "status": state, "previous_value": before}]
        if at == ticket.created_at:
            children = [{"event_type": "Create", "status": state, "priority": ticket.priority, "requester_id": USER + ticket.requester}]
        if at == ticket.assigned_at:
            children.append({"event_type": "Change", "assignee_id": str(ticket.agent), "previous_value": None})
        comment = _comment(plan, ticket, at, is_scrubbed=status(ticket, now) == "deleted")
        if comment and with_comments:
            children.append({"event_type": "Comment", "type": "Comment", "audit_id": identifier, "created_at": iso(at), **comment})
        elif comment:
            children.append({"event_type": "Comment", "comment_present": True, "comment_public": comment["public"]})
        first = identifier * _CHILDREN_PER_EVENT
        yield {
            "id": identifier,
            "ticket_id": ticket.id,
            "timestamp": at,
            "created_at": iso(at),
            "updater_id": comment["author_id"] if comment else _updater(ticket, at),
            "via": "Web form",
            "system": {"client": "sandbox", "location": "New York, NY, United States", "latitude": 40.7, "longitude": -74.0},
            "event_type": "Audit",
            "child_events": [{"id": first + number, "via": "Web form", **child} for number, child in enumerate(children)],
        }
        before = state or before


def _comment(plan: Plan, ticket: Ticket, at: int, *, is_scrubbed: bool) -> Record | None:
    """Who wrote what in an update: customers when they ask and come back, agents when they reply and solve, some notes in between."""
    if at == ticket.created_at:
        author, public, body = USER + ticket.requester, True, f"{SUBJECTS[ticket.category]}\n\n{profile(plan, ticket.requester)['$name']}"
    elif at in ticket.reopened:
        author, public, body = USER + ticket.requester, True, "Sorry, it is back. ❌"
    elif at == ticket.replied_at or at in ticket.solved:
        author, public, body = ticket.agent, True, _REPLIES[(ticket.id + at) % len(_REPLIES)]
    elif at == ticket.assigned_at and ticket.id % 3 == 0:
        author, public, body = ticket.agent, False, f"Known trouble of {ticket.category}: do not promise a date"
    else:
        return None
    text = "SCRUBBED" if is_scrubbed else body
    return {"author_id": author, "public": public, "body": text, "html_body": f"<p>{text}</p>", "attachments": [], "via": _VIA}


def _updater(ticket: Ticket, at: int) -> int:
    return SYSTEM_USER if at == ticket.closed_at else ticket.agent
