"""What the warehouse must find, counted from the story's records in plain Python: no SQL, no short cuts, loops over everything.

Dates are New York dates. `now` is the moment of the sandbox clock (epoch seconds) up to which the sources had told their story.
Ratios come as (numerator, denominator).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sandbox.story.events import EVENT_NAMES, event_day
from sandbox.story.incidents import incidents
from sandbox.story.machines import BOUNDS
from sandbox.story.plan import FIRST_DAY, HOUR, NEW_YORK, Plan
from sandbox.story.series import all_series, at, bound_label
from sandbox.story.support_hours import opening
from sandbox.story.ticket_records import tags
from sandbox.story.tickets import EMR_BRAND, FIRST_REPLY_MINUTES, Ticket, all_tickets
from sandbox.story.troubles import BILLING

Ratio = tuple[int, int]
FUNNEL = ("Signed Up", "Logged In", "Task Created")
WINDOW_SECONDS = 168 * 3600
CATEGORY_TAGS = {  # of the launch file
    "critical_bug": "bug_critical",
    "feature_high": "feature_high",
    "medium": "feedback_medium",
    "low": "feedback_low",
    "bug": "bug",
    "account_access": "account_access",
}


@dataclass(frozen=True)
class Event:
    """One event after duplicates are gone."""

    name: str
    user: int
    at: int

    @property
    def date(self) -> dt.date:
        """The New York date."""
        return _date(self.at)


def events(plan: Plan, now: float) -> list[Event]:
    """Every event that had arrived at a moment, each once, by time."""
    seen = set()
    for day in range(FIRST_DAY, plan.day_of(now) + 1):
        told = event_day(plan, day)
        for row in range(len(told)):
            if told.processed_at_ms[row] <= now * 1000:
                seen.add((int(told.occurred_at[row]), EVENT_NAMES[told.name[row]], int(told.user[row]), int(told.insert_number[row])))
    return [Event(name, user, moment) for moment, name, user, _ in sorted(seen)]


def active_users(told: Iterable[Event]) -> dict[dt.date, set[int]]:
    """The users of each date."""
    found: dict[dt.date, set[int]] = defaultdict(set)
    for event in told:
        found[event.date].add(event.user)
    return dict(found)


def first_dates(told: Iterable[Event]) -> dict[int, dt.date]:
    """The first active date of each user; new users of a date are those whose first date it is."""
    found: dict[int, dt.date] = {}
    for event in told:
        found[event.user] = min(found.get(event.user, event.date), event.date)
    return found


def day_retention(told: list[Event], cohort: dt.date, days: int) -> Ratio:
    """(users of the cohort date who were active exactly `days` later, users of the cohort)."""
    active = active_users(told)
    members = {user for user, date in first_dates(told).items() if date == cohort}
    return len(members & active.get(cohort + dt.timedelta(days=days), set())), len(members)


def funnel(told: list[Event], entry: dt.date, steps: tuple[str, ...] = FUNNEL, window: int = WINDOW_SECONDS) -> list[int]:
    """How many users reached each step: first entry of a user on the date, then for each step the next event of it within the window."""
    by_user: dict[int, list[Event]] = defaultdict(list)
    for event in told:
        if event.name in steps:
            by_user[event.user].append(event)
    reached = [0] * len(steps)
    for own in by_user.values():
        last = next((place for place, event in enumerate(own) if event.name == steps[0] and event.date == entry), None)
        if last is None:
            continue
        closes_at = own[last].at + window
        reached[0] += 1
        for number, step in enumerate(steps[1:], start=1):
            last = next((place for place in range(last + 1, len(own)) if own[place].name == step), None)
            if last is None or own[last].at > closes_at:
                break
            reached[number] += 1
    return reached


def tickets(plan: Plan, now: float) -> list[Ticket]:
    """The launch's tickets at a moment: of its brand, and not deleted by then."""
    return [
        ticket
        for ticket in all_tickets(plan, now)
        if ticket.brand_id == EMR_BRAND and (ticket.deleted_at is None or ticket.deleted_at > now)
    ]


