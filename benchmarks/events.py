"""Lines of Mixpanel's raw export, made fast: what fakes/mixpanel.py serves, and the floor and the peer load too."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

from postlaunch.config.launch import Launch

FIRST_DAY = dt.date(2026, 3, 2)
DAYS = 10
PROPERTIES = 25
_PATTERN = (
    b'{"event": "Task Created", "properties": {"time": %d, "distinct_id": "user-%06d", "$insert_id": "%016x", '
    b'"mp_processing_time_ms": %d, %s}}'
)
_POOL = 4_000  # property texts are drawn from so many: far more than gzip's window of 32 KiB holds


def bench_launch(**sections: object) -> Launch:
    """A launch in UTC with the given sections."""
    owner = {"name": "Bench", "email": "bench@example.com"}
    return Launch.model_validate({"launch": "bench", "name": "Benchmark", "owner": owner, "date": FIRST_DAY, "timezone": "UTC", **sections})


def event_lines(day: dt.date, count: int, *, first_number: int = 0, properties: int = PROPERTIES) -> Iterator[bytes]:
    """`count` different events of a day, each with so many properties, without newline. The same for the same arguments."""
    chance = random.Random(f"{day} {first_number}")
    pool = _texts(chance, properties)
    start = int(dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC).timestamp())
    for number in range(first_number, first_number + count):
        moment = start + int(chance.random() * 86_400)
        user, text = int(chance.random() * 50_000), pool[int(chance.random() * _POOL)]
        yield _PATTERN % (moment, user, number, moment * 1000 + 4_000, text)


def write_days(folder: Path, events: int, *, days: int = DAYS, plain: Path | None = None) -> None:
    """`events` lines spread over `days` files <date>.jsonl.gz from FIRST_DAY; `plain`: the same lines unpacked, in one file."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    with (plain or Path("/dev/null")).open("wb") as copy:
        for number in range(days):
            count = events * (number + 1) // days - written
            day = FIRST_DAY + dt.timedelta(days=number)
            with gzip.open(folder / f"{day}.jsonl.gz", "wb", compresslevel=1) as file:
                for block in _blocks(event_lines(day, count, first_number=written)):
                    file.write(block)
                    copy.write(block)
            written += count


def _blocks(lines: Iterator[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == 2_000:
            yield b"\n".join(waiting) + b"\n"
            waiting = []
    if waiting:
        yield b"\n".join(waiting) + b"\n"


def _texts(chance: random.Random, properties: int) -> list[bytes]:
    names = [f"property_{index}" for index in range(properties - 4)]
    return [json.dumps({name: f"value {chance.randrange(1000)}" for name in names})[1:-1].encode() for _ in range(_POOL)]
