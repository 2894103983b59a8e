"""One way to reach the warehouse: the connection `postlaunch_warehouse`, and the role that a step needs."""

from __future__ import annotations

import logging
from typing import Any, Literal

import psycopg
from psycopg import sql

from postlaunch.config.connections import WAREHOUSE, Connection, get_connection, variable_name
from postlaunch.errors import ConfigError, WarehouseError
from postlaunch.warehouse.refusals import place, without_values

LOCK_TIMEOUT_SECONDS = 300  # no statement waits without end; what may be kept waiting by others waits less: warehouse/locks.py

Role = Literal["loader", "transformer", "auditor", "publisher", "reporter", "analyst"]
logging.getLogger("psycopg").setLevel(logging.ERROR)  # its warning of a rollback on a lost connection says again what the error says

_OF_THE_CONNECTION = {"host", "port", "user", "password", "dbname", "application_name", "service"}  # they have places of their own


def keywords(connection: Connection) -> dict[str, str]:
    """libpq keywords of an Airflow connection: its place and login, our defaults, and every option among its extras that libpq knows.

    Times are UTC whatever the server's default. Raises ConfigError for an extra that libpq does not know: a misspelt `sslmode` must not
    connect in clear.
    """
    known = {
        "host": connection.host,
        "port": str(connection.port or 5432),
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema or "postlaunch",
        "connect_timeout": "10",
    }
    extra = libpq_options(connection)
    settings = f"-c TimeZone=UTC -c lock_timeout={LOCK_TIMEOUT_SECONDS}s {extra.pop('options', '')}"
    given = {**known, **extra, "application_name": "postlaunch", "options": settings.strip()}
    return {name: value for name, value in given.items() if value is not None}


def libpq_options(connection: Connection) -> dict[str, str]:
    """The extras of a connection, which are libpq's keywords: sslmode, sslrootcert, sslcert, sslkey, ... Raises ConfigError for another."""
    options = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()} - _OF_THE_CONNECTION
    unknown = sorted(connection.extra.keys() - options)
    if unknown:
        raise ConfigError(
            f"{variable_name(connection.conn_id)}: {', '.join(unknown)} is not an option of a PostgreSQL connection; "
            "libpq knows sslmode, sslrootcert, sslcert, sslkey and more: https://www.postgresql.org/docs/current/libpq-connect.html"
        )
    return {name: str(value) for name, value in connection.extra.items()}


def libpq_environment(connection: Connection, settings: str = "") -> dict[str, str]:
    """The same options as variables of the environment, for a program that has no keyword for all of them; `settings` as for `keywords`.

    Raises ConfigError.
    """
    variables = {option.keyword.decode(): option.envvar for option in psycopg.pq.Conninfo.get_defaults()}
    options = libpq_options(connection)
    if "sslpassword" in options:
        raise ConfigError(f"{variable_name(connection.conn_id)}: dbt cannot be given sslpassword: take a key without one, of mode 600")
    settings = f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s {settings} {options.pop('options', '')}"
    return {"PGOPTIONS": " ".join(settings.split()), **{name.decode(): value for key, value in options.items() if (name := variables[key])}}


class Session(psycopg.Connection[tuple[Any, ...]]):
    """A session whose errors repeat no value of a row, wherever their text and traceback go; `diag` still has all."""

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """What every statement, COPY and fetch passes through."""
        try:
            return super().wait(*arguments, **options)
        except psycopg.Error as error:
            error.args = (without_values(error),)
            raise


def connect(role: Role | None = None, *, autocommit: bool = False) -> Session:
    """Open a session that has taken `role` (None: the owner). Raises WarehouseError without the password."""
    connection = get_connection(WAREHOUSE)
    try:
        session = Session.connect(psycopg.conninfo.make_conninfo(**keywords(connection)), autocommit=True)
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split())
        raise WarehouseError(f"no PostgreSQL at {place(connection)}: {said} (check {variable_name(WAREHOUSE)})") from None
    if role is not None:
        try:
            session.execute(sql.SQL("set role {}").format(sql.Identifier(f"postlaunch_{role}")))
        except psycopg.Error as error:
            session.close()
            raise WarehouseError(f"cannot take role postlaunch_{role}: {error}; run `postlaunch migrate`") from error
    session.autocommit = autocommit
    return session
