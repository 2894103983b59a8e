"""Golden sentences: what a review says about given rows, word by word."""

import dataclasses
import datetime as dt

import pytest

from postlaunch.kpis.catalogue import catalogue
from postlaunch.reviews import formats, sentences
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import (
    ActiveUsers,
    CohortCell,
    DailyValue,
    Forecast,
    FunnelStep,
    Incident,
    KpiValue,
    ServiceSums,
    SlaCount,
    TicketCategory,
    Tickets,
)

MARCH = Period("monthly", dt.date(2026, 3, 1), dt.date(2026, 3, 31), "2026-03", "March 2026")
TODAY = Period("daily", dt.date(2026, 3, 12), dt.date(2026, 3, 12), "2026-03-12", "Thursday, 12 March 2026")


def day(number: int, month: int = 3) -> dt.date:
    return dt.date(2026, month, number)


def plain(text: str) -> str:
    return text.replace(formats.NBSP, " ").replace(formats.MINUS, "-")


def metric(**changes: object) -> KpiValue:
    facts = {
        "kpi_id": "error_rate",
        "name": "Error rate",
        "domain": "reliability",
        "unit": "ratio",
        "better": "lower",
        "period_rule": "ratio",
        "value": 0.0006,
        "numerator": 6.0,
        "denominator": 10_000.0,
        "previous": 0.0004,
        "previous_status": "met",
        "week_ago": None,
        "target": 0.001,
        "comparator": "<=",
        "status": "met",
        "is_complete": True,
    }
    given = {**facts, **changes}
    known = catalogue()[str(given["kpi_id"])]
    flags = ("needs_sample", "is_volume", "is_countdown", "denominator_unit")
    return KpiValue(**{**{flag: getattr(known, flag) for flag in flags}, **given})


def errors(*values: float | None) -> list[DailyValue]:
    return [DailyValue("error_rate", day(number), number, value, None, None) for number, value in enumerate(values, start=1)]


def test_a_broken_target_is_counted_in_days_and_the_worst_is_named() -> None:
    month = [0.0005] * 31
    month[11] = 0.009
    found = sentences.threshold(metric(), errors(*month), MARCH, [day(12)])
    assert plain(found.title) == "Error rate broke its 0.1 % target on 1 of 31 days"
    assert plain(found.sentence) == (
        "Worst was 12 March, the day of an incident, with 0.9 %. The month as a whole stands at 0.06 % (n 10,000)."
    )


def test_a_kept_target_and_days_without_data_are_both_said() -> None:
    found = sentences.threshold(metric(), errors(*[0.0005] * 29, None, None), MARCH)
    assert plain(found.title) == "Error rate kept its 0.1 % target on all 29 days measured"
    assert found.sentence.endswith("2 days without data are not counted.")


def test_a_value_on_the_line_meets_its_target() -> None:
    assert not sentences.is_missed(0.001, 0.001, "<=")
    assert not sentences.is_missed(0.999, 0.999, ">=")
    assert sentences.is_missed(0.9989, 0.999, ">=")


def test_without_a_measurement_an_error_rate_is_no_data_and_not_zero() -> None:
    found = sentences.threshold(metric(value=None, status="no_data"), errors(None, None), MARCH)
    assert found.title == "Error rate: no data in March 2026"
    assert "0 %" not in found.title + found.sentence


def test_the_worst_day_of_a_kpi_that_should_be_high_is_its_lowest() -> None:
    uptime = metric(kpi_id="uptime", name="Uptime", better="higher", target=0.999, comparator=">=", value=0.9991, denominator=2_592_000.0)
    found = sentences.threshold(uptime, errors(1.0, 0.98, 1.0), MARCH)
    assert plain(found.title) == "Uptime broke its 99.9 % target on 1 of 3 days"
    assert plain(found.sentence).startswith("Worst was 2 March, with 98 %. The month as a whole stands at 99.91 % (30 days observed).")


