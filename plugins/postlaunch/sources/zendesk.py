"""Zendesk incremental exports: everything that changed since the window began, to the end of the stream.

    /incremental/tickets/cursor.json?include=metric_sets   cursor             -> tickets (deleted ones too: status `deleted`)
    /incremental/ticket_metric_events                      time               -> ticket_metric_events
    /satisfaction_ratings?start_time=                      cursor             -> satisfaction_ratings

There is no upper cut. The export lists a ticket once, at its latest change: a ticket of Monday that changed on Friday stands under Friday
only, so a pull of Monday that stopped on Monday night would miss it. The loader merges by id and keeps the newest version, whatever the
order of pulls.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.exceptions import RequestException

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch
from postlaunch.errors import ConfigError, SourceError
from postlaunch.sources.base import (
    CONNECT_SECONDS,
    Progress,
    check_status,
    check_window,
    garbage,
    public_url,
    read_json,
    retrying,
    unreachable,
    wait_of,
    write_json,
)
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.landing import Landing, Pull, new_pull_id
from postlaunch.sources.landing_writer import PartitionWriter
from postlaunch.sources.streams import METRIC_EVENTS, RATINGS, STREAMS, TICKETS, Stream

ANSWER_SECONDS = 120.0
_TIME_BASED_PAGE = 1000
_NOT_BEFORE_SECONDS = 90  # Zendesk refuses a start_time within the last minute
_PATHS = {
    TICKETS: "incremental/tickets/cursor.json",
    METRIC_EVENTS: "incremental/ticket_metric_events.json",
    RATINGS: "satisfaction_ratings.json",
}
_PARAMETERS: dict[Stream, dict[str, str]] = {
    TICKETS: {"include": "metric_sets", "per_page": "1000"},
    METRIC_EVENTS: {},  # without page[size] it pages by time, 1,000 at once instead of 100: the limit is ten calls a minute
    RATINGS: {"page[size]": "100"},
}
Answer = dict[str, Any]


def extract(
    launch: Launch,
    connection: Connection,
    first: dt.date,
    last: dt.date,
    landing: Landing,
    progress: Progress,
    budget: Budget = UNLIMITED,
) -> list[Pull]:
    """Pull what changed since the start of `first`. Raises SourceError; then nothing of the failed stream is landed."""
    if launch.zendesk is None:
        raise ConfigError(f"launch {launch.launch!r} has no section `zendesk`")
    check_window(launch, first, last)
    session = _session(connection)
    brand = launch.zendesk.brand_id
    pull_id, window = new_pull_id(), launch.window(first, last)
    pulls: list[Pull] = []
    for stream in STREAMS["zendesk"]:
        writer = PartitionWriter(landing, stream.source, launch.launch, stream.name, (first, last), pull_id, window)
        request: dict[str, Any] = {"url": _url(connection, stream), **_PARAMETERS[stream], "start_time": _start_time(window[0])}
        try:
            for answer in _answers(session, connection, stream, request["start_time"]):
                records = [record for record in _records(answer, stream, request["url"]) if stream != TICKETS or _is_ours(record, brand)]
                writer.write_all([write_json(record) for record in records])
                progress(stream.name, writer.rows_so_far, None)
            pulls.append(writer.finalise(request if brand is None else {**request, "brand_id": brand}))
        except BaseException:
            writer.abort()
            raise
    return pulls


def _session(connection: Connection) -> requests.Session:
    """Zenpy's authenticated session. Its iteration is not used: an empty page in the middle ends it, and half the data is lost."""
    from zenpy import Zenpy
    from zenpy.lib.exception import ZenpyException

    try:
        client = Zenpy(subdomain=connection.host.split(".")[0], email=connection.login, token=connection.password, disable_cache=True)
    except ZenpyException:  # its message quotes the credentials
        raise ConfigError(f"connection {connection.conn_id!r} needs login (e-mail) and password (API token) for Zendesk") from None
    session: requests.Session = client.tickets.session
    return session


def _url(connection: Connection, stream: Stream) -> str:
    return f"{connection.base_url}/api/v2/{_PATHS[stream]}"


