"""Reviews from real marts, before their charts are drawn: what they say, in HTML and in text."""

import datetime as dt
import html
import re
from types import ModuleType

import pytest

from postlaunch.config.later import unused
from postlaunch.config.launch import Launch, LaunchKpi, Target
from postlaunch.errors import ReviewError
from postlaunch.reviews import daily, documents, formats, monthly, verdict, weekly
from postlaunch.reviews.blocks import Bullet, Bullets, Document, Heading, Notice, Paragraph, Row, Table
from postlaunch.reviews.content import Basis
from postlaunch.reviews.period import parse_period
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.status import DomainStatus, domain_status

BUILDERS = {"daily": daily.document, "weekly": weekly.document, "monthly": monthly.document, "verdict": verdict.document}
PERIODS = {"daily": "2026-03-12", "weekly": "2026-W11", "monthly": "2026-03", "verdict": "day-60"}


def build(launch: Launch, kind: str, period: str, *changed: DomainStatus) -> Document:
    chosen = parse_period(kind, period, launch)
    with connect("reporter") as session:
        statuses = {status.domain: status for status in domain_status(session, launch, chosen.end)}
        return BUILDERS[kind](Basis(launch, chosen, session, {**statuses, **{status.domain: status for status in changed}}))


def page(document: Document) -> str:
    return documents.to_html(document, {chart.name: f"cid:{chart.name}" for chart in document.charts})


def words(document: Document) -> str:
    """The HTML as a reader sees it."""
    return " ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", page(document), flags=re.DOTALL)).split())


@pytest.mark.parametrize("kind", list(BUILDERS))
def test_every_review_of_a_full_launch_stays_under_the_size_that_mail_programs_clip(kind: str, published: ModuleType) -> None:
    content = page(build(published.EMR, kind, PERIODS[kind]))
    assert len(content.encode()) < 60_000, "leaves room for launches with more KPIs; the hard limit is 90,000"
    assert "<link" not in content
    assert "http" not in re.sub(r"<!doctype[^>]*>", "", content), "nothing may be fetched from anywhere"


def test_the_monthly_review_has_a_chart_for_every_question_with_its_sentence_and_alt_text(published: ModuleType) -> None:
    document = build(published.EMR, "monthly", "2026-03")
    names = [chart.name for chart in document.charts]
    expected = [
        "active-users",
        "funnel-activation",
        "retention-cohorts",
        "tickets",
        "sla",
        "incidents",
        "error-rate",
        "latency-p95",
        "capacity",
    ]
    assert names == expected
    content = words(document)
    for chart in document.charts:
        assert chart.finding.title in chart.alt
        assert chart.finding.sentence.endswith(".")
        assert " ".join(chart.finding.sentence.split()) in content
    assert content.count("error rate broke its 0.1") == 0
    assert "Error rate broke its 0.1\u00a0% target on 1 of 31 days".replace("\u00a0", " ") in content


def test_the_monthly_review_judges_the_times_of_each_severity_by_its_promise(published: ModuleType) -> None:
    text = words(build(published.EMR, "monthly", "2026-03"))
    for line in (
        "P1, 1 incident Acknowledge 4 min ≤ 5 min 1 ✓ met Resolve 80 min ≤ 60 min 1 ✗ missed, 1 of 1 late",
        "P2, 2 incidents Acknowledge 12 min ≤ 15 min 1 ✗ missed, 1 of 2 late · 1 not acknowledged, not in the mean",
        "Resolve 48 min ≤ 2 h 2 ✓ met",
        f"P3, 2 incidents Acknowledge 58 min {formats.DASH} 2 no target Resolve 11 h {formats.DASH} 2 no target",
    ):
        assert line in text, line
    begun = words(build(published.EMR, "monthly", "2026-04"))
    assert "Acknowledge 9 min ≤ 15 min 1 kept on the 12 of 30 days that were seen" in begun, "18 days may still bring a late one"
    assert f"Resolve {formats.DASH} ≤ 2 h 0 not decided yet · 1 not resolved, not in the mean" in begun


