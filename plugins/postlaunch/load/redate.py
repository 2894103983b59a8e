"""A launch whose time zone has changed: everything that is loaded of it is dated anew, in one transaction.

    pulls behind the loaded dates ──> cut at the new midnights (load/cuts.py) ──> loaded as any pull ──> the next build makes all
    windows of tickets and incidents ──> their whole dates in the new zone

Under the lock of builds, and with no ingest of the launch at work. A date that the old ones hold only in part, at either end of what is
loaded, is not loaded any more until it is pulled again: half a day is not a day. What is landed stays. Killed at any moment, nothing has
happened but that some cuts lie in the landing zone, which the next attempt takes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from postlaunch.config.launch import Launch, Source
from postlaunch.config.settings import load_settings
from postlaunch.dates import Dates
from postlaunch.errors import LandingError, LockedError, WarehouseError
from postlaunch.landing.resume import window_of
from postlaunch.landing.streams import Stream
from postlaunch.landing.zone import MANIFEST, Landing, Pull, new_pull_id, read_pull
from postlaunch.load.cuts import Cut, cuts, land
from postlaunch.load.loader import Loader
from postlaunch.load.runs import at_work
from postlaunch.progress import Progress
from postlaunch.sources.registry import DATED, REPLACED, SPECS
from postlaunch.warehouse.locks import BUILD_LOCK, take
from postlaunch.warehouse.refusals import refusal

MOST_TOLD = 10  # missing pulls in one message

_LOADED = """
    select distinct on (partition_date) partition_date, pull_id
    from ops.partition_loads
    where launch_id = %(launch)s and source = %(source)s and stream = %(stream)s and partition_date is not null
    order by partition_date, load_id desc
"""

_FORGET = """
    delete from raw.mixpanel_events where launch_id = %(launch)s;
    delete from raw.event_property_days where launch_id = %(launch)s;
    delete from raw.prometheus_samples where launch_id = %(launch)s;
    delete from raw.prometheus_series_dates where launch_id = %(launch)s;
    delete from quarantine.records where launch_id = %(launch)s and partition_date is not null;
    delete from ops.dropped_dates where launch_id = %(launch)s;
    delete from ops.partition_loads where launch_id = %(launch)s and partition_date is not null;
    delete from ops.launch_faults where launch_id = %(launch)s;
    update config.launches set synced_at = clock_timestamp() where launch_id = %(launch)s;
    update ops.launch_zones set timezone = %(timezone)s, dated_at = clock_timestamp() where launch_id = %(launch)s
"""

# Windows of days that were pulled one by one hold no whole date of another zone, and all of them together do. A window that was still
# open when it was pulled reaches to that moment.
_STRETCHES = """
    with stretches as (
        select
            source,
            stream,
            unnest(range_agg(tstzrange(
                window_start_at,
                case
                    when pull_id ~ '^\\d{8}T\\d{6}'
                        then greatest(window_start_at, least(window_end_at, (left(pull_id, 15) || 'Z')::timestamptz))
                    else window_end_at
                end
            ))) as stretch
        from ops.partition_loads
        where launch_id = %(launch)s and partition_date is null and source = any(%(sources)s)
        group by source, stream
    )

    select
        source,
        stream,
        (lower(stretch) at time zone %(timezone)s)::date as begins_on,
        ((lower(stretch) - interval '1 microsecond') at time zone %(timezone)s)::date + 1 as first_date,
        (upper(stretch) at time zone %(timezone)s)::date - 1 as last_date,
        ((upper(stretch) - interval '1 microsecond') at time zone %(timezone)s)::date as ends_on
    from stretches
    order by source, stream, first_date
"""

_COVER = """
    insert into ops.partition_loads (
        launch_id, source, stream, window_start_at, window_end_at, pull_id, landing_path, bytes_count, landed_count, loaded_count,
        duplicate_count, quarantined_count, content_hash, is_changed, first_dirty_date, last_dirty_date, request, duration_seconds
    ) values (
        %(launch)s, %(source)s, %(stream)s, %(start)s, %(end)s, %(pull)s, %(path)s, 0, 0, 0, 0, 0, '', true, %(first)s, %(last)s,
        jsonb_build_object('dated_anew', %(timezone)s::text), 0
    )
"""

_COVERED_THROUGH = """
    update ops.domain_status as status
    set covered_through = case when %(last)s::date is not null then least(covered_through, %(last)s::date) end
    from ops.domain_sources as sources
    where status.domain = sources.domain and sources.source = %(source)s and status.launch_id = %(launch)s
