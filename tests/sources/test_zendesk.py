from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from postlaunch.config.connections import get_connection
from postlaunch.config.load import load_launch
from postlaunch.dates import Dates
from postlaunch.errors import SourceAuthError, SourceError
from postlaunch.landing.zone import Pull
from postlaunch.sources.zendesk.extract import extract
from sandbox.story import Plan, support_records
from sandbox.story.ticket_events import ticket_events
from sandbox.story.tickets import all_tickets
from tests.conftest import CLOCK, LAUNCH_DATE
from tests.sources.counting import CountingBudget

PLAN = Plan(LAUNCH_DATE)
FIRST = dt.date(2026, 1, 12)
TICKETS, EVENTS, TICKET_EVENTS, RATINGS = (
    "/api/v2/incremental/tickets/cursor.json",
    "/api/v2/incremental/ticket_metric_events.json",
    "/api/v2/incremental/ticket_events.json",
    "/api/v2/satisfaction_ratings.json",
)
USERS, ORGANIZATIONS = "/api/v2/incremental/users/cursor.json", "/api/v2/incremental/organizations.json"
POLICIES, SCHEDULES = "/api/v2/slas/policies", "/api/v2/business_hours/schedules"
INCREMENTAL = (TICKETS, EVENTS, TICKET_EVENTS, USERS, ORGANIZATIONS)
STREAMS = ("tickets", "ticket_metric_events", "ticket_events", "satisfaction_ratings", "users", "organizations")
LISTS = ("sla_policies", "schedules", "holidays")


def silent(*_: object) -> None:
    pass


