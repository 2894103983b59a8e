"""One page after the other from Zendesk, and no page taken for the end that is not.

    changes()   incremental exports and satisfaction ratings     ends with the API's own word (see _is_end)
    listed()    short lists: policies, schedules, holidays       ends when no next page is named

A page that is too large to be read (bounds.py) is asked for again with fewer records, where the endpoint lets us say how many.
Who carries a call, Zenpy or plain HTTP, is for zendesk/session.py to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from requests.exceptions import RequestException

from postlaunch.config.connections import Connection
from postlaunch.errors import SourceError
from postlaunch.landing.bounds import READ_BYTES, SHRINK, AnswerTooLargeError, TooLargeError, beginning_of, body_of, check_values
from postlaunch.landing.records import read_json
from postlaunch.sources.base import CONNECT_SECONDS, call, check_status, garbage, public_url, unreachable, wait_of
from postlaunch.sources.budget import Budget
from postlaunch.sources.politeness import heed
from postlaunch.sources.zendesk.session import open_session

ANSWER_SECONDS = 120.0  # for an answer to go on: a page of a large export is long in coming
PAGE_RECORDS = 1000  # what the exports give where nothing is said

Answer = dict[str, Any]
Parameters = dict[str, str]


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
        parameters = dict(parameters)
        while True:
            position = tuple(sorted(parameters.items()))
            if position in asked:
                raise SourceError(
                    f"zendesk: {public_url(url)} stands still: it names a page as the next that was read already; nothing was landed"
                )
            asked.add(position)
            try:
                answer = self._get(url, parameters)
            except AnswerTooLargeError:
                if (fewer := _fewer(parameters)) is None:
                    raise
                parameters = fewer
                continue
            yield answer
            if _is_end(answer, parameters, url):
                return
            parameters = _next_parameters(answer, parameters, url)

    def listed(self, path: str) -> Iterator[Answer]:
        """Every page of a list."""
        url, parameters, asked = self.url(path), dict[str, str](), list[Parameters]()
        while parameters not in asked:
            asked.append(parameters)
            answer = self._get(url, parameters)
            yield answer
            link = _next_link(answer)
            if link is None:
                return
            parameters = {**parameters, **link}
        raise SourceError(f"zendesk: {public_url(url)} stands still: it names a page as the next that was read already; nothing was landed")

    def _get(self, url: str, parameters: Parameters) -> Answer:
        return call(self._budget, self._attempt, url, parameters)

    def _attempt(self, url: str, parameters: Parameters) -> Answer:
        connection = self._connection
        try:
            response, body = self._read(url, parameters)
            answer = read_json(check_values(body))
        except RequestException as error:
            raise unreachable(connection, "zendesk", url, _cause(error)) from None
        except TooLargeError as limit:
            raise AnswerTooLargeError("zendesk", public_url(url), urlencode(parameters), limit) from None
        except ValueError:
            raise garbage(connection, "zendesk", url, body) from None
        heed(self._budget, response.headers)
        if not isinstance(answer, dict):
            raise garbage(connection, "zendesk", url, body, "a JSON object")
        return answer

    def _read(self, url: str, parameters: Parameters) -> tuple[requests.Response, bytes]:
        """An answer and its body, unpacked piece by piece by urllib3 (from 2.6 on). Raises TooLargeError, or what a status means."""
        timeout = (CONNECT_SECONDS, ANSWER_SECONDS)
        with self._session.get(url, params=parameters, timeout=timeout, allow_redirects=False, stream=True) as response:
            blocks = response.iter_content(READ_BYTES)
            if not response.ok or response.is_redirect:
                said = beginning_of(blocks, None).decode("utf-8", "replace")
                check_status(self._connection, "zendesk", url, response.status_code, wait_of(response.headers), said)
            return response, body_of(blocks, None)


def _is_end(answer: Answer, parameters: Parameters, url: str) -> bool:
    """Only the API's own word ends a stream: `end_of_stream`, `meta.has_more` of a cursor page, `next_page: null`.

    The published specification of ticket metric events has none of these, only count, end_time and next_page: there the end is a page
    that does not go on from the second it began with, and is not full. A short page that goes on is no word: the server may send fewer
    records than it has.
    """
    if "end_of_stream" in answer:
        return bool(answer["end_of_stream"])
    if _says_more(answer) is not None:
        return not _says_more(answer)
    if "next_page" in answer and answer["next_page"] is None:
        return True
    if "end_time" in answer:
        return _is_unmoved(answer, parameters) and _count(answer) < int(parameters.get("per_page", PAGE_RECORDS))
    if "next_page" in answer:
        return False
    raise SourceError(f"zendesk: {public_url(url)} says neither that there is more nor that this is the end; nothing was landed")


def _next_parameters(answer: Answer, parameters: Parameters, url: str) -> Parameters:
    """The parameters of the next page: ours, moved on. Of a next link only the query is taken: our credentials go to our host alone."""
    if answer.get("after_cursor"):
        return {**{name: value for name, value in parameters.items() if name != "start_time"}, "cursor": str(answer["after_cursor"])}
    if answer.get("end_time") is not None and not _says_more(answer):
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
    if _is_unmoved(answer, parameters):
        raise SourceError(
            f"zendesk: {public_url(url)} stands still: more records changed within the second {answer['end_time']} than one page holds, "
            "and the API pages by seconds; nothing was landed"
        )
    return {**parameters, "start_time": str(answer["end_time"])}


def _says_more(answer: Answer) -> bool | None:
    """What a cursor page says of its next one; None if it is not a cursor page."""
    meta = answer.get("meta")
    return bool(meta["has_more"]) if isinstance(meta, dict) and "has_more" in meta else None


def _is_unmoved(answer: Answer, parameters: Parameters) -> bool:
    return answer["end_time"] is None or str(answer["end_time"]) == parameters.get("start_time")


def _count(answer: Answer) -> int:
    """How many records a page holds, by its own word or by our counting, whichever is more."""
    told = answer.get("count")
    return max([told if isinstance(told, int) else 0, *(len(value) for value in answer.values() if isinstance(value, list))])


def _fewer(parameters: Parameters) -> Parameters | None:
    """The same question with smaller pages; None if a page cannot be smaller."""
    name = next((name for name in parameters if name in ("per_page", "page[size]")), "per_page")
    size = int(parameters.get(name, PAGE_RECORDS))
    return {**parameters, name: str(size // SHRINK)} if size >= SHRINK else None


def _next_link(answer: Answer) -> Parameters | None:
    if (answer.get("meta") or {}).get("has_more") is False:  # such a page may name a next one all the same
        return None
    link = (answer.get("links") or {}).get("next") or answer.get("after_url") or answer.get("next_page")
    return dict(parse_qsl(urlsplit(str(link)).query)) if link else None


def _cause(error: RequestException) -> BaseException:
    """What requests wraps, without the pool's repr around it."""
    inner = error.args[0] if error.args else error
    return getattr(inner, "reason", None) or (inner if isinstance(inner, BaseException) else error)
