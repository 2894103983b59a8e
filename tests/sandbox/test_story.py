"""The story is the same each time, has the shape that was promised, and its truth functions agree with counts done by hand."""

from __future__ import annotations

import datetime as dt
import itertools
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from postlaunch.config.launch import Launch
from sandbox.story import Plan, cdnow, people, truth
from sandbox.story.clock import SandboxClock, last_complete_date, last_night, story_launch_date
from sandbox.story.event_records import record, records, wall_clock
from sandbox.story.events import EVENT_NAMES, LATE_DAY, LOGGED_IN, SIGNED_UP, event_day
from sandbox.story.incidents import incident_record, incidents
from sandbox.story.launches import render
from sandbox.story.machines import BOUNDS, counters, gauges
from sandbox.story.support_hours import add_business_seconds, business_seconds
from sandbox.story.ticket_records import generated_at, metric_events, rating_record, ticket_record
from sandbox.story.tickets import all_tickets
from sandbox.story.troubles import main_trouble, troubles

PLAN = Plan(dt.date(2026, 1, 12))
NOW = dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC).timestamp()
NEW_YORK = ZoneInfo("America/New_York")
SPRING_FORWARD_DAY = 55  # 2026-03-08
DAYS = range(-9, 91)


def night_after(day: int) -> float:
    """06:00 UTC on the date after a launch day: when the nightly run first pulls it."""
    return dt.datetime.combine(PLAN.date_of(day + 1), dt.time(6), tzinfo=dt.UTC).timestamp()


@pytest.fixture(scope="module")
def told() -> list[truth.Event]:
    """All events of the story, each once."""
    return truth.events(PLAN, NOW)


# One story -------------------------------------------------------------------------------------------------------------


def test_a_day_is_the_same_when_it_is_told_again_alone() -> None:
    first = list(records(PLAN, event_day(PLAN, 40)))
    for cache in (event_day, people.cohort, people.sign_ups, troubles):
        cache.cache_clear()
    assert list(records(PLAN, event_day(PLAN, 40))) == first


def test_another_seed_tells_another_story() -> None:
    other = event_day(Plan(PLAN.launch_date, seed=8), 40)
    mine = event_day(PLAN, 40)
    assert len(other) != len(mine) or not np.array_equal(other.insert_number, mine.insert_number)


def test_the_history_holds_two_hundred_thousand_deliveries_with_rich_records() -> None:
    days = [event_day(PLAN, day) for day in DAYS]
    assert 150_000 <= sum(len(day) for day in days) <= 250_000
    sample = [record(PLAN, days[60], row) for row in range(0, len(days[60]), 50)]
    assert all(12 <= len(each["properties"]) <= 25 for each in sample)
    assert any(not str(each).isascii() for each in sample)
    assert len({each["properties"]["$insert_id"] for each in sample}) == len(sample)


def test_one_delivery_in_two_hundred_comes_twice_and_later() -> None:
    days = [event_day(PLAN, day) for day in DAYS]
    again = sum(int((day.attempt == 2).sum()) for day in days)
    assert 0.003 < again / sum(len(day) for day in days) < 0.007
    day = days[50]
    for row in np.flatnonzero(day.attempt == 2):
        both = np.flatnonzero(day.insert_number == day.insert_number[row])
        assert len(both) == 2
        assert day.processed_at_ms[both[1]] > day.processed_at_ms[both[0]]
        assert day.occurred_at[both[0]] == day.occurred_at[both[1]]


def test_events_keep_to_their_new_york_day_also_when_the_clocks_change() -> None:
    for day in (SPRING_FORWARD_DAY - 1, SPRING_FORWARD_DAY, SPRING_FORWARD_DAY + 1):
        moments = event_day(PLAN, day).occurred_at
        assert {dt.datetime.fromtimestamp(int(moment), NEW_YORK).date() for moment in moments} == {PLAN.date_of(day)}
    assert PLAN.at(SPRING_FORWARD_DAY + 1) - PLAN.at(SPRING_FORWARD_DAY) == 23 * 3600
    assert [hour for _, hour in PLAN.hours_of(SPRING_FORWARD_DAY)][:4] == [0, 1, 3, 4]


def test_users_join_in_the_waves_of_the_plan() -> None:
    assert [people.users_before(PLAN, day) for day in (0, 7, 14, 21, 28)] == [25, 100, 500, 1500, 2000]
    assert people.wave_of(-1) == "internal"
    assert people.wave_of(7) == "week-2"
    assert people.wave_of(80) == "general"


