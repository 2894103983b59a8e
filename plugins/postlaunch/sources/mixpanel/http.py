"""One call of Mixpanel's raw export, as lines whose completeness is proven.

`mixpanel_utils` builds the call; the answer is read here, because the library takes half a day for a whole one. An answer counts only if
its bytes are all there (Content-Length, or the last chunk), its gzip trailer is right, its last line ends, and no line says
`export terminated early`. All of that is known only at the end: until `lines` is exhausted, nothing may be believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
from mixpanel_utils import MixpanelUtils

from postlaunch.config.connections import Connection, variable_name
from postlaunch.landing.bounds import READ_BYTES, beginning_of, split_lines
from postlaunch.landing.gzip_stream import GzipError, unzipped
from postlaunch.sources.base import TransientError, check_status, garbage, public_url, unreachable, wait_of
from postlaunch.sources.http import open_client

ANSWER_SECONDS = 600.0  # a busy project thinks for minutes before the first byte
_SENTINEL = b"terminated early"


class MixpanelClient(MixpanelUtils):  # type: ignore[misc]
    """`mixpanel_utils` over httpx: its own `request` replaced.

    The library's `request` writes the Authorization header to its debug log, drops status and headers of a refusal (a 429 ends in an
    AttributeError), and raises a bare BaseException after a 5xx. This one returns what came, and logs nothing.
    """

    def __init__(self, connection: Connection, project_id: int) -> None:
        """Service account in login and password; without a login the password is the project secret."""
        super().__init__(connection.password or "", service_account_username=connection.login, project_id=project_id)
        self.raw_api = f"{connection.base_url}/api"
        user, password = (connection.login, connection.password or "") if connection.login else (connection.password, "")
        self.http = open_client(user, password, ANSWER_SECONDS)

    def prepare(self, base_url: str, path_components: list[str], params: dict[str, Any]) -> httpx.Request:
        """A GET that nobody has sent yet."""
        query = dict(params)
        if self.service_account_username:
            query["project_id"] = self.project_id
        return self.http.build_request(
            "GET", "/".join([base_url, str(self.VERSION), *path_components]) + "?" + self._unicode_urlencode(query)
        )

    def request(self, base_url: str, path_components: list[str], params: dict[str, Any], **_: Any) -> httpx.Response:
        """The open answer of a GET, of any status. Raises httpx.HTTPError."""
        return self.http.send(self.prepare(base_url, path_components, params), stream=True)


class Export:
    """The answer to one export call. `lines()` may be read once."""

    def __init__(self, connection: Connection, project_id: int, from_date: str, to_date: str) -> None:
        """Open the call. Raises SourceAuthError, TransientError or SourceError."""
        self.url = public_url(f"{connection.base_url}/api/2.0/export")
        self._connection = connection
        self._client = MixpanelClient(connection, project_id)
        try:
            self._answer: httpx.Response = self._client.query_export({"from_date": from_date, "to_date": to_date}, raw_stream=True)
            if self._answer.is_success:
                return
            with closing(self._client.http), closing(self._answer):
                said = beginning_of(self._answer.iter_raw(), self._answer.headers.get("Content-Encoding")).decode("utf-8", "replace")
        except (httpx.HTTPError, GzipError) as error:
            raise unreachable(connection, "mixpanel", self.url, error) from None
        check_status(connection, "mixpanel", self.url, self._answer.status_code, wait_of(self._answer.headers), said)

    def lines(self) -> Iterator[list[bytes]]:
        """Lines in lists of some hundreds. Raises TransientError if the answer turns out to be incomplete."""
        is_first = True
        with closing(self._client.http), closing(self._answer):
            for found in split_lines(self._unzipped()):
                lines = found.lines
                if is_first and (start := next((line for line in lines if line.strip()), b"")):
                    if start.lstrip()[:1] == b"<":
                        raise garbage(self._connection, "mixpanel", self.url, start, "JSON lines")
                    is_first = False
                if any(_SENTINEL in line for line in lines if line[:1] != b"{"):
                    raise self._incomplete("it says `export terminated early`")
                if found.is_unfinished:
                    raise self._incomplete("its last line has no end")
                yield lines

    def _unzipped(self) -> Iterator[bytes]:
        headers = self._answer.headers
        if headers.get("Content-Encoding", "").lower() != "gzip":
            if "Content-Length" not in headers and headers.get("Transfer-Encoding", "").lower() != "chunked":
                raise self._incomplete("it carries neither a length, nor chunks, nor a gzip trailer, so that a cut would not show")
            yield from self._received()
            return
        try:
            yield from unzipped(self._received())
        except GzipError as error:
            raise self._incomplete(f"its gzip stream is broken: {error}") from error

    def _received(self) -> Iterator[bytes]:
        """Blocks as they come; httpx counts them against the length, and waits for the last chunk."""
        try:
            yield from self._answer.iter_raw(READ_BYTES)
        except httpx.HTTPError as error:
            raise self._incomplete(f"the connection broke: {error or type(error).__name__}") from error

    def _incomplete(self, what: str) -> TransientError:
        return TransientError(
            f"mixpanel: the answer of {self.url} is not complete: {what}. It was thrown away whole; try again, "
            f"and if it happens every time look at what stands between here and {variable_name(self._connection.conn_id)}"
        )
