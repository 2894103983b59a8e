"""Old months of raw go only when they can come back, all together or not at all; and what comes back is what was there.

Loads, builds and publications are real; no model runs here (tests/dbt/test_pruned_nights.py has them run).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from postlaunch import prune as pruning
from postlaunch.cli import cli
from postlaunch.config.launch import Launch, Source
from postlaunch.config.load import load_launch
from postlaunch.config.settings import load_retention
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, LandingError, LockedError, PostlaunchError, WarehouseError
from postlaunch.landing.resume import REFUSED, remove_pull
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import MANIFEST, Landing, Pull, new_pull_id
from postlaunch.load.loader import Loader
from postlaunch.load.quarantine import Choice, replay
from postlaunch.load.samples import samples_in_line
from postlaunch.marts.build import open_build
from postlaunch.prune import Pruned, prune
from postlaunch.warehouse.db import connect
from tests.dbt.event_rows import write_launch

TODAY = dt.date(2026, 4, 15)  # with one month kept, March and April stay
JANUARY, FEBRUARY, MARCH = dt.date(2026, 1, 30), dt.date(2026, 2, 3), dt.date(2026, 3, 3)
DATES = (JANUARY, JANUARY + dt.timedelta(days=1), FEBRUARY, MARCH)
RAW = """
    select to_jsonb(kept) from raw.mixpanel_events as kept union all select to_jsonb(kept) from raw.prometheus_samples as kept
"""
BESIDE = ("raw.event_property_days", "raw.prometheus_series_dates", "raw.prometheus_series", "quarantine.records", "ops.partition_loads")


class Shop:
    """One launch with events and samples of four dates in three months."""

    def __init__(self, folder: Path) -> None:
        self.landing = Landing(str(folder / "landing"))
        write_launch(folder / "launches", "shop", date="2026-01-12", timezone="America/New_York", mixpanel={"project_id": 1}, prometheus={})
        self.launch: Launch = load_launch(folder / "launches", "shop")

    def land(self, source: Source, date: dt.date, *, late: int = 0) -> Pull:
        """A user's events, of which one stands twice, and a line that is none; or two series. `late`: rows that came since."""
        begin = int(self.launch.day_start(date).timestamp())
        stream = "events" if source == "mixpanel" else "samples"
        writer = PartitionWriter(self.landing, source, "shop", stream, date, new_pull_id(), self.launch.window(Dates.of(date)))
        lines: list[Any]
        if source == "mixpanel":
            lines = [
                {"event": "Opened", "properties": {"time": begin + second, "distinct_id": "ada", "$insert_id": f"{second}", "plan": "pro"}}
                for second in (5, 3, 3, *range(10, 10 + late))
            ]
            lines.append({"event": "no time"})
        else:
            points = [[begin + 60 * minute, f"{minute}.5"] for minute in range(3 + late)]
            lines = [{"metric_id": "api.up", "labels": {"instance": name}, "values": points} for name in ("a", "b")]
        for line in lines:
            text = json.dumps(line).encode()
            writer.write(text, samples_in_line(text) if source == "prometheus" else 1)
        return writer.finalise({"timezone": "UTC", "step_seconds": 60})

    def load(self, *pulls: Pull) -> None:
        with Loader(self.launch) as loader:
            for pull in pulls:
                loader.load(pull)

    def pull_all(self) -> None:
        self.load(*(self.land(source, date) for date in DATES for source in ("mixpanel", "prometheus")))


