"""What the scorecard must say of the sandbox's small launches, counted in plain Python over what happened in them: no SQL, no model.

A week is seven local dates from a Monday. `weekly(told, monday)` gives KPI -> value; a KPI is (id, subject).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from sandbox.story import truth as story
from sandbox.story.event_records import distinct_id
from sandbox.story.machines import server_is_up
from sandbox.story.plan import DAY, HOUR
from sandbox.story.troubles import Trouble
from sandbox.tales import payments_app as payments
from sandbox.tales.tale import Occurrence, Told, grown, labels_of, occurrences, releases, tickets, troubles
from tests.conftest import CLOCK

Kpi = tuple[str, str]
NOW = CLOCK.timestamp()
STEP = 300
PROMISED_MINUTES = {  # first reply and resolution, by launch and priority
    "payments-app": {"urgent": (60, 240), "high": (240, 1440), "normal": (720, 4320), "low": (1440, 10080)},
}


class Week:
    """One launch in one week."""

    def __init__(self, told: Told, monday: dt.date) -> None:
        """Find what happened in it."""
        self.told, self.monday = told, monday
        self.start, self.end = (told.at((monday - told.launch_date).days + days) for days in (0, 7))
        self.events = [each for each in _all_events(told) if self.start <= each.at < self.end]

    def holds(self, moment: float) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment < self.end

    # --- events --------------------------------------------------------------------------------------------------------------

    def count(self, *names: str) -> int:
        return sum(each.name in names for each in self.events)

    def share(self, good: Sequence[str], of: Sequence[str]) -> float | None:
        return _ratio(self.count(*good), self.count(*of))

    def mean_of(self, name: str, key: str) -> float | None:
        values = [each.properties[key] for each in self.events if each.name == name]
        return _ratio(sum(values), len(values))

    def net_promoters(self, name: str, key: str) -> float | None:
        """Percent of 9 and 10, less percent of 0 to 6 (Reichheld)."""
        scores = [each.properties[key] for each in self.events if each.name == name]
        return _ratio(100 * (sum(score >= 9 for score in scores) - sum(score <= 6 for score in scores)), len(scores))

    def users(self, *names: str) -> set[str]:
        return {each.user for each in self.events if not names or each.name in names}

    def mean_daily_users(self) -> float:
        dates = [self.start + number * DAY for number in range(7)]
        return sum(len({each.user for each in self.events if start <= each.at < start + DAY}) for start in dates) / 7

    def monthly_users(self) -> int:
        """Users of the 30 days that end with the week."""
        return len({each.user for each in _all_events(self.told) if self.end - 30 * DAY <= each.at < self.end})

    def funnel(self, *steps: str, hours: int = 24) -> list[int]:
        """Users at each step: from their first entry of the week, each next step the first one after the one before, all in the window."""
        reached = [0] * len(steps)
        for user in self.users(steps[0]):
            own = [each for each in _all_events(self.told) if each.user == user and each.at >= self.start]
            last = next(number for number, each in enumerate(own) if each.name == steps[0])
            closes = own[last].at + hours * HOUR
            if closes >= _covered_until(self.told):
                continue  # whoever may still go on is not judged
            reached[0] += 1
            for step, name in enumerate(steps[1:], 1):
                following = next((number for number in range(last + 1, len(own)) if own[number].name == name), None)
                if following is None or own[following].at > closes:
                    break
                reached[step], last = reached[step] + 1, following
        return reached

    # --- what Prometheus scraped ---------------------------------------------------------------------------------------------

    def level(self, name: str) -> float:
        """The mean of a gauge's samples."""
        values = [value for at, value in _samples(self.told, name) if self.start <= at < self.end]
        return sum(values) / len(values)

    def highest(self, name: str) -> float:
        """The highest of a gauge's samples."""
        return max(value for at, value in _samples(self.told, name) if self.start <= at < self.end)

    def grew(self, name: str, **labels: str) -> float:
        """How much counters grew from the last sample before the week to its last one, over all that carry the labels."""
        first, last = _last_sample(self.told, self.start), _last_sample(self.told, self.end)
        return sum(_grown_between(self.told, name, own, first, last) for own in _series(self.told, name, **labels))

    def quantile(self, name: str, wanted: float, **labels: str) -> float:
        """`histogram_quantile`: linear within the bucket that holds the rank, the highest finite bound beyond it."""
        bounds = sorted({own["le"] for own in _series(self.told, name, **labels)}, key=float)
        counts = [self.grew(name, **labels, le=bound) for bound in bounds]
        rank = wanted * counts[-1]
        place = next(number for number, count in enumerate(counts) if count >= rank)
        if place == len(bounds) - 1:
            return float(bounds[-2])
        low, below = (float(bounds[place - 1]), counts[place - 1]) if place else (0.0, 0.0)
        return low + (float(bounds[place]) - low) * (rank - below) / (counts[place] - below)

    def failing(self) -> float:
        return self.grew("http_requests_total", code="500") / self.grew("http_requests_total")

    def mean_seconds(self) -> float:
        return self.grew("http_request_duration_seconds_sum") / self.grew("http_request_duration_seconds_count")

    # --- the desk and the people on call ------------------------------------------------------------------------------------------

    def tickets_opened(self) -> int:
        return sum(self.holds(ticket.created_at) for ticket in tickets(self.told, NOW))

    def attainment(self, clock: int) -> float | None:
        """Share of tickets in time, of those opened in the week that are answered (0) or solved (1), or already late. Around the clock."""
        good = judged = 0
        for ticket in tickets(self.told, NOW):
            if self.holds(ticket.created_at):
                ends = (ticket.replied_at, ticket.solved[-1] if ticket.solved else None)[clock]
                is_done = ends is not None and ends <= NOW
                took = (ends if is_done and ends is not None else NOW) - ticket.created_at
                is_late = took > 60 * PROMISED_MINUTES[self.told.tale.launch][ticket.priority][clock]
                good, judged = good + (is_done and not is_late), judged + (is_done or is_late)
        return _ratio(good, judged)

    def mean_resolution_seconds(self) -> float | None:
        ended = [ticket for ticket in tickets(self.told, NOW) if ticket.solved and self.holds(ticket.solved[-1])]
        return _ratio(sum(ticket.solved[-1] - ticket.created_at for ticket in ended), len(ended))

    def paged(self, severity: str = "") -> list[Trouble]:
        """The troubles that paged somebody in the week."""
        known = [each for each in troubles(self.told) if each.is_paged and self.holds(each.starts_at + 60 * each.page)]
        return [each for each in known if severity in ("", each.severity)]

    def mean_to_acknowledge(self) -> float | None:
        waits = [60 * (each.ack - each.page) + 20 for each in self.paged() if each.ack is not None]
        return _ratio(sum(waits), len(waits))

    def mean_to_resolve(self, severity: str = "") -> float | None:
        found = [60 * (each.lasts - each.page) for each in self.paged(severity)]
        return _ratio(sum(found), len(found))

    def covered(self) -> float | None:
        """Somebody is always on call, and it is asked from the launch date on."""
        return 1.0 if self.end > self.told.at(0) else None

    def deployed(self) -> float | None:
        """Share of the versions that went live."""
        told = [each for each in releases(self.told, NOW) if self.holds(dt.datetime.fromisoformat(each["timestamp"]).timestamp())]
        return _ratio(sum(each["custom_details"]["result"] == "success" for each in told), len(told))


