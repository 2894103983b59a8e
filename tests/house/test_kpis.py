"""KPIs are data: no code knows one by its id."""

from __future__ import annotations

import re
import subprocess

import yaml

from postlaunch.config.launch import SLA_METRICS
from postlaunch.config.settings import REPOSITORY
from postlaunch.kpis.catalogue import catalogue
from postlaunch.reviews import queries

DBT = REPOSITORY / "dbt_project"

# Words of the field that are funnels, files or columns as well, and are used as such.
OTHER_THINGS = {"activation", "retention", "request_count", "uptime"}


def test_no_kpi_id_stands_in_python_or_sql() -> None:
    files = subprocess.run(
        ["git", "ls-files", "plugins/postlaunch/*.py", "dbt_project/*.sql"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    measures = {measure for kpi in catalogue().values() for measure in (*kpi.numerator, *kpi.denominator)}
    ids = "|".join(sorted(set(catalogue()) - measures - OTHER_THINGS))
    known = re.compile(rf"['\"`]({ids})['\"`]|\bkpi_id\s*(?:=|==|in)\s*\(?['\"]\w+")
    found = {file: match[0] for file in files if (match := known.search((REPOSITORY / file).read_text(encoding="utf-8")))}
    found = {file: text for file, text in found.items() if "warehouse/migrations/" not in file}
    assert found == {}


def test_every_measure_of_the_catalogue_is_made_by_measures_daily() -> None:
    models = DBT / "models" / "metrics"
    made = {measure for _, measure in re.findall(r"'(\w+)': '(\w+)'", (models / "int_measures.sql").read_text(encoding="utf-8"))}
    # one per SLA metric, whose name begins it
    made |= {f"{metric}_{measure}" for metric in SLA_METRICS for measure in ("attained", "breached", "ended", "seconds") if measure in made}
    buckets = set(re.findall(r"'(\w+)' as measure_id", (models / "int_measure_buckets.sql").read_text(encoding="utf-8")))
    assert {measure for kpi in catalogue().values() for measure in (*kpi.numerator, *kpi.denominator)} - made == set()
    assert {kpi.buckets for kpi in catalogue().values() if kpi.buckets} == buckets


def test_days_of_retention_are_the_same_in_the_catalogue_and_in_the_model() -> None:
    text = (DBT / "models" / "intermediate" / "product" / "int_retention_daily.sql").read_text(encoding="utf-8")
    (days,) = re.findall(r"retention_days = \[([\d, ]+)\]", text)
    (shown,) = {kpi.shown for kpi in catalogue().values() if kpi.subject and kpi.subject.kind == "day"}
    assert days.split(", ") == list(shown)


def test_the_kpi_of_new_users_says_what_new_means() -> None:
    definition = catalogue()["new_users"].definition
    assert "with the registration event of the launch" in definition
    assert "when they are first seen in what is loaded" in definition, "who came before the first loaded date is new on it"


def test_the_published_kpis_have_the_columns_that_reviews_read() -> None:
    file = DBT / "models" / "marts" / "reference" / "kpis.yml"
    (model,) = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    read = set(re.findall(r"\bkpi\.(\w+)", queries._SCORECARD))
    assert "charted" in read
    assert read - {column["name"] for column in model["columns"]} == set()
