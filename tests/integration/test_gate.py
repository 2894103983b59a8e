"""The gate, end to end: a damaged landing zone never reaches the marts, readers are told, and fixed data publishes by itself.

simulated Mixpanel and PagerDuty -> landing zone -> (damage) -> load -> dbt build -> audit -> publish -> review status
"""

from __future__ import annotations

import datetime as dt
import gzip
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from postlaunch.config.launch import Launch
from postlaunch.config.load import load_launch
from postlaunch.ingest import ingest, load
from postlaunch.landing.zone import Landing
from postlaunch.load.loss import ShrunkError
from postlaunch.marts.build import build
from postlaunch.marts.publish import PublishResult, publish
from postlaunch.marts.tables import mart_tables
from postlaunch.quality import AuditResult, audit
from postlaunch.warehouse.config_sync import sync_launches
from postlaunch.warehouse.db import connect
from postlaunch.warehouse.status import DomainStatus, domain_status

FIRST, LAST = dt.date(2026, 3, 1), dt.date(2026, 4, 12)
DAMAGED, OTHER = dt.date(2026, 4, 8), dt.date(2026, 4, 7)
LAUNCH = "emr-platform"

pytestmark = pytest.mark.slow


@dataclass
class Pipeline:
    """The launch of the story, its landing zone and its warehouse."""

    launch: Launch
    landing: str

    @property
    def part(self) -> Path:
        """The file of the damaged day's events in the landing zone."""
        return self.part_of(DAMAGED)

    def part_of(self, date: dt.date) -> Path:
        pull = Landing(self.landing).newest("mixpanel", LAUNCH, "events", date)
        assert pull is not None
        return Path(str(pull.path)) / "part-0000.jsonl.gz"

    def rewrite(self, change: Callable[[list[bytes]], list[bytes]], *, accept_shrunk: bool = False) -> None:
        """Rewrite the day's file, and its manifest to match, then load it: what somebody does who fixes or breaks data by hand."""
        lines = gzip.decompress(self.part.read_bytes()).splitlines()
        self.part.write_bytes(gzip.compress(b"\n".join(change(lines)) + b"\n"))
        load("mixpanel", self.launch, DAMAGED, DAMAGED, accept_changed=True, accept_shrunk=accept_shrunk)

    def publish(self) -> tuple[AuditResult, PublishResult]:
        build()
        return audit(), publish()

    def daily_review(self) -> str:
        """The daily review of the last date, as text."""
        from postlaunch.reviews import daily, documents
        from postlaunch.reviews.content import Basis
        from postlaunch.reviews.period import parse_period

        with connect("reporter") as session:
            statuses = {status.domain: status for status in domain_status(session, self.launch, LAST)}
            return documents.to_text(daily.document(Basis(self.launch, parse_period("daily", f"{LAST}", self.launch), session, statuses)))

    def product_status(self, period_end: dt.date = LAST) -> DomainStatus:
        with connect("reporter") as session:
            return next(status for status in domain_status(session, self.launch, period_end) if status.domain == "product")


def fingerprint() -> dict[str, str]:
    """md5 over all rows about the product domain in marts, by table."""
    digests = {}
    with connect("publisher") as session:
        for table, domain in mart_tables().items():
            if domain in ("product", "scorecard"):
                condition = "where domain = 'product'" if domain == "scorecard" else ""
                row = session.execute(
                    f"select count(*), md5(string_agg(t::text, '|' order by t::text)) from marts.{table} as t {condition}"
                ).fetchone()
                assert row is not None
                # histograms are those of the machines, and the launch names no property of accounts
                assert row[0] > 0 or table in ("measure_buckets_daily", "account_days", "account_health"), table
                digests[table] = row[1]
    return digests


