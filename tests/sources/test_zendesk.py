from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest

from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.sources.landing import Pull
from postlaunch.sources.zendesk import extract

FIRST = dt.date(2026, 1, 12)
TICKETS, EVENTS, RATINGS = (
    "/api/v2/incremental/tickets/cursor.json",
    "/api/v2/incremental/ticket_metric_events.json",
    "/api/v2/satisfaction_ratings.json",
)


def silent(*_: object) -> None:
    pass


def ticket(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "created_at": "2026-01-12T12:00:00Z", "generated_timestamp": 1768226400, **fields}


@pytest.fixture
def pages(api, answer) -> dict[str, Any]:
    """Answers by path: a list of pages given in turn, or a function of the request. Unscripted streams are empty."""
    script: dict[str, Any] = {}

    def reply(request: Any) -> Any:
        page = script.get(request.path, [{"tickets": [], "ticket_metric_events": [], "satisfaction_ratings": [], "end_of_stream": True}])
        page = page(request) if callable(page) else page.pop(0) if len(page) > 1 else page[0]
        return page if isinstance(page, answer) else answer(json.dumps(page).encode() if not isinstance(page, bytes) else page)

    api.answer = reply
    return script


@pytest.fixture
def pull(make_launch, connection, landing) -> Callable[..., dict[str, Pull]]:
    def run(**section: Any) -> dict[str, Pull]:
        pulls = extract(make_launch(zendesk=section), connection, FIRST, FIRST, landing, silent)
        return {pull.manifest.stream: pull for pull in pulls}

    return run


def records(pull: Pull) -> list[dict[str, Any]]:
    return [json.loads(line) for batch in pull.batches() for line in batch.lines]


def test_an_empty_page_in_the_middle_is_not_the_end(pages, pull) -> None:
    pages[TICKETS] = [
        {"tickets": [ticket(1)], "after_cursor": "a", "end_of_stream": False},
        {"tickets": [], "after_cursor": "b", "end_of_stream": False},
        {"tickets": [ticket(2)], "after_cursor": "c", "end_of_stream": True},
    ]
    assert [record["id"] for record in records(pull()["tickets"])] == [1, 2]


def test_the_cursor_is_followed_and_the_start_is_asked_for_once(pages, pull, api) -> None:
    pages[TICKETS] = [
        {"tickets": [], "after_cursor": "a", "end_of_stream": False},
        {"tickets": [], "after_cursor": "b", "end_of_stream": True},
    ]
    pull()
    first, second = (request.query for request in api.requests if request.path == TICKETS)
    assert first["start_time"] == str(int(dt.datetime(2026, 1, 12, 5, tzinfo=dt.UTC).timestamp()))
    assert first["include"] == second["include"] == "metric_sets"
    assert (second["cursor"], second.get("start_time")) == ("a", None)


def test_a_cursor_that_does_not_move_is_an_error(pages, pull, landing) -> None:
    pages[TICKETS] = [{"tickets": [ticket(1)], "after_cursor": "a", "end_of_stream": False}]
    with pytest.raises(SourceError, match="stands still"):
        pull()
    assert landing.newest("zendesk", "shop", "tickets", (FIRST, FIRST)) is None


def test_an_answer_that_names_no_end_is_an_error(pages, pull) -> None:
    pages[TICKETS] = [{"tickets": [ticket(1)]}]
    with pytest.raises(SourceError, match="neither that there is more nor that this is the end"):
        pull()


def test_an_answer_that_says_more_but_not_where_is_an_error(pages, pull) -> None:
    pages[TICKETS] = [{"tickets": [ticket(1)], "end_of_stream": False}]
    with pytest.raises(SourceError, match="more, but not where"):
        pull()


def test_metric_sets_beside_the_tickets_are_put_into_them(pages, pull) -> None:
    pages[TICKETS] = [{"tickets": [ticket(7), ticket(8)], "metric_sets": [{"ticket_id": 7, "reopens": 2}], "end_of_stream": True}]
    found = records(pull()["tickets"])
    assert found[0]["metric_set"] == {"ticket_id": 7, "reopens": 2}
    assert "metric_set" not in found[1]


def test_deleted_tickets_are_kept_and_other_brands_are_not(pages, pull) -> None:
    pages[TICKETS] = [{"tickets": [ticket(1, brand_id=5, status="deleted"), ticket(2, brand_id=6), ticket(3)], "end_of_stream": True}]
    assert [record["id"] for record in records(pull(brand_id=5)["tickets"])] == [1, 3]


