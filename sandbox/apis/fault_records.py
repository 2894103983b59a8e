"""Faults in what an answer says: its records, whatever the API, are read as a list, changed, and written back.

A record is an event (Mixpanel), an object of the list (Zendesk, PagerDuty) or a series with its samples (Prometheus).
What is broken stands beside the true records, never instead of them: who skips the broken ones has everything.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from typing import Any

import orjson

from sandbox.apis.fault_wire import Api

FIELDS: dict[Api, str] = {
    "mixpanel": "site",
    "zendesk": "subject",
    "pagerduty": "summary",
    "prometheus": "values",
}  # what a schema change hits
NEW_FIELD = {"nested": [1, "two"]}
FUTURE = dt.timedelta(days=400)

_TIMES = ("time", "created_at", "updated_at", "generated_timestamp", "last_status_change_at")
_BROKEN_LINE = b'{"event": "Broken", "properties": {"time": 17'

Records = list[Any]
Change = Callable[[Api, Records], Records]


def changed(api: Api, body: bytes, change: Change) -> bytes:
    """A body with other records; as it is if it has none."""
    document: Any = None
    if api == "mixpanel":
        records: Records = [orjson.loads(line) for line in body.splitlines()]
    else:
        document = orjson.loads(body)
        records = listed(document)
    if not records:
        return body
    new = change(api, copy.deepcopy(records))
    if api == "mixpanel":
        return b"".join((each if isinstance(each, bytes) else orjson.dumps(each)) + b"\n" for each in new)
    records[:] = new
    return orjson.dumps(document)


def listed(document: Any) -> Records:
    """The records of a JSON answer, in place: the first list that it names; none in the answer for one record."""
    if "data" in document:
        document = document["data"]
    return next((value for value in document.values() if isinstance(value, list)), []) if isinstance(document, dict) else []


def malformed(api: Api, records: Records) -> Records:
    """One record more, in the middle, that is not JSON (Mixpanel) or not an object."""
    return _with(records, _BROKEN_LINE if api == "mixpanel" else "this is not a record")


def without_id(api: Api, records: Records) -> Records:
    """One record more that lacks its identity: `id`, the name of the event, or the labels of the series."""
    record = copy.deepcopy(records[len(records) // 2])
    record.pop({"mixpanel": "event", "prometheus": "metric"}.get(api, "id"), None)
    return _with(records, record)


def bad_time(api: Api, records: Records) -> Records:
    """One record (sample) more whose time nobody can read."""
    return _with_time(api, records, "yesterday", "yesterday")


def future(api: Api, records: Records) -> Records:
    """One record (sample) more, of a day that has not come."""
    moment = dt.datetime.now(dt.UTC) + FUTURE
    return _with_time(api, records, f"{moment:%Y-%m-%dT%H:%M:%SZ}", int(moment.timestamp()))


def repeated(_: Api, records: Records) -> Records:
    """Every record twice."""
    return [*records, *records]


def half_repeated(_: Api, records: Records) -> Records:
    """The later half of the records twice."""
    return [*records, *records[len(records) // 2 :]]


def new_field(api: Api, records: Records) -> Records:
    """A field that nobody announced in every record."""
    for record in records:
        _fields(api, record)["sandbox_field"] = NEW_FIELD
    return records


def changed_type(api: Api, records: Records) -> Records:
    """A text field becomes a list in every record; Prometheus' values, which are texts, become numbers."""
    for record in records:
        fields, name = _fields(api, record), FIELDS[api]
        if api == "prometheus":
            fields[name] = [[time, value if value.lstrip("+-")[:1].isalpha() else float(value)] for time, value in fields[name]]
        elif name in fields:
            fields[name] = [fields[name]]
    return records


def missing_field(api: Api, records: Records) -> Records:
    """A field vanishes from every record; from Prometheus' series their values, as from those of native histograms."""
    for record in records:
        _fields(api, record).pop(FIELDS[api], None)
    return records


def _fields(api: Api, record: Any) -> dict[str, Any]:
    fields: dict[str, Any] = record["properties"] if api == "mixpanel" else record
    return fields


def _with(records: Records, one_more: Any) -> Records:
    middle = len(records) // 2
    return [*records[:middle], one_more, *records[middle:]]


def _with_time(api: Api, records: Records, text: str, seconds: Any) -> Records:
    if api == "prometheus":
        records[0]["values"] = [*records[0]["values"], [seconds, "1"]]
        return records
    record = copy.deepcopy(records[len(records) // 2])
    fields = _fields(api, record)
    identity = "$insert_id" if api == "mixpanel" else "id"
    fields[identity] = fields[identity] + 900_000_000 if isinstance(fields[identity], int) else f"{fields[identity]}X"
    for name in fields.keys() & set(_TIMES):
        fields[name] = text if isinstance(fields[name], str) else seconds
    return _with(records, record)
