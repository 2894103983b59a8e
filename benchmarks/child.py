"""One ingest or reload in a fresh process: its seconds, CPU seconds and peak memory are those of the ingesting process alone.

    measured("mixpanel", launch, first, last, {**warehouse, **api.env})                  extract and load
    measured("mixpanel", launch, first, last, warehouse, action="load")                  the second half, from the landing zone

The clock starts after imports and stops when the rows are committed. The peak is that of the whole life of the process, interpreter and
imports included. It is read from /proc where there is one: `ru_maxrss` of a process starts with the size of the one that started it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from postlaunch import ingest as pipeline
from postlaunch.config.launch import Launch, Source
from postlaunch.config.settings import REPOSITORY
from postlaunch.sources.registry import SPECS

Action = Literal["ingest", "load"]
_OURS = ("AIRFLOW_CONN_POSTLAUNCH_", "POSTLAUNCH_")


@dataclass(frozen=True)
class Measured:
    """What one ingest cost, and what it did. Counts are rows (samples for Prometheus)."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    landed: int
    loaded: int
    duplicates: int
    quarantined: int


def measured(
    source: Source, launch: Launch, first: dt.date, last: dt.date, env: Mapping[str, str], *, action: Action = "ingest"
) -> Measured:
    """Run one action on the inclusive dates in a fresh process. `env`: connections and landing zone; nothing else of ours is inherited.

    Raises RuntimeError with the last line that the process said, if it fails.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    task = {"source": source, "launch": launch.model_dump(mode="json"), "first": str(first), "last": str(last), "action": action}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.child"],
        check=False, input=json.dumps(task), capture_output=True, text=True, env={**inherited, **env}, cwd=REPOSITORY,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise RuntimeError(f"{action} of {source} failed: {said[-1]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def peak_mib() -> float:
    """The most memory that this process ever held."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, IndexError):
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main() -> None:
    """Do what stdin says and print what it took."""
    task = json.load(sys.stdin)
    run = pipeline.load if task["action"] == "load" else pipeline.ingest
    launch = Launch.model_validate(task["launch"])
    _ = SPECS[task["source"]].extract  # imports the source's client library
    started, used = time.perf_counter(), time.process_time()
    result = run(task["source"], launch, dt.date.fromisoformat(task["first"]), dt.date.fromisoformat(task["last"]))
    found = Measured(
        seconds=time.perf_counter() - started,
        cpu_seconds=time.process_time() - used,
        peak_mib=peak_mib(),
        landed=result.landed,
        loaded=result.loaded,
        duplicates=result.duplicates,
        quarantined=result.quarantined,
    )
    print(json.dumps(asdict(found)))  # noqa: T201


if __name__ == "__main__":
    main()