def test_reviews_rank_what_tickets_were_about_and_keep_those_without_a_category_last(published: ModuleType) -> None:
    with connect() as session:
        rows = session.execute(
            """
            select sum(opened_count) filter (where category_id = 'login'), sum(opened_count) filter (where category_id = 'bug'),
                sum(opened_count) filter (where category_id = 'none'), sum(all_opened_count) filter (where category_id = 'none')
            from marts.ticket_categories_daily where metric_date between '2026-03-01' and '2026-03-31'
            """
        ).fetchone()
    assert rows is not None
    login, bug, none, every = (int(count) for count in rows)
    assert none > login > bug, "so that the order below is no accident"
    text = words(build(published.EMR, "monthly", "2026-03"))
    share = " ".join(formats.value(login / every, "ratio").split())
    assert f"Most common: Login, {share} of the {every} tickets created in March 2026." in text
    places = [text.index(f"{name} {count} ") for name, count in (("Login", login), ("Bugs", bug), ("Without a category", none))]
    assert places == sorted(places)
    assert "What tickets were about" in words(build(published.EMR, "weekly", "2026-W11"))
    assert "Most common: Login, " in words(build(published.EMR, "daily", "2026-03-12"))


def test_the_monthly_review_says_how_often_capacity_forecasts_held(published: ModuleType) -> None:
    text = words(build(published.EMR, "monthly", "2026-03"))
    assert text.count("the 95 % interval for a week ahead held on 26 of 28 dates") == 2, "in the sentence and in the table"
    assert "no certain growth · the 95 % interval for a week ahead could not be tested yet" in text


def test_the_text_part_says_everything_that_the_html_part_says(published: ModuleType) -> None:
    for kind, period in PERIODS.items():
        document = build(published.EMR, kind, period)
        text = " ".join(documents.to_text(document).split())
        for block in document.blocks:
            if isinstance(block, Heading):
                assert block.text.upper() in text
            if isinstance(block, Bullets):
                assert all(" ".join(item.text.split()) in text for item in block.items)
            if isinstance(block, Paragraph):
                assert " ".join(block.text.split()) in text
        for chart in document.charts:
            assert " ".join(chart.finding.title.split()) in text
        assert all(len(line) <= documents.TEXT_WIDTH + 4 for line in documents.to_text(document).splitlines())


def test_a_launch_with_mixpanel_alone_has_no_other_section(published: ModuleType) -> None:
    for kind, period in PERIODS.items():
        document = build(published.SHOP, kind, period)
        content = words(document)
        assert not any(word in content for word in ("Support", "Incidents", "Reliability", "Technical health", "Capacity"))
        assert "no data" not in content.replace("no data is never counted as 0", "")
    names = [chart.name for chart in build(published.SHOP, "monthly", "2026-03").charts]
    assert names == ["active-users", "retention-cohorts"]


def test_old_cohorts_are_still_shown_when_nobody_new_came(published: ModuleType) -> None:
    chosen = "launch_id = 'shop' and period_kind = 'week' and cohort_date >= '2026-02-02'"
    with connect() as session:
        session.execute(f"create table marts.kept as select * from marts.retention_cohorts where {chosen}")
        session.execute(f"delete from marts.retention_cohorts where {chosen}")
    try:
        document = build(published.SHOP, "monthly", "2026-04")
    finally:
        with connect() as session:
            session.execute("insert into marts.retention_cohorts select * from marts.kept; drop table marts.kept")
    heat_map = next(chart for chart in document.charts if chart.name == "retention-cohorts")
    assert "in 5 weekly cohorts" in heat_map.finding.sentence, "those of 29 December to 26 January, 13 weeks old and more"


def test_a_held_domain_is_named_first_with_since_when_and_why(published: ModuleType) -> None:
    since = dt.datetime(2026, 3, 11, 6, 14, tzinfo=dt.UTC)
    held = DomainStatus("support", "held", since, dt.date(2026, 3, 10), "tickets of 11 March: row count 0 is below 1")
    for kind, period in PERIODS.items():
        content = words(build(published.EMR, kind, period, held))
        banner = content.index("■ Support is held since 11 March 2026, 02:14 (America/New_York)")
        assert banner < content.index("Gates: actual" if kind == "verdict" else "KPI"), "before the first number"
        assert "Tickets of 11 March: row count 0 is below 1." in content
        assert "its data ends on 10 March 2026" in content
        text = " ".join(documents.to_text(build(published.EMR, kind, period, held)).split())
        assert "■ Support is held since 11 March 2026, 02:14" in text


def test_a_held_domain_with_a_gate_stops_the_verdict(published: ModuleType) -> None:
    held = DomainStatus("support", "held", dt.datetime(2026, 3, 11, 6, tzinfo=dt.UTC), None, "x")
    assert "insufficient data, because the data of support is held or late" in build(published.EMR, "verdict", "day-60", held).headline


