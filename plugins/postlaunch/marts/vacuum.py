"""Room that deleted rows leave is used again: a night deletes and inserts what changed, and its tables must not grow by that for ever.

After each publication, when neither a build nor another publication is at work: a transaction that is older than a deletion would keep its
rows. Autovacuum alone comes a minute or more later, often while the next step holds a snapshot, and waits for a fifth of a table.
"""

from __future__ import annotations

import logging

import psycopg
from psycopg import sql

from postlaunch.errors import WarehouseError
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.refusals import refusal

DEAD_SHARE = 0.1  # a vacuum reads every index whole: once a tenth of the rows is dead, so that its cost follows what changed
DEAD_ROWS = 1_000  # fewer are a few pages
LOCK_WAIT = "1s"  # somebody else vacuums the table, or changes its columns: the next night comes

log = logging.getLogger(__name__)

# Partitions are tables of their own here. The statistics of a session are written when it is idle or ends, so those of the build are in.
_DEAD = """
select schemaname, relname
from pg_stat_user_tables
where
    schemaname in ('raw', 'ops', 'build', 'marts')
    and n_dead_tup > %(rows)s
    and n_dead_tup > %(share)s * n_live_tup
order by schemaname, relname
"""


def vacuum_dead_rows() -> list[str]:
    """Vacuum what has many dead rows; returns the tables. What cannot be vacuumed is logged, and left to the next night.

    Tables are not cut off at their end: that would take a lock that readers wait for, and the next night needs the room.
    """
    done: list[str] = []
    try:
        with connect(autocommit=True) as session:  # as the login, a member of every role that owns tables
            session.execute(sql.SQL("set lock_timeout = {}").format(LOCK_WAIT))
            for schema, table in session.execute(_DEAD, {"rows": DEAD_ROWS, "share": DEAD_SHARE}).fetchall():
                try:
                    session.execute(sql.SQL("vacuum (truncate false) {}").format(sql.Identifier(schema, table)))
                except psycopg.OperationalError as error:
                    if session.closed:
                        raise
                    log.warning("%s.%s keeps its dead rows until the next publication: %s", schema, table, refusal(error))
                else:
                    done.append(f"{schema}.{table}")
    except (psycopg.Error, WarehouseError) as error:
        log.warning("dead rows stay until the next publication: %s", error)
    return done
