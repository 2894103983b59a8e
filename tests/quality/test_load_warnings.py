"""What a source warned of is told by the gate, and holds nothing."""

from __future__ import annotations

import datetime as dt

from postlaunch.quality import AuditResult, audit
from tests.quality.hand_built import LAUNCH, Warehouse

DAY = dt.date(2026, 3, 10)
WARNING = "api.up: 4 points left out"


def _warn(hand: Warehouse, warnings: list[str]) -> None:
    """Let the newest load of the samples of a day have these warnings."""
    hand.run(
        "update ops.partition_loads set warnings = %s where load_id = "
        "(select max(load_id) from ops.partition_loads where stream = 'samples' and partition_date = %s)",
        [warnings, DAY],
        role=None,
    )


def _told(result: AuditResult) -> dict[str, str]:
    """Domain -> what the suite of warnings found."""
    return {
        domain.scope.domain: finding.text for domain in result.domains for finding in domain.warnings if finding.suite == "load_warnings"
    }


def test_a_warning_is_told_in_the_domains_of_its_source_and_holds_neither(built: Warehouse) -> None:
    _warn(built, [WARNING, "api.up: PromQL is odd"])
    result = audit()
    told = _told(result)
    assert set(told) == {"reliability", "capacity"}
    assert told["capacity"].startswith("the source warned")
    assert "api.up: PromQL is odd" in told["capacity"]
    assert WARNING in told["capacity"]
    assert str(DAY) in told["capacity"]
    assert result.is_passed


def test_a_warning_is_over_once_the_day_is_loaded_without_it(built: Warehouse) -> None:
    _warn(built, [WARNING])
    built.load(50, DAY, DAY, stream="samples")
    built.build(["reliability", "capacity"], first=DAY)
    assert _told(audit()) == {}


def test_a_warning_that_readers_know_is_not_told_again(built: Warehouse) -> None:
    _warn(built, [WARNING])
    built.run("delete from ops.domain_builds where domain not in ('reliability', 'capacity')", role=None)
    built.accept("reliability")
    rows = built.run("select domain, is_settled from ops.load_warnings where launch_id = %s order by domain", [LAUNCH], role="auditor")
    assert rows == [("capacity", False), ("reliability", True)]