def test_the_verdict_names_a_near_trigger_that_no_gate_asks_for(published: ModuleType) -> None:
    assert "the next scaling trigger is 21 days away." in words(build(published.EMR, "verdict", "day-90"))
    assert "Not a gate" not in words(build(published.EMR, "verdict", "day-30"))


def test_the_resource_is_named_wherever_its_days_are(published: ModuleType) -> None:
    promised = """
        update marts.scorecard set target = 400, comparator = '>=', status = 'missed' where kpi_id = 'days_to_trigger';
        insert into marts.verdict_gates
        select (jsonb_populate_record(gate, '{"domain": "capacity", "kpi_id": "days_to_trigger", "target": 400, "value": 21}')).*
        from marts.verdict_gates as gate where launch_id = 'emr-platform' and kpi_id = 'error_rate'
    """
    near = "update marts.scorecard set value = 8 where kpi_id = 'days_to_trigger' and target is null and launch_id = 'emr-platform'"
    days = Target(at_least=400)
    launch = published.EMR.model_copy(update={"kpis": (LaunchKpi(kpi="days_to_trigger", targets=(days,)),)})
    for statement, chosen in ((promised, launch), (near, published.EMR)):
        for kind, period in PERIODS.items():
            with connect() as session:
                session.execute(statement)
                document = BUILDERS[kind](Basis(chosen, parse_period(kind, period, chosen), session, {}))
                session.rollback()
            for text in (words(document), " ".join(documents.to_text(document).split())):
                named = text.count("ays to the next scaling trigger (Redis memory)") + text.count("Redis memory: the next scaling trigger")
                assert named == text.count("next scaling trigger"), kind
                assert named or (kind, statement) == ("verdict", near), "60 days after the launch no trigger is near"


def test_a_resource_that_was_not_seen_on_the_newest_date_is_not_named_beside_the_days_of_another(published: ModuleType) -> None:
    with connect() as session:
        session.execute("delete from marts.capacity_forecast where resource_id = 'memory' and metric_date = '2026-03-15'")
        source = Basis(published.EMR, parse_period("weekly", "2026-W11", published.EMR), session, {})
        named = {metric.kpi_id: metric.label for metric in source.metrics()}
        session.rollback()
    assert named["days_to_trigger"] == "Days to the next scaling trigger (Database connections)"


def test_a_long_name_is_folded_in_the_text_part_and_never_cut() -> None:
    rows = [Row("Days to the next scaling trigger (Database connections of the reporting replica)", ["8", "4", "1"])]
    text = documents.to_text(Document("Daily review", "x", "y", "z", "none", [Table(["KPI", "a", "b", "c"], rows)]))
    assert "(Database connections of the reporting replica)" in " ".join(text.split())
    assert all(len(line) <= documents.TEXT_WIDTH for line in text.splitlines())


def test_a_period_without_data_shows_no_data_and_never_zero(published: ModuleType) -> None:
    for kind, period in {"daily": "2026-06-01", "weekly": "2026-W23", "monthly": "2026-06"}.items():
        document = build(published.EMR, kind, period)
        content = words(document)
        assert "no data" in content
        assert not re.search(r"(?<![\d.,])0 %", content)
        assert content.count(" are late since 14 April 2026, 00:00 (America/New_York)") == 1, "five domains are one notice"
        assert "Product, support, incidents, reliability and capacity are late" in content
        assert document.headline.startswith("Nothing was seen ")
        for claim in ("No incidents", "no target", "No target", "Hold the line", "all met", "no incident is open", "No SLA clock"):
            assert claim not in content, f"nobody saw it, and {kind} says {claim!r}"
        assert document.charts == []


def test_a_launch_of_which_nothing_was_published_still_renders(published: ModuleType) -> None:
    unknown = published.EMR.model_copy(update={"launch": "unborn"})
    for kind, period in PERIODS.items():
        content = words(build(unknown, kind, period))
        assert "are late" in content
        assert "Nothing has been published yet." in content


