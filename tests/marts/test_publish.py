"""Publication: what passed moves as a whole, what is held does not move at all, and readers never see a mixture."""

from __future__ import annotations

import datetime as dt
import threading

import psycopg
import pytest

from postlaunch.errors import GateError, LockedError, WarehouseError
from postlaunch.kpis.catalogue import DOMAINS
from postlaunch.marts import publish as publish_module
from postlaunch.marts.publish import publish
from postlaunch.marts.tables import mart_tables
from postlaunch.warehouse.db import connect
from tests.quality.conftest import _marts_alone  # noqa: F401  (a fixture)
from tests.quality.hand_built import LAST, LAUNCH, MARTS, Warehouse

SECOND = "cdnow"
SCORECARD = ("kpi_daily", "scorecard")


@pytest.fixture
def hand(warehouse: str) -> Warehouse:
    """Two launches are built and judged to be right."""
    hand = Warehouse()
    hand.configure([LAUNCH, SECOND])
    hand.build(launches=[LAUNCH, SECOND])
    judge(hand)
    return hand


def judge(hand: Warehouse, *held: tuple[str, str]) -> None:
    """Write gate results as the audit does: one that passed a domain, and one that failed where it is held."""
    hand.run(
        """
        with waiting as (
            select max(build_id) over () as build_id, launch_id, domain from ops.domain_builds where publication_id is null
        )
        insert into ops.gate_results (build_id, launch_id, domain, suite, expectation, severity, is_passed, reason, observed, audited_at)
        select distinct build_id, launch_id, domain, 's', 'e', 'critical',
            not launch_id || ' ' || domain = any(%s), 'r', jsonb_build_object('text', 'too few rows on 2026-03-10'), clock_timestamp()
        from (select distinct * from waiting) as waiting
        """,
        [[f"{launch} {domain}" for launch, domain in held]],
        role="publisher",
    )


def contents(hand: Warehouse, schema: str, table: str, where: str = "true") -> str:
    statement = f"select md5(string_agg(t::text, '|' order by t::text)) from {schema}.{table} as t where {where}"
    return str(hand.run(statement, role="publisher")[0][0])


def test_the_first_publication_makes_marts_equal_to_build(hand: Warehouse) -> None:
    result = publish()
    assert result.publication_id == 1
    assert set(result.published) == {(launch, domain) for launch in (LAUNCH, SECOND) for domain in DOMAINS}
    assert set(MARTS) == set(mart_tables())
    for table in MARTS:
        assert contents(hand, "marts", table) == contents(hand, "build", table) != "None"
    statuses = hand.run("select distinct publication_id, covered_through, held_since from ops.domain_status", role="reporter")
    assert statuses == [(1, LAST, None)]


