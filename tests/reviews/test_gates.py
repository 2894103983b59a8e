"""The verdict's rule, case by case, and its intervals against published figures."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from types import ModuleType

import pytest
from scipy.stats import binomtest

from postlaunch.config.launch import Launch, LaunchKpi, Target
from postlaunch.config.verdict import VerdictRules
from postlaunch.errors import ReviewError
from postlaunch.reviews import content, documents, mirage, verdict
from postlaunch.reviews.gates import Gate, recommend
from postlaunch.reviews.intervals import difference, wilson
from postlaunch.reviews.mirage import Staying
from postlaunch.reviews.period import parse_period
from postlaunch.warehouse.db import connect


def gate(kpi: str, outcome: str, domain: str = "product") -> Gate:
    return Gate(kpi, "", "", kpi, domain, "ratio", 0.5, 5, 10, 0.5, ">=", 0, 29, outcome, is_stability=kpi == "uptime")


def test_the_wilson_interval_equals_the_published_one() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3: 81/263 and 15/148
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5), "Newcombe's table II, method 10"
    assert difference(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert wilson(0, 20)[0] == pytest.approx(0, abs=1e-12)
    for successes, total in ((0, 1), (1, 1), (221, 369), (5, 30), (99_990, 100_000)):
        truth = binomtest(successes, total).proportion_ci(0.95, method="wilson")
        assert wilson(successes, total) == pytest.approx((truth.low, truth.high), abs=1e-12)


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
        found = {"/".join(part for part in (gate.kpi_id, gate.subject_id) if part): gate for gate in verdict.judge(basis, basis.metrics())}
        text = " ".join(documents.to_text(verdict.document(basis)).split())
        session.rollback()
    return found, text


def promising(launch: Launch, *kpis: LaunchKpi) -> Launch:
    return launch.model_copy(update={"kpis": kpis})


def test_a_target_whose_source_the_launch_file_lacks_is_a_gate_that_is_not_measured(published: ModuleType) -> None:
    launch = promising(
        published.SHOP, *(kpi for kpi in published.EMR.kpis if (kpi.kpi, kpi.subject) in (("retention", "1"), ("uptime", "")))
    )
    promised = """
        insert into marts.verdict_gates
        select (jsonb_populate_record(gate, '{"launch_id": "shop", "status": "met"}')).* from marts.verdict_gates as gate
        where launch_id = 'emr-platform' and kpi_id = 'retention' and subject_id = '1'
    """
    found, text = judged_after([promised], launch, "day-60")
    assert {kpi: gate.outcome for kpi, gate in found.items()} == {"retention/1": "met", "uptime": "no_data"}
    assert "not measured, target ≥ 99.99 % · the launch file has no section prometheus" in text
    assert "Recommendation: insufficient data" in text


def test_each_target_of_a_kpi_that_no_mart_knows_is_a_gate(published: ModuleType) -> None:
    uptime = next(kpi for kpi in published.EMR.kpis if kpi.kpi == "uptime")
    said = {"document": "Handbook", "section": "2.1", "words": "up\u202e nearly always"}
    targets = [
        {"at_least": 0.999, "per": "week", "promise": said},
        {"from_day": 30, "to_day": 89, "at_least": 0.9999},
        {"from_day": 60, "at_least": 0.9},
        {"phase": "late", "from_day": 40, "to_day": 80, "change": 0.01, "since": "early", "per": "month"},
    ]
    launch = promising(published.SHOP, uptime.model_copy(update={"targets": tuple(map(Target.model_validate, targets))}))
    with connect("reporter") as session:
        basis = content.Basis(launch, parse_period("verdict", "day-60", launch), session, {})
        judged = verdict.judge(basis, basis.metrics())
    found = [(gate.outcome, gate.target, gate.period_kind, gate.from_day, gate.to_day, gate.due_day, gate.promise) for gate in judged]
    assert found == [
        ("no_data", 0.999, "week", 0, 59, None, "Handbook 2.1: up nearly always"),
        ("no_data", 0.9999, "phase", 30, 59, 89, ""),
        ("no_data", None, "month", 40, 59, 80, ""),
    ], "day 59 is the last judged one: what begins on day 60 is not promised yet"


def test_a_provisional_verdict_names_the_day_on_which_to_judge_again(published: ModuleType) -> None:
    met = "update marts.verdict_gates set status = 'met' where verdict_day = 30"
    _, text = judged_after([met], ruled(published.EMR, days=[30, 45, 90]), "day-30")
    assert "(the 30-day mirage). Judge again at day 45." in text
    _, text = judged_after([met], ruled(published.EMR, days=[7, 30]), "day-30")
    assert "(the 30-day mirage)." in text
    assert "Judge again" not in text


def test_a_verdict_says_what_stands_behind_each_outcome(published: ModuleType) -> None:
    gates_of = "update marts.verdict_gates set {} where launch_id = 'emr-platform' and verdict_day = 60 and kpi_id = '{}'"
    changes = {
        "uptime": "status = 'undecided', days_unseen_count = 29",
        "error_rate": "status = 'missed', period_kind = 'week', periods_count = 4, periods_met_count = 3, value = 0.002",
        "latency_p95": "status = 'undecided', target = null",
        "incidents": "status = 'at_risk', value = 8, phase_end = '2026-04-11'",
        "first_reply_attainment": "promise = 'Support handbook 2.1: 90 % in time'",
    }
    found, text = judged_after([gates_of.format(change, kpi) for kpi, change in changes.items()], published.EMR, "day-60")
    assert "not decided, target ≥ 99.99 % · 29 of 30 days not seen" in text
    assert "missed, target ≤ 0.1 % each week · 3 of 4 weeks met it, the worst is shown" in text
    assert "not decided, target not known yet" in text
    assert "at risk, target ≤ 9 · promised up to day 89" in text
    assert "Support handbook 2.1: 90 % in time" in text
    assert found["incidents/P1"].outcome == "at_risk"
    assert "could not be judged" in text, "what is at risk is not met"


def test_how_fast_incidents_are_handled_is_no_promise_where_none_came(published: ModuleType) -> None:
    quiet = """
        insert into marts.verdict_gates
        select (jsonb_populate_record(gate, '{"kpi_id": "mean_time_to_resolve", "domain": "incidents", "status": "nothing", "target": 900,
            "comparator": "<=", "value": null, "denominator": 0}')).*
        from marts.verdict_gates as gate
        where launch_id = 'emr-platform' and kpi_id = 'uptime'
    """
    found, text = judged_after([quiet], published.EMR, "day-30")
    assert found["mean_time_to_resolve"].outcome == "nothing"
    assert "nothing to measure, target ≤ 15 min" in text


def test_overlapping_targets_of_a_kpi_are_gates_side_by_side(published: ModuleType) -> None:
    longer = """
        insert into marts.verdict_gates
        select (jsonb_populate_record(gate, '{"phase_end": "2026-04-11", "target": 9}')).* from marts.verdict_gates as gate
        where launch_id = 'emr-platform' and kpi_id = 'incidents' and verdict_day = 30
    """
    with connect() as session:
        session.execute(longer.encode())
        basis = content.Basis(published.EMR, parse_period("verdict", "day-30", published.EMR), session, {})
        found = [(gate.target, gate.due_day) for gate in verdict.judge(basis, basis.metrics()) if gate.kpi_id == "incidents"]
        session.rollback()
    assert found == [(2, 29), (9, 89)]


def ruled(launch: Launch, **rules: object) -> Launch:
    return launch.model_copy(update={"verdict": VerdictRules.model_validate(rules)})


def test_a_kpi_is_not_judged_before_its_business_cycle_has_passed(published: ModuleType) -> None:
    cycles = [{"name": "Quarter", "kpis": ["activation"], "calendar": "quarter"}]
    found, text = judged_after([], ruled(published.EMR, cycles=cycles), "day-60")
    assert found["activation"].outcome == "undecided"
    assert found["uptime"].outcome in ("met", "missed"), "what has no cycle does not wait"
    assert "one business cycle has to pass first (Quarter, up to 30 June 2026)" in text


def test_a_verdict_is_provisional_until_a_peak_was_seen(published: ModuleType) -> None:
    before = [{"name": "Open day", "first": "2025-12-01", "last": "2025-12-02"}]
    ahead = [{"name": "Spring rush", "first": "2026-05-01", "last": "2026-05-03"}]
    inside = [{"name": "Valentine", "first": "2026-02-13", "last": "2026-02-15"}]
    for peaks in (before, ahead):
        _, text = judged_after([], ruled(published.EMR, peaks=peaks), "day-60")
        assert "(provisional)" in text
        assert f"no peak was seen ({peaks[0]['name']}" in text
    for peaks in ([], [*ahead, *inside]):
        assert "rovisional" not in judged_after([], ruled(published.EMR, peaks=peaks), "day-60")[1]
    hole = "delete from marts.kpi_daily where domain = 'support' and metric_date = '2026-02-14'"
    assert "no peak was seen (Valentine" in judged_after([hole], ruled(published.EMR, peaks=inside), "day-60")[1]


def test_what_only_a_person_knows_is_a_line_to_attest(published: ModuleType) -> None:
    _, text = judged_after([], ruled(published.EMR, attest=["Team not burned out"]), "day-60")
    assert "Team not burned out: ______" in text.partition("FOR A PERSON TO ATTEST")[2].partition("FOR A PERSON TO SIGN")[0]
    assert "ATTEST" not in judged_after([], published.EMR, "day-60")[1]


def test_a_launch_is_judged_on_the_days_that_its_file_names(published: ModuleType) -> None:
    launch = ruled(published.EMR, days=[14, 45])
    assert parse_period("verdict", "day-45", launch).end == launch.date + dt.timedelta(days=44)
    with pytest.raises(ReviewError, match="one of the verdict days of the launch file"):
        parse_period("verdict", "day-30", launch)


@pytest.mark.parametrize(
    ("staying", "is_mirage", "words"),
    [
        (
            Staying(660, 540, 240, 12),
            True,
            "The 30-day mirage: on their day 7 5 % of the 240 who began after day 29, and 81.8 % of the 660 before were active.",
        ),
        (Staying(660, 540, 240, 190), False, "No sure sign of the 30-day mirage: on their day 7 79.2 % of the 240"),
        (Staying(660, 540, 29, 0), False, "Whether later users stay is not known: 29 users began after day 29, 660 before."),
        (Staying(0, 0, 0, 0), False, "Whether later users stay is not known: 0 users began after day 29, 0 before."),
    ],
)
def test_a_mirage_is_seen_in_those_who_came_later(staying: Staying, is_mirage: bool, words: str) -> None:
    assert staying.is_mirage(30) is is_mirage
    assert words in mirage.sentence(staying, 30).replace("\N{NO-BREAK SPACE}", " ")


def test_a_mirage_takes_scale_away_and_nothing_else() -> None:
    met = [gate("activation", "met"), gate("uptime", "met", "reliability")]
    assert recommend(met, 60, 28, []).recommendation == "scale"
    found = recommend(met, 60, 28, [], is_mirage=True)
    assert (found.recommendation, found.reason) == ("pivot", "later users do not stay as the first did, though no gate is missed")
    missed = [*met, gate("retention", "missed")]
    assert recommend(missed, 60, 28, [], is_mirage=True) == recommend(missed, 60, 28, [])
    assert recommend(met, 20, 28, [], is_mirage=True).recommendation == "insufficient data"
