"""The tasks of `build_marts`: wait for the ingests, take the dirty dates, dbt through Cosmos, check, audit, publish.

Cosmos runs in watcher mode: one task runs one `dbt build` of everything, and a task a model shows its progress and can be cleared alone.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException
from cosmos import DbtTaskGroup, ExecutionConfig, ExecutionMode, LoadMode, ProfileConfig, ProjectConfig, RenderConfig, TestBehavior

from postlaunch.config.settings import load_settings
from postlaunch.errors import BuildError, ConfigError
from postlaunch.orchestration.defaults import noted, step
from postlaunch.orchestration.runs import busy_ingests, states_in_group

GROUP = "dbt"
QUIET_MINUTES = 10
_DONE = frozenset({"success", "pass", "warn", "no-op"})

log = logging.getLogger(__name__)


def ingests_have_settled() -> bool:
    """Whether to build now: no ingest is under way, or none has brought anything for ten minutes.

    So the days of a backfill cost one build, and a source that is down, with its retries ahead, does not keep the others waiting.
    """
    from postlaunch.warehouse.db import connect

    context = get_current_context()
    busy = busy_ingests(context["ti"])
    if not busy:
        return True
    with step(), connect("transformer") as session:
        row = session.execute("select max(loaded_at) from ops.partition_loads").fetchone()
    started = context["dag_run"].start_date or context["dag_run"].run_after
    quiet = dt.datetime.now(dt.UTC) - max(started, row[0] if row and row[0] else started)
    log.info("under way: %s; the last load was %d s ago", ", ".join(busy), quiet.total_seconds())
    return quiet > dt.timedelta(minutes=QUIET_MINUTES)


def take_dirty_dates() -> int | None:
    """Open a build for every date whose raw data changed. Returns its id, or None: there is nothing to build."""
    from postlaunch.warehouse.build import start_build

    with step():
        build_id = start_build()
    log.info("build %s", build_id if build_id is not None else "not needed: nothing has changed since the last one")
    return build_id


def dbt_group() -> DbtTaskGroup:
    """Every model of dbt_project/ as a task, from its manifest. Raises ConfigError if that does not exist."""
    project = load_settings().dbt_project
    manifest = project / "target" / "manifest.json"
    if not manifest.is_file():
        raise ConfigError(f"{manifest} is missing: run `make setup` (dbt parse --project-dir {project})")
    files = ProjectConfig(dbt_project_path=project, project_name="postlaunch", install_dbt_deps=False)
    files.manifest_path = manifest  # a plain path: given as argument, it becomes an ObjectStoragePath, which loads every Airflow plugin
    return DbtTaskGroup(
        group_id=GROUP,
        project_config=files,
        profile_config=ProfileConfig("postlaunch", "postgres", profiles_yml_filepath=project / "profiles.yml"),
        execution_config=ExecutionConfig(execution_mode=ExecutionMode.WATCHER),
        render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST, emit_datasets=False, test_behavior=TestBehavior.NONE),
        operator_args={"pre_execute": export_dbt_environment, "callback": check_run_results},
    )


def export_dbt_environment(_context: Any) -> None:
    """Before a dbt task: the variables of profiles.yml from the connection, in this process only. Nothing is written to a file.

    Cosmos runs dbt in a copy of the project and reads the results there, wherever the caller's dbt writes its own.
    """
    from postlaunch.warehouse.build import dbt_environment

    for variable in ("DBT_TARGET_PATH", "DBT_LOG_PATH"):
        os.environ.pop(variable, None)
    with step():
        os.environ.update(dbt_environment())
    os.environ["DBT_EXCLUDE_RESOURCE_TYPES"] = "unit_test test"


def check_run_results(project_dir: str, **_kwargs: Any) -> None:
    """After dbt: every node that it meant to run ran well; dbt and Cosmos end green with nodes skipped. Raises BuildError."""
    results = json.loads((Path(project_dir) / "target" / "run_results.json").read_text(encoding="utf-8"))["results"]
    bad = [f"{result['unique_id']} ({result['status']})" for result in results if result["status"] not in _DONE]
    if bad or not results:
        raise BuildError(
            f"dbt did not build: {', '.join(bad) or 'anything'}; the log above says why, and nothing is published before it does"
        )
    log.info("dbt: %d nodes, all done", len(results))


def check_models() -> None:
    """Every model of the manifest was built in this run, whoever built it. Raises AirflowFailException that names the others."""
    context = get_current_context()
    states = states_in_group(context["ti"], GROUP)
    missing = unbuilt(states)
    if missing:
        raise AirflowFailException(f"not built: {', '.join(missing)}. Clear them, or trigger build_marts again; nothing was published")
    log.info("all models are built: %d tasks", len(states))


def unbuilt(states: dict[str, str | None]) -> list[str]:
    """Tasks of the dbt group that did not succeed; the one that runs dbt skips itself when it is tried again."""
    return sorted(task for task, state in states.items() if state != "success" and not task.endswith(".dbt_producer_watcher"))


def close_build() -> None:
    """Mark the dirty loads as built."""
    from postlaunch.warehouse.build import finish_build

    with step():
        finish_build(get_current_context()["ti"].xcom_pull(task_ids="start_build"))


def run_audit() -> str:
    """The gate over what was built. A failed expectation holds its domain and is no error."""
    from postlaunch.quality import audit

    with step():
        return noted(audit().summary)


def run_publish() -> str:
    """Publish what passed, in one transaction."""
    from postlaunch.warehouse.publish import publish

    with step():
        return noted(publish().summary)
