"""A build runs the models that are made of what changed. test_nights.py proves that no mart is the worse for what it leaves out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.config.launch import DOMAIN_SOURCE, SOURCES
from postlaunch.config.load import load_launch
from postlaunch.marts.dbt_process import models_made_of
from postlaunch.marts.dbt_run import dbt_environment
from postlaunch.marts.inputs import changed_inputs, read_inputs, remember_inputs
from postlaunch.warehouse.config_sync import sync_launches
from postlaunch.warehouse.db import connect
from tests.conftest import LAUNCH_DATE
from tests.dbt.event_rows import load_dates, write_launch

LAUNCH = "emr-platform"


@pytest.fixture(scope="module")
def manifest(module_warehouse: str) -> Iterator[Any]:
    """What dbt reads in the project."""
    from dbt.cli.main import dbtRunner

    with pytest.MonkeyPatch.context() as patch:
        for name, value in dbt_environment().items():
            patch.setenv(name, value)
        places = ["--project-dir", "dbt_project", "--profiles-dir", "dbt_project", "--log-level", "none"]
        parsed = dbtRunner().invoke(["parse", *places])
    assert parsed.success
    return parsed.result


def models(manifest: Any) -> dict[str, Any]:
    return {node.name: node for node in manifest.nodes.values() if node.resource_type == "model"}


def folder(node: Any) -> str:
    return str(Path(node.original_file_path).relative_to("models"))


def test_models_read_events_and_samples_of_dirty_dates_alone(manifest: Any) -> None:
    """For these retention's dropped dates come back; and by the folders of tables that are not there (load/restore.py)."""
    raw: dict[str, str] = {"source.postlaunch.raw.mixpanel_events": "mixpanel", "source.postlaunch.raw.prometheus_samples": "prometheus"}
    nodes = {node.unique_id: node for node in models(manifest).values()}
    of_source: dict[str, str] = {**DOMAIN_SOURCE}

    def read(node: Any) -> set[str]:
        own = {raw[name] for name in node.depends_on.nodes if name in raw}
        views = [nodes[name] for name in node.depends_on.nodes if name in nodes and nodes[name].config.materialized == "view"]
        return own.union(*map(read, views))

    readers = {node.name: (node, source) for node in nodes.values() if node.config.materialized != "view" for source in read(node)}
    assert len(readers) == 11
    for name, (node, source) in readers.items():
        is_dirty = re.search(rf"is_dirty_date\('{source}', '[a-z_.]+', '[a-z_.]+'\)", node.raw_code)
        assert is_dirty or f"dates_of_points('{source}')" in node.raw_code, name
        assert node.config.materialized == "incremental" or not is_dirty, f"{name} would be made of dirty dates alone"
        assert of_source[Path(node.original_file_path).parent.name] == source, name


def test_nothing_is_run_for_nothing_but_what_is_made_of_coverage(manifest: Any) -> None:
    alone = {
        "int_changed_coverage",
        "int_covered_dates",
        "int_data_end",
        "int_period_dates",
        "int_service_days",
        "int_stream_dates",
        "int_support_dates",
    }
    views_of_them = {"int_measures", "int_retention_periods"}
    assert set(models_made_of({"nothing"}, manifest)) == alone | views_of_them


@pytest.mark.parametrize(("source", "domains"), [("mixpanel", {"product"}), ("zendesk", {"support"}), ("pagerduty", {"incidents"})])
def test_a_source_runs_its_domains_and_the_scorecard(manifest: Any, source: str, domains: set[str]) -> None:
    # made of the scorecard, and of two sources
    of_two = {"error_budget_daily", "incident_impacts", "int_incident_weeks", "int_impact_daily", "account_health", "ticket_releases"}
    run = {folder(models(manifest)[name]) for name in models_made_of({source}, manifest) if name not in of_two}
    assert {place.split("/")[1] for place in run if place.startswith("marts/")} == {*domains, "scorecard"}
    assert not any(place.startswith("staging/") for place in run)
    assert "metrics/int_kpi_periods.sql" in run


def test_all_sources_and_all_of_config_run_every_table(manifest: Any) -> None:
    config = {f"config.{source.name}" for source in manifest.sources.values() if source.source_name == "config"}
    run = set(models_made_of({*SOURCES, *config}, manifest))
    assert {name for name, node in models(manifest).items() if node.config.materialized != "view"} <= run


