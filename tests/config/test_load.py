from pathlib import Path

import pytest

from postlaunch.config.checks import kpi_warnings
from postlaunch.config.load import load_launch, load_launches, read_launches
from postlaunch.errors import ConfigError

GOOD = """
launch: shop
name: Shop
owner: {name: Ann, email: ann@shop.example}
date: 2026-01-12
timezone: America/New_York
mixpanel: {project_id: 7}
kpis:
  - kpi: uptime
    targets:
      - {from_day: 0, at_least: 0.999}
"""


def write(folder: Path, text: str, name: str = "shop.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def fault_of(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_launches(folder)
    return str(caught.value)


def test_a_good_file_loads_with_its_sources_and_domains(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    launch = load_launches(tmp_path)["shop"]
    assert launch.sources == ("mixpanel",)
    assert launch.domains == ("product",)
    assert launch.mixpanel is not None
    assert launch.mixpanel.timezone == "UTC"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "America/New_York",
            "New York",
            "timezone: 'New York' is not an IANA time zone, for example America/New_York or",
        ),
        ("project_id: 7", "projectid: 7", "mixpanel.projectid: unknown key; allowed here: active_events, connection, funnels,"),
        ("project_id: 7", "projectid: 7", "mixpanel.project_id: missing"),
        ("at_least: 0.999", "at_least: high", "kpis[0].targets[0].at_least: Input should be a valid number, unable to parse string"),
        (
            "at_least: 0.999",
            "at_least: 0.9, at_most: 1",
            "kpis[0].targets[0]: give exactly one of at_least, at_most, above, below and change",
        ),
        ("ann@shop.example", "ann", "owner.email: String should match pattern"),
        ("2026-01-12", "January", "date: "),
    ],
)
def test_a_wrong_value_names_file_key_path_value_and_what_is_allowed(tmp_path: Path, old: str, new: str, expected: str) -> None:
    file = write(tmp_path, GOOD.replace(old, new))
    assert f"{file}: {expected}" in fault_of(tmp_path)


def test_every_fault_of_every_file_is_listed_at_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("New_York", "Nowhere"), "a.yaml")
    write(tmp_path, GOOD.replace("name: Shop", "title: Shop"), "b.yaml")
    fault = fault_of(tmp_path)
    assert "a.yaml: timezone" in fault
    assert "b.yaml: name: missing" in fault
    assert "b.yaml: title: unknown key" in fault


def test_two_files_may_not_share_an_id(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.yaml")
    write(tmp_path, GOOD, "b.yaml")
    write(tmp_path, GOOD.replace("launch: shop", "launch: other"), "c.yaml")
    assert "b.yaml: launch: 'shop' is also the id of a.yaml" in fault_of(tmp_path)
    assert list(read_launches(tmp_path).launches) == ["other"]  # which of the two is meant, nobody can tell


def test_a_kpi_stands_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD + "  - {kpi: uptime, targets: [{at_least: 0.9}]}\n")
    assert "kpis: entries [0] and [1] have the same kpi 'uptime'" in fault_of(tmp_path)


def test_a_target_for_an_unknown_kpi_lists_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("kpi: uptime", "kpi: up-time"))
    assert "kpis[0].kpi: no such KPI; found 'up-time'; allowed: daily_active_users, " in fault_of(tmp_path)


def test_an_empty_folder_a_missing_folder_and_broken_yaml_say_what_to_do(tmp_path: Path) -> None:
    assert "set POSTLAUNCH_LAUNCHES" in fault_of(tmp_path)
    assert "set POSTLAUNCH_LAUNCHES" in fault_of(tmp_path / "nowhere")
    write(tmp_path, "launch: [")
    assert "not readable as YAML" in fault_of(tmp_path)
    write(tmp_path, "- a list")
    assert "expected keys and values at the top, found list" in fault_of(tmp_path)


