"""What four sources know of one launch, drawn from a seed: it goes on by moments, whatever zone the launch file says.

    Mixpanel     events of few users with several devices and names, merges of each kind, some told nights late; profiles that change
    Zendesk      tickets that are answered, paused, solved, reopened, merged, deleted, given another priority or brand; some told late
    PagerDuty    incidents that are acknowledged, escalated, merged, resolved (often nights later) and resolved once more
    Prometheus   series with resets, gaps and lost targets; a date that is pulled again may say something else

Small on purpose, so that everything meets everything.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Callable, Iterator
from typing import Any

from postlaunch.config.launch import PrometheusMetric

Record = dict[str, Any]
HOUR, DAY = 3600, 86400
DEVICES = [f"d{number}" for number in range(12)]
USERS = [f"u{number}" for number in range(8)]
NAMES = ("A", "A", "B", "B", "C", "$mp_click")
PRIORITIES = ("urgent", "high", "normal", "low", None)
NAMES_OF_PRIORITIES = ("P1", "P2", "sev-3", "Odd", None)
SERVICES = ("PS1", "PS2", "PS3")
CLOCKS = ("reply_time", "requester_wait_time", "agent_work_time", "pausable_update_time", "periodic_update_time")
BUCKETS = ("0.1", "0.5", "2.5", "+Inf")
LABELS: dict[str, list[dict[str, str]]] = {
    "requests": [{"code": "200"}, {"code": "404"}, {"code": "503"}],
    "latency_buckets": [{"le": bound} for bound in BUCKETS],
    "histogram": [{"le": bound} for bound in BUCKETS],
}


def iso(moment: float) -> str:
    """As the APIs write a moment."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """One launch. `advance` goes on to a moment; what each source then tells is asked with the moments or what was told before."""

    def __init__(self, seed: str, start: dt.datetime) -> None:
        """Nothing has happened yet."""
        self.random = random.Random(seed)
        self._seed = seed
        self.start = self.horizon = start.timestamp()
        self.events: list[Record] = []
        self.profiles: dict[str, Record] = {}
        self._tickets: dict[int, Record] = {}
        self._incidents: dict[str, Record] = {}
        self._clocks: dict[int, dict[str, tuple[str, int]]] = {}  # ticket -> metric -> state and instance
        self._number = 0
        self._untold: dict[str, list[Record]] = {}  # stream -> records that its next pull brings

    def advance(self, until: dt.datetime) -> None:
        """Everything that happens up to a moment."""
        before, self.horizon = self.horizon, until.timestamp()
        share = (self.horizon - before) / DAY
        for _ in range(round(share * self.random.randint(25, 55))):
            self._event(self._between(before))
        for moment in sorted(self._between(before) for _ in range(round(share * self.random.randint(0, 4)))):
            self._open_ticket(moment)
        for ticket in list(self._tickets.values()):
            if self.random.random() < 0.35 * min(share, 2):
                self._act_on(ticket, self._between(max(before, ticket["_last"])))
        for moment in sorted(self._between(before) for _ in range(round(share * self.random.choice((0, 1, 1, 2))))):
            self._trigger(moment)
        for incident in list(self._incidents.values()):
            if self.random.random() < 0.5 * min(share, 2):
                self._respond_to(incident, self._between(max(before, incident["_last"])))

    def _between(self, start: float) -> int:
        """A moment up to the horizon; often on a full hour, so that many things share one."""
        moment = int(self.random.uniform(start, self.horizon - 1))
        rounded = moment // HOUR * HOUR
        return rounded if rounded >= start and self.random.random() < 0.5 else moment

    def _next(self) -> int:
        self._number += 1
        return self._number

    # --- Mixpanel -------------------------------------------------------------------------------------------------------------
    def _event(self, moment: int) -> None:
        name, distinct_id, told = self._identity()
        carried = {
            "score": self.random.choice((0, 1, 4, 5, 7, 9, 10, 4.257, "9", "five", None)),
            "plan": self.random.choice(("pro", "free")),
        }
        if self.random.random() < 0.2:
            carried = {}
        properties = {"time": moment, "$insert_id": f"i{self._next()}", **carried, **told}
        if distinct_id is not None:
            properties["distinct_id"] = distinct_id
        self.events.append({"event": name, "properties": properties})

    def _identity(self) -> tuple[str, str | None, dict[str, Any]]:
        draw = self.random.choice
        device, user, name = draw(DEVICES), draw(USERS), draw(NAMES)
        other = draw([*USERS, "alias", f"$device:{draw(DEVICES)}"])
        ways: list[tuple[str, str | None, dict[str, Any]]] = [
            *[(name, user, {"$user_id": user})] * 8,
            *[(name, f"$device:{device}", {"$device_id": device})] * 5,
            (name, user, {"$device_id": device, "$user_id": user}),
            (name, device, {"$device_id": device}),
            (name, None, {}),
            (name, "alias", {}),
        ]
        if self.random.random() < 0.06:
            ways = [
                ("$identify", user, {"$identified_id": user, "$anon_id": device}),
                ("$create_alias", user, {"alias": other}),
                ("$merge", user, {"$distinct_ids": [user, other]}),
            ]
        return draw(ways)

    def come_late(self) -> list[dt.datetime]:
        """Some events of former dates, as a client sends them that was offline; their moments."""
        first = max(self.start, self.horizon - self.random.choice((2, 4, 4, 30)) * DAY)
        told = len(self.events)
        for _ in range(self.random.randint(1, 6)):
            self._event(self._between(first))
        return [dt.datetime.fromtimestamp(event["properties"]["time"], dt.UTC) for event in self.events[told:]]

    def lose(self, is_lost: Callable[[dt.datetime], bool], share: float) -> None:
        """Events of certain moments are gone: deleted at the source."""
        self.events = [
            event
            for event in self.events
            if not is_lost(dt.datetime.fromtimestamp(event["properties"]["time"], dt.UTC)) or self.random.random() >= share
        ]

    def change_profiles(self) -> list[Record]:
        """The profiles that are others than before."""
        changed = self.random.sample([*USERS, "alias", f"$device:{DEVICES[0]}"], 3)
        for own in changed:
            seats = self.random.choice((1, 5, "7.0", None))
            self.profiles[own] = {"id": own, "properties": {"plan": self.random.choice(("pro", "free", "team")), "seats": seats}}
        return [self.profiles[own] for own in changed]

    # --- Zendesk --------------------------------------------------------------------------------------------------------------
    def _open_ticket(self, moment: int) -> None:
        number = self._next()
        priority = self.random.choice(PRIORITIES)
        self._tickets[number] = {
            "id": number, "created_at": iso(moment), "priority": priority, "status": "new", "tags": [],
            "brand_id": self.random.choice((1, 1, 2)), "metric_set": {"solved_at": None}, "_last": moment, "_changes": 0,
        }  # fmt: skip
        self._clocks[number] = {}
        self._touch(number, moment, "new", [{"event_type": "Create", "status": "new", "priority": priority}])
        for metric in CLOCKS[:3]:
            self._clock(number, metric, "activate", moment)

    def _act_on(self, ticket: Record, moment: int) -> None:
        number, is_solved = ticket["id"], ticket["status"] in ("solved", "closed")
        if ticket["status"] == "deleted":
            return
        acts = [self._reopen, self._close, self._close_by_merge] if is_solved else [
            self._reply, self._reply, self._pause, self._solve, self._solve, self._prioritise, self._prioritise, self._close_by_merge,
        ]  # fmt: skip
        acts += [self._delete] if self.random.random() < 0.15 else [self._change_brand] if self.random.random() < 0.1 else []
        self.random.choice(acts)(number, moment)

    def _reply(self, number: int, moment: int) -> None:
        self._clock(number, "reply_time", "fulfill", moment)
        for metric in CLOCKS[3:]:
            self._clock(number, metric, "fulfill", moment)
            self._clock(number, metric, "activate", moment)
        if self.random.random() < 0.5:
            self._clock(number, "reply_time", "activate", min(moment + HOUR, int(self.horizon) - 1))
        self._touch(number, moment, "open", [{"event_type": "Change", "status": "open", "previous_value": "new"}])

    def _pause(self, number: int, moment: int) -> None:
        if self._tickets[number]["status"] == "pending":
            self._clock(number, "requester_wait_time", "activate", moment)
            self._touch(number, moment, "open", [{"event_type": "Change", "status": "open", "previous_value": "pending"}])
            return
        self._clock(number, "requester_wait_time", "pause", moment)
        self._clock(number, "agent_work_time", "pause", moment)
        self._touch(number, moment, "pending", [{"event_type": "Change", "status": "pending", "previous_value": "open"}])

    def _solve(self, number: int, moment: int) -> None:
        for metric in CLOCKS:
            self._clock(number, metric, "fulfill", moment)
        before = self._tickets[number]["status"]
        self._tickets[number]["metric_set"]["solved_at"] = iso(moment)
        self._touch(number, moment, "solved", [{"event_type": "Change", "status": "solved", "previous_value": before}])

    def _reopen(self, number: int, moment: int) -> None:
        for metric in CLOCKS[:3]:
            self._clock(number, metric, "activate", moment)
        self._touch(number, moment, "open", [{"event_type": "Change", "status": "open", "previous_value": "solved"}])

    def _close(self, number: int, moment: int) -> None:
        self._touch(number, moment, "closed", [{"event_type": "Change", "status": "closed", "previous_value": "solved"}])

    def _close_by_merge(self, number: int, moment: int) -> None:
        self._tickets[number]["tags"] = ["closed_by_merge"]
        self._solve(number, moment)
        self._touch(number, moment, "closed", [])

    def _prioritise(self, number: int, moment: int) -> None:
        ticket = self._tickets[number]
        before, ticket["priority"] = ticket["priority"], self.random.choice(PRIORITIES)
        self._touch(number, moment, ticket["status"], [{"event_type": "Change", "priority": ticket["priority"], "previous_value": before}])

    def _change_brand(self, number: int, moment: int) -> None:
        self._tickets[number]["brand_id"] = 3 - self._tickets[number]["brand_id"]
        self._touch(number, moment, self._tickets[number]["status"], [])

    def _delete(self, number: int, moment: int) -> None:
        self._touch(number, moment, "deleted", [])

    def _touch(self, number: int, moment: int, status: str, children: list[Record]) -> None:
        ticket = self._tickets[number]
        moment = max(moment, ticket["_last"])
        ticket["_changes"] += 1
        ticket.update(status=status, updated_at=iso(moment), _last=moment, generated_timestamp=moment + ticket["_changes"])
        ticket["metric_set"]["status_updated_at"] = iso(moment)
        self._tell("tickets", ticket)
        if children:
            told = {"id": self._next(), "ticket_id": number, "created_at": iso(moment), "timestamp": moment, "child_events": children}
            self._tell("ticket_events", told)

    def _clock(self, number: int, metric: str, kind: str, moment: int) -> None:
        state, instance = self._clocks[number].get(metric, ("ended", 0))
        if kind == "activate":
            instance += state == "ended"
            state = "running"
        elif state == "ended":
            return
        else:
            state = "ended" if kind == "fulfill" else "paused"
        self._clocks[number][metric] = (state, instance)
        event = {"id": self._next(), "ticket_id": number, "metric": metric, "instance_id": instance, "type": kind, "time": iso(moment)}
        self._tell("ticket_metric_events", event)

    # --- PagerDuty ------------------------------------------------------------------------------------------------------------
    def _trigger(self, moment: int) -> None:
        number = self._next()
        own, service = f"Q{number}", self.random.choice(SERVICES)
        self._incidents[own] = {
            "id": own, "incident_number": number, "title": f"Trouble {number}", "created_at": iso(moment), "status": "triggered",
            "service": {"id": service, "summary": f"Service {service}"}, "resolved_at": None, "resolve_reason": None, "_last": moment,
        }  # fmt: skip
        self._prioritise_incident(self._incidents[own])
        self._log(own, "trigger_log_entry", moment, "triggered")

    def _prioritise_incident(self, incident: Record) -> None:
        name = self.random.choice(NAMES_OF_PRIORITIES)
        incident["priority"] = name and {"id": f"PP{name}", "summary": name}

    def _respond_to(self, incident: Record, moment: int) -> None:
        own, chance = incident["id"], self.random.random()
        if self.random.random() < 0.2:
            self._prioritise_incident(incident)
            self._log(own, "priority_change_log_entry", moment, incident["status"])
        elif incident["status"] == "resolved":
            if chance < 0.15:
                incident.update(resolved_at=None, resolve_reason=None)
                self._log(own, "reopen_log_entry", moment, "triggered")
        elif chance < 0.35:
            self._log(own, "acknowledge_log_entry", moment, "acknowledged")
        elif chance < 0.5:
            self._log(own, "escalate_log_entry", moment, incident["status"])
        else:
            if chance > 0.85:
                survivor = self.random.choice([other for other in [*self._incidents, "QFOREIGN"] if other != own])
                incident["resolve_reason"] = {"type": "merge_resolve_reason", "incident": {"id": survivor}}
            incident["resolved_at"] = iso(moment)
            self._log(own, "resolve_log_entry", moment, "resolved")

    def _log(self, own: str, kind: str, moment: int, status: str) -> None:
        incident = self._incidents[own]
        moment = max(moment, incident["_last"])
        if status != incident["status"]:
            incident["last_status_change_at"] = iso(moment)
        incident.setdefault("last_status_change_at", iso(moment))
        incident.update(status=status, updated_at=iso(moment + self.random.randint(0, 2)), _last=moment)
        self._tell("incidents", incident)
        self._tell("log_entries", {"id": f"R{self._next()}", "type": kind, "created_at": iso(moment), "incident": {"id": own}})

    # --- what a pull of windows brings ------------------------------------------------------------------------------------------
    def _tell(self, stream: str, record: Record) -> None:
        self._untold.setdefault(stream, []).append({name: value for name, value in record.items() if not name.startswith("_")})

    def pull(self, stream: str) -> list[Record]:
        """Records of a stream that are new or changed; some come with the next pull alone."""
        due, self._untold[stream] = self._untold.get(stream, []), []
        told = []
        for record in due:
            is_late = self.random.random() < 0.08
            (self._untold[stream] if is_late else told).append(record)
        return told

    # --- Prometheus -----------------------------------------------------------------------------------------------------------
    def samples(self, metric: PrometheusMetric, points: range, version: str) -> Iterator[Record]:
        """Blocks of a metric at its points. Another `version` of the same date has other gaps and values."""
        chance = random.Random(f"{self._seed}{metric.metric_id}{version}")
        for instance in ("a", "b"):
            own = instance if chance.random() < 0.96 else "c"  # another machine took its place
            is_lost = chance.random() < 0.05
            for labels in LABELS.get(metric.kind, [{}]):
                series = {"job": "web", "instance": own, **labels}
                values = [
                    [moment, self._value(metric.kind, series, moment, chance)]
                    for moment in points
                    if not is_lost and chance.random() < 0.95
                ]
                if values:
                    yield {"metric_id": metric.metric_id, "labels": series, "values": values}

    def _value(self, kind: str, series: dict[str, str], moment: int, chance: random.Random) -> str:
        if kind == "up":
            return "0" if chance.random() < 0.06 else "1"
        hours = (moment - self.start) / HOUR
        if kind in ("resource", "gauge"):
            return repr(round(0.2 + hours / 4000 + 0.05 * chance.random(), 6))
        digest = hashlib.sha256(f"{self._seed}{kind}{series}".encode()).digest()
        since_reset = hours % (30 + digest[0] % 40)
        rate = {"0.1": 50, "0.5": 80, "2.5": 95, "+Inf": 100}.get(series.get("le", ""), 10 + digest[1] % 90)
        return str(int(since_reset * rate))
