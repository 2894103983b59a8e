"""The official PagerDuty client, made safe: it waits as long as it is told, gives up in plain words, and never stops half way unnoticed."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pagerduty
from httpx2 import HTTPError, Request, Response

from postlaunch.config.connections import Connection
from postlaunch.errors import ConfigError, SourceError
from postlaunch.landing.bounds import SHRINK, AnswerTooLargeError, TooLargeError, beginning_of, body_of, check_values
from postlaunch.landing.gzip_stream import GzipError
from postlaunch.landing.records import read_json
from postlaunch.sources.base import PATIENCE, check_status, garbage, public_url, unreachable, wait_of
from postlaunch.sources.budget import Budget
from postlaunch.sources.politeness import heed

LONGEST_WINDOW = dt.timedelta(days=180)  # the API allows six months, of whatever length they are
MOST_RECORDS = 10_000  # offset and limit together
PAGE = 100  # the most that PagerDuty gives
ANSWER_SECONDS = 60.0  # until an answer that does not come is asked for again
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")
_PATIENT_STATUSES = (429, 500, 502, 503, 504)

ApiRecord = dict[str, Any]


class _Client(pagerduty.RestApiV2Client):
    """Asks the budget before every attempt, waits `ratelimit-reset` seconds on a 429 (the library ignores it), retries so often only."""

    def __init__(self, connection: Connection, budget: Budget) -> None:
        super().__init__(connection.password or "")
        self._budget = budget
        self._url: Any = connection.base_url  # the setter refuses http, which a proxy inside the house or a test speaks
        self.timeout: Any = ANSWER_SECONDS
        self.retry = dict.fromkeys(_PATIENT_STATUSES, PATIENCE.attempts - 1)
        self.max_network_attempts = PATIENCE.attempts - 1
        self.sleep_timer = PATIENCE.first_wait
        self.stagger_cooldown = 0.5
        logging.getLogger("pagerduty.api_client").disabled = True  # says the last digits of the token; our messages say none

    def send(self, request: Request, **options: Any) -> Response:
        """One attempt: the library's loop of retries ends here each time. The body is read here, as far as it may be large."""
        self._budget.take()
        request.headers["Accept-Encoding"] = "gzip"
        response = super().send(request, **{**options, "stream": True})
        try:
            read = body_of if response.is_success else beginning_of
            body = read(response.iter_raw(), response.headers.get("Content-Encoding"))
        finally:
            response.close()
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _OF_THE_WIRE]
        whole = Response(response.status_code, headers=headers, content=body, request=request)
        whole.elapsed = response.elapsed
        return whole

    def postprocess(self, response: Response, suffix: str | None = None) -> None:
        super().postprocess(response, suffix)
        if response.status_code != 429:
            heed(self._budget, response.headers)
            return
        wait = wait_of(response.headers)
        if wait and wait <= PATIENCE.longest_told_wait:
            time.sleep(self._budget.pause(wait))


