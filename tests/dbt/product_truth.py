"""What the product marts should say, counted event by event in plain Python from Mixpanel's documentation.

Who a user is:      docs.mixpanel.com/docs/tracking-methods/id-management (identifying users: simplified, original)
Funnels:            docs.mixpanel.com/docs/reports/funnels/funnels-advanced (conversion window, specific order, counting methods)
"""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from zoneinfo import ZoneInfo

from tests.dbt.event_rows import Event, days

DAY = dt.timedelta(days=1)
User = int
Counts = tuple[int | None, int | None, int | None]  # entered, reached, pending; None from a step on that no user ever did


@dataclass(frozen=True)
class Product:
    """A launch as the truth needs it: its zone, its covered dates, its rules and its events in the order of their source."""

    launch_id: str
    timezone: str
    first: dt.date
    last: dt.date
    events: list[Event]
    active_events: tuple[str, ...] = ()
    registration_event: str | None = None
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

    @cached_property
    def in_order(self) -> list[Event]:
        """By time; events of one moment as the source gave them."""
        return sorted(self.events, key=lambda event: event.occurred_at)

    @cached_property
    def users(self) -> list[User | None]:
        """The user of each event of `in_order`; None for nobody's."""
        clusters = _clusters(self.in_order)
        numbers: dict[str, User] = {}
        found: list[User | None] = []
        for event in self.in_order:
            if not event.distinct_id:
                found.append(None)
                continue
            own = _own_id(event)
            for key in clusters.get(own, {own}):
                numbers.setdefault(key, len(numbers) if own not in numbers else numbers[own])
            known = {numbers[key] for key in clusters.get(own, {own})}
            found.append(min(known))
        return found

    @cached_property
    def by_user(self) -> dict[User, list[Event]]:
        found: dict[User, list[Event]] = defaultdict(list)
        for event, user in zip(self.in_order, self.users, strict=True):
            if user is not None:
                found[user].append(event)
        return dict(found)

    @cached_property
    def sent(self) -> frozenset[str]:
        """The events that a user ever sent."""
        return frozenset(event.name for events in self.by_user.values() for event in events)

    @property
    def knows_activity(self) -> bool:
        return not self.active_events or not self.sent.isdisjoint(self.active_events)

    @property
    def knows_beginnings(self) -> bool:
        return self.registration_event in self.sent if self.registration_event else self.knows_activity

    @property
    def known_steps(self) -> int:
        """How many steps from the first on were ever done."""
        return next((number for number, name in enumerate(self.steps) if name not in self.sent), len(self.steps))

    def is_activity(self, name: str) -> bool:
        if name == self.registration_event:
            return True
        return name in self.active_events if self.active_events else not name.startswith("$")

    def histories(self) -> list[tuple[dt.date | None, list[dt.date]]]:
        """Of every user with activity: the date on which they begin (None: not yet), and their active dates in order."""
        found = []
        for events in self.by_user.values():
            active = sorted({self.date_of(event.occurred_at) for event in events if self.is_activity(event.name)})
            begins = active
            if self.registration_event:
                begins = sorted(self.date_of(event.occurred_at) for event in events if event.name == self.registration_event)
            if active:
                found.append((begins[0] if begins else None, active))
        return found


def _own_id(event: Event) -> str:
    assert event.distinct_id
    is_bare_device = event.distinct_id == event.properties.get("$device_id")
    return f"$device:{event.distinct_id}" if is_bare_device else event.distinct_id


