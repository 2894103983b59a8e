"""Golden cases of the product marts: one YAML a case, its arithmetic in a comment, all built in one run as launches of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import yaml
from psycopg import sql

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.dbt.event_rows import Event, days, load_dates, write_launch

CASES = sorted((Path(__file__).parent / "product").glob("*.yaml"))


@pytest.fixture(scope="module")
def marts(module_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    folder = tmp_path_factory.mktemp("launches")
    with pytest.MonkeyPatch.context() as patch, connect() as session:
        patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
        for file in CASES:
            case = yaml.safe_load(file.read_text())
            zone = case["launch"]["timezone"]
            write_launch(folder, file.stem, **case["launch"])
            events = [Event(user, name, moment.replace(tzinfo=ZoneInfo(zone))) for user, name, moment in case["events"]]
            load_dates(session, file.stem, zone, days(*case["covered"]), events)
        build()
        yield session


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_the_marts_say_what_the_case_works_out_by_hand(marts: psycopg.Connection, file: Path) -> None:
    case = yaml.safe_load(file.read_text())
    for table, expected in case["expect"].items():
        assert found_rows(marts, file.stem, table, expected) == sorted(map(comparable, expected["rows"]), key=repr)


def found_rows(marts: psycopg.Connection, launch_id: str, table: str, expected: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a mart for one launch, with the columns and under the conditions of the case."""
    conditions = {"launch_id": launch_id, **expected.get("where", {})}
    query = sql.SQL("select {} from {} where {}").format(
        sql.SQL(", ").join(map(sql.Identifier, expected["columns"])),
        sql.Identifier("build", table),
        sql.SQL(" and ").join(sql.SQL("{} = any(%s)").format(sql.Identifier(column)) for column in conditions),
    )
    values = [value if isinstance(value, list) else [value] for value in conditions.values()]
    return sorted((comparable(row) for row in marts.execute(query, values).fetchall()), key=repr)


def comparable(row: Any) -> tuple[Any, ...]:
    """Doubles to 12 digits; everything else as it is."""
    return tuple(float(f"{value:.12g}") if isinstance(value, float) else value for value in row)


def test_moments_of_a_case_are_wall_clock_times_of_its_zone() -> None:
    assert all(
        isinstance(event[2], dt.datetime) and event[2].tzinfo is None
        for file in CASES
        for event in yaml.safe_load(file.read_text())["events"]
    )
