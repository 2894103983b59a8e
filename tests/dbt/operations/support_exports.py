"""What Zendesk exports of a ticket's life: the ticket as it is at the pull, its metric events and its ticket events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from tests.dbt.operations.raw_rows import Entity
from tests.dbt.operations.support_desks import Desk
from tests.dbt.operations.support_tickets import UNSOLVED, WAITING, WORKED, Step, Ticket

STATUS_CLOCKS = {
    "requester_wait": ("requester_wait_time", WAITING),
    "agent_work": ("agent_work_time", WORKED),
    "resolution": ("resolution_time", UNSOLVED),
}
DONE = ("solved", "closed", "merged", "deleted")
Event = tuple[int, str, int, str]  # moment, metric, instance, type


def moment(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)


def iso(at: float) -> str:
    return moment(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def tags(ticket: Ticket) -> list[str]:
    """Of the categories that the desks declare: none, one, two of one category, or of two categories."""
    return ([], ["login"], ["bug", "bug_critical"], ["login", "bug"], ["praise"])[ticket.id % 5]


def ticket_entity(ticket: Ticket) -> Entity:
    """The ticket after its last step. Some have no metric set, as without the side-load."""
    first, last = ticket.steps[0], ticket.steps[-1]
    solves = [step.at for before, step in zip(ticket.steps, ticket.steps[1:], strict=False) if step.status == "solved" != before.status]
    changes = [step.at for before, step in zip(ticket.steps, ticket.steps[1:], strict=False) if step.status != before.status]
    record: dict[str, Any] = {
        "id": ticket.id,
        "status": "closed" if last.status == "merged" else last.status,
        "priority": last.priority,
        "subject": "personal data",
        "tags": ["closed_by_merge"] if last.status == "merged" else ["vip", *tags(ticket)],
        "via": {"channel": "web", "source": {"rel": None}},
        "updated_at": iso(last.at),
    }
    if ticket.id % 3:
        record["metric_set"] = {
            "solved_at": iso(solves[-1]) if solves else None,
            "status_updated_at": iso(changes[-1] if changes else first.at),
        }
    return Entity(str(ticket.id), moment(first.at), record)


def metric_event_entities(desk: Desk, ticket: Ticket) -> Iterator[Entity]:
    """In order of what happened; ids count up as numbers, from 9 to 10 digits' ends, so that as text they are in no order."""
    for number, (at, metric, instance, kind) in enumerate(_metric_events(desk, ticket)):
        record: dict[str, Any] = {"id": 1000 * ticket.id + 95 + number, "ticket_id": ticket.id, "metric": metric, "instance_id": instance}
        record |= {"type": kind, "time": iso(at)}
        if kind == "apply_sla":
            record["sla"] = {"target": 7, "target_in_seconds": 420, "business_hours": True, "policy": {"id": 1}}
        yield Entity(str(record["id"]), moment(at), record)


def ticket_event_entities(ticket: Ticket) -> Iterator[Entity]:
    """One event an update, a child each for status, priority and comment."""
    if not ticket.has_events:
        return
    before: Step | None = None
    for number, step in enumerate(ticket.steps):
        if step.status in ("deleted", "merged"):
            return
        children: list[dict[str, Any]] = []
        if before is None:
            children.append({"event_type": "Create", "status": step.status, "priority": step.priority, "via": "Web form"})
        else:
            if step.is_reply or step.is_request:
                children.append({"event_type": "Comment", "comment_public": True})
            if step.priority != before.priority:
                children.append({"event_type": "Change", "priority": step.priority, "previous_value": before.priority})
            if step.status != before.status:
                children.append({"event_type": "Change", "status": step.status, "previous_value": before.status})
        identifier = 1000 * ticket.id + 95 + number
        record = {"id": identifier, "ticket_id": ticket.id, "timestamp": step.at, "event_type": "Audit", "child_events": children}
        yield Entity(str(identifier), moment(step.at), record)
        before = step


def _metric_events(desk: Desk, ticket: Ticket) -> Iterator[Event]:
    """The clocks of Zendesk, one after the other through the steps."""
    desks_clocks = _Clocks(desk, ticket)
    before: Step | None = None
    for step in ticket.steps:
        yield from desks_clocks.step(before, step)
        before = step


class _Clocks:
    """Which of Zendesk's clocks run. A launch that promises no next reply is told of silent solutions as older accounts are: not at all."""

    def __init__(self, desk: Desk, ticket: Ticket) -> None:
        self._ticket = ticket
        self._tells_silent_solves = "next_reply" in desk.metrics
        self._reply, self._is_reply_due = 0, False
        self._update, self._is_update_due = 0, False
        self._life = 1

    def step(self, before: Step | None, step: Step) -> Iterator[Event]:
        is_done, was_done = step.status in DONE, before is not None and before.status in DONE
        yield from self._replies(step, is_done)
        yield from self._updates(before, step, is_done)
        if was_done and not is_done and self._ticket.renumbers:
            self._life += 1
        for clock, (metric, running) in STATUS_CLOCKS.items():
            if clock in self._ticket.told:
                yield from self._status(metric, running, before, step)

    def _replies(self, step: Step, is_done: bool) -> Iterator[Event]:
        if self._is_reply_due and (step.is_reply or (is_done and self._tells_silent_solves)):
            self._is_reply_due = False
            yield step.at, "reply_time", self._reply, "fulfill"
            yield step.at, "reply_time", self._reply, "update_status"
        elif not self._is_reply_due and step.is_request:
            self._is_reply_due, self._reply = True, self._reply + 1
            yield step.at, "reply_time", self._reply, "activate"
            yield step.at, "reply_time", self._reply, "apply_sla"

    def _updates(self, before: Step | None, step: Step, is_done: bool) -> Iterator[Event]:
        both = ("pausable_update_time", "periodic_update_time")
        if self._is_update_due and (step.is_reply or (is_done and self._ticket.id % 2)):
            for metric in both:
                yield step.at, metric, self._update, "fulfill"
        if self._is_update_due and (step.is_reply or is_done):
            self._is_update_due = False
        was_pending = before is not None and before.status == "pending"
        if step.is_reply and not is_done:
            self._is_update_due, self._update, was_pending = True, self._update + 1, False
            for metric in both:
                yield step.at, metric, self._update, "activate"
        if self._is_update_due and (step.status == "pending") != was_pending:
            yield step.at, both[0], self._update, "activate" if was_pending else "pause"

    def _status(self, metric: str, running: tuple[str, ...], before: Step | None, step: Step) -> Iterator[Event]:
        def kind(status: str) -> str:
            return "fulfill" if status in DONE else "activate" if status in running else "pause"

        if before is None or kind(before.status) != kind(step.status):
            yield step.at, metric, self._life, kind(step.status)