@pytest.fixture
def shop(warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    (tmp_path / "launches").mkdir()
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path / "launches"))
    monkeypatch.setenv("POSTLAUNCH_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("POSTLAUNCH_RETENTION_RAW_MONTHS", "1")
    shop = Shop(tmp_path)
    shop.pull_all()
    return shop


def build(*, full_refresh: bool = False) -> None:
    """What a build does around its models."""
    with open_build(full_refresh):
        pass


def publish(domains: str = "%") -> None:
    """All that was built is let through."""
    with connect() as session:
        session.execute(
            "with made as (insert into ops.publications (build_id) select max(build_id) from ops.builds returning publication_id) "
            "update ops.domain_builds set publication_id = made.publication_id from made "
            "where domain_builds.publication_id is null and domain like %s",
            [domains],
        )


@pytest.fixture
def published(shop: Shop) -> Shop:
    build()
    publish()
    return shop


def rows(statement: str) -> list[Any]:
    with connect() as session:
        return session.execute(statement).fetchall()  # type: ignore[arg-type]


def raw() -> list[str]:
    """Every row of events and samples, whole: with the load that brought it and its place in the pull."""
    return sorted(json.dumps(row, sort_keys=True) for (row,) in rows(RAW))


def beside() -> list[Any]:
    """What pruning leaves alone."""
    return [sorted(map(str, rows(f"select * from {table}"))) for table in BESIDE]


def dropped() -> set[tuple[str, dt.date]]:
    return {tuple(row) for row in rows("select source, partition_date from ops.dropped_dates")}


def of(source: str, *dates: dt.date) -> set[tuple[str, dt.date]]:
    return {(source, date) for date in dates}


OLD = of("mixpanel", *DATES[:3]) | of("prometheus", *DATES[:3])


def test_old_months_go_and_nothing_else(published: Shop) -> None:
    before, kept = raw(), beside()
    planned = prune(dry_run=True, today=TODAY)
    assert (raw(), dropped()) == (before, set())
    done = prune(today=TODAY)
    assert [(month.table, month.kept) for month in done.months] == [
        ("mixpanel_events_y2026m01", None),
        ("mixpanel_events_y2026m02", None),
        ("prometheus_samples_y2026m01", None),
        ("prometheus_samples_y2026m02", None),
    ]
    assert planned.months == done.months
    assert sum(month.rows for month in done.months) == 3 * (2 + 6)  # a date has two events, and two series of three samples
    assert raw() == [row for row in before if '_date": "2026-03' in row]
    assert beside() == kept
    assert dropped() == OLD
    assert prune(today=TODAY).months == ()
    assert not any(month.kept is None for month in prune(today=TODAY).months)


def test_without_settings_everything_is_kept(published: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTLAUNCH_RETENTION_RAW_MONTHS")
    before = raw()
    done = CliRunner().invoke(cli, ["prune"])
    assert (done.exit_code, done.output.split(":")[0]) == (0, "everything is kept")
    assert raw() == before
    for wrong in ("0", "-1", "six", "1.5"):
        monkeypatch.setenv("POSTLAUNCH_RETENTION_LANDING_MONTHS", wrong)
        with pytest.raises(ConfigError, match=f"POSTLAUNCH_RETENTION_LANDING_MONTHS={wrong}: expected whole months"):
            load_retention()


def unbuilt(shop: Shop) -> None:
    pass


def unpublished(shop: Shop) -> None:
    build()


def held(shop: Shop) -> None:
    build()
    publish("product")
    publish("capacity")


def came_late(shop: Shop) -> None:
    build()
    publish()
    shop.load(shop.land("mixpanel", JANUARY, late=1), shop.land("prometheus", JANUARY, late=1))


def late_is_built(shop: Shop) -> None:
    came_late(shop)
    build()


def tampered(shop: Shop) -> None:
    build()
    publish()
    with connect() as session:
        session.execute("delete from raw.mixpanel_events where ctid = any(array(select ctid from raw.mixpanel_events limit 1))")
        session.execute("delete from raw.prometheus_samples where sample_date = %s", [DATES[1]])
        session.execute(
            "insert into raw.prometheus_samples select 'other', sample_date, metric_id, series_id, sampled_at, value, load_id "
            "from raw.prometheus_samples where sample_date = %s",
            [JANUARY],
        )


def lost_manifest(shop: Shop) -> None:
    build()
    publish()
    for source, stream in (("mixpanel", "events"), ("prometheus", "samples")):
        for folder in shop.landing.pulls(source, "shop", stream, JANUARY):
            (folder / MANIFEST).unlink()


def broken_file(shop: Shop) -> None:
    build()
    publish()
    for source, stream in (("mixpanel", "events"), ("prometheus", "samples")):
        for folder in shop.landing.pulls(source, "shop", stream, JANUARY):
            part = folder / "part-0000.jsonl.gz"
            part.write_bytes(part.read_bytes()[:-1] + b"\x01")  # as long as before


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (unbuilt, "is not built as it is loaded"),
        (unpublished, "is not published as it is loaded (product)"),
        (held, "is not published as it is loaded (reliability)"),
        (came_late, "is not built as it is loaded"),
        (late_is_built, "is not published as it is loaded"),
        (tampered, "rows that no load tells of"),
        (lost_manifest, "would not come back: "),
        (broken_file, "would not come back: "),
    ],
)
def test_a_month_stays_that_is_not_published_or_would_not_come_back(shop: Shop, happens: Callable[[Shop], None], reason: str) -> None:
    happens(shop)
    before = raw()
    done = prune(today=TODAY)
    january = [month for month in done.months if month.first.month == 1]
    reasons = [month.kept or "" for month in january]
    assert any(reason in told for told in reasons), reasons
    if happens is held:  # events are published, samples only of one of their two domains
        january = [month for month in january if month.kept]
        assert [month.stream.source for month in january] == ["prometheus"]
    assert all(month.kept for month in january)
    staying = {month.table for month in done.months if month.kept}
    assert {table for (table,) in rows("select relname from pg_class where relname ~ '_y2026m' and relkind = 'r'")} >= staying
    gone = {(source, date.month) for source, date in dropped()}
    assert raw() == [row for row in before if (("mixpanel" if "event_date" in row else "prometheus"), month_of(row)) not in gone]