MEMORY = "{id: mem, name: M, query: m, unit: ratio, trigger: 1}"
PROMETHEUS = "prometheus: {service_levels: [{id: api, name: API, up: up, requests: requests}]}\nkpis:"
URGENT = "{priority: urgent, first_reply_minutes: 60, resolution_minutes: 240}"
LOW = URGENT.replace("urgent", "low").replace("60", "90")


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (f"zendesk: {{sla: [{URGENT}, {LOW}, {URGENT}]}}", "zendesk.sla: entries [0] and [2] have the same priority 'urgent'"),
        (
            "pagerduty: {targets: [{severity: P1, acknowledge_minutes: 5}, {severity: P1, acknowledge_minutes: 9}]}",
            "pagerduty.targets: entries [0] and [1] have the same severity 'P1'",
        ),
        (
            f"prometheus: {{resources: [{MEMORY}, {MEMORY}]}}",
            "prometheus.resources: entries [0] and [1] have the same id 'mem'",
        ),
        (
            "prometheus: {service_levels: [{id: api, name: A, up: u, requests: r}, {id: api, name: B, up: u, requests: r}]}",
            "prometheus.service_levels: entries [0] and [1] have the same id 'api'",
        ),
        ('zendesk: {support_hours: [{hours: {mon: ["08:00", "08:00"]}}]}', "zendesk.support_hours[0]: mon opens and closes at 08:00"),
        ("zendesk: {support_hours: [{from_day: 9, to_day: 3, hours: {}}]}", "zendesk.support_hours[0]: to_day 3 lies before from_day 9"),
        (
            "zendesk: {support_hours: [{to_day: 14, hours: {}}, {from_day: 14, hours: {}}]}",
            "zendesk.support_hours: entries [0] (the beginning to day 14) and [1] (day 14 to the end) share days",
        ),
        ("zendesk: {support_hours: [{hours: {mon: [8, 18]}}]}", "zendesk.support_hours[0].hours.mon[0]: a time such as 08:00 is expected"),
        ("zendesk: {holidays: [2026-02-30]}", "zendesk.holidays[0]: Input should be a valid date"),
        ("zendesk: {holidays: [20260230]}", "zendesk.holidays[0]: a date such as 2026-01-12 is expected"),
        ("reviews: {recipients: {daily: ['a@b,evil.c']}}", "reviews.recipients.daily[0]: String should match pattern"),
        ("reviews: {recipients: {daily: ['Ann <a@b.c>']}}", "reviews.recipients.daily[0]: String should match pattern"),
        (
            "prometheus: {service_levels: [{id: web, name: A, up: u, requests: r, error_codes: '5..)'}]}",
            "error_codes: not a regular expression",
        ),
        (
            "prometheus: {service_levels: [{id: web, name: A, up: u, requests: r, error_codes: '(?i)5'}]}",
            "error_codes: a regular expression of",
        ),
        ("zendesk: {brand_id: 99999999999999999999}", "zendesk.brand_id: Input should be less than 9223372036854775808"),
        ("prometheus: {resources: [{id: mem, name: M, query: m, unit: ratio, trigger: .inf}]}", "trigger: Input should be a finite number"),
    ],
)
def test_what_would_break_the_build_of_every_launch_is_an_error_of_its_file(tmp_path: Path, section: str, expected: str) -> None:
    file = write(tmp_path, GOOD.replace("kpis:", f"{section}\nkpis:"))
    assert str(file) in fault_of(tmp_path)
    assert expected in fault_of(tmp_path)


