"""What a launch file may say beyond the catalogue: KPIs of its own, phases, facts, and sections that nothing uses yet."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from postlaunch.config.checks import kpi_warnings
from postlaunch.config.declared import kpis_of, parts, prometheus_metrics, source_of
from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launches
from postlaunch.config.measures import FactsMeasure
from postlaunch.errors import ConfigError

BASE: dict[str, Any] = {
    "launch": "shop",
    "name": "Shop",
    "owner": {"name": "Ann", "email": "ann@shop.example"},
    "date": "2026-01-12",
    "timezone": "UTC",
    "phases": {"week_1": [0, 6], "week_2": [7, 13], "month_1": [0, 29], "later": [30, None]},
    "mixpanel": {"project_id": 7, "funnels": [{"id": "cart", "name": "Cart", "steps": ["Cart Filled", "Ordered"]}]},
    "prometheus": {"resources": [{"id": "cpu", "name": "CPU", "query": "cpu", "unit": "ratio", "trigger": 0.8}]},
}


def load(folder: Path, **sections: Any) -> Launch:
    (folder / "shop.yaml").write_text(yaml.safe_dump({**BASE, **sections}, sort_keys=False))
    return load_launches(folder)["shop"]


def own(measure: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"kpi": "mine", "unit": "ratio", "better": "higher", "measure": measure, **fields}


def fault(folder: Path, **sections: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, **sections)
    return str(caught.value)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"kpi": "mine"}, "kpis[0]: give a measure, targets, or both"),
        ({"kpi": "mine", "targets": [{"at_least": 1}]}, "kpis[0].kpi: no such KPI; found 'mine'"),
        (own({"events": {"good": ["Paid"]}}, unit=None), "kpis[0]: a KPI with a measure says its unit"),
        (own({"events": {"good": ["Paid"]}}, kpi="uptime"), "kpis[0].kpi: uptime is a KPI of the catalogue and measured already"),
        (own({"events": {"good": ["Paid"]}}, kpi="Mine!"), "kpis[0]: the id of a KPI is of small letters, digits and _"),
        (own({}), "kpis[0].measure: give exactly one of events, features, survey, outcome, funnel, prometheus, facts, ratio"),
        (own({"events": {"good": ["Paid"], "where": [["plan", "is", "pro"]]}}), "kpis[0].measure.events.where[0].operator: "),
        (own({"events": {"good": ["Paid"], "where": [["stars", ">=", "four"]]}}), ">= compares numbers; found 'four'"),
        (own({"events": {"good": ["Paid"], "property": "amount"}}), "property and read go together"),
        (own({"features": {"features": ["A", "B"], "at_least": 3}}), "at_least 3 of 2 features: nobody can reach it"),
        (own({"survey": {"event": "E", "score": "s", "kind": "nps", "scale": [1, 5]}}), "nps is defined on 0 to 10"),
        (own({"funnel": "carts"}), "no such funnel; found 'carts'; mixpanel.funnels has: cart"),
        (own({"funnel": {"id": "cart", "read": "drop_off", "step": 2}}), "2 is the last of 2 steps"),
        (own({"prometheus": {"query": "q", "kind": "counter", "read": "p95"}}), "a counter is read as sum; found p95"),
        (own({"outcome": {"event": "E", "at_least": 2, "within": "calendar_month", "by": "account"}}), "population.account has to say"),
        (own({"outcome": {"event": "E", "at_least": 1, "within": "calendar_month", "of": "any"}}), "always all of them"),
        (own({"ratio": ["nothing", "uptime"]}), "kpis[0].measure.ratio: no such KPI; found 'nothing'"),
        (own({"ratio": ["retention", "uptime"]}), "kpis[0].measure.ratio: retention has no whole"),
        (own({"facts": {"rows": [["2026-01-31", 1]]}}), "kpis[0]: domain: facts say the domain"),
        (own({"facts": {"rows": [["2026-01-31", 1]]}}, domain="support"), "the launch has no support to be published with"),
        (own({"events": {"good": ["Paid"]}}, targets=[{"phase": "month_9", "at_least": 0.5}]), "kpis[0].targets[0].phase: no such phase"),
        (
            own({"events": {"good": ["Paid"]}}, targets=[{"change": 0.1, "since": "week_0"}]),
            "kpis[0].targets[0].since: no such phase; found 'week_0'; the file has: week_1, week_2, month_1, later",
        ),
        (
            own({"events": {"good": ["Paid"]}}, targets=[{"change": 0.1, "since": "later"}]),
            "phase 'later' has no last day and is never over",
        ),
        (own({"events": {"good": ["Paid"], "of": ["Paid"]}}, targets=[{"change": -0.1, "since": "week_1"}]), "asks for less good"),
    ],
)
def test_a_kpi_that_cannot_be_measured_is_a_fault_of_its_key(tmp_path: Path, entry: dict[str, Any], expected: str) -> None:
    assert expected in fault(tmp_path, kpis=[{key: value for key, value in entry.items() if value is not None}])


def test_quotas_of_phases_stand_beside_each_other_and_one_phase_has_one(tmp_path: Path) -> None:
    kpi = own({"events": {"good": ["Failed"]}}, unit="count", better="lower")
    beside = [
        {"phase": "week_1", "per": "phase", "below": 3},
        {"phase": "month_1", "per": "phase", "below": 10},
        {"per": "week", "below": 2},
    ]
    launch = load(tmp_path, kpis=[{**kpi, "targets": beside}])
    assert [(target.from_day, target.to_day) for target in launch.kpis[0].targets] == [(0, 6), (0, 29), (None, None)]
    twice = [{"phase": "week_1", "per": "phase", "below": 3}, {"from_day": 0, "to_day": 6, "per": "phase", "below": 4}]
    assert "entries [0] and [1] have the same first_day 0, to_day 6" in fault(tmp_path, kpis=[{**kpi, "targets": twice}])
    assert "share days" in fault(tmp_path, kpis=[{**kpi, "targets": [{"phase": "week_1", "below": 3}, {"phase": "month_1", "below": 9}]}])


def test_facts_are_read_beside_the_launch_file_and_a_wrong_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    file = tmp_path / "facts" / "cost.csv"
    entry = own({"facts": {"file": "facts/cost.csv", "read": "sum", "each": "month"}}, unit="usd", domain="capacity")
    file.write_text("date,value\n2026-02-28,900\n2026-01-31,1100.5\n\n")
    launch = load(tmp_path, kpis=[entry])
    (fact,) = parts(launch).facts
    assert dict(fact.days)[dt.date(2026, 1, 31)] == 1100.5
    assert (fact.days[0], len(fact.days)) == ((dt.date(2026, 1, 1), None), 59)
    file.write_text("date,value\n2026-02-30,1\n2026-01-31,many\n2026-01-31,1\n2026-01-31,2\n2026-02-01\n")
    wrong = fault(tmp_path, kpis=[entry])
    for expected in (
        f"{file}: line 2: a date such as 2026-01-12 is expected; found '2026-02-30'",
        f"{file}: line 3: 'many' is not a number",
        f"{file}: line 5: 2026-01-31 stands twice",
        f"{file}: line 6: date,value is expected; found '2026-02-01'",
    ):
        assert expected in wrong
    file.write_text("date,value\n")
    assert parts(load(tmp_path, kpis=[entry])).facts[0].days == (), "nobody knows the numbers yet"
    file.write_text("day;cost\n")
    assert "line 1: the header `date,value` is expected; found 'day;cost'" in fault(tmp_path, kpis=[entry])
    file.unlink()
    assert f"{file}: cannot be read" in fault(tmp_path, kpis=[entry])
    assert "lies outside the folder of the launch files" in fault(
        tmp_path, kpis=[own({"facts": {"file": "../cost.csv"}}, domain="capacity")]
    )


def test_a_level_holds_until_the_next_fact_and_a_month_at_most() -> None:
    rows = [(dt.date(2026, 1, 5), 2.0), (dt.date(2026, 1, 1), 1.0)]
    days = dict(FactsMeasure(rows=tuple(rows)).days)
    assert (days[dt.date(2026, 1, 4)], days[dt.date(2026, 1, 5)], max(days)) == (1.0, 2.0, dt.date(2026, 2, 5))


def test_a_declared_kpi_stands_behind_the_catalogue_with_what_it_is_made_of(tmp_path: Path) -> None:
    survey = own({"survey": {"event": "Answered", "score": "nps", "kind": "nps", "asked": "Asked"}}, unit="score")
    promql = {
        "kpi": "hits",
        "unit": "ratio",
        "better": "higher",
        "measure": {"prometheus": {"query": "hits", "kind": "ratio", "of": "all"}},
    }
    launch = load(tmp_path, kpis=[survey, promql])
    known = kpis_of(launch)
    assert list(known)[-3:] == ["mine", "mine_response_rate", "hits"]
    nps = known["mine"]
    assert (nps.numerator, nps.minus, nps.factor, nps.denominator) == (("mine.promoters",), ("mine.detractors",), 100, ("mine.answers",))
    assert (source_of(launch, nps), source_of(launch, known["hits"])) == ("mixpanel", "prometheus")
    asked = {metric.metric_id: metric.query for metric in prometheus_metrics(launch)}
    assert asked == {"cpu.resource": "cpu", "hits.good.counter": "hits", "hits.of.counter": "all"}


def test_a_section_that_nothing_uses_yet_is_checked_and_said(tmp_path: Path) -> None:
    launch = load(
        tmp_path,
        zendesk={
            "sla": [{"priority": "low", "resolution_by": "next_release"}],
            "escalate_after_minutes": 120,
            "support_hours": [
                {"phase": "week_1", "hours": "always"},
                {"phase": "week_2", "hours": {"mon-fri": "08:00-18:00", "sat": "10:00-24:00"}},
            ],
        },
        pagerduty={},
        deployments={},
        verdict={"gates": [{"kpi": "uptime", "at_least": 0.999, "role": "stability"}], "attest": ["Backup restored"]},
        alerts=[{"id": "cpu", "resource": "cpu", "above": 0.8, "page": "on-call", "message": "CPU over 80 %", "context": ["deployments"]}],
    )
    assert launch.zendesk is not None
    always, weekdays = launch.zendesk.support_hours
    assert (len(always.hours), weekdays.hours["fri"], weekdays.hours["sat"][1]) == (7, (dt.time(8), dt.time(18)), "24:00")
    said = [warning.partition(":")[0] for warning in kpi_warnings(launch) if "not yet" in warning]
    assert said == ["zendesk.escalate_after_minutes", "alerts.context", "verdict.gates"]
    assert "verdict.gates[0].kpi: no such KPI; found 'up'" in fault(tmp_path, verdict={"gates": [{"kpi": "up", "at_least": 1}]})
    wrong = {"id": "disk", "resource": "disk", "above": 0.8, "page": "on-call", "message": "full"}
    assert "alerts[0].resource: no such resource; found 'disk'" in fault(tmp_path, alerts=[wrong])
    wrong_hours = [{"hours": {"fri-mon": "08:00-18:00"}}]
    assert "fri-mon: days such as mon-fri are expected" in fault(tmp_path, zendesk={"support_hours": wrong_hours})


def test_the_kpis_of_the_cookbook_load(tmp_path: Path) -> None:
    page = Path("docs/cookbooks/add-a-launch.md").read_text(encoding="utf-8")
    shown = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "cost.csv").write_text("date,value\n2026-01-31,900\n")
    launch = load(tmp_path, zendesk={}, pagerduty={}, prometheus={}, **shown)
    assert len(launch.kpis) == len(shown["kpis"])
