"""The gate's judgement of loads, and what an audit keeps: marts are right in these tests, the landing zone is not."""

from __future__ import annotations

import datetime as dt
import resource
import subprocess
import sys

import pytest

from postlaunch.errors import GateError
from postlaunch.marts.publish import publish
from postlaunch.quality import AuditResult, audit, confirm
from tests.quality.hand_built import FIRST, LAST, LAUNCH, Warehouse

DAY = dt.date(2026, 3, 10)


@pytest.fixture
def published(built: Warehouse) -> Warehouse:
    """All of product is published; the other domains do not matter here."""
    built.run("delete from ops.domain_builds where domain <> 'product'", role=None)
    built.accept("product")
    return built


def _rebuilt(hand: Warehouse) -> AuditResult:
    hand.build(["product"], first=DAY)
    return audit()


def _reasons(result: AuditResult) -> list[str]:
    return [finding.text for domain in result.domains for finding in domain.failures]


def test_an_audit_keeps_every_result_and_can_be_repeated(built: Warehouse) -> None:
    first, second = audit(), audit()
    assert first.is_passed
    assert {domain.scope.domain for domain in first.domains} == {"product", "support", "incidents", "reliability", "capacity"}
    assert first == second
    kept = built.run("select count(*), count(distinct audited_at), bool_and(is_passed) from ops.gate_results", role="auditor")[0]
    assert kept == (2 * sum(len(domain.findings) for domain in first.domains), 2, True)


def test_nothing_waits_means_nothing_to_audit(warehouse: str) -> None:
    assert audit().summary == "nothing to audit: no build waits for publication"


@pytest.mark.parametrize("status", ["running", "failed"])
def test_a_half_made_build_is_not_audited(built: Warehouse, status: str) -> None:
    built.run("insert into ops.builds (status, is_full_refresh) values (%s, false)", [status])
    with pytest.raises(GateError, match=r"build 2 .*postlaunch build"):
        audit()


def test_a_missing_table_stops_the_audit_by_name(built: Warehouse) -> None:
    built.run("drop table build.ticket_sla")
    with pytest.raises(GateError, match=r"build\.ticket_sla: the table does not exist; run `postlaunch build`"):
        audit()


def test_half_of_a_published_day_is_held_and_the_right_data_passes_without_confirmation(published: Warehouse) -> None:
    published.load(500, DAY)
    held = _rebuilt(published)
    assert [domain.outcome for domain in held.domains] == ["held"]
    assert _reasons(held)[0] == (
        "the date lost rows against what is published: reload the right file or confirm the loss "
        "(event_loads of emr-platform: kept_ratio must be at least 0.95, "
        "but stream events, partition_date 2026-03-10, accepted_count 1,000, loaded_count 500, kept_ratio 0.5)"
    )
    assert publish().published == ()
    published.load(1000, DAY)
    assert _rebuilt(published).is_passed
    assert publish().published == ((LAUNCH, "product"),)


def test_a_doubled_file_is_held_though_no_number_changed_and_is_released_without_a_publication(published: Warehouse) -> None:
    published.load(1000, DAY, duplicates=1000, is_changed=False)
    assert "so many rows came twice" in _reasons(audit())[0]
    assert publish().held[0][:2] == (LAUNCH, "product")
    published.load(1000, DAY, is_changed=False, content=f"{DAY}-1000-0-0")
    assert audit().is_passed
    result = publish()
    assert (result.publication_id, result.held) == (None, ())
    assert published.run("select held_since, held_reason from ops.domain_status", role="reporter") == [(None, None)]


def test_a_loss_within_chance_is_held_by_neither_loader_nor_gate(warehouse: str) -> None:
    hand = Warehouse()
    hand.configure()
    hand.load(100, FIRST, LAST)
    hand.build(["product"])
    hand.accept("product")
    hand.load(81, DAY)
    assert _rebuilt(hand).is_passed
    hand.load(80, DAY)
    assert "accepted_count 100, loaded_count 80" in _reasons(_rebuilt(hand))[0]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("delete from raw.mixpanel_events where insert_id = '7' and event_date = %s", "loaded_count 1,000, raw_count 999"),
        ("insert into raw.mixpanel_events select * from raw.mixpanel_events where insert_id = '7' and event_date = %s", "raw_count 1,001"),
        ("delete from quarantine.records where line_number = 1 and partition_date = %s", "quarantined_count 5, record_count 4"),
    ],
)
def test_rows_that_vanish_or_appear_behind_the_loaders_back_are_held_and_cannot_be_confirmed(
    published: Warehouse, damage: str, reason: str
) -> None:
    published.load(1000, DAY, quarantined=5)
    assert _rebuilt(published).is_passed
    published.run(damage, [DAY], role="loader")
    assert reason in _reasons(audit())[0]
    publish()
    confirm(LAUNCH, "product", "trust me")
    assert reason in _reasons(audit())[0]


def test_refused_rows_hold_above_one_percent(published: Warehouse) -> None:
    published.load(991, DAY, quarantined=9)
    assert _rebuilt(published).is_passed
    published.load(985, DAY, quarantined=15)
    assert "see quarantine.records" in _reasons(_rebuilt(published))[0]


