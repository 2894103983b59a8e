"""The assets between the DAGs: the raw data of a source. An ingest emits one when it changed something; `build_marts` runs on any."""

from __future__ import annotations

from airflow.sdk import Asset

from postlaunch.config.launch import SOURCES, Source


def raw(source: Source) -> Asset:
    """The raw data of a source in the warehouse."""
    return Asset(name=f"raw_{source}", uri=f"postlaunch://raw/{source}", group="postlaunch")


RAW: tuple[Asset, ...] = tuple(raw(source) for source in SOURCES)