def month_of(row: str) -> int:
    fields = json.loads(row)
    return int((fields.get("event_date") or fields["sample_date"])[5:7])


def test_nothing_goes_while_a_build_is_at_work(published: Shop) -> None:
    before = raw()
    with open_build(), pytest.raises(LockedError, match="a build is at work"):
        prune(today=TODAY)
    assert (raw(), dropped()) == (before, set())


def test_nothing_goes_while_somebody_reads_one_of_the_months(published: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = raw()
    monkeypatch.setattr(pruning, "seize", lambda session, tables: seize(session, tables, 0.2))
    with connect() as reader:
        reader.execute("select count(*) from raw.mixpanel_events_y2026m02")
        with pytest.raises(LockedError, match="raw.mixpanel_events_y2026m02"):
            prune(today=TODAY)
    assert (raw(), dropped()) == (before, set())
    with connect() as loads:  # a load of a month that stays is in nobody's way
        loads.execute("delete from raw.mixpanel_events_y2026m03 where false")
        prune(today=TODAY)
    assert dropped() == OLD


seize = pruning.seize


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_killed_at_any_month_nothing_has_gone(published: Shop, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    before = raw()
    seen: list[str] = []
    loads_of = pruning._loads

    def kill(session: psycopg.Connection[Any], month: Any) -> Any:
        if session.execute("show application_name").fetchall() == [("postlaunch prune",)]:
            seen.append(month.table)
            if len(seen) == after:
                with connect(autocommit=True) as another:
                    another.execute("select pg_terminate_backend(%s)", [session.info.backend_pid])
        return loads_of(session, month)

    monkeypatch.setattr(pruning, "_loads", kill)
    with suppress(PostlaunchError, psycopg.Error):
        prune(today=TODAY)
    assert len(seen) == after
    assert (raw(), dropped()) == (before, set())


def test_a_load_between_the_look_and_the_locks_keeps_all_months(published: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop = pruning._drop

    def late(session: Any, months: Any) -> None:
        published.load(published.land("mixpanel", JANUARY, late=1))
        drop(session, months)

    monkeypatch.setattr(pruning, "_drop", late)
    with pytest.raises(LockedError, match="was loaded while it was looked at"):
        prune(today=TODAY)
    assert dropped() == set()


# --- what was dropped comes back ---------------------------------------------------------------------------------------------


@pytest.fixture
def pruned(published: Shop) -> tuple[Shop, list[str], list[Any]]:
    """The shop after its old months have gone, and what was there before."""
    before = raw(), beside()
    prune(today=TODAY)
    assert dropped() == OLD
    return published, *before


def test_a_full_refresh_has_every_row_again(pruned: tuple[Shop, list[str], list[Any]]) -> None:
    _, before, kept = pruned
    build(full_refresh=True)
    assert (raw(), beside(), dropped()) == (before, kept, set())
    publish()
    assert len(prune(today=TODAY).months) == 4
    assert dropped() == OLD


def tables_are_there(*but: str) -> None:
    """Of an earlier build, so that the next one is that of a night."""
    with connect("transformer") as session:
        for file in Path("dbt_project/models").rglob("*.sql"):
            if "materialized='incremental'" in file.read_text() and file.stem not in but:
                session.execute(f"create table build.{file.stem} (launch_id text, id_key text, user_key text, event_date date)")  # type: ignore[arg-type]


def test_a_table_that_is_not_there_is_made_of_all_dates_of_its_source(pruned: tuple[Shop, list[str], list[Any]]) -> None:
    shop, before, _ = pruned
    tables_are_there("int_counter_days")
    shop.load(shop.land("mixpanel", MARCH, late=1))
    build()
    assert dropped() == of("mixpanel", *DATES[:3])
    assert [row for row in raw() if "sample_date" in row] == [row for row in before if "sample_date" in row]


def test_a_night_leaves_what_it_does_not_need(pruned: tuple[Shop, list[str], list[Any]]) -> None:
    shop, before, _ = pruned
    tables_are_there()
    shop.load(shop.land("mixpanel", MARCH, late=1))
    build()
    assert dropped() == OLD
    assert [row for row in raw() if month_of(row) < 3] == []
    assert len(raw()) == len([row for row in before if month_of(row) == 3]) + 1


def test_a_late_record_of_a_dropped_date_is_loaded_with_its_whole_date(pruned: tuple[Shop, list[str], list[Any]]) -> None:
    shop, before, _ = pruned
    tables_are_there()
    shop.load(shop.land("prometheus", JANUARY, late=1))
    assert dropped() == OLD - of("prometheus", JANUARY)
    assert len([row for row in raw() if '"2026-01-30"' in row]) == 2 * (3 + 1)
    build()  # and the date after, which goes on from its last samples
    assert dropped() == OLD - of("prometheus", *DATES[:2])
    assert [row for row in raw() if '"sample_date": "2026-01-31"' in row] == [row for row in before if '"sample_date": "2026-01-31"' in row]


def test_a_changed_launch_file_has_its_dates_again(pruned: tuple[Shop, list[str], list[Any]], tmp_path: Path) -> None:
    _, before, kept = pruned
    tables_are_there()
    write_launch(tmp_path / "launches", "shop", date="2026-01-12", timezone="America/New_York", mixpanel={"project_id": 2}, prometheus={})
    build()
    assert (raw(), beside(), dropped()) == (before, kept, set())


def test_refused_lines_of_a_dropped_date_are_replayed_with_it(pruned: tuple[Shop, list[str], list[Any]]) -> None:
    shop, before, _ = pruned
    replayed = replay(Choice(source="mixpanel"), shop.landing, lambda _: shop.launch)
    assert [(one.before, one.passed, one.error) for one in replayed] == [(1, 0, None)] * 4
    assert dropped() == of("prometheus", *DATES[:3])
    assert len([row for row in raw() if "event_date" in row]) == len([row for row in before if "event_date" in row])


def test_a_build_whose_dates_are_not_whole_in_the_landing_zone_is_refused_and_says_what_to_do(
    pruned: tuple[Shop, list[str], list[Any]],
) -> None:
    shop, before, _ = pruned
    (folder,) = shop.landing.pulls("mixpanel", "shop", "events", JANUARY)
    hidden = folder.rename(folder.parent / "hidden")
    with pytest.raises(LandingError, match="needs 6 dates that retention has dropped.*2026-01-30.*Bring the files back, or pull"):
        build(full_refresh=True)
    assert dropped() == OLD
    assert rows("select count(*) from ops.builds") == [(1,)]
    hidden.rename(folder)
    build(full_refresh=True)
    assert raw() == before


def test_a_date_of_which_other_rows_would_come_is_not_counted(pruned: tuple[Shop, list[str], list[Any]]) -> None:
    shop, _, _ = pruned
    with connect() as session:
        session.execute(
            "update ops.partition_loads set loaded_count = loaded_count + 1, duplicate_count = duplicate_count - 1 "
            "where source = 'mixpanel' and partition_date = %s",
            [FEBRUARY],
        )
    with pytest.raises(
        WarehouseError, match="2 rows come back of 3 that retention dropped.*postlaunch load mixpanel --launch shop --from 2026-02-03"
    ):
        build(full_refresh=True)
    assert ("mixpanel", FEBRUARY) in dropped()
    assert not [row for row in raw() if '"event_date": "2026-02' in row]
    shop.load(shop.land("mixpanel", FEBRUARY))
    build(full_refresh=True)
    assert dropped() == set()


# --- the landing zone --------------------------------------------------------------------------------------------------------


def files(shop: Shop) -> dict[str, int]:
    return {str(file): file.stat().st_size for file in Path(str(shop.landing.root)).rglob("*") if file.is_file()}


@pytest.fixture
def pulled_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> tuple[Shop, list[Pull]]:
    """Two further pulls of a date in January and of one in March: one with a late row, one with the same content; and one refused."""
    monkeypatch.delenv("POSTLAUNCH_RETENTION_RAW_MONTHS")
    monkeypatch.setenv("POSTLAUNCH_RETENTION_LANDING_MONTHS", "1")
    pulls = [shop.land("mixpanel", date, late=1) for date in (JANUARY, MARCH) for _ in range(2)]
    shop.load(*pulls)
    refused = shop.land("mixpanel", JANUARY)
    (refused.path / REFUSED).write_text("{}")
    return shop, [*pulls, refused]


def test_pulls_go_that_a_newer_one_has_replaced(pulled_again: tuple[Shop, list[Pull]]) -> None:
    shop, _ = pulled_again
    before, tables = files(shop), (raw(), beside())
    first, *others = shop.landing.pulls("mixpanel", "shop", "events", JANUARY)
    done = prune(today=TODAY)
    assert [pull.folder for pull in done.pulls] == [first]
    after = files(shop)
    assert sum(before.values()) - sum(after.values()) == done.landing_bytes > 0
    assert set(before) - set(after) == {file for file in before if file.startswith(str(first))}
    assert shop.landing.pulls("mixpanel", "shop", "events", JANUARY) == others  # that of the rows, its repetition, the refused one
    assert (raw(), beside()) == tables
    assert prune(today=TODAY).pulls == ()


def test_a_pull_stays_as_long_as_the_one_that_replaced_it_is_not_whole(pulled_again: tuple[Shop, list[Pull]]) -> None:
    shop, pulls = pulled_again
    (pulls[0].path / "part-0000.jsonl.gz").unlink()
    before = files(shop)
    assert prune(today=TODAY).pulls == ()
    assert files(shop) == before


def test_a_removal_that_was_killed_is_finished_by_the_next(pulled_again: tuple[Shop, list[Pull]], monkeypatch: pytest.MonkeyPatch) -> None:
    shop, _ = pulled_again
    first, *_ = shop.landing.pulls("mixpanel", "shop", "events", JANUARY)
    removed: list[str] = []
    unlink = type(first).unlink

    def die(path: Any, **options: Any) -> None:
        unlink(path, **options)
        removed.append(path.name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(first), "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            remove_pull(first)
    assert removed == [MANIFEST]  # what is left was never a complete pull
    assert [pull.folder for pull in prune(today=TODAY).pulls] == [first]
    assert not first.exists()


def test_what_was_pruned_of_both_comes_back(pulled_again: tuple[Shop, list[Pull]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTLAUNCH_RETENTION_RAW_MONTHS", "1")
    build()
    publish()
    before = raw()
    done: Pruned = prune(today=TODAY)
    assert (len(done.pulls), dropped()) == (1, OLD)
    build(full_refresh=True)
    assert raw() == before


# --- what is told --------------------------------------------------------------------------------------------------------------


def test_storage_tells_what_would_be_freed(pulled_again: tuple[Shop, list[Pull]], monkeypatch: pytest.MonkeyPatch) -> None:
    shop, _ = pulled_again
    monkeypatch.setenv("POSTLAUNCH_RETENTION_RAW_MONTHS", "1")
    build()
    publish()
    first, *_ = shop.landing.pulls("mixpanel", "shop", "events", JANUARY)
    size = rows("select sum(pg_total_relation_size(oid)) from pg_class where relkind = 'r' and relname ~ '_y2026m0[12]$'")[0][0]
    shown = CliRunner().invoke(cli, ["storage", "--json"])
    assert shown.exit_code == 0, shown.output
    freed = json.loads(shown.stdout)["prune"]
    planned = prune(dry_run=True)
    assert freed == {"raw_bytes": planned.raw_bytes, "landing_bytes": planned.landing_bytes}
    january = prune(dry_run=True, today=TODAY)
    assert january.raw_bytes == size
    assert january.landing_bytes == sum(file.stat().st_size for file in first.iterdir())
    told = CliRunner().invoke(cli, ["prune", "--dry-run"])
    assert "months of raw would be dropped" in told.output
    assert "raw.mixpanel_events_y2026m01: 5 rows of 2 dates" in told.output
