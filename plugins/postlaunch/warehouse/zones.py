"""In which time zone the data of a launch are dated, and what a launch file that says another one is told.

    first load ──> ops.launch_zones ──> every ingest, reload and build asks: the same zone, or the launch stands still
                        ^
                        └── postlaunch redate (load/redate.py)

Dates of events and samples are fixed when they are loaded. If the file's zone changed under them, old dates would stay and those of the
look-back be counted twice. Other launches go on.
"""

from __future__ import annotations

import psycopg

from postlaunch.config.launch import Launch
from postlaunch.errors import ConfigError
from postlaunch.warehouse.db import connect

_DATED = "select timezone from ops.launch_zones where launch_id = %s"


class OtherZoneError(ConfigError):
    """The launch file says another time zone than its data are dated in."""


def zone_fault(session: psycopg.Connection, launch: Launch) -> str | None:
    """Why the launch has to stand still, and what to do about it; None if its data are dated in the zone of its file."""
    row = session.execute(_DATED, [launch.launch]).fetchone()
    return None if row is None or row[0] == launch.timezone else _reason(launch, row[0])


def require_zone(launch: Launch) -> None:
    """Raise OtherZoneError, and keep the fault in ops.launch_faults, unless the data are dated in the zone of the launch file."""
    with connect() as session:
        reason = zone_fault(session, launch)
        if reason:
            keep_fault(session, launch.launch, reason)
    if reason:
        raise OtherZoneError(reason)


def keep_fault(session: psycopg.Connection, launch_id: str, reason: str) -> None:
    """Why the launch stands still, in ops.launch_faults; since when stays what it was."""
    session.execute(
        "insert into ops.launch_faults (launch_id, reason) values (%s, %s) on conflict (launch_id) do update set reason = excluded.reason",
        [launch_id, reason],
    )


def begin_zone(session: psycopg.Connection, launch: Launch) -> None:
    """The first load of a launch decides the zone. In autocommit, so that loads of other sources do not wait for this one.

    Asked first whether it is decided: an insert would wait for whoever dates the launch anew.
    """
    if session.execute(_DATED, [launch.launch]).fetchone() is None:
        session.execute(
            "insert into ops.launch_zones (launch_id, timezone) values (%s, %s) on conflict do nothing", [launch.launch, launch.timezone]
        )


def keep_zone(session: psycopg.Connection, launch: Launch) -> None:
    """The zone stays what it is until the session's transaction, a load, has ended. Raises OtherZoneError."""
    row = session.execute(f"{_DATED} for share", [launch.launch]).fetchone()
    if row is not None and row[0] != launch.timezone:
        raise OtherZoneError(_reason(launch, row[0]))


def _reason(launch: Launch, dated: str | None) -> str:
    before = f"its data are dated in {dated}" if dated else "its data are dated in several zones, because it was changed before"
    back = f", or the file says {dated} again" if dated else ""
    return (
        f"launch {launch.launch}: timezone: {launch.timezone}, but {before}: nothing of it is ingested, loaded or built until "
        f"`postlaunch redate --launch {launch.launch}` has dated them anew{back}"
    )
