"""The ERP system: a 30-day mirage. The first wave comes and stays; the waves after it, which nobody trained, come once or twice.

In its second week requests are answered sooner and the cache hits more often, as promised; one critical incident is handled in time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandbox.story.plan import DAY, Floats, Ints, hour_weights
from sandbox.story.tickets import Ticket
from sandbox.story.troubles import Trouble
from sandbox.tales.calendar import Calendar
from sandbox.tales.people import members, ticket
from sandbox.tales.signals import Service, between, counter, gauge
from sandbox.tales.tale import Occurrence, Release, Tale, Told

JOINING = ((0, 4, 132), (21, 24, 60), (40, 43, 60))
FIRST_WAVE_UNTIL = 4
CRITICAL_DAY, LASTS = 16, 26
_OFFICE = hour_weights(h0_6=0.1, h7_8=1.5, h9_16=3.0, h17_19=1.0, h20_23=0.2)
_WORK = ("Order Saved", "Invoice Posted", "Stock Moved")
_QUERY_SHARES = (0.55, 0.30, 0.13, 0.015, 0.005)  # within 10, 25, 50, 100 ms, beyond


def _occurrences(told: Told, day: int) -> Sequence[Occurrence]:
    rng = told.rng("day", day)
    found = []
    for each in members(JOINING, day):
        is_first = each.joined <= FIRST_WAVE_UNTIL
        age, user = day - each.joined, each.name(told)
        if age == 0:
            found.append(Occurrence(told.at(day, 8) + each.number, "Signed Up", user))
            found.append(Occurrence(told.at(day, 8, 20) + each.number, "Training Assigned", user))
        if age == 1 and (is_first or each.number % 4 == 0) and each.number % 25:
            found.append(Occurrence(told.at(day, 10) + each.number, "Training Completed", user))
        if rng.random() > (0.82 if is_first else max(0.0, 0.75 - 0.12 * age)):
            continue
        found += [
            Occurrence(int(at), _WORK[int(rng.integers(3))], user, {"lines_count": int(rng.integers(1, 30))})
            for at in told.moments(rng, day, 1 + int(rng.poisson(0.5)), _OFFICE)
        ]
        if age % 10 == 3:
            rating = int(rng.choice((3, 4, 5), p=(0.1, 0.4, 0.5)))
            found.append(Occurrence(told.at(day, 17) + each.number, "Survey Answered", user, {"rating": rating}))
    return found


def _tickets(told: Told, day: int) -> Sequence[Ticket]:
    rng = told.rng("tickets", day)
    if day < 0 or rng.random() > 0.35:
        return ()
    category = ("bug_critical", "bug_high", "bug_medium", "bug_low", "how_to")[int(rng.choice(5, p=(0.05, 0.15, 0.3, 0.2, 0.3)))]
    priority = {"bug_critical": "urgent", "bug_high": "high"}.get(category, "normal")
    return (ticket(told, day, 0, priority, category, reply=1.5, solve=float(rng.uniform(2, 30))),)


def _failing(told: Calendar, minutes: Ints) -> Floats:
    begins = told.at(CRITICAL_DAY, 11, 5)
    return np.where((minutes >= begins) & (minutes < begins + 60 * LASTS), 0.2, 0.0008)


def _slower(_: Calendar, day: int) -> float:
    return 1.0 if day < 7 else 0.8  # tuned in the second week


def _logged(told: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    """Messages: info, error, critical. One or two errors a day; criticals only while the incident lasts."""
    begins = told.at(CRITICAL_DAY, 11, 5)
    during = (minutes >= begins) & (minutes < begins + 60 * LASTS)
    info, error = rng.poisson(40, len(minutes)), rng.random(len(minutes)) < 1.2 / 1440
    return np.stack([info, error, during & (minutes % 600 == 0)]).astype(np.float64)


def _looked_up(told: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    asked = rng.poisson(300, len(minutes))
    share = np.where(minutes < told.at(8), 0.71, 0.86)
    hits = rng.binomial(asked, share)
    return np.stack([hits, asked - hits]).astype(np.float64)


def _queries(_: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    landed = rng.multinomial(rng.poisson(200, len(minutes)), _QUERY_SHARES)
    return np.cumsum(landed, axis=1).T.astype(np.float64)


def _facts(told: Told, until: int) -> dict[str, list[tuple[str, ...]]]:
    days = range(until + 1)
    return {
        "test_pass_rate.csv": [("date", "value"), *((str(told.date_of(day)), f"{0.962 + 0.001 * (day % 20):.3f}") for day in days)],
        "critical_bugs.csv": [("date", "value"), *((str(told.date_of(day)), str(int(day == CRITICAL_DAY))) for day in days)],
        "infrastructure_cost.csv": [("date", "value"), *((str(told.date_of(day)), str(410 - 6 * min(day, 15))) for day in days)],
    }


_API, _DB = {"job": "erp-api", "instance": "erp-api-1:8080"}, {"job": "erp-db", "instance": "erp-db-1:9187"}
_CACHE = {"job": "erp-cache", "instance": "erp-cache-1:9121"}

ERP = Tale(
    launch="erp",
    title="a 30-day mirage: the first wave stays, the later ones do not",
    begins=31,  # so that day 60 ends with the last date of a demonstration, and its verdict is due
    zone="America/New_York",
    project=3360517,
    occurrences=_occurrences,
    brand=360008264,
    tickets=_tickets,
    services=("PERP01", "PERP02"),
    troubles=(
        Trouble(3, (9, 30), "Medium", "PERP01", "Reports take half a minute", 95, ack=12, post_mortem=900),
        Trouble(CRITICAL_DAY, (11, 5), "Critical", "PERP01", "Orders cannot be saved", LASTS, ack=3, hotfix=60, post_mortem=400),
        Trouble(25, (15, 20), "High", "PERP02", "Invoices are not printed", 170, ack=11, post_mortem=1100),
        Trouble(44, (10, 0), "Low", "PERP02", "Stock of yesterday shown", 300, ack=50),
    ),
    releases=tuple(Release(day, (6, 30), "failure" if day == 36 else "success") for day in range(1, 91, 7)),
    signals=(
        *Service("erp-api", 90, ((0.1, 0.55), (0.2, 0.33), (0.5, 0.105), (1.0, 0.0145)), _failing, _slower).signals(),
        between("node_memory_used_ratio", _API, 0.5, 0.62),
        between("process_cpu_used_ratio", _API, 0.25, 0.5),
        gauge("node_filesystem_used_ratio", _DB, lambda told, minutes, _: np.round(0.31 + 0.0021 * (minutes - told.at(0)) / DAY, 5)),
        counter("log_messages_total", [_API | {"level": level} for level in ("info", "error", "critical")], _logged),
        between("erp_requests_per_second", _API, 1.2, 1.8),
        counter("cache_lookups_total", [_CACHE | {"result": result} for result in ("hit", "miss")], _looked_up),
        counter("db_query_duration_seconds_bucket", [_DB | {"le": bound} for bound in ("0.01", "0.025", "0.05", "0.1", "+Inf")], _queries),
    ),
    facts=_facts,
    first_day=0,
)