def test_nobody_acts_before_signing_up() -> None:
    joined: dict[int, int] = {}
    for day in range(-9, 30):
        events = event_day(PLAN, day)
        for row in np.argsort(events.occurred_at, kind="stable"):
            if events.name[row] == SIGNED_UP:
                joined.setdefault(int(events.user[row]), int(events.occurred_at[row]))
            else:
                assert joined[int(events.user[row])] <= events.occurred_at[row]


def test_working_days_are_busier_than_weekends(told: list[truth.Event]) -> None:
    active = truth.active_users(told)
    days = [day for day in range(40, 91) if day != main_trouble(PLAN).day]
    busy = [len(active[PLAN.date_of(day)]) for day in days if PLAN.weekday(day) < 5]
    quiet = [len(active[PLAN.date_of(day)]) for day in days if PLAN.weekday(day) >= 5]
    assert min(busy) > max(quiet)


# The late batch --------------------------------------------------------------------------------------------------------


def test_only_day_88_changes_after_the_night_that_first_pulls_it() -> None:
    for day in DAYS:
        late = float((event_day(PLAN, day).processed_at_ms > night_after(day) * 1000).mean())
        assert (0.07 < late < 0.13) if day == LATE_DAY else late == 0.0


def test_the_late_batch_is_there_on_the_last_night() -> None:
    assert int(event_day(PLAN, LATE_DAY).processed_at_ms.max()) < NOW * 1000


# One incident, felt everywhere -----------------------------------------------------------------------------------------


def test_the_great_incident_is_a_weekday_afternoon_of_eighty_minutes() -> None:
    trouble = main_trouble(PLAN)
    start = dt.datetime.fromtimestamp(trouble.starts_at, NEW_YORK)
    assert (trouble.day, start.weekday() < 5, start.hour, trouble.lasts) == (37, True, 14, 80)
    assert PLAN.weekday(main_trouble(Plan(dt.date(2026, 8, 21))).day) < 5


def test_it_raises_errors_and_latency_and_takes_an_instance_down() -> None:
    date = PLAN.date_of(37)
    failed, total = truth.requests(PLAN, date, NOW, 300)
    usual_failed, usual_total = truth.requests(PLAN, PLAN.date_of(36), NOW, 300)
    assert failed / total > 10 * usual_failed / usual_total
    assert truth.latency_quantile(PLAN, 0.95, date, NOW, 300) > 1.2 * truth.latency_quantile(PLAN, 0.95, PLAN.date_of(36), NOW, 300)
    up, observed = truth.up_seconds(PLAN, date, NOW, 300)
    assert observed == 2 * 86_400
    assert 600 <= observed - up <= 1200


def test_it_loses_actions_and_conversions(told: list[truth.Event]) -> None:
    trouble = main_trouble(PLAN)

    def during(day: int) -> int:
        start = PLAN.at(day, *trouble.clock)
        return sum(start <= event.at < start + 60 * trouble.lasts for event in told if event.name == "Task Created")

    assert during(37) < 0.6 * during(30)
    others = [funnel[-1] / funnel[0] for day in (36, 38, 39) for funnel in [truth.funnel(told, PLAN.date_of(day))]]
    hit = truth.funnel(told, PLAN.date_of(37))
    assert hit[-1] / hit[0] < min(others)


def test_it_makes_a_burst_of_tickets_and_pages_two_people() -> None:
    assert truth.tickets_opened(PLAN, PLAN.date_of(37), NOW) >= 20
    incident = next(each for each in incidents(PLAN, 90) if each.trouble == main_trouble(PLAN))
    assert [change.type for change in incident.changes if change.type != "notify_log_entry"] == [
        "trigger_log_entry",
        "assign_log_entry",
        "escalate_log_entry",
        "acknowledge_log_entry",
        "annotate_log_entry",
        "resolve_log_entry",
    ]
    assert len({change.person for change in incident.changes if change.person}) == 2


# Incidents -------------------------------------------------------------------------------------------------------------


def test_one_incident_is_never_acknowledged_and_one_is_still_open() -> None:
    times = [found for day in DAYS for found in truth.incident_times(PLAN, PLAN.date_of(day), NOW)]
    assert [(severity, resolve) for severity, acknowledge, resolve in times if acknowledge is None] == [("P3", 240 * 60)]
    assert sum(resolve is None for _, _, resolve in times) == 1
    assert [severity for severity, _, _ in times].count("P1") == 2
    assert len(times) == 17


