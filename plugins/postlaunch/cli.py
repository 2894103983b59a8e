"""`postlaunch ...`: every step of the pipeline by hand. The DAGs call the same functions.

Exit code 0, or 1 with one clear message on stderr.
"""

from __future__ import annotations

import datetime as dt
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from postlaunch.cli_progress import progress_of
from postlaunch.cli_quarantine import quarantine_cli
from postlaunch.cli_storage import prune, storage
from postlaunch.config.checks import kpi_warnings
from postlaunch.config.launch import Launch, ReviewKind, Source
from postlaunch.config.load import load_launch, read_launches
from postlaunch.config.settings import REPOSITORY, load_settings
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, PostlaunchError
from postlaunch.warehouse.refusals import warehouse_errors

LOCAL_ENV = REPOSITORY / ".local" / "env"

cli = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Is the launch working, and will it keep working?")
launches_cli = typer.Typer(no_args_is_help=True, help="Launch files.")
cli.add_typer(launches_cli, name="launches")
cli.add_typer(quarantine_cli, name="quarantine")
cli.command()(storage)
cli.command()(prune)
console = Console()

LaunchOption = Annotated[str, typer.Option("--launch", help="Id of a launch file, for example emr-platform.")]
FromOption = Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First date, in the launch's time zone.")]
ToOption = Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last date, inclusive.")]


