"""Segments that launch files declare, of random launches with merges, late events and changing profiles, against a walk over them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.dbt import declared_truth, product_truth
from tests.dbt.declared_truth import Truth
from tests.dbt.event_rows import hashes_of_build, load_dates, write_launch
from tests.dbt.event_streams import NIGHTS, Stream, draw_streams
from tests.dbt.product_truth import DAY, Product, User

LAUNCHES = 14
BUILT = (1, 3)  # the nights after which there is a build: the segments and the profiles of the second are not those of the first
BY_WAVE = (
    "made", "made_or_kept", "unplanned", "share", "mean_score", "score_sum", "nps", "nps_day_3", "nps_response_rate", "csat", "csat_share",
    "makers", "maker_share", "features", "monthly", "quarterly", "conversion", "abandonment", "drop_off", "misspelt",
)  # fmt: skip
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


class OfSegment(Truth):
    """The events of some users; what is known at all is known of everybody."""

    def __init__(self, product: Product, members: set[User]) -> None:
        super().__init__(product, launch_date(product))
        self.whole = Truth(product, self.launched)
        self.told = [told for told in self.told if told[2] in members]
        self.product = of_users(product, members)

    def _is_known(self, names: set[str], *properties: str, by_users: bool = False) -> bool:
        return self.whole._is_known(names, *properties, by_users=by_users)


def launch_date(product: Product) -> dt.date:
    return product.first + 4 * DAY


def ids(product: Product) -> dict[User, set[str]]:
    """User -> every id that is theirs."""
    clusters = product_truth._clusters(product.in_order)
    found: dict[User, set[str]] = {}
    for event, user in zip(product.in_order, product.users, strict=True):
        if user is not None:
            own = product_truth._own_id(event)
            found.setdefault(user, set()).update(clusters.get(own, {own}))
    return found


def members(product: Product, build_number: int, segment: str) -> set[User] | None:
    """Who is in a segment, in the words of SEGMENTS; None: nobody can tell."""
    spec = next((spec for spec in SEGMENTS[build_number] if spec["id"] == segment), None)
    profiles = PROFILES[build_number]
    if spec is None or segment == "unsaid":
        return None
    if segment == "pro":

        def is_pro(told: dict[str, Any]) -> bool:
            if build_number == 1:
                return told.get("plan") != "free"
            return told.get("plan") in ("pro", "team") and float(told.get("seats", 0)) >= 5

        return {user for user, own in ids(product).items() if any(is_pro(profiles[key]) for key in own if key in profiles)}
    if not product.knows_beginnings:
        return None
    began = Truth(product, launch_date(product))._beginnings()
    days = {user: (date - launch_date(product)).days for user, date in began.items()}
    return {user for user, day in days.items() if spec.get("from_day", -999) <= day <= spec.get("to_day", 999)}


def of_users(product: Product, chosen: set[User]) -> Product:
    """The launch as if the events of all others were nobody's; what was ever sent stays known."""
    narrowed = replace(product)
    narrowed.__dict__["sent"] = product.sent
    narrowed.__dict__["users"] = [user if user in chosen else None for user in product.users]
    return narrowed


def expected_measures(product: Product, chosen: set[User]) -> dict[tuple[str, str, dt.date], float | None]:
    narrowed = of_users(product, chosen)
    found: dict[tuple[str, str, dt.date], float | None] = {}
    for date, (active, in_7d, in_30d, new, *_) in product_truth.active_users(narrowed).items():
        values = {"active_users": active, "active_users_7d": in_7d, "active_users_30d": in_30d, "new_users": new}
        found |= {(name, "", date): value for name, value in values.items()}
    for (cohort, number), (size, retained, _) in product_truth.retention(narrowed, 1).items():
        if number in (1, 7, 30):
            found["cohort_users", str(number), cohort + number * DAY] = size
            found["retained_users", str(number), cohort + number * DAY] = retained
    for date, (activated, entered) in product_truth.activation(narrowed).items():
        found |= {("activated", "", date): activated, ("activation_entries", "", date): entered}
    return found


@pytest.fixture(scope="module")
def streams() -> list[Stream]:
    return draw_streams(LAUNCHES)


@pytest.fixture(scope="module")
def session(module_warehouse: str) -> Iterator[psycopg.Connection]:
    with connect(autocommit=True) as session:
        yield session


def write(folder: Path, product: Product, build_number: int) -> None:
    mixpanel = {
        "project_id": 1,
        "active_events": list(product.active_events),
        "registration_event": product.registration_event,
        "profile_properties": ["plan", "seats", "region"],
        "funnels": [{"id": "activation", "name": "A", "steps": list(product.steps), "window_hours": product.window.total_seconds() / 3600}],
    }
    waves = [{"kpi": "new_users", "of": {"wave": segment["id"]}, "targets": [{"at_least": 1}]} for segment in SEGMENTS[build_number]]
    retained = {"kpi": "retention", "of": {"day": 7, "wave": "first"}, "targets": [{"at_least": 0.2}]}
    own = declared_truth.KPIS
    if build_number == 0:  # the file says something else of these at first
        own = [kpi for kpi in own if kpi["kpi"] not in CHANGED]
        own += [{**kpi, "measure": {"events": {"good": ["B"]}}} for kpi in declared_truth.KPIS if kpi["kpi"] == "made"]
    kpis = [*own, *waves, retained]
    write_launch(
        folder, product.launch_id, date=launch_date(product), timezone=product.timezone,
        mixpanel=mixpanel, kpis=kpis, segments=SEGMENTS[build_number],
    )  # fmt: skip


