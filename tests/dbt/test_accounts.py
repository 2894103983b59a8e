"""Accounts of random launches with merges, late events and changing profiles, and what is kept of them, against a walk over their events.

Group keys:  docs.mixpanel.com/docs/data-structure/group-analytics (an event is of each group that its own property names)
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import pytest

from tests.dbt import product_truth, stream_accounts
from tests.dbt.conftest import Played
from tests.dbt.declared_truth import Truth, Value, divided
from tests.dbt.event_rows import Event
from tests.dbt.event_streams import NIGHTS, Stream
from tests.dbt.product_truth import DAY, Product, User
from tests.dbt.stream_accounts import OUTCOMES, PERSON, PROFILES, Rows, at, has_names

pytestmark = pytest.mark.slow


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

    def health(self) -> Rows:
        """account -> colour, loaded dates without activity, events of seven days, these by those of a week before."""
        sent: dict[str, dict[dt.date, int]] = defaultdict(dict)
        for (account, date), (*_, events) in self.days().items():
            sent[account][date] = events
        covered, found = self.product.covered, {}
        end = max(covered)
        for account, events in sent.items():
            inactive = sum(date > max(events) for date in covered)
            now = sum(count for date, count in events.items() if end - date < 7 * DAY)
            weeks = [week for week in range(1, 5) if end - (7 * week + 6) * DAY >= min(events)]
            before = [sum(count for date, count in events.items() if 7 * week <= (end - date).days < 7 * week + 7) for week in weeks]
            is_seen = all(end - number * DAY in covered for number in range(7 * len(weeks) + 7))
            usage = now / (sum(before) / len(before)) if weeks and is_seen and sum(before) else None
            colour = "red" if inactive >= 4 else "unknown" if usage is None else "yellow" if usage < 0.8 else "green"
            found[account] = (colour, inactive, now, usage)
        return found

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
    return stream_accounts.streams()


@pytest.fixture
def builds(played: Played) -> list[tuple[Rows, ...]]:
    """(account_days, scorecard, account_health) after each night, by launch."""
    return played.accounts


@pytest.mark.parametrize("number", range(len(NIGHTS)))
def test_an_account_has_the_users_and_events_that_name_it(builds: list[tuple[Rows, ...]], streams: list[Stream], number: int) -> None:
    wrong, rows = [], 0
    for stream in streams:
        product = at(stream, number)
        found, expected = builds[number][0].get(product.launch_id, {}), Accounts(product, PROFILES[number // 2]).days()
        rows += len(expected)
        if found != expected:
            wrong.append((product.launch_id, {key: (found.get(key), expected.get(key)) for key in {*found, *expected}}))
    assert wrong == []
    assert rows > 20 * (number + 1)


def test_the_health_of_accounts_is_what_a_walk_over_their_days_says(builds: list[tuple[Rows, ...]], streams: list[Stream]) -> None:
    wrong, colours = [], set()
    for night in range(len(NIGHTS)):
        for stream in streams:
            product = at(stream, night)
            expected = Accounts(product, PROFILES[night // 2]).health()
            found = builds[night][2].get(product.launch_id, {})
            colours |= {colour for colour, *_ in expected.values()}
            if found.keys() != expected.keys() or any(found[each] != pytest.approx(expected[each], rel=1e-9) for each in expected):
                wrong.append((product.launch_id, night, found, expected))
    assert wrong == []
    assert colours == {"red", "yellow", "green", "unknown"}


@pytest.mark.parametrize("kpi", OUTCOMES)
def test_what_is_kept_is_of_those_of_the_period_before(builds: list[tuple[Rows, ...]], streams: list[Stream], kpi: str) -> None:
    wrong, known = [], set()
    for night in range(len(NIGHTS)):
        for stream in streams:
            product = at(stream, night)
            truth = Accounts(product, PROFILES[night // 2])
            truth._kpi = lambda dates, truth=truth: truth.outcome(kpi, dates)  # type: ignore[attr-defined]
            expected = truth.values("kpi")
            found = {key[1:]: value for key, value in builds[night][1].get(product.launch_id, {}).items() if key[0] == kpi}
            known |= {value for value in expected.values() if value is not None}
            if found != pytest.approx(expected, rel=1e-9):
                wrong.append((product.launch_id, night))
    assert wrong == []
    assert len(known) > 1  # not always all of them, or none


def test_an_account_that_nothing_names_is_said(played: Played, builds: list[tuple[Rows, ...]], streams: list[Stream]) -> None:
    silent = {stream.product.launch_id for stream in streams if has_names(stream.product) == (False, False)}
    told = played.session.execute(
        "select distinct launch_id from build.active_users_daily where notice like '%population.account%'"
    ).fetchall()
    assert {launch_id for (launch_id,) in told} == silent
    assert builds[-1][0].keys().isdisjoint(silent)
