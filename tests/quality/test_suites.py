"""Suites are files that people edit: complete, explained, and wrong ones say where."""

from __future__ import annotations

from pathlib import Path

import pytest

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.config.settings import load_settings
from postlaunch.errors import ConfigError
from postlaunch.quality.suites import load_suites
from postlaunch.warehouse.marts import mart_tables
from tests.quality.hand_built import Warehouse

SUITE = """
name: ticket_daily
domain: support
table: ticket_daily
expectations:
  - type: expect_table_row_count_to_be_between
    kwargs: {min_value: 1}
    severity: critical
    meta: {reason: an empty table passes everything}
"""


def test_every_mart_has_a_suite_in_its_own_domain_that_names_its_grain() -> None:
    suites = {suite.table: suite for suite in load_suites(load_settings().expectations) if suite.schema_name == "build"}
    assert set(suites) == set(mart_tables())
    for table, domain in mart_tables().items():
        assert suites[table].domains == (domain,)
        assert suites[table].grain, f"{table}: no uniqueness expectation"


def test_every_mart_suite_can_fail_on_missing_rows() -> None:
    for suite in load_suites(load_settings().expectations):
        words = [expectation.meta.reason for expectation in suite.expectations if expectation.severity == "critical"]
        types = [expectation.type for expectation in suite.expectations]
        assert (
            suite.schema_name == "ops"
            or "expect_table_row_count_to_be_between" in types
            or any("row-count minimum" in word for word in words)
        ), suite.name


def test_the_views_and_the_launch_file_agree_on_the_source_of_each_domain(warehouse: str) -> None:
    assert dict(Warehouse().run("select domain, source from ops.domain_sources", role="auditor")) == DOMAIN_SOURCE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("severity: critical", "severity: fatal"), r"support\.yaml: expectations\.0\.severity: Input should be 'critical' or 'warning'"),
        (("    meta: {reason: an empty table passes everything}\n", ""), r"expectations\.0\.meta: Field required"),
        (("table: ticket_daily", "tabel: ticket_daily"), r"table: Field required; tabel: Extra inputs are not permitted"),
        (("kwargs: {", "kwargs: ["), r"support\.yaml: not readable"),
    ],
)
def test_a_wrong_suite_names_file_and_key(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "support.yaml").write_text(SUITE.replace(*change))
    with pytest.raises(ConfigError, match=message):
        load_suites(tmp_path)


def test_a_suite_may_be_json_and_a_name_is_used_once(tmp_path: Path) -> None:
    import json

    import yaml

    (tmp_path / "support.json").write_text(json.dumps(yaml.safe_load(SUITE)))
    assert [suite.name for suite in load_suites(tmp_path)] == ["ticket_daily"]
    (tmp_path / "again.yaml").write_text(SUITE)
    with pytest.raises(ConfigError, match="two suites are called ticket_daily"):
        load_suites(tmp_path)


def test_a_folder_without_suites_is_an_error_and_no_free_pass(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="POSTLAUNCH_EXPECTATIONS"):
        load_suites(tmp_path)
