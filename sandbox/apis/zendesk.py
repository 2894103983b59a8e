"""Zendesk Support: cursor-based incremental tickets, time-based metric events, satisfaction ratings.

Tickets are shown as they stand at the sandbox's clock, in order of `generated_timestamp`. A page may be empty in the middle of the stream:
only `end_of_stream` ends it.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from sandbox.apis import credentials
from sandbox.apis.basic import is_allowed
from sandbox.apis.limits import Window
from sandbox.apis.world import World
from sandbox.story.plan import Plan, Record
from sandbox.story.ticket_records import generated_at, metric_events, rating_record, ticket_record
from sandbox.story.tickets import Ticket, all_tickets

PAGE_LIMIT = 1000
TICKETS_A_PAGE = 400  # the server may send fewer than asked for
EMPTY_PAGE = 2  # this page of every longer stream is empty
_RECENT_SECONDS = 60


class ApiError(Exception):
    """An answer other than 200, with Zendesk's error code."""

    def __init__(self, status: int, error: str, description: str, headers: dict[str, str] | None = None) -> None:
        """Keep the answer ready."""
        super().__init__(description)
        self.response = JSONResponse({"error": error, "description": description}, status_code=status, headers=headers)


def router(world: World) -> APIRouter:
    """The routes of the three exports, each with and without `.json`."""
    routes = APIRouter(dependencies=[Depends(world.counting("zendesk"))])
    window = Window(world.limits.zendesk_per_minute, 60, world.limits.timer)

    def answer(request: Request, make: Callable[[World, Request], Record], *, is_limited: bool) -> JSONResponse:
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

    @routes.get("/api/v2/incremental/tickets/cursor.json")
    @routes.get("/api/v2/incremental/tickets/cursor")
    def tickets(request: Request) -> JSONResponse:
        return answer(request, _tickets, is_limited=True)

    @routes.get("/api/v2/incremental/ticket_metric_events.json")
    @routes.get("/api/v2/incremental/ticket_metric_events")
    def events(request: Request) -> JSONResponse:
        return answer(request, _metric_events, is_limited=True)

    @routes.get("/api/v2/satisfaction_ratings.json")
    @routes.get("/api/v2/satisfaction_ratings")
    def ratings(request: Request) -> JSONResponse:
        return answer(request, _ratings, is_limited=False)

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
    now = world.now_seconds()
    query = request.query_params
    if "cursor" in query:
        after, page = _read_cursor(query["cursor"])
    else:
        after, page = (_start_time(query.get("start_time"), now), -1), 1
    size = min(_whole(query.get("per_page"), "per_page", default=PAGE_LIMIT), TICKETS_A_PAGE)
    waiting = [ticket for ticket in _by_generation(world.plan, int(now)) if (generated_at(ticket, now), ticket.id) > after]
    shown = [] if page == EMPTY_PAGE and waiting else waiting[:size]
    last = (generated_at(shown[-1], now), shown[-1].id) if shown else after
    is_end = len(shown) == len(waiting)
    cursor = _write_cursor(last, 1 if is_end else page + 1)
    with_metrics = "metric_sets" in query.get("include", "").split(",")
    return {
        "tickets": [ticket_record(world.plan, ticket, now, with_metrics=with_metrics) for ticket in shown],
        "after_url": str(request.url.remove_query_params("start_time").include_query_params(cursor=cursor)),
        "after_cursor": cursor,
        "before_url": None,
        "before_cursor": None,
        "end_of_stream": is_end,
    }


@lru_cache(maxsize=8)
def _by_generation(plan: Plan, now: int) -> tuple[Ticket, ...]:
    """Tickets by generated timestamp; what changed within the last minute is left out, as Zendesk does."""
    settled = [ticket for ticket in all_tickets(plan, now) if generated_at(ticket, now) <= now - _RECENT_SECONDS]
    return tuple(sorted(settled, key=lambda ticket: (generated_at(ticket, now), ticket.id)))