def _clusters(in_order: list[Event]) -> dict[str, set[str]]:
    """Id -> all ids of its identity cluster. A device, an anonymous id and an alias are merged once, with the first they meet."""
    taken: set[str] = set()
    clusters: dict[str, set[str]] = {}

    def merge(one: str, other: str) -> None:
        both = clusters.get(one, {one}) | clusters.get(other, {other})
        for key in both:
            clusters[key] = both

    def merge_once(child: str, parent: str | None) -> None:
        if child and parent and child != parent and child not in taken:
            taken.add(child)
            merge(child, parent)

    for event in in_order:
        told = event.properties
        device, user = told.get("$device_id"), told.get("$user_id")
        if device and user:
            merge_once(f"$device:{device}", user)
        if event.name == "$identify":
            merge_once(told["$anon_id"], told["$identified_id"])
            merge_once(f"$device:{told['$anon_id']}".replace("$device:$device:", "$device:"), told["$identified_id"])
        elif event.name == "$create_alias":
            merge_once(told["alias"], event.distinct_id)
        elif event.name == "$merge":
            merge(*told["$distinct_ids"])
    return clusters


def active_users(product: Product) -> dict[dt.date, tuple[int | None, ...]]:
    """metric_date -> active, active in 7 days, active in 30 days, new, repeat, first repeat; None: nobody ever sent what they count by."""
    knows_both = product.knows_activity and product.knows_beginnings
    known = (*[product.knows_activity] * 3, product.knows_beginnings, knows_both, knows_both)
    histories = product.histories()
    since = [[date for date in dates if begun and date >= begun] for begun, dates in histories]
    counted = {
        date: (
            sum(date in dates for _, dates in histories),
            sum(any(date - 6 * DAY <= other <= date for other in dates) for _, dates in histories),
            sum(any(date - 29 * DAY <= other <= date for other in dates) for _, dates in histories),
            sum(date == begun for begun, _ in histories),
            sum(date in dates[1:] for dates in since),
            sum([date] == dates[1:2] for dates in since),
        )
        for date in product.covered
    }
    return {
        date: tuple(count if is_known else None for count, is_known in zip(counts, known, strict=True)) for date, counts in counted.items()
    }


def volumes(product: Product) -> dict[tuple[dt.date, str], tuple[int, int]]:
    """(metric_date, event) -> events, users, from the first date of the event; nobody's events count, and have no user."""
    told = [(product.date_of(event.occurred_at), event.name, user) for event, user in zip(product.in_order, product.users, strict=True)]
    first = {name: min(date for date, other, _ in told if other == name) for _, name, _ in told}
    return {
        (date, name): (
            sum(other[:2] == (date, name) for other in told),
            len({user for *key, user in told if key == [date, name] and user is not None}),
        )
        for name in first
        for date in product.covered
        if date >= first[name]
    }


@dataclass(frozen=True)
class Entry:
    """One passage through the funnel: the place of its last event, how many steps were reached, and when its window closes."""

    user: User
    at: dt.datetime
    date: dt.date
    closes_at: dt.datetime
    reached: int
    last_place: int


def attempt(product: Product, user: User, place: int) -> Entry:
    """From the event at `place` on, if it is the first step: each step is the first event of its name after the step before."""
    events = product.by_user[user]
    entered_at = events[place].occurred_at
    closes_at = entered_at + product.window
    reached, last = 1, place
    for name in product.steps[1:]:
        later = (number for number in range(last + 1, len(events)) if events[number].name == name)
        found = next(later, None)
        if found is None or events[found].occurred_at > closes_at:
            break
        reached, last = reached + 1, found
    return Entry(user, entered_at, product.date_of(entered_at), closes_at, reached, last)


def attempts(product: Product) -> list[Entry]:
    """From every event of the first step."""
    return [
        attempt(product, user, place)
        for user, events in product.by_user.items()
        for place, event in enumerate(events)
        if event.name == product.steps[0]
    ]


def totals(product: Product) -> Iterator[Entry]:
    """A user enters again after the attempt before has ended: with its last step, or when its window ran out."""
    for user, events in product.by_user.items():
        place = 0
        while place < len(events):
            if events[place].name != product.steps[0]:
                place += 1
                continue
            entry = attempt(product, user, place)
            yield entry
            if entry.reached == len(product.steps):
                place = entry.last_place + 1
            else:
                place = next((number for number, event in enumerate(events) if event.occurred_at > entry.closes_at), len(events))


