"""Which sources there are, in the order in which the product lists them."""

from __future__ import annotations

from postlaunch.config.launch import Source
from postlaunch.sources.mixpanel.spec import MIXPANEL
from postlaunch.sources.pagerduty.spec import PAGERDUTY
from postlaunch.sources.prometheus.spec import PROMETHEUS
from postlaunch.sources.spec import SourceSpec
from postlaunch.sources.zendesk.spec import ZENDESK

SPECS: dict[Source, SourceSpec] = {spec.name: spec for spec in (MIXPANEL, ZENDESK, PAGERDUTY, PROMETHEUS)}

REPLACED = [stream for spec in SPECS.values() for stream in spec.streams if stream.is_replaced]
DATED: list[Source] = sorted({stream.source for stream in REPLACED})  # whose dates are loaded one by one; the others have windows
