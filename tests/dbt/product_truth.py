"""What the product marts should say, counted event by event in plain Python. Shares no rule with the SQL but the definitions."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tests.dbt.event_rows import Event, days

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Product:
    """A launch as the truth needs it: its zone, its covered dates, its rules and its events."""

    launch_id: str
    timezone: str
    first: dt.date
    last: dt.date
    events: list[Event]
    active_events: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    window: dt.timedelta = DAY
    missing: frozenset[dt.date] = field(default_factory=frozenset)

    @property
    def covered(self) -> list[dt.date]:
        return [date for date in days(self.first, self.last) if date not in self.missing]

    @property
    def data_end_at(self) -> dt.datetime:
        return dt.datetime.combine(self.last + DAY, dt.time(), ZoneInfo(self.timezone))

    def date_of(self, moment: dt.datetime) -> dt.date:
        return moment.astimezone(ZoneInfo(self.timezone)).date()

    def user_days(self) -> dict[str, list[dt.date]]:
        """User -> the dates with activity, in order."""
        found = defaultdict(set)
        for event in self.events:
            if not self.active_events or event.name in self.active_events:
                found[event.distinct_id].add(self.date_of(event.occurred_at))
        return {user: sorted(dates) for user, dates in found.items()}


def active_users(product: Product) -> dict[dt.date, tuple[int, ...]]:
    """metric_date -> active, active in 7 days, active in 30 days, new, repeat, first repeat."""
    histories = product.user_days().values()
    found = {}
    for date in product.covered:
        found[date] = (
            sum(date in dates for dates in histories),
            sum(any(date - 6 * DAY <= other <= date for other in dates) for dates in histories),
            sum(any(date - 29 * DAY <= other <= date for other in dates) for dates in histories),
            sum(dates[0] == date for dates in histories),
            sum(date in dates[1:] for dates in histories),
            sum(dates[1:2] == [date] for dates in histories),
        )
    return found


def volumes(product: Product) -> dict[tuple[dt.date, str], tuple[int, int]]:
    """(metric_date, event) -> events, users, from the first date of the event."""
    events = Counter((product.date_of(event.occurred_at), event.name) for event in product.events)
    users = Counter(
        (date, name) for date, name, _ in {(product.date_of(event.occurred_at), event.name, event.distinct_id) for event in product.events}
    )
    first = {name: min(date for date, other in events if other == name) for _, name in events}
    return {(date, name): (events[date, name], users[date, name]) for name in first for date in product.covered if date >= first[name]}


@dataclass(frozen=True)
class Entry:
    """One passage through the funnel: how many steps were reached, and when its window closes."""

    date: dt.date
    closes_at: dt.datetime
    reached: int


def entries(product: Product) -> Iterator[Entry]:
    """The first entry of each user on each date, followed through the funnel one event at a time."""
    by_user = defaultdict(list)
    for event in sorted(product.events, key=lambda event: event.occurred_at):
        by_user[event.distinct_id].append(event)
    for events in by_user.values():
        seen = set()
        for event in events:
            date = product.date_of(event.occurred_at)
            if event.name == product.steps[0] and date not in seen:
                seen.add(date)
                yield _follow(product, events, event)


def _follow(product: Product, events: list[Event], entry: Event) -> Entry:
    closes_at = entry.occurred_at + product.window
    reached, at = 1, entry.occurred_at
    for name in product.steps[1:]:
        moments = [event.occurred_at for event in events if event.name == name and at <= event.occurred_at <= closes_at]
        if not moments:
            break
        reached, at = reached + 1, min(moments)
    return Entry(product.date_of(entry.occurred_at), closes_at, reached)


def funnel(product: Product) -> dict[tuple[dt.date, int], tuple[int, int, int]]:
    """(entry_date, step) -> entered, reached, pending."""
    by_date = defaultdict(list)
    for entry in entries(product):
        by_date[entry.date].append(entry)
    return {
        (date, step): (
            len(by_date[date]),
            sum(entry.reached >= step for entry in by_date[date]),
            sum(entry.reached < step and entry.closes_at > product.data_end_at for entry in by_date[date]),
        )
        for date in product.covered
        for step in range(1, len(product.steps) + 1)
    }


def activation(product: Product) -> dict[dt.date, tuple[int, int] | None]:
    """metric_date -> activated and entered of the entries whose window closes on it; None if there are none."""
    found: dict[dt.date, list[int]] = defaultdict(lambda: [0, 0])
    for entry in entries(product):
        counts = found[product.date_of(entry.closes_at)]
        counts[0] += entry.reached == len(product.steps)
        counts[1] += 1
    return {date: (found[date][0], found[date][1]) if date in found else None for date in product.covered}


def retention(product: Product, period_days: int) -> dict[tuple[dt.date, int], tuple[int, int, bool]]:
    """(cohort_date, period) -> size, retained, is_complete; 1 day a period, or 7 from Monday."""

    def start(date: dt.date) -> dt.date:
        return date - date.weekday() * DAY if period_days == 7 else date

    cohorts = defaultdict(list)
    for dates in product.user_days().values():
        cohorts[start(dates[0])].append(dates)
    found = {}
    for cohort, members in cohorts.items():
        for number in range((product.last - cohort).days // period_days + 1):
            begin = cohort + number * period_days * DAY
            retained = sum(any(begin <= day < begin + period_days * DAY for day in dates) for dates in members)
            if period_days == 7 or number <= 60 or number == 90:
                found[cohort, number] = (len(members), retained, begin + (period_days - 1) * DAY <= product.last)
    return found


def random_product(launch_id: str, seed: int, timezone: str, first: dt.date, last: dt.date, **rules: object) -> Product:
    """Users who come, go, and come back; every hour of the day, so that midnights and changes of the clock are crossed."""
    source = random.Random(seed)
    zone = ZoneInfo(timezone)
    names = ("Signed Up", "Logged In", "Task Created", "Report Read", "Push Sent")
    events = []
    for number in range(120):
        day = first + source.randrange((last - first).days) * DAY
        while day <= last:
            for _ in range(source.randint(1, 4)):
                moment = dt.datetime.combine(day, dt.time(source.randrange(24), source.randrange(60), source.choice((0, 30))), zone)
                events.append(Event(f"user-{number}@example.com", source.choices(names, (2, 4, 3, 2, 2))[0], moment.astimezone(dt.UTC)))
            day += source.choice((1, 1, 1, 2, 5, 9, 33)) * DAY
    product = Product(launch_id, timezone, first, last, events, **rules)  # type: ignore[arg-type]
    return Product(
        **{**product.__dict__, "events": [event for event in events if product.date_of(event.occurred_at) in set(product.covered)]}
    )