def test_what_the_launch_file_names_and_nobody_saw_is_said(published: ModuleType) -> None:
    missing = "no series of its requests has the label code, errors are not known"
    nowhere = "PagerDuty has no service PXYZ of pagerduty.services"
    where = "where launch_id = 'emr-platform' and metric_date in ('2026-03-11', '2026-03-12')"
    with connect() as session:
        session.execute(f"update marts.service_level_daily set notice = %s {where}", [missing])
        session.execute(
            "insert into marts.incident_daily (launch_id, metric_date, severity, notice) values ('emr-platform', '2026-03-12', 'none', %s)",
            [nowhere],
        )
    try:
        text = words(build(published.EMR, "weekly", "2026-W11"))
        assert "Some of what the launch file names was not seen" in text
        assert f"EMR API: {missing} (2 dates). {nowhere} (1 date)." in text
        assert "was not seen" not in words(build(published.EMR, "daily", "2026-03-10"))
    finally:
        with connect() as session:
            session.execute("update marts.service_level_daily set notice = null")
            session.execute("delete from marts.incident_daily")


def test_a_brand_and_events_that_nobody_ever_saw_are_said_and_no_chart_speaks_for_them(published: ModuleType) -> None:
    brand = "no ticket of the brand 7 of zendesk.brand_id was ever seen"
    active = "no user ever sent the event Tsak Created of mixpanel.active_events"
    step = "no user ever sent the event Tsak Created of mixpanel.funnels, activation"
    unknown = {
        "ticket_daily": "opened_count = null, solved_count = null, backlog_count = null",
        "ticket_categories_daily": "opened_count = null, all_opened_count = null",
        "active_users_daily": "active_users_count = null, active_users_7d_count = null, active_users_30d_count = null, "
        "new_users_count = null",
        "funnel_periods": "reached_count = null, pending_count = null",
    }
    with connect() as session:
        for table, columns in unknown.items():
            session.execute(f"update marts.{table} set {columns} where launch_id = 'emr-platform'".encode())
        session.execute("update marts.ticket_daily set notice = %s where priority = 'low' and metric_date = '2026-03-11'", [brand])
        session.execute("update marts.active_users_daily set notice = %s where metric_date = '2026-03-11'", [active])
        session.execute("insert into marts.funnel_daily values ('emr-platform', 'activation', '2026-03-12', 3, %s)", [step])
        reader = Basis(published.EMR, parse_period("monthly", "2026-03", published.EMR), session, {})
        text = " ".join(documents.to_text(monthly.document(reader)).split())
        session.rollback()
    assert "Some of what the launch file names was not seen" in text
    for notice in (brand, active, step):
        assert f"{notice[0].upper()}{notice[1:]} (1 date)." in text
    assert "There is no data on use in March 2026" in text
    assert "There is no data on tickets in March 2026" in text
    for claim in ("Nobody entered", "0 open tickets", "0 tickets were opened", "0 people", "daily active users"):
        assert claim not in text


def test_names_and_titles_from_outside_cannot_inject_markup_or_forge_lines(published: ModuleType) -> None:
    nasty = "<script>alert(1)</script><img src=https://evil.example/x.png>\n\nDECISIONS TO TAKE\r\nSubject: x"
    with connect() as session:
        session.execute("update marts.incidents set title = %s where incident_number = 104", [nasty])
        session.execute("update marts.funnel_periods set step_name = '<b>Created</b>' where step_number = 3")
    try:
        document = build(published.EMR.model_copy(update={"name": "<h1>EMR</h1>"}), "monthly", "2026-03")
    finally:
        with connect() as session:
            session.execute("update marts.incidents set title = 'API errors after deploy' where incident_number = 104")
            session.execute("update marts.funnel_periods set step_name = 'Task Created' where step_number = 3")
    content = page(document)
    assert "<script" not in content
    assert "<img src=https" not in content
    assert "&lt;script&gt;" in content
    assert "<h1>EMR" not in content
    assert "&lt;h1&gt;EMR" in content
    assert documents.to_text(document).count("\nDECISIONS TO TAKE\n") == 1
    funnel = next(chart for chart in document.charts if chart.name == "funnel-activation")
    assert "<b>Created</b>" not in str(funnel.figure.to_dict()), "chart labels are markup too"


def test_html_beyond_the_limit_is_shortened_in_order_and_always_sent() -> None:
    notice = Notice("held", "Support is held", "why " * 2_000)
    rows = [Row(f"KPI {number}", ["1", "2", "3"], "bad" if number == 150 else "none", "note " * 30) for number in range(200)]
    for blocks in (
        [Bullets([Bullet("word " * 40)] * 600)],
        [notice, Table(["KPI", "a", "b", "c"], rows)],
        [*[Paragraph("long " * 900)] * 60, notice],
    ):
        document = documents.fit(Document("Daily review", "x", "y", "z " * 9_000, "none", blocks))
        assert len(documents.to_html(document, {}).encode()) <= 90_000
        assert any(line.startswith("Shortened to fit a mail") for line in document.footer)
    listed = documents.fit(Document("Daily review", "x", "y", "z", "none", [Bullets([Bullet("word " * 40)] * 600)]))
    assert listed.blocks[0].items[-1].text == "and 581 more"
    table = documents.fit(Document("Daily review", "x", "y", "z", "none", [Table(["KPI", "a", "b", "c"], rows)]))
    assert "KPI 150" in words(table), "what is missed stays"
    assert re.search(r"and \d+ more", words(table))


