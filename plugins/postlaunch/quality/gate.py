"""Audit what was built and is not published: run the suites, judge by severity, keep every result in ops.gate_results.

A failed critical expectation holds its launch and domain; publish.py reads the results and acts on them. An audit changes nothing else,
so it can be run again at any time: the newest results of a build count.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import getpass

import psycopg
from psycopg.types.json import Jsonb

from postlaunch.config.settings import load_settings
from postlaunch.errors import GateError
from postlaunch.quality.engine import Engine, missing_tables
from postlaunch.quality.result import AuditResult, DomainAudit, Finding, Scope
from postlaunch.quality.scope import newest_build, pending_scopes
from postlaunch.quality.suites import Suite, load_suites
from postlaunch.warehouse.db import connect

Confirmations = dict[tuple[str, str], str]


def audit() -> AuditResult:
    """Judge every launch and domain that waits for publication.

    Raises GateError if the audit itself cannot run (unfinished build, missing tables), ConfigError for a wrong suite file.
    """
    suites = load_suites(load_settings().expectations)
    with connect("publisher") as session:
        build_id = newest_build(session)
        scopes = pending_scopes(session)
        if build_id is None or not scopes:
            return AuditResult(build_id, ())
        missing = missing_tables(session, suites)
        if missing:
            raise GateError(f"nothing to audit in {', '.join(missing)}: the table does not exist; run `postlaunch build`")
        confirmations = _confirmations(session)
    result = AuditResult(build_id, tuple(_audit_all(suites, scopes, confirmations)))
    _store(result)
    return result


def confirm(launch_id: str, domain: str, reason: str) -> None:
    """Say that what the gate found odd about the loads of a held domain is true, and why. The next audit lets it through.

    Holds only for the loads known now and for expectations marked confirmable (volumes, never arithmetic).
    Raises GateError if the domain is not held or the reason is empty.
    """
    if not reason.strip():
        raise GateError("a confirmation needs a reason: it is shown beside the numbers")
    with connect("publisher") as session:
        row = session.execute(
            "select 1 from ops.domain_status where launch_id = %s and domain = %s and held_since is not null", [launch_id, domain]
        ).fetchone()
        if row is None:
            raise GateError(f"{launch_id} {domain} is not held: nothing to confirm")
        session.execute(
            """
            insert into ops.gate_confirmations (launch_id, domain, through_load_id, reason, confirmed_by)
            select %s, %s, coalesce(max(load_id), 0), %s, %s from ops.partition_loads
            """,
            [launch_id, domain, reason.strip(), getpass.getuser()],
        )


def _confirmations(session: psycopg.Connection) -> Confirmations:
    """Reasons of confirmations that no newer load of the same source has outdated."""
    rows = session.execute(
        """
        select distinct on (confirmations.launch_id, confirmations.domain)
            confirmations.launch_id,
            confirmations.domain,
            confirmations.reason || ' (' || confirmations.confirmed_by || ')'
        from ops.gate_confirmations as confirmations
        inner join ops.domain_sources as sources using (domain)
        where not exists (
            select from ops.partition_loads as loads
            where
                loads.launch_id = confirmations.launch_id
                and loads.source = sources.source
                and loads.is_changed
                and loads.load_id > confirmations.through_load_id
        )
        order by confirmations.launch_id, confirmations.domain, confirmations.confirmation_id desc
        """
    ).fetchall()
    return {(str(launch_id), str(domain)): str(reason) for launch_id, domain, reason in rows}


def _audit_all(suites: list[Suite], scopes: list[Scope], confirmations: Confirmations) -> list[DomainAudit]:
    engine = Engine()
    try:
        return [_audit_scope(engine, suites, scope, confirmations.get((scope.launch_id, scope.domain))) for scope in scopes]
    finally:
        engine.close()


def _audit_scope(engine: Engine, suites: list[Suite], scope: Scope, confirmation: str | None) -> DomainAudit:
    findings: list[Finding] = []
    for suite in suites:
        if suite.covers(scope.domain) and (scope.is_built or suite.schema_name == "ops"):
            findings += engine.validate(suite, scope)
    return DomainAudit(scope, tuple(_confirmed(finding, confirmation) for finding in findings))


def _confirmed(finding: Finding, confirmation: str | None) -> Finding:
    """A confirmed failure is still told, but as a warning."""
    if finding.is_passed or confirmation is None or not finding.is_confirmable:
        return finding
    observed = finding.observed | {"text": f"{finding.text}; confirmed: {confirmation}", "confirmed": confirmation}
    return dataclasses.replace(finding, severity="warning", observed=observed)


def _store(result: AuditResult) -> None:
    """Write all results with one timestamp: the newest of a build, launch and domain are in force."""
    audited_at = dt.datetime.now(dt.UTC)
    rows = [
        (
            result.build_id,
            domain.scope.launch_id,
            domain.scope.domain,
            finding.suite,
            finding.expectation,
            finding.severity,
            finding.is_passed,
            finding.reason,
            Jsonb(finding.observed),
            audited_at,
        )
        for domain in result.domains
        for finding in domain.findings
    ]
    with connect("publisher") as session, session.cursor() as cursor:
        cursor.executemany(
            """
            insert into ops.gate_results
                (build_id, launch_id, domain, suite, expectation, severity, is_passed, reason, observed, audited_at)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            rows,
        )
