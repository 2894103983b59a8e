"""The verdict's rule, case by case, and its intervals against published figures."""

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from types import ModuleType

import pytest
from scipy.stats import binomtest

from postlaunch.config.launch import Launch, LaunchKpi, Target
from postlaunch.reviews import content, documents, gates, verdict
from postlaunch.reviews.gates import Gate, recommend
from postlaunch.reviews.intervals import wilson
from postlaunch.reviews.period import parse_period
from postlaunch.reviews.rows import DailyValue
from postlaunch.warehouse.db import connect


def gate(kpi: str, outcome: str, domain: str = "product") -> Gate:
    return Gate(kpi, kpi, domain, "ratio", 0.5, 5, 10, 0.5, ">=", 0, 29, outcome, is_stability=kpi == "uptime")


def test_a_user_who_entered_on_many_days_of_a_phase_counts_once_in_the_verdict(published: ModuleType) -> None:
    phase = "where launch_id = 'emr-platform' and kpi_id = 'activation' and period_kind = 'phase' and launch_day = 29"
    with connect() as session:
        session.execute(f"update marts.scorecard set numerator = 90, denominator = 100, value = 0.9 {phase}".encode())
        session.execute("update marts.kpi_daily set numerator = 1, denominator = 1, value = 1 where kpi_id = 'activation'")
        reader = content.Basis(published.EMR, parse_period("verdict", "day-30", published.EMR), session, {})
        (found,) = (gate for gate in verdict.judge(reader, verdict.promised_metrics(reader)) if gate.kpi_id == "activation")
        session.rollback()
    assert (found.actual, found.numerator, found.denominator, found.outcome) == (0.9, 90, 100, "met")


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


@pytest.mark.parametrize("blind", ["no_data", "undecided", "insufficient_data"])
def test_a_gate_that_is_not_judged_counts_against_all_met_and_is_named(blind: str) -> None:
    met = [gate("activation", "met"), gate("retention", "met")]
    found = recommend([*met, gate("uptime", blind, "reliability")], 90, 28, [])
    assert (found.recommendation, found.reason) == ("insufficient data", "only 2 of 3 gates are met, and uptime could not be judged")
    missed = recommend([*met, gate("uptime", blind, "reliability"), gate("activation", "missed")], 90, 28, [])
    assert (missed.recommendation, missed.reason) == ("pivot", "1 of 3 judged gates is missed, and uptime could not be judged")
    quiet = recommend([*met, gate("mean_time_to_resolve", "nothing", "incidents")], 90, 28, [])
    assert (quiet.recommendation, quiet.reason) == ("scale", "every gate is met (2 of 2)"), "no incident came: nothing is unmeasured"


def test_days_that_nobody_saw_leave_a_gate_undecided_unless_they_change_nothing() -> None:
    assert gates.outcome(0.9999, None, 0.999, ">=", None, is_whole=False) == "undecided"
    assert gates.outcome(0.5, 10, 0.9, ">=", 30, is_whole=False) == "undecided"
    quota = {"is_whole": False, "is_quota": True}
    assert gates.outcome(3, None, 2, "<=", None, **quota) == "missed", "three of at most two stay three"
    assert gates.outcome(2, None, 2, "<=", None, **quota) == "undecided"
    assert gates.outcome(100, None, 100, ">=", None, **quota) == "met"
    assert gates.outcome(99, None, 100, ">=", None, **quota) == "undecided"


def test_with_half_of_the_gates_open_nothing_is_recommended() -> None:
    rows = [gate("activation", "met"), gate("retention", "insufficient_data")]
    assert recommend(rows, 90, 28, []).reason == "only 1 of 2 gates could be judged"
    assert recommend([], 90, 28, []).recommendation == "insufficient data"


