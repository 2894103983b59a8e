"""PagerDuty REST v2: incidents, the log entries that change them, and what they refer to.

Windows default to one month and span at most six; naive times are the account's (New York); offset + limit stays within 10,000.
"""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from sandbox.apis import credentials
from sandbox.apis.limits import Window
from sandbox.apis.world import World
from sandbox.story import deployments, duties
from sandbox.story import incidents as story
from sandbox.story.plan import NEW_YORK, Record
from sandbox.tales.tale import releases

DEEPEST = 10_000
LONGEST_DAYS = 184
LONGEST_DUTY_DAYS = 92
_DEFAULT_LIMIT, _MOST = 25, 100
Maker = Callable[[World, Request], list[Record]]


class ApiError(Exception):
    """An answer other than 200, in PagerDuty's shape."""

    def __init__(self, status: int, message: str, errors: Iterable[str] = (), code: int = 2001) -> None:
        """Keep the answer ready."""
        super().__init__(message)
        self.response = JSONResponse({"error": {"message": message, "code": code, "errors": list(errors)}}, status_code=status)


@dataclass(frozen=True)
class Span:
    """A window of epoch seconds, `since` included, `until` not."""

    since: float
    until: float

    def holds(self, moment: float) -> bool:
        """True if a moment lies in it."""
        return self.since <= moment < self.until


def router(world: World) -> APIRouter:
    """The routes, all of them behind the token and the limit."""
    routes = APIRouter(dependencies=[Depends(world.counting("pagerduty"))])
    window = world.window("pagerduty", world.limits.pagerduty_per_minute, world.limits.pagerduty_window_seconds)

    def answer(request: Request, make: Callable[[], Record]) -> JSONResponse:
        try:
            _authenticate(request)
            _take(window)
            response = JSONResponse(make())
        except ApiError as error:
            response = error.response
        response.headers.update(_rate_headers(window))
        return response

    def listing(path: str, name: str, maker: Maker) -> None:
        @routes.get(path, name=f"pagerduty {name}")
        def listed(request: Request) -> JSONResponse:
            return answer(request, lambda: _page(request, name, maker(world, request)))

    listing("/incidents", "incidents", _incidents)
    listing("/log_entries", "log_entries", _log_entries)
    listing("/incidents/{incident_id}/log_entries", "log_entries", _log_entries_of_one)
    listing("/services", "services", _services)
    listing("/escalation_policies", "escalation_policies", _policies)
    listing("/schedules", "schedules", _schedules)
    listing("/oncalls", "oncalls", _oncalls)
    listing("/change_events", "change_events", _change_events)

    @routes.get("/priorities")
    def priorities(request: Request) -> JSONResponse:
        return answer(request, lambda: _page(request, "priorities", [story.priority_record(name) for name in world.priorities]))

    @routes.get("/incidents/{incident_id}")
    def incident(request: Request, incident_id: str) -> JSONResponse:
        return answer(request, lambda: {"incident": story.incident_record(_one(world, incident_id), world.now_seconds())})

    @routes.get("/incidents/{incident_id}/notes")
    def notes(request: Request, incident_id: str) -> JSONResponse:
        return answer(request, lambda: {"notes": story.note_records(_one(world, incident_id), world.now_seconds())})

    return routes


def _authenticate(request: Request) -> None:
    given = request.headers.get("authorization", "").removeprefix("Token token=")
    if not secrets.compare_digest(given.encode(), credentials.PAGERDUTY_TOKEN.encode()):
        raise ApiError(401, "Unauthorized", code=2006)


def _take(window: Window) -> None:
    if window.take():
        raise ApiError(429, "Rate Limit Exceeded", code=2020)


def _rate_headers(window: Window) -> dict[str, str]:
    return {
        "ratelimit-limit": str(window.calls),
        "ratelimit-remaining": str(max(window.remaining(), 0)),
        "ratelimit-reset": str(math.ceil(window.resets_in())),
    }


def _page(request: Request, name: str, found: list[Record]) -> Record:
    limit = min(_whole(request, "limit", _DEFAULT_LIMIT), _MOST)
    offset = _whole(request, "offset", 0)
    if offset + limit > DEEPEST:
        raise ApiError(400, "Invalid Input Provided", [f"Offset and limit together cannot exceed {DEEPEST}"])
    total = len(found) if request.query_params.get("total", "").lower() == "true" else None
    return {name: found[offset : offset + limit], "limit": limit, "offset": offset, "total": total, "more": offset + limit < len(found)}


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdigit() or (name == "limit" and int(text) == 0):
        raise ApiError(400, "Invalid Input Provided", [f"{name} must be a whole number, found {text!r}"])
    return int(text)


