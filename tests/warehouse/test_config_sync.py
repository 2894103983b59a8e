from pathlib import Path

import pytest

from postlaunch.config.launch import DOMAIN_SOURCE, SECTIONS, SOURCES
from postlaunch.config.load import load_launch_file, read_launches
from postlaunch.kpis.catalogue import DOMAINS
from postlaunch.sources.registry import DATED, SPECS
from postlaunch.warehouse import config_sync
from postlaunch.warehouse.config_sync import launches_to_review, sync_launches, sync_sources
from postlaunch.warehouse.db import connect

LAUNCH = """
launch: shop
name: Shop
owner: {{name: Ann, email: ann@shop.example}}
date: 2026-01-12
timezone: America/New_York
mixpanel:
  project_id: 7
  funnels: [{{id: buy, name: Buy, steps: [Visit, Basket, Purchase], window_hours: 1}}]
zendesk:
  sla: [{{priority: urgent, first_reply_minutes: 60, resolution_minutes: 240}}]
  support_hours: [{{hours: {{mon: ["08:00", "18:00"]}}}}]
prometheus:
  step_seconds: 60
  service_levels: [{{id: api, name: API, up: up, requests: http_requests_total}}]
kpis:
  - {{kpi: uptime, targets: [{{from_day: 0, to_day: 29, at_least: {uptime}}}, {{from_day: 30, at_least: 0.9999}}]}}
"""


def sync(folder: Path, uptime: float) -> None:
    file = folder / "shop.yaml"
    file.write_text(LAUNCH.format(uptime=uptime), encoding="utf-8")
    sync_launches({"shop": load_launch_file(file)})


def mapping(statement: str) -> dict[str, object]:
    with connect("reporter") as session:
        return dict(session.execute(statement).fetchall())


def targets() -> list[tuple[object, ...]]:
    with connect("reporter") as session:
        return session.execute(
            "select from_day, target, valid_from = '-infinity', valid_to is null from config.kpi_targets order by from_day, valid_from"
        ).fetchall()


def test_a_changed_target_keeps_its_history_and_an_unchanged_one_is_left_alone(warehouse: str, tmp_path: Path) -> None:
    sync(tmp_path, 0.999)
    sync(tmp_path, 0.999)
    assert targets() == [(0, 0.999, True, True), (30, 0.9999, True, True)]
    sync(tmp_path, 0.995)
    assert targets() == [(0, 0.999, True, False), (0, 0.995, False, True), (30, 0.9999, True, True)]


def test_the_sections_of_a_launch_file_become_rows(warehouse: str, tmp_path: Path) -> None:
    sync(tmp_path, 0.999)
    with connect("transformer") as session:
        steps = session.execute("select step_number, event_name, window_seconds from config.funnel_steps order by 1").fetchall()
        metrics = session.execute("select metric_id, kind, query, step_seconds from config.prometheus_metrics order by 1").fetchall()
        slas = session.execute("select metric, target_seconds from config.sla_targets order by 1").fetchall()
        monday = session.execute("select opens_at, closes_at from config.support_hours where support_date = '2026-01-12'").fetchall()
    assert steps == [(1, "Visit", 3600.0), (2, "Basket", 3600.0), (3, "Purchase", 3600.0)]
    assert metrics == [("api.requests", "requests", "http_requests_total", 60), ("api.up", "up", "up", 60)]
    assert slas == [("first_reply", 3600.0), ("resolution", 14400.0)]
    assert [str(moment) for moment in monday[0]] == ["2026-01-12 13:00:00+00:00", "2026-01-12 23:00:00+00:00"]


def test_a_launch_that_the_warehouse_refuses_costs_itself_and_is_told_until_it_is_right(warehouse: str, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(LAUNCH.format(uptime=0.999), encoding="utf-8")
    shop = load_launch_file(tmp_path / "shop.yaml")
    moon = shop.model_copy(update={"launch": "moon", "timezone": "Moon/Tranquility"})  # as a zone that only Python knows
    faults = sync_launches({"moon": moon, "shop": shop})
    assert [(fault.launch_id, "Moon/Tranquility" in fault.reason) for fault in faults] == [("moon", True)]
    with connect("reporter") as session:
        assert session.execute("select launch_id from config.launches").fetchall() == [("shop",)]
        first = session.execute("select launch_id, since from ops.launch_faults").fetchall()
    sync_launches({"moon": moon, "shop": shop})
    with connect("reporter") as session:
        assert session.execute("select launch_id, since from ops.launch_faults").fetchall() == first
    sync_launches({"shop": shop})
    with connect("reporter") as session:
        assert session.execute("select count(*) from ops.launch_faults").fetchall() == [(0,)]


def test_a_launch_whose_file_went_wrong_is_reviewed_by_what_it_said_before(warehouse: str, tmp_path: Path) -> None:
    sync(tmp_path, 0.999)
    (tmp_path / "shop.yaml").write_text(LAUNCH.format(uptime=0.999) + "colour: blue\n", encoding="utf-8")
    (tmp_path / "new.yaml").write_text("launch: new\ncolour: blue\n", encoding="utf-8")
    files = read_launches(tmp_path)
    assert files.launches == {}
    found = launches_to_review(files)
    assert list(found) == ["shop"]  # of the other nothing was ever known
    assert found["shop"].kpis[0].targets[0].bound == 0.999


def test_another_source_can_fill_a_domain_and_every_view_follows(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config_sync.DOMAIN_SOURCE, "incidents", "zendesk")
    sync_sources(["mixpanel", "zendesk", "prometheus"])
    assert mapping("select domain, source from ops.domain_sources")["incidents"] == "zendesk"
    assert mapping("select source, is_dated from config.sources") == {
        "mixpanel": True, "zendesk": True, "pagerduty": False, "prometheus": True,
    }  # fmt: skip
    monkeypatch.setitem(config_sync.DOMAIN_SOURCE, "incidents", "pagerduty")
    sync_sources(DATED)
    assert mapping("select domain, source from ops.domain_sources") == DOMAIN_SOURCE
    assert mapping("select source, is_dated from config.sources")["zendesk"] is False


def test_every_domain_is_filled_by_one_source() -> None:
    filled = [domain for section in SECTIONS.values() for domain in section.fills]
    assert sorted(filled) == sorted(DOMAINS)
    assert set(SECTIONS) == set(SOURCES) == set(SPECS)
