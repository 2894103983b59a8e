"""What `make demo` prints in the end: what was loaded, what was published, what was mailed, and where to look."""

from __future__ import annotations

import sys
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from postlaunch.sources.registry import SPECS
from postlaunch.warehouse.db import connect
from sandbox import airflow
from sandbox.errors import SandboxError
from sandbox.mail_folder import MailFolder, StoredMail
from sandbox.stack import MAIL, Stack
from sandbox.tales import TALES

WIDTH = 150  # of what is not a terminal: a log


def wide_console() -> Console:
    """A console that does not cut tables and paths when its output goes to a file."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


console = wide_console()

_PUBLISHED = """
    select
        status.launch_id,
        status.domain,
        status.publication_id,
        status.covered_through,
        coalesce(status.held_reason, '') as held_reason,
        coalesce(gate.passed_count, 0) as passed_count,
        coalesce(gate.warning_count, 0) as warning_count,
        coalesce(gate.critical_count, 0) as critical_count
    from ops.domain_status as status
    left join lateral (
        select
            count(*) filter (where is_passed) as passed_count,
            count(*) filter (where not is_passed and severity = 'warning') as warning_count,
            count(*) filter (where not is_passed and severity = 'critical') as critical_count
        from ops.gate_results
        where launch_id = status.launch_id and domain = status.domain
            and audited_at = (
                select max(newest.audited_at)
                from ops.gate_results as newest
                where newest.launch_id = status.launch_id and newest.domain = status.domain
            )
    ) as gate on true
    order by status.launch_id, status.domain
"""
_DELIVERIES = """
    select launch_id, review, period_start, period_end, recipients, message_id, publication_id
    from ops.deliveries order by delivery_id
"""


def print_report(stack: Stack, seconds: float) -> None:
    """Print all of it. Raises SandboxError if a delivery has no mail in the catcher, or nothing was published or delivered."""
    with connect("transformer") as session:
        rows = _rows(session)
    with connect("reporter") as session:
        published = session.execute(_PUBLISHED).fetchall()
        number = _single(session, "select max(publication_id) from ops.publications")
        deliveries = session.execute(_DELIVERIES).fetchall()
    if number is None or not deliveries:
        raise SandboxError(f"nothing was {'published' if number is None else 'delivered'}: look into {stack.url('airflow')}")
    console.print(_rows_table(rows))
    console.print(_launches_table())
    console.print(_published_table(published, number))
    console.print(_mails_table(deliveries, {_id(mail): mail for mail in MailFolder(stack.home / "mail").mails()}))
    console.print(f"Airflow   {stack.url('airflow')}   login {airflow.USER}, password {stack.secrets['airflow_admin']}")
    console.print(f"mails     {stack.url(MAIL)}")
    console.print(f"docs      {stack.url(MAIL)}/docs/")
    console.print(f"It took {seconds:.0f} seconds. 'make down' stops everything; the state stays in {stack.home}.")


def _single(session: psycopg.Connection, query: Any) -> Any:
    row = session.execute(query).fetchone()
    return row[0] if row else None


def _rows(session: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Source, launch, stream and rows, for all that has rows."""
    rows: list[tuple[Any, ...]] = []
    for stream in (stream for spec in SPECS.values() for stream in spec.streams):
        table = sql.Identifier("raw", f"{stream.source}_{stream.name}")
        counts = session.execute(sql.SQL("select launch_id, count(*) from {} group by launch_id order by launch_id").format(table))
        rows += [(stream.source, launch_id, stream.name.replace("_", " "), count) for launch_id, count in counts]
    return rows


def _rows_table(rows: list[tuple[Any, ...]]) -> Table:
    table = Table("source", "launch", "stream", title="rows in the warehouse")
    table.add_column("rows", justify="right")
    for source, launch_id, stream, count in rows:
        table.add_row(source, launch_id, stream, f"{count:,}")
    return table


def _launches_table() -> Table:
    table = Table("launch", "what it is there to show", title="launches")
    for tale in TALES:
        table.add_row(tale.launch, tale.title)
    table.add_row("cdnow", "a real cohort: the customers whom a record shop won in the first quarter of 1997")
    return table


def _published_table(published: list[tuple[Any, ...]], number: int) -> Table:
    table = Table("launch", "domain", "publication", "covered through", "gate", title=f"marts: publication {number}")
    for launch_id, domain, publication_id, covered, held, passed, warnings, critical in published:
        gate = f"{passed} passed" + (f", {warnings} warnings" if warnings else "")
        verdict = f"[red]held[/red]: {critical} critical, {held}" if held else f"[green]open[/green]: {gate}"
        table.add_row(launch_id, domain, str(publication_id or ""), str(covered or ""), verdict)
    return table


def _mails_table(deliveries: list[tuple[Any, ...]], mails: dict[str, StoredMail]) -> Table:
    table = Table("mail", "to", title="mails delivered")
    table.add_column("file", overflow="fold", min_width=60)
    lost = [f"{review} of {launch_id} {start}" for launch_id, review, start, _, _, message_id, _ in deliveries if message_id not in mails]
    if lost:
        raise SandboxError(f"ops.deliveries names mails that the catcher never got: {', '.join(lost)}")
    for _, _, _, _, recipients, message_id, _ in deliveries:
        mail = mails[message_id]
        table.add_row(mail.subject, ", ".join(parseaddr(one)[1] for one in recipients), _short(mail.path))
    return table


def _short(path: Path) -> str:
    """Relative to the working folder, where it lies below it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _id(mail: StoredMail) -> str:
    return str(mail.message["message-id"] or "").strip()
