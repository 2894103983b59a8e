"""One odd record costs its launch's domain and nobody else, and the gate judges every data test that dbt runs."""

from __future__ import annotations

import os

import psycopg
import pytest

from postlaunch.config.settings import REPOSITORY, load_settings
from postlaunch.marts.dbt_run import dbt_environment
from postlaunch.quality import audit
from postlaunch.quality.invariants import load_models
from tests.conftest import Warehouses

MARTS = sorted(path.stem for path in (REPOSITORY / "dbt_project" / "models" / "marts").glob("*/*.sql"))


@pytest.fixture(autouse=True)
def _connected(built: psycopg.Connection, warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouses.point_to(built.info.dbname, monkeypatch)


def test_every_table_and_column_of_the_marts_has_its_comment_in_the_database(built: psycopg.Connection) -> None:
    found = built.execute("""
        select class.relname, attribute.attname, obj_description(class.oid, 'pg_class'), col_description(class.oid, attribute.attnum)
        from pg_class as class
        join pg_attribute as attribute on attribute.attrelid = class.oid and attribute.attnum > 0 and not attribute.attisdropped
        where class.relnamespace = 'build'::regnamespace and class.relname = any(%s)
        """, [MARTS]).fetchall()  # fmt: skip
    assert sorted({table for table, *_ in found}) == MARTS
    assert [f"{table}.{column}" for table, column, of_table, of_column in found if not (of_table and of_column)] == []


def test_every_data_test_of_the_project_holds_and_is_one_that_the_gate_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    from dbt.cli.main import dbtRunner

    project = load_settings().dbt_project
    for name, value in dbt_environment().items():
        monkeypatch.setenv(name, value)
    arguments = ["test", "--select", "test_type:data", "--project-dir", str(project), "--profiles-dir", str(project)]
    outcome = dbtRunner().invoke([*arguments, "--target-path", os.environ["DBT_TARGET_PATH"], "--log-level", "none"])
    results = list(getattr(outcome.result, "results", None) or [])
    assert [f"{result.node.name}: {result.message}" for result in results if str(result.status) != "pass"] == []
    assert len(results) == sum(len(model.invariants) for model in load_models(project))


@pytest.mark.parametrize(
    ("damage", "launch", "domain", "rule"),
    [
        (
            """
            update build.incidents
            set acknowledge_seconds = -1, acknowledged_at = triggered_at - interval '1 second'
            where ctid = (select max(ctid) from build.incidents where launch_id = 'paged' and is_acknowledged)
            returning incident_id
            """,
            "paged",
            "incidents",
            "nobody answers before the trigger",
        ),
        (
            """
            update build.ticket_sla
            set ended_at = started_at - interval '1 second'
            where ctid = (select max(ctid) from build.ticket_sla where ended_at is not null)
            returning ticket_id
            """,
            None,
            "support",
            "a clock ends after it started",
        ),
        (
            """
            update build.int_support_openings
            set closes_at = opens_at
            where ctid = (select max(ctid) from build.int_support_openings)
            returning launch_id
            """,
            None,
            "support",
            "a desk closes after it opens",
        ),
    ],
    ids=["an acknowledgement one second before its trigger", "a clock that starts after its end", "a record of an intermediate model"],
)
def test_one_odd_record_holds_the_domain_of_its_launch_and_nobody_else(
    built: psycopg.Connection, damage: str, launch: str | None, domain: str, rule: str
) -> None:
    before = {(entry.scope.launch_id, entry.scope.domain): entry for entry in audit().domains}
    table = damage.split("update ")[1].split(maxsplit=1)[0]
    built.execute(f"create temporary table undamaged as select * from {table}")
    row = built.execute(damage).fetchone()
    built.commit()
    try:
        after = {(entry.scope.launch_id, entry.scope.domain): entry for entry in audit().domains}
    finally:
        built.execute(f"truncate {table}")
        built.execute(f"insert into {table} select * from undamaged")
        built.execute("drop table undamaged")
        built.commit()
    changed = {scope: entry for scope, entry in after.items() if len(entry.failures) != len(before[scope].failures)}
    assert len(changed) == 1, changed
    ((of_launch, of_domain), entry) = next(iter(changed.items()))
    assert of_domain == domain
    assert launch in (None, of_launch)
    told = next(finding.text for finding in entry.failures if rule in finding.text)
    assert row is not None
    assert f"of {of_launch}" in told
    assert str(row[0]) in told
    assert len(after) > 3
