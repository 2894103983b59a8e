"""PagerDuty's incidents and log entries, evenly spread over a span; everything else well-formed and empty.

Kept as the API keeps them: a window is at most six months, offset + limit at most 10,000, a page at most 100. Log entries come newest
first.
"""

from __future__ import annotations

import datetime as dt
import json
from bisect import bisect_left
from collections.abc import Callable, Sequence

from benchmarks.fakes.template import template
from benchmarks.serve import Answer, Reply, Request

DEEPEST = 10_000
LONGEST_SECONDS = 184 * 86_400
PAGE = 100
OFFSETS = (0, 60, 900, 3_600)  # seconds from an incident's creation to its log entries
_TYPES = ("trigger", "acknowledge", "escalate", "resolve")  # no note, which would be a call more for each incident

Entry = tuple[int, int, int]  # when, number of the incident, which of its log entries


def _reference(kind: str, identifier: str, name: str) -> dict[str, str]:
    address = f"https://api.pagerduty.com/{kind}s/{identifier}"
    return {"id": identifier, "type": f"{kind}_reference", "summary": name, "self": address, "html_url": address}


_SERVICE = _reference("service", "PSVC001", "API")
_USER = _reference("user", "PUSR001", "Ada on call")
_POLICY = _reference("escalation_policy", "PESC001", "First line")
_INCIDENT = template(
    {
        "id": "Q@number@",
        "type": "incident",
        "summary": "[#@number@] Latency of the API is above its objective",
        "self": "https://api.pagerduty.com/incidents/Q@number@",
        "html_url": "https://bench.pagerduty.com/incidents/Q@number@",
        "incident_number": "@number:d@",
        "title": "Latency of the API is above its objective",
        "description": "The 95th percentile of the last five minutes is above 500 ms. " * 4,
        "created_at": "@at@",
        "updated_at": "@end_at@",
        "last_status_change_at": "@end_at@",
        "resolved_at": "@end_at@",
        "status": "resolved",
        "incident_key": "latency-@number@",
        "service": _SERVICE,
        "assignments": [],
        "acknowledgements": [],
        "last_status_change_by": _USER,
        "first_trigger_log_entry": _reference("trigger_log_entry", "R@number@0", "Triggered through the API"),
        "escalation_policy": _POLICY,
        "teams": [_reference("team", "PTEA001", "Platform")],
        "priority": {"id": "PPRI001", "type": "priority", "name": "P1", "summary": "P1", "color": "a8171c"},
        "urgency": "high",
        "alert_counts": {"all": 1, "triggered": 0, "resolved": 1},
        "pending_actions": [],
        "resolve_reason": None,
        "is_mergeable": False,
    }
)
_ENTRIES = tuple(
    template(
        {
            "id": f"R@number@{position}",
            "type": f"{kind}_log_entry",
            "summary": f"{kind} by Ada on call",
            "self": f"https://api.pagerduty.com/log_entries/R@number@{position}",
            "html_url": None,
            "created_at": "@at@",
            "agent": _USER,
            "channel": {"type": "web_trigger" if kind == "trigger" else "website", "summary": "Latency", "details": {"p95_ms": 612}},
            "service": _SERVICE,
            "incident": _reference("incident", "Q@number@", "[#@number@] Latency of the API is above its objective"),
            "teams": [_reference("team", "PTEA001", "Platform")],
            "contexts": [],
            "acknowledgement_timeout": 1800,
            "event_details": {"description": "Latency of the API is above its objective"},
        }
    )
    for position, kind in enumerate(_TYPES)
)


def make(incidents: int, start: int, seconds: int) -> Answer:
    """`incidents` incidents, created evenly over `seconds` from `start` (seconds since 1970); all of their log entries lie within, too."""
    created = [start + number * (seconds - OFFSETS[-1] - 1) // incidents for number in range(incidents)]
    entries: list[Entry] = sorted((at + late, number, place) for number, at in enumerate(created) for place, late in enumerate(OFFSETS))
    entered = [entry[0] for entry in entries]

    def answer(request: Request) -> Reply:
        if request.path == "/incidents":
            return _page(request, "incidents", created, lambda number: _incident(created, number), newest_first=False)
        if request.path == "/log_entries":
            return _page(request, "log_entries", entered, lambda place: _entry(entries[place]), newest_first=True)
        if request.path.startswith("/incidents/Q") and request.path.count("/") == 2:
            return Reply(b'{"incident":' + _incident(created, int(request.path.removeprefix("/incidents/Q"))) + b"}")
        return _list(request, request.path.rsplit("/", 1)[-1], [], 0)

    return answer


def _page(request: Request, name: str, moments: Sequence[int], record: Callable[[int], bytes], *, newest_first: bool) -> Reply:
    since, until = (_seconds(request.parameters[edge]) for edge in ("since", "until"))
    if until - since > LONGEST_SECONDS:
        return _refusal("The time range cannot be longer than six months")
    offset, limit = _place(request)
    if offset + limit > DEEPEST:
        return _refusal(f"Offset and limit together cannot exceed {DEEPEST}")
    first, end = bisect_left(moments, since), bisect_left(moments, until)
    numbers = range(end - 1, first - 1, -1) if newest_first else range(first, end)
    return _list(request, name, [record(number) for number in numbers[offset : offset + limit]], len(numbers))


def _list(request: Request, name: str, records: list[bytes], total: int) -> Reply:
    offset, limit = _place(request)
    tail = {
        "limit": limit,
        "offset": offset,
        "more": offset + limit < total,
        "total": total if request.parameters.get("total", "").lower() == "true" else None,
    }
    return Reply(b'{"' + name.encode() + b'":[' + b",".join(records) + b"]," + json.dumps(tail).encode()[1:])


def _place(request: Request) -> tuple[int, int]:
    return int(request.parameters.get("offset", 0)), min(PAGE, int(request.parameters.get("limit", 25)))


def _refusal(words: str) -> Reply:
    return Reply(json.dumps({"error": {"message": "Invalid Input Provided", "code": 2001, "errors": [words]}}).encode(), status=400)


def _incident(created: Sequence[int], number: int) -> bytes:
    return _INCIDENT % {b"number": number, b"at": _iso(created[number]), b"end_at": _iso(created[number] + OFFSETS[-1])}


def _entry(entry: Entry) -> bytes:
    at, number, place = entry
    return _ENTRIES[place] % {b"number": number, b"at": _iso(at)}


def _seconds(text: str) -> int:
    return int(dt.datetime.fromisoformat(text.replace(" ", "+")).timestamp())


def _iso(at: int) -> bytes:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
