"""`launches check --live`: what a launch file names and its sources do not have, found before the first night does not find it.

Sources whose row says `can_check` are asked (`sources/<name>/live.py`). Of the others there is nothing to ask: the exports of Mixpanel and
Zendesk go by date, and the reviews tell which events and which brand were never seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from postlaunch.config.launch import Launch
from postlaunch.errors import PostlaunchError
from postlaunch.sources.registry import SPECS


def unseen(launch: Launch, now: dt.datetime | None = None) -> Iterator[str]:
    """`key path: what is not there`, one line per finding. A source that cannot be reached is one finding and costs no other.

    `now`: the moment whose newest points are asked for (zone-aware), by default this one.
    """
    end = now or dt.datetime.now(dt.UTC)
    for spec in SPECS.values():
        try:
            yield from spec.unseen(launch, end)
        except PostlaunchError as error:
            yield f"{spec.name}: {error}"