def test_a_model_asks_for_the_dates_of_no_source_whose_rows_it_does_not_read(manifest: Any) -> None:
    """What models_made_of rests on: only KPIs, which every build makes again, are of several sources."""
    every = models(manifest)
    run = {source: set(models_made_of({source}, manifest)) for source in SOURCES}
    of_all_sources = {
        name for name in models_made_of({"nothing"}, manifest) if folder(every[name]).startswith(("intermediate/coverage/", "metrics/"))
    } | {"stg_ops__partition_loads"}
    found = []
    for name, node in every.items():
        if folder(node).startswith(("metrics/", "marts/scorecard/", "staging/")):
            continue
        asked = {source for source in SOURCES if re.search(rf"'{source}'", node.raw_code)}
        found += [f"{name} asks for {source}" for source in asked if name not in run[source]]
        parents = {unique_id.split(".")[-1] for unique_id in node.depends_on.nodes}
        if not asked and parents & of_all_sources:
            found.append(f"{name} asks for the dates of all sources")
    assert sorted(found) == ["int_covered_dates asks for the dates of all sources", "int_data_end asks for the dates of all sources"]


def test_whose_mart_is_made_of_another_source_is_known_to_the_publication(manifest: Any) -> None:
    """marts/build.py lets a domain wait for the audit when its own source has news; of these it has to know the other source too."""
    every, of_source = models(manifest), {**DOMAIN_SOURCE}
    nodes = {node.unique_id: node for node in every.values()}

    def raw(unique_id: str) -> set[str]:
        if unique_id in manifest.sources:
            source = manifest.sources[unique_id]
            return {Path(source.original_file_path).parent.name} if source.source_name == "raw" else set()
        is_of_all = unique_id not in nodes or folder(nodes[unique_id]).startswith("marts/scorecard/")
        return set() if is_of_all else set[str]().union(*map(raw, nodes[unique_id].depends_on.nodes))

    others = {
        (node.name, domain, source)
        for node in every.values()
        if folder(node).startswith("marts/") and (domain := folder(node).split("/")[1]) in of_source
        for source in raw(node.unique_id) - {of_source[domain]}
    }
    assert others == {
        ("page_breaches", "incidents", "prometheus"),
        ("incident_impacts", "incidents", "mixpanel"),
        ("account_health", "product", "zendesk"),
        ("ticket_releases", "support", "pagerduty"),
    }


def begun(session: psycopg.Connection, launch: str | None = None) -> int:
    """A build that has begun; with the dates of a launch's Mixpanel to make again, or none."""
    row = session.execute("insert into ops.builds (status, is_full_refresh) values ('running', false) returning build_id").fetchone()
    assert row is not None
    if launch:
        session.execute("insert into ops.build_dates values (%s, %s, 'mixpanel', '2026-01-12')", [row[0], launch])
    return int(row[0])


def ended(session: psycopg.Connection, build_id: int, status: str) -> None:
    session.execute("update ops.builds set status = %s where build_id = %s", [status, build_id])


def test_what_changed_is_known_after_a_build_that_succeeded_with_the_same_release_and_relations(
    warehouse: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with connect(autocommit=True) as session:

        def next_build(status: str = "succeeded", launch: str | None = None) -> list[str] | None:
            build_id, inputs = begun(session, launch), read_inputs(session)
            changed = changed_inputs(session, build_id, inputs)
            if status == "succeeded":
                remember_inputs(session, build_id, inputs)
            ended(session, build_id, status)
            return changed

        assert next_build() is None, "the first"
        assert next_build() == []
        assert next_build(launch=LAUNCH) == ["mixpanel"]
        write_launch(tmp_path, LAUNCH, date=LAUNCH_DATE, timezone="UTC", zendesk={})
        sync_launches({LAUNCH: load_launch(tmp_path, LAUNCH)})
        changed = next_build()
        assert changed is not None
        assert {"config.launches", "config.kpis", "config.support_hours"} <= set(changed)
        assert "config.facts" not in changed
        load_dates(session, LAUNCH, "UTC", [LAUNCH_DATE], [])
        assert next_build() == ["mixpanel"]
        session.execute("delete from config.kpis where launch_id = %s", [LAUNCH])
        assert next_build("failed") == ["config.kpis"]
        assert next_build() is None, "nobody knows what the build before has made"
        assert next_build() == []
        session.execute("create view build.one as select 1 as n")
        assert next_build() is None
        assert next_build() == []
        project = tmp_path / "dbt_project"
        shutil.copytree("dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
        monkeypatch.setenv("POSTLAUNCH_DBT_PROJECT", str(project))
        assert next_build() == [], "the same project in another place"
        with (project / "models" / "marts" / "reference" / "kpis.sql").open("a") as model:
            model.write("-- another")
        assert next_build() is None
