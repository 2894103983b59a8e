from pathlib import Path

from postlaunch.config.load import load_launch_file
from postlaunch.warehouse.config_sync import sync_launches
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
