"""KPIs are data: no code knows one by its id."""

from __future__ import annotations

import re
import subprocess

import yaml

from postlaunch.config.settings import REPOSITORY
from postlaunch.kpis.catalogue import catalogue

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
    models = REPOSITORY / "dbt_project" / "models" / "marts" / "scorecard"
    text = (models / "measures_daily.sql").read_text(encoding="utf-8") + (models / "measure_buckets_daily.sql").read_text(encoding="utf-8")
    used = {
        measure for kpi in catalogue().values() for measure in (*kpi.numerator, *kpi.denominator, *([kpi.buckets] if kpi.buckets else []))
    }
    made = set(re.findall(r"'(\w+)'", text))
    by_metric = {measure for measure in used if measure.endswith(("_attained", "_breached"))}  # one per SLA metric, named by its column
    assert used - by_metric <= made
    assert {"attained", "breached"} <= made


def test_the_published_kpis_have_the_columns_that_reviews_read() -> None:
    file = REPOSITORY / "dbt_project" / "models" / "marts" / "reference" / "kpis.yml"
    (model,) = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
    assert {column["name"] for column in model["columns"]} >= {"launch_id", "kpi_id", "name", "unit", "better", "period_rule", "evidence"}
