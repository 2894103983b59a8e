"""Ingest = extract to the landing zone + load into the warehouse. `load` is the second half alone, and never calls an API.

    ingest("mixpanel", launch, first, last)  ->  sources/mixpanel/extract.py  ->  landing zone  ->  load/loader.py  ->  raw.*, ops.*

One source and one launch a call: a source that fails takes nobody with it. Nothing is loaded before everything was pulled. A run that was
cut short goes on where the landing zone ends; a date that lost rows is refused, and its neighbours are loaded all the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from postlaunch.config.connections import get_connection
from postlaunch.config.launch import Launch, Source, SourceSection
from postlaunch.config.settings import load_settings
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, LandingError
from postlaunch.landing.resume import clear_refusal, is_landed, landed_since, mark_refused, newest_pull
from postlaunch.landing.streams import Stream
from postlaunch.landing.zone import Landing, Pull
from postlaunch.load.loader import Loader, LoadResult
from postlaunch.load.loss import ShrunkError
from postlaunch.load.runs import recorded, uncovered_from
from postlaunch.load.samples import samples_in_line
from postlaunch.progress import Progress, silent
from postlaunch.sources.call_budget import call_budget
from postlaunch.sources.registry import SPECS
from postlaunch.warehouse.zones import require_zone

EARLIEST_YEAR = 1980  # as in launch files; before it, zones and windows run off the calendar
MOST_TOLD = 3  # refusals in one message; all of them are marked in the landing zone


@dataclass(frozen=True)
class IngestResult:
    """What an ingest or a reload did."""

    source: Source
    launch: str
    first: dt.date
    last: dt.date
    loads: tuple[LoadResult, ...]
    resumed: int = 0  # partitions that an earlier run had landed before it was cut short

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
    def lag_seconds(self) -> float | None:
        """The longest time from an event to its arrival at the source; None if no source told."""
        return max((load.lag_seconds for load in self.loads if load.lag_seconds is not None), default=None)

    @property
    def summary(self) -> str:
        """One line for a person."""
        changed = sum(load.is_changed for load in self.loads)
        lag = "" if self.lag_seconds is None else f"; the latest arrived after {_duration(self.lag_seconds)}"
        newer = sum(load.is_superseded for load in self.loads)
        superseded = f"; {newer} were left as they are, a newer pull of them is loaded" if newer else ""
        resumed = f"; {self.resumed} partitions were landed by a run that was cut short" if self.resumed else ""
        return (
            f"{self.source} {self.launch} {self.first}..{self.last}: {self.landed:,} rows landed = {self.loaded:,} loaded "
            f"+ {self.duplicates:,} duplicates + {self.quarantined:,} quarantined; {changed} of {len(self.loads)} partitions changed"
            f"{superseded}{lag}{resumed}"
        )


def ingest(
    source: Source, launch: Launch, first: dt.date, last: dt.date, *, lookback: bool = False, progress: Progress | None = None
) -> IngestResult:
    """Pull and load the inclusive launch-local dates.

    `lookback`: also the days before `first` that the launch file asks for, because late events and changes arrive there, and those that
    no run has covered, because of an outage (nightly runs do this; a window given by a person is taken as it is). Raises
    SourceError, LandingError, WarehouseError or ConfigError (OtherZoneError: the data are dated in another time
    zone); the run is then recorded in ops.ingest_runs as failed, with the reason.
    """
    section = _section(source, launch)
    check_dates(launch, Dates(first, last))
    if lookback:
        first = min(first - dt.timedelta(days=section.lookback_days), uncovered_from(source, launch, last) or first)
    dates = Dates(first, last)
    report, landing = progress or silent, Landing(load_settings().landing)
    with recorded(source, launch, dates, landing, report) as run:
        require_zone(launch)
        landed = landed_since(landing, launch, SPECS[source].streams, dates, run.unfinished_since) if run.unfinished_since else []
        connection = get_connection(section.connection)
        budget = call_budget(source, launch, connection, report)
        pulls = SPECS[source].extract(launch, connection, dates, landing, report, budget, landed)
        return IngestResult(source, launch.launch, first, last, _load_all(launch, pulls, report), len(landed))


def load(
    source: Source,
    launch: Launch,
    first: dt.date,
    last: dt.date,
    *,
    accept_changed: bool = False,
    accept_shrunk: bool = False,
    progress: Progress | None = None,
) -> IngestResult:
    """Load the newest pulls of the inclusive dates again, from the landing zone alone.

    `accept_changed`: files that a person has fixed are taken, and their manifests written anew. `accept_shrunk`: so are dates that lost
    rows. A pull that was refused before is passed over unless one of the two is given. Raises LandingError if a date was never landed, or a
    file is not what its manifest says.
    """
    _section(source, launch)
    dates = Dates(first, last)
    check_dates(launch, dates)
    report, landing = progress or silent, Landing(load_settings().landing)
    with recorded(source, launch, dates, landing, report, is_reload=True):
        require_zone(launch)
        pulls = list(_landed(landing, source, launch, dates, even_refused=accept_changed or accept_shrunk))
        if accept_changed:
            pulls = [pull.accept_changes(_counter(source, pull)) for pull in pulls]
        results = _load_all(launch, pulls, report, accept_shrunk=accept_shrunk)
        if accept_changed or accept_shrunk:
            for pull in pulls:
                clear_refusal(pull)
        return IngestResult(source, launch.launch, first, last, results)


def _counter(source: Source, pull: Pull) -> Callable[[bytes], int]:
    """What accounting counts for a landed line."""
    return samples_in_line if SPECS[source].stream(pull.manifest.stream).shape == "samples" else lambda _: 1


def _section(source: Source, launch: Launch) -> SourceSection:
    section: SourceSection | None = getattr(launch, source)
    if section is None:
        raise ConfigError(f"launch {launch.launch!r} does not use {source}: its file has no section `{source}`")
    return section


def check_dates(launch: Launch, dates: Dates) -> None:
    """Raises ConfigError for dates that no source can be asked for."""
    today = dt.datetime.now(launch.zone).date()
    if dates.last < dates.first:
        raise ConfigError(f"the last date {dates.last} lies before the first date {dates.first}: swap them")
    if dates.first.year < EARLIEST_YEAR or dates.last > today:
        raise ConfigError(f"{dates}: dates from {EARLIEST_YEAR} to today ({today} in {launch.timezone}) can be ingested")


def _load_all(launch: Launch, pulls: list[Pull], progress: Progress, *, accept_shrunk: bool = False) -> tuple[LoadResult, ...]:
    """Load what can be loaded. Raises ShrunkError in the end if dates were refused."""
    results: list[LoadResult] = []
    refusals: list[str] = []
    with Loader(launch) as loader, loader.together(pulls):
        for number, pull in enumerate(pulls):
            progress(f"loading {pull.manifest.stream} {pull.manifest.partition}", number, len(pulls))
            try:
                results.append(loader.load(pull, accept_shrunk=accept_shrunk))
            except ShrunkError as error:
                mark_refused(pull, str(error))
                refusals.append(str(error))
    progress("loaded", len(pulls), len(pulls))
    if refusals:
        more = f". And {len(refusals) - MOST_TOLD} more" if len(refusals) > MOST_TOLD else ""
        raise ShrunkError(
            f"refused {len(refusals)} of {len(pulls)} partitions, the others are loaded: {'. '.join(refusals[:MOST_TOLD])}{more}"
        )
    return tuple(results)


def _landed(landing: Landing, source: Source, launch: Launch, dates: Dates, *, even_refused: bool) -> Iterator[Pull]:
    """The first stream of a source must be there; the others only where they were asked for when the dates were pulled."""
    for stream in SPECS[source].streams:
        if stream.is_replaced:
            yield from _dates(landing, stream, launch, dates, even_refused=even_refused)
            continue
        found = _windows(landing, stream, launch, dates)
        if not found and stream is SPECS[source].streams[0]:
            folder = landing.folder(stream.source, launch.launch, stream.name)
            command = _command(stream, launch, dates)
            raise LandingError(f"nothing is landed for {dates} under {folder}; pull it with {command}")
        yield from found


def _dates(landing: Landing, stream: Stream, launch: Launch, dates: Dates, *, even_refused: bool) -> Iterator[Pull]:
    for date in dates.each:
        pull = newest_pull(landing, stream, launch, date, even_refused=even_refused)
        if pull is None:
            folder = landing.folder(stream.source, launch.launch, stream.name, date)
            found = "only what was pulled in another time zone" if is_landed(landing, stream, launch, date) else "nothing"
            if newest_pull(landing, stream, launch, date, even_refused=True):
                found = "only what was refused"
            raise LandingError(f"{found} is landed at {folder}; pull it with {_command(stream, launch, Dates.of(date))}")
        yield pull


def _windows(landing: Landing, stream: Stream, launch: Launch, dates: Dates) -> list[Pull]:
    """The newest pull of every window that touches the dates, in the order of their pulling."""
    found = [
        pull
        for window in landing.windows(stream.source, launch.launch, stream.name)
        if window.first <= dates.last and dates.first <= window.last
        for pull in [landing.newest(stream.source, launch.launch, stream.name, window)]
        if pull is not None
    ]
    return sorted(found, key=lambda pull: pull.manifest.pull_id)


def _command(stream: Stream, launch: Launch, dates: Dates) -> str:
    return f"`postlaunch ingest {stream.source} --launch {launch.launch} --from {dates.first} --to {dates.last}`"


def _duration(seconds: float) -> str:
    return f"{seconds / 86400:.1f} days" if seconds >= 2 * 86400 else f"{seconds / 3600:.1f} hours"