def _metric_events(world: World, request: Request) -> Record:
    now = world.now_seconds()
    start = _start_time(request.query_params.get("start_time"), now)
    size = min(_whole(request.query_params.get("per_page"), "per_page", default=PAGE_LIMIT), PAGE_LIMIT)
    waiting = [event for at, event in _events_by_time(world.plan, int(now)) if at >= start]
    shown = waiting[:size]
    end = _epoch(shown[-1]["time"]) if shown else start
    return {
        "ticket_metric_events": shown,
        "count": len(shown),
        "end_of_stream": len(shown) == len(waiting),
        "end_time": end,
        "next_page": str(request.url.include_query_params(start_time=end)),
    }


@lru_cache(maxsize=4)
def _events_by_time(plan: Plan, now: int) -> tuple[tuple[int, Record], ...]:
    events = [event for ticket in all_tickets(plan, now) for event in metric_events(plan, ticket, now - _RECENT_SECONDS)]
    return tuple(sorted(((_epoch(event["time"]), event) for event in events), key=lambda each: (each[0], each[1]["id"])))


def _ratings(world: World, request: Request) -> Record:
    now, query = world.now_seconds(), request.query_params
    start, end = _whole(query.get("start_time"), "start_time", default=0), _whole(query.get("end_time"), "end_time", default=int(now))
    found = [rating for ticket in all_tickets(world.plan, now) if (rating := rating_record(ticket, now))]
    found = [rating for rating in found if start <= _epoch(rating["updated_at"]) <= end and query.get("score") in (None, rating["score"])]
    if "page[size]" in query or "page[after]" in query:
        return _cursor_page(request, found)
    page, size = _whole(query.get("page"), "page", default=1), min(_whole(query.get("per_page"), "per_page", default=100), 100)
    more = page * size < len(found)
    following = str(request.url.include_query_params(page=page + 1)) if more else None
    return {
        "satisfaction_ratings": found[(page - 1) * size : page * size],
        "count": len(found),
        "next_page": following,
        "previous_page": None,
    }


def _cursor_page(request: Request, found: list[Record]) -> Record:
    query = request.query_params
    size = min(_whole(query.get("page[size]"), "page[size]", default=100), 100)
    after = _read_cursor(query["page[after]"])[0][1] if "page[after]" in query else 0
    waiting = sorted((rating for rating in found if rating["id"] > after), key=lambda rating: rating["id"])
    shown = waiting[:size]
    cursor = _write_cursor((0, shown[-1]["id"]), 1) if shown else None
    more = len(waiting) > size
    url = str(request.url.include_query_params(**{"page[after]": cursor})) if more else None
    return {
        "satisfaction_ratings": shown,
        "meta": {"has_more": more, "after_cursor": cursor, "before_cursor": None},
        "links": {"next": url, "prev": None},
    }


def _start_time(text: str | None, now: float) -> int:
    if text is None:
        raise ApiError(400, "InvalidValue", "start_time or cursor is required")
    start = _whole(text, "start_time", default=0)
    if start > now - _RECENT_SECONDS:
        raise ApiError(400, "StartTimeTooRecent", "Too recent start_time. Use a start_time older than 60 seconds")
    return start


def _whole(text: str | None, name: str, *, default: int) -> int:
    if text is None:
        return default
    if not text.isdigit():
        raise ApiError(400, "InvalidValue", f"{name} must be a whole number of at least 0, found {text!r}")
    return int(text)


def _write_cursor(after: tuple[int, int], page: int) -> str:
    return base64.urlsafe_b64encode(f"{after[0]}.0||{after[1]}||{page}".encode()).decode()


def _read_cursor(text: str) -> tuple[tuple[int, int], int]:
    try:
        generated, identifier, page = base64.urlsafe_b64decode(text).decode().split("||")
        return (int(float(generated)), int(identifier)), int(page)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, "InvalidCursor", f"cursor {text!r} is not one of ours") from error


def _epoch(moment: Any) -> int:
    return int(dt.datetime.fromisoformat(str(moment)).timestamp())
