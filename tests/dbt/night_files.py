"""Launch files that say something else from one night to the next: each kind of change draws another of its values.

rules = first_rules(random)     kind -> value
changed(rules, kind, random)    the same with another value of that kind
launch_file(launch, rules)      what the file says
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from typing import Any

from postlaunch.kpis.catalogue import catalogue
from tests.dbt import declared_truth

Rules = Mapping[str, Any]

DAYTIME = {day: ["09:00", "17:30"] for day in ("mon", "tue", "wed", "thu", "fri")}
NIGHTS = {"mon": ["22:00", "06:00"], "sat": ["10:00", "24:00"]}
ACTIVATION = {"id": "activation", "name": "A", "steps": ["A", "B"], "window_hours": 72}
API = {"id": "api", "name": "API", "up": "up", "requests": "requests_total", "latency_buckets": "seconds_bucket"}
MEMORY = {"id": "memory", "name": "Memory", "query": "memory", "unit": "ratio", "trigger": 0.5}
DISK = {"id": "disk", "name": "Disk", "query": "disk", "unit": "ratio", "trigger": 0.9}
P1_FAST = {"severity": "P1", "acknowledge_minutes": 30, "resolve_minutes": 600}
SEEDS = range(1000)  # of what has too many values to list

VALUES: dict[str, Any] = {
    "funnel": [
        [ACTIVATION],
        [{**ACTIVATION, "steps": ["A", "B", "C"]}],
        [{**ACTIVATION, "steps": ["B", "A", "B"], "window_hours": 6}, {"id": "second", "name": "S", "steps": ["C", "A"]}],
        [{**ACTIVATION, "window_hours": 300}],
        [],
    ],
    "active events": [[], ["A", "B"], ["C", "$mp_click"]],
    "registration": [None, "A", "C"],
    "segments": [
        [{"id": "first", "name": "First", "to_day": 2}, {"id": "later", "name": "Later", "from_day": 1}],
        [{"id": "first", "name": "First", "to_day": 6}, {"id": "pro", "name": "Pro", "where": [["plan", "in", ["pro", "team"]]]}],
        [
            {"id": "first", "name": "First", "from_day": 0},
            {"id": "pro", "name": "Pro", "where": [["seats", ">=", 5], ["plan", "!=", "free"]]},
        ],
        [],
    ],
    "hours": [
        [],
        [{"hours": DAYTIME}],
        [{"to_day": 6, "hours": DAYTIME}, {"from_day": 9, "hours": {**DAYTIME, **NIGHTS}}],
        [{"hours": NIGHTS}],
    ],
    "service level agreement": SEEDS,
    "brand": [None, 1, None, 2],
    "severities": [{"P1": "P1", "P2": "P2", "SEV-3": "P3"}, {"P1": "P0", "P2": "P2"}, {"P1": "P1", "P2": "P1", "Odd": "P3", "sev-3": "P2"}],
    "incident services": [[], ["PS1", "PS2"], ["PS3"]],
    "incident targets": [
        [],
        [P1_FAST],
        [P1_FAST, {"severity": "P2", "acknowledge_minutes": 240}],
        [{"severity": "P1", "resolve_minutes": 9}],
    ],
    "service levels": [[API], [{**API, "error_codes": "[45].."}], [API, {**API, "id": "web", "name": "Web"}], []],
    "resources": [[MEMORY, DISK], [MEMORY], [{**MEMORY, "trigger": 0.3}, {**DISK, "name": "Disks"}], []],
    "targets": SEEDS,
    "declared KPIs": SEEDS,
    "sample": [5, 30],
    "launch date": [dt.date(2026, 2, 24), dt.date(2026, 3, 2), dt.date(2026, 1, 20)],
    "zone": ["America/New_York", "Asia/Kolkata", "Europe/Berlin", "Australia/Sydney"],
}
KINDS = tuple(VALUES)

PROMQL = {
    "queue": {"query": "queue", "kind": "gauge", "read": "p95"},
    "busiest": {"query": "queue", "kind": "gauge", "read": "max"},
    "load": {"query": "load", "kind": "gauge"},
    "jobs": {"query": "jobs_total", "kind": "counter"},
    "hits": {"query": "hits_total", "kind": "ratio", "of": "lookups_total"},
    "job_seconds": {"query": "job_seconds_bucket", "kind": "histogram"},
}
UNITS = {"hits": "ratio", "job_seconds": "seconds"}
# KPI -> what it is promised of, between which bounds, and the kind of rule without which nothing measures it
PROMISED: list[tuple[str, dict[str, Any], tuple[float, float], str | None]] = [
    ("daily_active_users", {}, (1, 9), None), ("new_users", {}, (0, 5), None), ("activation", {}, (0.1, 0.9), "funnel"),
    ("retention", {"day": 1}, (0.1, 0.9), None), ("retention", {"day": 7}, (0.1, 0.9), None),
    ("tickets_opened", {}, (1, 9), None), ("ticket_backlog", {}, (1, 20), None), ("tickets_solved", {"priority": "high"}, (0, 3), None),
    ("incidents", {}, (0, 4), None), ("incidents", {"severity": "P2"}, (0, 4), None), ("mean_time_to_resolve", {}, (60, 90_000), None),
    ("uptime", {}, (0.9, 1), "service levels"), ("error_rate", {}, (0, 0.5), "service levels"),
    ("latency_p95", {}, (0.1, 3), "service levels"), ("days_to_trigger", {}, (5, 60), "resources"),
]  # fmt: skip


def first_rules(chance: random.Random) -> Rules:
    """What the file says in the first night: the richest value of a kind comes first, or any."""
    return {kind: chance.choice(values) if chance.random() < 0.5 else values[0] for kind, values in VALUES.items()}


def changed(rules: Rules, kind: str, chance: random.Random) -> Rules:
    """The same rules with another value of one kind."""
    return {**rules, kind: chance.choice([value for value in VALUES[kind] if value != rules[kind]])}


def launch_file(launch: str, rules: Rules) -> dict[str, Any]:
    """What the file says."""
    return {
        "launch": launch, "name": launch, "owner": {"name": "Ada", "email": "ada@example.com"},
        "date": rules["launch date"], "timezone": rules["zone"], "reviews": {"minimum_sample": rules["sample"]},
        "phases": {"early": [0, 6], "late": [7, None]},
        "mixpanel": {
            "project_id": 1, "funnels": rules["funnel"], "active_events": rules["active events"],
            "registration_event": rules["registration"], "profile_properties": ["plan", "seats"],
        },
        "zendesk": {"brand_id": rules["brand"], "support_hours": rules["hours"], "sla": _agreement(rules["service level agreement"])},
        "pagerduty": {
            "services": rules["incident services"], "severities": rules["severities"], "targets": rules["incident targets"],
        },
        "prometheus": {"step_seconds": 3600, "service_levels": rules["service levels"], "resources": rules["resources"]},
        "segments": rules["segments"],
        "kpis": [*_declared(rules), *_promised(rules)],
    }  # fmt: skip


def _agreement(seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    metrics = ("first_reply", "next_reply", "requester_wait", "agent_work", "pausable_update", "periodic_update", "resolution")
    return [
        {"priority": priority, **{f"{metric}_minutes": chance.choice((30, 240, 1440, 4320)) for metric in chance.sample(metrics, 4)}}
        for priority in chance.sample(("urgent", "high", "normal", "low"), 3)
    ]


def _declared(rules: Rules) -> list[dict[str, Any]]:
    """Most of the KPIs that have a truth of their own, one measured otherwise; PromQL, facts, and KPIs of the funnel where there is one."""
    chance = random.Random(rules["declared KPIs"])
    kpis = {kpi["kpi"]: kpi for kpi in declared_truth.KPIS}
    kpis["made"] = {**kpis["made"], "measure": {"events": {"good": chance.choice((["A"], ["B"], ["A", "C"]))}}}
    for kpi, measure in PROMQL.items():
        kpis[kpi] = {"kpi": kpi, "unit": UNITS.get(kpi, "count"), "better": "lower", "measure": {"prometheus": measure}}
    facts = {"rows": [[f"2026-03-{day:02}", chance.randint(1, 9)] for day in (1, 5, 9)], "read": chance.choice(("last", "sum", "mean"))}
    kpis["cost"] = {"kpi": "cost", "unit": "usd", "better": "lower", "domain": "capacity", "measure": {"facts": facts}}
    per_user = {"ratio": ["tickets_opened", "monthly_active_users"], "per": 1000}
    kpis["tickets_per_user"] = {"kpi": "tickets_per_user", "unit": "count", "better": "lower", "measure": per_user}
    left_out = set(chance.sample(sorted(kpis), len(kpis) // 4))
    if left_out & {"made", "makers"}:
        left_out.add("made_by_maker")
    if not rules["funnel"]:
        left_out |= {"conversion", "abandonment", "drop_off"}
    return [kpi for name, kpi in kpis.items() if name not in left_out]


def _promised(rules: Rules) -> list[dict[str, Any]]:
    chance = random.Random(rules["targets"])
    wanted = [*PROMISED, *(("new_users", {"wave": segment["id"]}, (0, 5), None) for segment in rules["segments"])]
    return [
        {"kpi": kpi, "of": of, "targets": _targets(chance, kpi, bounds)}
        for kpi, of, bounds, need in wanted
        if chance.random() < 0.8 and (need is None or rules[need])
    ]


def _targets(chance: random.Random, kpi: str, bounds: tuple[float, float]) -> list[dict[str, Any]]:
    day, comparator = (
        chance.randint(2, 9),
        chance.choice(("at_least", "above") if catalogue()[kpi].better == "higher" else ("at_most", "below")),
    )
    first, second = (round(chance.uniform(*bounds), 3) for _ in range(2))
    return [{"from_day": 0, "to_day": day, comparator: first}, {"from_day": day + 1, comparator: second}]
