"""A launch whose time zone changes stands still, alone, until it is dated anew; then it is as if it had always had that zone.

    warehouse of the old zone ── the file changes ── refused ── redate ── build ── dates at the ends pulled again ──┐
    fresh warehouse of the new zone ────────────────────────────────────────────────────────────────────────────────┴─> the same marts

Over the change to summer time in New York (8 March 2026) and in Berlin (29 March), with a zone that is half an hour off.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from postlaunch.cli import cli
from postlaunch.config.load import load_launch, read_launches
from postlaunch.config.yaml_file import read_yaml
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, LandingError, LockedError
from postlaunch.ingest import ingest, load
from postlaunch.load.redate import redate
from postlaunch.load.runs import recorded, uncovered_from
from postlaunch.marts.build import build, open_build
from postlaunch.marts.tables import mart_tables
from postlaunch.warehouse.config_sync import launches_to_review
from postlaunch.warehouse.db import connect
from tests.conftest import Warehouses

LAUNCH = "emr-platform"
DAY = dt.timedelta(days=1)
FIRST, LAST = dt.date(2026, 3, 6), dt.date(2026, 3, 9)
NEW_YORK, KOLKATA, BERLIN = "America/New_York", "Asia/Kolkata", "Europe/Berlin"
DATED = ("mixpanel", "prometheus")
OF_DATED = ("product", "reliability", "capacity")
RAW = """
    select to_jsonb(row) from (
        select launch_id, event_date, event_name, distinct_id, insert_id, occurred_at, properties from raw.mixpanel_events
    ) as row
    union all
    select to_jsonb(row) from (
        select launch_id, sample_date, metric_id, labels, sampled_at, value::text
        from raw.prometheus_samples inner join raw.prometheus_series using (launch_id, metric_id, series_id)
    ) as row
    union all
    select to_jsonb(row) from (
        select distinct on (launch_id, source, stream, partition_date)
            launch_id, source, stream, partition_date, landed_count, loaded_count, duplicate_count, quarantined_count
        from ops.partition_loads where partition_date is not null
        order by launch_id, source, stream, partition_date, load_id desc
    ) as row
