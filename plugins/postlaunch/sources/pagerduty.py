"""PagerDuty: incidents, what happened to them, and the services they belong to.

    /log_entries  of the window            -> log_entries (the change feed: acks, escalations, re-triggers)
    /incidents    created in the window    -> incidents
    /incidents/id that log entries name    -> incidents (older ones that changed in the window, in their present state)
    /services                              -> services (a snapshot)

There is no "changed since" for incidents; the log entries are the only place where a change of an old incident shows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch
from postlaunch.errors import ConfigError
from postlaunch.sources.base import Progress, check_window, write_json
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.landing import Landing, Pull, new_pull_id
from postlaunch.sources.landing_writer import PartitionWriter
from postlaunch.sources.pagerduty_client import PagerDutyApi, Record
from postlaunch.sources.streams import INCIDENTS, LOG_ENTRIES, SERVICES, Stream


def extract(
    launch: Launch,
    connection: Connection,
    first: dt.date,
    last: dt.date,
    landing: Landing,
    progress: Progress,
    budget: Budget = UNLIMITED,
) -> list[Pull]:
    """Pull the three streams. Raises SourceError; then nothing of the failed stream is landed."""
    if launch.pagerduty is None:
        raise ConfigError(f"launch {launch.launch!r} has no section `pagerduty`")
    check_window(launch, first, last)
    return _Extraction(launch, connection, first, last, landing, progress).run()


class _Extraction:
    """One run over one window. The log entries come first, because they name the incidents to fetch."""

    def __init__(self, launch: Launch, connection: Connection, first: dt.date, last: dt.date, landing: Landing, progress: Progress) -> None:
        self._launch, self._landing, self._progress = launch, landing, progress
        self._partition, self._pull_id = (first, last), new_pull_id()
        self._window = launch.window(first, last)
        self._services = frozenset(launch.pagerduty.services if launch.pagerduty else ())
        self._url = connection.base_url
        self._api = PagerDutyApi(connection)
        self._mentioned: set[str] = set()
        self._gone: list[str] = []

    def run(self) -> list[Pull]:
        return [
            self._land(LOG_ENTRIES, self._log_entries()),
            self._land(INCIDENTS, self._incidents()),
            self._land(SERVICES, (service for service in self._api.all("/services") if self._is_ours(service))),
        ]

    def _land(self, stream: Stream, records: Iterable[Record]) -> Pull:
        writer = PartitionWriter(
            self._landing, stream.source, self._launch.launch, stream.name, self._partition, self._pull_id, self._window
        )
        try:
            for record in records:
                writer.write(write_json(record))
                self._progress(stream.name, writer.rows_so_far, None)
            return writer.finalise(self._request(stream), [f"incident {gone} is named by a log entry but is gone" for gone in self._gone])
        except BaseException:
            writer.abort()
            raise

    def _request(self, stream: Stream) -> dict[str, Any]:
        request: dict[str, Any] = {"url": f"{self._url}/{stream.name}"}
        if stream is not SERVICES:
            request |= {"since": self._window[0].isoformat(), "until": self._window[1].isoformat()}
        return request | ({"services": sorted(self._services)} if self._services else {})

    def _log_entries(self) -> Iterator[Record]:
        for entry in self._api.history("/log_entries", *_utc(self._window), {}):
            if not self._is_ours(entry.get("service")):
                continue
            incident = (entry.get("incident") or {}).get("id")
            if incident:
                self._mentioned.add(incident)
            yield entry

    def _incidents(self) -> Iterator[Record]:
        parameters: dict[str, Any] = {"service_ids[]": sorted(self._services)} if self._services else {}
        seen: set[str] = set()
        for incident in self._api.history("/incidents", *_utc(self._window), parameters):
            if self._is_ours(incident.get("service")):
                seen.add(str(incident.get("id")))
                yield incident
        for missing in sorted(self._mentioned - seen):
            older = self._api.one(f"/incidents/{missing}")
            if older is None:
                self._gone.append(missing)
            elif self._is_ours(older.get("service")):
                yield older

    def _is_ours(self, service: Any) -> bool:
        """A launch that names no services takes all of the account; what names no service is kept."""
        return not self._services or not isinstance(service, dict) or service.get("id") in self._services


def _utc(window: tuple[dt.datetime, dt.datetime]) -> tuple[dt.datetime, dt.datetime]:
    """Times always with offset: PagerDuty reads naive ones in the account's zone."""
    return window[0].astimezone(dt.UTC), window[1].astimezone(dt.UTC)
