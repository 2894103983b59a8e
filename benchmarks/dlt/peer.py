"""dlt over the same export: HTTP -> arrow tables, a column for every property -> PostgreSQL. Nothing is checked, landed or accounted for.

    .local/bench-dlt/bin/python benchmarks/dlt/peer.py <export url> <postgres uri> <working folder> <format> <disposition>

Stands alone and runs in an environment of its own. `format`: what dlt loads from: csv (COPY), parquet (ADBC) or insert_values (its default
for PostgreSQL). `disposition`: append, or merge, which removes repeated events. Prints {"seconds", "rows", "peak_mib"} as JSON; the clock
starts after the imports.

Tried and slower: the properties as one JSON column, one worker a step, files of 50,000 rows and more.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "4",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "DATA_WRITER__FILE_MAX_ITEMS": "20000",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
}
os.environ.update(SETTINGS)  # dlt reads them when it is imported

import dlt  # type: ignore[import-not-found]  # noqa: E402
import orjson  # noqa: E402
import pyarrow as pa  # type: ignore[import-not-found]  # noqa: E402

BATCH_LINES = 20_000
READ_BYTES = 1 << 20
KEY = ["event", "distinct_id", "time", "$insert_id"]


def main(url: str, destination: str, folder: str, file_format: str, disposition: str) -> None:
    """Load the export once and say what it took."""
    os.environ["DLT_DATA_DIR"] = folder
    started = time.perf_counter()
    events = dlt.resource(tables(url), name="events", write_disposition=disposition, primary_key=KEY if disposition == "merge" else None)
    target = dlt.destinations.postgres(destination)
    pipeline = dlt.pipeline("bench", pipelines_dir=f"{folder}/pipelines", destination=target, dataset_name="dlt")
    pipeline.run(events, loader_file_format=file_format)
    seconds = time.perf_counter() - started
    with pipeline.sql_client() as client:
        rows = client.execute_sql("select count(*) from events")[0][0]
    peak = int(Path("/proc/self/status").read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "rows": rows, "peak_mib": peak}))  # noqa: T201


def tables(url: str) -> Iterator[Any]:
    """Arrow tables of the export, a column for every property."""
    for lines in batches(url):
        yield pa.Table.from_pylist([{"event": event["event"], **event["properties"]} for event in map(orjson.loads, lines)])


def batches(url: str) -> Iterator[list[bytes]]:
    """The lines of the export as they come."""
    unzip, rest, waiting = zlib.decompressobj(wbits=31), b"", list[bytes]()
    with urllib.request.urlopen(url) as answer:  # noqa: S310  the caller's own server
        while block := answer.read(READ_BYTES):
            while block:
                lines = (rest + unzip.decompress(block)).split(b"\n")
                rest = lines.pop()
                waiting += lines
                block = unzip.unused_data
                if unzip.eof:
                    unzip = zlib.decompressobj(wbits=31)
            while len(waiting) >= BATCH_LINES:
                yield waiting[:BATCH_LINES]
                waiting = waiting[BATCH_LINES:]
    if waiting:
        yield waiting


if __name__ == "__main__":
    main(*sys.argv[1:])
