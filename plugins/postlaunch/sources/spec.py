"""What the pipeline has to know of a source: one row, beside the source's client and streams."""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from postlaunch.config.connections import Connection, Limit
from postlaunch.config.launch import Launch, Source
from postlaunch.dates import Dates
from postlaunch.landing.streams import Stream
from postlaunch.landing.zone import Landing, Pull
from postlaunch.progress import Progress
from postlaunch.sources.budget import UNLIMITED, Budget


class Extract(Protocol):
    """The public function of `sources/<name>/extract.py`."""

    def __call__(
        self,
        launch: Launch,
        connection: Connection,
        dates: Dates,
        landing: Landing,
        progress: Progress,
        budget: Budget = UNLIMITED,
        landed: Sequence[Pull] = (),
    ) -> list[Pull]:
        """Pull the launch-local dates. What is `landed` (landed_since) is not pulled again, but returned too."""


@dataclass(frozen=True)
class SourceSpec:
    """A source. Light to import: its client library is imported when it extracts."""

    name: Source
    label: str  # what people call it
    streams: tuple[Stream, ...]  # in the order of their pulling; the first is there whenever anything is
    limits: tuple[Limit, ...]  # the vendor's documented limits of calls, counted over all tasks; the connection may say others
    slots: int  # calls at once over all launches, runs and backfills: slots of the Airflow pool
    pace: str  # why so many slots
    can_check: bool = False  # `sources/<name>/live.py` can ask it for what the launch file names
    forgets: bool = False  # the server drops what is older than its retention, so that a later pull may hold less
    account: Callable[[Launch], str] = lambda _: ""  # what shares one limit beside the address, such as a project
    calls: Callable[[Launch, Dates], int] | None = None  # calls for the dates, where that is known before

    def unseen(self, launch: Launch, now: dt.datetime) -> Iterator[str]:
        """What the launch file names and the source does not have, as `key path: what`. Raises SourceError or ConfigError."""
        if self.can_check:
            yield from importlib.import_module(f"postlaunch.sources.{self.name}.live").unseen(launch, now)

    @property
    def extract(self) -> Extract:
        """Its `extract`; the module and its client library are imported only now."""
        return cast("Extract", importlib.import_module(f"postlaunch.sources.{self.name}.extract").extract)

    def stream(self, name: str) -> Stream:
        """The stream of that name. Raises KeyError."""
        return {stream.name: stream for stream in self.streams}[name]
