"""Accounts of random launches with merges, late events and changing profiles, and what is kept of them, against a walk over their events.

Group keys:  docs.mixpanel.com/docs/data-structure/group-analytics (an event is of each group that its own property names)
"""

from __future__ import annotations

import datetime as dt
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from postlaunch.marts.build import build
from postlaunch.warehouse.db import connect
from tests.dbt import product_truth
from tests.dbt.declared_truth import Truth, Value, divided
from tests.dbt.event_rows import Event, hashes_of_build, load_dates, rows_by, write_launch
from tests.dbt.event_streams import NIGHTS, Stream, draw_streams
from tests.dbt.product_truth import DAY, Product, User

pytestmark = pytest.mark.slow

LAUNCHES = 16
BUILT = (1, 3)  # the nights after which there is a build
SHIFT = 30 * DAY  # of every other launch, so that also a quarter ends within
PERSON = "a person"  # an e-mail address names one, and is not shown
NAMED: list[dict[str, Any]] = [
    {}, {}, {}, {"org": None}, {"org": ""}, {"org": {"name": "Acme"}},
    {"org": "Acme"}, {"org": ["Acme"]}, {"org": ["Acme", "Zeta", " Acme\n"]}, {"org": "Zeta "}, {"org": 7}, {"org": "ada@zeta.com"},
]  # fmt: skip
PROFILES: tuple[dict[str, Any], dict[str, Any]] = (
    {"u1": "Acme", "$device:d1": ["Zeta"], "alias": {}},
    {"u1": "Zeta", "u2": ["Acme", "Yam"], "$device:d2": None},
)
OUTCOMES: dict[str, dict[str, Any]] = {
    "kept_accounts": {"event": "A", "at_least": 1, "within": "calendar_month", "by": "account"},
    "kept_users": {"event": "A", "at_least": 1, "within": "calendar_month"},
    "kept_quarter": {"event": "B", "at_least": 1, "within": "calendar_quarter"},
    "kept_twice": {"event": "A", "at_least": 2, "within": "calendar_month", "by": "account", "of": "previous"},
    "busy_accounts": {"event": "A", "at_least": 2, "within": "calendar_month", "by": "account", "where": [["plan", "!=", "free"]]},
}
Rows = dict[Any, Any]


def has_names(product: Product) -> tuple[bool, bool]:
    """Whether events of the launch, and whether its profiles name accounts."""
    number = int(product.launch_id.removeprefix("launch-"))
    return number % 4 > 1, number % 4 != 0


def shifted(product: Product, moment: dt.datetime) -> dt.datetime:
    if int(product.launch_id.removeprefix("launch-")) % 2 == 0:
        return moment
    zone = ZoneInfo(product.timezone)
    return (moment.astimezone(zone).replace(tzinfo=None) + SHIFT).replace(tzinfo=zone).astimezone(dt.UTC)


def told(product: Product, event: Event) -> Event:
    """The event at its time, with the account that it names: the same in each night."""
    chosen = NAMED[zlib.crc32(repr(event).encode()) % len(NAMED)] if has_names(product)[0] else {}
    return event._replace(occurred_at=shifted(product, event.occurred_at), properties={**event.properties, **chosen})


def at(stream: Stream, night: int) -> Product:
    product = stream.at(night)
    days = SHIFT if int(product.launch_id.removeprefix("launch-")) % 2 else 0 * DAY
    return replace(product, first=product.first + days, last=product.last + days, events=[told(product, event) for event in product.events])


def cleaned(value: Any) -> set[str]:
    """The accounts that a property names."""
    names = value if isinstance(value, list) else [value]
    texts = {" ".join(str(name).split()) for name in names if isinstance(name, str | int)}
    return {PERSON if "@" in text else text for text in texts if text}


