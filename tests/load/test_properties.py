"""The property catalogue against a count by hand."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from postlaunch.load import properties as loader_properties
from tests.load.test_events import DAY, event, land, landing, load  # noqa: F401  fixtures

KINDS = {str: "text", int: "number", float: "number", bool: "boolean", type(None): "null", list: "array", dict: "object"}
VALUES = ["a", 1, 1.5, True, None, [1], {"a": 1}]
ALL = "select event_name, property, value_type, event_count from raw.event_property_days where event_date = '2026-01-12'"


def _events(count: int = 500) -> list[tuple[str, dict[str, object]]]:
    """Events of three names whose properties come and go, and change their types."""
    return [
        (f"event {number % 3}", {f"p{index}": VALUES[(number // 3 + index) % len(VALUES)] for index in range(number % 11)})
        for number in range(count)
    ]


def _expected(events: list[tuple[str, dict[str, object]]]) -> Counter[tuple[str, str, str]]:
    counted = Counter((name, key, KINDS[type(value)]) for name, properties in events for key, value in properties.items())
    for name, _ in events:
        counted.update([(name, "time", "number"), (name, "distinct_id", "text")])
    return counted


@pytest.mark.parametrize("shapes", [5_000, 3], ids=["counted at once", "folded often"])
def test_the_catalogue_counts_every_property_of_every_event(load, query, monkeypatch: pytest.MonkeyPatch, shapes: int) -> None:  # noqa: F811
    monkeypatch.setattr(loader_properties, "MOST_SHAPES", shapes)
    events = _events()
    load(*(event(number, name, **properties) for number, (name, properties) in enumerate(events)))
    assert {row[:3]: row[3] for row in query(ALL)} == _expected(events)


def test_a_date_that_is_loaded_again_replaces_its_counts(load, query) -> None:  # noqa: F811
    load(event(1, old=1), event(2, old=1))
    load(event(1, new="x"), event(2, new="x"), event(3))
    assert {(row[1], row[3]) for row in query(ALL)} == {("time", 3), ("distinct_id", 3), ("new", 2)}


def test_refused_lines_are_not_counted(load, query) -> None:  # noqa: F811
    load(event(1, good=1), event(-1, bad=1))
    assert {row[1] for row in query(ALL)} == {"time", "distinct_id", "good"}


def test_drift_shows_in_the_catalogue(load, query) -> None:  # noqa: F811
    load(event(1, plan="pro", old=1))
    later = DAY + dt.timedelta(days=1)
    load(event(86_401, plan=3), event(86_402, plan=None, fresh=True), day=later)
    rows = {
        row[0]: row[1:]
        for row in query("select property, first_seen_date, last_seen_date, event_count, value_types from raw.event_properties")
    }
    assert rows["plan"] == (DAY, later, 3, {"text": 1, "number": 1, "null": 1})
    assert rows["old"] == (DAY, DAY, 1, {"number": 1})
    assert rows["fresh"] == (later, later, 1, {"boolean": 1})


def test_names_made_up_for_every_event_do_not_fill_the_catalogue(load, query, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(loader_properties, "MOST_PROPERTIES", 20)
    load(*(event(number, **{f"id-{number}": 1}) for number in range(100)))
    rows = {row[1]: row[3] for row in query(ALL)}
    assert len(rows) == 21
    assert sum(rows.values()) == 300
    assert rows["(other properties)"] == 82
