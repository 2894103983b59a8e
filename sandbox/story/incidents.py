"""PagerDuty's view of the troubles: incidents with their log entries, as they stand at a moment.

Trouble -> Incident (number, id, every change with its time) -> incident_record(now), log_entry_records(now)
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

from sandbox.story.plan import Plan, Record, iso
from sandbox.story.troubles import API, BILLING, INTEGRATIONS, WEB, Trouble, troubles

SERVICES = {API: "EMR API", WEB: "EMR Web", INTEGRATIONS: "EMR Integrations", BILLING: "Billing"}
TALE_SERVICES = {
    "PPAY01": "Payments API",
    "PPAY02": "Payments receipts",
    "PERP01": "ERP",
    "PERP02": "ERP documents",
    "PWEB01": "Webshop",
    "PWEB02": "Webshop jobs",
}
PRIORITIES = {"P0": "PPRI000", "P1": "PPRI001", "P2": "PPRI002", "P3": "PPRI003"}
TALE_PRIORITIES = {  # other teams, other names
    "CRITICAL": "PPRI010",
    "HIGH": "PPRI011",
    "MEDIUM": "PPRI012",
    "LOW": "PPRI013",
    "Critical": "PPRI020",
    "High": "PPRI021",
    "Medium": "PPRI022",
    "Low": "PPRI023",
}
USERS = {"PUSR001": "Ines Marchetti", "PUSR002": "Tomás Rivera", "PUSR003": "Ayo Balogun", "PUSR004": "Katja Lindqvist"}
POLICY = {"id": "PESC001", "summary": "EMR on call"}
SCHEDULES = {"PSCH001": "EMR level 1", "PSCH002": "EMR level 2"}
SITE = "https://emr-platform.pagerduty.com"
WIKI = "https://wiki.emr-platform.example"
_ACTS = {
    "trigger_log_entry": "Triggered through the API.",
    "assign_log_entry": "Assigned",
    "notify_log_entry": "Notified",
    "acknowledge_log_entry": "Acknowledged",
    "unacknowledge_log_entry": "Acknowledgement timed out.",
    "escalate_log_entry": "Escalated",
    "annotate_log_entry": "Note added",
    "resolve_log_entry": "Resolved",
}


@dataclass(frozen=True)
class Change:
    """One log entry: `person` is a user id, or None when the machine did it."""

    at: int
    type: str
    person: str | None


@dataclass(frozen=True)
class Incident:
    """An incident with everything that ever happens to it, in order of time."""

    number: int
    trouble: Trouble
    changes: tuple[Change, ...]

    @property
    def id(self) -> str:
        """PagerDuty's id: Q and 13 letters or digits."""
        return f"Q{zlib.crc32(f'{self.trouble.title}{self.number}'.encode()):08X}EMR{self.number % 100:02d}"

    @property
    def created_at(self) -> int:
        """Epoch second of the trigger."""
        return self.changes[0].at

    def until(self, now: float) -> tuple[Change, ...]:
        """The changes that have happened at a moment."""
        return tuple(change for change in self.changes if change.at <= now)


