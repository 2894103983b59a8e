"""PagerDuty: incidents, what happened to them, and who was to answer.

    /log_entries  of the window             -> log_entries (the change feed: acks, escalations, re-triggers)
    /incidents    created in the window     -> incidents
    /incidents/id that log entries name     -> incidents (older ones that changed in the window, in their present state)
    /incidents/id/notes                     -> notes, of the incidents whose log entries tell of a new one
    /services /priorities /escalation_policies /schedules     -> snapshots
    /oncalls      overlapping the window    -> oncalls
    /change_events of the window            -> change_events (deployments, and whatever else was changed)

There is no "changed since" for incidents; the log entries are the only place where a change of an old incident shows. Times are asked for
in UTC and with offset: PagerDuty reads naive ones in the account's zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, SourceError
from postlaunch.landing.records import read_json, write_json
from postlaunch.landing.streams import Stream
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import Landing, Pull, new_pull_id
from postlaunch.progress import Progress
from postlaunch.sources.base import check_window, not_pulled
from postlaunch.sources.budget import UNLIMITED, Budget
from postlaunch.sources.pagerduty.client import PAGE, ApiRecord, PagerDutyApi
from postlaunch.sources.pagerduty.spec import (
    CHANGE_EVENTS,
    ESCALATION_POLICIES,
    INCIDENTS,
    LOG_ENTRIES,
    NOTES,
    ONCALLS,
    PRIORITIES,
    SCHEDULES,
    SERVICES,
)

LONGEST_DUTY_WINDOW = dt.timedelta(days=89)  # on-calls are searched in at most three months
_REQUIRED = (LOG_ENTRIES, INCIDENTS, SERVICES)  # what broke, and when; any other stream costs itself alone
_OF_THE_WINDOW = (LOG_ENTRIES, INCIDENTS, ONCALLS, CHANGE_EVENTS)


def extract(
    launch: Launch,
    connection: Connection,
    dates: Dates,
    landing: Landing,
    progress: Progress,
    budget: Budget = UNLIMITED,
    landed: Sequence[Pull] = (),
) -> list[Pull]:
    """Pull all streams that are not `landed`. Raises SourceError if a required one fails: nothing of it is landed.

    Of an optional stream that fails nothing is landed but a warning.
    """
    if launch.pagerduty is None:
        raise ConfigError(f"launch {launch.launch!r} has no section `pagerduty`")
    check_window(launch, dates)
    return _IncidentExtraction(launch, connection, dates, landing, progress, budget, landed).run()


class _IncidentExtraction:
    """One run over one window. Log entries come first, because they name the incidents to fetch; services name the escalation policies."""

    def __init__(
        self,
        launch: Launch,
        connection: Connection,
        dates: Dates,
        landing: Landing,
        progress: Progress,
        budget: Budget,
        landed: Sequence[Pull],
    ) -> None:
        self._launch, self._landing, self._progress = launch, landing, progress
        self._partition, self._pull_id = dates, new_pull_id()
        self._window = launch.window(dates)
        self._services = frozenset(launch.pagerduty.services if launch.pagerduty else ())
        self._url = connection.base_url
        self._api = PagerDutyApi(connection, budget)
        self._mentioned: set[str] = set()
        self._noted: set[str] = set()
        self._policies: set[str] = set()
        self._warnings: list[str] = []
        self._landed = {pull.manifest.stream: pull for pull in landed}

    def run(self) -> list[Pull]:
        return [
            self._land(LOG_ENTRIES, self._log_entries(), self._learn_incident),
            self._land(INCIDENTS, self._incidents()),
            self._land(NOTES, self._notes()),
            self._land(SERVICES, self._our_services(), self._learn_policy),
            self._land(PRIORITIES, self._api.all("/priorities")),
            self._land(ESCALATION_POLICIES, self._our_policies()),
            self._land(SCHEDULES, self._our_schedules()),
            self._land(ONCALLS, self._oncalls()),
            self._land(CHANGE_EVENTS, self._change_events()),
        ]

    def _land(self, stream: Stream, records: Iterable[Any], learn: Callable[[Any], None] | None = None) -> Pull:
        """Land a stream, or take what is landed; `learn` sees every record of it, for the streams that follow."""
        if landed := self._landed.get(stream.name):
            if learn:
                for batch in landed.batches():
                    for line in batch.lines:
                        learn(read_json(line))
            return landed
        writer = PartitionWriter(
            self._landing, stream.source, self._launch.launch, stream.name, self._partition, self._pull_id, self._window
        )
        self._warnings = []
        try:
            self._write(stream, writer, records, learn)
            return writer.finalise(self._request(stream), self._warnings)
        except BaseException:
            writer.abort()
            raise

    def _write(self, stream: Stream, writer: PartitionWriter, records: Iterable[Any], learn: Callable[[Any], None] | None) -> None:
        try:
            for record in records:
                if learn:
                    learn(record)
                writer.write(write_json(record))
                self._progress(f"{stream.name}, page {1 + writer.rows_so_far // PAGE}", writer.rows_so_far, None)
        except SourceError as error:
            if stream in _REQUIRED:
                raise
            writer.drop_part()
            self._warnings = [not_pulled(stream.name, error)]

    def _request(self, stream: Stream) -> dict[str, Any]:
        request: dict[str, Any] = {"url": f"{self._url}/incidents/{{id}}/notes" if stream == NOTES else f"{self._url}/{stream.name}"}
        if stream in _OF_THE_WINDOW:
            request |= {"since": self._window.start.isoformat(), "until": self._window.end.isoformat()}
        return request | ({"services": sorted(self._services)} if self._services else {})

    def _log_entries(self) -> Iterator[Any]:
        for entry in self._api.history("/log_entries", *self._window.utc, {}):
            if self._is_ours(_field(entry, "service")):
                yield entry

    def _learn_incident(self, entry: Any) -> None:
        incident = _field(entry, "incident", "id")
        if incident:
            self._mentioned.add(str(incident))
            if _field(entry, "type") == "annotate_log_entry":
                self._noted.add(str(incident))

    def _incidents(self) -> Iterator[Any]:
        parameters: dict[str, Any] = {"service_ids[]": sorted(self._services)} if self._services else {}
        seen: set[str] = set()
        for incident in self._api.history("/incidents", *self._window.utc, parameters):
            if self._is_ours(_field(incident, "service")):
                seen.add(str(_field(incident, "id")))
                yield incident
        for missing in sorted(self._mentioned - seen):
            older = self._api.one(f"/incidents/{missing}", "incident")
            if older is None:
                self._warnings.append(f"incident {missing} is named by a log entry but is gone")
            elif self._is_ours(_field(older, "service")):
                yield older

    def _notes(self) -> Iterator[Any]:
        """All notes of an incident that got one; they come without its id."""
        for incident in sorted(self._noted):
            notes = self._api.one(f"/incidents/{incident}/notes", "notes")
            if notes is None:
                self._warnings.append(f"incident {incident} is named by a log entry but is gone, with its notes")
            for note in notes or []:
                yield {**note, "incident": {"id": incident, "type": "incident_reference"}} if isinstance(note, dict) else note

    def _our_services(self) -> Iterator[Any]:
        for service in self._api.all("/services"):
            if self._is_ours(service):
                yield service

    def _learn_policy(self, service: Any) -> None:
        self._policies.add(str(_field(service, "escalation_policy", "id")))

    def _our_policies(self) -> Iterator[Any]:
        return (policy for policy in self._api.all("/escalation_policies") if self._serves_us(policy, [policy]))

    def _our_schedules(self) -> Iterator[Any]:
        return (each for each in self._api.all("/schedules") if self._serves_us(each, _field(each, "escalation_policies") or []))

    def _oncalls(self) -> Iterator[Any]:
        """Duties that overlap the window, each with an id made of what does not change when somebody ends it early."""
        if self._services and not self._policies:
            return
        parameters: dict[str, Any] = {"escalation_policy_ids[]": sorted(self._policies)} if self._services else {}
        for duty in self._api.history("/oncalls", *self._window.utc, parameters, LONGEST_DUTY_WINDOW):
            yield {"id": duty_id(duty), **duty} if isinstance(duty, dict) else duty

    def _change_events(self) -> Iterator[Any]:
        """Those of our services, and those that name none: the API does not narrow them to services."""
        for event in self._api.history("/change_events", *self._window.utc, {}):
            services = _field(event, "services")
            if not isinstance(services, list) or not services or any(self._is_ours(service) for service in services):
                yield event

    def _is_ours(self, service: Any) -> bool:
        """A launch that names no services takes all of the account; what names no service is kept."""
        return not self._services or not isinstance(service, dict) or service.get("id") in self._services

    def _serves_us(self, record: Any, policies: list[Any]) -> bool:
        """What is not a record is kept: the loader puts it into quarantine."""
        return not self._services or not isinstance(record, dict) or any(str(_field(each, "id")) in self._policies for each in policies)


def duty_id(duty: ApiRecord) -> str:
    """On-calls have no id: policy, level, schedule, person and start make one. A duty without a start is a permanent one."""
    policy, schedule, person = (str(_field(duty, name, "id") or "none") for name in ("escalation_policy", "schedule", "user"))
    return "/".join([policy, str(duty.get("escalation_level")), schedule, person, str(duty.get("start") or "always")])


def _field(record: Any, *names: str) -> Any:
    """A field, or the field of a field; None where there is none, or no record."""
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record
