"""How the simulated Zendesk pages: by cursor, by time, by number. Incremental pages leave out the last minute, as Zendesk does."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import JSONResponse

from sandbox.story.plan import Record

PAGE_LIMIT = 1000
CURSOR_PAGE = 400  # the server may send fewer than asked for
EMPTY_PAGE = 2  # this page of every longer cursor stream is empty
RECENT_SECONDS = 60


class ApiError(Exception):
    """An answer other than 200, with Zendesk's error code."""

    def __init__(self, status: int, error: str, description: str, headers: dict[str, str] | None = None) -> None:
        """Keep the answer ready."""
        super().__init__(description)
        self.response = JSONResponse({"error": error, "description": description}, status_code=status, headers=headers)


@dataclass(frozen=True)
class Entry:
    """A record of an incremental export: the epoch second of its change, its id, and how it is shown."""

    at: int
    id: int
    show: Callable[[], Record]


def by_cursor(request: Request, name: str, entries: Sequence[Entry], now: float) -> Record:
    """A page after a cursor, or from a start time on; `entries` in order of (at, id)."""
    query = request.query_params
    after, page = read_cursor(query["cursor"]) if "cursor" in query else ((start_time(query.get("start_time"), now), -1), 1)
    size = min(whole(query.get("per_page"), "per_page", default=PAGE_LIMIT), CURSOR_PAGE)
    waiting = [entry for entry in entries if (entry.at, entry.id) > after]
    shown = [] if page == EMPTY_PAGE and waiting else waiting[:size]
    last = (shown[-1].at, shown[-1].id) if shown else after
    is_end = len(shown) == len(waiting)
    cursor = write_cursor(last, 1 if is_end else page + 1)
    return {
        name: [entry.show() for entry in shown],
        "after_url": str(request.url.remove_query_params("start_time").include_query_params(cursor=cursor)),
        "after_cursor": cursor,
        "before_url": None,
        "before_cursor": None,
        "end_of_stream": is_end,
    }


def by_time(request: Request, name: str, entries: Sequence[Entry], now: float) -> Record:
    """A page from a start time on. It goes on with its last second: what changed within it comes twice."""
    start = start_time(request.query_params.get("start_time"), now)
    size = min(whole(request.query_params.get("per_page"), "per_page", default=PAGE_LIMIT), PAGE_LIMIT)
    waiting = [entry for entry in entries if entry.at >= start]
    shown = waiting[:size]
    end = shown[-1].at if shown else start
    return {
        name: [entry.show() for entry in shown],
        "count": len(shown),
        "end_of_stream": len(shown) == len(waiting),
        "end_time": end,
        "next_page": str(request.url.include_query_params(start_time=end)),
    }


def by_number(request: Request, name: str, found: list[Record]) -> Record:
    """A page of a plain list, by `page[size]` and cursor or by `page` and `per_page`."""
    query = request.query_params
    if "page[size]" in query or "page[after]" in query:
        return _by_list_cursor(request, name, found)
    page, size = whole(query.get("page"), "page", default=1), min(whole(query.get("per_page"), "per_page", default=100), 100)
    following = str(request.url.include_query_params(page=page + 1)) if page * size < len(found) else None
    return {name: found[(page - 1) * size : page * size], "count": len(found), "next_page": following, "previous_page": None}


def _by_list_cursor(request: Request, name: str, found: list[Record]) -> Record:
    query = request.query_params
    size = min(whole(query.get("page[size]"), "page[size]", default=100), 100)
    after = read_cursor(query["page[after]"])[0][1] if "page[after]" in query else 0
    waiting = sorted((record for record in found if record["id"] > after), key=lambda record: record["id"])
    shown = waiting[:size]
    cursor = write_cursor((0, shown[-1]["id"]), 1) if shown else None
    more = len(waiting) > size
    url = str(request.url.include_query_params(**{"page[after]": cursor})) if more else None
    return {
        name: shown,
        "meta": {"has_more": more, "after_cursor": cursor, "before_cursor": None},
        "links": {"next": url, "prev": None},
    }


def start_time(text: str | None, now: float) -> int:
    """The start time asked for; an error within the last minute."""
    if text is None:
        raise ApiError(400, "InvalidValue", "start_time or cursor is required")
    start = whole(text, "start_time", default=0)
    if start > now - RECENT_SECONDS:
        raise ApiError(400, "StartTimeTooRecent", "Too recent start_time. Use a start_time older than 60 seconds")
    return start


def whole(text: str | None, name: str, *, default: int) -> int:
    """A whole number of the query."""
    if text is None:
        return default
    if not text.isdigit():
        raise ApiError(400, "InvalidValue", f"{name} must be a whole number of at least 0, found {text!r}")
    return int(text)


def write_cursor(after: tuple[int, int], page: int) -> str:
    """A cursor that stands after a record and knows the number of its page."""
    return base64.urlsafe_b64encode(f"{after[0]}.0||{after[1]}||{page}".encode()).decode()


def read_cursor(text: str) -> tuple[tuple[int, int], int]:
    """What `write_cursor` wrote."""
    try:
        generated, identifier, page = base64.urlsafe_b64decode(text).decode().split("||")
        return (int(float(generated)), int(identifier)), int(page)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, "InvalidCursor", f"cursor {text!r} is not one of ours") from error
