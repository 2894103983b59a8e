"""What targets say of facts, walked day by day from the words of the launch file's documentation. Nothing here is SQL of ours.

A KPI is a mapping of dates to what was told of them: a date that nobody spoke of is not in it, and None is a date that was spoken of
without a number of its own (the cost of a month is booked on one of its dates).
"""

from __future__ import annotations

import calendar
import datetime as dt
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DAY = dt.timedelta(days=1)
FOR_EVER = dt.date(9999, 12, 31)
KEEPS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
CALENDAR = ("day", "week", "month", "quarter")
Period = tuple[str, dt.date, dt.date]


@dataclass(frozen=True)
class Promise:
    """A target as the launch file says it; `since` are the launch days that a change is relative to."""

    comparator: str
    bound: float | None = None
    change: float | None = None
    since: tuple[int, int] | None = None
    from_day: int | None = None
    to_day: int | None = None
    per: str | None = None


@dataclass(frozen=True)
class Told:
    """A KPI, how its days become a period (sum, mean, last, or one KPI by another), and what was promised of it."""

    days: dict[dt.date, float | None]
    rule: str
    promises: tuple[Promise, ...] = ()
    above: Told | None = None  # of a ratio
    below: Told | None = None

    def seen(self, dates: list[dt.date]) -> int:
        """On how many of the dates it was seen: of a ratio, by the one that was seen less."""
        if self.above and self.below:
            return min(self.above.seen(dates), self.below.seen(dates))
        return sum(date in self.days for date in dates)

    def value(self, dates: list[dt.date]) -> float | None:
        """What it comes to over the dates; None is no data."""
        if self.above and self.below:
            top, bottom = self.above.value(dates), self.below.value(dates)
            return None if top is None or not bottom else top / bottom
        told = [date for date in dates if date in self.days]
        numbers = [number for date in told if (number := self.days[date]) is not None]
        if self.rule == "last":
            return self.days[max(told)] if told else None
        if not numbers:
            return None
        return sum(numbers) / (len(numbers) if self.rule == "mean" else 1)


