"""The raw export over a folder of days: <date>.jsonl.gz, sent one behind the other, which is one gzip stream."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from benchmarks.serve import Answer, Reply, Request


def make(folder: str) -> Answer:
    """Answer with the days that are asked for; a day without a file is a quiet day."""

    def answer(request: Request) -> Reply:
        day, last = (dt.date.fromisoformat(request.parameters[name]) for name in ("from_date", "to_date"))
        files: list[Path] = []
        while day <= last:
            file = Path(folder) / f"{day}.jsonl.gz"
            if file.exists():
                files.append(file)
            day += dt.timedelta(days=1)
        return Reply(b"", tuple(files), headers={"Content-Type": "text/plain", "Content-Encoding": "gzip"} if files else {})

    return answer
