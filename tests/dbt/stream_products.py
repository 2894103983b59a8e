"""Random launches with identity merges and late arrivals: their files, and what their marts say after a night (conftest.py plays them)."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tests.dbt import declared_truth
from tests.dbt.event_rows import load_dates, rows_by, write_launch
from tests.dbt.event_streams import Stream, draw_streams
from tests.dbt.product_truth import DAY, Product

LAUNCHES = 60
KINDS = ("day", "week", "month", "quarter")
LAUNCH_DAYS = 12  # from the first loaded date to the launch
# first day -> last days of the phases of activation: the launch to date, its two targets, and what verdicts judge of the one in force
SPANS: dict[int, tuple[int | None, ...]] = {0: (None, 4), 5: (None, 6, 29, 59, 89)}
Rows = dict[Any, Any]
Marts = dict[str, dict[str, Rows]]  # what -> launch -> rows

QUERIES = {
    "users": (
        "select launch_id, metric_date, active_users_count, active_users_7d_count, active_users_30d_count, new_users_count, "
        "repeat_users_count, first_repeat_users_count from build.active_users_daily",
        2,
    ),
    "volumes": ("select launch_id, metric_date, event_name, events_count, users_count from build.event_volumes_daily", 3),
    **{
        f"retention by {kind}": (
            "select launch_id, cohort_date, period_number, cohort_size_count, retained_count, is_complete "
            f"from build.retention_cohorts where period_kind = '{kind}'",
            3,
        )
        for kind in ("day", "week")
    },
    **{
        f"{counting} by {kind}": (
            "select launch_id, period_start, step_number, entered_count, reached_count, pending_count "
            f"from build.funnel_periods where counting = '{counting}' and period_kind = '{kind}'",
            3,
        )
        for counting in ("uniques", "totals")
        for kind in KINDS
    },
    **{
        f"activation by {kind}": (
            "select launch_id, period_start, numerator::integer, denominator::integer "
            f"from build.scorecard where kpi_id = 'activation' and period_kind = '{kind}' and denominator > 0",
            2,
        )
        for kind in KINDS
    },
    **{
        f"activation from day {day}": (
            "select launch_id, period_end, numerator::integer, denominator::integer from build.scorecard inner join config.launches "
            f"using (launch_id) where kpi_id = 'activation' and period_kind = 'phase' and period_start = launch_date + {day} "
            "and denominator > 0",
            2,
        )
        for day in SPANS
    },
}
DECLARED = ("select launch_id, kpi_id, period_kind, period_start, value from build.scorecard where kpi_id <> 'activation'", 4)


@cache
def streams() -> list[Stream]:
    return draw_streams("launch", LAUNCHES)


def launched(product: Product) -> dt.date:
    """Some were launched so long ago that their phases end among the loaded dates, or before them."""
    return product.first + (LAUNCH_DAYS - (0, 80, 300)[int(product.launch_id.removeprefix("launch-")) % 3]) * DAY


def load(session: psycopg.Connection, folder: Path, night: int) -> None:
    for stream in streams():
        product = stream.at(night)
        if night == 0:
            write(folder, product)
        load_dates(session, product.launch_id, product.timezone, stream.changed(night), product.events)


def write(folder: Path, product: Product) -> None:
    mixpanel = {
        "project_id": 1,
        "active_events": list(product.active_events),
        "registration_event": product.registration_event,
        "funnels": [{"id": "activation", "name": "A", "steps": list(product.steps), "window_hours": product.window.total_seconds() / 3600}],
    }
    targets = [{"to_day": 4, "at_least": 0.1}, {"from_day": 5, "at_least": 0.1}]
    rules = {"mixpanel": mixpanel, "kpis": [{"kpi": "activation", "targets": targets}, *declared_truth.KPIS]}
    write_launch(folder, product.launch_id, date=launched(product), timezone=product.timezone, **rules)


def read(session: psycopg.Connection) -> Marts:
    return {what: by_launch(rows_by(session, query, keys)) for what, (query, keys) in {**QUERIES, "declared": DECLARED}.items()}


def by_launch(rows: Any) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for (launch_id, *key), values in rows.items():
        found.setdefault(launch_id, {})[tuple(key) if len(key) > 1 else key[0]] = values
    return found
