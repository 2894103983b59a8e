"""The DAGs, imported as Airflow's DAG processor does it, without a metadata database."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if "AIRFLOW_HOME" not in os.environ:  # Airflow reads it once, when it is imported
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="postlaunch-airflow-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))


@pytest.fixture(autouse=True)
def _connections_of_the_task() -> Iterator[None]:
    """A task puts Airflow's connections into the environment of its process; here the process lives on."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def dags() -> dict[str, object]:
    """DAG id -> DAG, from every file in dags/."""
    found = {}
    for file in DAG_FILES:
        spec = importlib.util.spec_from_file_location(f"dag_file_{file.stem}", file)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[module.dag.dag_id] = module.dag
    return found
