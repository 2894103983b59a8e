"""Audit what was built and is not published: run the suites, judge by severity, keep every result in ops.gate_results.

A failed critical expectation holds its launch and domain; publish.py reads the results and acts on them. An audit changes nothing else,
so it can be run again at any time: the newest results of a build count.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import getpass
from collections.abc import Iterator

import psycopg
from psycopg.types.json import Jsonb

from postlaunch.config.settings import load_settings
from postlaunch.errors import GateError
from postlaunch.quality.describe import finding_of_invariant, finding_of_suite, finding_without_facts
from postlaunch.quality.engine import Engine
from postlaunch.quality.facts import Facts, read_facts, scopes_of
from postlaunch.quality.invariants import Model, load_models
from postlaunch.quality.result import AuditResult, DomainAudit, Finding, Scope
from postlaunch.quality.scope import newest_build, pending_scopes
from postlaunch.quality.suites import ColumnKwargs, Expectation, Meta, Suite, load_suites
from postlaunch.quality.violations import Judge, Violations, missing_tables
from postlaunch.warehouse.db import connect

Confirmations = dict[tuple[str, str], str]
_REASON = "invariants hold for every row, and one that cannot be evaluated holds for none"
NO_VIOLATIONS = (
    Expectation(
        type="expect_column_values_to_be_between",
        kwargs=ColumnKwargs.model_validate({"column": "violations", "max_value": 0}),
        severity="critical",
        meta=Meta(reason=_REASON),
    ),
    Expectation(
        type="expect_column_values_to_not_be_null", kwargs=ColumnKwargs(column="violations"), severity="critical", meta=Meta(reason=_REASON)
    ),
)


def audit() -> AuditResult:
    """Judge every launch and domain that waits for publication.

    Raises GateError if the audit itself cannot run (unfinished build, missing tables), ConfigError for a wrong suite file.
    """
    settings = load_settings()
    suites, models = load_suites(settings.expectations), load_models(settings.dbt_project)
    with connect("publisher") as session:
        build_id = newest_build(session)
        scopes = pending_scopes(session)
        if build_id is None or not scopes:
            return AuditResult(build_id, ())
        missing = missing_tables(session, models)
        if missing:
            raise GateError(f"nothing to audit in {', '.join(missing)}: the table does not exist; run `postlaunch build`")
        confirmations = _confirmations(session)
    result = AuditResult(build_id, judge_all(suites, models, scopes, confirmations))
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


def judge_all(suites: list[Suite], models: list[Model], scopes: list[Scope], confirmations: Confirmations) -> tuple[DomainAudit, ...]:
    """All verdicts. The facts are read before Great Expectations is imported: whatever is wrong with them shows in a second."""
    with connect("auditor", autocommit=True) as session:
        session.execute("set default_transaction_read_only = on")
        judge = Judge(session, models, scopes)
        violations = judge.violations()
        facts = [read_facts(session, suite, scopes) for suite in suites]
        engine = Engine()
        findings = [*_of_invariants(engine, judge, violations)]
        for suite, known in zip(suites, facts, strict=True):
            findings += _of_suite(engine, suite, known, scopes)
    by_scope: dict[Scope, list[Finding]] = {scope: [] for scope in scopes}
    for scope, finding in findings:
        by_scope[scope].append(_confirmed(finding, confirmations.get((scope.launch_id, scope.domain))))
    return tuple(DomainAudit(scope, tuple(own)) for scope, own in by_scope.items())


def _of_invariants(engine: Engine, judge: Judge, violations: list[Violations]) -> Iterator[tuple[Scope, Finding]]:
    counts = [{"violations": entry.count} for entry in violations]
    failed = set[int]().union(*engine.failures("invariants", counts, NO_VIOLATIONS))
    for number, entry in enumerate(violations):
        examples = judge.examples(entry) if number in failed and not entry.error else []
        yield entry.scope, finding_of_invariant(entry, number not in failed, examples)


def _of_suite(engine: Engine, suite: Suite, facts: Facts, scopes: list[Scope]) -> Iterator[tuple[Scope, Finding]]:
    failed = engine.failures(suite.name, facts.rows, suite.expectations)
    for scope in scopes_of(suite, scopes):
        own = facts.of(scope)
        for expectation, numbers in zip(suite.expectations, failed, strict=True):
            if facts.error:
                yield scope, finding_without_facts(suite, expectation, facts.error)
            else:
                rows, wrong = [facts.rows[number] for number in own], [facts.rows[number] for number in own if number in numbers]
                yield scope, finding_of_suite(suite, expectation, scope, rows, wrong)


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