def test_an_incident_shows_only_what_has_happened() -> None:
    incident = next(each for each in incidents(PLAN, 90) if each.trouble == main_trouble(PLAN))
    shown = [incident_record(incident, incident.created_at + seconds)["status"] for seconds in (0, 20 * 60, 79 * 60)]
    assert shown == ["triggered", "acknowledged", "resolved"]
    assert incident_record(incident, NOW)["acknowledgements"] == []
    assert incident_record(incident, NOW)["resolved_at"] == "2026-02-18T20:28:00Z"


# Tickets ---------------------------------------------------------------------------------------------------------------


def test_the_backlog_grows_while_agents_are_short_and_recovers() -> None:
    before, worst, after = (truth.ticket_backlog(PLAN, PLAN.date_of(day), NOW) for day in (44, 72, 84))
    assert worst > 1.7 * before
    assert after < 0.7 * worst


def test_slow_days_miss_their_first_replies() -> None:
    def share(days: range) -> float:
        ratios = [truth.first_reply_attainment(PLAN, PLAN.date_of(day), NOW) for day in days]
        return sum(attained for attained, _ in ratios) / sum(judged for _, judged in ratios)

    assert share(range(50, 64)) < 0.6
    assert share(range(20, 44)) > 0.85


def test_tickets_change_with_the_clock_and_never_go_back() -> None:
    moments = [PLAN.at(day) for day in range(0, 100, 5)]
    for ticket in all_tickets(PLAN, PLAN.at(30)):
        seen = [moment for moment in moments if moment >= ticket.created_at]
        stamps = [generated_at(ticket, moment) for moment in seen]
        assert stamps == sorted(stamps)
        assert all(stamp <= moment for stamp, moment in zip(stamps, seen, strict=True))
    states = {ticket_record(PLAN, ticket, NOW, with_metrics=False)["status"] for ticket in all_tickets(PLAN, NOW)}
    assert {"open", "pending", "solved", "closed", "deleted"} <= states


def test_metric_events_agree_with_the_ticket() -> None:
    for ticket in all_tickets(PLAN, NOW):
        events = list(metric_events(PLAN, ticket, NOW))
        assert len({event["id"] for event in events}) == len(events)
        metrics = ticket_record(PLAN, ticket, NOW, with_metrics=True)["metric_set"]
        solves = [event for event in events if (event["metric"], event["type"]) == ("resolution_time", "fulfill")]
        if ticket.deleted_at is None:
            assert len(solves) == sum(at <= NOW for at in ticket.solved)
            assert metrics["reopens"] == sum(at <= NOW for at in ticket.reopened)
            assert metrics["solved_at"] in (None, max((event["time"] for event in solves), default=None))
        breaches = [event for event in events if (event["metric"], event["type"]) == ("reply_time", "breach")]
        status = [event["status"]["business"] for event in events if (event["metric"], event["type"]) == ("reply_time", "update_status")]
        target = next(
            (event["sla"]["target"] for event in events if event["metric"] == "reply_time" and event["type"] == "apply_sla"), None
        )
        if status and target is not None:
            assert bool(breaches) == (status[0] >= target)


def test_ratings_are_offered_first_and_given_later() -> None:
    ticket = next(each for each in all_tickets(PLAN, NOW) if each.rated_at is not None and each.rated_at < NOW)
    assert ticket.rated_at is not None
    assert rating_record(ticket, ticket.solved[-1]) is None
    offered, given_later = rating_record(ticket, ticket.rated_at - 1), rating_record(ticket, NOW)
    assert offered is not None and given_later is not None  # noqa: PT018
    assert (offered["score"], offered["id"]) == ("offered", given_later["id"])
    assert given_later["updated_at"] > offered["updated_at"]


@given(start=st.integers(-9 * 24, 100 * 24), seconds=st.integers(60, 400_000))
@settings(max_examples=60, deadline=None)
def test_business_time_added_is_the_business_time_between(start: int, seconds: int) -> None:
    begin = PLAN.at(0) + 3600 * start
    end = add_business_seconds(PLAN, begin, seconds)
    assert business_seconds(PLAN, begin, end) == pytest.approx(seconds, abs=1)
    assert truth.open_seconds(PLAN, begin, end) == pytest.approx(seconds, abs=1)


def test_business_time_over_the_change_of_clocks_agrees_with_counting_minutes() -> None:
    start, end = PLAN.at(SPRING_FORWARD_DAY - 2, 16, 30), PLAN.at(SPRING_FORWARD_DAY + 1, 9, 15)
    minutes = 0
    for moment in range(start, end, 60):
        local = dt.datetime.fromtimestamp(moment, NEW_YORK)
        minutes += local.weekday() < 5 and 8 <= local.hour < 18
    assert business_seconds(PLAN, start, end) == 60 * minutes == 60 * (90 + 75)


