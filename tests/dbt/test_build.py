"""The build takes what is dirty, gives it back when it fails, and makes again what changed and nothing else."""

from __future__ import annotations

import datetime as dt
import os
import re
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from postlaunch.errors import BuildError, ConfigError
from postlaunch.marts.build import build, open_build
from postlaunch.marts.publish import publish
from postlaunch.quality import audit
from postlaunch.warehouse.db import connect
from tests.dbt import product_truth as truth
from tests.dbt.event_rows import Event, days, hashes_of_build, load_dates, write_launch
from tests.dbt.operations.raw_rows import Place, put_samples
from tests.dbt_forks import only

pytestmark = pytest.mark.slow

UTC = "UTC"
LAUNCH = "emr"
MONDAY = dt.date(2026, 1, 12)
STEPS = ["Signed Up", "Logged In", "Task Created"]
MIXPANEL = {"project_id": 1, "funnels": [{"id": "activation", "name": "A", "steps": STEPS, "window_hours": 72}]}


def noon(date: dt.date, user: str = "ada", name: str = "Logged In") -> Event:
    return Event(user, name, dt.datetime.combine(date, dt.time(12), dt.UTC))


def launch(folder: Path, **mixpanel: object) -> None:
    write_launch(folder, LAUNCH, date=MONDAY, timezone=UTC, mixpanel={**MIXPANEL, **mixpanel})


def dirty_loads(session: psycopg.Connection) -> int:
    row = session.execute("select count(*) from ops.partition_loads where build_id is null and is_changed").fetchone()
    assert row is not None
    return int(row[0])


def statuses(session: psycopg.Connection) -> list[str]:
    return [row[0] for row in session.execute("select status from ops.builds order by build_id").fetchall()]


def dates_of(session: psycopg.Connection, build_id: int | None) -> list[dt.date]:
    rows = session.execute("select metric_date from ops.build_dates where build_id = %s order by metric_date", [build_id])
    return [row[0] for row in rows.fetchall()]


def test_nothing_dirty_is_no_build(warehouse: str, launch_files: Path) -> None:
    launch(launch_files)
    result = build()
    with connect() as session:
        assert (result.build_id, statuses(session)) == (None, [])
    assert result.summary.startswith("nothing to build")


def taken() -> int | None:
    """A build that ends well without dbt; its id."""
    with open_build() as (_, build_id):
        return build_id


def test_a_build_takes_the_dirty_dates_and_leaves_their_domains_to_the_audit(warehouse: str, launch_files: Path) -> None:
    launch(launch_files)
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, [MONDAY, MONDAY + truth.DAY], [])
        with open_build() as (_, build_id):
            assert build_id is not None
            assert dates_of(session, build_id) == [MONDAY, MONDAY + truth.DAY]
            assert session.execute("select * from ops.domain_builds").fetchall() == []
        domains = session.execute("select launch_id, domain, first_date, last_date, publication_id from ops.domain_builds").fetchall()
        assert domains == [(LAUNCH, "product", MONDAY, MONDAY + truth.DAY, None)]
        assert (statuses(session), dirty_loads(session)) == (["succeeded"], 0)
        assert taken() is None


def test_a_domain_whose_kpis_are_made_of_another_s_or_of_facts_changes_with_them(warehouse: str, launch_files: Path) -> None:
    per_user = {"kpi": "tickets_per_user", "unit": "count", "better": "lower", "measure": {"ratio": ["tickets_opened", "new_users"]}}
    facts = {"kpi": "cost", "unit": "usd", "better": "lower", "domain": "incidents", "measure": {"facts": {"rows": [[f"{MONDAY}", 7]]}}}
    write_launch(
        launch_files, LAUNCH, date=MONDAY, timezone=UTC, mixpanel=MIXPANEL, zendesk={}, pagerduty={}, prometheus={}, kpis=[per_user, facts]
    )
    tuesday, wednesday = MONDAY + truth.DAY, MONDAY + 2 * truth.DAY
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, [MONDAY], [])
        for source, stream in (("zendesk", "tickets"), ("pagerduty", "incidents")):
            load_window(session, MONDAY, tuesday, dirty=(MONDAY, MONDAY), source=source, stream=stream)
        taken()
        load_dates(session, LAUNCH, UTC, [tuesday, wednesday], [])
        domains = session.execute("select domain, first_date, last_date from ops.domain_builds where build_id = %s order by 1", [taken()])
        # not beyond what they cover themselves; and nothing of capacity and reliability
        assert domains.fetchall() == [("incidents", tuesday, tuesday), ("product", tuesday, wednesday), ("support", tuesday, tuesday)]


