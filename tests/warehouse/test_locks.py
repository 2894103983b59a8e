"""Nobody outside the pipeline can hold what it waits for; every wait ends, and says who was in the way and how to end that."""

from __future__ import annotations

import datetime as dt
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postlaunch.errors import BuildError, GateError, LockedError
from postlaunch.marts.build import open_build
from postlaunch.marts.publish import publish
from postlaunch.warehouse import locks, migrate
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import bounded, held, take
from sandbox.postgres import PostgresServer

ANALYST = "maria"
NUMBERS = (7_020_001, 7_020_002, 7_020_003)  # what the pipeline has used as advisory locks


@pytest.fixture
def analyst(server: PostgresServer, warehouse: str) -> Iterator[psycopg.Connection]:
    """A person who may read the marts, in a session of her own login."""
    server.ensure_login(ANALYST, "reads")
    with connect(autocommit=True) as owner:
        owner.execute(f"grant postlaunch_analyst to {ANALYST}")
        owner.execute("create table if not exists marts.numbers (n integer)")
        owner.execute("grant select on marts.numbers to postlaunch_analyst")
    database = warehouse.rsplit("/", 1)[1]
    with psycopg.connect(server.uri(database, ANALYST, "reads"), autocommit=True, application_name="DBeaver") as session:
        yield session


