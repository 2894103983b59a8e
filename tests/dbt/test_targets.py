"""Targets of random launches (phases that overlap, kinds of periods, changes, holes in the data) against a walk over their days."""

from __future__ import annotations

import calendar
import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from postlaunch.marts.build import build
from tests.conftest import Warehouses
from tests.dbt.event_rows import write_launch
from tests.dbt.operations.raw_rows import Place, put_samples
from tests.dbt.targets_truth import DAY, FOR_EVER, Judge, Promise, Told, each

LAUNCHES = 24
KEYS = {">=": "at_least", ">": "above", "<=": "at_most", "<": "below"}
PHASES = {"week_1": (0, 6), "week_2": (7, 13), "month_1": (0, 29), "before": (-14, -1)}
UTC = ZoneInfo("UTC")


def draw_promises(chance: random.Random, better: str, scale: float) -> tuple[Promise, ...]:
    """Targets that a launch file may hold: of each kind one a day, and of phases as many as have days of their own."""
    found: list[Promise] = []
    for per in (None, "phase", "phase", "phase", "day", "week", "month", "quarter"):
        if chance.random() < 0.5:
            continue
        start = chance.choice([None, 0, 3, 7, 14, 30, -7])
        end = chance.choice([None, 6, 13, 29, 45, 59, 89])
        if end is not None and (start or 0) > end:
            continue
        if per == "phase" and any((one.from_day or 0, one.to_day) == (start or 0, end) for one in found if one.per == "phase"):
            continue
        comparator = chance.choice([">=", ">"] if better == "higher" else ["<=", "<"])
        if chance.random() < 0.25:
            change = chance.choice([0.25, 1.0] if better == "higher" else [-0.5, -0.1])
            since = chance.choice(list(PHASES.values()))
            found.append(Promise(comparator[0] + "=", change=change, since=since, from_day=start, to_day=end, per=per))
        else:
            days = {None: 7, "phase": 30, "day": 1, "week": 7, "month": 30, "quarter": 90}[per]
            bound = round(scale * days * chance.uniform(0.2, 1.6), 1)
            found.append(Promise(comparator, bound=bound, from_day=start, to_day=end, per=per))
    return tuple(found)


def entry(kpi: str, promises: tuple[Promise, ...], **fields: Any) -> dict[str, Any]:
    names = {days: name for name, days in PHASES.items()}
    targets = []
    for one in promises:
        bound = {KEYS[one.comparator]: one.bound} if one.since is None else {"change": one.change, "since": names[one.since]}
        days = {"from_day": one.from_day, "to_day": one.to_day, "per": one.per}
        targets.append({**bound, **{key: value for key, value in days.items() if value is not None}})
    return {"kpi": kpi, "unit": "count", "targets": targets, **fields}


def draw_days(
    chance: random.Random, first: dt.date, last: dt.date, end: dt.date, rule: str
) -> tuple[list[list[Any]], dict[dt.date, float | None]]:
    """Facts as a file says them, and what they tell of each date."""
    hole = chance.choice([0, 0, 0.02, 0.2])
    if rule == "month":
        rows = {day.replace(day=calendar.monthrange(day.year, day.month)[1]): 1.0 * chance.randrange(40) for day in each(first, last)}
        told: dict[dt.date, float | None] = {}
        for date in rows:
            told |= dict.fromkeys(each(date.replace(day=1), date))
        told |= rows
    elif rule == "last":
        rows = {day: 1.0 * chance.randrange(20) for day in each(first, last) if chance.random() < 0.1 or day == first}
        told = {}
        for day in each(first, end):
            newest = max((date for date in rows if date <= day), default=None)
            if newest and (day - newest).days <= 31:
                told[day] = rows[newest]
    else:
        rows = {day: 1.0 * chance.choice([0, 0, 1, 2, 5]) for day in each(first, last) if chance.random() >= hole}
        told = dict(rows)
    return [[day, number] for day, number in sorted(rows.items())], told