def test_use_without_its_guardrails_is_no_scale() -> None:
    rows = [gate("activation", "met"), gate("retention", "met"), gate("first_reply_attainment", "missed", "support")]
    assert recommend(rows, 90, 28, []).recommendation == "pivot"
    assert recommend(rows[:2], 90, 28, []).recommendation == "scale"


def test_an_unstable_launch_that_misses_half_of_its_gates_is_rolled_back() -> None:
    rows = [gate("activation", "missed"), gate("retention", "met"), gate("uptime", "missed", "reliability")]
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
    last = dt.date(2026, 3, 3)

    def over(rule: str, *values: tuple[float | None, ...]) -> tuple[float | None, float | None, float | None]:
        """Values (value, numerator, denominator) of the days from 1 March, judged on the 3rd."""
        days = [DailyValue("kpi", dt.date(2026, 3, day), day, *(*value, None, None)[:3]) for day, value in enumerate(values, start=1)]
        return verdict.over_phase(rule, days, last)

    assert over("ratio", (1.0, 1, 1), (0.0, 0, 99), (None, 0, 0)) == (0.01, 1, 100)
    assert over("sum", (2,), (None,), (3,))[0] == 5
    assert over("mean", (2,), (None,), (3,))[0] == 2.5
    assert over("last", (2,), (None,), (3,))[0] == 3
    assert over("last", (2,), (3,), (None,))[0] is None, "the day before does not speak for the last one"
    assert over("last", (2,), (3,))[0] is None
    assert over("quantile", (2,), (3,), (4,))[0] is None
    assert over("uniques", (0.5, 1, 2), (0.5, 1, 2)) == (None, None, None), "who came on both days is one"
    assert (over("max", (2,), (4,), (3,))[0], over("min", (2,), (4,), (3,))[0]) == (4, 2)
    assert over("ratio") == (None, 0, 0)
    assert over("sum")[0] is None


def test_the_verdict_counts_incidents_of_the_phase_and_not_of_all_time(published: ModuleType) -> None:
    with connect("reporter") as session:
        basis = content.Basis(published.EMR, parse_period("verdict", "day-60", published.EMR), session, {})
        judged = {gate.name: gate for gate in verdict.judge(basis, basis.metrics())}
    # two P1 incidents by day 59 (days 3 and 59), one of them in the phase that began on day 30
    assert (judged["P1 incidents"].actual, judged["P1 incidents"].from_day) == (1, 30)
    assert judged["Uptime"].low is None, "seconds fail together: no interval for independent trials"
    assert judged["Activation"].low is not None


def judged_after(statements: Sequence[str], launch: Launch, day: str) -> tuple[dict[str, Gate], str]:
    """Gates by KPI, or KPI and subject, and the text of a verdict over the story, changed by some statements that are undone afterwards."""
    with connect() as session:
        for statement in statements:
            session.execute(statement.encode())
        basis = content.Basis(launch, parse_period("verdict", day, launch), session, {})
        metrics = verdict.promised_metrics(basis)
        ids = {metric.label: "/".join(part for part in (metric.kpi_id, metric.subject_id) if part) for metric in metrics}
        found = {ids[gate.name]: gate for gate in verdict.judge(basis, metrics)}
        text = " ".join(documents.to_text(verdict.document(basis)).split())
        session.rollback()
    return found, text


def promising(launch: Launch, *kpis: LaunchKpi) -> Launch:
    return launch.model_copy(update={"kpis": kpis})


