"""The four sources. Each module pulls the records of a window into the landing zone, complete or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from postlaunch.config.connections import Connection
from postlaunch.config.launch import Launch, Source
from postlaunch.landing.zone import Landing, Pull
from postlaunch.sources.base import Progress
from postlaunch.sources.budget import UNLIMITED, Budget


class Extract(Protocol):
    """The one public function of a source module."""

    def __call__(
        self,
        launch: Launch,
        connection: Connection,
        first: dt.date,
        last: dt.date,
        landing: Landing,
        progress: Progress,
        budget: Budget = UNLIMITED,
        landed: Sequence[Pull] = (),
    ) -> list[Pull]:
        """Pull the inclusive launch-local dates first..last. What is `landed` (landed_since) is not pulled again, but returned too."""


def extractor(source: Source) -> Extract:
    """The `extract` of a source; the module and its client library are imported only now."""
    if source == "mixpanel":
        from postlaunch.sources.mixpanel.extract import extract
    elif source == "zendesk":
        from postlaunch.sources.zendesk.extract import extract
    elif source == "pagerduty":
        from postlaunch.sources.pagerduty.extract import extract
    else:
        from postlaunch.sources.prometheus.extract import extract
    return extract