def test_cursor_pages_of_the_other_streams_end_with_has_more(pages, pull, api) -> None:
    pages[EVENTS] = [
        {
            "ticket_metric_events": [{"id": 1}],
            "meta": {"has_more": True, "after_cursor": "x"},
            "links": {"next": f"{api.url}/?page[after]=x"},
        },
        {"ticket_metric_events": [{"id": 2}], "meta": {"has_more": False}},
    ]
    assert len(records(pull()["ticket_metric_events"])) == 2


def test_time_based_pages_end_with_one_that_is_not_full(pages, pull, api) -> None:
    following = "https://shop.zendesk.com/api/v2/x?start_time=1768230000"
    pages[EVENTS] = [
        {"ticket_metric_events": [{"id": number} for number in range(1000)], "next_page": following, "end_time": 1768230000, "count": 1000},
        {"ticket_metric_events": [{"id": 999}, {"id": 1000}], "next_page": following, "end_time": 1768230000, "count": 2},
    ]
    assert len(records(pull()["ticket_metric_events"])) == 1002
    assert [request.query["start_time"] for request in api.requests if request.path == EVENTS][1:] == ["1768230000"]


def test_offset_pages_end_without_next_page(pages, pull) -> None:
    pages[RATINGS] = [
        {"satisfaction_ratings": [{"id": 1}], "next_page": "https://shop.zendesk.com/api/v2/x?page=2", "count": 2},
        {"satisfaction_ratings": [{"id": 2}], "next_page": None, "count": 2},
    ]
    assert len(records(pull()["satisfaction_ratings"])) == 2


def test_a_next_link_to_another_host_is_followed_on_ours(pages, pull, api) -> None:
    pages[TICKETS] = [
        {"tickets": [ticket(1)], "after_url": "https://evil.example/api/v2/x?cursor=zzz", "end_of_stream": False},
        {"tickets": [ticket(2)], "end_of_stream": True},
    ]
    assert len(records(pull()["tickets"])) == 2
    assert [request.query.get("cursor") for request in api.requests if request.path == TICKETS] == [None, "zzz"]


def test_numbers_keep_their_spelling(pages, pull) -> None:
    pages[TICKETS] = [
        b'{"tickets":[{"id":1,"big":123456789012345678901234567890,"fine":0.10000000000000000001,"e":1e400}],"end_of_stream":true}'
    ]
    line = next(iter(pull()["tickets"].batches())).lines[0]
    assert line == b'{"id":1,"big":123456789012345678901234567890,"fine":0.10000000000000000001,"e":1e400}'


def test_a_lone_surrogate_spoils_no_other_record(pages, pull) -> None:
    pages[TICKETS] = [b'{"tickets":[{"id":1,"subject":"\\ud800 half"},{"id":2,"subject":"whole"}],"end_of_stream":true}']
    lines = next(iter(pull()["tickets"].batches())).lines
    assert lines == [b'{"id":1,"subject":"\\ud800 half"}', b'{"id":2,"subject":"whole"}']


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_api_is_asked_again(pages, pull, answer, status: int) -> None:
    pages[TICKETS] = [answer(b"busy", status, headers={"Retry-After": "0"}), {"tickets": [ticket(1)], "end_of_stream": True}]
    assert pull()["tickets"].manifest.rows == 1


def test_an_answer_that_is_cut_is_asked_for_again(pages, pull, answer) -> None:
    whole = json.dumps({"tickets": [ticket(1)], "end_of_stream": True}).encode()
    pages[TICKETS] = [answer(whole, cut=20), answer(whole)]
    assert pull()["tickets"].manifest.rows == 1


def test_a_failing_stream_lands_nothing_of_itself(pages, pull, answer, landing) -> None:
    pages[EVENTS] = [{"ticket_metric_events": [{"id": 1}], "meta": {"has_more": True, "after_cursor": "x"}}, answer(b"no", 500)]
    with pytest.raises(SourceError, match="answered 500"):
        pull()
    assert landing.newest("zendesk", "shop", "ticket_metric_events", (FIRST, FIRST)) is None


def test_refused_credentials_fail_at_once_and_show_no_secret(pages, pull, answer, api) -> None:
    pages[TICKETS] = [answer(b'{"error":"Couldn\'t authenticate you"}', 401)]
    with pytest.raises(SourceAuthError, match="AIRFLOW_CONN_POSTLAUNCH_SOURCE") as caught:
        pull()
    assert len(api.requests) == 1
    assert "s3cret" not in str(caught.value)


def test_html_is_no_answer(pages, pull) -> None:
    pages[TICKETS] = [b"<html>Sign in to Zendesk</html>"]
    with pytest.raises(SourceError, match="did not answer with JSON but with '<html>Sign in"):
        pull()


def test_an_answer_of_another_api_is_named(pages, pull) -> None:
    pages[TICKETS] = [{"events": [], "end_of_stream": True}]
    with pytest.raises(SourceError, match="has no list 'tickets'"):
        pull()