def _span(world: World, request: Request) -> Span:
    """The window asked for; a month until now by default."""
    query = request.query_params
    if query.get("date_range") == "all":
        return Span(float("-inf"), float("inf"))
    until = _moment(query["until"], "until") if "until" in query else world.now()
    since = _moment(query["since"], "since") if "since" in query else until - dt.timedelta(days=30)
    if until < since:
        raise ApiError(400, "Invalid Input Provided", ["until must not be before since"])
    if until - since > dt.timedelta(days=LONGEST_DAYS):
        raise ApiError(400, "Invalid Input Provided", ["The time range from since to until cannot be longer than six months"])
    return Span(since.timestamp(), until.timestamp())


def _moment(text: str, name: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise ApiError(400, "Invalid Input Provided", [f"{name} must be an ISO 8601 time, found {text!r}"]) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=NEW_YORK)


def _one(world: World, identifier: str) -> story.Incident:
    incident = next((each for each in world.incidents() if identifier in (each.id, str(each.number))), None)
    if incident is None:
        raise ApiError(404, "Not Found", code=2100)
    return incident


def _incidents(world: World, request: Request) -> list[Record]:
    query, now, span = request.query_params, world.now_seconds(), _span(world, request)
    services, statuses, urgencies = (query.getlist(f"{name}[]") for name in ("service_ids", "statuses", "urgencies"))
    found = [
        story.incident_record(incident, now)
        for incident in world.incidents()
        if span.holds(incident.created_at) and (not services or incident.trouble.service in services)
    ]
    found = [each for each in found if (not statuses or each["status"] in statuses) and (not urgencies or each["urgency"] in urgencies)]
    if query.get("sort_by", "").endswith(":desc"):
        found.reverse()
    return found


def _log_entries(world: World, request: Request) -> list[Record]:
    span, now = _span(world, request), world.now_seconds()
    return _entries(world, request, world.incidents(), lambda at: at <= now and span.holds(at))


def _log_entries_of_one(world: World, request: Request) -> list[Record]:
    now = world.now_seconds()
    return _entries(world, request, [_one(world, request.path_params["incident_id"])], lambda at: at <= now)


def _entries(world: World, request: Request, incidents: list[story.Incident], is_wanted: Callable[[float], bool]) -> list[Record]:
    """Log entries, newest first."""
    overview = ("trigger_log_entry", "acknowledge_log_entry", "resolve_log_entry", "escalate_log_entry")
    only_overview = request.query_params.get("is_overview", "").lower() == "true"
    embed = "incidents" in request.query_params.getlist("include[]")
    found = []
    for incident in incidents:
        for position, change in enumerate(incident.changes):
            if is_wanted(change.at) and (not only_overview or change.type in overview):
                entry = story.log_entry_record(incident, position)
                if embed:
                    entry["incident"] = story.incident_record(incident, world.now_seconds())
                found.append((change.at, entry["id"], entry))
    return [entry for _, _, entry in sorted(found, key=lambda each: each[:2], reverse=True)]


def _services(world: World, _: Request) -> list[Record]:
    return duties.services(world.plan, world.incidents(), world.services)


def _policies(world: World, _: Request) -> list[Record]:
    return duties.escalation_policies(world.services)


def _schedules(_: World, __: Request) -> list[Record]:
    return duties.schedules()


def _oncalls(world: World, request: Request) -> list[Record]:
    """Weeks of duty that overlap the window; by default who is on call now."""
    query, now = request.query_params, world.now()
    since = _moment(query["since"], "since") if "since" in query else now
    until = _moment(query["until"], "until") if "until" in query else max(since, now)
    if until < since or until - since > dt.timedelta(days=LONGEST_DUTY_DAYS):
        raise ApiError(400, "Invalid Input Provided", ["The search range cannot exceed 3 months, and until must not be before since"])
    found = duties.oncalls(world.plan, since.timestamp(), until.timestamp())
    policies = query.getlist("escalation_policy_ids[]")
    return [duty for duty in found if not policies or duty["escalation_policy"]["id"] in policies]


def _change_events(world: World, request: Request) -> list[Record]:
    """Change events of the window, newest first, of whatever service."""
    span = _span(world, request)
    now = world.now_seconds()
    told = [*deployments.change_event_records(world.plan, now), *(event for each in world.tales for event in releases(each, now))]
    told.sort(key=lambda event: (event["timestamp"], event["id"]), reverse=True)
    return [event for event in told if span.holds(dt.datetime.fromisoformat(event["timestamp"]).timestamp())]
