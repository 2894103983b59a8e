"""The clock of the sandbox: it stands on the last 06:00 UTC, when the nightly runs begin, and moves a day at a time.

<state>/clock         a frozen moment (ISO 8601); without the file the clock follows the real day
<state>/launch_date   the launch date of the story, chosen when the sandbox starts for the first time
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from sandbox.story.plan import HISTORY_DAYS, NEW_YORK

NIGHT = dt.time(6)


@dataclass(frozen=True)
class SandboxClock:
    """Reads its file at every call, so that every process of the sandbox sees the same time."""

    state_dir: Path

    def now(self) -> dt.datetime:
        """The present moment of the sandbox, in UTC."""
        return self.frozen_at() or last_night(dt.datetime.now(dt.UTC))

    def frozen_at(self) -> dt.datetime | None:
        """The moment the clock was frozen at, or None while it runs."""
        try:
            text = (self.state_dir / "clock").read_text().strip()
        except FileNotFoundError:
            return None
        return parse_moment(text) if text else None

    def freeze(self, moment: dt.datetime | None) -> None:
        """Stop the clock at a moment; None lets it run again."""
        file = self.state_dir / "clock"
        if moment is None:
            file.unlink(missing_ok=True)
            return
        self.state_dir.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(parse_moment(moment.isoformat()).isoformat() + "\n")
        fresh.replace(file)


def parse_moment(text: str) -> dt.datetime:
    """A moment in UTC from ISO 8601 with an offset; ValueError without one."""
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset: write for example 2026-04-13T06:00:00Z")
    return moment.astimezone(dt.UTC)


def last_night(moment: dt.datetime) -> dt.datetime:
    """The last 06:00 UTC that is not after a moment."""
    today = dt.datetime.combine(moment.astimezone(dt.UTC).date(), NIGHT, tzinfo=dt.UTC)
    return today if today <= moment else today - dt.timedelta(days=1)


def last_complete_date(moment: dt.datetime) -> dt.date:
    """The last New York date that is over at a moment."""
    return moment.astimezone(NEW_YORK).date() - dt.timedelta(days=1)


def story_launch_date(state_dir: Path) -> dt.date:
    """The launch date of the story: kept in the state folder; at the first start, such that launch day 90 has just ended."""
    file = state_dir / "launch_date"
    try:
        return dt.date.fromisoformat(file.read_text().strip())
    except FileNotFoundError:
        launch_date = last_complete_date(SandboxClock(state_dir).now()) - dt.timedelta(days=HISTORY_DAYS)
        state_dir.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{launch_date}\n")
        return launch_date
