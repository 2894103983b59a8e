import hashlib
import hmac
from collections import Counter

import psycopg
import pytest

from postlaunch.errors import WarehouseError
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.migrate import MIGRATIONS, migrate


def test_migrating_twice_changes_nothing(warehouse: str) -> None:
    assert migrate() == []


def test_an_applied_migration_that_was_edited_is_refused(warehouse: str) -> None:
    with connect() as session:
        session.execute("update public.postlaunch_migrations set sha256 = 'other' where name = '0001_warehouse.sql'")
    with pytest.raises(WarehouseError, match="0001_warehouse.sql was changed after it was applied"):
        migrate()


def test_the_pseudonym_is_hmac_sha256_truncated_to_128_bits(warehouse: str) -> None:
    with connect() as session:
        inner, outer = session.execute("select inner_pad, outer_pad from config.pseudonym_key").fetchone() or (b"", b"")
        found = session.execute("select config.pseudonym('käthe@shop.example')").fetchone()
    key = bytes(byte ^ 0x36 for byte in inner)
    assert bytes(byte ^ 0x5C for byte in outer) == key
    assert found == (hmac.new(key, "käthe@shop.example".encode(), hashlib.sha256).digest()[:16].hex(),)


def test_a_lower_number_is_applied_late_and_notes_the_zone_that_all_dates_agree_on(warehouse: str) -> None:
    with connect() as session:
        session.execute("drop table ops.launch_zones")
        session.execute("alter table ops.ingest_runs drop column timezone")
        session.execute("delete from public.postlaunch_migrations where name = '0015_launch_zones.sql'")
        for launch_id, zone, starts in (
            ("east", "Asia/Kolkata", ["2026-03-06 18:30+00", "2026-03-07 18:30+00"]),
            ("moved", "Asia/Kolkata", ["2026-03-07 05:00+00", "2026-03-07 18:30+00"]),
            ("moved-back", "America/New_York", ["2026-03-07 05:00+00", "2026-03-07 18:30+00"]),
            ("summer", "America/New_York", ["2026-03-07 05:00+00", "2026-03-08 05:00+00"]),
        ):
            session.execute("insert into config.launches values (%s, '', '2026-03-01', %s, 7, 30, '{}')", [launch_id, zone])
            session.execute(
                "insert into ops.ingest_runs (launch_id, source, first_date, last_date, status) "
                "values (%s, 'mixpanel', '2026-03-07', '2026-03-08', 'succeeded')",
                [launch_id],
            )
            for date, start in zip(("2026-03-07", "2026-03-08"), starts, strict=True):
                session.execute(
                    """
                    insert into ops.partition_loads (
                        launch_id, source, stream, partition_date, window_start_at, window_end_at, pull_id, landing_path, bytes_count,
                        landed_count, loaded_count, duplicate_count, quarantined_count, content_hash, is_changed, request, duration_seconds
                    ) values (%(launch)s, 'mixpanel', 'events', %(date)s, %(start)s, %(start)s, '', '', 0, 0, 0, 0, 0, '', true, '{}', 0)
                    """,
                    {"launch": launch_id, "date": date, "start": start},
                )
    assert migrate() == ["0015_launch_zones.sql"]
    with connect("reporter") as session:
        zones = dict(session.execute("select launch_id, timezone from ops.launch_zones").fetchall())
        runs = dict(session.execute("select launch_id, timezone from ops.ingest_runs").fetchall())
    assert zones == {"east": "Asia/Kolkata", "moved": None, "moved-back": None, "summer": "America/New_York"}
    assert runs["east"] == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("analyst", "select * from raw.mixpanel_events"),
        ("analyst", "select * from config.launches"),
        ("reporter", "select * from raw.mixpanel_events"),
        ("reporter", "delete from ops.deliveries"),
        ("auditor", "select * from config.pseudonym_key"),
        ("auditor", "delete from ops.partition_loads"),
        ("loader", "select config.pseudonym('x')"),
        ("transformer", "delete from raw.mixpanel_events"),
    ],
)
def test_a_role_may_do_its_own_step_and_nothing_else(warehouse: str, role: str, statement: str) -> None:
    with connect(role) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):  # type: ignore[arg-type]
        session.execute(statement)


def test_an_unreachable_warehouse_says_where_it_looked_and_hides_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE", "postgres://me:hunter2@127.0.0.1:1/shop")
    with pytest.raises(WarehouseError, match=r"no PostgreSQL at 127\.0\.0\.1:1/shop.*AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE") as caught:
        connect()
    assert "hunter2" not in str(caught.value)


def test_no_two_migrations_have_the_same_number() -> None:
    numbers = Counter(file.name.partition("_")[0] for file in MIGRATIONS.glob("[0-9]*.sql"))
    assert [number for number, count in numbers.items() if count > 1] == []
