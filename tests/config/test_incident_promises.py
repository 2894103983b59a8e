"""What a launch file promises of deployments, post-mortems, action items and on call: what is read, and which faults are named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.config.test_declared import fault, load

ITEMS = {"action_items": {"file": "items.csv", "days": 7}}


def test_action_items_are_read_beside_the_launch_file_and_a_wrong_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text("incident,item,opened,done\n7,Test it,2026-01-13,2026-01-20\n7,Write it down,2026-01-13,\n3,Test it,2026-01-12,\n")
    launch = load(tmp_path, pagerduty=ITEMS)
    assert launch.pagerduty is not None
    assert launch.pagerduty.action_items is not None
    assert launch.pagerduty.action_items.rows == (
        (3, "Test it", dt.date(2026, 1, 12), None),
        (7, "Test it", dt.date(2026, 1, 13), dt.date(2026, 1, 20)),
        (7, "Write it down", dt.date(2026, 1, 13), None),
    )
    file.write_text(
        "incident,item,opened,done\nINC-1,Test it,2026-01-13,\n7,,2026-01-13,\n7,Test it,soon,\n7,Test it,2026-01-13,2026-01-12\n"
        "7,Test it,2026-01-13,\n7,Test it,2026-01-14,\n"
    )
    wrong = fault(tmp_path, pagerduty=ITEMS)
    for expected in (
        f"{file}: line 2: the number of an incident is expected; found 'INC-1'",
        f"{file}: line 3: what is to be done is expected",
        f"{file}: line 4: a date such as 2026-01-12 is expected; found 'soon'",
        f"{file}: line 5: done on 2026-01-12, before it was opened on 2026-01-13",
        f"{file}: line 7: 7, Test it stands twice",
    ):
        assert expected in wrong
    both = {"action_items": {**ITEMS["action_items"], "rows": [[7, "Test it", "2026-01-13", None]]}}
    assert "action_items: give file or rows, not both" in fault(tmp_path, pagerduty={**ITEMS, **both})


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"pagerduty": {"impact": ["Paid"]}, "mixpanel": None, "kpis": []},
            "pagerduty.impact: the file has no section `mixpanel`, so there are no events to be lost",
        ),
        (
            {"zendesk": {"sla": [{"priority": "low", "resolution_by": "next_release"}]}},
            "zendesk.sla[0].resolution_by: no section `deployments` tells of releases: add `deployments: {}`",
        ),
        (
            {"population": {"account": "org", "health": {"red": {"name": "At risk", "tag": "at_risk"}}}},
            "population.health.red.tag: the file has no section `zendesk`, whose organizations are asked",
        ),
        (
            {"population": {"account": "org", "health": {"red": {"name": "At risk"}}}},
            "give at least one of inactive_days, usage_below, tickets and tag",
        ),
        ({"population": {"users": 9, "health": {"red": {"name": "At risk", "tag": "x"}}}}, "account has to say which property names them"),
        ({"deployments": {}}, "deployments: the file has no section `pagerduty`, whose change events tell of them"),
        ({"pagerduty": {}, "deployments": {"windows": [{"at": ["23:30"]}]}}, "the window of 23:30 ends after midnight"),
        ({"pagerduty": {}, "deployments": {"windows": [{"at": []}]}}, "deployments.windows[0].at"),
        ({"pagerduty": {}, "deployments": {"windows": [{"to_day": 3, "at": "always"}, {"from_day": 3, "at": "always"}]}}, "share days"),
        ({"pagerduty": {"requirements": "(?i)REQ"}}, "pagerduty.requirements: a regular expression of letters"),
        ({"pagerduty": {"requirements": "REQ-["}}, "pagerduty.requirements: not a regular expression"),
        ({"pagerduty": {"requirements": "R*"}}, "pagerduty.requirements: it matches the empty text"),
        ({"pagerduty": {"targets": [{"severity": "P0"}]}}, "give acknowledge_minutes, resolve_minutes or post_mortem_hours"),
        ({"pagerduty": {"coverage": [{"hours": "always"}, {"from_day": 3, "hours": "always"}]}}, "share days"),
    ],
)
def test_what_cannot_be_meant_is_named(tmp_path: Path, sections: dict[str, Any], expected: str) -> None:
    assert expected in fault(tmp_path, **sections)


def test_windows_are_seconds_of_the_day(tmp_path: Path) -> None:
    windows = [{"to_day": 1, "at": "always"}, {"phase": "week_2", "at": ["06:00", "22:00"], "minutes": 120}]
    launch = load(tmp_path, pagerduty={}, deployments={"windows": windows})
    assert launch.deployments is not None
    first, second = launch.deployments.windows
    assert (first.seconds, second.seconds) == (((0, 86_400),), ((21_600, 28_800), (79_200, 86_400)))
    assert (second.from_day, second.to_day) == (7, 13)