def test_active_users_are_compared_with_the_month_before() -> None:
    rows = [ActiveUsers(day(number, 2), 100, 200, 400, 5) for number in range(1, 29)]
    rows += [ActiveUsers(day(number), 110 + number, 300, 500, 2) for number in (1, 2, 3)]
    found = sentences.active_users(rows, MARCH)
    assert plain(found.title) == "Daily active users grew 12 % on February, to 112 a day"
    assert plain(found.sentence) == (
        "A day had between 111 (1 March) and 113 active users (3 March); 500 people used it in the 30 days to 3 March. "
        "6 users were new in March 2026."
    )


def test_one_day_is_compared_with_the_same_weekday_a_week_before() -> None:
    rows = [ActiveUsers(day(5), 400, 600, 900, 20), ActiveUsers(day(11), 900, 900, 900, 0), ActiveUsers(day(12), 300, 610, 910, 1)]
    found = sentences.active_users(rows, TODAY)
    assert plain(found.title) == "300 active users, 25 % fewer than a week before"
    assert found.sentence.endswith("1 user was new that day.")


def test_new_users_that_nobody_could_count_are_not_called_nobody() -> None:
    rows = [ActiveUsers(day(11), 900, 900, 900, None), ActiveUsers(day(12), 300, 610, 910, None)]
    assert plain(sentences.active_users(rows, TODAY).sentence).endswith("; how many were new is not known that day.")
    assert plain(sentences.active_users(rows, MARCH).sentence).endswith("How many were new is not known in March 2026.")


def test_no_rows_of_use_are_no_data() -> None:
    assert sentences.active_users([], MARCH).title == "No data on active users in March 2026"


def step(number: int, name: str, reached: int, pending: int = 0, entered: int = 100) -> FunnelStep:
    return FunnelStep("activation", "First task created", number, name, entered, reached, pending)


def test_a_funnel_counts_pending_entries_neither_as_reached_nor_as_lost() -> None:
    found = sentences.funnel([step(1, "Signed Up", 100), step(2, "Logged In", 85, 5), step(3, "Task Created", 63, 10)], MARCH)
    assert plain(found.title) == "First task created: 70 % get there; most are lost before Task Created"
    assert plain(found.sentence) == (
        "63 of 90 entries in March 2026 reached Task Created; 10 more still have time left. "
        "Dated by entry; the KPI dates an entry by the end of its window. "
        "The biggest loss is between Logged In and Task Created: 17."
    )


def test_a_funnel_whose_entries_are_all_pending_says_nothing_yet() -> None:
    found = sentences.funnel([step(1, "Signed Up", 1, entered=1), step(2, "Task Created", 0, 1, entered=1)], MARCH)
    assert found.title == "First task created: every entry still has time left"
    assert plain(found.sentence) == "The conversion window is open for everyone who entered (n 1); nothing can be said yet."


def test_a_funnel_without_entries_has_no_ratio() -> None:
    assert sentences.funnel([], MARCH).title == "Nobody entered the funnel in March 2026"


def test_retention_takes_complete_weeks_only() -> None:
    cells = [
        CohortCell(day(2), 0, 100, 100, True),
        CohortCell(day(2), 1, 100, 50, True),
        CohortCell(day(9), 1, 300, 90, True),
        CohortCell(day(16), 1, 200, 1, False),
    ]
    found = sentences.cohorts(cells, 30)
    assert plain(found.title) == "Weekly retention: 35 % in the first week after"
    assert plain(found.sentence).startswith(
        "n 400 newcomers in 2 weekly cohorts. Best in the first week after: the cohort of 2 March with 50 % (n 100);"
    )
    assert sentences.cohorts(cells[-1:], 30).title == "Retention: no week is over yet"


def test_the_backlog_is_compared_with_the_day_before_the_month() -> None:
    rows = [Tickets(day(28, 2), 1, 1, 12), Tickets(day(1), 9, 3, 18), Tickets(day(2), 14, 1, 31)]
    found = sentences.tickets(rows, MARCH, [day(2)])
    assert found.title == "The backlog grew from 12 to 31 open tickets"
    assert plain(found.sentence) == (
        "23 tickets were opened and 4 solved in March 2026; the busiest day was 2 March, the day of an incident, with 14."
    )


