"""What was not seen: a week with one day, an incident storm, missing domains, warnings and wrong launch files."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from postlaunch.errors import ReviewError
from postlaunch.reviews import content, daily, documents, formats, notices, verdict, weekly
from postlaunch.reviews.blocks import Bullets, Document, Group, Lights
from postlaunch.reviews.content import Basis
from postlaunch.reviews.period import parse_period
from postlaunch.reviews.rows import Incident, SlaClock, StandingFault
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.status import DomainStatus, domain_status

SEEN = ("kpi_daily", "scorecard", "verdict_gates")


@contextmanager
def changed(*statements: str) -> Iterator[Basis]:
    """A reporter's view of the story after some statements, all of which are undone."""
    with connect() as session:
        for statement in statements:
            session.execute(statement.encode())
        yield session  # type: ignore[misc]
        session.rollback()


def source(session: object, launch: object, kind: str, text: str, *statuses: DomainStatus) -> Basis:
    period = parse_period(kind, text, launch)  # type: ignore[arg-type]
    return Basis(launch, period, session, {status.domain: status for status in statuses})  # type: ignore[arg-type]


def text_of(document: Document) -> str:
    return " ".join(documents.to_text(document).split())


def test_a_day_on_which_one_domain_was_not_seen_says_so_first_and_says_nothing_for_it(published: ModuleType) -> None:
    gone = [f"delete from marts.{table} where domain = 'incidents'" for table in SEEN]
    with changed(*gone, "delete from marts.incidents") as session:
        document = daily.document(source(session, published.EMR, "daily", "2026-03-20"))
    assert document.headline.startswith("Not seen on 20 March: incidents. ".replace(" March", f"{formats.NBSP}March"))
    assert "No incidents" not in text_of(document)
    assert "no incident is open" not in text_of(document)
    lights = next(block for block in document.blocks if isinstance(block, Lights))
    assert next(light.text for light in lights.lights if light.label == "Incidents").startswith("not seen: no data")


def test_a_storm_of_incidents_is_counted_and_the_review_is_sent(published: ModuleType) -> None:
    storm = """
        insert into marts.incidents (launch_id, incident_id, incident_number, title, severity, service_name, metric_date, launch_day,
            triggered_at, acknowledge_seconds, resolve_seconds, is_open, is_acknowledged, is_counted)
        select 'emr-platform', 'S' || number, 1000 + number, repeat('\u202eword ', 400), case when number % 3 = 0 then 'P1' else 'P2' end,
            'API', '2026-03-20', 67, timestamptz '2026-03-20 12:00+00' + number * interval '1 minute', 60, null, true, true, true
        from generate_series(1, 150) as number
    """
    if not has_counted():
        storm = storm.replace(", is_counted)", ")").replace("true, true, true\n", "true, true\n")
    with changed(storm) as session:
        document = documents.fit(daily.document(source(session, published.EMR, "daily", "2026-03-20")))
    assert len(documents.to_html(document, {chart.name: "x" for chart in document.charts}).encode()) < 90_000
    lists = [block for block in document.blocks if isinstance(block, Bullets)]
    assert any(item.text.endswith("and 142 more: 42 P1 and 100 P2") for block in lists for item in block.items)
    assert "\u202e" not in text_of(document)
    assert "50 P1 incidents, 50 still open." in document.headline


def has_counted() -> bool:
    with connect() as session:
        query = "select count(*) from information_schema.columns where table_schema = 'marts' and column_name = 'is_counted'"
        return bool((session.execute(query).fetchone() or (0,))[0])


def test_the_day_of_a_p1_is_not_green_whatever_is_left_of_a_quota() -> None:
    at = dt.datetime(2026, 3, 12, 18, tzinfo=dt.UTC)
    p1 = Incident(1, "x", "P1", "api", at.date(), at, 60.0, 600.0, False, True)
    kept = content.light("incidents", [], None, [], [p1])
    assert (kept.tone, kept.text) == ("warn", "1 P1 incident")
    still = content.light("incidents", [], None, [], [Incident(1, "x", "P1", "api", at.date(), at, None, None, True, False)])
    assert (still.tone, still.text) == ("bad", "1 P1 incident, 1 still open")