def test_a_quantile_is_judged_by_its_own_quantile(published: ModuleType) -> None:
    copied = "insert into marts.{0} select (jsonb_populate_record(row, '{1}')).* from marts.{0} as row where kpi_id = 'latency_p95'"
    kinds = {"latency_p50": "request_duration", "queue_p50": "queue_wait"}
    changes = [json.dumps({"kpi_id": kpi, "name": kpi, "buckets": kind, "quantile": 0.5}) for kpi, kind in kinds.items()]
    statements = [copied.format(table, change) for table in ("kpis", "kpi_daily", "scorecard") for change in changes]
    promises = [LaunchKpi(kpi=kpi, targets=(Target(at_most=0.3),)) for kpi in ("latency_p95", *kinds)]
    found, _ = judged_after(statements, promising(published.EMR, *promises), "day-30")
    # weights 30, 35, ... of 98.65 below 0.05 s, 0.1 s, ...: half of all requests ends in the second bucket
    assert found["latency_p50"].actual == pytest.approx(0.05 + 0.05 * (98.65 / 2 - 30) / 35)
    assert found["latency_p50"].outcome == "met"
    assert found["latency_p95"].actual > 0.2, "and the p95 by its p95"
    assert found["queue_p50"].outcome == "no_data", "other buckets do not speak for it"


def test_a_target_whose_source_the_launch_file_lacks_is_a_gate_that_is_not_measured(published: ModuleType) -> None:
    launch = promising(
        published.SHOP, *(kpi for kpi in published.EMR.kpis if (kpi.kpi, kpi.subject) in (("retention", "1"), ("uptime", "")))
    )
    promised = (
        "update marts.scorecard set target = 0.5, comparator = '>=' where launch_id = 'shop' and kpi_id = 'retention' and subject_id = '1'"
    )
    found, text = judged_after([promised], launch, "day-60")
    assert {kpi: gate.outcome for kpi, gate in found.items()} == {"retention/1": "met", "uptime": "no_data"}
    assert "not measured, target ≥ 99.99 % · the launch file has no section prometheus" in text
    assert "Recommendation: insufficient data" in text


def test_one_covered_day_of_thirty_is_not_judged_like_thirty(published: ModuleType) -> None:
    early = "between '2026-01-12' and '2026-02-09'"
    gone = [f"delete from marts.kpi_daily where domain in ('reliability', 'incidents') and metric_date {early}"]
    gone.append(
        f"delete from marts.scorecard where domain in ('reliability', 'incidents') and period_kind = 'day' and period_start {early}"
    )
    found, text = judged_after(gone, published.EMR, "day-30")
    assert {found[kpi].outcome for kpi in ("uptime", "error_rate", "latency_p95", "incidents/P1")} == {"undecided"}
    assert (found["uptime"].days_unseen, found["activation"].days_unseen) == (29, 0)
    assert "not decided, target ≥ 99.9 % · 29 of 30 days not seen" in text
    broken = "update marts.kpi_daily set value = 3 where kpi_id = 'incidents' and subject_id = 'P1' and metric_date = '2026-02-10'"
    assert judged_after([*gone, broken], published.EMR, "day-30")[0]["incidents/P1"].outcome == "missed"


def test_dates_that_are_covered_and_not_counted_are_no_zeros_of_a_quota(published: ModuleType) -> None:
    nowhere = "update marts.kpi_daily set value = null where kpi_id = 'incidents' and subject_id = 'P1' and metric_date < '2026-02-10'"
    assert judged_after([nowhere], published.EMR, "day-30")[0]["incidents/P1"].outcome == "undecided"


def test_how_fast_incidents_are_handled_is_no_promise_where_none_came(published: ModuleType) -> None:
    launch = promising(published.EMR, LaunchKpi(kpi="mean_time_to_resolve", targets=(Target(at_most=900),)))
    quiet = "update marts.kpi_daily set value = null, numerator = 0, denominator = 0 where kpi_id = 'mean_time_to_resolve'"
    found, text = judged_after([quiet], launch, "day-30")
    assert found["mean_time_to_resolve"].outcome == "nothing"
    assert "nothing to measure, target ≤ 15 min" in text
    blind = "update marts.kpi_daily set value = null, numerator = null, denominator = null where kpi_id = 'mean_time_to_resolve'"
    assert judged_after([blind], launch, "day-30")[0]["mean_time_to_resolve"].outcome == "no_data", "nobody asked: that is another thing"