def test_incidents_of_a_launch_with_alerts_change_with_its_samples(warehouse: str, launch_files: Path) -> None:
    alert = {
        "id": "busy",
        "query": "cpu",
        "above": 0.9,
        "minutes": 5,
        "page": "on call",
        "message": "the processor is busy",
    }
    for name, alerts in ((LAUNCH, [alert]), ("unwatched", [])):
        write_launch(launch_files, name, date=MONDAY, timezone=UTC, pagerduty={}, prometheus={}, alerts=alerts)
    with connect(autocommit=True) as session:
        for name in (LAUNCH, "unwatched"):
            load_window(session, MONDAY, MONDAY, dirty=(MONDAY, MONDAY), source="pagerduty", stream="incidents", launch_id=name)
        taken()
        for name in (LAUNCH, "unwatched"):
            put_samples(session, Place(name, ZoneInfo(UTC)), [MONDAY], [])
        domains = session.execute("select launch_id, domain from ops.domain_builds where build_id = %s order by 1, 2", [taken()])
        by_samples = [(name, domain) for name in (LAUNCH, "unwatched") for domain in ("capacity", "reliability")]
        assert domains.fetchall() == sorted([(LAUNCH, "incidents"), *by_samples])


def test_impacts_health_and_releases_change_with_the_other_source_that_they_are_made_of(warehouse: str, launch_files: Path) -> None:
    health = {"account": "org", "health": {"red": {"name": "At risk", "tag": "at_risk"}}}
    every = {"timezone": UTC, "date": MONDAY, "mixpanel": {"project_id": 1}, "deployments": {}}
    zendesk, pagerduty = {"sla": [{"priority": "low", "resolution_by": "next_release"}]}, {"impact": ["Logged In"]}
    write_launch(launch_files, LAUNCH, population=health, zendesk=zendesk, pagerduty=pagerduty, **every)
    write_launch(launch_files, "plain", zendesk={}, pagerduty={}, **every)
    with connect(autocommit=True) as session:

        def changed(source: str) -> list[tuple[str, str]]:
            for name in (LAUNCH, "plain"):
                if source == "mixpanel":
                    load_dates(session, name, UTC, [MONDAY], [])
                else:
                    stream = {"zendesk": "tickets", "pagerduty": "incidents"}[source]
                    load_window(session, MONDAY, MONDAY, dirty=(MONDAY, MONDAY), source=source, stream=stream, launch_id=name)
            query = "select launch_id, domain from ops.domain_builds where build_id = %s order by 1, 2"
            return session.execute(query, [taken()]).fetchall()

        for source in ("zendesk", "pagerduty"):
            changed(source)
        assert changed("mixpanel") == [(LAUNCH, "incidents"), (LAUNCH, "product"), ("plain", "product")]
        assert changed("zendesk") == [(LAUNCH, "product"), (LAUNCH, "support"), ("plain", "support")]
        assert changed("pagerduty") == [(LAUNCH, "incidents"), (LAUNCH, "support"), ("plain", "incidents")]


def test_a_wrong_launch_file_stops_its_own_launch_and_the_others_are_built(warehouse: str, launch_files: Path) -> None:
    launch(launch_files)
    (launch_files / "blue.yaml").write_text("launch: blue\ncolour: blue\n")
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, [MONDAY], [])
        assert taken() is not None
        faults = session.execute("select launch_id, reason from ops.launch_faults").fetchall()
        assert [launch_id for launch_id, _ in faults] == ["blue"]
        assert "blue.yaml: colour: unknown key" in faults[0][1]
    (launch_files / f"{LAUNCH}.yaml").unlink()
    with pytest.raises(ConfigError, match=r"blue\.yaml: colour: unknown key"):
        taken()


def test_a_funnel_of_twelve_steps_is_published_with_every_step_and_stops_no_other_launch(warehouse: str, launch_files: Path) -> None:
    """Twelve users, of whom the first does one step, the second two, and so on."""
    steps = [f"Step {number}" for number in range(1, 13)]
    funnels = {"long": steps, "short": steps[:2]}
    noons = [dt.datetime.combine(MONDAY, dt.time(12, minute), dt.UTC) for minute in range(len(steps))]
    events = [Event(f"user-{user}", steps[step], noons[step]) for user in range(1, 13) for step in range(user)]
    for name, own in funnels.items():
        funnel = {"id": "activation", "name": "A", "steps": own, "window_hours": 1}
        write_launch(launch_files, name, date=MONDAY, timezone=UTC, mixpanel={"project_id": 1, "funnels": [funnel]})
    with connect(autocommit=True) as session:
        for name in funnels:
            load_dates(session, name, UTC, days(MONDAY, MONDAY + truth.DAY), events)
        build()
        audit()
        assert set(publish().published) == {("long", "product"), ("short", "product")}
        reached = "select step_number, reached_count from marts.funnel_daily where launch_id = %s and entry_date = %s order by 1"
        for name, own in funnels.items():
            assert session.execute(reached, [name, MONDAY]).fetchall() == [(step, 13 - step) for step in range(1, len(own) + 1)]