def draw_launch(number: int) -> tuple[dict[str, Any], Judge, tuple[dt.date, dt.date]]:
    """A launch file, what it comes to, and the dates that its source was loaded for."""
    chance = random.Random(number)
    launched = dt.date(2026, 1, 1) + chance.randrange(60) * DAY
    first = launched - chance.choice([0, 5, 20]) * DAY
    last = launched + chance.choice([4, 12, 29, 45, 70, 95, 120]) * DAY
    days = chance.choice([(7, 30, 60, 90), (7, 30, 60, 90), (1, 14, 45), (100,)])
    judge, entries = Judge(launched, last, tuple(PHASES.values()), days), []
    for kpi, rule, read in (("bugs", "day", "sum"), ("cost", "month", "sum"), ("pace", "day", "mean"), ("level", "last", "last")):
        began = first + chance.choice([0, 0, 9]) * DAY
        rows, told = draw_days(chance, began, last - chance.choice([0, 0, 0, 6]) * DAY, last, rule)
        if not rows:
            continue
        better = chance.choice(["lower", "higher"])
        promises = draw_promises(chance, better, 1.0 if read == "sum" else 0.1)
        known = {day: value for day, value in told.items() if day <= last}
        judge.told[kpi] = Told(known, read, promises)
        facts: dict[str, Any] = {"rows": rows, "read": read, **({"each": "month"} if rule == "month" else {})}
        entries.append(entry(kpi, promises, better=better, domain="reliability", measure={"facts": facts}))
    if {"bugs", "pace"} <= set(judge.told):
        promises = draw_promises(chance, "lower", 0.1)
        judge.told["ratio"] = Told({}, "of_kpis", promises, judge.told["bugs"], judge.told["pace"])
        entries.append(entry("ratio", promises, better="lower", measure={"ratio": ["bugs", "pace"]}))
    phases = {name: list(days) for name, days in PHASES.items()}
    return (
        {"date": launched, "timezone": "UTC", "phases": phases, "prometheus": {}, "kpis": entries, "verdict": {"days": list(days)}},
        judge,
        (first, last),
    )


@pytest.fixture(scope="module")
def judged(
    warehouses: Warehouses, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[psycopg.Connection, dict[str, Judge]]]:
    """A session in a warehouse that holds the launches, built; and what each comes to."""
    folder: Path = tmp_path_factory.mktemp("launches")
    judges: dict[str, Judge] = {}
    with pytest.MonkeyPatch.context() as patch, warehouses.copied(template, patch) as uri, psycopg.connect(uri) as session:
        patch.setenv("POSTLAUNCH_LAUNCHES", str(folder))
        for number in range(LAUNCHES):
            file, judge, (first, last) = draw_launch(number)
            write_launch(folder, f"launch_{number}", **file)
            judges[f"launch_{number}"] = judge
            put_samples(session, Place(f"launch_{number}", UTC), each(first, last), [])
        session.commit()
        build()
        assert session.execute("select launch_id, reason from ops.launch_faults").fetchall() == []
        yield session, judges


def test_every_period_has_the_status_that_its_targets_and_days_give_it(judged: tuple[psycopg.Connection, dict[str, Judge]]) -> None:
    session, judges = judged
    query = "select launch_id, kpi_id, period_kind, period_start, period_end, value, status from build.scorecard"
    own = {name for judge in judges.values() for name in judge.told}
    found = {row[:5]: row[5:] for row in session.execute(query).fetchall() if row[1] in own}
    expected = {
        (launch, kpi, *period): outcome
        for launch, judge in judges.items()
        for kpi, told in judge.told.items()
        for period, outcome in judge.scorecard(told).items()
    }
    assert differences(found, expected) == []
    assert set(Counter(status for _, status in expected.values())) == {"no_data", "no_target", "undecided", "at_risk", "met", "missed"}


def test_every_promise_of_a_verdict_is_a_gate_of_its_own_days(judged: tuple[psycopg.Connection, dict[str, Judge]]) -> None:
    session, judges = judged
    rows = session.execute(
        "select launch_id, kpi_id, verdict_day, period_kind, phase_start, phase_end, value, status from build.verdict_gates"
    ).fetchall()
    found = {row[:6]: row[6:] for row in rows}
    expected = {
        (launch, kpi, *gate): outcome
        for launch, judge in judges.items()
        for kpi, told in judge.told.items()
        for gate, outcome in judge.gates(told).items()
    }
    assert differences(found, expected) == []
    assert set(Counter(status for _, status in expected.values())) == {"no_data", "undecided", "at_risk", "met", "missed"}
    assert any(end == FOR_EVER for *_, end in expected)


def differences(found: dict[Any, Any], expected: dict[Any, Any]) -> list[str]:
    """A line for each key of which the two say something else."""
    keys = sorted((found.keys() | expected.keys()), key=str)
    return [
        f"{', '.join(map(str, key))}: {found.get(key)}, should be {expected.get(key)}"
        for key in keys
        if not same(found.get(key), expected.get(key))
    ]


def same(one: tuple[float | None, str] | None, other: tuple[float | None, str] | None) -> bool:
    """Equal but for the last digits."""
    if one is None or other is None:
        return one is other
    return one[1] == other[1] and (one[0] == other[0] or (one[0] is not None and other[0] is not None and abs(one[0] - other[0]) < 1e-9))
