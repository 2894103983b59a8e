"""Tickets, metric events and satisfaction ratings as Zendesk shows them at a moment.

Ticket (timeline) -> ticket_record(now) with its metric_set, metric_events(now), rating_record(now)
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.story.event_records import SITES, profile
from sandbox.story.plan import HOUR, Plan, Record, iso
from sandbox.story.support_hours import add_business_seconds, business_seconds
from sandbox.story.tickets import FIRST_REPLY_MINUTES, RESOLUTION_MINUTES, Ticket

SITE = "https://emr-platform.zendesk.com"
CATEGORY_FIELD = 360000000011
GROUP = 360000000501
USER = 390000000000  # the id of user 0
ORGANIZATION = 370000000000  # the id of the first site
SLA_POLICY = {"id": 360000000901, "title": "EMR support", "description": "First replies and resolutions as the launch plan promises"}
SUBJECTS = {
    "account_access": "Cannot log in with my badge account",
    "emr_integration": "Patient not found in the EMR",
    "performance": "Task list takes very long to load",
    "data_quality": "Wrong ward shown for a patient / données erronées",
    "how_to": "How do I hand over more than one patient?",
    "feature_request": "Please add bulk assignment",
    "account_verification": "My account is still not verified",
    "bug_critical": "Orders cannot be saved",
    "bug_high": "Invoices are not printed",
    "bug_medium": "Reports take very long",
    "bug_low": "A label is cut off",
    "payment": "My payment was refused",
    "tracking": "Where is my parcel?",
}
_EVENTS_PER_TICKET = 40
_RATING_WAIT = HOUR


def generated_at(ticket: Ticket, now: float) -> int:
    """Zendesk's `generated_timestamp` at a moment: the last change, also by the system itself."""
    bumped = ticket.bumped_at if ticket.bumped_at is not None and ticket.bumped_at <= now else 0
    return max(updated_at(ticket, now), bumped)


def updated_at(ticket: Ticket, now: float) -> int:
    """The last change by a person or a rule that had happened at a moment."""
    return max(at for at, _ in changes(ticket) if at <= now)


def status(ticket: Ticket, now: float) -> str:
    """The ticket's status at a moment."""
    return [state for at, state in changes(ticket) if at <= now and state][-1]


