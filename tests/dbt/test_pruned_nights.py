"""Nights after each of which all of raw is dropped make what a full refresh makes of a raw from which nothing ever went.

    night ── build ── raw is copied aside, then pruned ── next night ── ... ──┬─────────────────────────────> tables ──┐
                                                                              └─ the copy put back ── full refresh ──┴─> the same?

Over all four sources, with late dates, merges of users, launch files that change in every way, and launches that are dated anew. In the
end a full refresh of what was pruned has every row of the copy again.
"""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import psycopg
import pytest

from postlaunch import prune as pruning
from postlaunch.marts.build import build
from postlaunch.prune import prune
from postlaunch.warehouse.db import connect
from sandbox.postgres import PostgresServer
from tests.conftest import LOGIN
from tests.dbt.nights import DAY, EVERY_KIND, FIRST, Company
from tests.dbt.test_nights import HISTORY_DAYS, Figures, compare

MONTHS_LATER = dt.date(2026, 6, 15)
SEED = 3
TABLES = {"mixpanel_events": "event_date", "prometheus_samples": "sample_date"}


def keep_aside() -> None:
    """Rows of a load never change: those of one that is known already are there."""
    with connect() as session:
        session.execute("create schema if not exists aside")
        for table in TABLES:
            session.execute(f"create table if not exists aside.{table} (like raw.{table})")
            session.execute(f"insert into aside.{table} select * from raw.{table} where load_id not in (select load_id from aside.{table})")


def put_back() -> None:
    """What was dropped, from the copy alone."""
    with connect() as session:
        for table in TABLES:
            session.execute(f"create table raw.{table}_of_tests partition of raw.{table} default")
            session.execute(f"insert into raw.{table} select * from aside.{table} where load_id in (select load_id from ops.dropped_dates)")
        session.execute("delete from ops.dropped_dates")


def rows_of_raw() -> list[list[tuple[object, ...]]]:
    with connect() as session:
        return [session.execute(f"select kept::text from raw.{table} as kept order by 1").fetchall() for table in TABLES]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_nights_without_raw_make_what_a_full_refresh_of_all_raw_makes(
    warehouse: str, server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("launches", "landing"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"POSTLAUNCH_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("POSTLAUNCH_RETENTION_RAW_MONTHS", "1")
    monkeypatch.setenv("POSTLAUNCH_RETENTION_LANDING_MONTHS", "1")
    monkeypatch.setattr(pruning, "_unpublished", lambda *_: {})  # nothing is published here, and everything is to go
    company = Company(SEED, tmp_path / "launches", tmp_path / "landing")
    kinds = random.Random(SEED).sample(EVERY_KIND, len(EVERY_KIND))
    came_back = 0
    for number, changes in enumerate(([], kinds, []), start=1):
        company.play(FIRST + (HISTORY_DAYS + number) * DAY, changes)
        build()
        keep_aside()
        done = prune(today=MONTHS_LATER)
        assert [month.summary for month in done.months if month.kept] == []
        assert rows_of_raw() == [[], []]
        came_back += number > 1 and sum(len(month.loads) for month in done.months)
    assert came_back > 50  # dates that a later night had needed, and that went again

    database = warehouse.rpartition("/")[2]
    server.clone_database(database, "pruned", LOGIN)
    put_back()
    build(full_refresh=True)
    expected, figures = rows_of_raw(), Figures()
    with psycopg.connect(server.uri("pruned", LOGIN)) as nightly, psycopg.connect(warehouse) as whole:
        compare(nightly, whole, "nights", figures)
    assert not figures.differences, "\n".join([str(figures), *figures.differences])
    assert figures.rows > 10_000

    server.drop_database(database)
    server.clone_database("pruned", database, LOGIN)
    server.drop_database("pruned")
    build(full_refresh=True)
    assert rows_of_raw() == expected