"""


class Company:
    """Launch files and a landing zone of their own, that the environment points at."""

    def __init__(self, folder: Path, template: Path, patch: pytest.MonkeyPatch) -> None:
        self.launches, self._template = folder / "launches", template
        self.launches.mkdir(parents=True)
        patch.setenv("POSTLAUNCH_LAUNCHES", str(self.launches))
        patch.setenv("POSTLAUNCH_LANDING", str(folder / "landing"))

    def says(self, zone: str, launch: str = LAUNCH) -> None:
        """The launch file, without support hours: those keep their history, whatever zone they were written for."""
        fields: Any = read_yaml(self._template / f"{LAUNCH}.yaml")
        fields.update(launch=launch, timezone=zone)
        del fields["zendesk"]["support_hours"]
        (self.launches / f"{launch}.yaml").write_text(json.dumps(fields))

    def pull(self, *sources: Any, first: dt.date = FIRST, last: dt.date = LAST, launch: str = LAUNCH) -> None:
        for source in sources or ("mixpanel", "zendesk", "pagerduty", "prometheus"):
            ingest(source, load_launch(self.launches, launch), first, last)

    def redate(self) -> Any:
        return redate(load_launch(self.launches, LAUNCH))


@pytest.fixture
def company(tmp_path: Path, sandbox_launches: Path, warehouse: str, apis: str, monkeypatch: pytest.MonkeyPatch) -> Company:
    return Company(tmp_path, sandbox_launches, monkeypatch)


def rows(statement: str, *values: Any) -> list[Any]:
    with connect() as session:
        return session.execute(statement, values).fetchall()  # type: ignore[arg-type]


def raw(launch: str = LAUNCH) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for (row,) in rows(RAW) if row["launch_id"] == launch)


def everything() -> list[Any]:
    """All that a command that was refused or killed must leave as it was."""
    tables = ("ops.partition_loads", "ops.launch_zones", "raw.event_property_days", "raw.prometheus_series_dates", "quarantine.records")
    return [raw(), *(sorted(map(str, rows(f"select * from {table}"))) for table in tables)]


def marts(*domains: str) -> dict[str, list[str]]:
    """Every row of every mart as it was built."""
    return {
        table: sorted(json.dumps(row, sort_keys=True) for (row,) in rows(f"select to_jsonb(mart) from build.{table} as mart"))
        for table, domain in mart_tables().items()
        if not domains or domain in domains
    }


def difference(found: dict[str, list[str]], expected: dict[str, list[str]]) -> dict[str, list[str]]:
    return {
        table: sorted(set(found[table]) ^ set(expected[table]))[:4] or ["as often"] for table in expected if found[table] != expected[table]
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "first", "last"),
    [
        (NEW_YORK, KOLKATA, FIRST, LAST),
        pytest.param(KOLKATA, BERLIN, dt.date(2026, 3, 27), dt.date(2026, 3, 31), marks=pytest.mark.soak, id="over-summer-time"),
    ],
)
def test_a_launch_that_was_dated_anew_has_the_marts_of_a_warehouse_that_never_had_another_zone(
    company: Company,
    tmp_path: Path,
    sandbox_launches: Path,
    warehouses: Warehouses,
    template: str,
    before: str,
    after: str,
    first: dt.date,
    last: dt.date,
) -> None:
    company.says(before)
    for number in range((last - first).days + 1):
        company.pull(first=first + number * DAY, last=first + number * DAY)
    build()
    company.says(after)
    done = company.redate()
    assert done.dates > 0
    build()
    whole = [row[0] for row in rows("select distinct partition_date from ops.partition_loads where partition_date is not null order by 1")]
    built = marts(*OF_DATED)
    for table in ("ticket_daily", "ticket_clock_daily", "incident_daily"):
        assert {json.loads(row)["metric_date"] for row in marts("support", "incidents")[table]} == {str(date) for date in whole}, table
    partial = sorted({date for _, date in done.to_pull})
    assert partial
    assert not set(partial) & set(whole)
    for date in partial:
        company.pull(first=date, last=date)
    build()
    finally_built, finally_raw = marts(), raw()

    def never_another_zone(folder: str, *sources: str, first: dt.date, last: dt.date) -> tuple[dict[str, list[str]], list[str]]:
        with pytest.MonkeyPatch.context() as patch, warehouses.copied(template, patch):
            other = Company(tmp_path / folder, sandbox_launches, patch)
            other.says(after)
            other.pull(*sources, first=first, last=last)
            build()
            return marts(), raw()

    expected, expected_raw = never_another_zone("final", first=min(partial + whole), last=max(partial + whole))
    assert sorted(set(finally_raw) ^ set(expected_raw)) == []
    assert difference(finally_built, expected) == {}
    if before == NEW_YORK:
        expected, _ = never_another_zone("whole", *DATED, first=whole[0], last=whole[-1])
        assert difference(built, {table: expected[table] for table in built}) == {}


def test_a_launch_whose_zone_changed_is_refused_with_the_command_that_fixes_it_and_the_other_goes_on(company: Company) -> None:
    company.says(NEW_YORK)
    company.says(NEW_YORK, "other")
    company.pull("mixpanel", last=FIRST)
    company.pull("mixpanel", last=FIRST, launch="other")
    with open_build() as (_, build_id):
        assert build_id is not None
    company.says(KOLKATA)
    before = everything()
    for attempt in (
        lambda: company.pull("mixpanel", last=FIRST),
        lambda: load("mixpanel", load_launch(company.launches, LAUNCH), FIRST, FIRST),
    ):
        with pytest.raises(ConfigError, match=f"dated in {NEW_YORK}: .*`postlaunch redate --launch {LAUNCH}`"):
            attempt()
    refused = rows("select status, error from ops.ingest_runs where launch_id = %s order by ingest_run_id desc limit 1", LAUNCH)
    assert refused[0][0] == "failed"
    assert f"`postlaunch redate --launch {LAUNCH}`" in refused[0][1]
    assert everything() == before

    company.pull("mixpanel", first=FIRST + DAY, last=FIRST + DAY, launch="other")
    with open_build() as (_, build_id):
        dirty = rows("select launch_id, metric_date from ops.build_dates where build_id = %s", build_id)
    assert dirty == [("other", FIRST + DAY)]
    assert rows("select timezone from config.launches where launch_id = %s", LAUNCH) == [(NEW_YORK,)]
    assert [launch_id for (launch_id,) in rows("select launch_id from ops.launch_faults")] == [LAUNCH]
    reviewed = launches_to_review(read_launches(company.launches))
    assert {name: launch.timezone for name, launch in reviewed.items()} == {LAUNCH: NEW_YORK, "other": NEW_YORK}
    shown = CliRunner().invoke(cli, ["status"], env={"COLUMNS": "300"})
    assert f"postlaunch redate --launch {LAUNCH}" in shown.output

    others = raw("other")
    company.redate()
    assert raw("other") == others
    assert rows("select launch_id from ops.launch_faults") == []
    assert not company.redate().is_needed
    company.pull("mixpanel", last=FIRST)


def test_a_file_that_says_the_old_zone_again_goes_on_as_if_nothing_had_been(company: Company) -> None:
    company.says(NEW_YORK)
    company.pull("mixpanel", last=FIRST)
    before = everything()
    company.says(KOLKATA)
    with pytest.raises(ConfigError):
        company.pull("mixpanel", last=FIRST)
    company.says(NEW_YORK)
    company.pull("mixpanel", first=FIRST - DAY, last=FIRST - DAY)
    assert set(before[0]) <= set(raw())


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(company: Company) -> None:
    company.says(NEW_YORK)
    company.pull("mixpanel", "zendesk")
    company.says(KOLKATA)
    before = everything()
    shown = CliRunner().invoke(cli, ["redate", "--launch", LAUNCH, "--dry-run"], env={"COLUMNS": "200"})
    assert "3 dates would be dated in Asia/Kolkata, before in America/New_York" in shown.output
    assert f"postlaunch ingest zendesk --launch {LAUNCH} --from {LAST + DAY} --to {LAST + DAY}" in shown.output
    assert everything() == before


def test_a_date_that_is_held_only_in_part_is_not_covered_and_cannot_be_loaded_by_another_zones_pull(company: Company) -> None:
    company.says(NEW_YORK)
    for number in range((LAST - FIRST).days + 1):
        company.pull("mixpanel", "zendesk", first=FIRST + number * DAY, last=FIRST + number * DAY)
    company.says(KOLKATA)
    assert company.redate().to_pull == tuple((source, date) for source in ("mixpanel", "zendesk") for date in (FIRST, LAST + DAY))
    with open_build() as (_, build_id):
        dirty = rows("select source, min(metric_date), max(metric_date) from ops.build_dates where build_id = %s group by 1", build_id)
    assert sorted(dirty) == [("mixpanel", FIRST + DAY, LAST), ("zendesk", FIRST + DAY, LAST)]
    launch = load_launch(company.launches, LAUNCH)
    assert uncovered_from("mixpanel", launch, LAST + 3 * DAY) == LAST + DAY
    with pytest.raises(LandingError, match="only what was pulled in another time zone is landed"):
        load("mixpanel", launch, FIRST, FIRST)
    before = raw()
    assert not load("mixpanel", launch, FIRST + DAY, LAST).is_changed, "what was dated anew is landed, and loaded again without the API"
    assert raw() == before
    company.pull("mixpanel", first=FIRST, last=FIRST)
    assert FIRST in {date for (date,) in rows("select partition_date from ops.partition_loads")}


def test_a_refused_line_is_refused_once_on_the_date_of_its_neighbours(company: Company) -> None:
    from postlaunch.landing.writer import PartitionWriter
    from postlaunch.landing.zone import Landing
    from postlaunch.load.loader import Loader

    company.says(NEW_YORK)
    launch = load_launch(company.launches, LAUNCH)
    first = FIRST - 3 * DAY
    midnight = int(launch.day_start(first).timestamp())
    landing = Landing(os.environ["POSTLAUNCH_LANDING"])
    for number in range(3):
        date = first + number * DAY
        writer = PartitionWriter(
            landing, "mixpanel", LAUNCH, "events", date, f"20261101T06000000000{number}Z-000000", launch.window(Dates.of(date))
        )
        for hour in (0, 12, 23):
            time = midnight + number * 86400 + hour * 3600
            event = {"event": "Visit", "properties": {"time": time, "distinct_id": "ann", "$insert_id": f"{number}-{hour}"}}
            writer.write_all([json.dumps(event).encode(), f"no event after {number}-{hour}".encode()])
        with Loader(launch) as loader:
            loader.load(writer.finalise({"timezone": "UTC"}))
    company.says(KOLKATA)
    company.redate()
    kept = rows("select event_date, insert_id from raw.mixpanel_events order by occurred_at")
    refused = rows("select partition_date, convert_from(raw_line, 'UTF8') from quarantine.records order by partition_date, line_number")
    assert [(date, f"no event after {insert_id}") for date, insert_id in kept] == refused
    assert [insert_id for _, insert_id in kept] == ["0-23", "1-0", "1-12", "1-23", "2-0", "2-12"], "a date begins at 13:30 in New York"


def test_nobody_is_dated_anew_while_an_ingest_or_a_build_is_at_work(company: Company) -> None:
    from postlaunch.ingest import silent
    from postlaunch.landing.zone import Landing

    company.says(NEW_YORK)
    company.pull("mixpanel", last=FIRST)
    launch = load_launch(company.launches, LAUNCH)
    company.says(KOLKATA)
    landing = Landing(os.environ["POSTLAUNCH_LANDING"])
    with (
        recorded("zendesk", launch, Dates.of(FIRST), landing, silent),
        pytest.raises(LockedError, match=r"while zendesk is ingested: run \d+"),
    ):
        company.redate()
    assert company.redate().is_needed


def test_pulls_that_are_gone_from_the_landing_zone_are_named_and_nothing_happens(company: Company, tmp_path: Path) -> None:
    company.says(NEW_YORK)
    company.pull("mixpanel")
    company.says(KOLKATA)
    before = everything()
    for date in (FIRST, LAST):
        next((tmp_path / "landing" / "mixpanel" / LAUNCH / "events" / str(date)).glob("*/manifest.json")).unlink()
    with pytest.raises(LandingError, match=f"events/{FIRST}/.*events/{LAST}/.*missing, though mixpanel events of {LAUNCH} is loaded"):
        company.redate()
    assert everything() == before


CHILD = """
import sys
from pathlib import Path
from postlaunch.config.load import load_launch
from postlaunch.load.redate import redate

