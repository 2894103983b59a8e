"""Random nights over all four sources, with launch files that change, equal a full refresh: in each table of the build, and published.

    night ── build (what changed alone) ── audit ── publish ──> warehouse ── copy ── full refresh ──> the same rows?

`make test` plays a few nights that cover every kind of change of a launch file; `make soak` plays 30, and compares after each.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from postlaunch.config.launch import SOURCES, Source
from postlaunch.marts.build import build
from postlaunch.marts.publish import publish
from postlaunch.marts.rows import REFERENCE, SCORECARD
from postlaunch.marts.tables import mart_tables
from postlaunch.quality.gate import audit
from sandbox.postgres import PostgresServer
from tests.conftest import LOGIN, Warehouses
from tests.dbt.nights import DAY, EVERY_KIND, FIRST, Company

HISTORY_DAYS = 10  # loaded in the night before the first
SHOWN = 5
SOAK_NIGHTS = int(os.environ.get("SOAK_NIGHTS", "30"))
SOAK_EVERY = int(os.environ.get("SOAK_EVERY", "1"))  # compare, and publish, after each so many nights
SOAK_SEEDS = [int(seed) for seed in os.environ.get("SOAK_SEEDS", "1 2").split()]

# What says which night made something, and not what was made.
OF_ONE_NIGHT = {
    "int_changed_dates": "the dates whose users a night changed",
    "int_changed_users": "the users that a night changed",
    "int_changed_funnel_users": "the users whose attempts a night made again",
    "int_changed_entry_dates": "the dates whose entries a night changed",
    "int_ticket_changed": "the tickets that a night changed",
    "int_ticket_unsettled": "the tickets that a night reads again",
    "int_changed_coverage": "the dates that were not covered before the night, or are not any more",
    "int_changed_measures": "the measures that a night changed",
    "int_changed_measure_buckets": "the buckets that a night changed",
    "int_changed_retention": "the cohorts that a night changed",
    "int_changed_kpi_rules": "the build that saw the rules of a launch first",
    "int_changed_kpi_dates": "the dates whose KPIs a night makes again",
    "int_changed_kpi_periods": "the periods whose KPIs a night makes again",
    "int_changed_period_dates": "the dates of these periods",
}
# Made for the tickets that a night changed or reads again alone, and read by the models that keep them: rows of the full refresh, not all.
PART_OF_ONE_NIGHT = {
    "int_support_moments", "int_ticket_judgements", "int_ticket_marks", "int_ticket_readings", "int_ticket_status_changes",
    "int_ticket_stretches",
}  # fmt: skip
COLUMNS_OF_ONE_NIGHT = {
    "int_support_dates": ("build_id", "the build that saw the date first"),
    "int_support_days": ("is_new", "whether the night saw the date first"),
}


def tables_of_build(session: psycopg.Connection) -> list[str]:
    rows = session.execute("select relname from pg_class where relnamespace = 'build'::regnamespace and relkind = 'r' order by 1")
    return [table for (table,) in rows.fetchall() if table not in OF_ONE_NIGHT]


def rows_of(session: psycopg.Connection, schema: str, table: str, condition: sql.Composable) -> sql.Composed:
    """The rows of a table, as relation `kept`: without the column that says which night made them, in the order of the columns' names."""
    left_out = COLUMNS_OF_ONE_NIGHT.get(table, ("", ""))[0]
    columns = session.execute(
        "select column_name from information_schema.columns where table_schema = %s and table_name = %s and column_name <> %s order by 1",
        [schema, table, left_out],
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in columns)
    return sql.SQL("(select {} from {} where {}) as kept").format(names, sql.Identifier(schema, table), condition)


def hash_of(session: psycopg.Connection, rows: sql.Composable) -> tuple[int, int]:
    """Number of rows, and a sum of their hashes."""
    found = session.execute(sql.SQL("select count(*), coalesce(sum(hashtextextended(kept::text, 0)), 0) from {}").format(rows)).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def texts(session: psycopg.Connection, rows: sql.Composable) -> Counter[str]:
    return Counter(str(row) for (row,) in session.execute(sql.SQL("select to_jsonb(kept) from {}").format(rows)).fetchall())


