"""The official PagerDuty client, made safe: it waits as long as it is told, gives up in plain words, and never stops half way unnoticed."""

from __future__ import annotations

import datetime as dt
import logging
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pagerduty
from httpx2 import Response

from postlaunch.config.connections import Connection
from postlaunch.errors import ConfigError, SourceError
from postlaunch.sources.base import PATIENCE, check_status, garbage, unreachable, wait_of

LONGEST_WINDOW = dt.timedelta(days=180)  # the API allows six months, of whatever length they are
ANSWER_SECONDS = 60.0
_PATIENT_STATUSES = (429, 500, 502, 503, 504)

Record = dict[str, Any]


class _Client(pagerduty.RestApiV2Client):
    """Waits `ratelimit-reset` seconds on a 429 (the library ignores the header) and bounds the number of its retries."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.password or "")
        self._url: Any = connection.base_url  # the setter refuses http, which a proxy inside the house or a test speaks
        self.timeout: Any = ANSWER_SECONDS
        self.retry = dict.fromkeys(_PATIENT_STATUSES, PATIENCE.attempts - 1)
        self.max_network_attempts = PATIENCE.attempts - 1
        self.sleep_timer = PATIENCE.first_wait
        self.stagger_cooldown = 0.5
        logging.getLogger("pagerduty.api_client").disabled = True  # says the last digits of the token; our messages say none

    def postprocess(self, response: Response, suffix: str | None = None) -> None:
        super().postprocess(response, suffix)
        wait = wait_of(response.headers) if response.status_code == 429 else None
        if wait is not None and wait <= PATIENCE.longest_told_wait:
            time.sleep(wait)


class PagerDutyApi:
    """The calls that ingestion makes. Every method raises SourceError or one of its kinds."""

    def __init__(self, connection: Connection) -> None:
        """The password of the connection is the API token."""
        if not connection.password:
            raise ConfigError(f"connection {connection.conn_id!r} needs a password: the PagerDuty API token")
        self._connection = connection
        self._client = _Client(connection)

    def history(self, path: str, start: dt.datetime, end: dt.datetime, parameters: dict[str, Any]) -> Iterator[Record]:
        """Records of a half-open window, in whole seconds. The client halves the window until 10,000 suffice."""
        while start < end:
            until = min(start + LONGEST_WINDOW, end)
            yield from self._guarded(path, self._client.iter_history(path, start, until, params={**parameters, "time_zone": "UTC"}))
            start = until

    def all(self, path: str) -> Iterator[Record]:
        """Every record of a collection."""
        yield from self._guarded(path, self._client.iter_all(path))

    def one(self, path: str) -> Record | None:
        """One record, None if it is gone (404)."""
        try:
            record: Record = self._client.rget(path)
        except pagerduty.HttpError as error:
            if error.response is not None and error.response.status_code == 404:
                return None
            raise self._translated(path, error) from None
        except pagerduty.Error as error:
            raise self._translated(path, error) from None
        return record

    def _guarded(self, path: str, records: Iterator[Record]) -> Iterator[Record]:
        """Turn the client's warnings into errors: each of them means that records are missing."""
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error", UserWarning)
                    record = next(records)
            except StopIteration:
                return
            except UserWarning as warning:
                raise SourceError(f"pagerduty: {self._client.url}{path} is not complete: {warning}; nothing was landed") from None
            except pagerduty.Error as error:
                raise self._translated(path, error) from None
            yield record

    def _translated(self, path: str, error: pagerduty.Error) -> SourceError:
        url = f"{self._client.url}{path}"
        response = error.response
        if response is None:
            return unreachable(self._connection, "pagerduty", url, error.__cause__ or error)
        try:
            check_status(self._connection, "pagerduty", url, response.status_code, wait_of(response.headers), response.text[:2000])
        except SourceError as refusal:
            return refusal
        return garbage(self._connection, "pagerduty", url, response.content)
