"""How far a step is, where there is no terminal: lines that a person and the demonstration both read."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from postlaunch import cli_progress
from postlaunch.cli_progress import progress_of, read_line


def test_without_a_terminal_a_step_writes_at_most_one_line_a_second_and_leaves_standard_output_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(cli_progress.time, "monotonic", lambda: now[0])
    with progress_of("dbt build", Console(file=io.StringIO())) as report:
        for number in range(1, 10):
            report(f"model_{number}", number, 96)
            now[0] += 0.25
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [f"dbt build: model_{n} ({n} of 96)" for n in (1, 5, 9)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("dbt build: kpi_daily (7 of 96)\n", ("dbt build: kpi_daily", 7, 96)),
        ("zendesk emr: tickets, page 3 (2000)\n", ("zendesk emr: tickets, page 3", 2000, None)),
        ("postlaunch: no launch file (in launches)\n", None),
        ("Traceback (most recent call last):\n", None),
    ],
)
def test_a_line_of_progress_is_told_from_a_complaint(line: str, found: object) -> None:
    assert read_line(line) == found
