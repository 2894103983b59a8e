"""Dates that retention has dropped from raw and that a build needs: loaded again from the landing zone before any model runs.

    ops.build_dates ──┐
    tables to be made ┴──> dates in ops.dropped_dates ──> the pull of their load ──> the rows that were there, under the same load

Models read raw rows of the dates that a build makes again, and of samples also of the date after each; everything else they know from
tables of schema `build`, which retention leaves alone. A table that has to be made anew reads all dates. What comes back has to be
what the load once counted: if a file is gone or other rows come of it, nothing is built, for half of the data would be counted as all.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from postlaunch.config.launch import DOMAIN_SOURCE, Source
from postlaunch.config.settings import load_settings
from postlaunch.errors import LandingError, WarehouseError
from postlaunch.landing.zone import Landing, Pull, read_pull
from postlaunch.load.loader import LOAD_SECONDS, LOADERS, load_lock, partition_table
from postlaunch.load.rows import LoadKey, Quarantine, attempt
from postlaunch.sources.registry import DATED, SPECS
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import take

MOST_TOLD = 10  # missing pulls in one message

log = logging.getLogger(__name__)

_NEEDED = """
    select
        dropped.launch_id, dropped.source, dropped.stream, dropped.partition_date, dropped.load_id,
        loads.pull_id, loads.content_hash, loads.loaded_count, loads.duplicate_count, loads.quarantined_count,
        coalesce(zones.timezone, 'UTC') as timezone
    from ops.dropped_dates as dropped
    inner join ops.partition_loads as loads on dropped.load_id = loads.load_id
    left join ops.launch_zones as zones on dropped.launch_id = zones.launch_id
    where
        dropped.source = any(%(whole)s)
        or exists (
            select from ops.build_dates as dirty
            where
                dirty.build_id = %(build)s and dirty.launch_id = dropped.launch_id and dirty.source = dropped.source
                and dropped.partition_date - dirty.metric_date between 0 and 1
        )
    order by dropped.launch_id, dropped.source, dropped.stream, dropped.partition_date
"""

_TABLES = "select relname from pg_class where relnamespace = 'build'::regnamespace and relkind = 'r'"


@dataclass(frozen=True)
class DroppedDate:
    """A date that is loaded, but not in raw, and what its load says of it."""

    launch_id: str
    source: Source
    stream: str
    partition_date: dt.date
    load_id: int
    pull_id: str
    content_hash: str
    loaded_count: int
    duplicate_count: int
    quarantined_count: int
    timezone: str

    def __str__(self) -> str:
        """In words."""
        return f"{self.source} {self.stream} {self.partition_date} of {self.launch_id}"


def restore(session: psycopg.Connection, build_id: int, full_refresh: bool) -> int:
    """Load again what a build needs of what was dropped; returns the number of dates. Raises LandingError or WarehouseError.

    Each date is a transaction: what came back stays, and a build that is tried again goes on from there.
    """
    if session.execute("select exists (select from ops.dropped_dates)").fetchall() == [(False,)]:
        return 0
    values = {"build": build_id, "whole": DATED if full_refresh else _to_be_made_anew(session)}
    needed = session.cursor(row_factory=class_row(DroppedDate)).execute(_NEEDED, values).fetchall()
    if not needed:
        return 0
    log.info("%s dates that retention had dropped from raw are needed by this build, and are loaded from the landing zone", len(needed))
    pulls = _pulls(Landing(load_settings().landing), needed)
    with connect("loader") as loads, connect("loader", autocommit=True) as registry:
        for date, pull in zip(needed, pulls, strict=True):
            session.execute("select")  # its transaction is waited for, and must not look idle
            _restore(loads, registry, date, pull)
    return len(needed)


def _to_be_made_anew(session: psycopg.Connection) -> list[Source]:
    """Sources of which a table that nights add to is not there (a new one, or a migration has removed it): it is made of all dates."""
    built = {table for (table,) in session.execute(_TABLES)}
    files = (load_settings().dbt_project / "models").rglob("*.sql")
    missing = {file.parent.name for file in files if file.stem not in built and "materialized='incremental'" in file.read_text("utf-8")}
    return sorted({source for domain, source in DOMAIN_SOURCE.items() if domain in missing})


def _pulls(landing: Landing, dates: Sequence[DroppedDate]) -> list[Pull]:
    """The pulls that the dates came from. Raises LandingError that names all that are not there any more, before any is loaded."""
    pulls, faults = list[Pull](), list[str]()
    for date in dates:
        try:
            pulls.append(pull_of(landing, date.source, date.launch_id, date.stream, date.partition_date, date.pull_id, date.content_hash))
        except LandingError as error:
            faults.append(str(error))
    if faults:
        more = f" and {len(faults) - MOST_TOLD} more" if len(faults) > MOST_TOLD else ""
        raise LandingError(
            f"nothing is built: it needs {len(dates)} dates that retention has dropped from raw, and the landing zone has not all of them: "
            f"{'; '.join(faults[:MOST_TOLD])}{more}. Bring the files back, or pull these dates again with `postlaunch ingest`"
        )
    return pulls


def pull_of(landing: Landing, source: Source, launch_id: str, stream: str, date: dt.date, pull_id: str, content_hash: str) -> Pull:
    """The pull that a load took, as it was then. Raises LandingError."""
    pull = read_pull(landing.folder(source, launch_id, stream, date) / pull_id)
    if pull.manifest.content_hash != content_hash:
        raise pull.changed("it has other lines than when it was loaded")
    return pull


def _restore(session: psycopg.Connection, registry: psycopg.Connection, date: DroppedDate, pull: Pull) -> None:
    stream = SPECS[date.source].stream(date.stream)
    table = partition_table(registry, stream, date.partition_date)
    with session.transaction():
        take(session, load_lock(stream, date.launch_id, date.partition_date), LOAD_SECONDS)
        gone = session.execute(
            "delete from ops.dropped_dates where launch_id = %s and source = %s and stream = %s and partition_date = %s and load_id = %s",
            [date.launch_id, date.source, date.stream, date.partition_date, date.load_id],
        )
        if gone.rowcount == 0:  # it was loaded meanwhile
            return
        key = LoadKey(date.load_id, date.launch_id, pull, date.timezone)
        load = LOADERS[stream.shape]
        counts = attempt(session, lambda refusals: load(session, registry, key, table, Quarantine(key), refusals))
        found = (counts.loaded, counts.duplicates, counts.quarantined)
        if found != (date.loaded_count, date.duplicate_count, date.quarantined_count):
            window = f"{date.source} --launch {date.launch_id} --from {date.partition_date} --to {date.partition_date}"
            raise WarehouseError(
                f"{date}: {counts.loaded:,} rows come back of {date.loaded_count:,} that retention dropped (now {counts.duplicates:,} "
                f"duplicates and {counts.quarantined:,} refused lines, then {date.duplicate_count:,} and {date.quarantined_count:,}); "
                f"nothing is built. Load the date as it reads now with `postlaunch load {window}`, and build again: the gate judges it"
            )