def _start_time(start: dt.datetime) -> str:
    return str(int(min(start.timestamp(), dt.datetime.now(dt.UTC).timestamp() - _NOT_BEFORE_SECONDS)))


def _answers(session: requests.Session, connection: Connection, stream: Stream, start_time: str) -> Iterator[Answer]:
    """Every page from `start_time` to the end of the stream; empty pages in the middle are pages."""
    url = _url(connection, stream)
    parameters = {**_PARAMETERS[stream], "start_time": start_time}
    asked: set[tuple[tuple[str, str], ...]] = set()
    while True:
        position = tuple(sorted(parameters.items()))
        if position in asked:
            raise SourceError(
                f"zendesk: {public_url(url)} stands still: it names a page as the next that was read already; nothing was landed"
            )
        asked.add(position)
        answer = retrying()(_get, session, connection, url, parameters)
        yield answer
        if _is_end(answer, url):
            return
        parameters = _next_parameters(answer, parameters, url)


def _is_end(answer: Answer, url: str) -> bool:
    """Only the API's own word ends a stream: `end_of_stream`.

    Endpoints that never say it: `meta.has_more` (cursor), a page that is not full (time-based), no `next_page` (offset).
    """
    if "end_of_stream" in answer:
        return bool(answer["end_of_stream"])
    meta = answer.get("meta")
    if isinstance(meta, dict) and "has_more" in meta:
        return not meta["has_more"]
    if "end_time" in answer and "count" in answer:
        return int(answer["count"]) < _TIME_BASED_PAGE
    if "next_page" in answer:
        return answer["next_page"] is None
    raise SourceError(f"zendesk: {public_url(url)} says neither that there is more nor that this is the end; nothing was landed")


def _next_parameters(answer: Answer, parameters: dict[str, str], url: str) -> dict[str, str]:
    """The parameters of the next page. Only the query of a next link is taken: our credentials go to our host alone."""
    if answer.get("after_cursor"):
        return {**{name: value for name, value in parameters.items() if name != "start_time"}, "cursor": str(answer["after_cursor"])}
    link = (answer.get("links") or {}).get("next") or answer.get("after_url") or answer.get("next_page")
    if link:
        return dict(parse_qsl(urlsplit(str(link)).query))
    cursor = (answer.get("meta") or {}).get("after_cursor")
    if cursor:
        return {**parameters, "page[after]": str(cursor)}
    raise SourceError(f"zendesk: {public_url(url)} says that there is more, but not where; nothing was landed")


def _get(session: requests.Session, connection: Connection, url: str, parameters: dict[str, str]) -> Answer:
    try:
        response = session.get(url, params=parameters, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), allow_redirects=False)
    except RequestException as error:
        raise unreachable(connection, "zendesk", url, _cause(error)) from None
    check_status(connection, "zendesk", url, response.status_code, wait_of(response.headers), response.text[:2000])
    try:
        answer = read_json(response.content)
    except ValueError:
        raise garbage(connection, "zendesk", url, response.content) from None
    if not isinstance(answer, dict):
        raise garbage(connection, "zendesk", url, response.content, "a JSON object")
    return answer


def _cause(error: RequestException) -> BaseException:
    """What requests wraps, without the pool's repr around it."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", None) or (inner if isinstance(inner, BaseException) else error)


def _records(answer: Answer, stream: Stream, url: str) -> list[dict[str, Any]]:
    """The records of a page; metric sets that come beside the tickets are put into them."""
    records = answer.get(stream.name)
    if not isinstance(records, list):
        raise SourceError(f"zendesk: {public_url(url)} has no list {stream.name!r} in its answer; is this the Support API?")
    metric_sets = {entry.get("ticket_id"): entry for entry in answer.get("metric_sets") or [] if isinstance(entry, dict)}
    if metric_sets:
        for record in records:
            if isinstance(record, dict) and record.get("id") in metric_sets:
                record.setdefault("metric_set", metric_sets[record["id"]])
    return records


def _is_ours(ticket: Any, brand: int | None) -> bool:
    """Tickets of other brands are another launch's; a ticket that says no brand is kept."""
    return brand is None or not isinstance(ticket, dict) or ticket.get("brand_id") in (None, brand)