def ticket(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": number, "created_at": "2026-01-12T12:00:00Z", "generated_timestamp": 1768226400, **fields}


@pytest.fixture
def pages(api, answer) -> dict[str, Any]:
    """Answers by path: a list of pages given in turn, or a function of the request. Unscripted streams are empty."""
    script: dict[str, Any] = {}

    def reply(request: Any) -> Any:
        page = script.get(request.path, [{**{name: [] for name in (*STREAMS, *LISTS)}, "end_of_stream": True}])
        page = page(request) if callable(page) else page.pop(0) if len(page) > 1 else page[0]
        return page if isinstance(page, answer) else answer(json.dumps(page).encode() if not isinstance(page, bytes) else page)

    api.answer = reply
    return script


@pytest.fixture
def budget() -> CountingBudget:
    return CountingBudget()


@pytest.fixture
def pull(make_launch, connection, landing, budget) -> Callable[..., dict[str, Pull]]:
    def run(**section: Any) -> dict[str, Pull]:
        pulls = extract(make_launch(zendesk=section), connection, Dates.of(FIRST), landing, silent, budget)
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
    assert first["include"] == second["include"] == "metric_sets,users,organizations"
    assert (second["cursor"], second.get("start_time")) == ("a", None)


def test_a_cursor_that_does_not_move_is_an_error(pages, pull, landing) -> None:
    pages[TICKETS] = [{"tickets": [ticket(1)], "after_cursor": "a", "end_of_stream": False}]
    with pytest.raises(SourceError, match="stands still"):
        pull()
    assert landing.newest("zendesk", "shop", "tickets", Dates.of(FIRST)) is None


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


def test_a_short_page_is_not_the_end_of_a_stream(pages, pull) -> None:
    pages[EVENTS] = [{"ticket_metric_events": [{"id": 1}], "count": 1}]
    with pytest.raises(SourceError, match="neither that there is more nor that this is the end"):
        pull()


def as_published(page_size: int, records: list[dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """Ticket metric events as the published specification has them: count, end_time, next_page and nothing else.

    https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_metric_events/: a page begins at start_time and ends with the
    second of its last record, in full.
    """

    def answer(request: Any) -> dict[str, Any]:
        start = int(request.query["start_time"])
        found = [record for record in records if record["at"] >= start]
        end = found[:page_size][-1]["at"] if found else start
        page = [record for position, record in enumerate(found) if position < page_size or record["at"] == end]
        link = f"https://shop.zendesk.com/api/v2/incremental/ticket_metric_events.json?start_time={end}"
        return {"ticket_metric_events": page, "count": len(page), "end_time": end, "next_page": link}

    return answer


@pytest.mark.parametrize("page_size", [4, 5, 999])
def test_metric_events_without_end_of_stream_end_where_their_time_stands_still(pages, pull, api, page_size: int) -> None:
    events = [{"id": number, "at": 1768226400 + number // 3 * 60} for number in range(20)]
    pages[EVENTS] = as_published(page_size, events)
    assert {record["id"] for record in records(pull()["ticket_metric_events"])} == set(range(20))
    assert api.requests[-1].path != EVENTS  # and the streams behind it were pulled


def test_one_record_that_comes_again_for_its_own_second_is_the_end(pages, pull) -> None:
    pages[EVENTS] = [
        {"ticket_metric_events": [{"id": 1}], "count": 1, "end_time": 1768226400, "next_page": "https://x/?start_time=1768226400"}
    ]
    assert {record["id"] for record in records(pull()["ticket_metric_events"])} == {1}


def test_metric_events_of_a_quiet_night_end_at_once_without_end_of_stream(pages, pull, api) -> None:
    pages[EVENTS] = as_published(1000, [])
    assert pull()["ticket_metric_events"].manifest.rows == 0
    assert len([request for request in api.requests if request.path == EVENTS]) == 1


def test_a_second_that_fills_a_page_is_an_error_also_without_end_of_stream(pages, pull) -> None:
    pages[EVENTS] = as_published(1000, [{"id": number, "at": 1768226400} for number in range(1200)])
    with pytest.raises(SourceError, match="more records changed within the second 1768226400 than one page holds"):
        pull()


def test_a_cursor_is_followed_where_there_is_one_even_beside_an_end_time(pages, pull, api) -> None:
    pages[EVENTS] = [
        {"ticket_metric_events": [{"id": 1}], "end_time": 1768226400, "meta": {"has_more": True, "after_cursor": "x"}},
        {"ticket_metric_events": [{"id": 2}], "end_time": 1768226400, "meta": {"has_more": False}},
    ]
    assert [record["id"] for record in records(pull()["ticket_metric_events"])] == [1, 2]
    assert [request.query.get("page[after]") for request in api.requests if request.path == EVENTS] == [None, "x"]


@pytest.mark.parametrize("path", [EVENTS, TICKET_EVENTS, ORGANIZATIONS])
def test_time_based_pages_go_on_with_their_last_second_to_the_end_of_the_stream(pages, pull, api, path) -> None:
    name = path.split("/")[-1].removesuffix(".json")
    link = "https://shop.zendesk.com/api/v2/x?start_time=1768230000"  # without what we asked to include
    pages[path] = [
        {name: [{"id": 1}, {"id": 2}], "next_page": link, "end_time": 1768230000, "count": 2, "end_of_stream": False},
        {name: [{"id": 2}, {"id": 3}], "next_page": link, "end_time": 1768240000, "count": 2, "end_of_stream": True},
    ]
    assert [record["id"] for record in records(pull()[name])] == [1, 2, 2, 3]
    first, second = (request.query for request in api.requests if request.path == path)
    assert second == {**first, "start_time": "1768230000"}


@pytest.mark.parametrize("path", [EVENTS, TICKET_EVENTS])
def test_a_second_that_fills_a_page_is_an_error_not_a_loop_or_a_loss(pages, pull, api, landing, path) -> None:
    name = path.split("/")[-1].removesuffix(".json")
    pages[path] = [{name: [{"id": 1}], "end_time": 1768230000, "count": 1000, "end_of_stream": False}]
    with pytest.raises(SourceError, match="more records changed within the second 1768230000 than one page holds"):
        pull()
    assert len([request for request in api.requests if request.path == path]) == 2
    assert landing.newest("zendesk", "shop", name, Dates.of(FIRST)) is None


def test_comments_are_asked_for_with_every_page_of_ticket_events(pages, pull, api) -> None:
    pages[TICKET_EVENTS] = [
        {"ticket_events": [], "end_time": 1768230000, "end_of_stream": False},
        {"ticket_events": [{"id": 1, "child_events": [{"event_type": "Comment", "body": "Hello"}]}], "end_of_stream": True},
    ]
    assert records(pull()["ticket_events"])[0]["child_events"][0]["body"] == "Hello"
    assert [request.query["include"] for request in api.requests if request.path == TICKET_EVENTS] == ["comment_events"] * 2


def test_users_and_organizations_beside_the_tickets_are_landed_once_before_those_that_changed(pages, pull) -> None:
    ada, bob, shop = {"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}, {"id": 9, "name": "Shop"}
    pages[TICKETS] = [
        {"tickets": [ticket(1)], "users": [ada, bob], "organizations": [shop], "after_cursor": "a", "end_of_stream": False},
        {"tickets": [ticket(2)], "users": [bob, None], "organizations": None, "end_of_stream": True},
    ]
    pages[USERS] = [{"users": [{"id": 2, "name": "Robert"}], "end_of_stream": True}]
    pulls = pull()
    assert [record["name"] for record in records(pulls["users"])] == ["Ada", "Bob", "Robert"]
    assert records(pulls["organizations"]) == [shop]
    assert len(records(pulls["tickets"])) == 2


def test_nothing_beside_the_tickets_is_left_behind_by_a_run_that_fails(pages, pull, answer, landing) -> None:
    people = [{"id": number, "name": "x" * 1000} for number in range(1000)]  # enough to have been written
    pages[TICKETS] = [{"tickets": [ticket(1)], "users": people, "end_of_stream": True}]
    pages[USERS] = [answer(b"no", 401)]
    with pytest.raises(SourceAuthError, match="answered 401"):
        pull()
    assert list(landing.folder("zendesk", "shop", "users", Dates.of(FIRST)).iterdir()) == []
    assert landing.newest("zendesk", "shop", "tickets", Dates.of(FIRST)).manifest.rows == 1


def test_lists_are_pulled_with_the_holidays_of_every_schedule(pages, pull) -> None:
    pages[POLICIES] = [
        {"sla_policies": [{"id": 1}], "next_page": "https://shop.zendesk.com/api/v2/slas/policies?page=2"},
        {"sla_policies": [{"id": 2}], "next_page": None},
    ]
    pages[SCHEDULES] = [{"schedules": [{"id": 7}, {"id": 8}]}]
    for schedule in (7, 8):
        pages[f"{SCHEDULES}/{schedule}/holidays"] = [{"holidays": [{"id": 10 + schedule, "start_date": "2026-01-19"}]}]
    pulls = pull()
    assert [record["id"] for record in records(pulls["sla_policies"])] == [1, 2]
    assert [(record["id"], record["schedule_id"]) for record in records(pulls["holidays"])] == [(17, 7), (18, 8)]
    assert "start_time" not in pulls["sla_policies"].manifest.request


OPTIONAL = {
    RATINGS: "satisfaction_ratings", USERS: "users", ORGANIZATIONS: "organizations",
    POLICIES: "sla_policies", SCHEDULES: "schedules", f"{SCHEDULES}/7/holidays": "holidays",
}  # fmt: skip


@pytest.mark.parametrize("path", OPTIONAL)
@pytest.mark.parametrize(
    ("status", "words"), [(403, "refuses the credentials"), (404, "answered 404"), (500, "has trouble"), (200, "JSON")]
)
def test_an_optional_stream_that_cannot_be_had_costs_itself_and_says_so(pages, pull, answer, path, status, words) -> None:
    pages[TICKETS] = [{"tickets": [ticket(1)], "end_of_stream": True}]
    pages[SCHEDULES] = [{"schedules": [{"id": 7}]}]
    pages[path] = [answer(b"<html>no</html>", status)]
    pulls = pull()
    told = {name: found.manifest.warnings for name, found in pulls.items() if found.manifest.warnings}
    assert list(told) == [OPTIONAL[path]]
    assert told[OPTIONAL[path]][0].startswith(f"{OPTIONAL[path]} were not pulled: zendesk: ")
    assert words in told[OPTIONAL[path]][0]
    assert pulls["tickets"].manifest.rows == 1


def test_half_an_optional_stream_is_not_landed_and_what_came_beside_the_tickets_is(pages, pull, answer) -> None:
    pages[TICKETS] = [{"tickets": [ticket(1)], "users": [{"id": 1, "name": "Ada"}], "end_of_stream": True}]
    pages[USERS] = [{"users": [{"id": 2, "name": "Bob"}], "after_cursor": "a", "end_of_stream": False}, answer(b"{}", 403)]
    users = pull()["users"]
    assert ([record["name"] for record in records(users)], len(users.manifest.warnings)) == (["Ada"], 1)


@pytest.mark.parametrize("path", [POLICIES, SCHEDULES])
def test_a_list_without_credentials_is_an_auth_error(pages, pull, answer, path) -> None:
    pages[path] = [answer(b"{}", 401)]
    with pytest.raises(SourceAuthError):
        pull()


@pytest.mark.parametrize("path", [TICKETS, EVENTS, TICKET_EVENTS])
def test_an_export_that_is_forbidden_is_an_auth_error(pages, pull, answer, path) -> None:
    pages[path] = [answer(b"{}", 403)]
    with pytest.raises(SourceAuthError):
        pull()


def test_a_list_that_goes_round_in_circles_is_given_up(pages, pull) -> None:
    pages[POLICIES] = lambda request: {"sla_policies": [], "next_page": f"https://x/?page={3 - int(request.query.get('page', 1))}"}
    policies = pull()["sla_policies"].manifest
    assert (policies.rows, "stands still" in policies.warnings[0]) == (0, True)


def test_a_cursor_list_ends_with_its_own_word(pages, pull) -> None:
    pages[POLICIES] = [{"sla_policies": [{"id": 1}], "meta": {"has_more": False}, "links": {"next": "https://x/?page[after]=a"}}]
    assert pull()["sla_policies"].manifest.rows == 1


def test_odd_records_are_landed_for_quarantine_and_break_no_page(pages, pull) -> None:
    pages[SCHEDULES] = [{"schedules": [{"id": 7}, None, {"name": "no id"}]}]
    pages[f"{SCHEDULES}/7/holidays"] = [{"holidays": ["new year"]}]
    pulls = pull()
    assert (pulls["schedules"].manifest.rows, pulls["holidays"].manifest.rows) == (3, 1)


def test_a_quiet_night_costs_nine_calls_five_of_them_incremental(pages, pull, api, budget) -> None:
    pages[SCHEDULES] = [{"schedules": [{"id": 7}]}]
    pull()
    assert budget.calls == len(api.requests) == 9
    assert len([request for request in api.requests if request.path in INCREMENTAL]) == 5


def test_every_attempt_is_taken_from_the_budget_and_a_told_wait_pauses_it(pages, pull, answer, budget) -> None:
    pages[TICKETS] = [answer(b"busy", 429, headers={"Retry-After": "0.01"}), answer(b"", 503), {"tickets": [], "end_of_stream": True}]
    pull()
    assert (budget.calls, budget.pauses) == (10, [0.01])


def test_the_last_call_of_the_limit_pauses_the_budget_until_the_reset(pages, pull, answer, budget) -> None:
    last = json.dumps({"tickets": [], "end_of_stream": True}).encode()
    pages[TICKETS] = [answer(last, headers={"X-Rate-Limit-Remaining": "0", "ratelimit-reset": "17"})]
    pages[EVENTS] = [answer(json.dumps({"ticket_metric_events": [], "end_of_stream": True}).encode(), headers={"ratelimit-remaining": "1"})]
    pull()
    assert budget.pauses == [17.0]


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
    assert landing.newest("zendesk", "shop", "ticket_metric_events", Dates.of(FIRST)) is None


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


def test_every_stream_of_the_simulator_is_what_its_story_tells(apis, sandbox_launches, landing, budget) -> None:
    launch = load_launch(sandbox_launches, "emr-platform")
    first, last, now = PLAN.date_of(-9), PLAN.date_of(90), CLOCK.timestamp()
    httpx.delete(f"{apis}/_sandbox/requests")
    pulls = {
        pull.manifest.stream: records(pull)
        for pull in extract(launch, get_connection(launch.zendesk.connection), Dates(first, last), landing, silent, budget)
    }
    tickets = all_tickets(PLAN, now - 60)
    told = [event for ticket in tickets for event in ticket_events(PLAN, ticket, now - 60, with_comments=True)]
    assert {event["id"]: event for event in pulls["ticket_events"]} == {event["id"]: event for event in told}
    people = {user["id"]: user for user in pulls["users"]}
    assert people == {user["id"]: user for user in support_records.users(PLAN, tickets, now - 60)}
    assert {ticket["requester_id"] for ticket in pulls["tickets"]} <= set(people)
    places = {each["id"]: each for each in pulls["organizations"]}  # founded before the window, all but one unchanged since
    assert places == {each["id"]: each for each in support_records.organizations(PLAN, now - 60)}
    assert {ticket["organization_id"] for ticket in pulls["tickets"]} == set(places)
    assert pulls["sla_policies"] == support_records.sla_policies(PLAN)
    assert pulls["schedules"] == support_records.schedules(PLAN, now)
    assert pulls["holidays"] == [{**each, "schedule_id": support_records.SCHEDULE} for each in support_records.holidays(PLAN)]
    assert budget.calls == httpx.get(f"{apis}/_sandbox/requests").json()["zendesk"]


def test_a_quiet_night_of_the_simulator_costs_nine_calls(apis, sandbox_launches, landing, budget) -> None:
    launch = load_launch(sandbox_launches, "emr-platform")
    night = PLAN.date_of(90)
    extract(launch, get_connection(launch.zendesk.connection), Dates.of(night), landing, silent, budget)
    assert budget.calls == 9
