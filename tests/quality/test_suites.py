"""Suites are files that people edit: complete, explained, and wrong ones say where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from postlaunch.config.launch import DOMAIN_SOURCE
from postlaunch.config.settings import REPOSITORY, load_settings
from postlaunch.errors import ConfigError
from postlaunch.marts.tables import mart_tables
from postlaunch.quality.invariants import load_models
from postlaunch.quality.suites import load_suites
from tests.quality.hand_built import Warehouse

SUITE = """
name: freshness
domain: support
facts: select launch_id, domain, 1 as days_behind from scopes
expectations:
  - type: expect_column_values_to_be_between
    kwargs: {column: days_behind, max_value: 0}
    severity: critical
    meta: {reason: a review would speak of an older day}
"""
MODEL = """
models:
  - name: ticket_daily
    data_tests:
      - holds: {name: nothing_is_counted_below_zero, arguments: {expression: opened_count >= 0}}
"""


def test_every_mart_says_what_identifies_a_row() -> None:
    grains = {model.name: model.grain for model in load_models(load_settings().dbt_project)}
    assert [table for table in mart_tables() if not grains.get(table)] == []


def test_the_reasons_of_expectations_differ() -> None:
    suites = load_suites(load_settings().expectations)
    by_severity = [(item.severity, item.meta.reason, suite.name) for suite in suites for item in suite.expectations]
    reasons = [
        (severity, reason) for severity, reason, name in by_severity if name != "sample_loads"
    ]  # says of samples what event_loads says
    assert len(reasons) == len(set(reasons))


def test_an_invariant_stands_beside_its_model_and_in_no_suite() -> None:
    rules = {invariant.reason for model in load_models(REPOSITORY / "dbt_project") for invariant in model.invariants}
    told = {item.meta.reason for suite in load_suites(load_settings().expectations) for item in suite.expectations}
    assert not rules & told


def test_no_critical_expectation_judges_what_an_invariant_judges() -> None:
    """A row that breaks an invariant holds its domain already: the same rule in a suite, in whatever words, could never fire."""
    models = {model.name: model for model in load_models(REPOSITORY / "dbt_project")}
    again = []
    for suite in load_suites(load_settings().expectations):
        read = [models[table] for table in set(re.findall(r"\bbuild\.(\w+)", suite.facts)) if table in models]
        for item in suite.expectations:
            column = re.compile(rf"\b{item.kwargs.column}\b")
            twins = [rule for model in read for rule in model.invariants if column.search(" ".join([rule.expression, *rule.columns]))]
            if item.severity == "critical" and (twins or item.type == "expect_column_values_to_be_unique"):
                again.append(f"{suite.name}: {item.type} of {item.kwargs.column}: {', '.join(rule.name for rule in twins)}")
    assert again == []


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (
            "relationships: {arguments: {to: x}}",
            r"daily\.yml: ticket_daily: .*relationships: say it with holds, one_row_a or finds_nothing",
        ),
        ("holds: {name: x, arguments: {expresion: a > 0}}", r"ticket_daily.*'expression'"),
        ("""holds: {name: x, arguments: {expression: "a > {{ var('x') }}"}}""", r"only ref\(\) and source\(\) are understood"),
    ],
)
def test_a_data_test_that_the_gate_cannot_judge_is_refused_by_file_and_name(tmp_path: Path, test: str, message: str) -> None:
    folder = tmp_path / "models" / "marts" / "support"
    folder.mkdir(parents=True)
    (folder / "ticket_daily.yml").write_text(MODEL + f"      - {test}\n")
    with pytest.raises(ConfigError, match=message):
        load_models(tmp_path)


def test_a_singular_data_test_is_refused_because_nobody_knows_whose_rows_it_returns(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "odd.sql").write_text("select 1")
    with pytest.raises(ConfigError, match=r"odd\.sql: .*finds_nothing"):
        load_models(tmp_path)


def test_the_views_and_the_launch_file_agree_on_the_source_of_each_domain(warehouse: str) -> None:
    assert dict(Warehouse().run("select domain, source from ops.domain_sources", role="auditor")) == DOMAIN_SOURCE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("severity: critical", "severity: fatal"), r"support\.yaml: expectations\.0\.severity: Input should be 'critical' or 'warning'"),
        (("    meta: {reason: a review would speak of an older day}\n", ""), r"expectations\.0\.meta: Field required"),
        (("facts: select", "fact: select"), r"facts: Field required; fact: Extra inputs are not permitted"),
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
    assert [suite.name for suite in load_suites(tmp_path)] == ["freshness"]
    (tmp_path / "again.yaml").write_text(SUITE)
    with pytest.raises(ConfigError, match="two suites are called freshness"):
        load_suites(tmp_path)


def test_a_folder_without_suites_is_an_error_and_no_free_pass(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="POSTLAUNCH_EXPECTATIONS"):
        load_suites(tmp_path)