def condition_of(table: str, passed: list[tuple[str, str]]) -> sql.Composable:
    """The rows of a mart that belong to these launches and domains."""
    domain = mart_tables()[table]
    if domain == REFERENCE:
        return sql.SQL("true")
    if domain == SCORECARD:
        pairs = [sql.SQL("({}, {})").format(*map(sql.Literal, pair)) for pair in passed]
        return sql.SQL("(launch_id, domain) in ({})").format(sql.SQL(", ").join(pairs))
    launches = [sql.Literal(launch) for launch, of_domain in passed if of_domain == domain] or [sql.NULL]
    return sql.SQL("launch_id in ({})").format(sql.SQL(", ").join(launches))


def published(session: psycopg.Connection) -> list[tuple[str, str]]:
    """Launches and domains that are not held back: what is published of them is what was built."""
    rows = session.execute(
        "select launch_id, domain from ops.domain_status where held_since is null and publication_id is not null order by 1, 2"
    )
    return [(launch, domain) for launch, domain in rows.fetchall()]


@dataclass
class Figures:
    """What was compared."""

    nights: int = 0
    tables: int = 0
    rows: int = 0
    pairs: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.nights} nights compared: {self.tables:,} tables, {self.rows:,} rows, {self.pairs:,} published launches and domains; "
            f"{len(self.differences)} differences"
        )


def compare(nightly: psycopg.Connection, whole: psycopg.Connection, place: str, figures: Figures) -> None:
    """Add what differs between what nights made (and published) in one warehouse and a full refresh made in another."""
    for session in (nightly, whole):
        session.execute("set extra_float_digits = -2")  # 13 digits: sums of the same doubles in another order differ in the last ones
    passed = published(nightly)
    wanted = [("build", table, sql.SQL("true")) for table in tables_of_build(whole)]
    wanted += [("marts", table, condition_of(table, passed)) for table in mart_tables() if passed]
    missing = set(tables_of_build(nightly)) ^ set(tables_of_build(whole))
    figures.differences += [f"{place}: {table} is only on one side" for table in sorted(missing)]
    for schema, table, condition in wanted:
        if table in missing:
            continue
        own, expected = rows_of(nightly, schema, table, condition), rows_of(whole, "build", table, condition)
        found = hash_of(nightly, own)
        figures.tables += 1
        figures.rows += found[0]
        if found == hash_of(whole, expected):
            continue
        of_nights, of_refresh = texts(nightly, own), texts(whole, expected)
        only_nights, only_refresh = of_nights - of_refresh, of_refresh - of_nights
        if only_nights or table not in PART_OF_ONE_NIGHT:
            figures.differences.append(
                f"{schema}.{table}, {place}: {only_nights.total()} rows of the nights alone, {only_refresh.total()} of a full refresh alone"
                + "".join(f"\n  nights:  {row}" for row in sorted(only_nights)[:SHOWN])
                + "".join(f"\n  refresh: {row}" for row in sorted(only_refresh)[:SHOWN])
            )
    figures.nights += 1
    figures.pairs += len(passed)


class Nights:
    """Plays nights in the warehouse that the environment points at, and compares what they make with what a full refresh makes."""

    def __init__(self, seed: int, folder: Path, server: PostgresServer, database: str) -> None:
        """`folder` holds launches and landing."""
        self.seed, self.figures = seed, Figures()
        self._server, self._database = server, database
        self._company = Company(seed, folder / "launches", folder / "landing")
        self._last = FIRST + HISTORY_DAYS * DAY

    def play(self, kinds: list[str], *, source: Source | None = None, is_published: bool = True, is_compared: bool = True) -> int:
        """A night in which launch files change in these ways, of one source alone if it is named; how many models its build ran."""
        self._last += DAY
        told = self._company.play(self._last, kinds, source)
        result = build()
        if is_published:
            audit()
            publish()
        if is_compared:
            self._compare(f"seed {self.seed}, the night after {self._last} ({result.models} models; {' | '.join(told)})")
        return result.models

    def lose_a_view(self) -> None:
        """And what reads it: by a hand, or by a restore that was not whole."""
        with psycopg.connect(self._server.uri(self._database, LOGIN)) as session:
            session.execute("drop view build.stg_zendesk__tickets cascade")

    def _compare(self, place: str) -> None:
        """The copy keeps what the nights made; the full refresh is made where dbt knows the project already, and is given up again."""
        server, kept = self._server, f"{self._database}_of_nights"
        server.clone_database(self._database, kept, LOGIN)
        made = {node.name for node in build(full_refresh=True).nodes}
        with psycopg.connect(server.uri(kept, LOGIN)) as nightly, psycopg.connect(server.uri(self._database, LOGIN)) as whole:
            assert set(tables_of_build(whole)) <= made, "a table that no model of a full refresh makes"
            compare(nightly, whole, place, self.figures)
        server.drop_database(self._database)
        server.clone_database(kept, self._database, LOGIN)
        server.drop_database(kept)


