"""Ingest = extract to the landing zone + load into the warehouse. `load` is the second half alone, and never calls an API.

    ingest("mixpanel", launch, first, last)  ->  sources/mixpanel.py  ->  landing zone  ->  warehouse/loader.py  ->  raw.*, ops.*

One source and one launch a call: a source that fails takes nobody with it. Nothing is loaded before everything was pulled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from postlaunch.config.connections import get_connection
from postlaunch.config.launch import Launch, Mixpanel, PagerDuty, Prometheus, Source, Zendesk
from postlaunch.config.settings import load_settings
from postlaunch.errors import ConfigError, LandingError, PostlaunchError, WarehouseError
from postlaunch.sources import extractor
from postlaunch.sources.base import Progress, each_date
from postlaunch.sources.landing import Landing, Pull
from postlaunch.sources.streams import STREAMS, Stream
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.loader import Loader, LoadResult
from postlaunch.warehouse.loader_samples import samples_in_line


@dataclass(frozen=True)
class IngestResult:
    """What an ingest or a reload did."""

    source: Source
    launch: str
    first: dt.date
    last: dt.date
    loads: tuple[LoadResult, ...]

    @property
    def landed(self) -> int:
        """Rows in the landing zone (samples for Prometheus)."""
        return sum(load.landed for load in self.loads)

    @property
    def loaded(self) -> int:
        """Rows that are new or changed; unchanged partitions count with what they hold."""
        return sum(load.loaded for load in self.loads)

    @property
    def duplicates(self) -> int:
        """Rows that were there already."""
        return sum(load.duplicates for load in self.loads)

    @property
    def quarantined(self) -> int:
        """Rows that were refused."""
        return sum(load.quarantined for load in self.loads)

    @property
    def is_changed(self) -> bool:
        """True if the warehouse is not what it was: something has to be built."""
        return any(load.is_changed for load in self.loads)

    @property
    def summary(self) -> str:
        """One line for a person."""
        changed = sum(load.is_changed for load in self.loads)
        return (
            f"{self.source} {self.launch} {self.first}..{self.last}: {self.landed:,} rows landed = {self.loaded:,} loaded "
            f"+ {self.duplicates:,} duplicates + {self.quarantined:,} quarantined; {changed} of {len(self.loads)} partitions changed"
        )


def silent(message: str, completed: int, total: int | None) -> None:
    """A progress callback that says nothing."""


def ingest(
    source: Source, launch: Launch, first: dt.date, last: dt.date, *, lookback: bool = False, progress: Progress | None = None
) -> IngestResult:
    """Pull and load the inclusive launch-local dates.

    `lookback`: also the days before `first` that the launch file asks for, because late events and changes arrive there, and those that
    no run has covered since the last one that succeeded (nightly runs do this; a window given by a person is taken as it is). Raises
    SourceError, LandingError, WarehouseError or ConfigError; the run is then recorded in ops.ingest_runs as failed, with the reason.
    """
    section = _section(source, launch)
    if lookback:
        first = min(first - dt.timedelta(days=section.lookback_days), _uncovered_from(source, launch, last) or first)
    report = progress or silent
    with _recorded(source, launch, first, last):
        pulls = extractor(source)(launch, get_connection(section.connection), first, last, Landing(load_settings().landing), report)
        return IngestResult(source, launch.launch, first, last, _load_all(launch, pulls, report))


def load(
    source: Source, launch: Launch, first: dt.date, last: dt.date, *, accept_changed: bool = False, progress: Progress | None = None
) -> IngestResult:
    """Load the newest pulls of the inclusive dates again, from the landing zone alone.

    `accept_changed`: files that a person has mended are taken, and their manifests written anew. Raises LandingError if a date was never
    landed, or a file is not what its manifest says.
    """
    _section(source, launch)
    with _recorded(source, launch, first, last):
        pulls = list(_landed(Landing(load_settings().landing), source, launch, first, last))
        if accept_changed:
            pulls = [pull.accept_changes(samples_in_line if source == "prometheus" else lambda _: 1) for pull in pulls]
        return IngestResult(source, launch.launch, first, last, _load_all(launch, pulls, progress or silent))


def _uncovered_from(source: Source, launch: Launch, last: dt.date) -> dt.date | None:
    """The date after the newest one before `last` that a run has covered: after an outage a night goes back to where it began."""
    with connect("loader", autocommit=True) as session:
        row = session.execute(
            """
            select max(last_date) + 1 from ops.ingest_runs
            where launch_id = %s and source = %s and status = 'succeeded' and last_date < %s
            """,
            [launch.launch, source, last],
        ).fetchone()
    return row[0] if row else None


def _section(source: Source, launch: Launch) -> Mixpanel | Zendesk | PagerDuty | Prometheus:
    section: Mixpanel | Zendesk | PagerDuty | Prometheus | None = getattr(launch, source)
    if section is None:
        raise ConfigError(f"launch {launch.launch!r} does not use {source}: its file has no section `{source}`")
    return section


def _load_all(launch: Launch, pulls: list[Pull], progress: Progress) -> tuple[LoadResult, ...]:
    results: list[LoadResult] = []
    with Loader(launch) as loader, loader.together(pulls):
        for number, pull in enumerate(pulls):
            progress(f"loading {pull.manifest.stream} {pull.manifest.partition}", number, len(pulls))
            results.append(loader.load(pull))
    progress("loaded", len(pulls), len(pulls))
    return tuple(results)


def _landed(landing: Landing, source: Source, launch: Launch, first: dt.date, last: dt.date) -> Iterator[Pull]:
    for stream in STREAMS[source]:
        yield from (
            _dates(landing, stream, launch, first, last) if stream.mode == "replace" else _windows(landing, stream, launch, first, last)
        )


def _dates(landing: Landing, stream: Stream, launch: Launch, first: dt.date, last: dt.date) -> Iterator[Pull]:
    for date in each_date(first, last):
        pull = landing.newest(stream.source, launch.launch, stream.name, date)
        if pull is None:
            folder = landing.folder(stream.source, launch.launch, stream.name, date)
            raise LandingError(f"nothing is landed at {folder}; pull it with {_command(stream, launch, date, date)}")
        yield pull


def _windows(landing: Landing, stream: Stream, launch: Launch, first: dt.date, last: dt.date) -> Iterator[Pull]:
    """The newest pull of every window that touches the dates, in the order of their pulling."""
    found = [
        pull
        for window in landing.windows(stream.source, launch.launch, stream.name)
        if window[0] <= last and window[1] >= first
        for pull in [landing.newest(stream.source, launch.launch, stream.name, window)]
        if pull is not None
    ]
    if not found:
        folder = landing.folder(stream.source, launch.launch, stream.name)
        raise LandingError(f"nothing is landed for {first}..{last} under {folder}; pull it with {_command(stream, launch, first, last)}")
    yield from sorted(found, key=lambda pull: pull.manifest.pull_id)


def _command(stream: Stream, launch: Launch, first: dt.date, last: dt.date) -> str:
    return f"`postlaunch ingest {stream.source} --launch {launch.launch} --from {first} --to {last}`"


@contextmanager
def _recorded(source: Source, launch: Launch, first: dt.date, last: dt.date) -> Iterator[None]:
    """A row in ops.ingest_runs: running, then succeeded or failed with the reason."""
    with connect("loader", autocommit=True) as session:
        row = session.execute(
            "insert into ops.ingest_runs (launch_id, source, first_date, last_date, status) values (%s, %s, %s, %s, 'running') "
            "returning ingest_run_id",
            [launch.launch, source, first, last],
        ).fetchone()
    run_id = row[0] if row else None
    try:
        yield
    except BaseException as error:
        with suppress(WarehouseError, psycopg.Error):  # the first fault is the one to show, even if the warehouse went with it
            _end(run_id, "failed", str(error) if isinstance(error, PostlaunchError) else f"{type(error).__name__}: {error}")
        raise
    _end(run_id, "succeeded", None)


def _end(run_id: int | None, status: str, reason: str | None) -> None:
    with connect("loader", autocommit=True) as session:
        session.execute(
            "update ops.ingest_runs set status = %s, error = %s, ended_at = clock_timestamp() where ingest_run_id = %s",
            [status, reason, run_id],
        )