class Accounts(Truth):
    """The events of a launch with their accounts."""

    def __init__(self, product: Product, profiles: dict[str, Any]) -> None:
        super().__init__(product, product.first)
        self.profiles = profiles if has_names(product)[1] else {}
        clusters = product_truth._clusters(product.in_order)
        self.of_user: dict[User | None, set[str]] = defaultdict(set)
        for event, user in zip(product.in_order, product.users, strict=True):
            if user is not None:
                own = product_truth._own_id(event)
                for key in clusters.get(own, {own}) & self.profiles.keys():
                    self.of_user[user] |= cleaned(self.profiles[key])

    def accounts(self, event: Event, user: User | None) -> set[str]:
        return cleaned(event.properties.get("org")) or (self.of_user[user] if user is not None else set())

    def days(self) -> Rows:
        """(account, date) -> first date, users, new, repeating, events."""
        if not self.product.knows_activity:
            return {}
        began = self._beginnings()
        users: dict[tuple[str, dt.date], list[User | None]] = defaultdict(list)
        for date, event, user in self.told:
            if self.product.is_activity(event.name):
                for account in self.accounts(event, user):
                    users[account, date].append(user)
        knows = self.product.knows_beginnings
        return {
            (account, date): (
                min(other for name, other in users if name == account),
                len(set(sent) - {None}),
                len({user for user in sent if user is not None and began.get(user) == date}) if knows else None,
                len({user for user in sent if user is not None and began.get(user, date) < date}) if knows else None,
                len(sent),
            )
            for (account, date), sent in users.items()
        }

    def outcome(self, kpi: str, dates: set[dt.date]) -> Value:
        spec, last = OUTCOMES[kpi], max(dates)
        is_by_account, is_by_month = spec.get("by") == "account", spec["within"] == "calendar_month"

        def first_of(date: dt.date) -> dt.date:
            return date.replace(day=1) if is_by_month else dt.date(date.year, (date.month - 1) // 3 * 3 + 1, 1)

        def reached(begin: dt.date, end: dt.date, at_least: int) -> set[Any]:
            counts: dict[Any, int] = defaultdict(int)
            for date, event, user in self._of({spec["event"]}):
                if begin <= date <= end and ("where" not in spec or event.properties.get("plan") != "free"):
                    for member in self.accounts(event, user) if is_by_account else {user} - {None}:
                        counts[member] += 1
            return {member for member, count in counts.items() if count >= at_least}

        known = self._is_known({spec["event"]}, *(["plan"] if "where" in spec else []), by_users=not is_by_account)
        if is_by_account:
            known = known and (self._is_known({spec["event"]}, "org") or any(map(cleaned, self.profiles.values())))
        start = first_of(last)
        now = reached(start, last, spec["at_least"])
        if kpi == "busy_accounts":
            return divided(len(now), len(reached(start, last, 1))) if known else None
        before = first_of(start - DAY)
        if not known or not any(before <= date < start for date in self.covered):
            return None
        kept = reached(before, start - DAY, spec["at_least"])
        return divided(len(kept & now), len(kept))


@pytest.fixture(scope="module")
def streams() -> list[Stream]:
    return draw_streams(LAUNCHES)


@pytest.fixture(scope="module")
def session(module_warehouse: str) -> Iterator[psycopg.Connection]:
    with connect(autocommit=True) as session:
        yield session


def write(folder: Path, product: Product) -> None:
    mixpanel = {
        "project_id": 1,
        "active_events": list(product.active_events),
        "registration_event": product.registration_event,
        "profile_properties": ["org"],
    }
    kpis = [{"kpi": kpi, "unit": "ratio", "better": "higher", "measure": {"outcome": spec}} for kpi, spec in OUTCOMES.items()]
    write_launch(
        folder, product.launch_id, date=product.first, timezone=product.timezone,
        population={"account": "org"}, mixpanel=mixpanel, kpis=kpis,
    )  # fmt: skip


def put_profiles(session: psycopg.Connection, product: Product, profiles: dict[str, Any]) -> None:
    session.execute("delete from raw.mixpanel_profiles where launch_id = %s", [product.launch_id])
    for own, org in profiles.items() if has_names(product)[1] else ():
        session.execute(
            "insert into raw.mixpanel_profiles (launch_id, id, version_at, record, load_id) values (%s, %s, now(), %s, 1)",
            [product.launch_id, own, json.dumps({"id": own, "properties": {"org": org}})],
        )


@pytest.fixture(scope="module")
def builds(session: psycopg.Connection, module_launch_files: Path, streams: list[Stream]) -> list[tuple[Rows, Rows]]:
    """(account_days, scorecard) after each build, by launch."""
    for stream in streams:
        write(module_launch_files, at(stream, 0))
    found = []
    for night in range(len(NIGHTS)):
        for stream in streams:
            product = at(stream, night)
            put_profiles(session, product, PROFILES[night // 2])
            days = product.first - stream.product.first
            load_dates(session, product.launch_id, product.timezone, [date + days for date in stream.changed(night)], product.events)
        if night not in BUILT:
            continue
        build()
        of_days: Rows = defaultdict(dict)
        columns = "first_active_date, active_users_count, new_users_count, repeat_users_count, events_count"
        for (launch_id, account, date), counts in rows_by(
            session, f"select launch_id, account_id, metric_date, {columns} from build.account_days", 3
        ).items():
            of_days[launch_id][PERSON if re.fullmatch("[0-9a-f]{32}", account) else account, date] = counts
        judged: Rows = defaultdict(dict)
        query = "select launch_id, kpi_id, period_kind, period_start, value from build.scorecard where kpi_id = any(%s)"
        for launch_id, *key, value in session.execute(query, [list(OUTCOMES)]).fetchall():
            judged[launch_id][tuple(key)] = value
        found.append((of_days, judged))
    return found


@pytest.mark.parametrize("number", range(len(BUILT)))
def test_an_account_has_the_users_and_events_that_name_it(builds: list[tuple[Rows, Rows]], streams: list[Stream], number: int) -> None:
    wrong, rows = [], 0
    for stream in streams:
        product = at(stream, BUILT[number])
        found, expected = builds[number][0].get(product.launch_id, {}), Accounts(product, PROFILES[number]).days()
        rows += len(expected)
        if found != expected:
            wrong.append((product.launch_id, {key: (found.get(key), expected.get(key)) for key in {*found, *expected}}))
    assert wrong == []
    assert rows > 100


@pytest.mark.parametrize("kpi", OUTCOMES)
def test_what_is_kept_is_of_those_of_the_period_before(builds: list[tuple[Rows, Rows]], streams: list[Stream], kpi: str) -> None:
    wrong, known = [], set()
    for number, night in enumerate(BUILT):
        for stream in streams:
            product = at(stream, night)
            truth = Accounts(product, PROFILES[number])
            truth._kpi = lambda dates, truth=truth: truth.outcome(kpi, dates)  # type: ignore[attr-defined]
            expected = truth.values("kpi")
            found = {key[1:]: value for key, value in builds[number][1].get(product.launch_id, {}).items() if key[0] == kpi}
            known |= {value for value in expected.values() if value is not None}
            if found != pytest.approx(expected, rel=1e-9):
                wrong.append((product.launch_id, night))
    assert wrong == []
    assert len(known) > 1  # not always all of them, or none


def test_an_account_that_nothing_names_is_said(session: psycopg.Connection, builds: list[tuple[Rows, Rows]], streams: list[Stream]) -> None:
    silent = {stream.product.launch_id for stream in streams if has_names(stream.product) == (False, False)}
    told = session.execute("select distinct launch_id from build.active_users_daily where notice like '%population.account%'").fetchall()
    assert {launch_id for (launch_id,) in told} == silent
    assert builds[-1][0].keys().isdisjoint(silent)


def test_a_full_refresh_changes_nothing(session: psycopg.Connection, builds: list[tuple[Rows, Rows]]) -> None:
    incremental = hashes_of_build(session)
    build(full_refresh=True)
    assert len(builds) == len(BUILT)
    assert incremental == hashes_of_build(session)