@pytest.mark.parametrize(
    ("counts", "every", "said"),
    [
        ((("a", 3), ("b", 1), ("none", 9)), 12, "Most common: A, 25 % of the 12 tickets created in March 2026."),
        ((("a", 2), ("b", 2), ("none", 0)), 4, "Most common: A and B, each 50 % of the 4 tickets created in March 2026."),
        ((("a", 1), ("none", 0)), 1, "Most common: A, 100 % of the one ticket created in March 2026."),
        ((("a", 0), ("none", 7)), 7, "Of 7 tickets created in March 2026, none has a category."),
        ((("a", 0), ("none", 0)), 0, "No ticket was created in March 2026."),
        ((("a", None), ("none", None)), None, "There is no data on what tickets were about in March 2026."),
        ((), None, "There is no data on what tickets were about in March 2026."),
    ],
)
def test_the_most_common_category_is_said_with_its_share(counts: tuple[tuple[str, int | None], ...], every: int | None, said: str) -> None:
    rows = [TicketCategory(category, category.upper(), count, None, every) for category, count in counts]
    assert plain(sentences.categories(rows, MARCH)) == said


def test_running_clocks_are_named_but_not_judged() -> None:
    rows = [SlaCount("first_reply", "urgent", 10, 7, 2, 1), SlaCount("resolution", "low", 5, 5, 0, 0)]
    found = sentences.sla(rows, MARCH, 5)
    assert plain(found.title) == "77.8 % of first replies and 100 % of resolutions came in time"
    assert plain(found.sentence) == (
        "Weakest: first reply, urgent tickets, 77.8 % (n 9). 1 clock still runs within time and is not counted."
    )
    assert sentences.sla([SlaCount("resolution", "low", 3, 0, 0, 3)], MARCH, 5).title == "No SLA clock ended in March 2026"


def incident(severity: str, acknowledged: float | None, resolved: float | None) -> Incident:
    at = dt.datetime(2026, 3, 12, 18, tzinfo=dt.UTC)
    return Incident(1, "x", severity, "api", day(12), at, acknowledged, resolved, resolved is None, acknowledged is not None)


def test_open_and_unacknowledged_incidents_stand_beside_the_means() -> None:
    rows = [incident("P1", 240, 3600), incident("P2", None, 7200), incident("P2", 480, None)]
    found = sentences.incidents(rows, MARCH)
    assert plain(found.title) == "3 incidents, 1 of them P0 or P1; resolved in 1.5 h on average"
    assert plain(found.sentence) == (
        "By severity: 1 P1 and 2 P2. Acknowledged after 6 min on average (n 2), resolved: n 2. "
        "Not in these averages: 1 never acknowledged and 1 still open."
    )
    assert sentences.incidents([], MARCH).title == "No incidents in March 2026"


def test_the_error_budget_is_downtime_against_what_the_target_allows() -> None:
    service = ServiceSums("api", "EMR API", 2_678_400, 2_676_900, 3600, 1, 0)
    assert plain(sentences.error_budget(service, 0.9999)) == (
        "EMR API was up 99.944 % of the time: 25 min down, 560 % of the 4.5 min that its target allows. For 60 min nothing was measured."
    )
    assert sentences.error_budget(ServiceSums("api", "EMR API", 0, 0, 86_400, 0, 0), 0.999) == "EMR API: no data on uptime."


def forecast(**changes: object) -> Forecast:
    facts = {
        "resource_id": "memory",
        "resource_name": "Redis memory",
        "unit": "ratio",
        "metric_date": day(31),
        "observed_days_count": 28,
        "level_value": 0.672,
        "slope_per_day": 0.004,
        "slope_low_per_day": 0.003,
        "slope_high_per_day": 0.0054,
        "trigger_value": 0.8,
        "days_to_trigger": 32.0,
        "days_to_trigger_low": 23.7,
        "days_to_trigger_high": 42.7,
        "is_growing": True,
        "backtest_count": 28,
        "backtest_covered_count": 24,
    }
    return Forecast(**{**facts, **changes})


