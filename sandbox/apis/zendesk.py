"""Zendesk Support: incremental exports of tickets, their events, users and organizations; ratings, SLA policies, schedules, holidays.

Everything is shown as it stands at the sandbox's clock, exports in order of their change. A cursor page may be empty in the middle of the
stream: only `end_of_stream` ends it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from sandbox.apis import credentials
from sandbox.apis.basic import is_allowed
from sandbox.apis.limits import Window
from sandbox.apis.world import Tales, World, tickets
from sandbox.apis.zendesk_pages import RECENT_SECONDS, ApiError, Entry, by_cursor, by_number, by_time, whole
from sandbox.story import support_records
from sandbox.story.plan import Plan, Record
from sandbox.story.ticket_events import ticket_events
from sandbox.story.ticket_records import generated_at, metric_events, rating_record, ticket_record
from sandbox.story.tickets import Ticket

_ROOT = "/api/v2"
Maker = Callable[[World, Request], Record]


def router(world: World) -> APIRouter:
    """The routes, each with and without `.json`. The incremental ones share a limit."""
    routes = APIRouter(dependencies=[Depends(world.counting("zendesk"))])
    window = world.window("zendesk", world.limits.zendesk_per_minute, world.limits.zendesk_window_seconds)

    def answer(request: Request, make: Maker, *, is_limited: bool) -> JSONResponse:
        try:
            _authenticate(request)
            if is_limited:
                _take(window)
            return JSONResponse(
                make(world, request),
                headers=_rate_headers(window) if is_limited else {"x-rate-limit": "700", "x-rate-limit-remaining": "699"},
            )
        except ApiError as error:
            return error.response

    def route(path: str, make: Maker) -> None:
        is_limited = path.startswith("/incremental/")

        @routes.get(f"{_ROOT}{path}.json", name=f"zendesk {path}.json")
        @routes.get(f"{_ROOT}{path}", name=f"zendesk {path}")
        def listed(request: Request) -> JSONResponse:
            return answer(request, make, is_limited=is_limited)

    route("/incremental/tickets/cursor", _tickets)
    route("/incremental/ticket_metric_events", _metric_events)
    route("/incremental/ticket_events", _ticket_events)
    route("/incremental/users/cursor", _users_by_cursor)
    route("/incremental/users", _users_by_time)
    route("/incremental/organizations", _organizations)
    route("/satisfaction_ratings", _ratings)
    route("/slas/policies", _sla_policies)
    route("/business_hours/schedules", _schedules)
    route("/business_hours/schedules/{schedule_id}/holidays", _holidays)
    return routes


def _authenticate(request: Request) -> None:
    if not is_allowed(request.headers.get("authorization"), f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_TOKEN):
        raise ApiError(401, "Couldn't authenticate you", "Give the e-mail with /token and the API token")


def _take(window: Window) -> None:
    wait = window.take()
    if wait:
        headers = {**_rate_headers(window), "retry-after": str(math.ceil(wait))}
        raise ApiError(429, "APIRateLimitExceeded", "Number of allowed incremental export API requests per minute exceeded", headers)


def _rate_headers(window: Window) -> dict[str, str]:
    left, reset = str(max(window.remaining(), 0)), str(math.ceil(window.resets_in()))
    return {
        "x-rate-limit": str(window.calls),
        "x-rate-limit-remaining": left,
        "ratelimit-limit": str(window.calls),
        "ratelimit-remaining": left,
        "ratelimit-reset": reset,
    }


def _tickets(world: World, request: Request) -> Record:
    now, plan = world.now_seconds(), world.plan
    include = request.query_params.get("include", "").split(",")
    entries = [
        Entry(at, ticket.id, partial(ticket_record, plan, ticket, now, with_metrics="metric_sets" in include))
        for at, ticket in _by_generation(plan, world.tales, int(now))
    ]
    page = by_cursor(request, "tickets", entries, now)
    people = {ticket[name] for ticket in page["tickets"] for name in ("requester_id", "assignee_id")}
    places = {ticket["organization_id"] for ticket in page["tickets"]}
    if "users" in include:
        page["users"] = [entry.show() for entry in _user_entries(plan, world.tales, int(now)) if entry.id in people]
    if "organizations" in include:
        page["organizations"] = [each for each in support_records.organizations(plan, now - RECENT_SECONDS) if each["id"] in places]
    return page


@lru_cache(maxsize=8)
def _by_generation(plan: Plan, tales: Tales, now: int) -> Sequence[tuple[int, Ticket]]:
    """Tickets by generated timestamp; what changed within the last minute is left out, as Zendesk does."""
    settled = [(at, ticket) for ticket in tickets(plan, tales, now) if (at := generated_at(ticket, now)) <= now - RECENT_SECONDS]
    return tuple(sorted(settled, key=lambda each: (each[0], each[1].id)))


def _metric_events(world: World, request: Request) -> Record:
    now = world.now_seconds()
    return by_time(request, "ticket_metric_events", _metric_entries(world.plan, world.tales, int(now)), now)


@lru_cache(maxsize=4)
def _metric_entries(plan: Plan, tales: Tales, now: int) -> Sequence[Entry]:
    found = [event for ticket in tickets(plan, tales, now) for event in metric_events(plan, ticket, now - RECENT_SECONDS)]
    return _in_order((_epoch(event["time"]), event) for event in found)


def _ticket_events(world: World, request: Request) -> Record:
    now = world.now_seconds()
    with_comments = "comment_events" in request.query_params.get("include", "").split(",")
    return by_time(request, "ticket_events", _event_entries(world.plan, world.tales, int(now), with_comments), now)


@lru_cache(maxsize=4)
def _event_entries(plan: Plan, tales: Tales, now: int, with_comments: bool) -> Sequence[Entry]:
    found = [
        event
        for ticket in tickets(plan, tales, now)
        for event in ticket_events(plan, ticket, now - RECENT_SECONDS, with_comments=with_comments)
    ]
    return _in_order((event["timestamp"], event) for event in found)


def _users_by_cursor(world: World, request: Request) -> Record:
    return by_cursor(request, "users", _user_entries(world.plan, world.tales, int(world.now_seconds())), world.now_seconds())


def _users_by_time(world: World, request: Request) -> Record:
    return by_time(request, "users", _user_entries(world.plan, world.tales, int(world.now_seconds())), world.now_seconds())


@lru_cache(maxsize=4)
def _user_entries(plan: Plan, tales: Tales, now: int) -> Sequence[Entry]:
    settled = now - RECENT_SECONDS
    return _in_order((_epoch(user["updated_at"]), user) for user in support_records.users(plan, tickets(plan, tales, settled), settled))


def _organizations(world: World, request: Request) -> Record:
    now = world.now_seconds()
    found = support_records.organizations(world.plan, now - RECENT_SECONDS)
    return by_time(request, "organizations", _in_order((_epoch(each["updated_at"]), each) for each in found), now)


def _in_order(found: Any) -> Sequence[Entry]:
    """Entries of (epoch second, record) pairs, in order of (second, id)."""
    entries = [Entry(at, record["id"], partial(dict, record)) for at, record in found]
    return tuple(sorted(entries, key=lambda entry: (entry.at, entry.id)))


def _ratings(world: World, request: Request) -> Record:
    now, query = world.now_seconds(), request.query_params
    start, end = whole(query.get("start_time"), "start_time", default=0), whole(query.get("end_time"), "end_time", default=int(now))
    found = [rating for ticket in tickets(world.plan, world.tales, now) if (rating := rating_record(ticket, now))]
    found = [rating for rating in found if start <= _epoch(rating["updated_at"]) <= end and query.get("score") in (None, rating["score"])]
    return by_number(request, "satisfaction_ratings", found)


def _sla_policies(world: World, request: Request) -> Record:
    return by_number(request, "sla_policies", support_records.sla_policies(world.plan))


def _schedules(world: World, request: Request) -> Record:
    """Without pages, as the real one."""
    return {"schedules": support_records.schedules(world.plan, world.now_seconds()), "url": str(request.url)}


def _holidays(world: World, request: Request) -> Record:
    """Without pages, as the real one."""
    if request.path_params["schedule_id"] != str(support_records.SCHEDULE):
        raise ApiError(404, "RecordNotFound", "Not found")
    return {"holidays": support_records.holidays(world.plan), "url": str(request.url)}


def _epoch(moment: Any) -> int:
    return int(dt.datetime.fromisoformat(str(moment)).timestamp())
