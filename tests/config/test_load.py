from pathlib import Path

import pytest

from postlaunch.config.load import load_launch, load_launches
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
            "timezone: 'New York' is no IANA time zone, for example America/New_York or",
        ),
        ("project_id: 7", "projectid: 7", "mixpanel.projectid: unknown key; allowed here: active_events, connection, funnels,"),
        ("project_id: 7", "projectid: 7", "mixpanel.project_id: missing"),
        ("at_least: 0.999", "at_least: high", "kpis[0].targets[0].at_least: Input should be a valid number, unable to parse string"),
        ("at_least: 0.999", "at_least: 0.9, at_most: 1", "kpis[0].targets[0]: give exactly one of at_least and at_most"),
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
    assert "b.yaml: launch: 'shop' is already the id of another file" in fault_of(tmp_path)


def test_a_kpi_stands_once(tmp_path: Path) -> None:
    write(tmp_path, GOOD + "  - {kpi: uptime, targets: [{at_least: 0.9}]}\n")
    assert "kpis[1].kpi: 'uptime' stands twice" in fault_of(tmp_path)


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
