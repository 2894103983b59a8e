"""Migrations: plain SQL files, each applied once in its own transaction, in the order of their numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg

from postlaunch.errors import WarehouseError
from postlaunch.warehouse.db import connect

MIGRATIONS = Path(__file__).with_name("migrations")
ADVISORY_LOCK = 7_020_001


def migrate() -> list[str]:
    """Apply what is missing and return the names. Safe to call at once from many processes."""
    applied: list[str] = []
    with connect(autocommit=True) as session:
        session.execute("select pg_advisory_lock(%s)", [ADVISORY_LOCK])
        session.execute(
            """
            create table if not exists public.postlaunch_migrations (
                name text primary key,
                sha256 text not null,
                applied_at timestamptz not null default now()
            )
            """
        )
        known = {str(name): str(digest) for name, digest in session.execute("select name, sha256 from public.postlaunch_migrations")}
        for file in sorted(MIGRATIONS.glob("[0-9]*.sql")):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            if file.name not in known:
                _apply(session, file, digest)
                applied.append(file.name)
            elif known[file.name] != digest:
                raise WarehouseError(
                    f"migration {file.name} was changed after it was applied: restore it, and put the change in a new file"
                )
    return applied


def _apply(session: psycopg.Connection, file: Path, digest: str) -> None:
    try:
        with session.transaction():
            session.execute(file.read_bytes())
            session.execute("insert into public.postlaunch_migrations (name, sha256) values (%s, %s)", [file.name, digest])
    except psycopg.Error as error:
        raise WarehouseError(f"migration {file.name} failed and was rolled back: {str(error).strip()}") from error