stop = int(sys.argv[2])
def say(step, number, total):
    if number == stop:
        print("(stopped)", flush=True)
        sys.stdin.read()  # until it is killed

redate(load_launch(Path(sys.argv[1]), "emr-platform"), progress=say)
"""


@pytest.mark.parametrize("stop", [0, 2, 5])
def test_dating_anew_that_is_killed_has_done_nothing_and_the_next_attempt_does_all(company: Company, stop: int) -> None:
    company.says(NEW_YORK)
    company.pull(*DATED)
    company.says(KOLKATA)
    before = everything()
    command = [sys.executable, "-c", CHILD, str(company.launches), str(stop)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout
        list(takewhile(lambda line: line != "(stopped)\n", process.stdout))
        process.kill()
    assert process.returncode == -9
    done = company.redate()
    assert (done.before, done.dates) == (NEW_YORK, 6)
    assert everything()[0] != before[0]
    loaded = rows("select partition_date, count(*) from ops.partition_loads where partition_date is not null group by 1 order by 1")
    assert loaded == [(date, 2) for date in (FIRST + DAY, FIRST + 2 * DAY, LAST)]
    assert rows("select count(*) from raw.mixpanel_events where (occurred_at at time zone %s)::date <> event_date", KOLKATA) == [(0,)]


def test_a_warehouse_that_was_left_in_two_zones_is_dated_in_one(company: Company) -> None:
    company.says(NEW_YORK)
    company.pull("mixpanel", first=FIRST, last=LAST)
    with connect() as session:  # as a version that did not ask left it
        session.execute("update ops.launch_zones set timezone = %s", [KOLKATA])
    company.says(KOLKATA)
    company.pull("mixpanel", first=LAST + DAY, last=LAST + DAY)
    with connect() as session:
        session.execute("update ops.launch_zones set timezone = null")
    with pytest.raises(ConfigError, match="dated in several zones"):
        company.pull("mixpanel", first=LAST, last=LAST)
    assert company.redate().to_pull == (("mixpanel", FIRST),)
    moments = rows("select count(*), count(distinct (event_name, distinct_id, occurred_at, insert_id)) from raw.mixpanel_events")
    assert moments[0][0] == moments[0][1], "no event stands on two dates"
    assert rows("select count(*) from raw.mixpanel_events where (occurred_at at time zone %s)::date <> event_date", KOLKATA) == [(0,)]
