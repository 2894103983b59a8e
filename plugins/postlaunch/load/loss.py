"""A new pull of a date that holds far fewer rows than are loaded: more likely a half answer than the truth, so a person decides."""

from __future__ import annotations

from postlaunch.errors import WarehouseError
from postlaunch.landing.zone import Manifest
from postlaunch.load.rows import Counts
from postlaunch.sources.registry import SPECS

LOST_RATIO = 0.05  # the gate judges a loss against what is published by the same two
LOST_ROWS = 20  # fewer are chance


class ShrunkError(WarehouseError):
    """A new pull of a date holds far fewer rows than are loaded; the date is as it was."""


def rows_lost(loaded: int, counts: Counts) -> int | None:
    """Rows that are loaded and that the new pull lacks, None if few enough to be chance. What went to quarantine came, and is not lost.

    A date that is still running only grows, so it needs no rule of its own.
    """
    lost = loaded - counts.loaded - counts.quarantined
    return lost if lost >= LOST_ROWS and lost > LOST_RATIO * loaded else None


def shrunk(manifest: Manifest, loaded: int, counts: Counts) -> ShrunkError:
    """The error that names both counts and both ways out."""
    window = f"{manifest.source} --launch {manifest.launch} --from {manifest.partition} --to {manifest.partition}"
    forgets = " (a server forgets what is older than its retention: then leave it so)" if SPECS[manifest.source].forgets else ""
    return ShrunkError(
        f"{manifest.source} {manifest.stream} {manifest.partition} of {manifest.launch}: "
        f"the new pull has {counts.loaded + counts.quarantined:,} rows but {loaded:,} are loaded, which stay{forgets}; "
        f"pull it again with `postlaunch ingest {window}`, or if the loss is true take it with `postlaunch load {window} --accept-shrunk`"
    )