def app() -> None:
    """Entry point: runs the command line and turns our errors, and what PostgreSQL refuses, into one message and exit code 1."""
    _load_local_env()
    try:
        with warehouse_errors():
            cli()
    except PostlaunchError as error:
        print(f"postlaunch: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _load_local_env() -> None:
    """Take the settings of the local stack where the environment does not say otherwise."""
    if not LOCAL_ENV.is_file():
        return
    for line in LOCAL_ENV.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            os.environ.setdefault(name.strip(), "".join(shlex.split(value)))


@contextmanager
def _sandbox() -> Iterator[None]:
    """Within, the sandbox is imported: nothing but the local stack needs it, and a production installation has none."""
    try:
        yield
    except ImportError as error:
        raise ConfigError(f"{error}: the sandbox is not installed here; in a clone, `make setup` installs it") from error


# --- local stack ---------------------------------------------------------------------------------------------------------


@cli.command()
def up(airflow: Annotated[bool, typer.Option(help="Start Airflow too.")] = True) -> None:
    """Start the local stack: PostgreSQL, simulated APIs, mail catcher, Airflow."""
    with _sandbox():
        from sandbox import stack
    stack.up(airflow=airflow)


@cli.command()
def down() -> None:
    """Stop every process of the local stack."""
    with _sandbox():
        from sandbox import stack
    stack.down()


@cli.command()
def status() -> None:
    """Show what is published and until when, what is held and why, what is at work; and what of the local stack runs, if there is one."""
    is_well = _show_pipeline()
    if (REPOSITORY / ".local" / "secrets.json").exists():
        try:
            from sandbox import stack
        except ImportError:
            console.print("the local stack: the packages of the sandbox are not installed here")
        else:
            is_well = stack.status() and is_well
    if not is_well:
        raise typer.Exit(1)


@cli.command()
def demo() -> None:
    """The whole product on this machine: history, the last night through Airflow, the mails."""
    with _sandbox():
        from sandbox.demo import main
    main()


@cli.command()
def doctor() -> None:
    """What is missing on this machine, and the line that fixes it."""
    from postlaunch.doctor import checks

    found = checks()
    table = Table("", "check", "found", "fix")
    for check in found:
        table.add_row("ok" if check.ok else "!!", check.name, check.detail, check.fix or "")
    console.print(table)
    if not all(check.ok for check in found):
        raise typer.Exit(1)


# --- configuration and warehouse -----------------------------------------------------------------------------------------


@launches_cli.command("check")
def launches_check(
    live: Annotated[bool, typer.Option("--live", help="Also ask Prometheus and PagerDuty for what the files name.")] = False,
) -> None:
    """Validate every launch file; with --live, also whether its sources have what it names."""
    files = read_launches(load_settings().launches)
    table = Table("launch", "day 0", "zone", "sources", title=str(files.folder))
    for launch in files.launches.values():
        table.add_row(launch.launch, str(launch.date), launch.timezone, ", ".join(launch.sources))
    console.print(table)
    for launch in files.launches.values():
        for warning in kpi_warnings(launch):
            console.print(f"{launch.launch}: {warning}", style="yellow", markup=False, highlight=False)
    missing = _not_there(files.launches.values()) if live else 0
    if files.faults:
        raise ConfigError("\n".join(fault.reason for fault in files.faults))
    if missing:
        raise typer.Exit(1)


def _not_there(launches: Iterable[Launch]) -> int:
    from postlaunch.sources.live import unseen

    found = 0
    for launch in launches:
        with console.status(f"asking the sources of {launch.launch}"):
            lines = list(unseen(launch))
        found += len(lines)
        for line in lines:
            console.print(f"{launch.launch}: {line}", style="red", markup=False, highlight=False)
    return found


@cli.command()
def migrate() -> None:
    """Bring the warehouse's schema up to date."""
    from postlaunch.warehouse.migrate import migrate as run

    console.print(f"applied: {', '.join(run()) or 'nothing, the schema is up to date'}")


# --- the pipeline --------------------------------------------------------------------------------------------------------


@cli.command()
def ingest(source: Source, launch: LaunchOption, first: FromOption, last: ToOption) -> None:
    """Pull a source into the landing zone and load it."""
    _ingest(source, _launch(launch), first.date(), last.date())


@cli.command()
def load(
    source: Source,
    launch: LaunchOption,
    first: FromOption,
    last: ToOption,
    accept_changed: Annotated[bool, typer.Option(help="Take files that were edited by hand: their manifests are written anew.")] = False,
    accept_shrunk: Annotated[
        bool, typer.Option(help="Take dates that lost rows against what is loaded; without it they are refused.")
    ] = False,
) -> None:
    """Load what lies in the landing zone again, without asking the API."""
    from postlaunch.ingest import load as run
    from postlaunch.warehouse.migrate import migrate as ensure_schema

    ensure_schema()
    dates = (first.date(), last.date())
    with progress_of(f"{source} {launch}", console) as report:
        result = run(source, _launch(launch), *dates, accept_changed=accept_changed, accept_shrunk=accept_shrunk, progress=report)
    console.print(result.summary, markup=False)


@cli.command()
def redate(
    launch: LaunchOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Date what is loaded of a launch anew, after the time zone in its file has changed: all of it in one transaction, or nothing."""
    from postlaunch.load.redate import redate as run
    from postlaunch.warehouse.migrate import migrate as ensure_schema

    ensure_schema()
    chosen = _launch(launch)
    with console.status(f"dating {launch} in {chosen.timezone}") as shown:
        done = run(chosen, dry_run=dry_run, progress=lambda message, at, total: shown.update(f"{message}, {at} of {total}"))
    console.print(done.summary, markup=False, soft_wrap=True)


@cli.command()
def build(full_refresh: Annotated[bool, typer.Option(help="Build everything anew, not only what changed.")] = False) -> None:
    """Build the marts (dbt) for the dates whose raw data changed; nobody reads them before the gate."""
    _build(full_refresh)


@cli.command()
def audit(
    confirm: Annotated[
        tuple[str, str] | None,
        typer.Option("--confirm", metavar="LAUNCH DOMAIN", help="First say that the odd loads of a held domain are true."),
    ] = None,
    reason: Annotated[str, typer.Option(help="With --confirm: why they are true; kept beside the gate's results.")] = "",
) -> None:
    """Run the gate (Great Expectations) over what was built and is not yet published."""
    if confirm:
        from postlaunch.quality import confirm as confirm_loads

        confirm_loads(*confirm, reason)
    _audit()


@cli.command()
def publish() -> None:
    """Publish what passed the gate, in one transaction."""
    _publish()


@cli.command()
def run(launch: LaunchOption, first: FromOption, last: ToOption) -> None:
    """All of it: ingest every source of the launch, build, audit, publish."""
    chosen = _launch(launch)
    failures: list[str] = []
    for source in chosen.sources:
        try:
            with warehouse_errors():
                _ingest(source, chosen, first.date(), last.date())
        except PostlaunchError as error:
            failures.append(f"{source}: {error}")
            console.print(f"{source} failed, the other sources go on: {error}", style="red", markup=False)
    _build(full_refresh=False)
    _audit()
    _publish()
    if failures:
        raise PostlaunchError("; ".join(failures))


@cli.command()
def review(
    kind: ReviewKind,
    launch: LaunchOption,
    period: Annotated[str, typer.Option(help="2026-03-31 (daily), 2026-W13 (weekly), 2026-03 (monthly), day-30 (verdict).")],
    send: Annotated[bool, typer.Option("--send", help="Mail it to the recipients of the launch file, once a period.")] = False,
    again: Annotated[bool, typer.Option("--again", help="With --send: mail it even if it was mailed before.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the HTML, the charts and the .eml.")] = None,
) -> None:
    """Render a review from the published marts, and mail it on request."""
    from postlaunch.reviews import deliver, render

    chosen = _launch_to_review(launch)
    rendered = render(kind, chosen, period, out=out)
    console.print(rendered.subject)
    for path in rendered.paths:
        console.print(f"  {path}")
    if send:
        recipients = chosen.reviews.recipients.get(kind, ())
        if not recipients:
            raise ConfigError(f"launch {launch}: reviews.recipients.{kind}: missing; nobody to mail to")
        delivery = deliver(rendered, list(recipients), again=again)
        console.print(delivery.summary if delivery else "was mailed before; --again sends it once more", markup=False)


def _show_pipeline() -> bool:
    """Whether the warehouse answers."""
    from postlaunch.pipeline_state import launch_faults, pipeline_state

    try:
        domains, work = pipeline_state()
        faults = launch_faults()
    except PostlaunchError as error:
        console.print(f"the pipeline: {error}", style="red", markup=False, soft_wrap=True)
        return False
    table = Table("launch", "domain", "published through", "last ingest", "held")
    for each in domains:
        held = f"since {each.held_since:%Y-%m-%d %H:%M} UTC, from {each.held_from_date}: {each.held_reason}" if each.held_since else ""
        ingested = f"{each.ingested_at:%Y-%m-%d %H:%M} UTC" if each.ingested_at else "never"
        table.add_row(each.launch_id, each.domain, str(each.covered_through or "nothing yet"), ingested, escape(held))
    console.print(table if domains else "no launch is known to the warehouse yet: the first build makes them known")
    for launch_id, reason, since in faults:
        console.print(f"{launch_id} stands still since {since:%Y-%m-%d %H:%M} UTC: {reason}", style="red", markup=False, soft_wrap=True)
    for one in work:
        session = f"session {one.pid}" if one.pid else "no session: its process has ended"
        console.print(f"at work: {one.what}, since {one.since:%Y-%m-%d %H:%M} UTC ({session})", markup=False, soft_wrap=True)
    if not work:
        console.print("at work: nothing")
    return True


def _launch(launch_id: str) -> Launch:
    return load_launch(load_settings().launches, launch_id)


def _launch_to_review(launch_id: str) -> Launch:
    """As its file says, or said when it was last right."""
    from postlaunch.warehouse.config_sync import launches_to_review

    files = read_launches(load_settings().launches)
    return launches_to_review(files).get(launch_id) or files.require(launch_id)


def _ingest(source: Source, launch: Launch, first: dt.date, last: dt.date) -> None:
    from postlaunch.ingest import check_dates
    from postlaunch.ingest import ingest as extract_and_load
    from postlaunch.sources.call_budget import plan
    from postlaunch.warehouse.migrate import migrate as ensure_schema

    if source not in launch.sources:
        raise ConfigError(f"launch {launch.launch} does not name {source}; its sources: {', '.join(launch.sources) or 'none'}")
    check_dates(launch, Dates(first, last))
    ensure_schema()
    if planned := plan(source, launch, Dates(first, last)):
        console.print(planned, markup=False)
    with progress_of(f"{source} {launch.launch}", console) as report:
        result = extract_and_load(source, launch, first, last, progress=report)
    console.print(result.summary, markup=False)


def _build(full_refresh: bool) -> None:
    from postlaunch.marts.build import build as run_dbt
    from postlaunch.warehouse.migrate import migrate as ensure_schema

    ensure_schema()
    with progress_of("dbt build", console) as report:
        result = run_dbt(full_refresh=full_refresh, progress=lambda node: report(node.name, node.number, node.total))
    console.print(result.summary, markup=False)


def _audit() -> None:
    from postlaunch.quality import audit as run_gate

    with console.status("Great Expectations"):
        result = run_gate()
    console.print(result.summary, markup=False)


def _publish() -> None:
    from postlaunch.marts.publish import publish as run_publish

    console.print(run_publish().summary, markup=False)