def test_a_review_that_fits_is_left_alone() -> None:
    document = Document("Daily review", "x", "y", "z", "none", [Paragraph("short")])
    assert documents.fit(document) is document


def test_nothing_published_says_what_to_run(warehouse: str, story: ModuleType) -> None:
    with pytest.raises(ReviewError, match="run `postlaunch build`, `audit`, `publish`"):
        build(story.EMR, "daily", "2026-03-12")


def test_the_monthly_review_holds_the_plan_against_the_months_that_ended_and_names_the_next(published: ModuleType) -> None:
    planned = [
        ("activation", 1, dt.date(2026, 2, 10), False, 0.5, 0.75, True, 30),
        ("activation", 2, dt.date(2026, 3, 12), False, 0.8, 0.6, False, 28),
        ("new_users", 2, dt.date(2026, 3, 12), True, 400.0, None, False, 0),
        ("activation", 3, dt.date(2026, 4, 11), False, 0.9, 0.4, False, 9),
        ("activation", 6, dt.date(2026, 7, 10), False, 0.95, None, False, 0),
    ]

    with connect() as session:
        statement = "insert into marts.plan_months values ('emr-platform', 'product', %s, %s, null, %s, %s, %s, %s, %s, %s)"
        session.cursor().executemany(statement, planned)
        document = monthly.document(Basis(published.EMR, parse_period("monthly", "2026-03", published.EMR), session, {}))
        session.rollback()
    place = document.blocks.index(Heading("Plan against actual"))
    rows = [
        (row.name, [cell.replace(formats.NBSP, "") for cell in row.cells], row.note)
        if isinstance(row, Row)
        else row.name.replace(formats.NBSP, " ")
        for row in document.blocks[place + 1].rows  # type: ignore[union-attr]
    ]
    assert rows == [
        "Month 2 of the launch, to 12 March 2026",
        ("New users a day", ["no data", "400", formats.DASH], "0 of 30 days seen"),
        ("Activation", ["60%", "80%", "75%"], "28 of 30 days seen"),
        "Month 3 of the launch, ahead, to 11 April 2026",
        ("Activation", [formats.DASH, "90%", formats.DASH], ""),
    ]
    assert "Plan against actual" not in words(build(published.EMR, "monthly", "2026-03"))


def test_what_was_agreed_for_a_missed_target_stands_beside_it(published: ModuleType) -> None:
    agreed = ("More training", "A shorter form")
    kpis = tuple(kpi.model_copy(update={"if_missed": agreed}) if kpi.kpi == "activation" else kpi for kpi in published.EMR.kpis)
    launch = published.EMR.model_copy(update={"kpis": kpis})
    said = "Agreed for this case: More training; A shorter form."
    for kind in ("weekly", "monthly"):
        document = build(launch, kind, PERIODS[kind])
        found = [bullet.text for block in document.blocks if isinstance(block, Bullets) for bullet in block.items if said in bullet.text]
        assert len(found) == 1, kind
        assert "activation" in found[0]
        assert said not in words(build(published.EMR, kind, PERIODS[kind]))


def test_a_daily_review_ends_with_the_checklists_of_the_day(published: ModuleType) -> None:
    checklists = {"09:00": ("Review overnight error logs", "Check <b>queues</b>"), "H+4": ("First status update",)}
    launch = published.EMR.model_copy(update={"reviews": published.EMR.reviews.model_copy(update={"checklists": checklists})})
    text = words(build(launch, "daily", "2026-03-12"))
    assert "Checklists of today 09:00" in text
    assert "Review overnight error logs" in text.partition("Checklists of today")[2]
    assert "<b>queues" not in page(build(launch, "daily", "2026-03-12"))
    assert "First status update" not in text
    assert "Checklists" not in words(build(published.EMR, "daily", "2026-03-12"))
    assert list(unused(launch.reviews)) == ["checklists"], "hours after the launch have no effect so far"
