"""Segments that launch files declare, of random launches with merges, late events and changing profiles, against a walk over them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from tests.dbt import product_truth, stream_segments
from tests.dbt.conftest import Played
from tests.dbt.declared_truth import Truth
from tests.dbt.event_streams import NIGHTS, Stream
from tests.dbt.product_truth import DAY, Product, User
from tests.dbt.stream_segments import CHANGED, LAUNCHES, PROFILES, RULES, SEGMENTS, Values, launch_date

pytestmark = pytest.mark.slow

BY_WAVE = (
    "made", "made_or_kept", "unplanned", "share", "mean_score", "score_sum", "nps", "nps_day_3", "nps_response_rate", "csat", "csat_share",
    "makers", "maker_share", "features", "monthly", "quarterly", "conversion", "abandonment", "drop_off", "misspelt",
)  # fmt: skip


class OfSegment(Truth):
    """The events of some users; what is known at all is known of everybody."""

    def __init__(self, product: Product, members: set[User]) -> None:
        super().__init__(product, launch_date(product))
        self.whole = Truth(product, self.launched)
        self.told = [told for told in self.told if told[2] in members]
        self.product = of_users(product, members)

    def _is_known(self, names: set[str], *properties: str, by_users: bool = False) -> bool:
        return self.whole._is_known(names, *properties, by_users=by_users)


def ids(product: Product) -> dict[User, set[str]]:
    """User -> every id that is theirs."""
    clusters = product_truth._clusters(product.in_order)
    found: dict[User, set[str]] = {}
    for event, user in zip(product.in_order, product.users, strict=True):
        if user is not None:
            own = product_truth._own_id(event)
            found.setdefault(user, set()).update(clusters.get(own, {own}))
    return found


def members(product: Product, rules: int, segment: str) -> set[User] | None:
    """Who is in a segment, in the words of SEGMENTS; None: nobody can tell."""
    spec = next((spec for spec in SEGMENTS[rules] if spec["id"] == segment), None)
    profiles = PROFILES[rules]
    if spec is None or segment == "unsaid":
        return None
    if segment == "pro":

        def is_pro(told: dict[str, Any]) -> bool:
            if rules == 1:
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
    return stream_segments.streams()


@pytest.fixture
def builds(played: Played) -> list[tuple[Values, Values]]:
    """(measures, scorecard) after each night, by launch and segment."""
    return played.segments


def of(rows: Values, launch_id: str, segment: str) -> Values:
    return {key[2:]: value for key, value in rows.items() if key[:2] == (launch_id, segment)}


@pytest.mark.parametrize("segment", ["first", "later", "pro", "unsaid"])
@pytest.mark.parametrize("night", range(len(NIGHTS)))
def test_the_users_of_a_segment_are_counted_as_everybody_is(
    builds: list[tuple[Values, Values]], streams: list[Stream], night: int, segment: str
) -> None:
    wrong, known = [], 0
    for stream in streams:
        product = stream.at(night)
        chosen = members(product, RULES[night], segment)
        found = of(builds[night][0], product.launch_id, segment)
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
    assert (known > 5) == (segment != "unsaid" and (segment, RULES[night]) != ("later", 1))


@pytest.mark.parametrize("kpi", BY_WAVE)
def test_a_declared_kpi_of_a_segment_is_made_of_the_events_of_its_users(
    builds: list[tuple[Values, Values]], streams: list[Stream], kpi: str
) -> None:
    wrong, known = [], 0
    for night in range(len(NIGHTS)):
        if RULES[night] == 0 and kpi in CHANGED:
            continue
        for stream in streams:
            for segment in ("first", "later", "pro", "unsaid"):
                product = stream.at(night)
                chosen = members(product, RULES[night], segment)
                found = {key[1:]: value for key, value in of(builds[night][1], product.launch_id, segment).items() if key[0] == kpi}
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
    for night in range(len(NIGHTS)):
        for stream in streams:
            for segment in ("first", "later", "pro", "unsaid"):
                product = stream.at(night)
                chosen = members(product, RULES[night], segment)
                narrowed = of_users(product, chosen or set())
                if kind == "phase":
                    phase = product_truth.activation_of(narrowed, launch_date(product), None)
                    counts = {launch_date(product): phase} if phase else {}
                else:
                    counts = product_truth.activation(narrowed, kind)
                expected = {start: activated / entered for start, (activated, entered) in counts.items()}
                rows = of(builds[night][1], product.launch_id, segment)
                found = {key[2]: value for key, value in rows.items() if key[:2] == ("activation", kind) and value is not None}
                known += len(expected)
                if found != pytest.approx(expected, rel=1e-9):
                    wrong.append((product.launch_id, night, segment))
    assert wrong == []
    assert known > 5


def test_a_promise_of_a_wave_that_nobody_can_tell_is_no_data(builds: list[tuple[Values, Values]], streams: list[Stream]) -> None:
    for night in range(len(NIGHTS)):
        values = [value for (_, segment, kpi, *_), value in builds[night][1].items() if (segment, kpi) == ("unsaid", "new_users")]
        assert len(values) >= LAUNCHES
        assert set(values) == {None}
