"""What the full launch file of the EMR platform asks for beyond the story: surveys, failed logins, handovers begun, and some more series.

Its users, tickets, incidents and machines are the story's own (sandbox/story); a tale adds to its project.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandbox.story.event_records import distinct_id, profile
from sandbox.story.events import HANDOVER, LOGGED_IN, TASK_COMPLETED, event_day
from sandbox.story.people import sign_up_day
from sandbox.story.plan import Floats, Ints, Record
from sandbox.story.tickets import EMR_BRAND
from sandbox.story.troubles import felt_by_machines
from sandbox.tales.calendar import Calendar
from sandbox.tales.signals import between, counter, gauge
from sandbox.tales.tale import Occurrence, Tale, Told

SURVEY_DAY = 7
TUNED_DAY = 21  # queries and cache are faster from here (3.3 of the plan)
_QUERY_BOUNDS = ("0.01", "0.025", "0.05", "0.1", "+Inf")
_QUERY_SHARES = ((0.45, 0.3, 0.15, 0.08, 0.02), (0.6, 0.28, 0.09, 0.025, 0.005))  # before and after


def _occurrences(told: Told, day: int) -> Sequence[Occurrence]:
    rng, events = told.rng("surveys", day), event_day(told.plan, day)
    found: list[Occurrence] = []
    for row in range(len(events)):
        event, number, at = int(events.name[row]), int(events.user[row]), int(events.occurred_at[row])
        if events.attempt[row] > 1:
            continue
        if event == HANDOVER:
            found.append(_of(told, number, at - 300, "Handover Created"))
        if event == LOGGED_IN and rng.random() < 0.006:
            found.append(_of(told, number, at - 30, "Login Failed", reason="wrong password"))
        if event == LOGGED_IN and (day - sign_up_day(told.plan, number) == SURVEY_DAY or rng.random() < 0.02):
            score = int(rng.choice((4, 7, 8, 9, 10), p=(0.1, 0.1, 0.15, 0.35, 0.3)))
            found += _answered(told, number, at + 120, "NPS", rng, {"score": score})
        if event == TASK_COMPLETED and rng.random() < 0.02:
            rating = int(rng.choice((2, 3, 4, 5), p=(0.04, 0.07, 0.4, 0.49)))
            found += _answered(told, number, at + 60, "CSAT", rng, {"rating": rating})
        if event == TASK_COMPLETED and rng.random() < 0.01:
            found.append(_of(told, number, at + 20, "Bulk Action Used"))
    return found


def _answered(told: Told, number: int, at: int, survey: str, rng: np.random.Generator, answer: Record) -> list[Occurrence]:
    """A survey that is shown, and often answered half a minute later."""
    shown = [_of(told, number, at, f"{survey} Shown")]
    return [*shown, _of(told, number, at + 30, f"{survey} Answered", **answer)] if rng.random() < 0.55 else shown


def _of(told: Told, number: int, at: int, name: str, **more: object) -> Occurrence:
    return Occurrence(at, name, distinct_id(number), {"site": profile(told.plan, number)["site"], **more})


def _queries(told: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    asked = rng.poisson(160, len(minutes))
    before, after = (rng.multinomial(asked, shares) for shares in _QUERY_SHARES)
    landed = np.where((minutes < told.at(TUNED_DAY))[:, None], before, after)
    return np.cumsum(landed, axis=1).T.astype(np.float64)


def _looked_up(told: Calendar, minutes: Ints, rng: np.random.Generator) -> Floats:
    asked = rng.poisson(400, len(minutes))
    hits = rng.binomial(asked, np.where(minutes < told.at(TUNED_DAY), 0.925, 0.962))
    return np.stack([hits, asked - hits]).astype(np.float64)


def _restarted(told: Calendar, minutes: Ints, _: np.random.Generator) -> Floats:
    """One restart a month, in the night of its ninth day."""
    at = [told.at(day, 3, 15) // 60 * 60 for day in (9, 39, 69)]
    return np.isin(minutes, at).astype(np.float64)[None, :]


def _alerting(told: Calendar, minutes: Ints, _: np.random.Generator) -> Floats:
    errors, _slower = felt_by_machines(told.plan, minutes)
    return np.where(errors > 0.01, 1.0, 0.0)


def _facts(told: Told, until: int) -> dict[str, list[tuple[str, ...]]]:
    """What the plan asks for and no API has, by day, by week, or on the first of a month."""
    days, firsts = range(until + 1), [day for day in range(until + 1) if told.date_of(day).day == 1]

    def rows(on: Sequence[int], *values: object) -> list[tuple[str, ...]]:
        each = values if len(values) > 1 else values * len(on)
        return [("date", "value"), *((str(told.date_of(day)), str(value)) for day, value in zip(on, each, strict=False))]

    weeks = days[::7]
    return {
        "target_users.csv": rows([0], 2500),
        "lighthouse_score.csv": rows(weeks, *(86 + min(number, 7) for number in range(len(weeks) + 1))),
        "test_coverage.csv": rows(weeks, *(round(0.86 + 0.01 * min(number, 5), 2) for number in range(len(weeks) + 1))),
        "critical_bugs.csv": rows(weeks, *(max(6 - 2 * number, 0) for number in range(len(weeks) + 1))),
        "features_shipped.csv": rows(firsts, *(2, 3, 6, 4, 5)),
        "churn.csv": rows(firsts, *(0.0, 0.012, 0.021, 0.024, 0.026)),
        "revenue.csv": rows(firsts, *(41_000, 58_000, 77_000, 83_000, 90_000)),
        "support_cost.csv": rows(firsts, *(7_200, 8_900, 9_400, 9_100, 8_800)),
        "infrastructure_cost.csv": rows(firsts, *(11_800, 13_300, 14_600, 15_200, 15_900)),
    }


_API, _DB = {"job": "emr-api", "instance": "api-1:8080"}, {"job": "emr-db", "instance": "db-1:9187"}

EMR_PLATFORM = Tale(
    launch="emr-platform",
    title="the great launch of the story: a P1, a backlog, a leak, and a breach that paged nobody",
    begins=0,
    zone="America/New_York",
    project=1001,
    occurrences=_occurrences,
    brand=EMR_BRAND,
    signals=(
        counter("db_query_duration_seconds_bucket", [_DB | {"le": bound} for bound in _QUERY_BOUNDS], _queries),
        counter("cache_lookups_total", [_API | {"result": result} for result in ("hit", "miss")], _looked_up),
        between("process_memory_used_ratio", _API, 0.48, 0.61),
        counter("kube_pod_container_status_restarts_total", [{"namespace": "emr", "pod": "emr-api-1"}], _restarted),
        gauge("alertmanager_alerts", {"job": "emr-alertmanager", "state": "active"}, _alerting),
    ),
    facts=_facts,
    adds_to_story=True,
    words=(("account: organization", "account: site"),),
)
