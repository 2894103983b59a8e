"""Tables whose dates are made again night after night keep their size."""

from __future__ import annotations

import logging

import pytest
from psycopg import Connection

from postlaunch.marts.vacuum import vacuum_dead_rows
from postlaunch.warehouse.db import connect

DATES, AGAIN, ROWS, NIGHTS = 14, 4, 2_000, 10


def rows_of(session: Connection, last: int) -> None:
    session.execute(
        "insert into build.remade select 'a', day, md5(n::text) from generate_series(1, %s) day, generate_series(1, %s) n", [last, ROWS]
    )


@pytest.fixture
def remade(warehouse: str) -> str:
    """A table of the transformer's, as dbt makes it; autovacuum, which comes when it likes, stays away."""
    with connect("transformer", autocommit=True) as session:
        session.execute("create table build.remade (launch_id text, day int, user_key text) with (autovacuum_enabled = off)")
        session.execute("create index on build.remade (launch_id, user_key)")
        rows_of(session, DATES)
    return warehouse


def make_again() -> int:
    """One night; bytes of the table afterwards."""
    with connect("transformer", autocommit=True) as session:
        session.execute("delete from build.remade where day <= %s", [AGAIN])
        rows_of(session, AGAIN)
        session.execute("select pg_stat_force_next_flush()")  # what it did is counted before the next session asks
        return int(session.execute("select pg_total_relation_size('build.remade')").fetchall()[0][0])


@pytest.mark.parametrize("is_vacuumed", [True, False])
def test_ten_nights_take_the_room_of_one(remade: str, is_vacuumed: bool) -> None:
    sizes = []
    for _ in range(NIGHTS):
        sizes.append(make_again())
        if is_vacuumed:
            assert "build.remade" in vacuum_dead_rows()
    if is_vacuumed:
        assert sizes[-1] <= 1.15 * sizes[0]
    else:
        assert sizes[-1] > 2 * sizes[0]  # what the other case is about


def test_a_table_with_few_dead_rows_is_left_alone(remade: str) -> None:
    with connect("transformer", autocommit=True) as session:
        session.execute("delete from build.remade where day = 1 and user_key < '8'")  # about a thirtieth
    assert vacuum_dead_rows() == []


def test_a_table_that_somebody_holds_costs_itself_alone(remade: str, caplog: pytest.LogCaptureFixture) -> None:
    with connect("transformer", autocommit=True) as session:
        session.execute("create table build.other as select n from generate_series(1, 5000) n")
        session.execute("alter table build.other set (autovacuum_enabled = off)")
        session.execute("delete from build.other")
    make_again()
    with connect("transformer") as session, caplog.at_level(logging.WARNING):
        session.execute("lock table build.remade in access exclusive mode")
        assert vacuum_dead_rows() == ["build.other"]
    assert "build.remade keeps its dead rows" in caplog.text