def test_advisory_locks_of_an_analyst_keep_nothing_waiting(
    analyst: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in NUMBERS:
        analyst.execute("select pg_advisory_lock(%s)", [number])
    monkeypatch.setenv("POSTLAUNCH_LAUNCHES", str(tmp_path))
    done: list[object] = []
    thread = threading.Thread(target=lambda: done.extend([migrate.migrate(), publish().publication_id]), daemon=True)
    thread.start()
    thread.join(60)
    assert done == [[], None], "migrate and publish ended"


def test_an_analyst_can_take_none_of_our_locks(analyst: psycopg.Connection) -> None:
    for statement in (
        "select from ops.locks for update",
        "insert into ops.locks values ('build')",
        "lock table ops.locks",
        "lock table public.postlaunch_migrations in share mode",
        "lock table config.launches in share mode",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), analyst.transaction():
            analyst.execute(statement)


def test_no_code_of_the_package_takes_an_advisory_lock() -> None:
    package = Path(locks.__file__).parents[1]
    found = [path for path in package.rglob("*.py") if re.search(r"pg_(try_)?advisory", path.read_text())]
    assert found == []


def test_a_second_build_names_the_first(warehouse: str) -> None:
    with held("transformer", "build"), pytest.raises(BuildError) as caught, open_build():
        pass
    assert re.search(
        r"another build is running: .*session \d+ of postlaunch \(postlaunch build\), since [\d-]{10} [\d:]{8} UTC", str(caught.value)
    )


def test_a_publication_beside_a_build_is_refused_and_names_it(warehouse: str) -> None:
    with held("transformer", "build"), pytest.raises(GateError, match=r"a build is running: .*\(postlaunch build\), since"):
        publish()


def test_a_name_is_free_when_its_process_is_gone(server: PostgresServer, warehouse: str) -> None:
    with (
        pytest.raises(psycopg.OperationalError),
        held("publisher", "publish") as keeper,
        psycopg.connect(server.uri(warehouse.rsplit("/", 1)[1])) as superuser,
    ):
        superuser.execute("select pg_terminate_backend(%s, 5000)", [keeper.info.backend_pid])
    with held("publisher", "publish"):
        pass


def test_names_that_nobody_else_wants_cost_no_wait_and_belong_to_their_transaction(warehouse: str) -> None:
    with connect("loader") as one, connect("loader") as other:
        take(one, "load of a")
        take(other, "load of b")
        with pytest.raises(LockedError, match=f"load of a: waited 0.5 s for session {one.info.backend_pid} of postlaunch"):
            take(other, "load of a", 0.5)
        other.rollback()
        one.commit()
        take(other, "load of a", 0.5)


def test_the_one_who_is_in_the_way_is_named_with_the_line_that_ends_it(
    analyst: psycopg.Connection, server: PostgresServer, warehouse: str
) -> None:
    with analyst.transaction():
        analyst.execute("select from marts.numbers")
        with connect(autocommit=True) as owner, pytest.raises(LockedError) as caught, bounded(owner, 0.6, "a new column"):
            owner.execute("alter table marts.numbers add column m integer")
    told = str(caught.value)
    assert told.startswith(f"a new column: waited 0.6 s for session {analyst.info.backend_pid} of {ANALYST} (DBeaver), since ")
    assert told.endswith(f"an administrator ends it with: select pg_terminate_backend({analyst.info.backend_pid})")


def test_since_when_is_told_where_the_login_may_see_it(analyst: psycopg.Connection, server: PostgresServer, warehouse: str) -> None:
    """docker/postgres-init.sh and the sandbox grant it."""
    with connect() as owner:
        assert owner.execute("select pg_has_role(current_user, 'pg_read_all_stats', 'usage')").fetchone() == (True,)
    with analyst.transaction():
        analyst.execute("select from marts.numbers")
        told = r"since [\d-]{10} [\d:]{8} UTC, idle in its transaction;"
        with connect(autocommit=True) as owner, pytest.raises(LockedError, match=told), bounded(owner, 0.6, "a new column"):
            owner.execute("alter table marts.numbers add column m integer")


@pytest.mark.parametrize("role", [None, "loader", "transformer", "publisher", "reporter", "auditor"])
def test_no_session_waits_for_a_lock_without_an_end(role: locks.Role | None, warehouse: str) -> None:
    with connect(role) as session:
        assert session.execute("select current_setting('lock_timeout')").fetchone() == ("5min",)
        with bounded(session, 2, "x"):
            assert session.execute("select current_setting('lock_timeout')").fetchone() == ("2s",)
        assert session.execute("select current_setting('lock_timeout')").fetchone() == ("5min",)


def test_a_migration_that_has_to_wait_gives_up_and_names_who_is_in_the_way(
    analyst: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in migrate.MIGRATIONS.glob("[0-9]*.sql"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "9999_numbers.sql").write_text("alter table marts.numbers add column m integer")
    monkeypatch.setattr(migrate, "MIGRATIONS", tmp_path)
    monkeypatch.setattr(migrate, "PATIENCE_SECONDS", 0.6)
    with analyst.transaction():
        analyst.execute("select from marts.numbers")
        with pytest.raises(LockedError, match=rf"migration 9999_numbers.sql: waited .* of {ANALYST} \(DBeaver\)"):
            migrate.migrate()
    assert migrate.migrate() == ["9999_numbers.sql"]


def test_many_processes_migrate_at_once_and_each_migration_is_applied_once(server: PostgresServer) -> None:
    server.ensure_database("migrated_at_once", "postlaunch")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_POSTLAUNCH_WAREHOUSE", server.uri("migrated_at_once", "postlaunch"))
            applied: list[list[str]] = []
            threads = [threading.Thread(target=lambda: applied.append(migrate.migrate())) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(120)
        names = sorted(name for names in applied for name in names)
        assert names == sorted(file.name for file in migrate.MIGRATIONS.glob("[0-9]*.sql"))
        assert len(applied) == 3
    finally:
        server.drop_database("migrated_at_once")


def test_making_a_partition_waits_for_no_reader_and_lets_none_wait(warehouse: str) -> None:
    from postlaunch.load.loader import _make_partition

    with connect("transformer") as reader, connect("loader", autocommit=True) as loader:
        reader.execute("select count(*) from raw.mixpanel_events")
        with bounded(loader, 2, "a partition"):
            _make_partition(loader, "mixpanel_events_y209901", "mixpanel_events", dt.date(2099, 1, 1), dt.date(2099, 2, 1))
        loader.execute(
            "insert into raw.mixpanel_events (launch_id, event_date, event_name, distinct_id, occurred_at, properties, load_id) "
            "values ('x', '2099-01-05', 'e', 'u', now(), '{}', 1)"
        )
        began = time.monotonic()
        assert reader.execute("select count(*) from raw.mixpanel_events").fetchone() == (1,)
        assert time.monotonic() - began < 30
    with connect() as session:
        parents = session.execute("select count(*) from pg_indexes where tablename = 'mixpanel_events'").fetchone()
        assert session.execute("select count(*) from pg_indexes where tablename = 'mixpanel_events_y209901'").fetchone() == parents