def test_days_to_trigger_are_a_range() -> None:
    assert plain(sentences.days_range(forecast())) == "24 to 43 days"
    assert plain(sentences.backtest(forecast(backtest_count=0))) == "the 95 % interval for a week ahead could not be tested yet"
    assert plain(sentences.days_range(forecast(days_to_trigger_high=None))) == "24 days or more"
    assert sentences.days_range(forecast(days_to_trigger=None, days_to_trigger_low=None)) == "not in sight"
    assert sentences.days_range(forecast(is_growing=False)) == "not in sight"
    assert sentences.days_range(forecast(days_to_trigger=0.0, days_to_trigger_low=0.0)) == "reached"
    assert plain(sentences.days_range(forecast(days_to_trigger_low=400.0))) == "over a year"
    assert plain(sentences.days_range(forecast(days_to_trigger_low=0.3, days_to_trigger_high=0.7))) == "less than a day"
    assert plain(sentences.days_range(forecast(days_to_trigger_low=0.3, days_to_trigger_high=2.4))) == "0 to 2 days"
    assert plain(sentences.days_range(forecast(days_to_trigger_low=0.3, days_to_trigger_high=None))) == "0 days or more"
    found = sentences.capacity([forecast(), forecast(resource_name="CPU", is_growing=False, days_to_trigger=None)])
    assert plain(found.title) == "Redis memory: trigger in 24 to 43 days"
    assert plain(found.sentence) == (
        "Redis memory: level 67.2 %, trigger 80 %, growing by 0.4 points per day (n 28 days; the 95 % interval for a week ahead held on "
        "24 of 28 dates). 1 other resource does not grow for certain."
    )


def test_a_resource_that_is_not_growing_for_certain_is_not_forecast() -> None:
    flat = forecast(is_growing=False, days_to_trigger=None)
    assert sentences.capacity([flat]).title == "No resource is on its way to its trigger"
    assert sentences.capacity([]).title == "No data on capacity"
    assert sentences.capacity([forecast(level_value=0.81, days_to_trigger=0.0)]).title == "Redis memory: trigger reached"


def test_the_headline_counts_targets_and_names_the_missed() -> None:
    met, missed = metric(), metric(name="Activation", status="missed")
    unknown = metric(name="Uptime", status="no_data", value=None)
    assert sentences.headline([met, met]) == "All 2 targets are met."
    assert sentences.headline([met]) == "The only target is met."
    assert sentences.headline([met, missed, unknown]) == "1 of 2 targets is met; missed: activation. 1 other could not be judged."
    assert sentences.headline([metric(target=None, status="no_target")]) == "No targets are set for this phase of the launch."
    assert sentences.headline([unknown]) == "No target could be judged: no data, or too few."


WEEK = Period("weekly", dt.date(2026, 3, 9), dt.date(2026, 3, 15), "2026-W11", "Week 11, 9-15 March 2026")


def test_a_week_that_holds_one_monday_is_compared_with_the_monday_before() -> None:
    monday = WEEK.seen_on([day(9)])
    rows = [ActiveUsers(day(number), 1_000 + 40 * number, 2_000, 3_000, 1) for number in range(2, 10)]
    found = sentences.active_users(rows, monday)
    assert plain(found.title) == "Daily active users grew 26 % on the same day of week 10, to 1,360 a day"
    assert plain(found.sentence) == "3,000 people used it in the 30 days to 9 March. 1 user was new in week 11 up to 9 March."
    assert "between" not in found.sentence
    kept = sentences.threshold(metric(is_complete=False, status="undecided"), [DailyValue("error_rate", day(9), 9, 0.0005, 1, 2)], monday)
    assert plain(kept.title) == "Error rate kept its 0.1 % target on the one day measured"
    assert plain(kept.sentence) == "One day was measured, 9 March: 0.05 % (n 10,000)."


