"""What a stream is: one kind of record of one source, where its times stand, and how it is merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from postlaunch.config.launch import Source

Shape = Literal["entities", "events", "samples"]

# From the request of a manifest to what reads the moment of a landed line: seconds since 1970, None where it is unreadable.
Moments = Callable[[Mapping[str, Any]], Callable[[bytes], float | None]]


@dataclass(frozen=True)
class Stream:
    """One kind of record; its raw table is `raw.<source>_<name>`.

    `events` and `samples` are replaced: a launch-local date is loaded as a whole, and dated anew when the launch's time zone changes.
    `entities` are merged by their `id`, the newest version wins; they keep their moments.
    """

    source: Source
    name: str
    shape: Shape = "entities"
    date_column: str | None = None  # of the raw table; replaced streams only
    # Entities only: the keys of a record that say when it happened and which version it is. The first that is there counts.
    occurred: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    is_snapshot: bool = False  # may come without any time: then the moment of the pull is its version
    moments: Moments | None = None  # events only
    marks_dates: bool = True  # False: no mart reads it, so a change (a user who logs in) makes no date dirty

    @property
    def is_replaced(self) -> bool:
        """A date is loaded as a whole; otherwise records are merged by id."""
        return self.shape != "entities"

    @property
    def table(self) -> str:
        """Name of the table in schema `raw`."""
        return f"{self.source}_{self.name}"
