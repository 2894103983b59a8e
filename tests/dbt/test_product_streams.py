"""Random launches with identity merges, loaded night by night with late arrivals, against a plain walk over their events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from tests.dbt import product_truth as truth
from tests.dbt import stream_products
from tests.dbt.conftest import Played
from tests.dbt.declared_truth import NAMES, Truth
from tests.dbt.event_streams import NIGHTS, Stream
from tests.dbt.product_truth import Product
from tests.dbt.stream_products import KINDS, LAUNCHES, QUERIES, SPANS, Marts, Rows, launched

pytestmark = pytest.mark.slow

FOR_EVER = dt.date(9999, 12, 31)
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


@pytest.fixture(scope="module")
def streams() -> list[Stream]:
    return stream_products.streams()


@pytest.fixture
def nights(played: Played) -> list[Marts]:
    """What the marts said after each night, incrementally."""
    return played.products


@pytest.mark.parametrize("what", QUERIES)
def test_every_night_of_every_stream_is_that_of_the_walk(nights: list[Marts], streams: list[Stream], what: str) -> None:
    wrong = [
        (stream.product.launch_id, night)
        for stream in streams
        for night in range(len(NIGHTS))
        if nights[night][what].get(stream.product.launch_id, {}) != TRUTHS[what](stream.at(night))
    ]
    assert wrong == []


@pytest.mark.parametrize("kpi", NAMES)
def test_every_declared_kpi_of_every_night_is_what_its_definition_says(nights: list[Marts], streams: list[Stream], kpi: str) -> None:
    wrong = []
    for stream in streams:
        for night in range(len(NIGHTS)):
            rows = nights[night]["declared"].get(stream.product.launch_id, {})
            found = {(kind, start): value for (name, kind, start), value in rows.items() if name == kpi}
            expected = Truth(stream.at(night), launched(stream.product)).values(kpi)
            if found != pytest.approx(expected, rel=1e-9):
                wrong.append((stream.product.launch_id, night))
    assert wrong == []


def test_declared_kpis_have_values_to_be_wrong_in(nights: list[Marts]) -> None:
    known: dict[str, int] = {}
    for rows in nights[-1]["declared"].values():
        for (name, *_), value in rows.items():
            known[name] = known.get(name, 0) + (value is not None)
    few = {name: known.get(name, 0) for name in NAMES if known.get(name, 0) < 40}
    assert few == {"misspelt": 0, "misfiltered": 0}


def test_the_streams_hold_what_they_are_for(streams: list[Stream]) -> None:
    last = [stream.at(len(NIGHTS) - 1) for stream in streams]
    merged = sum(len({event.distinct_id for event in own if event.distinct_id}) > 1 for product in last for own in product.by_user.values())
    repeated = sum(len(set(product.steps)) < len(product.steps) for product in last)
    converted = sum(entry.reached == len(product.steps) for product in last for entry in truth.totals(product))
    differing = sum(truth.funnel(product, "uniques", "month") != truth.funnel(product, "totals", "month") for product in last)
    emptied = sum(bool({told.gone for told in stream.told} - {len(NIGHTS)}) for stream in streams)
    assert (merged > LAUNCHES // 2, repeated > 10, converted > 50, differing > 10, emptied > 20) == (True, True, True, True, True)


def test_after_the_last_night_a_full_refresh_changes_nothing(played: Played) -> None:
    assert played.refreshed == played.incremental
