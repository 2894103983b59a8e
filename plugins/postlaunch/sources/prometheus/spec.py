"""Prometheus's row in the registry."""

from __future__ import annotations

from postlaunch.landing.streams import Stream
from postlaunch.sources.spec import SourceSpec

SAMPLES = Stream("prometheus", "samples", "samples", date_column="sample_date")

PROMETHEUS = SourceSpec(
    name="prometheus",
    label="Prometheus",
    streams=(SAMPLES,),
    limits=(),  # the pool caps how many ask at once
    slots=2,
    pace="Prometheus: the server of production, so be gentle",
    can_check=True,
    forgets=True,
)