def payments_app(week: Week) -> dict[Kpi, float | None]:
    """The payment app."""
    return {
        ("uptime", ""): 1.0,
        ("error_rate", ""): week.failing(),
        ("transactions_per_second", ""): week.level("payments_transactions_per_second"),
        ("database_latency", ""): week.quantile("db_query_duration_seconds_bucket", 0.95),
        ("cpu_usage", ""): week.level("process_cpu_used_ratio"),
        ("memory_usage", ""): week.level("process_memory_used_ratio"),
        ("disk_usage", ""): week.level("node_filesystem_used_ratio"),
        ("payment_success", ""): week.share(["Payment Succeeded"], ["Payment Succeeded", "Payment Failed"]),
        ("failed_payments", ""): week.count("Payment Failed"),
        ("processing_time", ""): week.mean_of("Payment Succeeded", "processing_seconds"),
        ("transactions", ""): week.count("Payment Succeeded"),
        ("csat", ""): week.mean_of("Survey Answered", "rating"),
        ("nps", ""): week.net_promoters("Survey Answered", "recommend"),
        ("mean_time_to_acknowledge", ""): week.mean_to_acknowledge(),
        ("mean_time_to_resolve", ""): week.mean_to_resolve(),
        ("on_call_coverage", ""): week.covered(),
        ("first_reply_attainment", ""): week.attainment(0),
        ("resolution_attainment", ""): week.attainment(1),
    }


