"""The whole way: API -> landing zone -> warehouse, against the simulators."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from upath import UPath

from postlaunch.config.launch import SOURCES, Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, LandingError, SourceAuthError, SourceError, WarehouseError
from postlaunch.ingest import ingest, load
from postlaunch.landing.zone import read_pull
from postlaunch.load.loss import ShrunkError
from postlaunch.sources import base
from postlaunch.warehouse.config_sync import sync_launches
from postlaunch.warehouse.db import connect

FIRST, LAST = dt.date(2026, 2, 17), dt.date(2026, 2, 19)
_ENTITIES = "select id, version_at, record from raw."
ROWS = {
    "mixpanel": "select event_date, event_name, distinct_id, insert_id, occurred_at, processed_at, properties from raw.mixpanel_events",
    "zendesk": " union all ".join(
        _ENTITIES + table for table in ("zendesk_tickets", "zendesk_ticket_metric_events", "zendesk_satisfaction_ratings")
    ),
    "pagerduty": " union all ".join(_ENTITIES + table for table in ("pagerduty_incidents", "pagerduty_log_entries", "pagerduty_services")),
    "prometheus": "select sample_date, metric_id, labels, sampled_at, value::text from raw.prometheus_samples "
    "inner join raw.prometheus_series using (launch_id, metric_id, series_id)",
}


@pytest.fixture(autouse=True)
def _landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setattr(base.PATIENCE, "attempts", 2)
    monkeypatch.setattr(base.PATIENCE, "first_wait", 0.01)


@pytest.fixture(scope="session")
def emr(sandbox_launches: Path) -> Launch:
    return load_launch(sandbox_launches, "emr-platform")


@pytest.fixture
def query(warehouse: str) -> Callable[[str], list[tuple[Any, ...]]]:
    def run(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(warehouse) as session:
            return session.execute(statement).fetchall()  # type: ignore[arg-type]

    return run


@pytest.fixture
def fingerprint(query) -> Callable[[Source], str]:
    """A hash of every row of a source, whatever the order and the load that brought it."""

    def of(source: Source) -> str:
        return str(query(f"select count(*) || ' ' || coalesce(sum(hashtextextended(row::text, 0)), 0) from ({ROWS[source]}) as row")[0][0])

    return of


@pytest.mark.parametrize("source", SOURCES)
def test_ingesting_twice_changes_nothing_and_a_reload_needs_no_api(source, apis, emr, query, fingerprint, monkeypatch) -> None:
    first = ingest(source, emr, FIRST, LAST)
    assert first.loaded > 0
    assert first.landed == first.loaded + first.duplicates + first.quarantined
    before = fingerprint(source)
    assert not ingest(source, emr, FIRST, LAST).is_changed
    monkeypatch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}", "http://x:y@127.0.0.1:1")
    assert not load(source, emr, FIRST, LAST).is_changed
    assert fingerprint(source) == before
    assert query("select count(*) from ops.partition_loads where landed_count <> loaded_count + duplicate_count + quarantined_count") == [
        (0,)
    ]
    assert query("select distinct status from ops.ingest_runs") == [("succeeded",)]


@pytest.mark.parametrize("source", SOURCES)
def test_days_one_by_one_in_any_order_give_the_rows_of_one_window(source, apis, emr, warehouse, fingerprint) -> None:
    ingest(source, emr, FIRST, LAST)
    whole = fingerprint(source)
    with psycopg.connect(warehouse) as session:
        tables = "mixpanel_events, zendesk_tickets, zendesk_ticket_metric_events, zendesk_satisfaction_ratings, pagerduty_incidents, "
        names = (tables + "pagerduty_log_entries, pagerduty_services, prometheus_samples, prometheus_series").split(", ")
        session.execute(f"truncate {', '.join(f'raw.{name}' for name in names)}, ops.partition_loads")  # type: ignore[arg-type]
    days = [FIRST + dt.timedelta(days=number) for number in range(3)]
    random.Random(7).shuffle(days)
    for day in days:
        ingest(source, emr, day, day)
    assert fingerprint(source) == whole


def test_events_are_those_of_the_export_without_repeats(apis, emr, query) -> None:
    ingest("mixpanel", emr, FIRST, LAST)
    start, end = (moment.timestamp() for moment in emr.window(Dates(FIRST, LAST)))
    export = httpx.get(
        f"{apis}/api/2.0/export",
        params={"from_date": "2026-02-17", "to_date": "2026-02-20", "project_id": 1001},
        auth=("postlaunch-sandbox", "mixpanel-sandbox-secret"),
        timeout=60,
    )
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in export.text.splitlines():
        found = json.loads(line)
        properties = found["properties"]
        key = (found["event"], properties["distinct_id"], properties["time"], properties["$insert_id"])
        if (
            start <= properties["time"] < end
            and latest.get(key, properties)["mp_processing_time_ms"] <= properties["mp_processing_time_ms"]
        ):
            latest[key] = properties
    rows = query("select event_name, distinct_id, extract(epoch from occurred_at)::bigint, insert_id, properties from raw.mixpanel_events")
    assert {tuple(row[:4]): row[4] for row in rows} == latest
    assert len(rows) == len(latest)


def test_a_project_that_keeps_local_time_gives_the_same_moments(apis, emr, query) -> None:
    ingest("mixpanel", emr, FIRST, LAST)
    statement = "select event_name, distinct_id, occurred_at, insert_id from raw.mixpanel_events order by 1, 2, 3, 4"
    in_utc = query(statement)
    config = emr.mixpanel.model_copy(update={"project_id": 1002, "timezone": "America/New_York"})
    ingest("mixpanel", emr.model_copy(update={"mixpanel": config}), FIRST, LAST)
    assert query(statement) == in_utc


def test_purchases_of_cdnow_come_through_the_mixpanel_path(apis, sandbox_launches, query) -> None:
    result = ingest("mixpanel", load_launch(sandbox_launches, "cdnow"), dt.date(1997, 1, 1), dt.date(1997, 3, 31))
    assert result.quarantined == 0
    assert query("select count(distinct distinct_id), count(*) from raw.mixpanel_events where event_name = 'Purchase'") == [
        (2357, result.loaded)
    ]


def test_a_nightly_window_reaches_back_and_a_given_one_does_not(apis, emr, warehouse) -> None:
    assert ingest("mixpanel", emr, LAST, LAST).first == LAST
    nightly = ingest("mixpanel", emr, LAST, LAST, lookback=True)
    assert nightly.first == LAST - dt.timedelta(days=emr.mixpanel.lookback_days)
    assert len(nightly.loads) == emr.mixpanel.lookback_days + 1


def test_a_night_after_an_outage_goes_back_to_where_coverage_ends(apis, emr, warehouse) -> None:
    ingest("pagerduty", emr, LAST - dt.timedelta(days=6), LAST - dt.timedelta(days=5))
    assert ingest("pagerduty", emr, LAST, LAST, lookback=True).first == LAST - dt.timedelta(days=4)


def test_a_hole_behind_a_day_that_somebody_ingested_by_hand_is_filled(apis, emr, warehouse) -> None:
    """Nights 6 to 2 before the last failed; a person took the fourth."""
    ingest("pagerduty", emr, LAST - dt.timedelta(days=8), LAST - dt.timedelta(days=7))
    ingest("pagerduty", emr, LAST - dt.timedelta(days=4), LAST - dt.timedelta(days=4))
    assert ingest("pagerduty", emr, LAST, LAST, lookback=True).first == LAST - dt.timedelta(days=6)
    assert ingest("pagerduty", emr, LAST, LAST, lookback=True).first == LAST - dt.timedelta(days=1), "the look-back alone"


def test_a_day_that_was_not_over_is_not_covered(apis, emr, query) -> None:
    """At three in the afternoon somebody took today, and the night of it failed: the next one takes the rest of it."""
    half = LAST - dt.timedelta(days=3)
    ingest("pagerduty", emr, half - dt.timedelta(days=1), half)
    with connect() as session:
        afternoon = dt.datetime.combine(half, dt.time(15), emr.zone)
        session.execute("update ops.ingest_runs set started_at = %s", [afternoon])
    assert ingest("pagerduty", emr, LAST, LAST, lookback=True).first == half


def test_a_reload_covers_nothing(apis, emr, warehouse) -> None:
    """It asks no API: where one window of ten is landed, nine days may be missing."""
    ingest("pagerduty", emr, LAST - dt.timedelta(days=9), LAST - dt.timedelta(days=9))
    load("pagerduty", emr, LAST - dt.timedelta(days=9), LAST - dt.timedelta(days=1))
    assert ingest("pagerduty", emr, LAST, LAST, lookback=True).first == LAST - dt.timedelta(days=8)


def test_a_hole_of_long_ago_is_left_to_a_person(apis, emr, warehouse) -> None:
    """Somebody tries the first week of the story; a night does not pull a quarter because of that."""
    ingest("pagerduty", emr, LAST - dt.timedelta(days=90), LAST - dt.timedelta(days=90))
    ingest("pagerduty", emr, LAST - dt.timedelta(days=35), LAST - dt.timedelta(days=1))
    assert ingest("pagerduty", emr, LAST, LAST, lookback=True).first == LAST - dt.timedelta(days=1)


def test_an_older_pull_does_not_take_the_place_of_a_newer_one_and_says_so(apis, emr, warehouse, tmp_path) -> None:
    for _ in range(2):
        ingest("prometheus", emr, LAST, LAST)
    shutil.rmtree(max(path.parent for path in tmp_path.rglob("manifest.json")))
    result = load("prometheus", emr, LAST, LAST)
    assert (result.landed, result.is_changed) == (0, False)
    assert "; 1 were left as they are, a newer pull of them is loaded" in result.summary


def test_tickets_are_not_loaded_without_their_events(apis, emr, query, tmp_path) -> None:
    ingest("zendesk", emr, LAST, LAST)
    with connect() as session:
        session.execute("truncate raw.zendesk_tickets")
    part = next(path for path in tmp_path.rglob("part-0000.jsonl.gz") if "ticket_metric_events" in str(path))
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(LandingError, match="ticket_metric_events"):
        load("zendesk", emr, LAST, LAST)
    assert query("select count(*) from raw.zendesk_tickets") == [(0,)]


def test_late_events_make_their_own_date_dirty_again(apis, emr, query) -> None:
    late = emr.date + dt.timedelta(days=88)
    _set_clock(apis, "2026-04-11T06:00:00Z")  # the night after day 88; a tenth of it is still on its way
    early = ingest("mixpanel", emr, late, late)
    _set_clock(apis, "2026-04-13T06:00:00Z")
    assert ingest("mixpanel", emr, late, late).loaded > early.loaded
    assert query("select array_agg(is_changed order by load_id) from ops.partition_loads") == [([True, True],)]


def _set_clock(apis: str, moment: str) -> None:
    httpx.put(f"{apis}/_sandbox/clock", json={"now": moment}).raise_for_status()


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_is_down_fails_alone_with_its_reason(source, apis, emr, query, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}", "http://robot:s3cret@127.0.0.1:1")
    with pytest.raises(SourceError, match=rf"^{source}: no answer from http://127\.0\.0\.1:1/"):
        ingest(source, emr, FIRST, LAST)
    status, error = query("select status, error from ops.ingest_runs")[0]
    assert (status, error.split(":")[0]) == ("failed", source)
    assert "s3cret" not in error
    assert query("select count(*) from ops.partition_loads") == [(0,)]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("source", ["mixpanel", "zendesk", "pagerduty"])
def test_a_wrong_password_is_said_at_once(source, apis, emr, query, monkeypatch) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_POSTLAUNCH_{source.upper()}", apis.replace("//", "//robot:s3cret@"))
    with pytest.raises(SourceAuthError, match=f"check login and password of AIRFLOW_CONN_POSTLAUNCH_{source.upper()}") as caught:
        ingest(source, emr, FIRST, LAST)
    assert "s3cret" not in str(caught.value)
    assert query("select status from ops.ingest_runs") == [("failed",)]


def test_a_failed_ingest_leaves_the_rows_of_the_last_one(apis, emr, fingerprint, monkeypatch) -> None:
    ingest("zendesk", emr, FIRST, LAST)
    before = fingerprint("zendesk")
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_ZENDESK", "http://x:y@127.0.0.1:1")
    with pytest.raises(SourceError):
        ingest("zendesk", emr, FIRST, LAST)
    assert fingerprint("zendesk") == before


def test_a_source_that_the_launch_does_not_use_is_refused(warehouse, sandbox_launches) -> None:
    with pytest.raises(ConfigError, match="launch 'cdnow' does not use zendesk"):
        ingest("zendesk", load_launch(sandbox_launches, "cdnow"), FIRST, LAST)


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (dt.date(1, 1, 1), FIRST, "dates from 1980 to today"),
        (FIRST, dt.date(9999, 12, 31), "dates from 1980 to today"),
        (LAST, FIRST, f"the last date {FIRST} lies before the first date {LAST}"),
    ],
)
def test_dates_that_no_source_can_answer_are_a_clear_error(warehouse, emr, first, last, reason) -> None:
    for step in (ingest, load):
        with pytest.raises(ConfigError, match=reason):
            step("prometheus", emr, first, last)


@pytest.mark.parametrize("source", ["mixpanel", "zendesk"])
def test_reloading_what_was_never_landed_names_the_command_that_pulls_it(source, warehouse, emr) -> None:
    command = f"postlaunch ingest {source} --launch emr-platform --from 2026-02-17 --to 2026-02-1[79]"
    with pytest.raises(LandingError, match=command):
        load(source, emr, FIRST, LAST)


def test_a_warehouse_that_is_down_is_said_before_any_call(apis, emr, monkeypatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE", "postgres://x:y@127.0.0.1:1/none")
    httpx.delete(f"{apis}/_sandbox/requests")
    with pytest.raises(WarehouseError, match=r"no PostgreSQL at 127\.0\.0\.1:1"):
        ingest("mixpanel", emr, FIRST, LAST)
    assert httpx.get(f"{apis}/_sandbox/requests").json()["mixpanel"] == 0


def test_a_file_fixed_by_hand_is_refused_until_it_is_accepted(apis, emr, query, tmp_path) -> None:
    ingest("prometheus", emr, FIRST, FIRST)
    before = query("select count(*) from raw.prometheus_samples")[0][0]
    file = max(
        (tmp_path / "landing").rglob("part-*.gz"), key=lambda path: path.stat().st_size
    )  # a part a metric: the one with the most rows
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(lines[: len(lines) // 2])))
    with pytest.raises(LandingError, match="--accept-changed"):
        load("prometheus", emr, FIRST, FIRST)
    with pytest.raises(ShrunkError, match="--accept-shrunk"):
        load("prometheus", emr, FIRST, FIRST, accept_changed=True)
    assert query("select count(*) from raw.prometheus_samples") == [(before,)]
    assert load("prometheus", emr, FIRST, FIRST, accept_shrunk=True).is_changed
    assert query("select count(*) from raw.prometheus_samples")[0][0] < before


def shrink(project: Path, date: dt.date, keep: float) -> None:
    """Leave a part of the newest landed pull of a date, as a half answer of the API would, with a manifest to match."""
    folder = max((project / str(date)).iterdir())
    file = folder / "part-0000.jsonl.gz"
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(lines[: round(len(lines) * keep)])))
    read_pull(UPath(folder)).accept_changes(lambda _: 1)


def test_a_date_that_lost_rows_is_refused_its_neighbours_are_loaded_and_a_person_decides(apis, emr, query, fingerprint, tmp_path) -> None:
    project = tmp_path / "landing" / "mixpanel" / "emr-platform" / "events"
    ingest("mixpanel", emr, FIRST, LAST)
    before, loads = fingerprint("mixpanel"), query("select count(*) from ops.partition_loads")[0][0]
    for date, keep in ((FIRST, 0.97), (FIRST + dt.timedelta(days=1), 0.5), (LAST, 0.99)):
        shrink(project, date, keep)
    with pytest.raises(ShrunkError) as caught:
        load("mixpanel", emr, FIRST, LAST)
    words = "--launch emr-platform --from 2026-02-18 --to 2026-02-18"
    found = query("select landed_count, loaded_count from ops.partition_loads where partition_date = '2026-02-18'")
    assert str(caught.value).startswith(
        "refused 1 of 3 partitions, the others are loaded: mixpanel events 2026-02-18 of emr-platform: the new"
    )
    assert f"`postlaunch ingest mixpanel {words}`" in str(caught.value)
    assert f"`postlaunch load mixpanel {words} --accept-shrunk`" in str(caught.value)
    assert f"but {found[0][1]:,} are loaded" in str(caught.value)
    assert query("select count(*) from ops.partition_loads") == [(loads + 2,)]
    assert query("select status, error from ops.ingest_runs order by ingest_run_id desc limit 1") == [("failed", str(caught.value))]

    # It stays refused, whoever reloads: the pull is passed over, and here there is no earlier one.
    with pytest.raises(LandingError, match="only what was refused is landed"):
        load("mixpanel", emr, FIRST, LAST)
    ingest("mixpanel", emr, FIRST, LAST)
    assert fingerprint("mixpanel") == before, "the right answer comes again and is loaded"
    assert not load("mixpanel", emr, FIRST, LAST).is_changed

    shrink(project, FIRST, 0.5)
    with pytest.raises(ShrunkError):
        load("mixpanel", emr, FIRST, FIRST)
    result = load("mixpanel", emr, FIRST, FIRST, accept_shrunk=True)
    assert result.is_changed
    assert list(project.glob(f"{FIRST}/*/refused.json")) == []
    lost = query("select accepted_loss_count, loaded_count from ops.partition_loads order by load_id desc limit 1")[0]
    assert lost[0] > 0.4 * lost[1]
    assert not load("mixpanel", emr, FIRST, FIRST).is_changed


def test_a_refused_pull_does_not_come_back_when_the_warehouse_is_made_anew(apis, emr, query, fingerprint, tmp_path) -> None:
    ingest("mixpanel", emr, FIRST, FIRST)
    before = fingerprint("mixpanel")
    project = tmp_path / "landing" / "mixpanel" / "emr-platform" / "events"
    first = max((project / str(FIRST)).iterdir())
    shutil.copytree(first, first.with_name("29990101T000000000000Z-000000"))
    shrink(project, FIRST, 0.5)
    newer = max((project / str(FIRST)).iterdir()) / "manifest.json"
    newer.write_text(newer.read_text().replace(first.name, newer.parent.name))
    with pytest.raises(ShrunkError):
        load("mixpanel", emr, FIRST, FIRST)
    with connect() as session:
        session.execute("truncate raw.mixpanel_events, ops.partition_loads")
    load("mixpanel", emr, FIRST, FIRST)
    assert fingerprint("mixpanel") == before


def test_an_unchanged_date_is_written_again_if_its_rows_are_gone(apis, emr, query, fingerprint) -> None:
    ingest("mixpanel", emr, FIRST, FIRST)
    before = fingerprint("mixpanel")
    with connect("loader") as session:
        session.execute("delete from raw.mixpanel_events where insert_id = (select max(insert_id) from raw.mixpanel_events)")
    assert load("mixpanel", emr, FIRST, FIRST).is_changed
    assert fingerprint("mixpanel") == before


def test_arrivals_after_the_look_back_show(apis, emr, query) -> None:
    late = emr.date + dt.timedelta(days=88)
    sync_launches({emr.launch: emr})
    _set_clock(apis, "2026-04-11T06:00:00Z")
    early = ingest("mixpanel", emr, late, late)
    _set_clock(apis, "2026-04-13T06:00:00Z")
    later = ingest("mixpanel", emr, late, late)
    assert "; the latest arrived after " in later.summary
    columns = "loaded_count, late_count, lag_seconds, missed_count, is_lookback_enough"
    # Both pulls were made long after the look-back in our own time; now the first is put into it.
    assert query(f"select {columns} from ops.arrival_lag") == [(later.loaded, later.loaded - early.loaded, later.lag_seconds, None, None)]
    with connect() as session:
        session.execute("update ops.partition_loads set pull_id = '20260411T060000000000Z-000000' where load_id = 1")
    missed = later.loaded - early.loaded
    assert query(f"select {columns} from ops.arrival_lag") == [(later.loaded, missed, later.lag_seconds, missed, False)]


def test_no_secret_reaches_landing_zone_or_warehouse(apis, emr, query, tmp_path) -> None:
    for source in SOURCES:
        ingest(source, emr, FIRST, FIRST)
    secrets = ["mixpanel-sandbox-secret", "zendesk-sandbox-token", "pagerduty-sandbox-token"]
    written = [path.read_text() for path in tmp_path.rglob("manifest.json")]
    written += [str(row) for row in query("select * from ops.partition_loads")] + [
        str(row) for row in query("select * from ops.ingest_runs")
    ]
    assert written
    assert [secret for secret in secrets for text in written if secret in text] == []


def test_progress_is_told_while_it_goes(apis, emr, warehouse) -> None:
    said: list[tuple[str, int, int | None]] = []
    ingest("mixpanel", emr, FIRST, LAST, progress=lambda *step: said.append(step))
    assert said[0] == ("events of 2026-02-17..2026-02-20", 0, None)
    assert ("loading events 2026-02-18", 1, 3) in said
    assert said[-1] == ("loaded", 3, 3)