def test_nothing_is_late_before_its_day_is_over(published: ModuleType) -> None:
    monday = dt.date(2026, 4, 13)  # the data ends on the 12th
    with connect("reporter") as session:
        midnight = published.EMR.day_start(monday + dt.timedelta(days=1))
        before = domain_status(session, published.EMR, dt.date(2026, 4, 19), midnight - dt.timedelta(seconds=1))
        after = domain_status(session, published.EMR, dt.date(2026, 4, 19), midnight)
    assert {status.state for status in before} == {"fresh"}
    assert {(status.state, status.since) for status in after} == {("late", midnight)}


def test_a_verdict_lists_a_promise_that_was_not_seen_as_a_gate_without_data(published: ModuleType) -> None:
    gone = [f"delete from marts.{table} where domain in ('reliability', 'incidents')" for table in SEEN]
    with changed(*gone) as session:
        chosen = source(session, published.EMR, "verdict", "day-60")
        judged = {gate.kpi_id: gate.outcome for gate in verdict.judge(chosen, chosen.metrics())}
        text = text_of(verdict.document(chosen))
    assert judged["uptime"] == judged["error_rate"] == judged["incidents"] == "no_data"
    assert "sets no target" not in text


def test_warnings_of_one_launch_and_wrong_files_are_few_lines(published: ModuleType) -> None:
    fault = "insert into ops.launch_faults (launch_id, reason) values ('crm', 'crm.yaml: colour: unknown key')"
    with changed(fault) as session:
        chosen = source(session, published.EMR, "daily", "2026-03-20")
        found = content.notices(chosen)
    assert [(notice.title, notice.text) for notice in found] == [
        ("1 other launch file is wrong", "crm stands still until corrected: `postlaunch status` says why.")
    ]
    own = notices.launch_notices(published.EMR, [StandingFault("emr-platform", "x.yaml: y", dt.datetime(2026, 3, 1, tzinfo=dt.UTC))])
    assert own[0].text == "Nothing new is ingested until it is corrected. X.yaml: y."


def test_domains_held_for_one_reason_are_one_notice(story: ModuleType) -> None:
    since = dt.datetime(2026, 3, 11, 6, 14, tzinfo=dt.UTC)
    held = [DomainStatus(domain, "held", since, dt.date(2026, 3, 10), "prometheus: 503 \u202e") for domain in ("reliability", "capacity")]
    found = notices.domain_notices(story.EMR, parse_period("daily", "2026-03-12", story.EMR), held)
    assert len(found) == 1
    assert found[0].title.startswith("Reliability and capacity are held since")
    assert "\u202e" not in found[0].text


def test_support_hours_are_never_told_as_days_around_the_clock() -> None:
    day = 10 * 3600.0
    assert formats.support_time(2 * day, day).replace(formats.NBSP, " ") == "2 working days"
    assert formats.support_time(3.2 * 3600, day).replace(formats.NBSP, " ") == "3.2 support hours"
    assert formats.support_time(600, day).replace(formats.NBSP, " ") == "10 min of support time"
    assert formats.support_time(3 * 86400, 86400.0).replace(formats.NBSP, " ") == "3 days"
    clock = SlaClock("7", "first_reply", "high", dt.datetime(2026, 3, 1, tzinfo=dt.UTC), True, -2 * day, day)
    assert content.clock_line(clock).replace(formats.NBSP, " ") == "ticket 7 (high, first reply, 2 working days over)"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("daily", "0001-01-01"), ("weekly", "0001-W01"), ("monthly", "0001-01"), ("weekly", "9999-W52"), ("daily", "9999-12-31")],
)
def test_a_period_beyond_all_calendars_is_a_clear_error(kind: str, text: str, story: ModuleType) -> None:
    with pytest.raises(ReviewError, match="the year must lie between 1970 and 2200|expects"):
        parse_period(kind, text, story.EMR)


@pytest.mark.parametrize(
    ("kind", "text"), [("verdict", "day-" + "9" * 5_000), ("daily", "\u0662026-03-01"), ("daily", "20260301"), ("monthly", "0000-00")]
)
def test_odd_digits_are_no_period(kind: str, text: str, story: ModuleType) -> None:
    with pytest.raises(ReviewError, match="expects"):
        parse_period(kind, text, story.EMR)