@dataclass(frozen=True)
class Judge:
    """The launch day 0 and the last date that anything told of; the KPIs are judged one by one."""

    launched: dt.date
    data_end: dt.date
    phases: tuple[tuple[int, int], ...] = ()  # that the file names
    verdicts: tuple[int, ...] = (7, 30, 60, 90)
    told: dict[str, Told] = field(default_factory=dict)

    def judged(self, kpi: Told, period: Period) -> tuple[float | None, str]:
        """(value, status) of a period."""
        return self._value(kpi, period), self._status(kpi, period)

    def scorecard(self, kpi: Told) -> dict[Period, tuple[float | None, str]]:
        """(value, status) of every period of a KPI with a date that was told of."""
        return {period: self.judged(kpi, period) for period in self._periods(kpi)}

    def gates(self, kpi: Told) -> dict[tuple[int, str, dt.date, dt.date], tuple[float | None, str]]:
        """(value, status) of each promise that a verdict asks for."""
        found = {}
        for promise in kpi.promises:
            first, end = self._span(promise)
            for verdict in self.verdicts:
                last = self.launched + (verdict - 1) * DAY
                if not first <= last <= end or (promise.since and last <= self.launched + promise.since[1] * DAY):
                    continue
                kind = promise.per or "phase"
                if kind != "phase" and calendar_period(kind, first)[1] > last:
                    continue
                judged = self._of_phase(kpi, promise, first, last) if kind == "phase" else self._of_periods(kpi, promise, first, last)
                found[verdict, kind, first, end] = judged
        return found

    def _of_phase(self, kpi: Told, promise: Promise, first: dt.date, last: dt.date) -> tuple[float | None, str]:
        dates = list(each(first, last))
        value, bound = kpi.value(dates), self._bound(kpi, promise)
        if kpi.rule == "last" and last not in kpi.days:
            value = None
        if value is None:
            return None, "undecided" if self.data_end < last else "no_data"
        if bound is None:
            return value, "undecided"
        keeps = KEEPS[promise.comparator](value, bound)
        end = self._span(promise)[1]
        if kpi.rule == "sum" and last < end < FOR_EVER:  # its days run on
            if promise.comparator in (">=", ">"):
                return value, "met" if keeps else "undecided"
            if not keeps:
                return value, "missed"
            if kpi.seen(dates) < len(dates):
                return value, "undecided"
            return value, "at_risk" if value > bound * len(dates) / ((end - first).days + 1) else "met"
        cannot_turn = kpi.rule == "sum" and keeps == (promise.comparator in (">=", ">"))
        if kpi.seen(dates) < len(dates) and kpi.rule != "last" and not cannot_turn:
            return value, "undecided"
        return value, "met" if keeps else "missed"

    def _of_periods(self, kpi: Told, promise: Promise, first: dt.date, last: dt.date) -> tuple[float | None, str]:
        """As good as the worst of the periods that ended in the days first..last."""
        own = [period for period in self._periods(kpi) if period[0] == promise.per and first <= period[2] <= last]
        ended = [self.judged(kpi, period) for period in own if (by := self._promise(kpi, period)) and by.per == promise.per]
        decided = [(value, status) for value, status in ended if status in ("met", "missed") and value is not None]
        worst = (min if promise.comparator in (">=", ">") else max)((value for value, _ in decided), default=None)
        if any(status == "missed" for _, status in decided):
            return worst, "missed"
        if worst is None:
            return None, "undecided" if self.data_end < last else "no_data"
        dates = list(each(first, last))
        is_open = len(decided) < len(ended) or kpi.seen(dates) < len(dates) or self._bound(kpi, promise) is None
        return worst, "undecided" if is_open else "met"

    def _status(self, kpi: Told, period: Period) -> str:
        _, start, end = period
        told = self._dates(kpi, period)
        value, promise = self._value(kpi, period), self._promise(kpi, period)
        if value is None:
            return "no_data"
        if promise is None:
            return "no_target"
        bound = self._bound(kpi, promise)
        if bound is None:
            return "undecided"
        is_over = kpi.seen(told) == self._expected(kpi, period)
        used, first, final = value, start, end
        if kpi.rule == "sum" and promise.per in (None, "phase"):  # a quota of its phase, of which this period shows how far it is used
            first, final = self._span(promise)
            so_far = [date for date in kpi.days if first <= date <= max(told)] if max(told) >= first else []
            used = kpi.value(so_far)
            is_over = is_over and final <= end and len(so_far) == (max(told) - first).days + 1
        if is_over and used is not None:
            return "met" if KEEPS[promise.comparator](used, bound) else "missed"
        if kpi.rule != "sum" or used is None:
            return "undecided"
        keeps = KEEPS[promise.comparator](used, bound)
        if promise.comparator in (">=", ">"):
            return "met" if keeps else "undecided"
        if not keeps:
            return "missed" if value > 0 else "undecided"  # broken before this period: not by it
        passed = ((max(told) - first).days + 1) / ((final - first).days + 1) if final != FOR_EVER else None
        return "at_risk" if passed is not None and used > bound * passed else "undecided"

    def _promise(self, kpi: Told, period: Period) -> Promise | None:
        """The one that holds: that of the period's own kind, then the one that ends first, then the one that begins last."""
        kind, start, end = period
        day = (end - self.launched).days
        holding = []
        for promise in kpi.promises:
            if promise.since and end <= self.launched + promise.since[1] * DAY:
                continue  # there was nothing to compare it with
            if kind == "phase":
                holds = promise.per in (None, "phase") and self._span(promise) == (start, end)
            else:
                is_for = promise.per == kind or (
                    kind != "quarter" and (promise.per is None or (promise.per == "phase" and kpi.rule == "sum"))
                )
                holds = (
                    is_for and (promise.from_day is None or promise.from_day <= day) and (promise.to_day is None or day <= promise.to_day)
                )
            if holds:
                holding.append(promise)
        late = 10**6
        rank = lambda one: (one.per != kind, late if one.to_day is None else one.to_day, late if one.from_day is None else -one.from_day)  # noqa: E731
        return min(holding, key=rank, default=None)

    def _bound(self, kpi: Told, promise: Promise) -> float | None:
        if promise.bound is not None:
            return promise.bound
        assert promise.since is not None
        assert promise.change is not None
        first, last = (self.launched + day * DAY for day in promise.since)
        period = ("phase", first, last)
        told = self._dates(kpi, period)
        base = self._value(kpi, period)
        if base is None or kpi.seen(told) < self._expected(kpi, period):
            return None
        return base + abs(base) * promise.change

    def _span(self, promise: Promise) -> tuple[dt.date, dt.date]:
        end = FOR_EVER if promise.to_day is None else self.launched + promise.to_day * DAY
        return self.launched + (promise.from_day or 0) * DAY, end

    def _value(self, kpi: Told, period: Period) -> float | None:
        """Over all dates of the period; a ratio is one KPI by another, each of what it was told on."""
        parts = (kpi.above, kpi.below) if kpi.above and kpi.below else (kpi,)
        told = {date for part in parts for date in part.days if period[1] <= date <= period[2]}
        return kpi.value(sorted(told))

    def _dates(self, kpi: Told, period: Period) -> list[dt.date]:
        spine = kpi.above or kpi
        return sorted(date for date in spine.days if period[1] <= date <= period[2])

    def _expected(self, kpi: Told, period: Period) -> int:
        """Its dates from the first that was ever told of."""
        return (period[2] - max(period[1], min((kpi.above or kpi).days))).days + 1

    def _periods(self, kpi: Told) -> set[Period]:
        """Calendar periods, the phases that the file names, and the spans that a target or a verdict of it needs."""
        dates = (kpi.above or kpi).days
        found = {(kind, *calendar_period(kind, date)) for date in dates for kind in CALENDAR}
        owners = [told for told in self.told.values() if kpi in (told, told.above, told.below)]
        days = {(0, None), *self.phases}
        for promise in (promise for told in owners for promise in told.promises):
            first = promise.from_day or 0
            days |= {(first, promise.to_day), *([promise.since] if promise.since else [])}
            days |= {(first, day - 1) for day in self.verdicts if first < day and (promise.to_day is None or day <= promise.to_day + 1)}
        spans = {("phase", self.launched + first * DAY, FOR_EVER if last is None else self.launched + last * DAY) for first, last in days}
        return found | {span for span in spans if any(span[1] <= date <= span[2] for date in dates)}


def each(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """The dates, both ends included."""
    return (first + number * DAY for number in range((last - first).days + 1))


def calendar_period(kind: str, date: dt.date) -> tuple[dt.date, dt.date]:
    """First and last date of the day, ISO week, month or quarter of a date."""
    if kind == "day":
        return date, date
    if kind == "week":
        monday = date - date.weekday() * DAY
        return monday, monday + 6 * DAY
    first_month = date.month if kind == "month" else (date.month - 1) // 3 * 3 + 1
    last_month = first_month if kind == "month" else first_month + 2
    return date.replace(month=first_month, day=1), date.replace(month=last_month, day=calendar.monthrange(date.year, last_month)[1])
