"""One way to reach the warehouse: the connection `postlaunch_warehouse`, and the role that a step needs."""

from __future__ import annotations

from typing import Literal

import psycopg
from psycopg import sql

from postlaunch.config.connections import WAREHOUSE, Connection, get_connection, variable_name
from postlaunch.errors import WarehouseError

LOCK_TIMEOUT_SECONDS = 300  # no statement waits without end; what may be kept waiting by others waits less: warehouse/locks.py

Role = Literal["loader", "transformer", "auditor", "publisher", "reporter", "analyst"]


def conninfo(connection: Connection) -> str:
    """libpq connection string of an Airflow connection; times are UTC whatever the server's default."""
    return psycopg.conninfo.make_conninfo(
        host=connection.host,
        port=connection.port or 5432,
        user=connection.login,
        password=connection.password,
        dbname=connection.schema or "postlaunch",
        application_name="postlaunch",
        connect_timeout=10,
        options=f"-c TimeZone=UTC -c lock_timeout={LOCK_TIMEOUT_SECONDS}s",
    )


def connect(role: Role | None = None, *, autocommit: bool = False) -> psycopg.Connection:
    """Open a session that has taken `role` (None: the owner). Raises WarehouseError without the password."""
    connection = get_connection(WAREHOUSE)
    try:
        session = psycopg.connect(conninfo(connection), autocommit=True)
    except psycopg.OperationalError as error:
        place = f"{connection.host}:{connection.port or 5432}/{connection.schema or 'postlaunch'}"
        raise WarehouseError(f"no PostgreSQL at {place}: {' '.join(str(error).split())} (check {variable_name(WAREHOUSE)})") from None
    if role is not None:
        try:
            session.execute(sql.SQL("set role {}").format(sql.Identifier(f"postlaunch_{role}")))
        except psycopg.Error as error:
            session.close()
            raise WarehouseError(f"cannot take role postlaunch_{role}: {str(error).strip()}; run `postlaunch migrate`") from error
    session.autocommit = autocommit
    return session
