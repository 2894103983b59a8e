"""Calls to Zendesk: through Zenpy where it is installed, over plain HTTP where it is not. The only module that knows Zenpy.

Zenpy is GPL-3.0; postlaunch and its image are Apache-2.0. An image that is passed on can be built without it (`WITH_ZENPY=false`),
and every call is the same then. Zenpy carries the call and checks the answer; its paging, caching and waiting are not used: an empty
page in the middle ends its iteration, and it sleeps out a 429 by itself, unseen by the call budget.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

import requests

from postlaunch.config.connections import Connection
from postlaunch.errors import ConfigError

log = logging.getLogger(__name__)


class HttpSession(Protocol):
    """What `requests.Session` offers of it."""

    def get(self, url: str, **options: Any) -> requests.Response:
        """One call; any status is an answer. Raises RequestException."""


def open_session(connection: Connection) -> HttpSession:
    """Login (e-mail) and password (API token) of the connection are the credentials. Raises ConfigError without them."""
    if not connection.login or not connection.password:
        raise ConfigError(f"connection {connection.conn_id!r} needs login (e-mail) and password (API token) for Zendesk")
    auth = (f"{connection.login}/token".encode(), connection.password.encode())  # requests itself would take Latin-1
    try:
        from zenpy import Zenpy
    except ImportError:
        log.info("Zenpy is not installed here: Zendesk is called over plain HTTP, with the same result")
        plain: HttpSession = requests.Session()
        plain.auth = auth  # type: ignore[attr-defined]
        return plain
    client = Zenpy(subdomain=connection.host.split(".")[0], email=connection.login, token=connection.password, disable_cache=True)
    client.tickets.session.auth = auth
    return _Zenpy(client.tickets)


class _RefusedError(Exception):
    """An answer that is none: for us to judge, not for Zenpy."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class _Zenpy:
    def __init__(self, api: Any) -> None:
        self._api = api

    def get(self, url: str, **options: Any) -> requests.Response:
        try:
            answer: requests.Response = self._api._call_api(self._get, url, **options)  # noqa: SLF001  its one way to a URL of ours
        except _RefusedError as refused:
            return refused.response
        return answer

    def _get(self, url: str, **options: Any) -> requests.Response:
        response: requests.Response = self._api.session.get(url, **options)
        if not 200 <= response.status_code < 300:
            raise _RefusedError(response)
        return response
