"""The gate between build and marts: Great Expectations suites, read by severity.

expectations/*.yaml ── suites ──┐
ops.domain_builds ──── scope ───┼──> engine (GX, read-only role) ──> gate ──> ops.gate_results ──> marts/publish.py
build.*, ops.*_audit ───────────┘
"""

from postlaunch.quality.gate import audit, confirm
from postlaunch.quality.result import AuditResult, DomainAudit, Finding

__all__ = ["AuditResult", "DomainAudit", "Finding", "audit", "confirm"]
