"""Migrations: plain SQL files, each applied once in its own transaction, in the order of their numbers."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import psycopg

from postlaunch.errors import WarehouseError
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.locks import bounded

MIGRATIONS = Path(__file__).with_name("migrations")
PATIENCE_SECONDS = 60.0  # for one migration; what holds it up is named then


def migrate() -> list[str]:
    """Apply what is missing and return the names. Safe to call at once from many processes: each migration is one's own to apply.

    Raises LockedError if another session keeps what a migration changes, WarehouseError if one fails or was edited.
    """
    files = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(MIGRATIONS.glob("[0-9]*.sql"))}
    with connect(autocommit=True) as session:
        _ensure_register(session)
        return [file.name for file in _missing(files, _known(session)) if _apply(session, file, files[file])]


def _ensure_register(session: psycopg.Connection) -> None:
    made_by_another = (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject)  # at this moment
    with suppress(*made_by_another):
        session.execute(
            """
            create table if not exists public.postlaunch_migrations (
                name text primary key,
                sha256 text not null,
                applied_at timestamptz not null default now()
            )
            """
        )


def _known(session: psycopg.Connection) -> dict[str, str]:
    return {str(name): str(digest) for name, digest in session.execute("select name, sha256 from public.postlaunch_migrations")}


def _missing(files: dict[Path, str], known: dict[str, str]) -> list[Path]:
    for file, digest in files.items():
        if known.get(file.name, digest) != digest:
            raise WarehouseError(f"migration {file.name} was changed after it was applied: restore it, and put the change in a new file")
    return [file for file in files if file.name not in known]


def _apply(session: psycopg.Connection, file: Path, digest: str) -> bool:
    """Whether it was us: the register is locked first, so that of several processes one applies it and the others see that it is done."""
    try:
        with bounded(session, PATIENCE_SECONDS, f"migration {file.name}"), session.transaction():
            session.execute("lock table public.postlaunch_migrations in exclusive mode")
            if file.name in _known(session):
                return False
            session.execute(file.read_bytes())
            session.execute("insert into public.postlaunch_migrations (name, sha256) values (%s, %s)", [file.name, digest])
    except psycopg.Error as error:
        raise WarehouseError(f"migration {file.name} failed and was rolled back: {str(error).strip()}") from error
    return True
