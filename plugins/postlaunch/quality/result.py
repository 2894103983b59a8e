"""What an audit found: one Finding an expectation, one DomainAudit a launch and domain."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from postlaunch.quality.suites import CheckSeverity

AuditOutcome = Literal["passed", "passed with warnings", "held"]


@dataclass(frozen=True)
class Scope:
    """A launch's domain and the dates of it that wait for publication. `is_built`: false if only its loads need a look."""

    launch_id: str
    domain: str
    first_date: dt.date
    last_date: dt.date
    is_built: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """What a suite may ask for as `$PARAMETER`."""
        return {
            "launch_id": self.launch_id,
            "domain": self.domain,
            "first_date": self.first_date,
            "last_date": self.last_date,
        }


@dataclass(frozen=True)
class Finding:
    """The result of one expectation. `observed` is ready for JSON: observed, expected, where, text."""

    suite: str
    expectation: str
    severity: CheckSeverity
    is_passed: bool
    is_confirmable: bool
    reason: str
    observed: dict[str, Any]

    @property
    def text(self) -> str:
        """One sentence for people: why it matters, where, what is and what was expected."""
        return str(self.observed.get("text", ""))


@dataclass(frozen=True)
class DomainAudit:
    """The verdict of the gate on one launch and domain."""

    scope: Scope
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> list[Finding]:
        """Failed critical expectations: any of them holds the domain."""
        return [finding for finding in self.findings if not finding.is_passed and finding.severity == "critical"]

    @property
    def warnings(self) -> list[Finding]:
        """Failed expectations that are told and hold nothing."""
        return [finding for finding in self.findings if not finding.is_passed and finding.severity == "warning"]

    @property
    def outcome(self) -> AuditOutcome:
        """held, passed with warnings, or passed."""
        if self.failures:
            return "held"
        return "passed with warnings" if self.warnings else "passed"


@dataclass(frozen=True)
class AuditResult:
    """All verdicts of one audit; `build_id` is None when nothing waits for publication."""

    build_id: int | None
    domains: tuple[DomainAudit, ...]

    @property
    def is_passed(self) -> bool:
        """Whether nothing is held."""
        return all(domain.outcome != "held" for domain in self.domains)

    @property
    def summary(self) -> str:
        """For the command line and the task log: a line a domain, and its failures and warnings below."""
        if not self.domains:
            return "nothing to audit: no build waits for publication"
        lines = [f"audit of build {self.build_id}"]
        for audit in self.domains:
            scope = audit.scope
            count = len(audit.findings)
            dates = f"{scope.first_date} to {scope.last_date}"
            lines.append(f"  {scope.launch_id} {scope.domain} {dates}: {audit.outcome} ({count} expectations)")
            lines += [f"    critical: {finding.text}" for finding in audit.failures]
            lines += [f"    warning: {finding.text}" for finding in audit.warnings]
        return "\n".join(lines)
