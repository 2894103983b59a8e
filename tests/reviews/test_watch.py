"""KPI cherry-picking: what gets worse without a target is said all the same."""

import datetime as dt

import pytest

from postlaunch.kpis.catalogue import catalogue
from postlaunch.reviews import content, formats, watch
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import KpiValue
from postlaunch.reviews.weekly import wins

WEEK = Period("weekly", dt.date(2026, 3, 9), dt.date(2026, 3, 15), "2026-W11", "Week 11")
DAY = Period("daily", dt.date(2026, 3, 12), dt.date(2026, 3, 12), "2026-03-12", "Thursday")


def metric(**changes: object) -> KpiValue:
    facts = {
        "kpi_id": "first_reply_attainment",
        "name": "First replies in time",
        "domain": "support",
        "unit": "ratio",
        "better": "higher",
        "period_rule": "ratio",
        "value": 0.631,
        "numerator": 77.0,
        "denominator": 122.0,
        "previous": 0.952,
        "previous_status": "no_target",
        "week_ago": 0.64,
        "target": None,
        "comparator": None,
        "status": "no_target",
        "is_complete": True,
    }
    given = {**facts, **changes}
    known = catalogue()[str(given["kpi_id"])]
    flags = ("needs_sample", "is_volume", "is_countdown", "denominator_unit")
    return KpiValue(**{**{flag: getattr(known, flag) for flag in flags}, **given})


def test_replies_that_get_slower_are_watched_although_no_target_says_so() -> None:
    assert watch.watched([metric()], WEEK, 30) == [metric()]
    assert watch.line(metric(), WEEK).replace(formats.NBSP, " ") == "First replies in time: 63.1 %, was 95.2 % (n 122)"


@pytest.mark.parametrize(
    "changes",
    [
        {"denominator": 29.0},
        {"value": 0.91},
        {"previous": None},
        {"is_complete": False},
        {"status": "missed"},
        {"status": "met"},
        {"kpi_id": "days_to_trigger", "unit": "days", "value": 115.0, "previous": 179.0, "denominator": None},
        {"value": None},
        {"better": "lower"},
        {"kpi_id": "tickets_solved", "unit": "count", "value": 40.0, "previous": 90.0, "denominator": None},
        {"kpi_id": "new_users", "unit": "count", "value": 3.0, "previous": 9.0, "denominator": None},
    ],
)
def test_noise_and_what_is_said_elsewhere_are_not_watched(changes: dict[str, object]) -> None:
    assert watch.watched([metric(**changes)], WEEK, 30) == []


def test_a_quota_that_is_used_up_faster_than_its_days_pass_comes_first() -> None:
    facts = {"kpi_id": "incidents", "name": "P1 incidents", "unit": "count", "better": "lower", "period_rule": "sum", "value": 1.0}
    promised = {"target": 3.0, "comparator": "<", "is_quota": True, "phase_value": 2.0, "status": "at_risk", "denominator": None}
    risky = metric(**facts, **promised)
    assert watch.watched([metric(), risky], WEEK, 30) == [risky, metric()]
    text = watch.line(risky, WEEK).replace(formats.NBSP, " ")
    assert text == "P1 incidents: 2 of fewer than 3 in this phase, used up faster than its days pass"


def test_a_day_is_compared_with_the_same_day_a_week_ago() -> None:
    assert watch.watched([metric()], DAY, 30) == []
    assert watch.watched([metric(week_ago=0.9)], DAY, 30) == [metric(week_ago=0.9)]


def test_a_trigger_within_a_month_is_watched_and_is_no_win_even_if_it_was_nearer() -> None:
    near = metric(
        kpi_id="days_to_trigger",
        name="Days to the next scaling trigger",
        unit="days",
        domain="capacity",
        value=8.0,
        previous=4.0,
        denominator=None,
    )
    assert watch.watched([near], WEEK, 30) == [near]
    assert watch.line(near, WEEK).replace(formats.NBSP, " ") == "The next scaling trigger is 8 days away"
    assert wins([near], 30) == []


@pytest.mark.parametrize(("value", "said"), [(0.0, "is reached"), (0.67, "is less than a day away"), (1.2, "is 1 day away")])
def test_a_trigger_is_reached_when_it_is_and_not_the_day_before(value: float, said: str) -> None:
    near = metric(kpi_id="days_to_trigger", unit="days", domain="capacity", value=value, denominator=None)
    assert watch.line(near, WEEK).replace(formats.NBSP, " ") == f"The next scaling trigger {said}"


def test_what_got_worse_most_comes_first_after_a_near_trigger() -> None:
    errors = {"kpi_id": "error_rate", "unit": "ratio", "domain": "reliability", "better": "lower", "denominator": 9_000.0}
    worsened = [
        metric(name="First replies in time", value=0.85, previous=0.95),  # 11 % worse
        metric(name="Error rate", value=0.004, previous=0.001, **errors),  # three times worse
        metric(name="Uptime", **{**errors, "better": "higher", "value": 0.6, "previous": 0.99}),  # 39 %
        metric(kpi_id="new_users", name="New users", unit="count", domain="product", value=100.0, previous=400.0, denominator=None),  # 75 %
        metric(name="Activation", domain="product", value=0.3, previous=0.6),  # 50 %
    ]
    near = metric(kpi_id="days_to_trigger", name="Days", unit="days", domain="capacity", value=8.0, previous=4.0, denominator=None)
    expected = ["Days", "Error rate", "New users", "Activation", "Uptime", "First replies in time"]
    for seen in ([*worsened, near], [near, *reversed(worsened)]):
        assert [each.name for each in watch.watched(seen, WEEK, 30)] == expected
    light = content.light("support", [], None, watch.watched(worsened, WEEK, 30))
    assert light.text == "watch error rate, new users and 3 more", "what is left out is what got worse least"


def test_wins_are_targets_regained_and_improvements_beyond_noise() -> None:
    regained = metric(name="Activation", value=0.83, previous=0.78, target=0.8, comparator=">=", status="met", previous_status="missed")
    better = metric(value=0.95, previous=0.85)
    bullets = [bullet.text.replace(formats.NBSP, " ") for bullet in wins([better, regained, metric(value=0.96)], 30)]
    assert bullets == ["Activation is back on target: 83 %, target ≥ 80 %", "First replies in time: 95 %, was 85 % (n 122)"]


def test_a_light_is_green_only_without_anything_to_watch() -> None:
    met, eyes = metric(name="Activation", target=0.8, comparator=">=", status="met"), metric()
    assert (content.light("support", [met], None).tone, content.light("support", [met], None).text) == ("good", "target met")
    seen = content.light("support", [met, eyes], None, [eyes])
    assert (seen.tone, seen.text) == ("warn", "target met; watch first replies in time")
    missed = metric(name="Activation", target=0.8, comparator=">=", status="missed")
    assert (content.light("support", [met, met, missed], None).tone, content.light("support", [met, missed], None).tone) == ("warn", "bad")
    assert content.light("support", [], None).text == "no data"
