"""docs/reference/dags.md, generated from the docstrings of dags/*.py, which Airflow shows as the documentation of each DAG.

python -m postlaunch.orchestration.docs            writes the page
python -m postlaunch.orchestration.docs --check    exits with 1 if it is stale
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from postlaunch.config.settings import REPOSITORY

DAGS = REPOSITORY / "dags"
PAGE = REPOSITORY / "docs" / "reference" / "dags.md"
_COMMAND = "python -m postlaunch.orchestration.docs"
_HEAD = f"""# DAGs

<!-- Generated from dags/*.py by `{_COMMAND}`. Do not edit. -->

All clocks are UTC. A nightly run at 06:00 UTC works on each launch's *local* dates whose end, the local midnight, lies in its data
interval. The intervals tile, so a date belongs to exactly one run: backfilling seven days in the Airflow page (Trigger, Backfill) is
seven runs, and doing it again changes nothing. Nightly ingests follow a launch from 30 days before its date to 400 days after it;
`postlaunch ingest` takes any date.

| DAG | What it does |
|---|---|
"""


def docstring(file: Path) -> str:
    """The documentation of one DAG file. Raises ValueError if it has none."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    if not text:
        raise ValueError(f"{file}: has no docstring: say in it what the DAG does, when, what it does when run again, and what fixes it")
    return text


def page() -> str:
    """The whole page as Markdown."""
    documents = {file.stem: docstring(file) for file in sorted(DAGS.glob("*.py"))}
    rows = "".join(f"| [`{name}`](#{name}) | {text.splitlines()[0]} |\n" for name, text in documents.items())
    sections = "".join(f"\n## {name}\n\n{text}\n" for name, text in documents.items())
    return _HEAD + rows + sections


def main(arguments: list[str]) -> int:
    """Write the page, or compare it. Returns the exit code."""
    if "--check" not in arguments:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE} is stale: run `{_COMMAND}`", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