"""

# What was built and waits for its audit was built by old dates.
_BUILT_THROUGH = """
    update ops.domain_builds as builds set last_date = greatest(first_date, least(last_date, %(last)s::date))
    from ops.domain_sources as sources
    where
        builds.domain = sources.domain and sources.source = %(source)s and builds.launch_id = %(launch)s
        and builds.publication_id is null
"""


@dataclass(frozen=True)
class Redated:
    """What was dated anew, or would be. `before` None: several zones; `dates`: of events and samples, in the new zone.

    `to_pull`: dates that the old ones hold only in part.
    """

    launch_id: str
    before: str | None
    after: str
    dates: int
    rows: int
    to_pull: tuple[tuple[Source, dt.date], ...]
    is_dry_run: bool = False
    is_needed: bool = True

    @property
    def summary(self) -> str:
        """What a person needs to know, and the commands that come next."""
        if not self.is_needed:
            return f"{self.launch_id} is dated in {self.after} already, or not loaded yet: nothing to do"
        done = "would be dated" if self.is_dry_run else "are dated"
        rows = "" if self.is_dry_run else f" with {self.rows:,} rows"
        lines = [
            f"{self.launch_id}: {self.dates:,} dates{rows} {done} in {self.after}, before in {self.before or 'several zones'}; "
            "tickets and incidents keep their moments"
        ]
        lines += ["only a part of these dates is landed, so that they count as not loaded until they are pulled:"] if self.to_pull else []
        lines += [f"  postlaunch ingest {source} --launch {self.launch_id} --from {date} --to {date}" for source, date in self.to_pull]
        return "\n".join(lines if self.is_dry_run else [*lines, "now: postlaunch build, audit, publish"])


@dataclass(frozen=True)
class _Plan:
    stream: Stream
    parts: dict[dt.date, list[Cut]]
    partial: list[dt.date]


@dataclass(frozen=True)
class _Stretch:
    """Time without a hole that windows of a stream cover: its whole dates, and those that it begins and ends on."""

    source: Source
    stream: str
    begins_on: dt.date
    first_date: dt.date
    last_date: dt.date
    ends_on: dt.date

    @property
    def is_whole(self) -> bool:
        return self.first_date <= self.last_date

    @property
    def partial(self) -> set[dt.date]:
        return {date for date in (self.begins_on, self.ends_on) if not self.first_date <= date <= self.last_date}


def redate(launch: Launch, *, dry_run: bool = False, progress: Progress | None = None) -> Redated:
    """Date everything that is loaded of a launch by its file's zone. Raises LandingError, LockedError or another WarehouseError."""
    landing = Landing(load_settings().landing)
    try:
        with Loader(launch, role=None) as loader, loader.at_once() as session:
            session.execute("select set_config('application_name', 'postlaunch redate', true)")
            _keep_others_out(session, launch)
            row = session.execute("select timezone from ops.launch_zones where launch_id = %s for update", [launch.launch]).fetchone()
            if row is None or row[0] == launch.timezone:
                return Redated(launch.launch, launch.timezone, launch.timezone, 0, 0, (), dry_run, is_needed=False)
            before = row[0]
            plans = [_plan(session, landing, launch, stream) for stream in REPLACED]
            dates = sum(len(plan.parts) for plan in plans)
            to_pull = tuple((plan.stream.source, date) for plan in plans for date in plan.partial)
            stretches = _stretches(session, launch)
            to_pull += tuple(sorted({(each.source, date) for each in stretches for date in each.partial}))
            if dry_run:
                return Redated(launch.launch, before, launch.timezone, dates, 0, to_pull, is_dry_run=True)
            _forget(session, launch)
            rows = _load(loader, landing, launch, plans, dates, progress)
            _cover(session, landing, launch, stretches)
            _reach_no_further(session, launch, plans, stretches)
            return Redated(launch.launch, before, launch.timezone, dates, rows, to_pull)
    except psycopg.Error as error:
        raise WarehouseError(f"{launch.launch} was not dated anew, everything is as it was: {refusal(error)}") from error


def _keep_others_out(session: psycopg.Connection, launch: Launch) -> None:
    """No build, and no run of the launch, until the transaction has ended. Raises LockedError.

    All names before the first look: PostgreSQL shows a transaction who is connected as it was at its first look.
    """
    take(session, BUILD_LOCK)
    for source in SPECS:
        take(session, f"runs of {source} {launch.launch}")
    for source in SPECS:
        for run in at_work(session, launch.launch, source):
            raise LockedError(f"{launch.launch} cannot be dated anew while {source} is ingested: {run}; try again when it has ended")


