"""What a launch file names and its sources do not have is told before the first night."""

from __future__ import annotations

from pathlib import Path

import pytest

from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launch
from postlaunch.sources.live import unseen
from tests.conftest import CLOCK


@pytest.fixture
def emr(sandbox_launches: Path) -> Launch:
    return load_launch(sandbox_launches, "emr-platform")


def test_a_launch_whose_sources_have_what_it_names_has_no_finding(apis: str, emr: Launch) -> None:
    assert list(unseen(emr, CLOCK)) == []


def test_a_label_a_selector_and_a_service_that_are_not_there_are_named_with_their_keys(apis: str, emr: Launch) -> None:
    assert emr.prometheus is not None
    assert emr.pagerduty is not None
    level, first = emr.prometheus.service_levels[0], emr.prometheus.resources[0]
    prometheus = emr.prometheus.model_copy(
        update={
            "service_levels": (level.model_copy(update={"status_label": "status"}),),
            "resources": (first.model_copy(update={"query": 'redis_memory_used_ratio{job="nobody"}'}), *emr.prometheus.resources[1:]),
        }
    )
    pagerduty = emr.pagerduty.model_copy(update={"services": (*emr.pagerduty.services, "PNOBODY")})
    service, *found = list(unseen(emr.model_copy(update={"prometheus": prometheus, "pagerduty": pagerduty}), CLOCK))
    assert len(found) == 2
    assert found[0].startswith(
        "prometheus.service_levels[0].requests: no series has the label 'status' (status_label), so there is no error rate"
    )
    assert "code" in found[0].rpartition("labels seen: ")[2]
    assert found[1] == 'prometheus.resources[0].query: no series matches redis_memory_used_ratio{job="nobody"}'
    assert service == f"pagerduty.services[{len(emr.pagerduty.services)}]: the account has no service PNOBODY"


def test_a_source_that_is_down_is_one_finding_and_costs_no_other(apis: str, emr: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_PAGERDUTY", "http://:wrong@127.0.0.1:1")
    found = list(unseen(emr, CLOCK))
    assert [line.split(":")[0] for line in found] == ["pagerduty"]
