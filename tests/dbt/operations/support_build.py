"""A build of the support models alone, and launch files whose change lies in the past."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest

from postlaunch.marts.build import build
from tests.dbt_forks import only

MARTS = (
    "ticket_sla",
    "ticket_sla_daily",
    "ticket_clock_daily",
    "ticket_daily",
    "ticket_categories_daily",
    "int_attainment_daily",
    "int_ticket_times_daily",
)


def build_support(*, full_refresh: bool = False) -> None:
    """What a night does, of these models."""
    with pytest.MonkeyPatch.context() as patch:
        only(patch, "support")
        assert build(full_refresh).build_id is not None


def date_the_change(session: psycopg.Connection, changed_at: dt.datetime) -> None:
    """As if the launch files, synced twice, had changed at a moment."""
    for table in ("sla_targets", "support_hours"):
        session.execute(f"update config.{table} set valid_to = %s where valid_to is not null", [changed_at])
        session.execute(f"update config.{table} set valid_from = %s where valid_from > '-infinity'", [changed_at])


def contents(session: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """Rows and a hash of them all, for each mart."""
    found = {}
    for mart in MARTS:
        row = session.execute(
            f"select count(*), md5(string_agg(mart::text, chr(10) order by mart::text)) from build.{mart} as mart"
        ).fetchone()
        assert row is not None
        found[mart] = (row[0], row[1])
    return found
