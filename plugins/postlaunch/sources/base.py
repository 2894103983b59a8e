"""What the sources share: patient retries, and plain words for refusals.

    API  ->  extract()  ->  landing zone (Pull)  ->  load/loader.py

A source module has one public function:

    extract(launch, connection, dates, landing, progress, budget, landed) -> list[Pull]

`dates` are of the launch's zone. Every HTTP call goes through `call(budget, ...)`. Either every pull of a
call is complete, or `extract` raises SourceError and no manifest of the incomplete part exists.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import tenacity
from tenacity.wait import wait_base

from postlaunch.config.connections import Connection, variable_name
from postlaunch.config.launch import Launch, Source
from postlaunch.dates import Dates
from postlaunch.errors import ConfigError, SourceAuthError, SourceError
from postlaunch.sources.budget import Budget

CONNECT_SECONDS = 10.0  # until a server that does not accept a connection is tried again

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class Patience:
    """How long we retry a failing API. Seconds; tests make it short."""

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_told_wait: float = 3600.0  # a longer Retry-After is not waited for: the scheduler's retry comes sooner


PATIENCE = Patience()


class TransientError(SourceError):
    """A fault that may go away by itself. `wait_seconds`: what the API asked for, if it did."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        """`wait_seconds`: what Retry-After or its like said."""
        super().__init__(message)
        self.wait_seconds = wait_seconds


class ForbiddenError(SourceAuthError):
    """403: the credentials are good, and have no right to this, or the account's plan has no such thing."""


class _Wait(wait_base):
    """What the API asked for, else exponential back-off; jitter on both, so that parallel tasks do not return together."""

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        told = error.wait_seconds if isinstance(error, TransientError) else None
        if told is not None:
            return told + tenacity.wait_random(0, min(1.0, PATIENCE.first_wait))(retry_state)
        return tenacity.wait_exponential_jitter(initial=PATIENCE.first_wait, max=PATIENCE.longest_wait, jitter=PATIENCE.first_wait)(
            retry_state
        )


def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, TransientError) and (error.wait_seconds or 0) <= PATIENCE.longest_told_wait


def _say(retry_state: tenacity.RetryCallState) -> None:
    error = retry_state.outcome.exception() if retry_state.outcome else None
    log.warning("%s [attempt %s; the next in %.0f s]", error, retry_state.attempt_number, retry_state.upcoming_sleep)


def retrying() -> tenacity.Retrying:
    """Call `retrying()(function, ...)`: TransientError is retried with patience, anything else is raised at once."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(_worth_retrying),
        stop=tenacity.stop_after_attempt(PATIENCE.attempts),
        wait=_Wait(),
        before_sleep=_say,
        reraise=True,
    )


def call(budget: Budget, function: Callable[..., T], *arguments: Any) -> T:
    """One API call with patience. Every attempt is taken from the budget; what the API says about waiting holds for all who share it."""

    def attempt() -> T:
        budget.take()
        try:
            return function(*arguments)
        except TransientError as error:
            if error.wait_seconds and _worth_retrying(error):
                error.wait_seconds = budget.pause(error.wait_seconds)
            raise

    return retrying()(attempt)


# --- refusals in plain words ------------------------------------------------------------------------------------------------


def public_url(url: str) -> str:
    """A URL without credentials and query, fit for messages and manifests."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def check_status(connection: Connection, source: Source, url: str, status: int, wait_seconds: float | None = None, said: str = "") -> None:
    """Raise the right SourceError for an HTTP status that is not 2xx. `said`: the API's own words."""
    if 200 <= status < 300:
        return
    place = f"{source}: {public_url(url)} answered {status}"
    words = f": {quoted(connection, said)}" if said.strip() else ""
    variable = variable_name(connection.conn_id)
    if status in (401, 403):
        refusal = ForbiddenError if status == 403 else SourceAuthError
        raise refusal(f"{place}, it refuses the credentials{words}; check login and password of {variable} and their permissions")
    if 300 <= status < 400:
        raise SourceError(f"{place}, a redirect; credentials are not sent on: set the final address in {variable}")
    if status == 429:
        raise TransientError(f"{place}, its call limit is used up{words}; fewer runs at once, or try again later", wait_seconds)
    if status in (408, 425) or status >= 500:
        raise TransientError(f"{place}, the API has trouble{words}; try again later", wait_seconds)
    raise SourceError(f"{place}{words}")


