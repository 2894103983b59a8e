"""Random launches that declare segments, which change as profiles do: their files, and what is counted of them (conftest.py plays them)."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tests.dbt import declared_truth
from tests.dbt.event_rows import load_dates, write_launch
from tests.dbt.event_streams import Stream, draw_streams
from tests.dbt.product_truth import DAY, Product

LAUNCHES = 14
RULES = (0, 0, 1, 1)  # by night: segments and profiles of the last two are not those of the first two
SEGMENTS: tuple[list[dict[str, Any]], list[dict[str, Any]]] = (
    [
        {"id": "first", "name": "First wave", "to_day": 5},
        {"id": "later", "name": "Later", "from_day": 1},
        {"id": "pro", "name": "Pro", "where": [["plan", "in", ["pro", "team"]], ["seats", ">=", 5]]},
        {"id": "unsaid", "name": "Nobody said", "where": [["region", "=", "emea"]]},
    ],
    [
        {"id": "first", "name": "First wave", "to_day": 8},
        {"id": "pro", "name": "Pro", "where": [["plan", "!=", "free"]]},
        {"id": "unsaid", "name": "Nobody said", "where": [["region", "!=", "emea"]]},
    ],
)
PROFILES: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]] = (
    {"u1": {"plan": "pro", "seats": 5}, "u2": {"plan": "pro", "seats": "4"}, "$device:d1": {"plan": "team", "seats": "7.0"}, "alias": {}},
    {"u1": {"plan": "free"}, "u2": {"plan": "pro"}, "u3": {"seats": 2, "region": None}, "$device:d1": {"plan": "free"}},
)
CHANGED = ("made", "share", "made_by_maker")  # measured otherwise, or not at all, before the second build
Values = dict[tuple[str, str, str, dt.date], float | None]


@cache
def streams() -> list[Stream]:
    return draw_streams("segment", LAUNCHES)


def launch_date(product: Product) -> dt.date:
    return product.first + 4 * DAY


def load(session: psycopg.Connection, folder: Path, night: int) -> None:
    for stream in streams():
        product = stream.at(night)
        write(folder, product, RULES[night])
        put_profiles(session, product.launch_id, RULES[night])
        load_dates(session, product.launch_id, product.timezone, stream.changed(night), product.events)


def write(folder: Path, product: Product, rules: int) -> None:
    mixpanel = {
        "project_id": 1,
        "active_events": list(product.active_events),
        "registration_event": product.registration_event,
        "profile_properties": ["plan", "seats", "region"],
        "funnels": [{"id": "activation", "name": "A", "steps": list(product.steps), "window_hours": product.window.total_seconds() / 3600}],
    }
    waves = [{"kpi": "new_users", "of": {"wave": segment["id"]}, "targets": [{"at_least": 1}]} for segment in SEGMENTS[rules]]
    retained = {"kpi": "retention", "of": {"day": 7, "wave": "first"}, "targets": [{"at_least": 0.2}]}
    own = declared_truth.KPIS
    if rules == 0:  # the file says something else of these at first
        own = [kpi for kpi in own if kpi["kpi"] not in CHANGED]
        own += [{**kpi, "measure": {"events": {"good": ["B"]}}} for kpi in declared_truth.KPIS if kpi["kpi"] == "made"]
    kpis = [*own, *waves, retained]
    write_launch(
        folder, product.launch_id, date=launch_date(product), timezone=product.timezone,
        mixpanel=mixpanel, kpis=kpis, segments=SEGMENTS[rules],
    )  # fmt: skip


def put_profiles(session: psycopg.Connection, launch_id: str, rules: int) -> None:
    session.execute("delete from raw.mixpanel_profiles where launch_id = %s", [launch_id])
    for own, told in PROFILES[rules].items():
        session.execute(
            "insert into raw.mixpanel_profiles (launch_id, id, version_at, record, load_id) values (%s, %s, now(), %s, 1)",
            [launch_id, own, json.dumps({"id": own, "properties": told})],
        )


def read(session: psycopg.Connection) -> tuple[Values, Values]:
    """(measures, scorecard), by launch and segment."""
    measures = session.execute(
        "select launch_id, segment_id, measure_id, subject_id, metric_date, value from build.measures_daily where segment_id <> '' "
        "and measure_id not like '%.%' and measure_id <> 'period_active_users'"
    ).fetchall()
    judged = session.execute(
        "select launch_id, segment_id, kpi_id, period_kind, period_start, value from build.scorecard where segment_id <> ''"
    ).fetchall()
    return {row[:-1]: row[-1] for row in measures}, {row[:-1]: row[-1] for row in judged}
