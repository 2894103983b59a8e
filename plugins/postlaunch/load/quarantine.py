"""Refused lines: what there is, one of them whole, and loading them again once they would pass.

A replay loads the pull that a refused line came from once more, from the landing zone: every line of it is judged anew, what passes now
is a row, what does not stays refused, and nothing is loaded twice. Nothing is ever thrown away.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from postlaunch.config.launch import Launch, Source
from postlaunch.errors import PostlaunchError, WarehouseError
from postlaunch.landing.zone import Landing, read_pull
from postlaunch.load.loader import Loader
from postlaunch.warehouse.db import connect

_CHOSEN = """
    (%(launch)s::text is null or records.launch_id = %(launch)s)
    and (%(source)s::text is null or records.source = %(source)s)
    and (%(reason)s::text is null or strpos(lower(records.reason), lower(%(reason)s)) > 0)
"""

_GROUPS = f"""
    select
        records.launch_id,
        records.source,
        records.stream,
        split_part(records.reason, ':', 1) as reason,
        count(*) as record_count,
        min(coalesce(records.partition_date, (loads.window_start_at at time zone coalesce(launches.timezone, 'UTC'))::date)) as first_date,
        max(coalesce(records.partition_date, (loads.window_end_at at time zone coalesce(launches.timezone, 'UTC'))::date - 1)) as last_date,
        max(records.record_id) as newest_id
    from quarantine.records as records
    left join ops.partition_loads as loads on records.load_id = loads.load_id
    left join config.launches as launches on records.launch_id = launches.launch_id
    where {_CHOSEN}
    group by records.launch_id, records.source, records.stream, split_part(records.reason, ':', 1)
    order by records.launch_id, records.source, records.stream, record_count desc
"""  # noqa: S608  no input, only our own constant

# A date is loaded from its newest pull; a merged window from the pull that brought the line.
_PULLS = f"""
    with chosen as (
        select distinct
            records.launch_id,
            records.source,
            records.stream,
            records.partition_date,
            case when records.partition_date is null then records.load_id end as load_id
        from quarantine.records as records
        where {_CHOSEN}
    )
    select chosen.launch_id, chosen.source, chosen.stream, chosen.partition_date, newest.pull_id, newest.landing_path
    from chosen
    cross join lateral (
        select loads.load_id, loads.pull_id, loads.landing_path
        from ops.partition_loads as loads
        where
            loads.launch_id = chosen.launch_id
            and loads.source = chosen.source
            and loads.stream = chosen.stream
            and case when chosen.load_id is null then loads.partition_date = chosen.partition_date else loads.load_id = chosen.load_id end
        order by loads.load_id desc
        limit 1
    ) as newest
    order by newest.load_id
"""  # noqa: S608

_LINES = """
    select records.landing_path, records.line_number, split_part(records.reason, ':', 1)
    from quarantine.records as records
    where
        records.launch_id = %(launch_id)s and records.source = %(source)s and records.stream = %(stream)s
        and records.partition_date is not distinct from %(partition_date)s
        and (
            records.partition_date is not null
            or records.load_id in (
                select loads.load_id from ops.partition_loads as loads
                where
                    loads.launch_id = records.launch_id and loads.source = records.source and loads.stream = records.stream
                    and loads.pull_id = %(pull_id)s
            )
        )
"""


LineNumber = tuple[str, int]  # file and number of the line


@dataclass(frozen=True)
class Choice:
    """Which records; None means all. `reason` is a part of the reason, upper or lower case."""

    launch: str | None = None
    source: Source | None = None
    reason: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """For the statements above."""
        return {"launch": self.launch, "source": self.source, "reason": self.reason}


@dataclass(frozen=True)
class RecordGroup:
    """Records of one kind; `reason` is its words up to the first colon. `newest_id` is one to look at."""

    launch_id: str
    source: Source
    stream: str
    reason: str
    record_count: int
    first_date: dt.date | None
    last_date: dt.date | None
    newest_id: int


@dataclass(frozen=True)
class Record:
    """One refused line. `byte_offset` is where it begins in the unzipped file; None for loads of older versions."""

    record_id: int
    launch_id: str
    source: Source
    stream: str
    partition_date: dt.date | None
    reason: str
    landing_path: str
    line_number: int
    byte_offset: int | None
    raw_line: bytes
    quarantined_at: dt.datetime


@dataclass(frozen=True)
class Replay:
    """One pull that was loaded again: how many lines were refused, how many of them passed, and what is refused now by reason.

    `error`: why it was not loaded.
    """

    launch_id: str
    source: Source
    stream: str
    partition: str
    before: int
    passed: int
    after: dict[str, int]
    error: str | None = None

    @property
    def summary(self) -> str:
        """One line for a person."""
        place = f"{self.source} {self.stream} {self.partition} of {self.launch_id}"
        if self.error is not None:
            return f"{place}: not loaded again, its refused lines ({self.before:,}) stay: {self.error}"
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in self.after.items())
        still = f"; still refused: {reasons}" if reasons else ""
        return f"{place}: {self.passed:,} of {self.before:,} refused lines are loaded now{still}"


def groups(choice: Choice) -> list[RecordGroup]:
    """How many lines are refused, by launch, source, stream and reason."""
    with connect("loader") as session, session.cursor(row_factory=class_row(RecordGroup)) as cursor:
        return cursor.execute(_GROUPS, choice.parameters).fetchall()


def record(record_id: int) -> Record:
    """One refused line. Raises WarehouseError if there is none of that number."""
    columns = ", ".join(Record.__dataclass_fields__)
    with connect("loader") as session, session.cursor(row_factory=class_row(Record)) as cursor:
        found = cursor.execute(f"select {columns} from quarantine.records where record_id = %s", [record_id]).fetchone()  # noqa: S608
    if found is None:
        raise WarehouseError(
            f"quarantine has no record {record_id}: it passed since, or its pull was loaded again; see `postlaunch quarantine list`"
        )
    return found


def replay(choice: Choice, landing: Landing, launch_of: Callable[[str], Launch]) -> list[Replay]:
    """Load again every pull that one of the chosen records came from. One that cannot be loaded does not stop the others."""
    with connect("loader", autocommit=True) as session:
        pulls = [_LoadedPull(*row) for row in session.execute(_PULLS, choice.parameters)]
        before = [_refused(session, pull) for pull in pulls]
        return [_replay(session, landing, launch_of, pull, lines) for pull, lines in zip(pulls, before, strict=True)]


@dataclass(frozen=True)
class _LoadedPull:
    launch_id: str
    source: Source
    stream: str
    partition_date: dt.date | None
    pull_id: str
    landing_path: str


def _replay(
    session: psycopg.Connection, landing: Landing, launch_of: Callable[[str], Launch], pull: _LoadedPull, before: dict[LineNumber, str]
) -> Replay:
    partition = pull.landing_path.rstrip("/").split("/")[-2]
    error = None
    try:
        with Loader(launch_of(pull.launch_id)) as loader:
            folder = landing.folder(pull.source, pull.launch_id, pull.stream) / partition / pull.pull_id
            loader.load(read_pull(folder), force=True)
    except PostlaunchError as fault:
        error = str(fault)
    after = _refused(session, pull)
    reasons = dict(Counter(after.values()).most_common())
    return Replay(pull.launch_id, pull.source, pull.stream, partition, len(before), len(before.keys() - after.keys()), reasons, error)


def _refused(session: psycopg.Connection, pull: _LoadedPull) -> dict[LineNumber, str]:
    """What is refused of a pull, with the reason."""
    return {(path, number): reason for path, number, reason in session.execute(_LINES, asdict(pull))}