@pytest.fixture
def nights(
    request: pytest.FixtureRequest, server: PostgresServer, warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Nights:
    for name in ("launches", "landing"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"POSTLAUNCH_{name.upper()}", str(tmp_path / name))
    return Nights(getattr(request, "param", 1), tmp_path, server, warehouse.rpartition("/")[2])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nights_of_one_source_and_nights_in_which_launch_files_change_in_every_way_equal_a_full_refresh(nights: Nights) -> None:
    chance = random.Random(nights.seed)
    kinds = chance.sample(EVERY_KIND, len(EVERY_KIND))
    whole = nights.play([], is_published=False, is_compared=False)
    nights.play(kinds[::2], is_compared=False)
    nights.lose_a_view()
    assert nights.play(kinds[1::2], is_published=False, is_compared=False) == whole
    # last, because a file that changes has all dates made again, and would hide what a night of one source left out
    sources = chance.sample(SOURCES, len(SOURCES))
    for source in sources:
        is_last = source == sources[-1]
        assert 10 < nights.play([], source=source, is_published=is_last, is_compared=is_last) < 0.6 * whole, source
    assert nights.figures.pairs > 5
    assert not nights.figures.differences, "\n".join([str(nights.figures), *nights.figures.differences])


@pytest.mark.soak
@pytest.mark.timeout(14_400)
@pytest.mark.parametrize("nights", SOAK_SEEDS, indirect=True)
def test_thirty_random_nights_each_equal_a_full_refresh(nights: Nights) -> None:
    chance, played = random.Random(nights.seed), set[str]()
    waiting: list[str] = []
    for number in range(1, SOAK_NIGHTS + 1):
        tonight: list[str] = []
        for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
            waiting = waiting or chance.sample(EVERY_KIND, len(EVERY_KIND))
            tonight.append(waiting.pop())
        played |= set(tonight)
        is_compared = number % SOAK_EVERY == 0 or number == SOAK_NIGHTS
        nights.play(tonight, is_published=is_compared or chance.random() < 0.2, is_compared=is_compared)
        print(f"night {number}: {', '.join(tonight) or 'no file changed'}; {nights.figures}", flush=True)  # noqa: T201
        assert not nights.figures.differences, "\n".join(nights.figures.differences)
    assert SOAK_NIGHTS < 30 or played == set(EVERY_KIND)


def test_rows_that_differ_are_named_with_their_table_and_the_night(
    warehouse: str, warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(warehouse, autocommit=True) as session:
        session.execute("create table build.ticket_daily as select number, number % 3 as opened from generate_series(1, 9) as number")
        session.execute("create table build.int_ticket_changed as select 1 as number")
        session.execute("create table build.int_ticket_marks as select 1 as number")
    figures = Figures()
    with (
        warehouses.copied(warehouse.rpartition("/")[2], monkeypatch) as uri,
        psycopg.connect(warehouse) as nightly,
        psycopg.connect(uri) as whole,
    ):
        compare(nightly, whole, "night 1", figures)
        assert (figures.tables, figures.rows, figures.differences) == (2, 10, [])
        whole.execute("update build.ticket_daily set opened = 7 where number = 4")
        whole.execute("update build.int_ticket_changed set number = 2")
        whole.execute("insert into build.int_ticket_marks values (2)")
        compare(nightly, whole, "night 2", figures)
        whole.execute("delete from build.int_ticket_marks where number = 1")
        compare(nightly, whole, "night 3", figures)
    assert figures.differences[:1] == [
        "build.ticket_daily, night 2: 1 rows of the nights alone, 1 of a full refresh alone\n"
        "  nights:  {'number': 4, 'opened': 1}\n  refresh: {'number': 4, 'opened': 7}"
    ]
    assert [difference.split(":")[0] for difference in figures.differences[1:]] == [
        "build.int_ticket_marks, night 3",
        "build.ticket_daily, night 3",
    ]
