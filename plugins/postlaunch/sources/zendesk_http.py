"""One page after the other from Zendesk, and no page taken for the end that is not.

    changes()   incremental exports and satisfaction ratings     ends with `end_of_stream`, or `meta.has_more` of cursor pages
    listed()    short lists: policies, schedules, holidays       ends when no next page is named

Who carries a call, Zenpy or plain HTTP, is for zendesk_session.py to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from requests.exceptions import RequestException

from postlaunch.config.connections import Connection
from postlaunch.errors import SourceError
from postlaunch.sources.base import CONNECT_SECONDS, call, check_status, garbage, public_url, read_json, unreachable, wait_of
from postlaunch.sources.budget import Budget
from postlaunch.sources.politeness import heed
from postlaunch.sources.zendesk_session import open_session

ANSWER_SECONDS = 120.0

Answer = dict[str, Any]
Parameters = dict[str, str]


class MissingFeatureError(SourceError):
    """The account's plan has no such feature, or the token may not see it."""


class ZendeskApi:
    """The calls that ingestion makes. Every method raises SourceError or one of its kinds."""

    def __init__(self, connection: Connection, budget: Budget) -> None:
        """Login (e-mail) and password (API token) of the connection are the credentials."""
        self._connection, self._budget = connection, budget
        self._session = open_session(connection)

    def url(self, path: str) -> str:
        """The address of an endpoint."""
        return f"{self._connection.base_url}/api/v2/{path}"

    def changes(self, path: str, parameters: Parameters) -> Iterator[Answer]:
        """Every page of what changed, to the end of the stream; empty pages in the middle are pages."""
        url = self.url(path)
        asked: set[tuple[tuple[str, str], ...]] = set()
        while True:
            position = tuple(sorted(parameters.items()))
            if position in asked:
                raise SourceError(
                    f"zendesk: {public_url(url)} stands still: it names a page as the next that was read already; nothing was landed"
                )
            asked.add(position)
            answer = self._get(url, parameters)
            yield answer
            if _is_end(answer, url):
                return
            parameters = _next_parameters(answer, parameters, url)

    def listed(self, path: str) -> Iterator[Answer]:
        """Every page of a list. Raises MissingFeatureError for 403 and 404: cheaper plans have no policies and schedules."""
        url, parameters, asked = self.url(path), dict[str, str](), list[Parameters]()
        while parameters not in asked:
            asked.append(parameters)
            answer = self._get(url, parameters, is_optional=True)
            yield answer
            link = _next_link(answer)
            if link is None:
                return
            parameters = {**parameters, **link}
        raise SourceError(f"zendesk: {public_url(url)} stands still: it names a page as the next that was read already; nothing was landed")

    def _get(self, url: str, parameters: Parameters, *, is_optional: bool = False) -> Answer:
        return call(self._budget, self._attempt, url, parameters, is_optional)

    def _attempt(self, url: str, parameters: Parameters, is_optional: bool) -> Answer:
        connection = self._connection
        try:
            response = self._session.get(url, params=parameters, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), allow_redirects=False)
        except RequestException as error:
            raise unreachable(connection, "zendesk", url, _cause(error)) from None
        if is_optional and response.status_code in (403, 404):
            raise MissingFeatureError(
                f"{public_url(url)} answered {response.status_code}: the account's plan has no such feature, or the token may not see it"
            )
        check_status(connection, "zendesk", url, response.status_code, wait_of(response.headers), response.text[:2000])
        heed(self._budget, response.headers)
        try:
            answer = read_json(response.content)
        except ValueError:
            raise garbage(connection, "zendesk", url, response.content) from None
        if not isinstance(answer, dict):
            raise garbage(connection, "zendesk", url, response.content, "a JSON object")
        return answer


def _is_end(answer: Answer, url: str) -> bool:
    """Only the API's own word ends a stream: `end_of_stream`, `meta.has_more` of a cursor page, `next_page: null` of a numbered one.

    A short page is no word: the server may send fewer records than it has.
    """
    if "end_of_stream" in answer:
        return bool(answer["end_of_stream"])
    meta = answer.get("meta")
    if isinstance(meta, dict) and "has_more" in meta:
        return not meta["has_more"]
    if "next_page" in answer and "end_time" not in answer:
        return answer["next_page"] is None
    raise SourceError(f"zendesk: {public_url(url)} says neither that there is more nor that this is the end; nothing was landed")


def _next_parameters(answer: Answer, parameters: Parameters, url: str) -> Parameters:
    """The parameters of the next page: ours, moved on. Of a next link only the query is taken: our credentials go to our host alone."""
    if answer.get("after_cursor"):
        return {**{name: value for name, value in parameters.items() if name != "start_time"}, "cursor": str(answer["after_cursor"])}
    if answer.get("end_time") is not None:
        return _next_second(answer, parameters, url)
    link = _next_link(answer)
    if link:
        return {**parameters, **link}
    cursor = (answer.get("meta") or {}).get("after_cursor")
    if cursor:
        return {**parameters, "page[after]": str(cursor)}
    raise SourceError(f"zendesk: {public_url(url)} says that there is more, but not where; nothing was landed")


def _next_second(answer: Answer, parameters: Parameters, url: str) -> Parameters:
    """A time-based page goes on with its last second, whose records come again: they are merged by id.

    One second with more records than a page holds cannot be passed: the API gives the same page for ever.
    """
    end_time = str(answer["end_time"])
    if end_time == parameters.get("start_time"):
        raise SourceError(
            f"zendesk: {public_url(url)} stands still: more records changed within the second {end_time} than one page holds, "
            "and the API pages by seconds; nothing was landed"
        )
    return {**parameters, "start_time": end_time}


def _next_link(answer: Answer) -> Parameters | None:
    if (answer.get("meta") or {}).get("has_more") is False:  # such a page may name a next one all the same
        return None
    link = (answer.get("links") or {}).get("next") or answer.get("after_url") or answer.get("next_page")
    return dict(parse_qsl(urlsplit(str(link)).query)) if link else None


def _cause(error: RequestException) -> BaseException:
    """What requests wraps, without the pool's repr around it."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", None) or (inner if isinstance(inner, BaseException) else error)