def test_a_funnel_stands_once(tmp_path: Path) -> None:
    funnel = "{id: buy, name: Buy, steps: [A, B]}"
    write(tmp_path, GOOD.replace("project_id: 7", f"project_id: 7, funnels: [{funnel}, {funnel}]"))
    assert "mixpanel.funnels: entries [0] and [1] have the same id 'buy'" in fault_of(tmp_path)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("{kpi: uptime, targets: [{at_most: 0.99}]}", "kpis[0].targets[0]: at_most: of uptime higher is better: write at_least or above"),
        ("{kpi: uptime, targets: [{at_least: 99.9}]}", "uptime is a ratio from 0 to 1; found 99.9; write 0.999 for 99.9 %"),
        ("{kpi: error_rate, targets: [{at_least: 0.1}]}", "at_least: of error_rate lower is better: write at_most or below"),
        ("{kpi: new_users, targets: [{at_least: -1}]}", "at_least: new_users is never negative"),
        ("{kpi: uptime, targets: [{from_day: 9, to_day: 3, at_least: 0.9}]}", "kpis[0].targets[0]: to_day 3 lies before from_day 9"),
        (
            "{kpi: uptime, targets: [{to_day: 29, at_least: 0.9}, {from_day: 29, at_least: 0.99}]}",
            "kpis[0].targets: entries [0] (the beginning to day 29) and [1] (day 29 to the end) share days",
        ),
        ("{kpi: activation, targets: [{at_least: 0.8}]}", "file does not have: mixpanel.funnels: an entry with the id activation"),
        ("{kpi: latency_p95, targets: [{at_most: 0.8}]}", "file does not have: prometheus.service_levels: latency_buckets of an entry"),
        ("{kpi: days_to_trigger, targets: [{at_least: 30}]}", "file does not have: prometheus.resources"),
        (
            "{kpi: uptime, of: {severity: P1}, targets: [{at_least: 0.9}]}",
            "of: uptime is not measured by severity; allowed: service",
        ),
        (
            "{kpi: new_users, of: {floor: 2}, targets: [{at_least: 9}]}",
            "is not measured by floor; allowed: nothing, it is of the whole",
        ),
        ("{kpi: new_users, of: {wave: beta}, targets: [{at_least: 9}]}", "kpis[0].of: no such wave; found 'beta'; segments has: none"),
        ("{kpi: uptime, of: {wave: beta}, targets: [{at_least: 0.9}]}", "kpis[0].of: uptime is not measured by wave"),
        ("{kpi: retention, of: {wave: beta}, targets: [{at_least: 0.5}]}", "kpis[0].of: retention has no whole: say of which day"),
        ("{kpi: retention, targets: [{at_least: 0.5}]}", "kpis[0].of: retention has no whole: say of which day, for example {day: 1}"),
        (
            "{kpi: retention, of: {day: 6}, targets: [{at_least: 0.5}]}",
            "kpis[0].of: no such day of retention; found '6'; allowed: 1, 7, 30",
        ),
        (
            "{kpi: incidents, of: {severity: p1}, targets: [{at_most: 0}]}",
            "severity of incidents; found 'p1'; allowed: P0, P1, P2, P3",
        ),
        (
            "{kpi: uptime, of: {service: shop}, targets: [{at_least: 0.9}]}",
            "no such service of uptime; found 'shop'; allowed: ",
        ),
    ],
)
def test_a_target_that_can_never_be_judged_rightly_is_an_error(tmp_path: Path, targets: str, expected: str) -> None:
    head = GOOD.split("kpis:", maxsplit=1)[0] + PROMETHEUS
    write(tmp_path, f"{head}\n  - {targets}\n")
    assert expected in fault_of(tmp_path)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("{id: beta, name: Beta}", "segments[0]: give from_day, to_day or both, or else where"),
        ("{id: beta, name: Beta, to_day: 3, where: [[plan, is set]]}", "segments[0]: give from_day, to_day or both, or else where"),
        ("{id: beta, name: Beta, from_day: 4, to_day: 3}", "segments[0]: to_day 3 lies before from_day 4"),
        (
            "{id: beta, name: Beta, where: [[plan, =, pro], [seats, '>', 3]]}",
            "segments[0].where: profiles are pulled without seats: add it to mixpanel.profile_properties; it has: plan",
        ),
    ],
)
def test_a_segment_that_nobody_could_tell_is_an_error(tmp_path: Path, segment: str, expected: str) -> None:
    pulled = GOOD.replace("mixpanel: {project_id: 7}", "mixpanel: {project_id: 7, profile_properties: [plan]}")
    write(tmp_path, f"{pulled.split('kpis:', maxsplit=1)[0]}\nsegments:\n  - {segment}\n")
    assert expected in fault_of(tmp_path)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ("{month: 1, values: {revenue: 3}}", "plan[0].values: no such KPI; found 'revenue'"),
        ("{month: 0, values: {uptime: 1}}", "plan[0].month: "),
        ("{month: 1, values: {}}", "plan[0]: give values, per_day or both"),
        ("{month: 1, values: {uptime: 1}, per_day: {uptime: 1}}", "plan[0]: uptime: in values or per_day, not in both"),
        ("{month: 1, per_day: {uptime: 1}}", "plan[0].per_day: uptime is not a sum of days: plan it in values"),
        ("{month: 1, values: {uptime: .inf}}", "plan[0].values.uptime: "),
        ("{month: 1, values: {uptime: 1}}\n  - {month: 1, values: {uptime: 1}}", "plan: "),
    ],
)
def test_a_plan_that_nothing_could_be_held_against_is_an_error(tmp_path: Path, plan: str, expected: str) -> None:
    write(tmp_path, f"{GOOD}\nplan:\n  - {plan}\n")
    assert expected in fault_of(tmp_path)


def test_a_target_of_a_source_that_is_not_there_yet_is_a_warning(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    warnings = list(kpi_warnings(load_launch(tmp_path, "shop")))
    assert warnings == [
        "kpis[0].kpi: uptime is measured by prometheus, and the file has no such section: its targets stay unmeasured",
    ]


def test_one_wrong_file_among_five_costs_its_own_launch(tmp_path: Path) -> None:
    for name in ("one", "two", "three", "four"):
        write(tmp_path, GOOD.replace("launch: shop", f"launch: {name}"), f"{name}.yaml")
    wrong = write(tmp_path, GOOD.replace("launch: shop", "launch: five  # the newest\ncolour: blue"), "file-of-five.yaml")
    found = read_launches(tmp_path)
    assert sorted(found.launches) == ["four", "one", "three", "two"]
    assert [(fault.launch_id, fault.file) for fault in found.faults] == [("five", wrong)]
    assert "colour: unknown key" in found.faults[0].reason
    with pytest.raises(ConfigError, match="colour: unknown key"):
        load_launch(tmp_path, "five")


def test_a_fault_in_another_launchs_file_does_not_stop_this_one(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, "launch: [", "other.yaml")
    assert load_launch(tmp_path, "shop").name == "Shop"


def test_an_unknown_launch_lists_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(ConfigError, match="no launch 'shpo' in .*; known: shop"):
        load_launch(tmp_path, "shpo")


def test_the_launch_files_of_the_repository_are_valid() -> None:
    assert "emr-platform" in load_launches(Path("launches"))


def test_a_fault_of_ours_in_reading_one_file_costs_that_launch_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("launch: shop", "launch: odd"), "odd.yaml")
    monkeypatch.setattr("postlaunch.config.load.kpi_faults", lambda launch: iter(()) if launch.launch == "shop" else iter([1 / 0]))
    found = read_launches(tmp_path)
    assert list(found.launches) == ["shop"]
    assert found.faults[0].launch_id == "odd"
    assert "ZeroDivisionError" in found.faults[0].reason
