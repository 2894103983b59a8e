"""Random launches with identity merges, loaded night by night with late arrivals, against a plain walk over their events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.dbt import declared_truth
from tests.dbt import product_truth as truth
from tests.dbt.declared_truth import Truth
from tests.dbt.event_rows import hashes_of_build, load_dates, rows_by, write_launch
from tests.dbt.event_streams import NIGHTS, Stream, draw_streams
from tests.dbt.product_truth import Product

pytestmark = pytest.mark.slow

LAUNCHES = 60
KINDS = ("day", "week", "month", "quarter")
LAUNCH_DAYS = 12  # from the first loaded date to the launch
FOR_EVER = dt.date(9999, 12, 31)
# first day -> last days of the phases of activation: the launch to date, its two targets, and what verdicts judge of the one in force
SPANS: dict[int, tuple[int | None, ...]] = {0: (None, 4), 5: (None, 6, 29, 59, 89)}
Rows = dict[Any, Any]
Nights = list[dict[str, dict[str, Rows]]]  # by night: what -> launch -> rows

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
TRUTHS: dict[str, Callable[[Product], Rows]] = {
    "users": truth.active_users,
    "volumes": truth.volumes,
    "retention by day": lambda product: truth.retention(product, 1),
    "retention by week": lambda product: truth.retention(product, 7),
    **{
        f"{counting} by {kind}": lambda product, counting=counting, kind=kind: truth.funnel(product, counting, kind)
        for counting in ("uniques", "totals")
        for kind in KINDS
    },
    **{f"activation by {kind}": lambda product, kind=kind: truth.activation(product, kind) for kind in KINDS},
    **{
        f"activation from day {day}": lambda product, day=day: {
            end or FOR_EVER: counts
            for end in [None if last is None else launched(product) + last * truth.DAY for last in SPANS[day]]
            if (counts := truth.activation_of(product, launched(product) + day * truth.DAY, end))
        }
        for day in SPANS
    },
}


def launched(product: Product) -> dt.date:
    """Some were launched so long ago that their phases end among the loaded dates, or before them."""
    return product.first + (LAUNCH_DAYS - (0, 80, 300)[int(product.launch_id.removeprefix("launch-")) % 3]) * truth.DAY


@pytest.fixture(scope="module")
def streams() -> list[Stream]:
    return draw_streams(LAUNCHES)


@pytest.fixture(scope="module")
def session(module_warehouse: str) -> Iterator[psycopg.Connection]:
    with connect(autocommit=True) as session:
        yield session


@pytest.fixture(scope="module")
def nights(session: psycopg.Connection, module_launch_files: Path, streams: list[Stream]) -> Nights:
    """What the marts said after each night, incrementally."""
    for stream in streams:
        product = stream.product
        mixpanel = {
            "project_id": 1,
            "active_events": list(product.active_events),
            "registration_event": product.registration_event,
            "funnels": [
                {"id": "activation", "name": "A", "steps": list(product.steps), "window_hours": product.window.total_seconds() / 3600}
            ],
        }
        targets = [{"to_day": 4, "at_least": 0.1}, {"from_day": 5, "at_least": 0.1}]
        rules = {"mixpanel": mixpanel, "kpis": [{"kpi": "activation", "targets": targets}, *declared_truth.KPIS]}
        write_launch(module_launch_files, product.launch_id, date=launched(product), timezone=product.timezone, **rules)
    found: Nights = []
    for night in range(len(NIGHTS)):
        for stream in streams:
            product = stream.at(night)
            load_dates(session, product.launch_id, product.timezone, stream.changed(night), product.events)
        build()
        found.append({what: by_launch(rows_by(session, query, keys)) for what, (query, keys) in {**QUERIES, "declared": DECLARED}.items()})
    return found


def by_launch(rows: Any) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for (launch_id, *key), values in rows.items():
        found.setdefault(launch_id, {})[tuple(key) if len(key) > 1 else key[0]] = values
    return found


@pytest.mark.parametrize("what", QUERIES)
def test_every_night_of_every_stream_is_that_of_the_walk(nights: Nights, streams: list[Stream], what: str) -> None:
    wrong = [
        (stream.product.launch_id, night)
        for stream in streams
        for night in range(len(NIGHTS))
        if nights[night][what].get(stream.product.launch_id, {}) != TRUTHS[what](stream.at(night))
    ]
    assert wrong == []


@pytest.mark.parametrize("kpi", declared_truth.NAMES)
def test_every_declared_kpi_of_every_night_is_what_its_definition_says(nights: Nights, streams: list[Stream], kpi: str) -> None:
    wrong = []
    for stream in streams:
        for night in range(len(NIGHTS)):
            rows = nights[night]["declared"].get(stream.product.launch_id, {})
            found = {(kind, start): value for (name, kind, start), value in rows.items() if name == kpi}
            expected = Truth(stream.at(night), launched(stream.product)).values(kpi)
            if found != pytest.approx(expected, rel=1e-9):
                wrong.append((stream.product.launch_id, night))
    assert wrong == []


def test_declared_kpis_have_values_to_be_wrong_in(nights: Nights) -> None:
    known: dict[str, int] = {}
    for rows in nights[-1]["declared"].values():
        for (name, *_), value in rows.items():
            known[name] = known.get(name, 0) + (value is not None)
    few = {name: known.get(name, 0) for name in declared_truth.NAMES if known.get(name, 0) < 40}
    assert few == {"misspelt": 0, "misfiltered": 0}


def test_the_streams_hold_what_they_are_for(streams: list[Stream]) -> None:
    last = [stream.at(len(NIGHTS) - 1) for stream in streams]
    merged = sum(len({event.distinct_id for event in own if event.distinct_id}) > 1 for product in last for own in product.by_user.values())
    repeated = sum(len(set(product.steps)) < len(product.steps) for product in last)
    converted = sum(entry.reached == len(product.steps) for product in last for entry in truth.totals(product))
    differing = sum(truth.funnel(product, "uniques", "month") != truth.funnel(product, "totals", "month") for product in last)
    assert (merged > LAUNCHES // 2, repeated > 10, converted > 50, differing > 10) == (True, True, True, True)


def test_after_the_last_night_a_full_refresh_changes_nothing(session: psycopg.Connection, nights: Nights) -> None:
    incremental = hashes_of_build(session)
    build(full_refresh=True)
    assert len(nights) == len(NIGHTS)
    assert incremental == hashes_of_build(session)
