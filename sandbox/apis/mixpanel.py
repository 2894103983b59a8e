"""Mixpanel's raw export: `GET /api/2.0/export`, JSONL of inclusive dates, streamed, gzipped if asked for; its profiles beside it.

Project 1001 is the story in UTC, 1002 the same story as a project from before 2023 has it (dates and `time` in New York),
1997 the CDNOW purchases. Events that Mixpanel has not processed yet at the sandbox's clock are not there.
"""

from __future__ import annotations

import datetime as dt
import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from sandbox.apis import credentials, mixpanel_engage
from sandbox.apis.basic import is_allowed
from sandbox.apis.world import World
from sandbox.story import cdnow
from sandbox.story.event_records import TimeConvention, records
from sandbox.story.events import EVENT_NAMES, event_day
from sandbox.story.plan import NEW_YORK, Ints, Plan, Record
from sandbox.tales.tale import Told, event_records

_CHUNK = 256 * 1024
_RATE_MESSAGE = "Query rate limit exceeded. Export API is limited to 60 queries per hour, 3 queries per second and 100 concurrent queries."


@dataclass(frozen=True)
class Project:
    """How a project reads dates and writes `time`."""

    zone: ZoneInfo
    convention: TimeConvention


PROJECTS = {
    1001: Project(ZoneInfo("UTC"), "utc"),
    1002: Project(NEW_YORK, "local"),
    1997: Project(ZoneInfo("UTC"), "utc"),
}
CDNOW = 1997
STORY = (1001, 1002)


@dataclass(frozen=True)
class Export:
    """One checked request; `start` and `end` are epoch seconds, half open, and `now_ms` hides what comes later."""

    project_id: int
    convention: TimeConvention
    in_ms: bool
    start: int
    end: int
    now_ms: int
    names: frozenset[str] | None
    limit: int | None


class BadRequestError(ValueError):
    """What the client did wrong, in Mixpanel's words."""


class Gate:
    """The limits of each project."""

    def __init__(self, world: World) -> None:
        """Start with all places free."""
        limits = world.limits
        self._windows = {
            project: (
                world.window("mixpanel", limits.mixpanel_per_second, 1),
                world.window("mixpanel", limits.mixpanel_per_hour, limits.mixpanel_window_seconds),
            )
            for project in projects(world)
        }
        self._at_once = {project: threading.BoundedSemaphore(limits.mixpanel_at_once) for project in projects(world)}

    def enter(self, project_id: int) -> bool:
        """Take a place; False if a limit is reached."""
        if not self._at_once[project_id].acquire(blocking=False):
            return False
        if any(window.take() for window in self._windows[project_id]):
            self._at_once[project_id].release()
            return False
        return True

    def leave(self, project_id: int) -> None:
        """Give the place back."""
        self._at_once[project_id].release()


def router(world: World) -> APIRouter:
    """The routes of the export."""
    routes = APIRouter(dependencies=[Depends(world.counting("mixpanel"))])
    gate = Gate(world)

    @routes.get("/api/2.0/export")
    def export(request: Request) -> Response:
        if not is_allowed(request.headers.get("authorization"), credentials.MIXPANEL_USER, credentials.MIXPANEL_SECRET):
            return _error(401, request, "Invalid service account credentials")
        try:
            wanted = parse_export(dict(request.query_params), projects(world), world.now())
        except BadRequestError as error:
            return _error(400, request, str(error))
        if not gate.enter(wanted.project_id):
            return _error(429, request, _RATE_MESSAGE)
        lines = _until_left(_lines(world, wanted), lambda: gate.leave(wanted.project_id))
        if "gzip" in request.headers.get("accept-encoding", ""):
            return StreamingResponse(_gzipped(lines), media_type="text/plain", headers={"content-encoding": "gzip"})
        return StreamingResponse(lines, media_type="text/plain")

    mixpanel_engage.add_routes(routes, world, projects(world))
    return routes


def projects(world: World) -> dict[int, Project]:
    """All projects by id: the story's, and those of its tales, in UTC."""
    return {told.tale.project: Project(ZoneInfo("UTC"), "utc") for told in world.tales} | PROJECTS


