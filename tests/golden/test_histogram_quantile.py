"""One rule for quantiles of histograms, in Python and in SQL: the golden cases hold for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import psycopg
import pytest
import yaml

from postlaunch.config.settings import load_settings
from postlaunch.reviews.histogram import quantile
from postlaunch.reviews.rows import LatencyBucket

CASES = yaml.safe_load((Path(__file__).parent / "reliability" / "histogram-quantile.yaml").read_text())["cases"]


def by_macro(session: psycopg.Connection, case: dict[str, Any]) -> float | None:
    """What the dbt macro makes of the buckets of a case, in PostgreSQL."""
    macros = (load_settings().dbt_project / "macros" / "histogram_quantile.sql").read_text()
    template = jinja2.Template(
        macros
        + """
        with listed as (select unnest(%(bounds)s::float8[]) as upper_bound_seconds, unnest(%(counts)s::float8[]) as request_count),
        buckets as (select 1 as id, upper_bound_seconds, sum(request_count) as request_count from listed group by upper_bound_seconds),
        ranked as ({{ histogram_ranks('buckets', ['id']) }})
        select {{ histogram_quantile('cast(%(quantile)s as float8)') }} from ranked group by id
        """,
        autoescape=False,  # SQL, not HTML
    )
    statement = template.render(infinity=lambda: "cast('Infinity' as double precision)")
    bounds, counts = zip(*case["buckets"], strict=True)
    row = session.execute(statement.encode(), {"bounds": list(bounds), "counts": list(counts), "quantile": case["quantile"]}).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_python_and_sql_follow_the_rule_of_prometheus(case: dict[str, Any], module_warehouse: str) -> None:
    buckets = [LatencyBucket("api", bound, count) for bound, count in case["buckets"]]
    with psycopg.connect(module_warehouse) as session:
        found = (quantile(buckets, case["quantile"]), by_macro(session, case))
    assert found == (pytest.approx(case["value"]), pytest.approx(case["value"])) if case["value"] is not None else found == (None, None)
