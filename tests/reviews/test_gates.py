"""The verdict's rule, case by case, and its intervals against published figures."""

import dataclasses
import datetime as dt
from types import ModuleType

import pytest
from scipy.stats import binomtest

from postlaunch.config.launch import Target
from postlaunch.reviews import content, gates, verdict
from postlaunch.reviews.gates import Gate, recommend
from postlaunch.reviews.intervals import wilson
from postlaunch.reviews.period import parse_period
from postlaunch.reviews.rows import DailyValue
from postlaunch.warehouse.db import connect


def gate(kpi: str, outcome: str, domain: str = "product") -> Gate:
    return Gate(kpi, kpi, domain, "ratio", 0.5, 5, 10, 0.5, ">=", 0, 29, outcome)


def test_the_wilson_interval_equals_the_published_one() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81/263 and 15/148
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20)[0] == pytest.approx(0, abs=1e-12)
    for successes, total in ((0, 1), (1, 1), (221, 369), (5, 30), (99_990, 100_000)):
        truth = binomtest(successes, total).proportion_ci(0.95, method="wilson")
        assert wilson(successes, total) == pytest.approx((truth.low, truth.high), abs=1e-12)


def test_a_proportion_under_the_minimum_sample_is_not_judged() -> None:
    assert gates.outcome(1.0, 29, 0.8, ">=", 30) == "insufficient_data"
    assert gates.outcome(1.0, 30, 0.8, ">=", 30) == "met"
    assert gates.outcome(None, 0, 0.8, ">=", 30) == "no_data"
    assert gates.outcome(None, None, 0, "<=", None) == "no_data"
    assert gates.outcome(0, None, 0, "<=", None) == "met"


def test_a_gate_whose_interval_includes_the_target_is_not_clear() -> None:
    assert dataclasses.replace(gate("activation", "met"), low=0.55, high=0.6).is_clear
    assert not dataclasses.replace(gate("activation", "met"), low=0.49, high=0.6).is_clear


def test_before_one_business_cycle_even_perfect_numbers_are_insufficient_data() -> None:
    found = recommend([gate("activation", "met")], day=30, cycle_days=91, unreliable=[])
    assert (found.recommendation, found.reason) == ("insufficient data", "one business cycle is 91 days, and only 30 have passed")


def test_a_gate_whose_domain_is_held_stops_the_verdict() -> None:
    rows = [gate("activation", "met"), gate("uptime", "met", "reliability")]
    assert recommend(rows, 90, 28, ["reliability"]).reason == "the data of reliability is held or late"
    assert recommend(rows, 90, 28, ["support"]).recommendation == "scale"


def test_with_half_of_the_gates_open_nothing_is_recommended() -> None:
    rows = [gate("activation", "met"), gate("retention_d7", "insufficient_data")]
    assert recommend(rows, 90, 28, []).reason == "only 1 of 2 gates could be judged"
    assert recommend([], 90, 28, []).recommendation == "insufficient data"


def test_use_without_its_guardrails_is_no_scale() -> None:
    rows = [gate("activation", "met"), gate("retention_d7", "met"), gate("first_reply_attainment", "missed", "support")]
    assert recommend(rows, 90, 28, []).recommendation == "pivot"
    assert recommend(rows[:2], 90, 28, []).recommendation == "scale"


def test_an_unstable_launch_that_misses_half_of_its_gates_is_rolled_back() -> None:
    rows = [gate("activation", "missed"), gate("retention_d7", "met"), gate("uptime", "missed", "reliability")]
    assert recommend(rows, 90, 28, []).recommendation == "roll back"
    assert recommend([*rows, gate("a", "met"), gate("b", "met")], 90, 28, []).recommendation == "pivot"


def test_success_at_day_30_is_provisional_and_at_day_60_no_longer() -> None:
    assert recommend([gate("activation", "met")], 30, 28, []).is_provisional
    assert not recommend([gate("activation", "met")], 60, 28, []).is_provisional


def test_a_target_is_judged_from_the_first_day_of_its_phase() -> None:
    targets = [Target(to_day=29, at_most=2), Target(from_day=30, at_most=9)]
    assert verdict.phase_start(targets, 29) == 0
    assert verdict.phase_start(targets, 59) == 30
    assert verdict.phase_start([], 59) == 0


def test_days_become_a_phase_by_the_rule_of_their_kpi() -> None:
    def row(value: float | None, numerator: float | None = None, denominator: float | None = None) -> DailyValue:
        return DailyValue("kpi", dt.date(2026, 3, 1), 0, value, numerator, denominator)

    assert verdict.over_phase("ratio", [row(1.0, 1, 1), row(0.0, 0, 99), row(None, 0, 0)]) == (0.01, 1, 100)
    assert verdict.over_phase("sum", [row(2), row(None), row(3)])[0] == 5
    assert verdict.over_phase("mean", [row(2), row(None), row(3)])[0] == 2.5
    assert verdict.over_phase("last", [row(2), row(3), row(None)])[0] == 3
    assert verdict.over_phase("ratio", []) == (None, 0, 0)
    assert verdict.over_phase("sum", [])[0] is None


def test_the_verdict_counts_incidents_of_the_phase_and_not_of_all_time(published: ModuleType) -> None:
    with connect("reporter") as session:
        source = content.Source(published.EMR, parse_period("verdict", "day-60", published.EMR), session, {})
        judged = {gate.kpi_id: gate for gate in verdict.judge(source, source.metrics())}
    # two P1 incidents by day 59 (days 3 and 59), one of them in the phase that began on day 30
    assert (judged["incidents_p1"].actual, judged["incidents_p1"].from_day) == (1, 30)
    assert judged["uptime"].low is None, "seconds fail together: no interval for independent trials"
    assert judged["activation"].low is not None