def put_profiles(session: psycopg.Connection, launch_id: str, build_number: int) -> None:
    session.execute("delete from raw.mixpanel_profiles where launch_id = %s", [launch_id])
    for own, told in PROFILES[build_number].items():
        session.execute(
            "insert into raw.mixpanel_profiles (launch_id, id, version_at, record, load_id) values (%s, %s, now(), %s, 1)",
            [launch_id, own, json.dumps({"id": own, "properties": told})],
        )


@pytest.fixture(scope="module")
def builds(session: psycopg.Connection, module_launch_files: Path, streams: list[Stream]) -> list[tuple[Values, Values]]:
    """(measures, scorecard) after each build, by launch and segment."""
    found = []
    for night in range(len(NIGHTS)):
        for stream in streams:
            product = stream.at(night)
            if night in BUILT:
                write(module_launch_files, product, BUILT.index(night))
                put_profiles(session, product.launch_id, BUILT.index(night))
            load_dates(session, product.launch_id, product.timezone, stream.changed(night), product.events)
        if night not in BUILT:
            continue
        build()
        measures = session.execute(
            "select launch_id, segment_id, measure_id, subject_id, metric_date, value from build.measures_daily where segment_id <> '' "
            "and measure_id not like '%.%' and measure_id <> 'period_active_users'"
        ).fetchall()
        judged = session.execute(
            "select launch_id, segment_id, kpi_id, period_kind, period_start, value from build.scorecard where segment_id <> ''"
        ).fetchall()
        found.append(tuple({row[:-1]: row[-1] for row in rows} for rows in (measures, judged)))
    return found


def of(rows: Values, launch_id: str, segment: str) -> Values:
    return {key[2:]: value for key, value in rows.items() if key[:2] == (launch_id, segment)}


@pytest.mark.parametrize("segment", ["first", "later", "pro", "unsaid"])
@pytest.mark.parametrize("number", range(len(BUILT)))
def test_the_users_of_a_segment_are_counted_as_everybody_is(
    builds: list[tuple[Values, Values]], streams: list[Stream], number: int, segment: str
) -> None:
    wrong, known = [], 0
    for stream in streams:
        product = stream.at(BUILT[number])
        chosen = members(product, number, segment)
        found = of(builds[number][0], product.launch_id, segment)
        expected = {} if chosen is None else expected_measures(product, chosen)
        known += len(chosen or ())
        if found != expected:
            wrong.append(
                (
                    product.launch_id,
                    {key: (found.get(key), expected.get(key)) for key in {*found, *expected} if found.get(key) != expected.get(key)},
                )
            )
    assert wrong == []
    assert (known > 5) == (segment != "unsaid" and (segment, number) != ("later", 1))


@pytest.mark.parametrize("kpi", BY_WAVE)
def test_a_declared_kpi_of_a_segment_is_made_of_the_events_of_its_users(
    builds: list[tuple[Values, Values]], streams: list[Stream], kpi: str
) -> None:
    wrong, known = [], 0
    for number, night in enumerate(BUILT):
        if number == 0 and kpi in CHANGED:
            continue
        for stream in streams:
            for segment in ("first", "later", "pro", "unsaid"):
                product = stream.at(night)
                chosen = members(product, number, segment)
                found = {key[1:]: value for key, value in of(builds[number][1], product.launch_id, segment).items() if key[0] == kpi}
                expected = {} if chosen is None else OfSegment(product, chosen).values(kpi)
                if not any(value is not None for value in found.values()) and not any(value is not None for value in expected.values()):
                    continue  # nothing was ever measured of it, and nobody was promised anything
                known += sum(value is not None for value in expected.values())
                if found != pytest.approx(expected, rel=1e-9):
                    wrong.append((product.launch_id, night, segment))
    assert wrong == []
    assert (known > 15) == (kpi != "misspelt")


@pytest.mark.parametrize("kind", ["day", "week", "month", "quarter", "phase"])
def test_a_user_of_a_segment_is_activated_once_a_period(builds: list[tuple[Values, Values]], streams: list[Stream], kind: str) -> None:
    wrong, known = [], 0
    for number, night in enumerate(BUILT):
        for stream in streams:
            for segment in ("first", "later", "pro", "unsaid"):
                product = stream.at(night)
                chosen = members(product, number, segment)
                narrowed = of_users(product, chosen or set())
                if kind == "phase":
                    phase = product_truth.activation_of(narrowed, launch_date(product), None)
                    counts = {launch_date(product): phase} if phase else {}
                else:
                    counts = product_truth.activation(narrowed, kind)
                expected = {start: activated / entered for start, (activated, entered) in counts.items()}
                rows = of(builds[number][1], product.launch_id, segment)
                found = {key[2]: value for key, value in rows.items() if key[:2] == ("activation", kind) and value is not None}
                known += len(expected)
                if found != pytest.approx(expected, rel=1e-9):
                    wrong.append((product.launch_id, night, segment))
    assert wrong == []
    assert known > 5


def test_a_promise_of_a_wave_that_nobody_can_tell_is_no_data(builds: list[tuple[Values, Values]], streams: list[Stream]) -> None:
    for number in range(len(BUILT)):
        values = [value for (_, segment, kpi, *_), value in builds[number][1].items() if (segment, kpi) == ("unsaid", "new_users")]
        assert len(values) >= LAUNCHES
        assert set(values) == {None}


def test_a_full_refresh_changes_nothing(session: psycopg.Connection, builds: list[tuple[Values, Values]]) -> None:
    incremental = hashes_of_build(session)
    build(full_refresh=True)
    assert len(builds) == len(BUILT)
    assert incremental == hashes_of_build(session)