def test_one_odd_row_of_a_small_day_holds_nothing(warehouse: str) -> None:
    hand = Warehouse()
    hand.configure()
    hand.load(8, FIRST, LAST, duplicates=1, quarantined=1)
    hand.build(["product"])
    assert audit().is_passed


def test_a_date_that_nobody_loaded_is_held_until_it_comes(published: Warehouse) -> None:
    published.last = LAST + dt.timedelta(days=2)
    published.load(1000, published.last)
    reason = _reasons(_rebuilt(published))[0]
    assert "was never loaded: fill the gap with the command" in reason
    missing = LAST + dt.timedelta(days=1)
    assert f"postlaunch ingest mixpanel --launch {LAUNCH} --from {missing} --to {missing}" in reason
    published.load(1000, LAST + dt.timedelta(days=1))
    assert _rebuilt(published).is_passed


def test_a_new_launch_with_last_night_and_three_older_days_is_held_with_the_command_that_fills_its_gap(warehouse: str) -> None:
    hand = Warehouse()
    hand.configure()
    hand.load(1000, LAST)
    hand.load(1000, FIRST, FIRST + dt.timedelta(days=2))
    hand.build(["product"])
    first, last = FIRST + dt.timedelta(days=3), LAST - dt.timedelta(days=1)
    assert f"postlaunch ingest mixpanel --launch {LAUNCH} --from {first} --to {last}" in _reasons(audit())[0]
    hand.load(1000, first, last)
    assert _rebuilt(hand).is_passed


def test_a_confirmed_loss_passes_as_a_warning_until_the_next_load(published: Warehouse) -> None:
    published.load(500, DAY)
    _rebuilt(published)
    publish()
    with pytest.raises(GateError, match="needs a reason"):
        confirm(LAUNCH, "product", " ")
    confirm(LAUNCH, "product", "bots were deleted")
    result = audit()
    assert result.domains[0].outcome == "passed with warnings"
    assert "confirmed: bots were deleted" in result.summary
    published.load(300, DAY)
    assert _reasons(_rebuilt(published))


def test_only_what_is_held_can_be_confirmed(published: Warehouse) -> None:
    with pytest.raises(GateError, match="emr-platform product is not held"):
        confirm(LAUNCH, "product", "why not")


def test_no_confirmation_lets_wrong_arithmetic_through(published: Warehouse) -> None:
    published.load(500, DAY)
    published.build(["product"], first=DAY)
    published.run("update build.active_users_daily set events_count = -1 where metric_date = %s", [DAY])
    audit()
    publish()
    confirm(LAUNCH, "product", "trust me")
    assert {finding.observed["table"] for domain in audit().domains for finding in domain.failures} == {"build.active_users_daily"}


def test_a_load_that_is_not_built_yet_does_not_speak_for_the_build(published: Warehouse) -> None:
    published.load(500, DAY)
    published.build(["product"], first=DAY)
    published.load(1000, DAY)
    assert "lost rows" in _reasons(audit())[0]


def test_copies_of_events_without_an_insert_id_are_held(published: Warehouse) -> None:
    published.load(2000, DAY)
    published.run(
        """
        update raw.mixpanel_events set insert_id = null, distinct_id = 'user-' || mod(insert_id::integer, 1000)
        where launch_id = %s and event_date = %s
        """,
        [LAUNCH, DAY],
        role="loader",
    )
    assert any("without an insert id equal another one" in reason for reason in _reasons(_rebuilt(published)))


def test_half_a_day_that_was_never_right_is_held_by_its_volume(warehouse: str) -> None:
    hand = Warehouse()
    hand.configure()
    hand.load(lambda day: 500 if day == DAY else 1000, FIRST, LAST)
    hand.build(["product"])
    reason = _reasons(audit())[0]
    assert "partition_date 2026-03-10, loaded_count 500, expected_count 1,000, damage_ratio 0.5" in reason
    hand.load(1000, DAY)
    assert _rebuilt(hand).is_passed


def test_tickets_of_a_date_between_covered_ones_are_asked_for_by_command(built: Warehouse) -> None:
    built.run("delete from build.ticket_daily where metric_date between '2026-02-03' and '2026-02-04'")
    command = f"postlaunch ingest zendesk --launch {LAUNCH} --from 2026-02-03 --to 2026-02-04"
    assert any(command in reason for reason in _reasons(audit()))


def test_an_audit_of_25_launch_domains_takes_at_most_15_seconds_of_a_core(warehouse: str) -> None:
    """The command as a person runs it, all imports in it; in CPU seconds, because a clock says how busy the machine is."""
    launches = [f"launch-{number}" for number in range(5)]
    hand = Warehouse()
    hand.configure(launches)
    for launch in launches:
        hand.load(1000, DAY, LAST, launch=launch, is_bare=True)
    hand.build(launches=launches)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "from postlaunch.cli import app; app()", "audit"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 15
    judged = hand.run("select count(distinct (launch_id, domain)), count(*) from ops.gate_results", role="auditor")[0]
    assert judged[0] == 25
    assert judged[1] > 500
