"""When a business cycle is over, and what a launch file may say of its verdict."""

import datetime as dt

import pytest
from pydantic import ValidationError

from postlaunch.config.verdict import Cycle, Peak, VerdictRules


@pytest.mark.parametrize(
    ("length", "launched", "over"),
    [
        ({"days": 30}, "2026-01-10", "2026-02-08"),
        ({"calendar": "month"}, "2026-01-10", "2026-02-28"),
        ({"calendar": "month"}, "2026-02-01", "2026-02-28"),
        ({"calendar": "month"}, "2026-12-02", "2027-01-31"),
        ({"calendar": "quarter"}, "2026-01-01", "2026-03-31"),
        ({"calendar": "quarter"}, "2026-01-02", "2026-06-30"),
        ({"calendar": "quarter"}, "2026-02-01", "2026-06-30"),
        ({"calendar": "quarter"}, "2025-11-03", "2026-03-31"),
        ({"calendar": "quarter"}, "2025-10-01", "2025-12-31"),
    ],
)
def test_a_cycle_is_over_when_one_has_passed_whole(length: dict[str, object], launched: str, over: str) -> None:
    cycle = Cycle(name="c", kpis=("orders",), **length)  # type: ignore[arg-type]
    assert cycle.last_day(dt.date.fromisoformat(launched)) == dt.date.fromisoformat(over)


def test_a_kpi_waits_for_the_cycle_that_ends_last() -> None:
    month, quarter = Cycle(name="month", kpis=("a", "b"), calendar="month"), Cycle(name="quarter", kpis=("b",), calendar="quarter")
    rules, launched = VerdictRules(cycles=(quarter, month)), dt.date(2026, 1, 10)
    assert rules.running_cycle("a", launched, dt.date(2026, 2, 27)) is month
    assert rules.running_cycle("a", launched, dt.date(2026, 2, 28)) is None
    assert rules.running_cycle("b", launched, dt.date(2026, 2, 27)) is quarter
    assert rules.running_cycle("c", launched, launched) is None


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"days": [30, 7]}, "days: each once, in order; found 30, 7"),
        ({"days": []}, "at least 1 item"),
        ({"cycles": [{"name": "c", "kpis": ["a"]}]}, "give days or calendar, one of them"),
        ({"cycles": [{"name": "c", "kpis": ["a"], "days": 3, "calendar": "month"}]}, "give days or calendar, one of them"),
        ({"cycles": [{"name": "c", "kpis": [], "days": 3}]}, "at least 1 item"),
        ({"peaks": [{"name": "p", "first": "2026-01-02", "last": "2026-01-01"}]}, "last 2026-01-01 lies before first 2026-01-02"),
    ],
)
def test_a_verdict_that_can_never_be_is_a_fault_of_the_file(rules: dict[str, object], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        VerdictRules.model_validate(rules)


def test_a_peak_may_be_one_day() -> None:
    assert Peak(name="p", first=dt.date(2026, 1, 1), last=dt.date(2026, 1, 1)).name == "p"
