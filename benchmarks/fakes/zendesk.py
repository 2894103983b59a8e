"""Zendesk's incremental exports: tickets with metric sets by cursor, metric events by time, everything else well-formed and empty.

Tickets are evenly spread over the span, one event of a metric every few seconds, so that a page of the time-based export begins with the
last event of the page before, as the real one does. The second page of the tickets is empty: only `end_of_stream` ends a stream.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from functools import partial

from benchmarks.fakes.template import template
from benchmarks.serve import Answer, Reply, Request

PAGE = 1_000
EMPTY_PAGE = 2
EVENTS_A_TICKET = 6
_EVENT_TYPES = ("activate", "apply_sla", "pause", "activate", "fulfill", "update_status")
_NAMES = {"policies": "sla_policies"}

_MINUTES = {"calendar": 1234, "business": 321}
_TICKET = template(
    {
        "url": "https://bench.zendesk.com/api/v2/tickets/@id@.json",
        "id": "@id:d@",
        "external_id": None,
        "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": "@at@",
        "updated_at": "@at@",
        "generated_timestamp": "@number:d@",
        "type": "question",
        "subject": "Ticket @id@: the list of patients does not load",
        "description": "Since this morning the list stays empty after the filter is changed. " * 5,
        "priority": "normal",
        "status": "solved",
        "recipient": None,
        "requester_id": 360012345678,
        "submitter_id": 360012345678,
        "assignee_id": 360087654321,
        "organization_id": 360055555555,
        "group_id": 360044444444,
        "collaborator_ids": [],
        "follower_ids": [],
        "has_incidents": False,
        "is_public": True,
        "tags": ["list", "filter", "web"],
        "custom_fields": [{"id": 360000000000 + number, "value": f"value {number}"} for number in range(10)],
        "satisfaction_rating": {"score": "unoffered"},
        "brand_id": 360033333333,
        "allow_channelback": False,
        "metric_set": {
            "url": "https://bench.zendesk.com/api/v2/ticket_metrics/@id@.json",
            "id": "@id:d@",
            "ticket_id": "@id:d@",
            "created_at": "@at@",
            "updated_at": "@at@",
            "group_stations": 1,
            "assignee_stations": 1,
            "reopens": 0,
            "replies": 3,
            "assignee_updated_at": "@at@",
            "requester_updated_at": "@at@",
            "status_updated_at": "@at@",
            "initially_assigned_at": "@at@",
            "assigned_at": "@at@",
            "solved_at": "@at@",
            "latest_comment_added_at": "@at@",
            "reply_time_in_minutes": _MINUTES,
            "first_resolution_time_in_minutes": _MINUTES,
            "full_resolution_time_in_minutes": _MINUTES,
            "agent_wait_time_in_minutes": _MINUTES,
            "requester_wait_time_in_minutes": _MINUTES,
            "on_hold_time_in_minutes": _MINUTES,
        },
    }
)
_EVENTS = tuple(
    template(
        {
            "id": "@id:d@",
            "ticket_id": "@parent:d@",
            "metric": "reply_time",
            "instance_id": 1,
            "type": kind,
            "time": "@at@",
            **({"sla": {"target": 60, "business_hours": True, "policy": {"id": 25, "title": "Normal"}}} if kind == "apply_sla" else {}),
            **({"status": {"calendar": 12, "business": 3}} if kind == "update_status" else {}),
        }
    )
    for kind in _EVENT_TYPES
)


def make(tickets: int, start: int, seconds: int) -> Answer:
    """`tickets` tickets, generated evenly over `seconds` from `start` (seconds since 1970)."""
    routes = {
        "/api/v2/incremental/tickets/cursor": partial(_tickets, tickets, start, seconds),
        "/api/v2/incremental/ticket_metric_events": partial(_metric_events, tickets * EVENTS_A_TICKET, start, seconds),
    }
    return lambda request: routes.get(request.path.removesuffix(".json"), _nothing)(request)


def _tickets(count: int, start: int, seconds: int, request: Request) -> Reply:
    if "cursor" in request.parameters:
        first, page = (int(part) for part in request.parameters["cursor"].split("-"))
    else:
        first, page = _first(count, start, seconds, int(request.parameters["start_time"])), 1
    last = first if page == EMPTY_PAGE else min(first + min(PAGE, int(request.parameters.get("per_page", PAGE))), count)
    records = b",".join(_ticket(number, start + number * seconds // count) for number in range(first, last))
    tail = {"after_cursor": f"{last}-{page + 1}", "after_url": None, "before_cursor": None, "end_of_stream": last == count}
    return _list(b"tickets", records, tail)


def _metric_events(count: int, start: int, seconds: int, request: Request) -> Reply:
    asked = int(request.parameters["start_time"])
    first = _first(count, start, seconds, asked)
    last = min(first + PAGE, count)
    records = b",".join(_event(number, start + number * seconds // count) for number in range(first, last))
    end = start + (last - 1) * seconds // count if last > first else asked
    following = f"https://bench.zendesk.com/api/v2/incremental/ticket_metric_events.json?start_time={end}"
    tail = {"count": last - first, "end_time": end, "next_page": following, "end_of_stream": last == count}
    return _list(b"ticket_metric_events", records, tail)


def _nothing(request: Request) -> Reply:
    """An empty page of whatever list the path names, in all three ways of paging."""
    parts = [part for part in request.path.removesuffix(".json").split("/") if part != "cursor"]
    start = int(request.parameters.get("start_time", 0))
    tail = {
        "count": 0, "end_time": start, "end_of_stream": True, "next_page": None, "after_cursor": None, "after_url": None,
        "meta": {"has_more": False, "after_cursor": None, "before_cursor": None}, "links": {"next": None, "prev": None},
    }  # fmt: skip
    return _list(_NAMES.get(parts[-1], parts[-1]).encode(), b"", tail)


def _first(count: int, start: int, seconds: int, asked: int) -> int:
    """The first of `count` records, spread evenly, that is not before the moment asked for."""
    return min(count, max(0, -((start - asked) * count // seconds)))


def _ticket(number: int, at: int) -> bytes:
    return _TICKET % {b"id": 1_000_000 + number, b"number": at, b"at": _iso(at)}


def _event(number: int, at: int) -> bytes:
    return _EVENTS[number % EVENTS_A_TICKET] % {
        b"id": 5_000_000 + number,
        b"parent": 1_000_000 + number // EVENTS_A_TICKET,
        b"at": _iso(at),
    }


def _iso(at: int) -> bytes:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def _list(name: bytes, records: bytes, tail: Mapping[str, object]) -> Reply:
    return Reply(b'{"' + name + b'":[' + records + b"]," + json.dumps(tail).encode()[1:])