@pytest.fixture(scope="module")
def pipeline(
    module_warehouse: str, module_apis: str, sandbox_launches: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """Six weeks of events published; incidents only up to the day before the last."""
    landing = tmp_path_factory.mktemp("landing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTLAUNCH_LANDING", str(landing))
        patch.setenv("POSTLAUNCH_LAUNCHES", str(sandbox_launches))
        launch = load_launch(sandbox_launches, LAUNCH)
        sync_launches({LAUNCH: launch})
        ingest("mixpanel", launch, FIRST, LAST)
        ingest("pagerduty", launch, FIRST, LAST - dt.timedelta(days=1))
        yield Pipeline(launch, str(landing))


def test_damaged_days_stay_out_of_the_marts_until_they_are_fixed(pipeline: Pipeline, tmp_path: Path) -> None:
    audited, published = pipeline.publish()
    assert audited.is_passed, audited.summary
    assert published.publication_id == 1
    before, original = fingerprint(), shutil.copy(pipeline.part, tmp_path / "original.gz")
    assert pipeline.product_status().state == "fresh"

    # Half of one day's events are gone: the loader refuses the pull, and what is loaded stays.
    with pytest.raises(ShrunkError, match=r"events 2026-04-08 of emr-platform: the new pull has [\d,]+ rows but [\d,]+ are loaded"):
        pipeline.rewrite(lambda lines: lines[::2])
    audited, published = pipeline.publish()
    assert (audited.domains, published.publication_id, fingerprint()) == ((), None, before)

    # A person takes it all the same. The gate holds it, and the other domain, which got a new day, goes on without it.
    pipeline.rewrite(lambda lines: lines, accept_shrunk=True)
    ingest("pagerduty", pipeline.launch, LAST, LAST)
    audited, published = pipeline.publish()
    assert [(domain.scope.domain, domain.outcome != "held") for domain in audited.domains] == [("incidents", True), ("product", False)], (
        audited.summary
    )
    assert published.publication_id == 2
    assert published.published == ((LAUNCH, "incidents"),)
    assert fingerprint() == before
    held = pipeline.product_status()
    assert held.state == "held"
    assert held.since is not None
    assert held.covered_through == LAST
    assert "kept_ratio 0.5" in (held.reason or ""), held.reason
    assert "2026-04-08" in (held.reason or "")
    assert "lost rows against what is published" in (held.reason or "")
    assert "lost rows against what is published" in " ".join(pipeline.daily_review().split())

    # Every line twice: the loader drops the copies, so the numbers would be right, but somebody tampered with the file.
    shutil.copy(original, pipeline.part)
    pipeline.rewrite(lambda lines: lines * 2)
    audited, published = pipeline.publish()
    assert published.publication_id is None
    assert fingerprint() == before
    twice = pipeline.product_status()
    assert "duplicate_ratio" in (twice.reason or "")
    assert twice.since == held.since, "held since the first time"

    # The right file again: no confirmation is asked for.
    shutil.copy(original, pipeline.part)
    pipeline.rewrite(lambda lines: lines)
    audited, published = pipeline.publish()
    assert audited.is_passed, audited.summary
    assert published.publication_id == 3
    assert published.published == ((LAUNCH, "product"),)
    assert fingerprint() == before
    assert pipeline.product_status().state == "fresh"


def test_nothing_new_spends_no_publication_number(pipeline: Pipeline) -> None:
    audited, published = pipeline.publish()
    assert audited.domains == ()
    assert published.publication_id is None
    assert published.summary == "nothing to publish"


def test_another_days_file_in_its_place_is_refused_line_by_line_and_rests_until_fixed(pipeline: Pipeline, tmp_path: Path) -> None:
    original = shutil.copy(pipeline.part, tmp_path / "original.gz")
    shutil.copy(pipeline.part_of(OTHER), pipeline.part)
    pipeline.rewrite(lambda lines: lines)
    with connect("auditor") as session:
        # What a build would let the gate see: nothing but refused lines, and nothing loaded against thousands that are published.
        loaded, quarantined = session.execute(
            "select loaded_count, quarantined_count from ops.partition_loads where stream = 'events' order by load_id desc limit 1"
        ).fetchone() or (None, None)
    assert (loaded, quarantined > 1000) == (0, True)
    shutil.copy(original, pipeline.part)
    pipeline.rewrite(lambda lines: lines)
