"""What runs in the process of dbt: `dbt <arguments>`, its events as lines of JSON on standard output, its end with its parent's.

    {"name": "launches", "kind": "model", "status": "success", "seconds": 0.21, "number": 3, "total": 71}     as each node ends
    {"end": "success" | "failure", "reason": null | text, "failures": [[node, status, message], ...]}         last

Standard input is a pipe that nobody writes to. It ends when the parent does, however that ends, and so does dbt: a killed task must
not leave a dbt behind that works for nobody.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

FAILED = ("error", "fail", "runtime error")
SKIPPED = ("skipped", "partial success")
_ENDED = ("LogModelResult", "LogTestResult")
_one_line = threading.Lock()


def main(arguments: list[str]) -> None:
    """Run dbt and report. Exits with 0 also when models fail: the last line tells."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner(callbacks=[_report]).invoke(arguments)
    results = list(getattr(outcome.result, "results", None) or [])
    reason = str(outcome.exception) if outcome.exception else None if results else "nothing was built"
    failures = [
        [result.node.name, str(result.status), str(result.message or "")] for result in results if str(result.status) in FAILED + SKIPPED
    ]
    _say({"end": "success" if outcome.success and results else "failure", "reason": reason, "failures": failures})


def _report(event: Any) -> None:
    if event.info.name in _ENDED:
        total = getattr(event.data, "total", None) or event.data.num_models  # dbt calls it so for tests
        node = event.data.node_info
        _say(
            {
                "name": node.node_name,
                "kind": node.resource_type,
                "status": node.node_status,  # `event.data.status` is what the database said: INSERT 0 21
                "seconds": round(event.data.execution_time, 3),
                "number": event.data.index,
                "total": total,
            }
        )


def _say(message: dict[str, Any]) -> None:
    with _one_line:  # dbt reports from each of its threads
        print(json.dumps(message), flush=True)  # noqa: T201  (the protocol with run_dbt)


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