def test_a_load_that_arrives_during_a_build_waits_for_the_next(warehouse: str, launch_files: Path) -> None:
    launch(launch_files)
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, [MONDAY], [])
        with open_build():
            load_dates(session, LAUNCH, UTC, [MONDAY + truth.DAY], [])
        assert dirty_loads(session) == 1
        assert dates_of(session, taken()) == [MONDAY + truth.DAY]


def test_a_changed_launch_file_makes_every_loaded_date_dirty_once(warehouse: str, launch_files: Path) -> None:
    launch(launch_files)
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, [MONDAY, MONDAY + truth.DAY], [])
        taken()
        launch(launch_files, active_events=["Task Created"])
        assert dates_of(session, taken()) == [MONDAY, MONDAY + truth.DAY]
        assert taken() is None


def test_records_older_or_newer_than_all_windows_make_no_date_dirty_that_was_never_loaded(warehouse: str, launch_files: Path) -> None:
    launch(launch_files)
    with connect(autocommit=True) as session:
        for first, last in ((MONDAY - 30 * truth.DAY, MONDAY + truth.DAY), (MONDAY + 9 * truth.DAY, MONDAY + 9 * truth.DAY)):
            load_window(session, MONDAY, MONDAY + truth.DAY, dirty=(first, last))
            build_id = taken()
            expected = [MONDAY, MONDAY + truth.DAY] if first < MONDAY else [MONDAY + truth.DAY]
            assert dates_of(session, build_id) == expected
            assert dirty_loads(session) == 0


def load_window(
    session: psycopg.Connection,
    first: dt.date,
    last: dt.date,
    dirty: tuple[dt.date, dt.date],
    source: str = "zendesk",
    stream: str = "tickets",
    launch_id: str = LAUNCH,
) -> None:
    """A load over the window first..last whose records make the dates `dirty` dirty."""
    session.execute(
        """
        insert into ops.partition_loads (
            launch_id, source, stream, window_start_at, window_end_at, pull_id, landing_path, bytes_count, landed_count, loaded_count,
            duplicate_count, quarantined_count, content_hash, is_changed, first_dirty_date, last_dirty_date, request, duration_seconds
        )
        values (%s, %s, %s, %s, %s, 'p', 'here', 0, 1, 1, 0, 0, 'h', true, %s, %s, '{}', 0)
        """,
        [
            launch_id,
            source,
            stream,
            dt.datetime.combine(first, dt.time(), dt.UTC),
            dt.datetime.combine(last + truth.DAY, dt.time(), dt.UTC),
            *dirty,
        ],
    )


def test_two_builds_at_once_are_one_build_and_one_refusal(warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "product")
    launch(launch_files)
    with connect() as session:
        load_dates(session, LAUNCH, UTC, [MONDAY], [noon(MONDAY)])
    refusals: list[str] = []
    is_building = threading.Event()

    def second() -> None:
        is_building.wait(60)
        try:
            taken()
        except BuildError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=second)
    thread.start()
    result = build(progress=lambda _node: is_building.set())
    thread.join(60)
    assert result.models > 0
    assert [refusal.split(":")[0] for refusal in refusals] == ["another build is running"]


def test_a_failure_of_dbt_names_the_model_and_leaves_the_loads_dirty(
    warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "product")
    monkeypatch.setattr("postlaunch.marts.dbt_run.PAUSE_SECONDS", 0.1)
    launch(launch_files)
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, [MONDAY], [noon(MONDAY)])
        session.execute("revoke select on config.funnel_steps from postlaunch_transformer")
        with pytest.raises(BuildError, match="dbt failed in .*int_funnel_events: permission denied for table funnel_steps"):
            build()
        assert "permission denied for table funnel_steps" in (Path(os.environ["DBT_LOG_PATH"]) / "dbt.log").read_text()
        assert (statuses(session), dirty_loads(session)) == (["failed"], 1)
        session.execute("grant select on config.funnel_steps to postlaunch_transformer")
        assert build().build_id is not None
        assert (statuses(session), dirty_loads(session)) == (["failed", "succeeded"], 0)
        # a release that changed columns and forgot to make the tables anew
        session.execute("alter table build.int_active_days add column now_gone text")
        session.execute("alter table build.int_event_days rename column event_name to other_name")
        load_dates(session, LAUNCH, UTC, [MONDAY + truth.DAY], [noon(MONDAY + truth.DAY)])
        with pytest.raises(BuildError) as failure:
            build()
        said = str(failure.value)
        assert re.search("int_active_days: each UNION query must have the same number of columns", said)
        assert re.search(r"int_event_days: column made.other_name does not exist", said)
        assert "a model has other columns than its table: run `postlaunch build --full-refresh`" in said
        assert build(full_refresh=True).build_id is not None


