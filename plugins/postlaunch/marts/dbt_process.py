"""What runs in the process of dbt: `[changed:<input> | model:<name> ...] dbt <arguments>`, its events as JSON on standard output, an end
with its owner.

    {"name": "launches", "kind": "model", "status": "success", "seconds": 0.21, "number": 3, "total": 71}     as each node ends
    {"end": "success" | "failure", "reason": null | text, "failures": [[node, status, message], ...]}         last

With `changed:` arguments dbt builds only the models that are made of one of these inputs, by however many others; with `model:` arguments
only those.

What dbt says at level info or above (each model, each error) goes into dbt.log in the folder of `--log-path`; what it sends to PostgreSQL
is in target/run.

Standard input is a pipe that nobody writes to. It ends when the parent does, however that ends, and so does dbt: a killed task must
not leave a dbt behind that works for nobody.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import threading
from functools import cache
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

CHANGED = "changed:"
MODEL = "model:"
COVERAGE = "ops.partition_loads"
LOG = "dbt.log"
FAILED = ("error", "fail", "runtime error")
SKIPPED = ("skipped", "partial success")
_ENDED = ("LogModelResult", "LogTestResult")
_CHOSEN = "chosen"  # a tag that lives in memory alone
_LEVELS = {"info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_LOG_BYTES, _LOGS_KEPT = 10_000_000, 5  # as dbt keeps its own
_one_line = threading.Lock()
_log = logging.getLogger("postlaunch.dbt")


def main(arguments: list[str]) -> None:
    """Run dbt and report. Exits with 0 also when models fail: the last line tells."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.set_threshold(50_000, 20, 100)  # of millions of small objects few are in circles: Python looks for them all the time, and finds none
    from dbt.cli.main import dbtRunner

    changed, named = _values(CHANGED, arguments), _values(MODEL, arguments)
    arguments = [argument for argument in arguments if not argument.startswith((CHANGED, MODEL))]
    _log_to(Path(arguments[arguments.index("--log-path") + 1]))
    runner = dbtRunner(callbacks=[_report])
    if changed or named:
        command, *options = arguments
        parsed = runner.invoke(["parse", *options[: options.index("--exclude-resource-type")]])
        if parsed.success:
            manifest = runner.manifest = parsed.result  # it is not parsed twice
            chosen = named or set(models_made_of(changed, manifest))
            for node in manifest.nodes.values():
                if node.name in chosen:
                    node.tags.append(_CHOSEN)
            arguments = [command, *options, "--select", f"tag:{_CHOSEN}"]  # of two hundred names, each would be looked for among all nodes
    outcome = runner.invoke(arguments)
    results = list(getattr(outcome.result, "results", None) or [])
    reason = str(outcome.exception) if outcome.exception else None if results else "nothing was built"
    failures = [
        [result.node.name, str(result.status), str(result.message or "")] for result in results if str(result.status) in FAILED + SKIPPED
    ]
    _say({"end": "success" if outcome.success and results else "failure", "reason": reason, "failures": failures})


def _values(prefix: str, arguments: list[str]) -> set[str]:
    return {argument.removeprefix(prefix) for argument in arguments if argument.startswith(prefix)}


def models_made_of(changed: set[str], manifest: Any) -> list[str]:
    """Names of the models that would come out otherwise, in dbt's manifest: one of their inputs is in `changed`.

    A domain model asks only its own source which dates are covered (a test holds it to that), so coverage that comes by other sources does
    not change it; what is made of coverage alone is run always. A view is made again when what it reads is: a table that is made again
    takes the views of it along.
    """
    models = {node.unique_id: node for node in manifest.nodes.values() if node.resource_type == "model"}

    @cache
    def inputs(unique_id: str) -> frozenset[str]:
        if unique_id not in models:
            return _input(manifest.sources[unique_id]) if unique_id in manifest.sources else frozenset()
        return frozenset().union(*(inputs(parent) for parent in models[unique_id].depends_on.nodes))

    @cache
    def is_made_anew(unique_id: str) -> bool:
        if unique_id not in models:
            return False
        node, made_of = models[unique_id], inputs(unique_id)
        if node.config.materialized == "view":
            return any(is_made_anew(parent) for parent in node.depends_on.nodes)
        is_coverage = COVERAGE in made_of and not any("." not in name for name in made_of)
        return is_coverage or not made_of.isdisjoint(changed)

    return [node.name for unique_id, node in models.items() if is_made_anew(unique_id)]


def _input(source: Any) -> frozenset[str]:
    """A raw table is the source in whose folder of models/staging it is declared; the accounts of builds only tell of other changes."""
    folder = Path(source.original_file_path).parent.name
    if folder not in ("config", "ops"):
        return frozenset([folder])
    name = f"{folder}.{source.name}"
    return frozenset([name]) if folder == "config" or name == COVERAGE else frozenset()


def _log_to(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(folder / LOG, maxBytes=_LOG_BYTES, backupCount=_LOGS_KEPT, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s [%(levelname)s] %(message)s"))
    _log.addHandler(file)
    _log.setLevel(logging.INFO)
    _log.propagate = False  # standard output is the protocol


def _report(event: Any) -> None:
    if event.info.level in _LEVELS and event.info.msg:
        _log.log(_LEVELS[event.info.level], "%s", event.info.msg)
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