def erp(week: Week) -> dict[Kpi, float | None]:
    """The ERP system."""
    work = ("Order Saved", "Invoice Posted", "Stock Moved")
    buckets = "http_request_duration_seconds_bucket"
    return {
        ("uptime", ""): 1.0,
        ("error_rate", ""): week.failing(),
        ("latency_p50", ""): week.quantile(buckets, 0.5),
        ("latency_p95", ""): week.quantile(buckets, 0.95),
        ("latency_p99", ""): week.quantile(buckets, 0.99),
        ("average_response_time", ""): week.mean_seconds(),
        ("errors", ""): week.grew("log_messages_total", level="error") + week.grew("log_messages_total", level="critical"),
        ("critical_errors", ""): week.grew("log_messages_total", level="critical"),
        ("throughput", ""): week.level("erp_requests_per_second"),
        ("cache_hit_rate", ""): week.grew("cache_lookups_total", result="hit") / week.grew("cache_lookups_total"),
        ("query_p95", ""): week.quantile("db_query_duration_seconds_bucket", 0.95),
        ("memory_usage", ""): week.level("node_memory_used_ratio"),
        ("cpu_usage", ""): week.level("process_cpu_used_ratio"),
        ("disk_usage", ""): week.level("node_filesystem_used_ratio"),
        ("deployment_success", ""): week.deployed(),
        ("incidents", "P0"): len(week.paged("Critical")),
        ("mean_time_to_resolve", "P0"): week.mean_to_resolve("Critical"),
        ("mean_time_to_resolve", "P1"): week.mean_to_resolve("High"),
        ("mean_time_to_resolve", "P2"): week.mean_to_resolve("Medium"),
        ("daily_active_users", ""): week.mean_daily_users(),
        ("feature_adoption", ""): _ratio(len(week.users(*work)), len(week.users())),
        ("satisfaction", ""): week.mean_of("Survey Answered", "rating"),
        ("tickets_per_1000_users", ""): 1000 * week.tickets_opened() / week.monthly_users(),
        ("training", ""): week.share(["Training Completed"], ["Training Assigned"]),
    }


def webshop(week: Week) -> dict[Kpi, float | None]:
    """The webshop."""
    visited, ordered = week.funnel("Shop Visited", "Order Placed")
    filled, _, bought = week.funnel("Cart Filled", "Checkout Started", "Order Placed")
    return {
        ("uptime", ""): 1.0,
        ("error_rate", ""): week.failing(),
        ("average_response_time", ""): week.mean_seconds(),
        ("email_failures", ""): week.grew("mail_messages_failed_total"),
        ("scheduled_task_failures", ""): week.grew("scheduler_tasks_failed_total"),
        ("mean_time_to_resolve", "P0"): week.mean_to_resolve("P0"),
        ("on_call_coverage", ""): week.covered(),
        ("mean_resolution_time", ""): week.mean_resolution_seconds(),
        ("satisfaction", ""): week.mean_of("Order Rated", "stars"),
        ("orders", ""): week.count("Order Placed"),
        ("conversion", ""): _ratio(ordered, visited),
        ("cart_abandonment", ""): _ratio(filled - bought, filled),
        ("failed_payments", ""): week.count("Payment Failed"),
    }


