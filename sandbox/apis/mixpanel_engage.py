"""Mixpanel's `engage`: the profiles of the story's users, a page of 1,000 at a time, each session a snapshot that lives ten minutes.

`/api/2.0/engage` and `/api/query/engage`, by GET and by POST form; 60 calls an hour and five at once, apart from the export's.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from sandbox.apis import credentials
from sandbox.apis.basic import is_allowed
from sandbox.apis.world import World
from sandbox.story.event_records import distinct_id, profile
from sandbox.story.people import users_through
from sandbox.story.plan import Plan, Record

PAGE_SIZE = 1000
SESSION_SECONDS = 600
AT_ONCE = 5
_EVENT_ONLY = frozenset({"distinct_id", "$user_id", "$device_id"})
_RATE_MESSAGE = "Query rate limit exceeded. The Query API is limited to 60 queries per hour and 5 concurrent queries."


@dataclass(frozen=True)
class Session:
    """The users of a query as they were at its first page."""

    project_id: int
    users: list[int]
    began: float


@dataclass
class Sessions:
    """The sessions of all projects; those older than ten minutes are not known any more."""

    kept: dict[str, Session] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, project_id: int, users: list[int]) -> str:
        """Keep a snapshot; returns its id."""
        name = f"{int(time.time())}-{secrets.token_hex(3).upper()}"
        with self.lock:
            self.kept = {each: session for each, session in self.kept.items() if time.monotonic() - session.began < SESSION_SECONDS}
            self.kept[name] = Session(project_id, users, time.monotonic())
        return name

    def find(self, project_id: int, name: str) -> Session | None:
        """The session of an id, if it is this project's and still lives."""
        with self.lock:
            session = self.kept.get(name)
        alive = session is not None and session.project_id == project_id and time.monotonic() - session.began < SESSION_SECONDS
        return session if alive else None


def add_routes(routes: APIRouter, world: World, projects: Collection[int]) -> None:
    """Add the two paths. `projects`: the ids that exist."""
    sessions = Sessions()
    windows = {
        project: world.window("mixpanel", world.limits.mixpanel_per_hour, world.limits.mixpanel_window_seconds) for project in projects
    }
    places = {project: threading.BoundedSemaphore(AT_ONCE) for project in projects}

    async def query(request: Request) -> dict[str, str]:
        form = (await request.body()).decode() if request.method == "POST" else ""
        return dict(request.query_params) | dict(parse_qsl(form))

    @routes.api_route("/api/2.0/engage", methods=["GET", "POST"], name="mixpanel engage")
    @routes.api_route("/api/query/engage", methods=["GET", "POST"], name="mixpanel engage by its new path")
    def engage(request: Request, given: dict[str, str] = Depends(query)) -> Response:  # noqa: B008
        if not is_allowed(request.headers.get("authorization"), credentials.MIXPANEL_USER, credentials.MIXPANEL_SECRET):
            return _error(401, "Invalid service account credentials")
        project_id = int(given["project_id"]) if given.get("project_id", "").isdigit() else 0
        if project_id not in projects:
            return _error(400, f"Invalid project_id: {given.get('project_id', '')}")
        if not places[project_id].acquire(blocking=False):
            return _error(429, _RATE_MESSAGE)
        try:
            return _error(429, _RATE_MESSAGE) if windows[project_id].take() else _page(world, sessions, project_id, given)
        finally:
            places[project_id].release()


def _page(world: World, sessions: Sessions, project_id: int, given: dict[str, str]) -> Response:
    try:
        number = int(given.get("page", "0"))
        wanted = orjson.loads(given["output_properties"]) if "output_properties" in given else None
    except ValueError:
        return _error(400, "page must be an integer, output_properties a JSON array of property names")
    name = given.get("session_id")
    if number and not name:
        return _error(400, "session_id is required for page > 0")
    name = name or sessions.begin(project_id, _known_users(world, project_id))
    session = sessions.find(project_id, name)
    if session is None:
        return _error(400, f"request for page in uncached query for params (session_id {name} has expired)")
    users = session.users[number * PAGE_SIZE : (number + 1) * PAGE_SIZE]
    results = [{"$distinct_id": distinct_id(user), "$properties": _properties(world.plan, user, wanted)} for user in users]
    answer = {
        "page": number,
        "page_size": PAGE_SIZE,
        "session_id": name,
        "status": "ok",
        "total": len(session.users),
        "results": results,
    }
    return Response(orjson.dumps(answer), media_type="application/json")


def _known_users(world: World, project_id: int) -> list[int]:
    """The users of the story whose first login the sandbox's clock has seen; its tales have no profiles."""
    if any(told.tale.project == project_id and not told.tale.adds_to_story for told in world.tales):
        return []
    users = users_through(world.plan, world.plan.day_of(int(world.now_seconds())))
    return [int(number) for number in users.number[users.logged_in_at <= world.now_seconds()]]


def _properties(plan: Plan, user: int, wanted: list[str] | None) -> Record:
    known = {name: value for name, value in profile(plan, user).items() if name not in _EVENT_ONLY}
    return known if wanted is None else {name: known[name] for name in wanted if name in known}


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message, "status": "error"}, status_code=status)