def tickets_opened(plan: Plan, date: dt.date, now: float) -> int:
    """Tickets created on a date."""
    return sum(_date(ticket.created_at) == date for ticket in tickets(plan, now))


def tickets_solved(plan: Plan, date: dt.date, now: float) -> int:
    """Solves on a date; a ticket that was reopened counts again."""
    return sum(_date(solved) == date for ticket in tickets(plan, now) for solved in ticket.solved if solved <= now)


def ticket_backlog(plan: Plan, date: dt.date, now: float) -> int:
    """Tickets that are not solved at the end of a date."""
    end = _midnight(date + dt.timedelta(days=1))
    open_count = 0
    for ticket in tickets(plan, now):
        solves, reopens = sum(at < end for at in ticket.solved), sum(at < end for at in ticket.reopened)
        open_count += ticket.created_at < end and solves <= reopens
    return open_count


def categories(plan: Plan, date: dt.date, now: float) -> dict[str, tuple[int, int]]:
    """(opened on a date, not solved at its end) of the tickets of each category of the launch file, and of those of none."""
    end = _midnight(date + dt.timedelta(days=1))
    found = dict.fromkeys((*CATEGORY_TAGS, "none"), (0, 0))
    for ticket in tickets(plan, now):
        of = [category for category, tag in CATEGORY_TAGS.items() if tag in tags(ticket)] or ["none"]
        solves, reopens = sum(at < end for at in ticket.solved), sum(at < end for at in ticket.reopened)
        for category in of:
            opened, backlog = found[category]
            is_in_backlog = ticket.created_at < end and solves <= reopens
            found[category] = (opened + (_date(ticket.created_at) == date), backlog + is_in_backlog)
    return found


def first_reply_attainment(plan: Plan, date: dt.date, now: float) -> Ratio:
    """(first replies in time, replies given or already late) of tickets created on a date, in seconds of opening time."""
    attained = judged = 0
    for ticket in tickets(plan, now):
        if _date(ticket.created_at) != date:
            continue
        replied = ticket.replied_at is not None and ticket.replied_at <= now
        end = ticket.replied_at if replied and ticket.replied_at is not None else now
        is_late = open_seconds(plan, ticket.created_at, end) > 60 * FIRST_REPLY_MINUTES[ticket.priority]
        attained += replied and not is_late
        judged += replied or is_late
    return attained, judged


def mean_times(plan: Plan, date: dt.date, now: float) -> dict[str, tuple[float, int]]:
    """(seconds of opening time, how many) of the first replies given on a date and of the tickets whose last solution was on it."""
    replies = [
        open_seconds(plan, ticket.created_at, ticket.replied_at)
        for ticket in tickets(plan, now)
        if ticket.replied_at is not None and ticket.replied_at <= now and _date(ticket.replied_at) == date
    ]
    resolutions = []
    for ticket in tickets(plan, now):
        solves, reopens = [at for at in ticket.solved if at <= now], [at for at in ticket.reopened if at <= now]
        if len(solves) > len(reopens) and _date(solves[-1]) == date:
            starts = (ticket.created_at, *reopens)
            resolutions.append(sum(open_seconds(plan, start, end) for start, end in zip(starts, solves, strict=True)))
    return {"mean_first_reply_time": (sum(replies), len(replies)), "mean_resolution_time": (sum(resolutions), len(resolutions))}


def open_seconds(plan: Plan, start: float, end: float) -> float:
    """Opening time between two moments, added up day by day."""
    total = 0.0
    for day in range(plan.day_of(start), plan.day_of(end) + 1):
        hours = opening(plan, day)
        if hours is not None and min(end, hours[1]) > max(start, hours[0]):
            total += min(end, hours[1]) - max(start, hours[0])
    return total