class PagerDutyApi:
    """The calls that ingestion makes. Every method raises SourceError or one of its kinds."""

    def __init__(self, connection: Connection, budget: Budget) -> None:
        """The password of the connection is the API token."""
        if not connection.password:
            raise ConfigError(f"connection {connection.conn_id!r} needs a password: the PagerDuty API token")
        if not connection.password.isascii():
            raise ConfigError(f"connection {connection.conn_id!r}: its password is not a PagerDuty API token, which is ASCII only")
        self._connection = connection
        self._client = _Client(connection, budget)

    def history(
        self, path: str, start: dt.datetime, end: dt.datetime, parameters: dict[str, Any], longest: dt.timedelta = LONGEST_WINDOW
    ) -> Iterator[Any]:
        """Records of a half-open window in whole seconds, asked for in windows that the API pages through to their end."""
        while start < end:
            until = min(start + longest, end)
            yield from self._halved(path, start, until, {**parameters, "time_zone": "UTC"})
            start = until

    def all(self, path: str) -> Iterator[Any]:
        """Every record of a collection."""
        return self._pages(path, {})

    def one(self, path: str, name: str) -> Any | None:
        """One record, or the list that belongs to it; `name` is its key in the answer. None if it is gone (404)."""
        answer = self._get(path, {}, is_gone_allowed=True)
        return None if answer is None else self._named(path, answer, name)

    def _halved(self, path: str, start: dt.datetime, end: dt.datetime, parameters: dict[str, Any]) -> Iterator[Any]:
        """The library's `iter_history` ends with a warning where a second is too full, and refuses on-calls: hence our own halving."""
        query = {**parameters, "since": start.isoformat(), "until": end.isoformat()}
        url = f"{self._client.url}{path}"
        total = (self._get(path, {**query, "total": "true", "limit": 1, "offset": 0}) or {}).get("total")
        if not isinstance(total, int):
            raise SourceError(f"pagerduty: {url} does not say how many records it has; nothing was landed")
        if total <= MOST_RECORDS:
            given = 0
            for record in self._pages(path, query) if total else ():
                given += 1
                yield record
            if given < total:
                raise SourceError(f"pagerduty: {url} is not complete: it counts {total:,} records and gave {given:,}; nothing was landed")
            return
        seconds = int((end - start).total_seconds())
        if seconds <= 1:
            raise SourceError(
                f"pagerduty: {url} is not complete: the second from {start.isoformat()} holds {total:,} records, "
                f"and the API pages through {MOST_RECORDS:,}; nothing was landed"
            )
        middle = start + dt.timedelta(seconds=seconds // 2)
        yield from self._halved(path, start, middle, parameters)
        yield from self._halved(path, middle, end, parameters)

    def _pages(self, path: str, parameters: dict[str, Any]) -> Iterator[Any]:
        """The library's `iter_all` asks for pages of 0 records behind an empty one, and rounds long numbers: hence our own loop.

        An empty page that is not the last is asked for once more: to go on behind it might leave records out.
        """
        url, offset, was_empty, size = f"{self._client.url}{path}", 0, False, PAGE
        while offset < MOST_RECORDS:
            try:
                answer = self._get(path, {**parameters, "limit": min(size, MOST_RECORDS - offset), "offset": offset}) or {}
            except AnswerTooLargeError:
                if size < SHRINK:
                    raise
                size //= SHRINK
                continue
            records = self._named(path, answer, path.rsplit("/", maxsplit=1)[-1])
            yield from records
            if not self._named(path, answer, "more"):
                return
            if was_empty and not records:
                raise SourceError(f"pagerduty: {url} stands still: it says that there is more, but gives nothing; nothing was landed")
            offset, was_empty = offset + len(records), not records
        raise SourceError(f"pagerduty: {url} is not complete: it has more than {MOST_RECORDS:,} records; nothing was landed")

    def _get(self, path: str, parameters: dict[str, Any], *, is_gone_allowed: bool = False) -> dict[str, Any] | None:
        try:
            response = self._client.get(path, params=parameters)
        except pagerduty.Error as error:
            raise self._translated(path, error) from None
        except (HTTPError, GzipError) as error:  # a body that cannot be unzipped: the library lets it through
            raise unreachable(self._connection, "pagerduty", f"{self._client.url}{path}", error) from None
        except TooLargeError as limit:
            raise self._too_large(path, parameters, limit) from None
        if is_gone_allowed and response.status_code == 404:
            return None
        if not response.is_success:
            raise self._refusal(path, response)
        try:
            answer = read_json(check_values(response.content))
        except TooLargeError as limit:
            raise self._too_large(path, parameters, limit) from None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise garbage(self._connection, "pagerduty", f"{self._client.url}{path}", response.content)
        return answer

    def _too_large(self, path: str, parameters: dict[str, Any], limit: TooLargeError) -> AnswerTooLargeError:
        return AnswerTooLargeError("pagerduty", public_url(f"{self._client.url}{path}"), urlencode(parameters, doseq=True), limit)

    def _named(self, path: str, answer: dict[str, Any], name: str) -> Any:
        if name not in answer:
            raise SourceError(f"pagerduty: {self._client.url}{path} has no {name!r} in its answer; is this the REST API?")
        return answer[name]

    def _translated(self, path: str, error: pagerduty.Error) -> SourceError:
        if error.response is None:
            return unreachable(self._connection, "pagerduty", f"{self._client.url}{path}", error.__cause__ or error)
        return self._refusal(path, error.response)

    def _refusal(self, path: str, response: Response) -> SourceError:
        url = f"{self._client.url}{path}"
        try:
            check_status(self._connection, "pagerduty", url, response.status_code, wait_of(response.headers), response.text[:2000])
        except SourceError as refusal:
            return refusal
        return garbage(self._connection, "pagerduty", url, response.content)