def test_analysts_read_marts_and_nothing_else(hand: Warehouse) -> None:
    publish()
    assert hand.run("select count(*) from marts.active_users_daily", role="analyst")[0][0] > 0
    for statement in ("select from build.active_users_daily", "select from ops.domain_status", "delete from marts.active_users_daily"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            hand.run(statement, role="analyst")


def test_every_mart_has_a_unique_index_on_its_grain(hand: Warehouse) -> None:
    publish()
    indexes = dict(hand.run("select tablename, indexdef from pg_indexes where schemaname = 'marts'", role="publisher"))
    assert set(indexes) == set(MARTS)
    assert "UNIQUE" in indexes["ticket_sla"]
    assert "(launch_id, ticket_id, metric, instance_number)" in indexes["ticket_sla"]


def test_a_held_domain_stays_byte_for_byte_while_the_others_move(hand: Warehouse) -> None:
    publish()
    tables = mart_tables()
    before = {table: contents(hand, "marts", table) for table in MARTS}
    scores = {table: contents(hand, "marts", table, f"launch_id = '{LAUNCH}' and domain = 'product'") for table in SCORECARD}
    hand.last = LAST + dt.timedelta(days=1)
    hand.build(launches=[LAUNCH, SECOND])
    judge(hand, (LAUNCH, "product"), (SECOND, "product"))
    result = publish()
    assert result.publication_id == 2
    assert result.held == ((SECOND, "product", "too few rows on 2026-03-10"), (LAUNCH, "product", "too few rows on 2026-03-10"))
    for table, domain in tables.items():
        if domain == "product":
            assert contents(hand, "marts", table) == before[table]
        elif domain != "reference":
            assert contents(hand, "marts", table) != before[table]
    for table in SCORECARD:
        assert contents(hand, "marts", table, f"launch_id = '{LAUNCH}' and domain = 'product'") == scores[table]
        assert contents(hand, "marts", table, "domain = 'support'") == contents(hand, "build", table, "domain = 'support'")
    status = hand.run(
        "select publication_id, covered_through, held_since is not null, held_from_date, held_reason from ops.domain_status "
        "where launch_id = %s and domain in ('product', 'support') order by domain",
        [LAUNCH],
        role="reporter",
    )
    assert status[0] == (1, LAST, True, dt.date(2026, 1, 3), "too few rows on 2026-03-10")
    assert status[1] == (2, hand.last, False, None, None)


def test_held_since_stays_the_first_time_and_goes_when_it_passes(hand: Warehouse) -> None:
    judge(hand, (LAUNCH, "product"))
    publish()
    statement = "select held_since, covered_through from ops.domain_status where launch_id = %s and domain = 'product'"
    first = hand.run(statement, [LAUNCH], role="reporter")[0]
    assert first[0] is not None
    assert first[1] is None
    hand.build(["product"])
    judge(hand, (LAUNCH, "product"))
    assert publish().publication_id is None
    assert hand.run(statement, [LAUNCH], role="reporter")[0] == first
    judge(hand)
    assert publish().publication_id == 2
    assert hand.run(statement, [LAUNCH], role="reporter")[0] == (None, LAST)


def test_what_was_not_audited_is_not_published(hand: Warehouse) -> None:
    publish()
    hand.build(["support"])
    with pytest.raises(GateError, match="build 2 was not audited for emr-platform support: run `postlaunch audit` first"):
        publish()
    assert hand.run("select count(*) from ops.publications", role="reporter") == [(1,)]


def test_with_nothing_new_no_number_is_spent(hand: Warehouse) -> None:
    publish()
    result = publish()
    assert (result.publication_id, result.summary) == (None, "nothing to publish")
    assert hand.run("select count(*), max(publication_id) from ops.publications", role="reporter") == [(1, 1)]


def test_rows_that_did_not_change_are_not_touched(hand: Warehouse) -> None:
    publish()
    hand.build(["support"])
    hand.run("update build.ticket_daily set solved_count = 0 where launch_day = 5 and launch_id = %s", [LAUNCH])
    hand.run("delete from build.ticket_daily where launch_day = 6 and launch_id = %s", [LAUNCH])
    rows = "select ctid::text, launch_day from marts.ticket_daily"
    before = set(hand.run(rows, role="publisher"))
    judge(hand)
    publish()
    after = set(hand.run(rows, role="publisher"))
    assert sorted(row[1] for row in before - after) == [5, 6]
    assert [row[1] for row in after - before] == [5]


def test_only_what_was_written_since_the_last_publication_is_compared(hand: Warehouse) -> None:
    publish()
    solved = "select launch_day, solved_count from marts.ticket_daily where launch_id = %s and launch_day in (5, 6) order by 1"

    def publish_support() -> None:
        hand.say_built(["support"])
        judge(hand)
        assert publish().published == ((LAUNCH, "support"),)

    hand.run("update build.ticket_daily set solved_count = 7 where launch_day = 5 and launch_id = %s", [LAUNCH])
    hand.run("update marts.ticket_daily set solved_count = 8 where launch_day = 6 and launch_id = %s", [LAUNCH], role="publisher")
    publish_support()
    assert hand.run(solved, [LAUNCH], role="reporter") == [(5, 7), (6, 8)], "nobody looked at day 6"
    # a row that is gone leaves no trace but that there are fewer
    hand.run("delete from build.ticket_daily where launch_day = 7 and launch_id = %s", [LAUNCH])
    publish_support()
    assert contents(hand, "marts", "ticket_daily") == contents(hand, "build", "ticket_daily")
    # numbers of transactions from another server say nothing about this one's
    hand.run("update marts.ticket_daily set solved_count = 8 where launch_day = 6 and launch_id = %s", [LAUNCH], role="publisher")
    hand.run("update ops.domain_status set seen_before_xid = '999999999999'", role="publisher")
    publish_support()
    assert contents(hand, "marts", "ticket_daily") == contents(hand, "build", "ticket_daily")


def test_what_was_written_while_a_domain_was_held_is_published_when_it_passes(hand: Warehouse) -> None:
    publish()
    for table in ("ticket_daily", "incident_daily"):
        hand.run(f"update build.{table} set launch_day = launch_day + 1000 where launch_day = 5 and launch_id = %s", [LAUNCH])
    hand.say_built(["support", "incidents"])
    judge(hand, (LAUNCH, "support"))
    publish()
    assert contents(hand, "marts", "incident_daily") == contents(hand, "build", "incident_daily")
    assert contents(hand, "marts", "ticket_daily") != contents(hand, "build", "ticket_daily")
    hand.say_built(["support"])
    judge(hand)
    publish()
    assert contents(hand, "marts", "ticket_daily") == contents(hand, "build", "ticket_daily")


def test_a_launch_that_build_does_not_know_any_more_keeps_its_marts(hand: Warehouse) -> None:
    publish()
    before = contents(hand, "marts", "ticket_daily", f"launch_id = '{SECOND}'")
    hand.run("delete from config.launches where launch_id = %s", [SECOND], role=None)
    hand.build()
    judge(hand)
    assert publish().publication_id == 2
    assert contents(hand, "marts", "ticket_daily", f"launch_id = '{SECOND}'") == before
    assert hand.run("select launch_id from marts.launches order by 1", role="reporter") == [(SECOND,), (LAUNCH,)]


def test_changed_columns_keep_the_views_of_analysts_and_the_rows_of_held_launches(hand: Warehouse) -> None:
    publish()
    hand.run("create view public.open_tickets as select launch_id, backlog_count from marts.ticket_daily", role=None)
    hand.build(["support"], launches=[LAUNCH, SECOND])
    hand.run(
        "alter table build.ticket_daily add column revived_count bigint default 1, drop column solved_count, "
        "alter column opened_count type double precision"
    )
    judge(hand, (SECOND, "support"))
    publish()
    kinds = hand.run(
        "select column_name, data_type from information_schema.columns where table_schema = 'marts' and table_name = 'ticket_daily'",
        role="publisher",
    )
    assert ("revived_count", "bigint") in kinds
    assert ("opened_count", "double precision") in kinds
    assert "solved_count" not in dict(kinds)
    reopened = hand.run("select launch_id, min(revived_count), count(*) from marts.ticket_daily group by 1 order by 1", role="reporter")
    assert reopened == [(SECOND, None, 86), (LAUNCH, 1, 86)]
    assert hand.run("select count(*) from public.open_tickets", role=None) == [(172,)]


def test_what_identifies_a_row_may_change_and_rows_of_no_launch_leave(hand: Warehouse) -> None:
    publish()
    hand.run("drop index marts.kpi_daily_grain", role="publisher")
    hand.run("create unique index kpi_daily_grain on marts.kpi_daily (launch_id, kpi_id, metric_date)", role="publisher")
    hand.run("insert into marts.kpis (kpi_id, name) values ('uptime', 'Uptime')", role="publisher")  # of a time without launch_id
    hand.build(launches=[LAUNCH, SECOND])
    hand.run('insert into build.kpi_daily (select (jsonb_populate_record(row, \'{"subject_id": "api"}\')).* from build.kpi_daily as row)')
    judge(hand)
    publish()
    assert contents(hand, "marts", "kpi_daily") == contents(hand, "build", "kpi_daily")
    (definition,) = hand.run("select indexdef from pg_indexes where indexname = 'kpi_daily_grain'", role="publisher")[0]
    assert definition.endswith("(launch_id, kpi_id, subject_id, segment_id, metric_date)")
    assert hand.run("select count(*) from marts.kpis where launch_id is null", role="publisher") == [(0,)]


def test_a_publication_that_fails_changes_nothing_and_says_so(hand: Warehouse) -> None:
    publish()
    hand.run("create view public.solved as select solved_count from marts.ticket_daily", role=None)
    hand.build(launches=[LAUNCH, SECOND])
    hand.run("alter table build.ticket_daily drop column solved_count")
    hand.run("update build.active_users_daily set events_count = 7")
    judge(hand)
    before = contents(hand, "marts", "active_users_daily")
    with pytest.raises(WarehouseError, match=r"publication rolled back, readers see the one before: .*solved"):
        publish()
    assert contents(hand, "marts", "active_users_daily") == before
    assert hand.run("select count(*) from ops.domain_builds where publication_id is null", role="reporter") == [(10,)]


def test_readers_see_all_of_one_publication_or_all_of_the_one_before(hand: Warehouse) -> None:
    publish()
    seen: set[tuple[int, ...]] = set()
    done, looks = threading.Event(), [0]

    def look_again() -> None:
        """Wait until the reader has looked from begin to end."""
        begun = looks[0]
        while looks[0] < begun + 2:
            assert reader.is_alive()
            done.wait(0.01)

    def read() -> None:
        with connect("analyst", autocommit=True) as session:
            while not done.is_set():
                looks[0] += 1
                seen.update(
                    session.execute(
                        """
                        select distinct users.active_users_count, funnels.entered_count, volumes.users_count
                        from marts.active_users_daily as users, marts.funnel_daily as funnels, marts.event_volumes_daily as volumes
                        where users.launch_day = 5 and funnels.launch_day = 5 and volumes.launch_day = 5
                        """
                    ).fetchall()
                )

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(1, 6):
            hand.build(["product"], launches=[LAUNCH, SECOND])
            hand.run(f"update build.active_users_daily set active_users_count = {number}")
            hand.run(f"update build.funnel_daily set entered_count = {number}")
            hand.run(f"update build.event_volumes_daily set users_count = {number}")
            judge(hand)
            publish()
            look_again()
    finally:
        done.set()
        reader.join()
    assert seen <= {(40, 10, 40), *((number, number, number) for number in range(1, 6))}
    assert len(seen) >= 5, "the reader saw every publication, and looked while the next was made"


def reshape(hand: Warehouse) -> None:
    """A new version of the product: a mart has a column more."""
    hand.build(["support"], launches=[LAUNCH, SECOND])
    hand.run("alter table build.ticket_daily add column revived_count bigint default 1")
    judge(hand)


def test_a_column_that_changes_waits_for_an_open_transaction_and_no_reader_waits_behind_it(hand: Warehouse) -> None:
    publish()
    reshape(hand)
    numbers: list[int | None] = []
    thread = threading.Thread(target=lambda: numbers.append(publish().publication_id))
    with connect("analyst") as open_transaction, connect("analyst", autocommit=True) as reader:
        open_transaction.execute("select count(*) from marts.ticket_daily")
        reader.execute("set lock_timeout = '100ms'")  # far below what a publication is ready to wait
        thread.start()
        while not _is_publishing(hand):
            assert thread.is_alive()
        for _ in range(30):
            assert reader.execute("select count(*) from marts.ticket_daily").fetchone() == (172,)
            threading.Event().wait(0.05)
        assert numbers == [], "it waits for the open transaction"
        assert open_transaction.execute("select count(*) from marts.ticket_daily").fetchone() == (172,)
        open_transaction.commit()
        thread.join(60)
    assert numbers == [2]
    assert hand.run("select min(revived_count) from marts.ticket_daily", role="reporter") == [(1,)]


def _is_publishing(hand: Warehouse) -> bool:
    """Whether another session has changed rows of the marts that it has not committed."""
    query = "select count(*) from pg_locks where relation = 'marts.kpi_daily'::regclass and mode = 'RowExclusiveLock'"
    return bool(hand.run(query, role="publisher")[0][0])


def test_a_transaction_that_never_ends_is_named_and_the_publication_leaves_no_gap(hand: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_module, "SHAPE_SECONDS", 0.3)
    publish()
    reshape(hand)
    with connect("analyst") as open_transaction:
        open_transaction.execute("select count(*) from marts.ticket_daily")
        pid = open_transaction.info.backend_pid
        with pytest.raises(LockedError, match=rf"marts.ticket_daily: waited 0.3 s for session {pid} of .*pg_terminate_backend\({pid}\)"):
            publish()
    assert publish().publication_id == 2
    assert hand.run("select array_agg(publication_id order by 1) from ops.publications", role="reporter") == [([1, 2],)]


def test_two_publications_at_once_make_one(hand: Warehouse) -> None:
    numbers: list[int | None] = []
    threads = [threading.Thread(target=lambda: numbers.append(publish().publication_id)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers, key=str) == [1, None]


def test_analysts_see_what_tables_and_columns_mean_and_a_changed_text_too(hand: Warehouse) -> None:
    said = "select obj_description('marts.ticket_sla'::regclass), col_description('marts.ticket_sla'::regclass, 1)"
    hand.run("comment on table build.ticket_sla is 'One row per clock.'")
    hand.run("comment on column build.ticket_sla.launch_id is 'The launch''s file name.'")
    publish()
    assert hand.run(said, role="analyst") == [("One row per clock.", "The launch's file name.")]
    hand.build(launches=[LAUNCH, SECOND])
    hand.run("comment on table build.ticket_sla is 'One row a clock.'")
    judge(hand)
    publish()
    assert hand.run(said, role="analyst") == [("One row a clock.", None)]


def test_a_publication_frees_the_room_of_deleted_rows(hand: Warehouse) -> None:
    for statement in (
        "create table build.remade with (autovacuum_enabled = off) as select n from generate_series(1, 5000) as n",
        "delete from build.remade where n > 2000",
    ):
        hand.run(statement, role="transformer")
    publish()
    vacuumed = "select vacuum_count from pg_stat_user_tables where relname = 'remade'"
    assert hand.run(vacuumed, role="transformer") == [(1,)]
    publish()
    assert hand.run(vacuumed, role="transformer") == [(1,)]  # nothing is dead any more
