"""Mixpanel's user profiles (`engage`): the attributes of accounts that a launch asks for, and none besides.

    page 0 -> session, total -> pages 1, 2, ... of that session -> landing zone, one partition for the window of the pull

Profiles tell how things are now, so only a window that reaches yesterday brings them. A session is a snapshot on Mixpanel's side: it is
complete if it gave as many profiles as its first page announced, each once. An empty page is not the end. A session that expires,
repeats itself or changes its total is thrown away, and a new one begun. It cannot be cut in two, so a project whose profiles need more
pages than an hour's calls can bear is not begun: the pull is empty, with a warning that the gate shows.

`mixpanel_utils` builds the call, by the client of mixpanel/http.py. Its own paging is not used: it holds every profile in memory, turns an
error into None, and never looks whether all came. Personal data stays at Mixpanel: `output_properties` names what may be sent.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from array import array
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch, Mixpanel
from postlaunch.dates import Dates
from postlaunch.errors import SourceError
from postlaunch.landing.bounds import AnswerTooLargeError, TooLargeError, beginning_of, body_of, check_values
from postlaunch.landing.records import read_json, write_json
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.progress import Progress
from postlaunch.sources.base import TransientError, call, check_status, garbage, not_pulled, public_url, wait_of
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.http import answer_of
from postlaunch.sources.mixpanel.http import MixpanelClient
from postlaunch.sources.mixpanel.spec import PROFILES

SESSIONS = 3  # a session that breaks is begun again so often
EMPTY_PAGES = 3  # in a row, before the list counts as broken
MOST_PAGES = 50  # of the 60 calls an hour that the exports of the project live from too
_QUERY_HOSTS = {"data.mixpanel.com": "mixpanel.com", "data-eu.mixpanel.com": "eu.mixpanel.com", "data-in.mixpanel.com": "in.mixpanel.com"}
_YESTERDAY = dt.timedelta(days=1)

log = logging.getLogger(__name__)


class BrokenSessionError(Exception):
    """What this session gave is not whole; the message says why."""


class TooManyError(SourceError):
    """No session can give all of it within the limit of calls; the message says how many there are."""


@dataclass(frozen=True)
class Page:
    """One page of a session; `total` is of the whole session."""

    session_id: str
    total: int
    results: list[dict[str, Any]]


def land_profiles(
    launch: Launch, connection: Connection, dates: Dates, landing: Landing, progress: Progress, budget: Budget = UNLIMITED
) -> list[Pull]:
    """Pull the profiles as they are now, if the launch asks for any and `last` is yesterday or today.

    Nothing that events are counted by needs them: where they cannot be had, none is landed, with a warning.
    """
    config, today = launch.mixpanel, dt.datetime.now(launch.zone).date()
    if config is None or not config.profile_properties or dates.last < today - _YESTERDAY:
        return []
    window = launch.window(dates)
    writer = PartitionWriter(landing, PROFILES.source, launch.launch, PROFILES.name, dates, new_pull_id(), window)
    warnings: list[str] = []
    try:
        with EngageApi(connection, config, budget) as api:
            try:
                _land_profiles(writer, api, progress)
            except SourceError as error:
                writer.drop_part()
                warnings = [not_pulled(PROFILES.name, error)]
        request = {"url": api.url, "project_id": config.project_id, "profile_properties": list(config.profile_properties)}
        return [writer.finalise(request, warnings)]
    except BaseException:
        writer.abort()
        raise


def _land_profiles(writer: PartitionWriter, api: EngageApi, progress: Progress) -> None:
    """Land every profile. Raises SourceError."""
    for attempt in range(1, SESSIONS + 1):
        try:
            return _land_session(writer, api, progress)
        except BrokenSessionError as broken:
            writer.drop_part()
            log.warning("mixpanel: profiles: %s [session %s of %s]", broken, attempt, SESSIONS)
            reason = broken
    raise SourceError(f"mixpanel: {api.url} gave no whole list of profiles in {SESSIONS} sessions: {reason}")


def _land_session(writer: PartitionWriter, api: EngageApi, progress: Progress) -> None:
    """Land every profile of one session. Raises BrokenSessionError, or TooManyError before the first is landed."""
    page, number, empty, seen = api.page(0, None), 0, 0, array("q")
    session, total = page.session_id, page.total
    if page.results and (pages := math.ceil(total / len(page.results))) > MOST_PAGES:
        raise TooManyError(f"{total:,} profiles need {pages:,} calls, and more than {MOST_PAGES} leave none for the events")
    while True:
        for distinct_id, line in api.lines(page):
            seen.append(hash((len(seen), line) if distinct_id is None else distinct_id))
            writer.write(line)
        progress("profiles", len(seen), total)
        if len(seen) >= total:
            break
        empty = 0 if page.results else empty + 1
        if empty > EMPTY_PAGES:
            raise BrokenSessionError(f"{len(seen):,} of {total:,} profiles came, then {empty} empty pages")
        number += 1
        page = api.page(number, session)
        if page.total != total:
            raise BrokenSessionError(f"its total went from {total:,} to {page.total:,} while it was read")
    different = len(np.unique(np.array(seen, dtype=np.int64)))
    if (len(seen), different) != (total, total):
        raise BrokenSessionError(f"{len(seen):,} profiles came, {different:,} different ones, and {total:,} were announced")


class EngageApi:
    """The engage endpoint of one project. Raw export and queries have hosts of their own at Mixpanel; any other host serves both."""

    def __init__(self, connection: Connection, config: Mixpanel, budget: Budget = UNLIMITED) -> None:
        """Nothing is called yet."""
        parts = urlsplit(connection.base_url)
        base = parts._replace(netloc=_QUERY_HOSTS.get(parts.netloc, parts.netloc)).geturl()
        self._client = MixpanelClient(connection, config.project_id)
        self._client.formatted_api = f"{base}/api"
        self.url = public_url(f"{base}/api/2.0/engage")
        self._connection, self._budget, self._properties = connection, budget, config.profile_properties

    def __enter__(self) -> EngageApi:
        """The open client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._client.http.close()

    def page(self, number: int, session_id: str | None) -> Page:
        """One page. Raises BrokenSessionError if the session is not known any more or answers with another page; else SourceError."""
        answer = call(self._budget, self._ask, number, session_id)
        try:
            page = Page(str(answer["session_id"]), int(answer["total"]), answer["results"])
        except (KeyError, TypeError, ValueError):
            raise garbage(self._connection, "mixpanel", self.url, write_json(answer), "a page of profiles") from None
        if answer.get("page", number) != number:
            raise BrokenSessionError(f"page {number} was asked for, and page {answer['page']} came")
        return page

    def lines(self, page: Page) -> list[tuple[str | None, bytes]]:
        """Id and landed line of each profile. Raises SourceError if none of them is one."""
        found = [self._line(profile) for profile in page.results]
        if found and all(distinct_id is None for distinct_id, _ in found):
            raise garbage(self._connection, "mixpanel", self.url, write_json(page.results[0]), "profiles")
        return found

    def _line(self, profile: Any) -> tuple[str | None, bytes]:
        """The asked properties that it has. What is not a profile has no id, and the loader refuses it, alone."""
        fields = profile if isinstance(profile, dict) else {}
        distinct_id, properties = fields.get("$distinct_id"), fields.get("$properties")
        if distinct_id is None or not isinstance(properties, dict):
            return None, write_json({"id": None, "is_profile": False})
        kept = {name: properties[name] for name in self._properties if name in properties}
        return str(distinct_id), write_json({"id": str(distinct_id), "properties": kept})

    def _ask(self, number: int, session_id: str | None) -> dict[str, Any]:
        query: dict[str, Any] = {"output_properties": orjson.dumps(self._properties).decode()}
        if session_id is not None:
            query |= {"session_id": session_id, "page": number}
        request = self._client.prepare(self._client.formatted_api, ["engage"], query)
        try:
            with answer_of(self._client.http, request, self._connection, "mixpanel") as response:
                read = body_of if response.is_success else beginning_of
                body = read(response.iter_raw(), response.headers.get("Content-Encoding"))
            check_values(body)
        except TooLargeError as error:
            raise AnswerTooLargeError("mixpanel", self.url, f"page {number}", error) from None
        if not response.is_success:
            said = body.decode("utf-8", "replace")
            if response.status_code == 400 and session_id is not None and ("session" in said.lower() or "uncached" in said.lower()):
                raise BrokenSessionError("it expired before its last page")
            check_status(self._connection, "mixpanel", self.url, response.status_code, wait_of(response.headers), said)
        return self._read(body)

    def _read(self, body: bytes) -> dict[str, Any]:
        if body.lstrip()[:1] == b"<":
            raise garbage(self._connection, "mixpanel", self.url, body)
        try:
            answer = read_json(body)
        except ValueError:
            raise TransientError(f"mixpanel: the answer of {self.url} is not complete: its JSON has no end; try again later") from None
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise garbage(self._connection, "mixpanel", self.url, body, "a page of profiles")
        return answer