def _plan(session: psycopg.Connection, landing: Landing, launch: Launch, stream: Stream) -> _Plan:
    pulls = _pulls(session, landing, launch, stream)
    if not pulls:
        return _Plan(stream, {}, [])
    windows = [window_of(pull) for pull in pulls]
    first, last = min(start for start, _ in windows), max(end for _, end in windows)
    parts, partial = dict[dt.date, list[Cut]](), list[dt.date]()
    for date in Dates(first.astimezone(launch.zone).date(), (last - dt.timedelta(microseconds=1)).astimezone(launch.zone).date()).each:
        window = launch.window(Dates.of(date))
        near = [pull for pull, held in zip(pulls, windows, strict=True) if held.start < window.end and window.start < held.end]
        found = cuts(window, near)
        if found:
            parts[date] = found
        elif near:
            partial.append(date)
    return _Plan(stream, parts, partial)


def _pulls(session: psycopg.Connection, landing: Landing, launch: Launch, stream: Stream) -> list[Pull]:
    """The pulls that the loaded dates came from. Raises LandingError that names those that are not there any more."""
    values = {"launch": launch.launch, "source": stream.source, "stream": stream.name}
    loaded = session.execute(_LOADED, values).fetchall()
    folders = [landing.folder(stream.source, launch.launch, stream.name, date) / pull_id for date, pull_id in loaded]
    missing = [str(folder) for folder in folders if not (folder / MANIFEST).exists()]
    if missing:
        more = f" and {len(missing) - MOST_TOLD} more" if len(missing) > MOST_TOLD else ""
        raise LandingError(
            f"{', '.join(missing[:MOST_TOLD])}{more}: missing, though {stream.source} {stream.name} of {launch.launch} is loaded from it; "
            "nothing was changed. Bring it back, or let the launch file say the zone of before, pull the date again, and change it then"
        )
    return [read_pull(folder) for folder in folders]


def _stretches(session: psycopg.Connection, launch: Launch) -> list[_Stretch]:
    """Of streams whose source has no dates of its own: there those of events and samples say what is covered."""
    sources = [source for source in SPECS if source not in DATED]
    values = {"launch": launch.launch, "sources": sources, "timezone": launch.timezone}
    return session.cursor(row_factory=class_row(_Stretch)).execute(_STRETCHES, values).fetchall()


def _forget(session: psycopg.Connection, launch: Launch) -> None:
    for statement in _FORGET.split(";"):
        session.execute(statement, {"launch": launch.launch, "timezone": launch.timezone})


def _load(loader: Loader, landing: Landing, launch: Launch, plans: Sequence[_Plan], dates: int, progress: Progress | None) -> int:
    rows = number = 0
    for plan in plans:
        for date, parts in plan.parts.items():
            if progress:
                progress(f"{plan.stream.name} of {date}", number, dates)
            rows += loader.load(land(landing, plan.stream, launch, date, parts)).loaded
            number += 1
    return rows


def _cover(session: psycopg.Connection, landing: Landing, launch: Launch, stretches: Sequence[_Stretch]) -> None:
    """Loads without rows, whose windows are the whole dates of the stretches: all of them are to be built again."""
    for each in stretches:
        if each.is_whole:
            start, end = launch.window(Dates(each.first_date, each.last_date))
            values = {
                "launch": launch.launch,
                "source": each.source,
                "stream": each.stream,
                "start": start,
                "end": end,
                "first": each.first_date,
                "last": each.last_date,
                "pull": new_pull_id(),
                "path": str(landing.folder(each.source, launch.launch, each.stream)),
                "timezone": launch.timezone,
            }
            session.execute(_COVER, values)


def _reach_no_further(session: psycopg.Connection, launch: Launch, plans: Sequence[_Plan], stretches: Sequence[_Stretch]) -> None:
    """What is told to be covered ends with the last whole date."""
    ends = {plan.stream.source: max(plan.parts, default=None) for plan in plans if plan.parts or plan.partial}
    for source in {each.source for each in stretches}:
        ends[source] = max((each.last_date for each in stretches if each.source == source and each.is_whole), default=None)
    for source, last in ends.items():
        for statement in (_COVERED_THROUGH, _BUILT_THROUGH):
            session.execute(statement, {"launch": launch.launch, "source": source, "last": last})