def period_start(kind: str, date: dt.date) -> dt.date:
    """The first date of its day, ISO week, month or quarter."""
    quarter = dt.date(date.year, (date.month - 1) // 3 * 3 + 1, 1)
    return {"day": date, "week": date - date.weekday() * DAY, "month": date.replace(day=1), "quarter": quarter}[kind]


def once(entries: list[Entry], kind: str, dated: dict[Entry, dt.date]) -> dict[dt.date, list[Entry]]:
    """Period -> the first entry of each user in it."""
    found: dict[dt.date, dict[User, Entry]] = defaultdict(dict)
    for entry in entries:  # in the order of their events for each user
        found[period_start(kind, dated[entry])].setdefault(entry.user, entry)
    return {start: list(first.values()) for start, first in found.items()}


def funnel(product: Product, counting: str, kind: str) -> dict[tuple[dt.date, int], Counts]:
    """(period_start, step) -> entered, reached, pending."""
    if counting == "uniques":
        every = attempts(product)
        grouped = once(every, kind, {entry: entry.date for entry in every})
    else:
        grouped = defaultdict(list)
        for entry in totals(product):
            grouped[period_start(kind, entry.date)].append(entry)
    return {
        (start, step): (
            len(grouped.get(start, [])) if product.known_steps else None,
            sum(entry.reached >= step for entry in grouped.get(start, [])) if step <= product.known_steps else None,
            sum(entry.reached < step and entry.closes_at > product.data_end_at for entry in grouped.get(start, []))
            if step <= product.known_steps
            else None,
        )
        for start in {period_start(kind, date) for date in product.covered}
        for step in range(1, len(product.steps) + 1)
    }


def activation(product: Product, kind: str = "day") -> dict[dt.date, tuple[int, int]]:
    """period_start -> activated and entered users, each by the first attempt whose window closes in the period, if on a covered date."""
    if product.known_steps < len(product.steps):
        return {}
    dated = {entry: product.date_of(entry.closes_at) for entry in attempts(product)}
    covered = set(product.covered)
    found = {}
    for start, firsts in once(list(dated), kind, dated).items():
        if own := [entry for entry in firsts if dated[entry] in covered]:
            found[start] = (sum(entry.reached == len(product.steps) for entry in own), len(own))
    return found


def activation_of(product: Product, first: dt.date, last: dt.date | None) -> tuple[int, int] | None:
    """As above, from `first` to `last` (None: ever)."""
    if product.known_steps < len(product.steps):
        return None
    users: dict[User, Entry] = {}
    for entry in attempts(product):  # in the order of their events for each user
        date = product.date_of(entry.closes_at)
        if first <= date and (last is None or date <= last):
            users.setdefault(entry.user, entry)
    own = [entry for entry in users.values() if product.date_of(entry.closes_at) in product.covered]
    return (sum(entry.reached == len(product.steps) for entry in own), len(own)) if own else None


def retention(product: Product, period_days: int) -> dict[tuple[dt.date, int], tuple[int, int, bool]]:
    """(cohort_date, period) -> size, retained, is_complete; 1 day a period up to day 90, or 7 from Monday."""
    kind = "week" if period_days == 7 else "day"
    cohorts = defaultdict(list)
    for begun, dates in product.histories():
        if begun and product.knows_activity:
            cohorts[period_start(kind, begun)].append([date for date in dates if date >= period_start(kind, begun)])
    found = {}
    for cohort, members in cohorts.items():
        for number in range((product.last - cohort).days // period_days + 1):
            begin = cohort + number * period_days * DAY
            retained = sum(any(begin <= day < begin + period_days * DAY for day in dates) for dates in members)
            if kind == "week" or number <= 90:
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
    return replace(product, events=[event for event in events if product.date_of(event.occurred_at) in set(product.covered)])