def ticket_record(plan: Plan, ticket: Ticket, now: float, *, with_metrics: bool) -> Record:
    """The ticket object at a moment at or after its creation; with `metric_set` when it is side-loaded."""
    state, assigned = status(ticket, now), ticket.assigned_at <= now
    deleted = state == "deleted"
    subject = "SCRUBBED" if deleted else SUBJECTS[ticket.category]
    record: Record = {
        "id": ticket.id,
        "url": f"{SITE}/api/v2/tickets/{ticket.id}.json",
        "external_id": None,
        "via": {"channel": ("web", "email", "email", "chat")[ticket.id % 4], "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": iso(ticket.created_at),
        "updated_at": iso(updated_at(ticket, now)),
        "generated_timestamp": generated_at(ticket, now),
        "type": "incident" if ticket.is_from_trouble else ("question", "problem")[ticket.id % 2],
        "subject": subject,
        "raw_subject": subject,
        "description": subject
        if deleted
        else f"{subject}\n\n{profile(plan, ticket.requester)['$name']}, {profile(plan, ticket.requester)['site']}",
        "priority": ticket.priority,
        "status": state,
        "recipient": "support@emr-platform.example",
        "requester_id": USER + ticket.requester,
        "submitter_id": USER + ticket.requester,
        "assignee_id": ticket.agent if assigned else None,
        "organization_id": organization_id(plan, ticket.requester),
        "group_id": GROUP,
        "collaborator_ids": [],
        "problem_id": None,
        "has_incidents": False,
        "is_public": True,
        "due_at": None,
        "tags": tags(ticket),
        "custom_fields": [{"id": CATEGORY_FIELD, "value": ticket.category}],
        "satisfaction_rating": {"score": _score(ticket, now)},
        "brand_id": ticket.brand_id,
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
    }
    if with_metrics:
        record["metric_set"] = _metric_set(plan, ticket, now)
    return record


def tags(ticket: Ticket) -> list[str]:
    """What the desk marks a ticket with: what it is about, and of feedback how much it matters."""
    found = [ticket.category, *(["outage"] if ticket.is_from_trouble else [])]
    if ticket.category == "feature_request":
        return [*found, "feature_high" if ticket.priority in ("urgent", "high") else "feedback_low"]
    if ticket.category in ("performance", "data_quality", "emr_integration"):
        return [*found, "bug", "bug_critical" if ticket.priority == "urgent" else "feedback_medium"]
    return found


def metric_events(plan: Plan, ticket: Ticket, now: float) -> Iterator[Record]:
    """The metric events of a ticket that have happened at a moment, in order of time."""
    events = sorted(_metric_events(plan, ticket), key=lambda event: (event[0], event[1], event[2]))
    for position, (at, metric, instance, kind, more) in enumerate(events):
        if at <= now and (ticket.deleted_at is None or at < ticket.deleted_at):
            identifier = ticket.id * _EVENTS_PER_TICKET + position
            yield {
                "id": identifier,
                "ticket_id": ticket.id,
                "metric": metric,
                "instance_id": instance,
                "type": kind,
                "time": iso(at),
                **more,
            }


def rating_record(ticket: Ticket, now: float) -> Record | None:
    """The satisfaction rating of a ticket at a moment: offered after the last solve, then perhaps given; None before."""
    offered_at = ticket.solved[-1] + _RATING_WAIT if ticket.solved else None
    if offered_at is None or offered_at > now:
        return None
    rated = ticket.rated_at is not None and ticket.rated_at <= now
    at = max(ticket.rated_at, offered_at) if rated and ticket.rated_at is not None else offered_at
    return {
        "id": 7_000_000 + ticket.id,
        "url": f"{SITE}/api/v2/satisfaction_ratings/{7_000_000 + ticket.id}.json",
        "ticket_id": ticket.id,
        "requester_id": USER + ticket.requester,
        "assignee_id": ticket.agent,
        "group_id": GROUP,
        "score": _score(ticket, now) if rated else "offered",
        "comment": "Merci, très rapide 🙏" if rated and ticket.is_good and ticket.id % 5 == 0 else None,
        "reason": None if ticket.is_good or not rated else "The issue took too long to resolve",
        "created_at": iso(offered_at),
        "updated_at": iso(at),
    }


def changes(ticket: Ticket) -> list[tuple[int, str]]:
    """(moment, new status or '' where it stays) in order of time."""
    found = [(ticket.created_at, "new"), (ticket.assigned_at, "open")]
    if ticket.replied_at is not None:
        found.append((ticket.replied_at, ""))
    if ticket.pending_at is not None:
        found.append((ticket.pending_at, "pending"))
    found += [(at, "solved") for at in ticket.solved] + [(at, "open") for at in ticket.reopened]
    if ticket.closed_at is not None:
        found.append((ticket.closed_at, "closed"))
    if ticket.deleted_at is not None:
        found = [change for change in found if change[0] < ticket.deleted_at] + [(ticket.deleted_at, "deleted")]
    return sorted(found, key=lambda change: change[0])


def organization_id(plan: Plan, user: int) -> int | None:
    """The organization of a user number: the site that they work at; None of a guest."""
    site = profile(plan, user)["site"]
    return None if site is None else ORGANIZATION + [name for name, _, _ in SITES].index(site)


def _score(ticket: Ticket, now: float) -> str:
    if ticket.rated_at is not None and ticket.rated_at <= now:
        return "good" if ticket.is_good else "bad"
    return "offered" if ticket.solved and ticket.solved[-1] + _RATING_WAIT <= now else "unoffered"


def _minutes(plan: Plan, start: int, end: int) -> dict[str, int]:
    return {"calendar": (end - start) // 60, "business": int(business_seconds(plan, start, end) // 60)}


def _metric_set(plan: Plan, ticket: Ticket, now: float) -> Record:
    solves = [at for at in ticket.solved if at <= now]
    reopens = [at for at in ticket.reopened if at <= now]
    replied = ticket.replied_at is not None and ticket.replied_at <= now
    unknown = {"calendar": None, "business": None}
    is_solved = len(solves) > len(reopens)
    return {
        "id": 8_000_000 + ticket.id,
        "ticket_id": ticket.id,
        "url": f"{SITE}/api/v2/ticket_metrics/{8_000_000 + ticket.id}.json",
        "created_at": iso(ticket.created_at),
        "updated_at": iso(updated_at(ticket, now)),
        "group_stations": 1,
        "assignee_stations": int(ticket.assigned_at <= now),
        "reopens": len(reopens),
        "replies": int(replied) + len(solves),
        "initially_assigned_at": iso(ticket.assigned_at) if ticket.assigned_at <= now else None,
        "assigned_at": iso(ticket.assigned_at) if ticket.assigned_at <= now else None,
        "status_updated_at": iso(max(at for at, state in changes(ticket) if at <= now and state)),
        "latest_comment_added_at": iso(updated_at(ticket, now)),
        "solved_at": iso(solves[-1]) if is_solved else None,
        "reply_time_in_minutes": _minutes(plan, ticket.created_at, ticket.replied_at) if replied and ticket.replied_at else unknown,
        "first_resolution_time_in_minutes": _minutes(plan, ticket.created_at, solves[0]) if solves else unknown,
        "full_resolution_time_in_minutes": _minutes(plan, ticket.created_at, solves[-1]) if is_solved else unknown,
        "on_hold_time_in_minutes": {"calendar": 0, "business": 0},
    }


def _metric_events(plan: Plan, ticket: Ticket) -> list[tuple[int, str, int, str, Record]]:
    """Unordered: (moment, metric, instance, type, more fields)."""
    events = _clock(plan, "reply_time", 1, ticket.created_at, ticket.replied_at, FIRST_REPLY_MINUTES[ticket.priority])
    starts = (ticket.created_at, *ticket.reopened)
    for instance, start in enumerate(starts, start=1):
        end = ticket.solved[instance - 1] if len(ticket.solved) >= instance else None
        target = RESOLUTION_MINUTES[ticket.priority]
        events += _clock(plan, "resolution_time", instance, start, end, target)
        events += _clock(plan, "requester_wait_time", instance, start, end, None)
    return events


def _clock(
    plan: Plan, metric: str, instance: int, start: int, end: int | None, target: int | None
) -> list[tuple[int, str, int, str, Record]]:
    """One run of a metric's clock: activate, the target that applies, the breach if it comes, fulfilment."""
    events: list[tuple[int, str, int, str, Record]] = [(start, metric, instance, "activate", {})]
    if target is not None:
        sla = {"target": target, "target_in_seconds": 60 * target, "business_hours": True, "policy": SLA_POLICY}
        events.append((start + 1, metric, instance, "apply_sla", {"sla": sla}))
        breach_at = add_business_seconds(plan, start, 60 * target)
        if end is None or breach_at < end:
            events.append((breach_at, metric, instance, "breach", {"deleted": False}))
    if end is not None:
        events.append((end, metric, instance, "fulfill", {}))
        if target is not None:
            events.append((end, metric, instance, "update_status", {"status": _minutes(plan, start, end)}))
    return events
