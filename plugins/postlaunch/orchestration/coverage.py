"""What still stands between a review and its numbers: the domains that are not there yet, but can still come by themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import psycopg

from postlaunch.config.launch import DOMAIN_SOURCE, Launch, Source
from postlaunch.kpis.catalogue import Domain
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.status import DomainStatus, domain_status

_UNBUILT = """
    select exists (
        select from ops.partition_loads where launch_id = %(launch)s and source = %(source)s and build_id is null and is_changed
    )
"""
_ARRIVED = """
    select exists (
        select from ops.ingest_runs
        where launch_id = %(launch)s and source = %(source)s and status = 'succeeded' and %(day)s between first_date and last_date
    )
"""


def missing_domains(launch: Launch, day: dt.date, is_busy: Callable[[Source], bool]) -> tuple[dict[Domain, str], dict[Domain, str]]:
    """Domains whose published marts do not reach `day`, with the reason: (worth waiting for, not worth it). Raises WarehouseError.

    `is_busy(source)`: somebody ingests the source or builds right now. Then anything may still come. Otherwise only what was not ingested
    yet, or not built yet, can; a domain that is held, or whose source brought nothing new, will not change by waiting.
    """
    waiting: dict[Domain, str] = {}
    given_up: dict[Domain, str] = {}
    with connect("reporter") as session:
        for status in domain_status(session, launch, day):
            if status.state == "fresh":
                continue
            can_come = is_busy(DOMAIN_SOURCE[status.domain]) or (status.state == "late" and not _arrived(session, launch, status, day))
            (waiting if can_come else given_up)[status.domain] = f"{status.state}: {status.reason}"
    return waiting, given_up


def _arrived(session: psycopg.Connection, launch: Launch, status: DomainStatus, day: dt.date) -> bool:
    """Whether the day was ingested and nothing of it waits to be built."""
    keys = {"launch": launch.launch, "source": DOMAIN_SOURCE[status.domain], "day": day}
    is_arrived, is_unbuilt = (bool(session.execute(query, keys).fetchall()[0][0]) for query in (_ARRIVED, _UNBUILT))
    return is_arrived and not is_unbuilt


def waits_for_build(launch: Launch, source: Source) -> bool:
    """Whether something that was loaded, now or by an earlier attempt that failed after it, was not built yet. Raises WarehouseError."""
    with connect("reporter") as session:
        return bool(session.execute(_UNBUILT, {"launch": launch.launch, "source": source}).fetchall()[0][0])
