"""Faults in how an answer goes on: empty pages, cursors that stand still, pages that overlap.

They make pages small (`PAGE` records), so that a short window has several. No record is lost by an empty or an overlapping page: a client
that pages correctly sees all of them. `memory` is what a fault keeps between requests, by path and query.

                   Zendesk (cursor)          PagerDuty (offset)         Prometheus (chunks)          Mixpanel (one answer)
empty-page         page 2 is empty           page 2 is empty            a series without samples     empty lines
stuck-cursor       page 1 for ever           page 1 for ever            the first chunk for ever     the days before those asked for
overlapping-pages  begins with the last      begins with the last       begins two steps early       the later half comes twice
                   of the page before        of the page before
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from sandbox.apis.fault_records import Records, changed, half_repeated, listed
from sandbox.apis.fault_wire import Answer, Api, Asked

PAGE = 8
OVERLAP = 2
_AGAIN = "again."  # what a cursor after an empty page begins with

Give = Callable[[Asked], Awaitable[Answer]]
Memory = dict[str, Any]


async def empty_page(asked: Asked, give: Give, memory: Memory) -> Answer:
    """The second page is empty, and is not the end."""
    if asked.api == "mixpanel":
        answer = await give(asked)
        return replace(answer, body=answer.body.replace(b"\n", b"\n\n"))
    if asked.api == "prometheus":
        return _altered(await give(asked), lambda _, series: [*series, {"metric": {"__name__": "quiet"}, "values": []}], asked.api)
    if asked.api == "pagerduty":
        return await _empty_offset(asked, give, memory)
    name, cursor = _cursor(asked)
    if cursor is None:
        memory.pop(asked.path, None)
        return await give(_small(asked))
    if cursor.startswith(_AGAIN):
        return await give(_small(asked.with_values(**{name: cursor.removeprefix(_AGAIN)})))
    answer = await give(_small(asked))
    if memory.setdefault(asked.path, cursor) != cursor:
        return answer
    return _emptied(answer, name, _AGAIN + cursor)


async def stuck_cursor(asked: Asked, give: Give, memory: Memory) -> Answer:
    """The first page for ever, and there is always more."""
    if asked.api == "mixpanel":
        first, last = (date.fromisoformat(str(asked.value(name))) for name in ("from_date", "to_date"))
        back = (last - first) + (date(1970, 1, 2) - date(1970, 1, 1))
        return await give(asked.with_values(from_date=str(first - back), to_date=str(last - back)))
    if asked.api == "prometheus":
        start, end = memory.setdefault(str(asked.value("query")), (str(asked.value("start")), str(asked.value("end"))))
        return await give(asked.with_values(start=start, end=end))
    if _is_count(asked):
        return await give(asked)
    if asked.path not in memory:
        memory[asked.path] = _altered_document(await give(_small(asked)), _says_more)
    answer: Answer = memory[asked.path]
    return answer


async def overlapping_pages(asked: Asked, give: Give, memory: Memory) -> Answer:
    """Every page begins with the last records of the one before."""
    if asked.api == "mixpanel":
        return _altered(await give(asked), half_repeated, asked.api)
    if asked.api == "prometheus":
        query, start = str(asked.value("query")), int(float(str(asked.value("start"))))
        is_first = memory.setdefault(query, start) >= start
        return await give(asked if is_first else asked.with_values(start=start - OVERLAP * int(float(str(asked.value("step"))))))
    if asked.api == "pagerduty":
        offset = int(asked.value("offset") or 0)
        return await _at_offset(asked, give, max(offset - OVERLAP * -(-offset // PAGE), 0))
    answer = await give(_small(asked))
    before = memory.get(asked.path, []) if _cursor(asked)[1] else []
    memory[asked.path] = [*before, *listed(orjson.loads(answer.body))][-OVERLAP:]
    return _altered(answer, lambda _, records: [*before, *records], asked.api)


async def _empty_offset(asked: Asked, give: Give, memory: Memory) -> Answer:
    """PagerDuty's clients go on behind an empty page at the same offset or a page further: either finds the next record there."""
    offset = int(asked.value("offset") or 0)
    if _is_count(asked):
        return await give(asked)
    if offset == 0:
        memory[asked.path] = {"empty": None, "shift": None}
        return _altered_document(await give(_small(asked)), _says_more)
    state = memory[asked.path]
    if state["empty"] is None:
        state["empty"] = offset
        return _altered_document(await give(_small(asked)), lambda document: {**_without_records(document), "more": True})
    if state["shift"] is None:
        state["shift"] = offset - state["empty"]
    return await _at_offset(asked, give, offset - state["shift"])


async def _at_offset(asked: Asked, give: Give, offset: int) -> Answer:
    """The page at another offset than the client asked for, under the offset that it asked for."""
    if _is_count(asked):
        return await give(asked)
    answer = await give(_small(asked.with_values(offset=offset)))
    return _altered_document(answer, lambda document: {**document, "offset": int(asked.value("offset") or 0)})


def _is_count(asked: Asked) -> bool:
    """PagerDuty's clients ask for one record to learn how many there are."""
    return asked.api == "pagerduty" and asked.value("limit") == "1" and str(asked.value("total")).lower() == "true"


def _small(asked: Asked) -> Asked:
    """The same request for a small page. Zendesk's exports by time keep theirs: all records of one second must fit."""
    if asked.api == "zendesk" and "/cursor" not in asked.path and not asked.value("page[size]"):
        return asked
    name = "limit" if asked.api == "pagerduty" else "page[size]" if asked.value("page[size]") else "per_page"
    return asked.with_values(**{name: min(PAGE, int(asked.value(name) or PAGE))})


def _cursor(asked: Asked) -> tuple[str, str | None]:
    """Name and value of Zendesk's cursor; no value on the first page."""
    name = "page[after]" if asked.value("page[size]") else "cursor"
    return name, asked.value(name)


def _altered(answer: Answer, change: Callable[[Api, Records], Records], api: Api) -> Answer:
    return replace(answer, body=changed(api, answer.body, change)) if answer.status == 200 else answer


def _altered_document(answer: Answer, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    return replace(answer, body=orjson.dumps(change(orjson.loads(answer.body)))) if answer.status == 200 else answer


def _says_more(document: dict[str, Any]) -> dict[str, Any]:
    more = {"end_of_stream": False, "more": True}
    meta = {"meta": {**document["meta"], "has_more": True}} if "meta" in document else {}
    return {**document, **{name: value for name, value in more.items() if name in document}, **meta}


def _without_records(document: dict[str, Any]) -> dict[str, Any]:
    return {name: [] if isinstance(value, list) else value for name, value in document.items()}


def _emptied(answer: Answer, name: str, cursor: str) -> Answer:
    """An empty page of Zendesk's that names `cursor` as the next."""

    def link(url: str) -> str:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), name: cursor})))

    def change(document: dict[str, Any]) -> dict[str, Any]:
        empty = _says_more(_without_records(document))
        if name == "cursor":
            return {**empty, "after_cursor": cursor, "after_url": link(str(document["after_url"]))}
        following = link(str(document["links"]["next"] or document["links"].get("prev") or ""))
        return {**empty, "meta": {**empty["meta"], "after_cursor": cursor}, "links": {**document["links"], "next": following}}

    return _altered_document(answer, change)