# Machines --------------------------------------------------------------------------------------------------------------


def test_counters_fall_only_where_an_instance_starts_again() -> None:
    resets = set()
    for utc_day in range(PLAN.at(30) // 86_400, PLAN.at(45) // 86_400):
        today, before = counters(PLAN, utc_day), counters(PLAN, utc_day - 1)
        totals = np.concatenate([before.code[-1:], today.code]).sum(axis=2)
        for minute, instance in zip(*np.nonzero(np.diff(totals, axis=0) < 0), strict=True):
            resets.add((dt.datetime.fromtimestamp(utc_day * 86_400 + 60 * int(minute), NEW_YORK).strftime("%a %H:%M"), int(instance)))
    assert resets == {("Tue 05:32", 0), ("Tue 05:37", 1), ("Wed 14:41", 1)}


def test_buckets_are_cumulative_and_end_at_all_requests() -> None:
    told = counters(PLAN, PLAN.at(37) // 86_400)
    assert (np.diff(told.bucket, axis=2) >= 0).all()
    assert np.array_equal(told.bucket[:, :, -1], told.code.sum(axis=2))
    assert told.bucket.shape[2] == len(BOUNDS)


def test_redis_fills_up_until_its_restart_and_again() -> None:
    def daily(day: int) -> float:
        return float(np.median(gauges(PLAN, PLAN.at(day, 12) // 86_400)["memory"]))

    leak = [daily(day) for day in range(58, 74)]
    assert all(later > earlier for earlier, later in itertools.pairwise(leak))
    assert daily(75) < 0.75 * daily(73)
    assert 0.74 < daily(90) < 0.80
    assert abs(daily(57) - daily(20)) < 0.06


def test_an_hour_has_no_samples_and_one_gauge_answers_nan() -> None:
    up = truth.samples(PLAN, PLAN.date_of(12), NOW, 60, name="up", instance="api-1:8080")
    (times,) = [{time for time, _ in own} for own in up.values()]
    gap = PLAN.at(12, 22)
    assert [time for time in range(gap, gap + 3600, 60) if time in times] == [gap, gap + 60, gap + 120, gap + 180]
    lag = truth.samples(PLAN, PLAN.date_of(29), NOW, 300, name="kafka_consumergroup_lag")
    assert sum(np.isnan(value) for own in lag.values() for _, value in own) == 4


# The truth, against counts by hand -------------------------------------------------------------------------------------


def events_at(*told: tuple[str, int, str]) -> list[truth.Event]:
    return [
        truth.Event(name, user, int(dt.datetime.fromisoformat(moment).replace(tzinfo=NEW_YORK).timestamp())) for name, user, moment in told
    ]


def test_the_funnel_wants_order_and_the_window() -> None:
    told = events_at(
        ("Signed Up", 1, "2026-02-02T10:00"),
        ("Logged In", 1, "2026-02-02T10:05"),
        ("Task Created", 1, "2026-02-09T10:00"),  # exactly at the end of the window
        ("Signed Up", 2, "2026-02-02T11:00"),
        ("Task Created", 2, "2026-02-02T11:10"),  # before the login: does not count
        ("Logged In", 2, "2026-02-02T11:20"),
        ("Signed Up", 3, "2026-02-02T23:59"),
        ("Logged In", 3, "2026-02-10T00:00"),  # after the window
        ("Signed Up", 4, "2026-02-03T00:00"),  # another date
    )
    assert truth.funnel(told, dt.date(2026, 2, 2)) == [3, 2, 1]
    assert truth.funnel(told, dt.date(2026, 2, 3)) == [1, 0, 0]


def test_retention_counts_the_exact_later_date() -> None:
    told = events_at(
        ("Signed Up", 1, "2026-03-07T23:30"),
        ("Logged In", 1, "2026-03-08T03:30"),
        ("Signed Up", 2, "2026-03-07T01:00"),
        ("Logged In", 2, "2026-03-09T01:00"),
    )
    assert truth.day_retention(told, dt.date(2026, 3, 7), 1) == (1, 2)
    assert truth.day_retention(told, dt.date(2026, 3, 7), 2) == (1, 2)
    assert truth.day_retention(told, dt.date(2026, 3, 8), 1) == (0, 0)


def test_targets_are_within_reach_but_not_all_met(told: list[truth.Event]) -> None:
    kept = [truth.day_retention(told, PLAN.date_of(day), 1) for day in (8, 9, 15, 16, 22)]
    assert 0.55 < sum(back for back, _ in kept) / sum(size for _, size in kept) < 0.75
    steps = [truth.funnel(told, PLAN.date_of(day)) for day in range(7, 28)]
    assert 0.75 < sum(each[2] for each in steps) / sum(each[0] for each in steps) < 0.88


def test_duplicates_are_counted_once(told: list[truth.Event]) -> None:
    deliveries = sum(len(event_day(PLAN, day)) for day in range(-9, 92))
    unseen = int((event_day(PLAN, 91).processed_at_ms > NOW * 1000).sum())
    again = sum(
        int(((day.attempt == 2) & (day.processed_at_ms <= NOW * 1000)).sum()) for day in (event_day(PLAN, each) for each in range(-9, 92))
    )
    assert len(told) == deliveries - unseen - again


# CDNOW, clock, launch files --------------------------------------------------------------------------------------------


def test_cdnow_is_the_published_sample() -> None:
    purchases = cdnow.purchases()
    assert (len(purchases), len({each.customer_id for each in purchases})) == (6919, 2357)
    written = [cdnow.record(each) for each in purchases]
    assert len({each["properties"]["$insert_id"] for each in written}) == 6919
    assert {dt.datetime.fromtimestamp(each["properties"]["time"], NEW_YORK).hour for each in written} == {12}
    assert sum(each["properties"]["value_usd"] for each in written) == pytest.approx(sum(each.value_usd for each in purchases))


def test_local_projects_write_the_wall_clock() -> None:
    summer = int(dt.datetime(2026, 4, 1, 16, tzinfo=dt.UTC).timestamp())
    winter = int(dt.datetime(2026, 2, 1, 16, tzinfo=dt.UTC).timestamp())
    assert (wall_clock(summer) - summer, wall_clock(winter) - winter) == (-4 * 3600, -5 * 3600)


@pytest.mark.parametrize(
    ("moment", "night"),
    [
        ("2026-04-13T06:00:00Z", "2026-04-13T06:00:00Z"),
        ("2026-04-13T05:59:59Z", "2026-04-12T06:00:00Z"),
        ("2026-04-13T23:00:00-04:00", "2026-04-13T06:00:00Z"),
    ],
)
def test_the_clock_stands_on_the_last_six_o_clock(moment: str, night: str) -> None:
    assert last_night(dt.datetime.fromisoformat(moment)) == dt.datetime.fromisoformat(night)


def test_a_frozen_clock_stays_until_it_is_let_go(tmp_path: Path) -> None:
    clock = SandboxClock(tmp_path)
    clock.freeze(dt.datetime(2026, 4, 13, 2, tzinfo=NEW_YORK))
    assert SandboxClock(tmp_path).now() == dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC)
    clock.freeze(None)
    assert clock.frozen_at() is None
    assert clock.now().time() == dt.time(6)


def test_a_first_start_ends_on_launch_day_ninety_and_is_remembered(tmp_path: Path) -> None:
    clock = SandboxClock(tmp_path)
    clock.freeze(dt.datetime(2026, 4, 13, 6, tzinfo=dt.UTC))
    assert story_launch_date(tmp_path) == dt.date(2026, 1, 12)
    clock.freeze(dt.datetime(2026, 5, 1, 6, tzinfo=dt.UTC))
    assert story_launch_date(tmp_path) == dt.date(2026, 1, 12)
    assert last_complete_date(dt.datetime(2026, 4, 13, 3, 59, tzinfo=dt.UTC)) == dt.date(2026, 4, 11)


def test_the_launch_files_are_valid_and_speak_of_the_story(tmp_path: Path) -> None:
    files = render(tmp_path, PLAN.launch_date)
    launches = {file.stem: Launch.model_validate(yaml.safe_load(file.read_text())) for file in files}
    emr = launches["emr-platform"]
    assert (emr.date, launches["cdnow"].date) == (PLAN.launch_date, dt.date(1997, 1, 1))
    assert emr.domains == ("product", "support", "incidents", "reliability", "capacity")
    assert emr.mixpanel is not None
    assert set(emr.mixpanel.funnels[0].steps) <= set(EVENT_NAMES)
    assert EVENT_NAMES[LOGGED_IN] == emr.mixpanel.funnels[0].steps[1]


def test_the_production_launch_file_carries_the_date_of_the_plan() -> None:
    file = Path(__file__).parents[2] / "launches" / "emr-platform.yaml"
    launch = Launch.model_validate(yaml.safe_load(file.read_text()))
    assert launch.date == dt.date(2025, 12, 23)
    uptime = next(each for each in launch.kpis if each.kpi == "uptime").targets
    assert [target.at_least for target in uptime] == [0.999, 0.9995, 0.9999]