def test_without_the_same_days_before_there_is_no_growth() -> None:
    rows = [ActiveUsers(day(3), 1, 1, 1, 0), ActiveUsers(day(9), 100, 1, 1, 0), ActiveUsers(day(10), 100, 1, 1, 0)]
    assert plain(sentences.active_users(rows, WEEK.seen_on([day(9), day(10)])).title) == "100 daily active users"


def test_a_target_that_is_not_decided_is_neither_met_nor_missed() -> None:
    running = metric(status="undecided", is_complete=False)
    assert sentences.headline([running]) == "No target is decided yet."
    assert sentences.headline([metric(), running]) == "1 target is met. 1 other is not decided yet."


def test_the_quota_of_a_phase_is_no_target_of_a_day() -> None:
    facts = {"kpi_id": "incidents", "subject_id": "P1", "name": "P1 incidents", "unit": "count", "period_rule": "sum", "value": 1.0}
    quota = metric(**facts, target=9.0, status="undecided", is_quota=True)
    day_of_it = dataclasses.replace(quota, phase_value=4.0)
    assert sentences.headline([metric(), day_of_it]) == "The only target is met."
    assert sentences.gap(day_of_it) == "1, 4 of at most 9 in this phase"


def test_a_cohort_under_the_minimum_sample_is_never_best_or_worst() -> None:
    cells = [CohortCell(day(2), 1, 9, 9, True), CohortCell(day(9), 1, 100, 40, True), CohortCell(day(16), 1, 100, 30, True)]
    found = plain(sentences.cohorts(cells, 30).sentence)
    assert "Best in the first week after: the cohort of 9 March with 40 % (n 100); weakest: 16 March with 30 % (n 100)." in found
    assert "Best" not in sentences.cohorts(cells[:2], 30).sentence


def test_weekly_retention_is_told_apart_from_day_7_retention() -> None:
    found = sentences.cohorts([CohortCell(day(2), 1, 100, 88, True)], 30)
    assert plain(found.title) == "Weekly retention: 88 % in the first week after"
    assert "Weekly retention counts a visit on any day of that week, day-7 retention one on the seventh day alone." in found.sentence


def test_a_ratio_within_chance_of_its_target_says_so() -> None:
    near = metric(
        kpi_id="retention",
        name="Day-7 retention",
        domain="product",
        value=221 / 369,
        numerator=221.0,
        denominator=369.0,
        target=0.6,
        comparator=">=",
    )
    assert plain(sentences.gap(near)) == "59.9 %, target ≥ 60 %; the 95 % interval includes the target"
    far = dataclasses.replace(near, value=0.4, numerator=148.0)
    assert plain(sentences.gap(far)) == "40 %, target ≥ 60 %"
    assert not metric().is_near_target, "requests fail together: no interval for independent trials"


def test_what_missed_most_is_named_first() -> None:
    names = [metric(name=f"Rate {ten}", value=ten / 1000, status="missed") for ten in (2, 9, 3, 4, 5)]
    assert sentences.headline(names).startswith("0 of 5 targets are met; missed: rate 9, rate 5, rate 4 and 2 more.")


def test_a_full_resource_is_not_counted_among_those_that_do_not_grow() -> None:
    full = forecast(level_value=0.81, days_to_trigger=0.0, is_growing=False)
    found = sentences.capacity([full, forecast(resource_name="CPU", is_growing=False, days_to_trigger=None)])
    assert found.title == "Redis memory: trigger reached"
    assert found.sentence.endswith("1 other resource does not grow for certain.")


def test_a_resource_that_jumped_is_not_called_flat_or_far_from_its_trigger() -> None:
    jumped = forecast(level_value=0.79, slope_per_day=None, days_to_trigger=None, days_to_trigger_low=None, is_growing=False)
    found = sentences.capacity([jumped, forecast(resource_name="CPU", is_growing=False, days_to_trigger=None)])
    assert found.title == "Redis memory: no trend yet"
    assert plain(found.sentence) == (
        "Redis memory: level 79 %, trigger 80 %. Redis memory changed too recently, or was measured too briefly, for a trend. "
        "1 other resource does not grow for certain."
    )
    assert sentences.days_range(jumped) == "no trend yet"