def logistics(week: Week) -> dict[Kpi, float | None]:
    """Anteraja Pro and Biza."""
    opened, chosen, checked, sent = week.funnel("Bulk Upload Opened", "File Chosen", "File Checked", "Bulk Upload Sent")
    return {
        ("uptime", ""): 1.0,
        ("error_rate", ""): week.failing(),
        ("crash_rate", ""): week.share(["App Crashed"], ["App Opened"]),
        ("bulk_upload", ""): _ratio(sent, opened),
        ("bulk_upload_stopped_at_opening", ""): _ratio(opened - chosen, opened),
        ("bulk_upload_stopped_at_file", ""): _ratio(chosen - checked, chosen),
        ("bulk_upload_stopped_at_check", ""): _ratio(checked - sent, checked),
        ("click_through", ""): week.share(["Banner Clicked"], ["Banner Shown"]),
        ("csat", ""): week.mean_of("Task Rated", "rating"),
        ("nps", ""): week.net_promoters("Task Rated", "recommend"),
    }


def emr_platform(week: Week) -> dict[Kpi, float | None]:
    """What the EMR platform's launch file asks for beyond the story."""
    return {
        ("login_success", ""): week.share(["Logged In"], ["Logged In", "Login Failed"]),
        ("tasks_created", ""): week.count("Task Created"),
        ("emr_verifications", ""): week.count("EMR Verified"),
        ("handovers_created", ""): week.count("Handover Created"),
        ("handovers_completed", ""): week.count("Handover Completed"),
        ("nps", ""): week.net_promoters("NPS Answered", "score"),
        ("satisfaction_score", ""): week.mean_of("CSAT Answered", "rating"),
        ("memory_usage", ""): week.highest("process_memory_used_ratio"),
        ("pod_restarts", ""): week.grew("kube_pod_container_status_restarts_total"),
        ("alerts_firing", ""): week.highest("alertmanager_alerts"),
        ("query_p95", ""): week.quantile("db_query_duration_seconds_bucket", 0.95),
        ("redis_hit_rate", ""): week.grew("cache_lookups_total", result="hit") / week.grew("cache_lookups_total"),
    }


WEEKLY: dict[str, Callable[[Week], dict[Kpi, float | None]]] = {
    "emr-platform": emr_platform,
    "payments-app": payments_app,
    "erp": erp,
    "webshop": webshop,
    "logistics": logistics,
}


def swallowed_payments(told: Told) -> list[Occurrence]:
    """The payments that the great failure kept from being made, from the moment somebody was paged."""
    paged = next(each for each in troubles(told) if each.severity == "CRITICAL")
    since = paged.starts_at + 60 * paged.page
    gone = [each for each in payments.undisturbed(told, payments.TROUBLE_DAY) if payments.is_swallowed(told, each)]
    return [each for each in gone if each.name == "Payment Succeeded" and each.at >= since]


def came_back(told: Told, days: int, began: range) -> dict[str, bool]:
    """User -> whether there was anything of them exactly so many days after they signed up, of those who did on these launch days."""
    active: dict[str, set[int]] = {}
    for each in _all_events(told):
        active.setdefault(each.user, set()).add(told.day_of(each.at))
    joined = {each.user: told.day_of(each.at) for each in _all_events(told) if each.name == "Signed Up"}
    return {user: day + days in active[user] for user, day in joined.items() if day in began}