def test_a_late_event_in_the_night_after_an_upgrade_is_counted_on_later_dates_too(
    warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upgrade drops what is made of attempts: the build after it makes all of that, and knows of no user that changed."""
    only(monkeypatch, "product")
    launch(launch_files)
    upgrade = Path("plugins/postlaunch/warehouse/migrations/0050_activation_days.sql").read_text()
    week = days(MONDAY, MONDAY + 6 * truth.DAY)
    later = days(MONDAY + 20 * truth.DAY, MONDAY + 26 * truth.DAY)  # behind the window, in the same month
    events = [noon(date, "ada", name) for date in later for name in STEPS]
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, [*week, *later], events)
        build()
        session.execute(upgrade)  # type: ignore[arg-type]
        load_dates(session, LAUNCH, UTC, week[:1], [noon(week[0], "ada", STEPS[0]), *events])
        build()
        after = hashes_of_build(session)
        whole = build(full_refresh=True)
        assert dates_of(session, whole.build_id) == [*week, *later]
        assert hashes_of_build(session) == after


def versions(session: psycopg.Connection) -> dict[tuple[str, dt.date], str]:
    """User and date -> the transaction that wrote the row: another one if it was made again."""
    rows = session.execute("select user_key, activity_date, xmin::text from build.int_user_days").fetchall()
    return {(user, date): version for user, date, version in rows}


def test_a_night_makes_the_later_days_of_the_users_of_its_dirty_dates_and_no_others(
    warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, "product")
    launch(launch_files)
    week = days(MONDAY, MONDAY + 6 * truth.DAY)
    events = [noon(date, user) for date in week for user in ("ada", "bob")]
    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, week, events)
        build()
        before = versions(session)
        dirty = week[3]
        load_dates(session, LAUNCH, UTC, [dirty], [noon(dirty, "ada")])
        build()
        after = versions(session)
        assert before.keys() - after.keys() == {(pseudonym(session, "bob"), dirty)}
        untouched = {key for key, version in after.items() if version == before[key]}
        assert untouched == {(pseudonym(session, user), date) for user in ("ada", "bob") for date in week if date < dirty}
        # a date that only ada has touches nobody else
        load_dates(session, LAUNCH, UTC, [dirty], [noon(dirty, "ada"), noon(dirty, "ada")])
        build()
        last = versions(session)
        assert {user for (user, date), version in last.items() if version != after[user, date]} == {pseudonym(session, "ada")}


def pseudonym(session: psycopg.Connection, user: str) -> str:
    row = session.execute("select config.pseudonym(%s)", [user]).fetchone()
    assert row is not None
    return str(row[0])


def test_a_build_that_failed_between_users_and_their_counts_is_made_good_by_the_next(
    warehouse: str, launch_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postlaunch.marts.dbt_run.PAUSE_SECONDS", 0.1)
    launch(launch_files)
    week = days(MONDAY, MONDAY + 6 * truth.DAY)
    events = [noon(date, user, name) for date in week for user in ("ada", "bob") for name in STEPS]

    with connect(autocommit=True) as session:
        load_dates(session, LAUNCH, UTC, week, events)
        build()
        with_ada = hashes_of_build(session)
        # ada loses the date on which she began and entered: her later ones count otherwise
        for table in ("int_active_days", "int_funnel_days"):
            session.execute(f"alter table build.{table} add constraint odd check (launch_id = '') not valid")
        load_dates(session, LAUNCH, UTC, week[:1], [event for event in events if event.distinct_id == "bob"])
        with pytest.raises(BuildError, match=r"^(?=.*int_active_days: .*violates)(?=.*int_funnel_days: .*violates)"):
            build()
        for table in ("int_active_days", "int_funnel_days"):
            session.execute(f"alter table build.{table} drop constraint odd")
        build()
        without_ada = hashes_of_build(session)
        assert without_ada["int_active_days"] != with_ada["int_active_days"]
        assert without_ada["int_funnel_days"] != with_ada["int_funnel_days"]
        build(full_refresh=True)
        assert hashes_of_build(session) == without_ada
