"""Zendesk: everything that changed since the window began, to the end of the stream, and what it was judged by.

    /incremental/tickets/cursor.json?include=metric_sets,...      cursor   -> tickets (deleted ones too: status `deleted`)
    /incremental/ticket_metric_events                             time     -> ticket_metric_events
    /incremental/ticket_events?include=comment_events             time     -> ticket_events (who changed or wrote what, comments in full)
    /satisfaction_ratings?start_time=                             cursor   -> satisfaction_ratings
    /incremental/users/cursor.json, /incremental/organizations    both     -> users, organizations (whole account, all brands)
    /slas/policies, /business_hours/schedules and their holidays  lists    -> sla_policies, schedules, holidays (snapshots)

There is no upper cut. The export lists a ticket once, at its latest change: a ticket of Monday that changed on Friday stands under Friday
only, so a pull of Monday that stopped on Monday night would miss it. The loader merges by id and keeps the newest version, whatever the
order of pulls. Users and organizations that have not changed since the window began are not in their own exports: those that tickets
name come beside the tickets. All incremental exports share ten calls a minute: pages are as large as the API makes them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, SourceError
from postlaunch.landing.records import write_json
from postlaunch.landing.streams import Stream
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.progress import Progress
from postlaunch.sources.base import check_window, not_pulled, public_url
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.zendesk.http import Answer, ZendeskApi
from postlaunch.sources.zendesk.spec import (
    HOLIDAYS,
    METRIC_EVENTS,
    ORGANIZATIONS,
    RATINGS,
    SCHEDULES,
    SLA_POLICIES,
    TICKET_EVENTS,
    TICKETS,
    USERS,
    ZENDESK,
)

_NOT_BEFORE_SECONDS = 90  # Zendesk refuses a start_time within the last minute
_PATHS = {
    TICKETS: "incremental/tickets/cursor.json",
    METRIC_EVENTS: "incremental/ticket_metric_events.json",
    TICKET_EVENTS: "incremental/ticket_events.json",
    RATINGS: "satisfaction_ratings.json",
    USERS: "incremental/users/cursor.json",
    ORGANIZATIONS: "incremental/organizations.json",
    SLA_POLICIES: "slas/policies",
    SCHEDULES: "business_hours/schedules",
    HOLIDAYS: "business_hours/schedules/{id}/holidays",
}
_TOGETHER = ((TICKETS, USERS, ORGANIZATIONS), (SCHEDULES, HOLIDAYS))  # the first of each tells something of the others
_REQUIRED = (TICKETS, METRIC_EVENTS, TICKET_EVENTS)  # what a ticket was, and when; any other stream costs itself alone
_PARAMETERS: dict[Stream, dict[str, str]] = {  # the streams that are asked for with a start_time
    TICKETS: {"include": "metric_sets,users,organizations", "per_page": "1000"},
    METRIC_EVENTS: {},  # without page[size] it pages by time, 1,000 at once instead of 100: the limit is ten calls a minute
    TICKET_EVENTS: {"include": "comment_events", "per_page": "1000"},
    RATINGS: {"page[size]": "100"},
    USERS: {"per_page": "1000"},
    ORGANIZATIONS: {"per_page": "1000"},
}


def extract(
    launch: Launch,
    connection: Connection,
    dates: Dates,
    landing: Landing,
    progress: Progress,
    budget: Budget = UNLIMITED,
    landed: Sequence[Pull] = (),
) -> list[Pull]:
    """Pull what changed since the start of `first`, all streams that are not `landed`.

    Raises SourceError if a required stream fails; then nothing of it is landed, and the streams before it stay, for the next run to go on
    from. Of an optional stream that fails nothing is landed but a warning.
    """
    if launch.zendesk is None:
        raise ConfigError(f"launch {launch.launch!r} has no section `zendesk`")
    check_window(launch, dates)
    return _TicketExtraction(launch, ZendeskApi(connection, budget), launch.zendesk.brand_id, dates, landing, progress, landed).run()


class _TicketExtraction:
    """One run over one window. Tickets come first, with people beside them; schedules come before their holidays."""

    def __init__(
        self,
        launch: Launch,
        api: ZendeskApi,
        brand: int | None,
        partition: Dates,
        landing: Landing,
        progress: Progress,
        landed: Sequence[Pull],
    ) -> None:
        self._launch, self._api, self._brand = launch, api, brand
        self._partition, self._landing, self._progress = partition, landing, progress
        self._pull_id, self._window = new_pull_id(), launch.window(partition)
        self._start_time = _start_time(self._window.start)
        self._schedules: list[Any] = []
        self._beside: dict[Stream, set[str]] = {USERS: set(), ORGANIZATIONS: set()}
        self._writers: dict[Stream, PartitionWriter] = {}
        found = {pull.manifest.stream for pull in landed}
        torn = {stream.name for streams in _TOGETHER for stream in streams if any(other.name not in found for other in streams)}
        self._landed = {pull.manifest.stream: pull for pull in landed if pull.manifest.stream not in torn}

    def run(self) -> list[Pull]:
        try:
            return [self._land(stream) for stream in ZENDESK.streams]
        except BaseException:
            for writer in self._writers.values():
                writer.abort()
            raise

    def _land(self, stream: Stream) -> Pull:
        if stream.name in self._landed:
            return self._landed[stream.name]
        writer, warnings = self._writer(stream), list[str]()
        writer.close_part()  # what came beside the tickets stays
        try:
            for page, records in enumerate(self._pages(stream), start=1):
                writer.write_all([write_json(record) for record in records])
                self._progress(f"{stream.name}, page {page}", writer.rows_so_far, None)
        except SourceError as error:
            if stream in _REQUIRED:
                raise
            writer.drop_part()
            warnings.append(not_pulled(stream.name, error))
        pull = writer.finalise(self._request(stream), warnings)
        del self._writers[stream]
        return pull

    def _writer(self, stream: Stream) -> PartitionWriter:
        """The writer of a stream that is not finished yet."""
        if stream not in self._writers:
            self._writers[stream] = PartitionWriter(
                self._landing, stream.source, self._launch.launch, stream.name, self._partition, self._pull_id, self._window
            )
        return self._writers[stream]

    def _land_beside(self, answer: Answer) -> None:
        """Land the users and organizations that stand beside the tickets of a page, each once a pull."""
        for stream, seen in self._beside.items():
            records = answer.get(stream.name)
            for record in records if isinstance(records, list) else []:
                if isinstance(record, dict) and str(record.get("id")) not in seen:
                    seen.add(str(record.get("id")))
                    self._writer(stream).write(write_json(record))

    def _request(self, stream: Stream) -> dict[str, Any]:
        request: dict[str, Any] = {"url": self._api.url(_PATHS[stream]), **self._parameters(stream)}
        return request if self._brand is None else request | {"brand_id": self._brand}

    def _parameters(self, stream: Stream) -> dict[str, str]:
        return {**_PARAMETERS[stream], "start_time": self._start_time} if stream in _PARAMETERS else {}

    def _pages(self, stream: Stream) -> Iterator[list[Any]]:
        if stream == TICKETS:
            for answer in self._api.changes(_PATHS[stream], self._parameters(stream)):
                yield [record for record in self._records(answer, stream) if _is_ours(record, self._brand)]
                self._land_beside(answer)
        elif stream in _PARAMETERS:
            for answer in self._api.changes(_PATHS[stream], self._parameters(stream)):
                yield self._records(answer, stream)
        elif stream == HOLIDAYS:
            for schedule in self._schedules:
                for answer in self._api.listed(_PATHS[stream].format(id=schedule)):
                    records = self._records(answer, stream)
                    yield [{**record, "schedule_id": schedule} if isinstance(record, dict) else record for record in records]
        else:
            for answer in self._api.listed(_PATHS[stream]):
                records = self._records(answer, stream)
                if stream == SCHEDULES:
                    self._schedules += [record["id"] for record in records if isinstance(record, dict) and record.get("id")]
                yield records

    def _records(self, answer: Answer, stream: Stream) -> list[Any]:
        """The records of a page; metric sets that come beside the tickets are put into them."""
        records = answer.get(stream.name)
        if not isinstance(records, list):
            url = public_url(self._api.url(_PATHS[stream]))
            raise SourceError(f"zendesk: {url} has no list {stream.name!r} in its answer; is this the Support API?")
        metric_sets = {str(entry.get("ticket_id")): entry for entry in answer.get("metric_sets") or [] if isinstance(entry, dict)}
        if metric_sets:
            for record in records:
                if isinstance(record, dict) and str(record.get("id")) in metric_sets:
                    record.setdefault("metric_set", metric_sets[str(record["id"])])
        return records


def _start_time(start: dt.datetime) -> str:
    return str(int(min(start.timestamp(), dt.datetime.now(dt.UTC).timestamp() - _NOT_BEFORE_SECONDS)))


def _is_ours(ticket: Any, brand: int | None) -> bool:
    """Tickets of other brands are another launch's; a ticket that says no brand is kept."""
    return brand is None or not isinstance(ticket, dict) or ticket.get("brand_id") in (None, brand)
