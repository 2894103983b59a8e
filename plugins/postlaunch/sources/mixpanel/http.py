"""One call of Mixpanel's raw export, as lines whose completeness is proven.

`mixpanel_utils` builds the call; the answer is read here, because the library takes half a day for a whole one. An answer counts only if
its bytes are all there (Content-Length, or the last chunk), its gzip trailer is right, its last line ends, and no line says
`export terminated early`. All of that is known only at the end: until `lines` is exhausted, nothing may be believed.
"""

from __future__ import annotations

import base64
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from mixpanel_utils import MixpanelUtils

from postlaunch.config.connections import Connection, variable_name
from postlaunch.landing.bounds import READ_BYTES, SAID_BYTES, split_lines
from postlaunch.landing.gzip_stream import GzipError, unzipped
from postlaunch.sources.base import TransientError, check_status, garbage, public_url, unreachable, wait_of

ANSWER_SECONDS = 600  # a busy project thinks for minutes before the first byte
_SENTINEL = b"terminated early"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would send the Authorization header on to wherever a redirect points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class ExportClient(MixpanelUtils):  # type: ignore[misc]
    """`mixpanel_utils` with its own `request` replaced, for the export only.

    The library's `request` writes the Authorization header to its debug log, drops status and headers of a refusal (a 429 ends in an
    AttributeError), and raises a bare BaseException after a 5xx. This one raises urllib's HTTPError, and logs nothing.
    """

    def __init__(self, connection: Connection, project_id: int) -> None:
        """Service account in login and password; without a login the password is the project secret."""
        super().__init__(connection.password or "", service_account_username=connection.login, project_id=project_id)
        self.raw_api = f"{connection.base_url}/api"
        self._opener = urllib.request.build_opener(_NoRedirect())

    def request(
        self, base_url: str, path_components: list[str], params: dict[str, Any], headers: dict[str, str] | None = None, **_: Any
    ) -> Any:
        """Open the answer of a GET. Raises urllib.error.HTTPError with status and headers."""
        query = dict(params)
        if self.service_account_username:
            query["project_id"] = self.project_id
        url = "/".join([base_url, str(self.VERSION), *path_components]) + "?" + self._unicode_urlencode(query)
        login = f"{self.service_account_username or self.api_secret}:{self.api_secret if self.service_account_username else ''}"
        authorization = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
        return self._opener.open(urllib.request.Request(url, headers={**(headers or {}), **authorization}), timeout=ANSWER_SECONDS)  # noqa: S310


class Export:
    """The answer to one export call. `lines()` may be read once."""

    def __init__(self, connection: Connection, project_id: int, from_date: str, to_date: str) -> None:
        """Open the call. Raises SourceAuthError, TransientError or SourceError."""
        self.url = public_url(f"{connection.base_url}/api/2.0/export")
        self._connection = connection
        client = ExportClient(connection, project_id)
        try:
            self._answer = client.query_export({"from_date": from_date, "to_date": to_date}, add_gzip_header=True, raw_stream=True)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(SAID_BYTES).decode("utf-8", "replace")
            check_status(connection, "mixpanel", self.url, error.code, wait_of(error.headers), said)
            raise  # a 2xx is not an HTTPError
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(connection, "mixpanel", self.url, error) from None

    def lines(self) -> Iterator[list[bytes]]:
        """Lines in lists of some hundreds. Raises TransientError if the answer turns out to be incomplete."""
        is_first = True
        with self._answer:
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
        if self._answer.headers.get("Content-Encoding", "").lower() != "gzip":
            if self._answer.length is None and not self._answer.chunked:
                raise self._incomplete("it carries neither a length, nor chunks, nor a gzip trailer, so that a cut would not show")
            yield from self._received()
            return
        try:
            yield from unzipped(self._received())
        except GzipError as error:
            raise self._incomplete(f"its gzip stream is broken: {error}") from error

    def _received(self) -> Iterator[bytes]:
        """Blocks as they come. `read(n)` of http.client takes a short answer for a whole one, hence the count."""
        told, received = self._answer.length, 0
        try:
            while block := self._answer.read(READ_BYTES):
                received += len(block)
                yield block
        except http.client.IncompleteRead as error:
            raise self._incomplete("its last chunk never came") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._incomplete(f"the connection broke: {error or type(error).__name__}") from error
        if told is not None and received != told:
            raise self._incomplete(f"{received} of {told} bytes came")

    def _incomplete(self, what: str) -> TransientError:
        return TransientError(
            f"mixpanel: the answer of {self.url} is not complete: {what}. It was thrown away whole; try again, "
            f"and if it happens every time look at what stands between here and {variable_name(self._connection.conn_id)}"
        )