def test_what_was_seen_and_is_nothing_is_not_called_no_data(published: ModuleType) -> None:
    with connect("reporter") as session:
        chosen = source(session, published.EMR, "daily", "2026-03-20")
        rows = content.kpi_table([metric for metric in chosen.metrics() if metric.domain == "incidents"], chosen.period).rows
    quiet = {row.name: row for row in rows}["Mean time to resolve"]
    assert (quiet.cells[0], quiet.note) == (formats.DASH, "nothing to measure")


def test_a_domain_has_one_heading_in_a_table_although_kpis_of_the_launch_s_own_come_last(published: ModuleType) -> None:
    with connect("reporter") as session:
        chosen = source(session, published.EMR, "weekly", "2026-W12")
        metrics = chosen.metrics()
        rows = content.kpi_table([*metrics, *metrics[:2]], chosen.period).rows
    headings = [row.name for row in rows if isinstance(row, Group)]
    assert len(headings) == len(set(headings)) == len({metric.domain for metric in metrics}) > 1
    assert len(rows) - len(headings) == len(metrics) + 2


def test_a_week_to_date_says_how_much_was_seen(published: ModuleType) -> None:
    tables = ("kpi_daily", "active_users_daily", "ticket_daily", "incidents")
    later = [f"delete from marts.{table} where metric_date > '2026-04-06'" for table in tables]
    running = """
        update marts.scorecard set status = case when target is null then status else 'undecided' end, is_complete = false,
            days_seen_count = 1, days_expected_count = 7
        where period_kind = 'week' and period_start = '2026-04-06'
    """
    with changed(*later, running) as session:
        document = weekly.document(source(session, published.EMR, "weekly", "2026-W15"))
    text = text_of(document)
    assert document.headline.startswith("Week 15, 1 of 7 days seen: compared with the same days of week 14. No target is decided yet.")
    for claim in ("targets are met", "target is met", "kept its", "Hold the line", "A day had between", "got clearly worse"):
        assert claim not in text.replace("kept its 0.1 % target on the one day measured", "")


def test_a_stream_that_could_not_be_read_is_told_until_a_later_pull_reads_it(published: ModuleType) -> None:
    load = """
        insert into ops.partition_loads (launch_id, source, stream, window_start_at, window_end_at, pull_id, landing_path, bytes_count,
            landed_count, loaded_count, duplicate_count, quarantined_count, content_hash, is_changed, request, duration_seconds, build_id,
            warnings)
        select 'emr-platform', 'zendesk', 'satisfaction_ratings', '2026-03-20 04:00+00', '2026-03-21 04:00+00', 'p', 'x', 0, 0, 0, 0, 0,
            'h', true, '{{}}', 1, max(build_id), '{warnings}' from ops.domain_builds where launch_id = 'emr-platform'
    """
    warned = load.format(warnings='{"satisfaction_ratings answered 403: not read"}')
    settled = """
        insert into ops.domain_builds (build_id, launch_id, domain, publication_id, first_date, last_date)
        select max(build_id), 'emr-platform', 'support', max(publication_id), '2026-01-03', '2026-04-12' from ops.publications
    """
    with changed(settled, warned) as session:
        found = content.notices(source(session, published.EMR, "daily", "2026-03-20"))
        other = content.notices(source(session, published.EMR, "daily", "2026-03-25"))
    assert [(notice.title, notice.text) for notice in found] == [
        ("The sources warned while loading", "Zendesk: satisfaction_ratings answered 403: not read.")
    ]
    assert other == []
    with changed(settled, warned, load.format(warnings="{}")) as session:
        assert content.notices(source(session, published.EMR, "daily", "2026-03-20")) == []


def test_a_past_review_shows_the_clocks_as_they_stood_at_the_end_of_its_day(published: ModuleType) -> None:
    with connect("reporter") as session:
        past = text_of(daily.document(source(session, published.EMR, "daily", "2026-04-11"))).replace(formats.NBSP, " ")
        later = text_of(daily.document(source(session, published.EMR, "daily", "2026-04-12"))).replace(formats.NBSP, " ")
        before = text_of(daily.document(source(session, published.EMR, "daily", "2026-04-10")))
    assert "Due next: ticket 4711 (urgent, first reply, 20 min of support time left)" in past
    assert "over time" not in past
    assert "2 SLA clocks were over time and not finished at the end of 12 April" in later
    assert "ticket 4711 (urgent, first reply, 3 working days over)" in later
    assert "No SLA clock was running within its time." in before
