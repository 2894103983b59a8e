"""KPIs that a launch declares over its events, counted event by event from the words of the launch file's documentation.

Net promoter score:  https://www.netpromoter.com/know/ (9 and 10 less 0 to 6, of all answers from 0 to 10)
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from tests.dbt import product_truth
from tests.dbt.event_rows import Event
from tests.dbt.product_truth import Product, User, period_start

Value = float | None
Told = tuple[dt.date, Event, User | None]
KINDS = ("day", "week", "month", "quarter")
NUMBER = re.compile(r"[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?")


def _own(kpi: str, unit: str, measure: dict[str, Any]) -> dict[str, Any]:
    return {"kpi": kpi, "unit": unit, "better": "higher", "measure": measure}


def _events(kpi: str, unit: str, **measure: Any) -> dict[str, Any]:
    return _own(kpi, unit, {"events": measure})


def _survey(kpi: str, unit: str, **measure: Any) -> dict[str, Any]:
    return _own(kpi, unit, {"survey": {"event": "C", "score": "score", **measure}})


KPIS = [
    _events("made", "count", good=["A"]),
    _events("made_or_kept", "count", good=["A", "B"], where=[["plan", "=", "pro"]]),
    _events("unplanned", "count", good=["A", "B"], where=[["plan", "is not set"], ["score", "not in", [7, "five"]]]),
    _events("share", "ratio", good=["A"], of=["A", "B"], good_where=[["score", ">", 4]]),
    _events("mean_score", "count", good=["A", "B"], property="score", read="mean"),
    _events("score_sum", "count", good=["A", "B"], property="score", read="sum", where=[["plan", "in", ["pro", "free"]]]),
    _events("score_p50", "count", good=["A", "B"], property="score", read="p50"),
    _events("makers", "count", good=["A"], count="users"),
    _events("maker_share", "ratio", good=["A"], of=["A", "B", "C"], count="users", good_where=[["score", "<=", 5]]),
    _events("misspelt", "count", good=["A", "Aa"]),
    _events("misfiltered", "count", good=["A"], where=[["paln", "!=", "pro"]]),
    _own("features", "ratio", {"features": {"features": ["A", ["B", "$mp_click"], "C"], "at_least": 2}}),
    _survey("nps", "score", kind="nps", asked="A"),
    _survey("nps_day_3", "score", kind="nps", day=3),
    _survey("csat", "score", kind="csat"),
    _survey("csat_share", "ratio", kind="csat", satisfied=5),
    _own("monthly", "ratio", {"outcome": {"event": "A", "at_least": 2, "within": "calendar_month"}}),
    _own("quarterly", "ratio", {"outcome": {"event": "A", "at_least": 4, "within": "calendar_quarter", "where": [["plan", "!=", "free"]]}}),
    _own("conversion", "ratio", {"funnel": "activation"}),
    _own("abandonment", "ratio", {"funnel": {"id": "activation", "read": "abandonment"}}),
    _own("drop_off", "ratio", {"funnel": {"id": "activation", "read": "drop_off", "step": 1}}),
    _own("made_by_maker", "count", {"ratio": ["made", "makers"], "per": 10}),
]
NAMES = [kpi["kpi"] for kpi in KPIS] + ["nps_response_rate"]


class Truth:
    """What each KPI of a launch comes to, by period."""

    def __init__(self, product: Product, launched: dt.date) -> None:
        self.product, self.launched = product, launched
        users = zip(product.in_order, product.users, strict=True)
        self.told: list[Told] = [(product.date_of(event.occurred_at), event, user) for event, user in users]
        self.covered = set(product.covered)

    def values(self, kpi: str) -> dict[tuple[str, dt.date], Value]:
        """(kind, first date) -> value of every period with a covered date."""
        periods: dict[tuple[str, dt.date], set[dt.date]] = defaultdict(set)
        for date in self.covered:
            for kind in KINDS:
                periods[kind, period_start(kind, date)].add(date)
            if date >= self.launched:
                periods["phase", self.launched].add(date)
        if kpi in ("conversion", "abandonment", "drop_off"):  # an entry is of the date on which it begins, covered or not
            return {(kind, start): self._funnel(kpi, kind, start) for kind, start in periods}
        read: Callable[[set[dt.date]], Value] = getattr(self, f"_{kpi}")
        return {period: read(dates) for period, dates in periods.items()}

    # -- what is counted ---------------------------------------------------------------------------------------------------------------
    def _of(self, names: set[str], dates: set[dt.date] | None = None) -> Iterator[Told]:
        return (told for told in self.told if told[1].name in names and (dates is None or told[0] in dates))

    def _is_known(self, names: set[str], *properties: str, by_users: bool = False) -> bool:
        """Each event was sent (by a user, where users are counted), and carried each property with a value."""
        return all(
            any(not by_users or user is not None for _, _, user in self._of({name}))
            and all(any(event.properties.get(prop) is not None for _, event, _ in self._of({name})) for prop in properties)
            for name in names
        )

    def _made(self, dates: set[dt.date]) -> Value:
        return float(sum(1 for _ in self._of({"A"}, dates))) if self._is_known({"A"}) else None

    def _made_or_kept(self, dates: set[dt.date]) -> Value:
        if not self._is_known({"A", "B"}, "plan"):
            return None
        return float(sum(event.properties.get("plan") == "pro" for _, event, _ in self._of({"A", "B"}, dates)))

    def _unplanned(self, dates: set[dt.date]) -> Value:
        if not self._is_known({"A", "B"}, "plan", "score"):
            return None
        return float(
            sum(
                event.properties.get("plan") is None and event.properties.get("score") not in (7, "five")
                for _, event, _ in self._of({"A", "B"}, dates)
            )
        )

    def _share(self, dates: set[dt.date]) -> Value:
        if not (self._is_known({"A"}, "score") and self._is_known({"A", "B"})):
            return None
        good = sum((number(event) or 0) > 4 for _, event, _ in self._of({"A"}, dates))
        return divided(good, sum(1 for _ in self._of({"A", "B"}, dates)))

    def _scores(self, dates: set[dt.date]) -> list[float]:
        return [score for _, event, _ in self._of({"A", "B"}, dates) if (score := number(event)) is not None]

    def _mean_score(self, dates: set[dt.date]) -> Value:
        scores = self._scores(dates) if self._is_known({"A", "B"}, "score") else []
        return divided(math.fsum(scores), len(scores))

    def _score_sum(self, dates: set[dt.date]) -> Value:
        if not self._is_known({"A", "B"}, "score", "plan"):
            return None
        planned = (event for _, event, _ in self._of({"A", "B"}, dates) if event.properties.get("plan") in ("pro", "free"))
        return math.fsum(number(event) or 0 for event in planned)

    def _score_p50(self, dates: set[dt.date]) -> Value:
        scores = sorted(float(f"{score:.3g}") for score in self._scores(dates)) if self._is_known({"A", "B"}, "score") else []
        return scores[math.ceil(0.5 * len(scores)) - 1] if scores else None

    def _makers(self, dates: set[dt.date]) -> Value:
        if not self._is_known({"A"}, by_users=True):
            return None
        return float(len({user for _, _, user in self._of({"A"}, dates)} - {None}))

    def _maker_share(self, dates: set[dt.date]) -> Value:
        if not (self._is_known({"A"}, "score", by_users=True) and self._is_known({"A", "B", "C"}, by_users=True)):
            return None
        good = {user for _, event, user in self._of({"A"}, dates) if (score := number(event)) is not None and score <= 5} - {None}
        return divided(len(good), len({user for _, _, user in self._of({"A", "B", "C"}, dates)} - {None}))

    def _misspelt(self, dates: set[dt.date]) -> Value:  # noqa: ARG002
        return None

    _misfiltered = _misspelt

    def _features(self, dates: set[dt.date]) -> Value:
        items: list[set[str]] = [{"A"}, {"B", "$mp_click"}, {"C"}]
        if not self._is_known(set().union(*items), by_users=True):
            return None
        used: dict[User, set[int]] = defaultdict(set)
        for place, names in enumerate(items):
            for _, _, user in self._of(names, dates):
                if user is not None:
                    used[user].add(place)
        active = {user for date, event, user in self.told if user is not None and date in dates and self.product.is_activity(event.name)}
        return divided(sum(len(places) >= 2 for places in used.values()), len(active))

    # -- surveys -----------------------------------------------------------------------------------------------------------------------
    def _answers(self, dates: set[dt.date], low: float, high: float, day: int | None = None) -> list[float]:
        began = self._beginnings() if day is not None else {}
        return [
            score
            for date, event, user in self._of({"C"}, dates)
            if (score := number(event)) is not None
            and low <= score <= high
            and (day is None or (user is not None and user in began and (date - began[user]).days == day))
        ]

    def _beginnings(self) -> dict[User, dt.date]:
        """The first date of each user: of registering, where the launch names an event for it, else of activity."""
        registers = self.product.registration_event
        found: dict[User, dt.date] = {}
        for date, event, user in self.told:
            begins = event.name == registers if registers else self.product.is_activity(event.name)
            if user is not None and begins:
                found[user] = min(date, found.get(user, date))
        return found

    def _promoters(self, dates: set[dt.date], day: int | None) -> Value:
        if not self._is_known({"C"}, "score", by_users=day is not None):
            return None
        answers = self._answers(dates, 0, 10, day)
        return divided(100 * (sum(score >= 9 for score in answers) - sum(score <= 6 for score in answers)), len(answers))

    def _nps(self, dates: set[dt.date]) -> Value:
        return self._promoters(dates, None)

    def _nps_day_3(self, dates: set[dt.date]) -> Value:
        return self._promoters(dates, 3)

    def _nps_response_rate(self, dates: set[dt.date]) -> Value:
        if not (self._is_known({"C"}, "score") and self._is_known({"A"})):
            return None
        return divided(len(self._answers(dates, 0, 10)), sum(1 for _ in self._of({"A"}, dates)))

    def _csat(self, dates: set[dt.date]) -> Value:
        answers = self._answers(dates, 1, 5) if self._is_known({"C"}, "score") else []
        return divided(math.fsum(answers), len(answers))

    def _csat_share(self, dates: set[dt.date]) -> Value:
        answers = self._answers(dates, 1, 5) if self._is_known({"C"}, "score") else []
        return divided(sum(score >= 5 for score in answers), len(answers))

    # -- long cycles, funnels, ratios ----------------------------------------------------------------------------------------------------
    def _monthly(self, dates: set[dt.date]) -> Value:
        return self._outcome(max(dates), max(dates).replace(day=1), 2, lambda _: True, ())

    def _quarterly(self, dates: set[dt.date]) -> Value:
        last = max(dates)
        first = dt.date(last.year, (last.month - 1) // 3 * 3 + 1, 1)
        return self._outcome(last, first, 4, lambda event: event.properties.get("plan") != "free", ("plan",))

    def _outcome(self, last: dt.date, first: dt.date, at_least: int, meets: Callable[[Event], bool], properties: tuple[str, ...]) -> Value:
        if not self._is_known({"A"}, *properties, by_users=True):
            return None
        counts: dict[User, int] = defaultdict(int)
        for date, event, user in self._of({"A"}):
            if user is not None and first <= date <= last and meets(event):
                counts[user] += 1
        return divided(sum(count >= at_least for count in counts.values()), len(counts))

    def _funnel(self, kpi: str, kind: str, start: dt.date) -> Value:
        steps = len(self.product.steps)
        if self.product.known_steps < (2 if kpi == "drop_off" else steps):
            return None
        first: dict[User, product_truth.Entry] = {}  # of each user within the period
        for entry in product_truth.attempts(self.product):
            if entry.date >= start if kind == "phase" else period_start(kind, entry.date) == start:
                first.setdefault(entry.user, entry)
        closed = [entry for entry in first.values() if entry.closes_at <= self.product.data_end_at]
        reached = sum(entry.reached >= (2 if kpi == "drop_off" else steps) for entry in closed)
        return divided(reached if kpi == "conversion" else len(closed) - reached, len(closed))

    def _made_by_maker(self, dates: set[dt.date]) -> Value:
        made, makers = self._made(dates), self._makers(dates)
        return None if made is None or not makers else 10 * made / makers


def number(event: Event) -> Value:
    """The score of an event: a JSON number, or a text that is one and nothing else."""
    score = event.properties.get("score")
    if isinstance(score, bool) or not (isinstance(score, int | float) or (isinstance(score, str) and NUMBER.fullmatch(score))):
        return None
    return float(score)


def divided(above: float, below: float) -> Value:
    """None without anything to divide by."""
    return above / below if below else None