def on_call(plan: Plan, day: int, level: int) -> str:
    """Who is on call: a week each, the next one as the second level."""
    return list(USERS)[((day - plan.weekday(day)) // 7 + level - 1) % len(USERS)]


@lru_cache(maxsize=32)
def incidents(plan: Plan, last_day: int) -> tuple[Incident, ...]:
    """All incidents triggered up to a day, oldest first."""
    told = [(trouble.starts_at + 60 * trouble.page, trouble) for trouble in troubles(plan, last_day) if trouble.is_paged]
    return tuple(
        Incident(number, trouble, changes_of(plan, trouble))
        for number, (_, trouble) in enumerate(sorted(told, key=lambda each: each[0]), start=1)
    )


def changes_of(plan: Plan, trouble: Trouble) -> tuple[Change, ...]:
    """What PagerDuty logs of a trouble, in order of time; its people are those on call on the trouble's day."""
    first, second = on_call(plan, trouble.day, 1), on_call(plan, trouble.day, 2)
    responder = second if trouble.escalate else first

    def after(minutes: int, seconds: int = 0) -> int:
        return trouble.starts_at + 60 * minutes + seconds

    changes = [
        Change(after(trouble.page), "trigger_log_entry", None),
        Change(after(trouble.page, 1), "assign_log_entry", first),
        Change(after(trouble.page, 4), "notify_log_entry", first),
    ]
    for minutes in trouble.escalate:
        changes += [Change(after(minutes), "escalate_log_entry", second), Change(after(minutes, 3), "notify_log_entry", second)]
    if trouble.ack is not None:
        changes.append(Change(after(trouble.ack, 20), "acknowledge_log_entry", responder))
    if trouble.reack is not None:
        changes += [
            Change(after(trouble.reack[0]), "unacknowledge_log_entry", None),
            Change(after(trouble.reack[1]), "acknowledge_log_entry", responder),
        ]
    if trouble.post_mortem is not None:
        changes.append(Change(after(trouble.post_mortem), "annotate_log_entry", responder))
    changes.append(Change(after(trouble.lasts), "resolve_log_entry", responder if trouble.ack is not None else None))
    return tuple(sorted(changes, key=lambda change: change.at))


def service_reference(service: str) -> Record:
    """A reference to a service."""
    return _reference(service, "service", (SERVICES | TALE_SERVICES)[service], f"service-directory/{service}")


def user_reference(user: str) -> Record:
    """A reference to a user."""
    return _reference(user, "user", USERS[user], f"users/{user}")


def policy_reference() -> Record:
    """A reference to the escalation policy."""
    return _reference(POLICY["id"], "escalation_policy", POLICY["summary"], f"escalation_policies/{POLICY['id']}")


def priority_record(name: str) -> Record:
    """A priority, as incidents embed it."""
    identifier = (PRIORITIES | TALE_PRIORITIES)[name]
    return {
        "id": identifier,
        "type": "priority",
        "summary": name,
        "self": f"https://api.pagerduty.com/priorities/{identifier}",
        "html_url": None,
        "name": name,
        "description": ("Outage", "Major feature broken", "Minor feature broken", "Cosmetic")[_rank(name)],
        "order": 1000 - 100 * _rank(name),
    }


def _rank(priority: str) -> int:
    """0 for the gravest of a team's four priorities; their ids end with it."""
    return int((PRIORITIES | TALE_PRIORITIES)[priority][-1])


def incident_record(incident: Incident, now: float) -> Record:
    """The incident as the API shows it at a moment at or after its trigger."""
    seen = incident.until(now)
    states = {
        "trigger_log_entry": "triggered",
        "acknowledge_log_entry": "acknowledged",
        "unacknowledge_log_entry": "triggered",
        "resolve_log_entry": "resolved",
    }
    turns = [change for change in seen if change.type in states]
    status = states[turns[-1].type]
    holder = next((change.person for change in reversed(seen) if change.person is not None), None)
    service = service_reference(incident.trouble.service)
    return {
        "id": incident.id,
        "type": "incident",
        "summary": f"[#{incident.number}] {incident.trouble.title}",
        "self": f"https://api.pagerduty.com/incidents/{incident.id}",
        "html_url": f"{SITE}/incidents/{incident.id}",
        "incident_number": incident.number,
        "title": incident.trouble.title,
        "created_at": iso(incident.created_at),
        "updated_at": iso(seen[-1].at),
        "status": status,
        "incident_key": f"alert-{incident.number:04d}",
        "service": service,
        "assignments": [{"at": iso(seen[-1].at), "assignee": user_reference(holder)}] if holder and status != "resolved" else [],
        "assigned_via": "escalation_policy",
        "acknowledgements": [{"at": iso(turns[-1].at), "acknowledger": user_reference(str(turns[-1].person))}]
        if status == "acknowledged"
        else [],
        "last_status_change_at": iso(turns[-1].at),
        "last_status_change_by": user_reference(turns[-1].person) if turns[-1].person else service,
        "resolved_at": iso(turns[-1].at) if status == "resolved" else None,
        "first_trigger_log_entry": _reference(log_entry_id(incident, 0), "trigger_log_entry", _ACTS["trigger_log_entry"], ""),
        "alert_counts": {"all": 1, "triggered": int(status != "resolved"), "resolved": int(status == "resolved")},
        "escalation_policy": policy_reference(),
        "teams": [],
        "priority": priority_record(incident.trouble.severity),
        "urgency": "low" if _rank(incident.trouble.severity) == 3 else "high",
        "resolve_reason": None,
        "is_mergeable": status != "resolved",
    }


def note_records(incident: Incident, now: float) -> list[Record]:
    """The notes of an incident that were written at a moment, newest first; the post-mortem is linked in the text."""
    return [
        {
            "id": f"PNOTE{incident.number:03d}{position:02d}",
            "user": user_reference(str(change.person)),
            "channel": {"summary": "The PagerDuty website or APIs"},
            "content": " ".join(
                (f"Post-mortem: {WIKI}/post-mortems/{incident.number}", *(f"Broke {broken}." for broken in incident.trouble.requirements))
            ),
            "created_at": iso(change.at),
        }
        for position, change in reversed(list(enumerate(incident.changes)))
        if change.type == "annotate_log_entry" and change.at <= now
    ]


def log_entry_id(incident: Incident, position: int) -> str:
    """The id of the entry at a position in `incident.changes`."""
    return f"R{incident.id[1:9]}{incident.number:03d}{position:02d}"


def log_entry_record(incident: Incident, position: int) -> Record:
    """One log entry; `incident` and `service` are references."""
    change = incident.changes[position]
    service = service_reference(incident.trouble.service)
    agent = user_reference(change.person) if change.person and change.type not in ("assign_log_entry", "notify_log_entry") else service
    entry: Record = {
        "id": log_entry_id(incident, position),
        "type": change.type,
        "summary": _ACTS[change.type],
        "self": f"https://api.pagerduty.com/log_entries/{log_entry_id(incident, position)}",
        "html_url": f"{SITE}/incidents/{incident.id}/log_entries/{log_entry_id(incident, position)}",
        "created_at": iso(change.at),
        "agent": agent,
        "channel": {"type": _channel(change)},
        "service": service,
        "incident": _reference(incident.id, "incident", f"[#{incident.number}] {incident.trouble.title}", f"incidents/{incident.id}"),
        "teams": [],
        "contexts": [],
        "event_details": {"description": incident.trouble.title},
    }
    if change.type in ("assign_log_entry", "escalate_log_entry") and change.person:
        entry["assignees"] = [user_reference(change.person)]
    if change.type == "notify_log_entry" and change.person:
        entry["user"] = user_reference(change.person)
    return entry


def _channel(change: Change) -> str:
    if change.type == "trigger_log_entry":
        return "api"
    return "website" if change.person else "timeout"


def _reference(identifier: str, kind: str, summary: str, path: str) -> Record:
    endpoint = {"escalation_policy": "escalation_policies", "trigger_log_entry": "log_entries"}.get(kind, f"{kind}s")
    return {
        "id": identifier,
        "type": f"{kind}_reference",
        "summary": summary,
        "self": f"https://api.pagerduty.com/{endpoint}/{identifier}",
        "html_url": f"{SITE}/{path}" if path else None,
    }