def parse_export(query: dict[str, str], known: Mapping[int, Project], now: dt.datetime) -> Export:
    """Check the parameters of an export; BadRequestError says which one is wrong."""
    project_id = _project_id(query, known)
    project = known[project_id]
    first, last = _date(query, "from_date"), _date(query, "to_date")
    if last < first:
        raise BadRequestError("to_date cannot be before from_date")
    if last > now.astimezone(project.zone).date():
        raise BadRequestError("to_date cannot be later than today")
    if "where" in query:
        raise BadRequestError("where is not supported by this simulator: filter by event instead")
    limit = query.get("limit")
    if limit is not None and not (limit.isdigit() and 0 < int(limit) <= 100_000):
        raise BadRequestError("limit must be an integer from 1 to 100000")
    return Export(
        project_id=project_id,
        convention=project.convention,
        in_ms=query.get("time_in_ms", "").lower() in ("1", "true"),
        start=_midnight(first, project.zone),
        end=_midnight(last + dt.timedelta(days=1), project.zone),
        now_ms=int(now.timestamp() * 1000),
        names=_names(query.get("event")),
        limit=int(limit) if limit else None,
    )


def _project_id(query: dict[str, str], known: Collection[int]) -> int:
    text = query.get("project_id", "")
    if not text.isdigit():
        raise BadRequestError("project_id is a required parameter for service accounts")
    if int(text) not in known:
        raise BadRequestError(f"Invalid project_id: {text}")
    return int(text)


def _date(query: dict[str, str], name: str) -> dt.date:
    try:
        return dt.date.fromisoformat(query[name])
    except KeyError as error:
        raise BadRequestError(f"{name} is a required parameter") from error
    except ValueError as error:
        raise BadRequestError(f"{name} must be a date of the form yyyy-mm-dd") from error


def _names(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    try:
        names = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequestError("event must be a JSON array of event names") from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRequestError("event must be a JSON array of event names")
    return frozenset(names)


def _midnight(date: dt.date, zone: ZoneInfo) -> int:
    return int(dt.datetime.combine(date, dt.time(), tzinfo=zone).timestamp())


def _lines(world: World, wanted: Export) -> Iterator[bytes]:
    """The export in pieces of about _CHUNK bytes, each of whole lines."""
    source = chain(
        _cdnow_lines(wanted) if wanted.project_id == CDNOW else (),
        _story_lines(world.plan, wanted) if wanted.project_id in STORY else (),
        *(_tale_lines(told, wanted) for told in world.tales if told.tale.project == wanted.project_id),
    )
    piece: list[bytes] = []
    size = sent = 0
    for line in source:
        piece.append(line)
        size, sent = size + len(line), sent + 1
        if size >= _CHUNK:
            yield b"".join(piece)
            piece, size = [], 0
        if sent == wanted.limit:
            break
    if piece:
        yield b"".join(piece)


def _story_lines(plan: Plan, wanted: Export) -> Iterator[bytes]:
    for day in range(plan.day_of(wanted.start), plan.day_of(wanted.end - 1) + 1):
        events = event_day(plan, day)
        chosen = (events.occurred_at >= wanted.start) & (events.occurred_at < wanted.end) & (events.processed_at_ms <= wanted.now_ms)
        if wanted.names is not None:
            numbers: Ints = np.array([number for number, name in enumerate(EVENT_NAMES) if name in wanted.names], dtype=np.int64)
            chosen &= np.isin(events.name, numbers)
        rows = np.flatnonzero(chosen)
        if len(rows):
            lines = _rendered(plan, day, wanted.convention, wanted.in_ms)
            yield from (lines[row] for row in rows)


@lru_cache(maxsize=8)
def _rendered(plan: Plan, day: int, convention: TimeConvention, in_ms: bool) -> list[bytes]:
    return [_dump(each, in_ms) for each in records(plan, event_day(plan, day), convention)]


def _cdnow_lines(wanted: Export) -> Iterator[bytes]:
    if wanted.names is not None and cdnow.EVENT_NAME not in wanted.names:
        return
    for purchase in cdnow.purchases():
        if wanted.start <= purchase.occurred_at < wanted.end and purchase.processed_at_ms <= wanted.now_ms:
            yield _dump(cdnow.record(purchase, wanted.convention), wanted.in_ms)


def _tale_lines(told: Told, wanted: Export) -> Iterator[bytes]:
    for each in event_records(told, wanted.start, wanted.end, wanted.now_ms):
        if wanted.names is None or each["event"] in wanted.names:
            yield _dump(each, wanted.in_ms)


def _dump(each: Record, in_ms: bool) -> bytes:
    if in_ms:
        each["properties"]["time"] *= 1000
    written = orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE)
    return bytes(memoryview(written))  # a copy of its own size: what orjson returns keeps eight kilobytes a line


def _until_left(lines: Iterable[bytes], leave: Callable[[], None]) -> Iterator[bytes]:
    try:
        yield from lines
    finally:
        leave()


def _gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(level=1, wbits=31)
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def _error(status: int, request: Request, message: str) -> JSONResponse:
    return JSONResponse({"request": str(request.url.path), "error": message, "status": "error"}, status_code=status)
