"""What PostgreSQL's processes cost: CPU seconds of all of them together, and of single statements from the server's log.

On a machine that others use too, a clock says how busy they are; CPU seconds say what the work was.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_USAGE = re.compile(r"!\s+([\d.]+) s user, ([\d.]+) s system")
_STATISTICS = re.compile(r"(?:QUERY|(?:PARSE|BIND|EXECUTE) MESSAGE) STATISTICS")
_AUTOMATIC = re.compile(r'automatic [\w ]+ of table "(\w+)\..*?CPU: user: ([\d.]+) s, system: ([\d.]+) s', re.DOTALL)
_NODE = re.compile(r'"node_id": "model\.\w+\.(\w+)"')


def cpu_seconds(postmaster: int) -> float:
    """CPU seconds of a server's processes so far: those that run, and those that have ended and were waited for."""
    own, ended = _times(Path(f"/proc/{postmaster}/stat"))
    return own + ended + sum(_times(path)[0] for path in _children(postmaster))


def model_seconds(log: str) -> dict[str, float]:
    """CPU seconds of each dbt model, from a part of a server's log that was written with `log_statement_stats`."""
    found: dict[str, float] = defaultdict(float)
    for entry in log.split("QUERY STATISTICS")[1:]:
        usage, node = _USAGE.search(entry), _NODE.search(entry)
        if usage and node:
            found[node[1]] += float(usage[1]) + float(usage[2])
    return dict(found)


def autovacuum_seconds(log: str) -> dict[str, float]:
    """CPU seconds of autovacuum's workers by database, from a part of a log written with `log_autovacuum_min_duration = 0`."""
    found: dict[str, float] = defaultdict(float)
    for database, user, system in _AUTOMATIC.findall(log):
        found[database] += float(user) + float(system)
    return dict(found)


def statement_seconds(log: str, mentioned: re.Pattern[str]) -> float:
    """CPU seconds of the statements that mention something and are of no dbt model, from a part of a log like the above.

    A statement with parameters is told in three parts: parsed, bound, executed.
    """
    entries = [entry for entry in _STATISTICS.split(log)[1:] if mentioned.search(entry) and not _NODE.search(entry)]
    return sum(float(usage[1]) + float(usage[2]) for usage in map(_USAGE.search, entries) if usage)


def _children(parent: int) -> Iterator[Path]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _field(folder / "stat", 1) == parent:
            yield folder / "stat"


def _times(path: Path) -> tuple[float, float]:
    """CPU seconds of a process itself, and of its children that have ended."""
    user, system, ended_user, ended_system = (_field(path, number) for number in (11, 12, 13, 14))
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + system) / ticks, (ended_user + ended_system) / ticks


def _field(path: Path, number: int) -> int:
    """A field of /proc/<pid>/stat, counted after the name; 0 for a process that has just ended."""
    try:
        return int(path.read_text().rpartition(")")[2].split()[number])
    except (FileNotFoundError, ProcessLookupError):
        return 0