def incident_times(plan: Plan, date: dt.date, now: float) -> list[tuple[str, int | None, int | None]]:
    """(severity, seconds to acknowledge, seconds to resolve) of the launch's incidents triggered on a date; None: not yet."""
    found = []
    for incident in incidents(plan, plan.day_of(now)):
        if incident.trouble.service == BILLING or incident.created_at > now or _date(incident.created_at) != date:
            continue
        seen = incident.until(now)
        acknowledged = [change.at for change in seen if change.type == "acknowledge_log_entry"]
        resolved = [change.at for change in seen if change.type == "resolve_log_entry"]
        found.append(
            (
                incident.trouble.severity,
                min(acknowledged) - incident.created_at if acknowledged else None,
                max(resolved) - incident.created_at if resolved else None,
            )
        )
    return found


def samples(plan: Plan, date: dt.date, now: float, step: int, **labels: str) -> dict[tuple[tuple[str, str], ...], list[tuple[int, float]]]:
    """The samples of a date on the epoch grid, by the labels of the series that carry all of `labels` (`name` for `__name__`)."""
    wanted = {("__name__" if name == "name" else name): value for name, value in labels.items()}
    rows = [row for row, own in enumerate(all_series()) if wanted.items() <= own.items()]
    times = _grid(date, step)
    values, is_present = at(plan, rows, np.array(times, dtype=np.float64), now)
    return {
        tuple(sorted(all_series()[row].items())): [
            (time, float(values[number, index])) for index, time in enumerate(times) if is_present[number, index]
        ]
        for number, row in enumerate(rows)
    }


def increases(plan: Plan, date: dt.date, now: float, step: int, **labels: str) -> dict[tuple[tuple[str, str], ...], float]:
    """How much each counter grew from the last sample of the date before to the last one of the date; after a reset it began at zero."""
    grown: dict[tuple[tuple[str, str], ...], float] = {}
    before = samples(plan, date - dt.timedelta(days=1), now, step, **labels)
    for series, today in samples(plan, date, now, step, **labels).items():
        last = before[series][-1][1] if before[series] else None
        grown[series] = 0.0
        for _, value in today:
            if last is not None:
                grown[series] += value - last if value >= last else value
            last = value
    return grown


def up_seconds(plan: Plan, date: dt.date, now: float, step: int, job: str = "emr-api") -> tuple[float, float]:
    """(seconds up, seconds observed) over the instances of a job; a sample stands for one step."""
    series = samples(plan, date, now, step, name="up", job=job).values()
    return step * sum(value for own in series for _, value in own), float(step * sum(len(own) for own in series))


def requests(plan: Plan, date: dt.date, now: float, step: int) -> tuple[float, float]:
    """(failed requests, all requests) of a date."""
    grown = increases(plan, date, now, step, name="http_requests_total", job="emr-api")
    return sum(count for series, count in grown.items() if dict(series)["code"].startswith("5")), sum(grown.values())


def latency_quantile(plan: Plan, quantile: float, date: dt.date, now: float, step: int) -> float:
    """`histogram_quantile` over the instances, in seconds: linear within the bucket, the highest finite bound beyond it."""
    grown = increases(plan, date, now, step, name="http_request_duration_seconds_bucket", job="emr-api")
    cumulative = [sum(count for series, count in grown.items() if dict(series)["le"] == bound_label(bound)) for bound in BOUNDS]
    rank = quantile * cumulative[-1]
    number = next(index for index, count in enumerate(cumulative) if count >= rank)
    if number == len(BOUNDS) - 1:
        return BOUNDS[-2]
    lower, below = (BOUNDS[number - 1], cumulative[number - 1]) if number else (0.0, 0.0)
    return lower + (BOUNDS[number] - lower) * (rank - below) / (cumulative[number] - below)


def _date(moment: float) -> dt.date:
    return _date_of_hour(int(moment // HOUR))  # midnights in New York are full hours in UTC


@lru_cache(maxsize=8192)
def _date_of_hour(hour: int) -> dt.date:
    return dt.datetime.fromtimestamp(hour * HOUR, NEW_YORK).date()


def _midnight(date: dt.date) -> int:
    return int(dt.datetime.combine(date, dt.time(), tzinfo=NEW_YORK).timestamp())


def _grid(date: dt.date, step: int) -> list[int]:
    """Multiples of the step within a New York date."""
    start, end = _midnight(date), _midnight(date + dt.timedelta(days=1))
    return list(range(-(-start // step) * step, end, step))
