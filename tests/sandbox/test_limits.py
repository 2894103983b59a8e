"""The limits of the simulated APIs: windows that a test may shorten, and a count of what they refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from fastapi.testclient import TestClient

from sandbox.apis import Limits, credentials
from sandbox.apis.app import create_app
from sandbox.apis.limits import Window
from tests.conftest import CLOCK, LAUNCH_DATE

DATE = dt.date(1997, 1, 1).isoformat()
EXPORT = {"project_id": 1997, "from_date": DATE, "to_date": DATE}


def test_a_window_tells_of_every_call_that_it_refuses() -> None:
    refused: list[float] = []
    now = [0.0]
    window = Window(2, 5.0, lambda: now[0], lambda: refused.append(now[0]))
    waits = []
    for moment in (0.0, 1.0, 2.0, 5.0, 5.5):
        now[0] = moment
        waits.append(window.take())
    assert waits == [0.0, 0.0, 3.0, 0.0, 0.5]
    assert refused == [2.0, 5.5]


def test_a_shorter_window_is_as_strict_and_refusals_are_counted_by_api(tmp_path: Path) -> None:
    passed = [0.0]
    limits = Limits(
        timer=lambda: passed[0], mixpanel_per_hour=2, mixpanel_window_seconds=10, zendesk_window_seconds=5, pagerduty_per_minute=1,
        pagerduty_window_seconds=4,
    )  # fmt: skip
    client = TestClient(create_app(tmp_path, launch_date=LAUNCH_DATE, now=CLOCK, limits=limits))

    def mixpanel() -> int:
        return client.get("/api/2.0/export", params=EXPORT, auth=(credentials.MIXPANEL_USER, credentials.MIXPANEL_SECRET)).status_code

    def zendesk() -> int:
        auth = (f"{credentials.ZENDESK_EMAIL}/token", credentials.ZENDESK_TOKEN)
        return client.get("/api/v2/incremental/tickets/cursor.json", params={"start_time": 0}, auth=auth).status_code

    def pagerduty() -> int:
        return client.get("/services", headers={"Authorization": f"Token token={credentials.PAGERDUTY_TOKEN}"}).status_code

    assert [mixpanel() for _ in range(3)] == [200, 200, 429]
    assert [zendesk() for _ in range(11)] == [200] * 10 + [429]
    assert [pagerduty() for _ in range(3)] == [200, 429, 429]
    assert client.get("/_sandbox/requests").json()["refused"] == {"mixpanel": 1, "zendesk": 1, "pagerduty": 2, "prometheus": 0}
    passed[0] = 5.5
    assert (mixpanel(), zendesk(), pagerduty()) == (429, 200, 200)
    passed[0] = 10.5
    assert mixpanel() == 200
    assert client.delete("/_sandbox/requests").json()["refused"]["mixpanel"] == 0