def unreachable(connection: Connection, source: Source, url: str, error: BaseException) -> TransientError:
    """A host that is down, a name that is unknown, a connection that broke."""
    reason = getattr(error, "reason", None) or error
    detail = str(reason).strip() or type(reason).__name__
    return TransientError(
        f"{source}: no answer from {public_url(url)} ({shortened(connection.without_secrets(detail))}); "
        f"is it up, and are host and port of {variable_name(connection.conn_id)} right?"
    )


def garbage(connection: Connection, source: Source, url: str, body: bytes, expected: str = "JSON") -> SourceError:
    """An answer of the wrong kind, for example the HTML of a proxy or a login page."""
    return SourceError(
        f"{source}: {public_url(url)} did not answer with {expected} but with {_kind(connection, body)}; "
        f"does {variable_name(connection.conn_id)} point at the API itself, not at a login page or proxy?"
    )


def _kind(connection: Connection, body: bytes) -> str:
    """What an answer is: the beginning of a page, the keys of JSON. Its values may be records, and an error is not the place for those."""
    if body.lstrip()[:1] == b"<":
        return repr(quoted(connection, body[:2000].decode("utf-8", "replace")))
    try:
        value = orjson.loads(body)
    except ValueError:
        return f"{len(body):,} bytes that are neither JSON nor a page"
    if isinstance(value, dict):
        return f"a JSON object of {quoted(connection, ', '.join(value)) or 'no key'}"
    return "a JSON list" if isinstance(value, list) else f"JSON that is {type(value).__name__}"


def wait_of(headers: Any) -> float | None:
    """Seconds that `Retry-After` (seconds or HTTP date) or `ratelimit-reset` asks for; None if neither is readable."""
    for name in ("Retry-After", "ratelimit-reset"):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value))
        except ValueError:
            pass
        moment = _http_date(value)
        if moment is not None:
            now = _http_date(headers.get("Date")) or dt.datetime.now(dt.UTC)  # the clock that the date was written by
            return max(0.0, (moment - now).total_seconds())
    return None


def _http_date(text: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text or "", "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


_EMAIL = re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")


def quoted(connection: Connection, text: str) -> str:
    """What an API says about a request, fit for logs and `ops`: without our credentials and e-mail addresses, shortened."""
    return shortened(_EMAIL.sub("[e-mail]", connection.without_secrets(text)))


def shortened(text: str) -> str:
    """Text of an API, in one line of at most 200 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 200 else f"{text[:199]}…"


def not_pulled(stream: str, error: SourceError) -> str:
    """The warning that takes the place of an optional stream: it costs itself, not its source.

    Raises the error again where it only says to wait (the scheduler comes back, and nothing is missing), or says that the credentials of
    everything are useless.
    """
    if getattr(error, "wait_seconds", None) is not None or (isinstance(error, SourceAuthError) and not isinstance(error, ForbiddenError)):
        raise error
    return f"{stream} were not pulled: {error}"


def check_window(launch: Launch, dates: Dates) -> None:
    """Raise ConfigError for a window that is reversed or lies in the future."""
    if dates.first > dates.last:
        raise ConfigError(f"the window is reversed: from {dates.first} to {dates.last}")
    today = dt.datetime.now(launch.zone).date()
    if dates.last > today:
        raise ConfigError(f"{dates.last} has not begun yet in {launch.timezone} (today is {today}): there is nothing to pull")
