"""`postlaunch storage`: bytes are those of the files and of PostgreSQL, growth is told only where there is history."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from postlaunch.cli import cli
from postlaunch.landing.zone import Landing
from postlaunch.storage import SCHEMAS, Stored, in_warehouse, landed, total
from postlaunch.warehouse.db import connect

FIRST = dt.date(2026, 1, 1)


def put(root: Path, source: str, launch: str, partition: str, size: int) -> None:
    folder = root / source / launch / "a_stream" / partition / "20260101T000000000000Z-aaaaaa"
    folder.mkdir(parents=True)
    (folder / "part-0000.jsonl.gz").write_bytes(b"x" * size)


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def test_landing_zone_is_told_by_source_and_launch_and_grows_by_its_last_four_weeks(tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path, "mixpanel", "a", str(day(number)), 100 if number < 12 else 1_000)  # 12 + 28 dates
    put(tmp_path, "mixpanel", "b", str(FIRST), 70)
    put(tmp_path, "zendesk", "a", f"{day(0)}_{day(9)}", 5_000)
    (tmp_path / "notes.txt").write_text("not a pull")
    assert landed(Landing(str(tmp_path))) == [
        Stored("landing", "mixpanel", "a", 12 * 100 + 28 * 1_000, 1_000),
        Stored("landing", "mixpanel", "b", 70, None),
        Stored("landing", "zendesk", "a", 5_000, 500),
    ]


def test_total_knows_no_growth_where_a_part_has_none() -> None:
    known, unknown = Stored("raw", "mixpanel", "a", 10, 1), Stored("raw", "mixpanel", "b", 10, None)
    assert total([known, known]).year_bytes == 20 + 2 * 365
    assert total([known, unknown]).year_bytes is None
    assert total([]).daily_bytes is None


def loaded(days: int, launches: str = "ab") -> None:
    """An event a day of launch a, three of launch b."""
    with connect(autocommit=True) as session:
        session.execute("create table raw.mixpanel_events_all partition of raw.mixpanel_events default")
        for launch in launches:
            for number in range(days):
                session.execute(
                    "insert into raw.mixpanel_events (launch_id, event_date, event_name, distinct_id, occurred_at, properties, load_id) "
                    "select %s, %s, 'open', 'ada', %s, '{}', 1 from generate_series(1, %s)",
                    [launch, day(number), day(number), 1 if launch == "a" else 3],
                )
            session.execute(
                "insert into ops.partition_loads (launch_id, source, stream, window_start_at, window_end_at, pull_id, landing_path, "
                "bytes_count, landed_count, loaded_count, duplicate_count, quarantined_count, content_hash, is_changed, request, "
                "duration_seconds) values (%s, 'mixpanel', 'events', %s, %s, 'p', 'p', 1, 1, 1, 0, 0, '', true, '{}', 1)",
                [launch, day(0), day(days)],
            )


def test_a_launch_has_the_share_of_its_rows_and_nothing_is_lost(warehouse: str) -> None:
    loaded(40)
    with connect(autocommit=True) as session:
        found = in_warehouse(session)
        size = session.execute("select pg_total_relation_size('raw.mixpanel_events_all')").fetchall()[0][0]
        everything = session.execute(
            "select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r' and relnamespace = any(%s::regnamespace[])",
            [list(SCHEMAS)],
        ).fetchall()[0][0]
    events = {part.launch_id: part for part in found if (part.area, part.source) == ("raw", "mixpanel") and part.launch_id != "all"}
    assert {launch: part.bytes for launch, part in events.items()} == {"a": round(size / 4), "b": round(size * 3 / 4)}
    assert events["a"].daily_bytes == round(size / 4 / 40)
    empty = next(part for part in found if (part.area, part.source, part.launch_id) == ("raw", "pagerduty", "all"))
    assert empty.bytes > 0
    assert empty.daily_bytes == 0  # its tables have no row: a source that nobody uses must not make the year unknown
    assert abs(sum(part.bytes for part in found) - int(everything)) <= len(found)  # each is rounded


def test_less_than_a_week_foretells_no_year(warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(6, "a")
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path))
    done = CliRunner().invoke(cli, ["storage", "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    assert {part["year_bytes"] for part in shown["stored"] if part["launch_id"] == "a"} == {None}
    assert shown["total"]["year_bytes"] is None
    assert shown["total"]["bytes"] == sum(part["bytes"] for part in shown["stored"]) > 0
    told = CliRunner().invoke(cli, ["storage"])
    assert "says nothing of a year" in told.output