def pro_status(told: Told, first: dt.date, last: dt.date) -> float | None:
    """Users with 60 orders between two dates, of those with any."""
    start, end = told.at((first - told.launch_date).days), told.at((last - told.launch_date).days + 1)
    orders: dict[str, int] = {}
    for each in _all_events(told):
        if each.name == "Order Placed" and start <= each.at < end:
            orders[each.user] = orders.get(each.user, 0) + 1
    return _ratio(sum(count >= 60 for count in orders.values()), len(orders))


def companies_that_sent(told: Told, month: dt.date) -> set[str]:
    """Companies with a bulk upload in a calendar month."""
    days = [dt.datetime.fromtimestamp(each.at, told.zone).date() for each in _all_events(told)]
    return {
        each.properties["company"]
        for each, day in zip(_all_events(told), days, strict=True)
        if each.name == "Bulk Upload Sent" and (day.year, day.month) == (month.year, month.month)
    }


def _covered_until(told: Told) -> int:
    """When the last whole date ended."""
    return told.at(told.day_of(NOW))


@cache
def _all_events(told: Told) -> tuple[Occurrence, ...]:
    days = range(told.tale.first_day, told.day_of(NOW))
    found = [each for day in days for each in occurrences(told, day)]
    if told.tale.adds_to_story:
        found += [Occurrence(each.at, each.name, distinct_id(each.user)) for each in story.events(told.plan, NOW)]
    return tuple(sorted(found, key=lambda each: each.at))


def _series(told: Told, name: str, **labels: str) -> list[dict[str, str]]:
    return [own for own in labels_of(told) if (labels | {"__name__": name}).items() <= own.items()]


def _last_sample(told: Told, before: int) -> int:
    """The last moment of the grid before a moment at which Prometheus answered."""
    moment = (before - 1) // STEP * STEP
    while not _is_up(told, moment):
        moment -= STEP
    return moment


def _is_up(told: Told, moment: int) -> bool:
    """Whether a scrape of the last five minutes is there."""
    minutes = range(moment // 60 - 4, moment // 60 + 1)
    return any(server_is_up(told.plan, minute // 1440)[minute % 1440] for minute in minutes)


@cache
def _row(told: Told, labels: frozenset[tuple[str, str]]) -> tuple[int, int]:
    """(number of the signal, row within it) of a series."""
    for number, signal in enumerate(told.tale.signals):
        for row, own in enumerate(signal.series):
            if frozenset(own) == labels:
                return number, row
    raise KeyError(labels)


def _grown_between(told: Told, name: str, labels: dict[str, str], first: int, last: int) -> float:
    number, row = _row(told, frozenset((labels | {"__name__": name}).items()))
    signal, total = told.tale.signals[number], 0.0
    for utc_day in range(first // DAY, last // DAY + 1):
        low, high = max(first + 60, utc_day * DAY), min(last, utc_day * DAY + DAY - 60)
        total += float(grown(told, signal, utc_day)[row, (low - utc_day * DAY) // 60 : (high - utc_day * DAY) // 60 + 1].sum())
    return total


@cache
def _samples(told: Told, name: str) -> tuple[tuple[int, float], ...]:
    (labels,) = _series(told, name)
    number, row = _row(told, frozenset(labels.items()))
    found = []
    for moment in range(told.at(told.tale.first_day) // STEP * STEP, int(NOW), STEP):
        if _is_up(told, moment):
            scraped = next(
                minute for minute in range(moment // 60, moment // 60 - 5, -1) if server_is_up(told.plan, minute // 1440)[minute % 1440]
            )
            found.append((moment, float(grown(told, told.tale.signals[number], scraped // 1440)[row, scraped % 1440])))
    return tuple(found)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def mondays(first: dt.date, last: dt.date) -> Iterable[dt.date]:
    """The Mondays of whole weeks between two dates."""
    monday = first + dt.timedelta(days=-first.weekday() % 7)
    while monday + dt.timedelta(days=6) <= last:
        yield monday
        monday += dt.timedelta(days=7)
