"""What a launch file asks of PagerDuty and the account does not have."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from postlaunch.config.connections import get_connection
from postlaunch.config.launch import Launch
from postlaunch.sources.budget import UNLIMITED
from postlaunch.sources.pagerduty.client import PagerDutyApi


def unseen(launch: Launch, _now: dt.datetime) -> Iterator[str]:
    """Services that the account does not have."""
    config = launch.pagerduty
    if config is None or not config.services:
        return
    api = PagerDutyApi(get_connection(config.connection), UNLIMITED)
    known = {str(service["id"]) for service in api.all("/services")}
    for number, service in enumerate(config.services):
        if service not in known:
            yield f"pagerduty.services[{number}]: the account has no service {service}"
