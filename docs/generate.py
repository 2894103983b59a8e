"""Writes the reference pages that the code itself can tell: `make docs`. A test fails when one is stale.

cli.md from the command line, launch-files.md from the pydantic models, kpis.md from the KPI catalogue, marts.md from the dbt model files,
coverage.md from promises.csv.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any, get_args

import typer
import yaml

from postlaunch.cli import cli
from postlaunch.config.launch import Launch
from postlaunch.kpis.catalogue import DOMAINS, Kpi, catalogue

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE = REPOSITORY / "docs" / "reference"
DBT = REPOSITORY / "dbt_project"


def command_line() -> str:
    """Every command with its options and what it does."""
    lines = ["# The command line", "", "`postlaunch ...` runs every step by hand; the DAGs call the same functions.", ""]
    root = typer.main.get_command(cli)
    for name, command in _commands(root, "postlaunch"):
        lines += [f"## `{name}`", "", (command.help or "").strip(), ""]
        options = [param for param in command.params if param.name != "help"]
        if options:
            lines += ["| option | meaning |", "|---|---|"]
            lines += [f"| `{' / '.join([*param.opts, *param.secondary_opts])}` | {_meaning(param)} |" for param in options]
            lines.append("")
    return "\n".join(lines)


def _commands(command: Any, name: str) -> list[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [(name, command)]
    return [found for child in children for found in _commands(children[child], f"{name} {child}")]


def _meaning(param: Any) -> str:
    choices = get_args(param.type_descriptor.annotation)
    return str(param.help or f"one of {', '.join(map(str, choices))}").strip()


def launch_files() -> str:
    """Every section and key of a launch file."""
    lines = ["# Launch files", "", "One YAML file a launched product. `postlaunch launches check` validates them all.", ""]
    schema = Launch.model_json_schema()
    for name, section in [("Launch", schema), *schema["$defs"].items()]:
        lines += [f"## {name}", "", section.get("description", "").strip(), "", "| key | value | default |", "|---|---|---|"]
        required = section.get("required", [])
        for key, value in section.get("properties", {}).items():
            default = "required" if key in required else f"`{value.get('default')}`"
            lines.append(f"| `{key}` | {_type(value)} | {default} |")
        lines.append("")
    return "\n".join(lines)


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return " or ".join(_type(option) for option in value["anyOf"] if option.get("type") != "null")
    if "enum" in value:
        return ", ".join(f"`{option}`" for option in value["enum"])
    if "const" in value:
        return f"`{value['const']}`"
    if value.get("type") == "array":
        items = value.get("prefixItems")
        return f"[{', '.join(map(_type, items))}]" if items else f"list of {_type(value.get('items', {}))}"
    if value.get("type") == "object":
        return f"map to {_type(value.get('additionalProperties', {}))}"
    return str(value.get("format") or value.get("type", "any"))


def kpis() -> str:
    """The KPI catalogue."""
    lines = [
        "# KPIs",
        "",
        "Ids for `kpis:` in a launch file and for `kpi_id` in the marts; `of` is what a KPI can be of, beside the whole.",
        "",
    ]
    for domain in DOMAINS:
        lines += [f"## {domain.capitalize()}", "", "| KPI | name | what it is | made of | per period | of |", "|---|---|---|---|---|---|"]
        for kpi in (kpi for kpi in catalogue().values() if kpi.domain == domain):
            of = kpi.subject.kind if kpi.subject else ""
            meaning = f"{kpi.definition} ({kpi.unit}, {kpi.better} is better)"
            lines.append(f"| `{kpi.id}` | {kpi.name} | {meaning} | {_formula(kpi)} | {kpi.period_rule} | {of} |")
        lines.append("")
    lines += [
        "How days become a week, month or phase: `ratio` sum of numerators by sum of denominators, `uniques` as ratio, but who is",
        "counted on two days is counted once, `sum`, `mean` of the days that have a value, `last` day of the period, `quantile` of the",
        "merged buckets. A launch file adds `max` and `min` of the days, and `of_kpis`, one KPI of the period by another.",
        "What a KPI is made of are measures: `measure_id` of the mart `measures_daily`.",
        "",
    ]
    return "\n".join(lines)


def _formula(kpi: Kpi) -> str:
    if kpi.quantile is not None:
        return f"quantile {kpi.quantile:g} of `{kpi.buckets}`"
    numerator, denominator = (" + ".join(f"`{measure}`" for measure in part) for part in (kpi.numerator, kpi.denominator))
    return f"{numerator} / ({denominator})" if len(kpi.denominator) > 1 else f"{numerator} / {denominator}" if denominator else numerator


def marts() -> str:
    """Every published table with its columns."""
    lines = ["# Marts", "", "Published tables of schema `marts`; grain first.", ""]
    for file in sorted((DBT / "models" / "marts").rglob("*.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
            lines += [f"## `{model['name']}` ({file.parent.name})", "", " ".join(model["description"].split()), ""]
            lines += ["| column | type | meaning |", "|---|---|---|"]
            lines += [
                f"| `{column['name']}` | {column.get('data_type', '')} | {' '.join(column.get('description', '').split())} |"
                for column in model.get("columns", [])
            ]
            lines.append("")
    return "\n".join(lines)


STATUSES = {
    "live": "measured and judged against its number",
    "shown": "measured and shown; its document promises no number, or no share of it",
    "attested": "asked of a person at the signature of the verdict",
    "later": "said in the launch file and checked; nothing uses it yet",
}


def coverage() -> str:
    """What the documents of the launches in `launches/` promise, and where each promise stands."""
    with (REPOSITORY / "docs" / "promises.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "# Coverage",
        "",
        "Every promise of the five launch documents, and the place in the launch file that keeps it. How far each is kept:",
        "",
    ]
    lines += [f"- **{status}**: {meaning}." for status, meaning in STATUSES.items()]
    lines += ["", f"| launch | {' | '.join(STATUSES)} | promises |", f"|---|{'---|' * (len(STATUSES) + 1)}"]
    launches = list(dict.fromkeys(row["launch"] for row in rows))
    for launch in launches:
        own = [row["status"] for row in rows if row["launch"] == launch]
        lines.append(f"| {launch} | {' | '.join(str(own.count(status)) for status in STATUSES)} | {len(own)} |")
    for launch in launches:
        lines += [
            "",
            f"## {launch}",
            "",
            f"[launches/{launch}.yaml](../../launches/{launch}.yaml)",
            "",
            "| promise | where | kept |",
            "|---|---|---|",
        ]
        lines += [f"| {row['promise']} | {row['where']} | {row['status']} |" for row in rows if row["launch"] == launch]
    return "\n".join(lines)


PAGES = {"cli.md": command_line, "launch-files.md": launch_files, "kpis.md": kpis, "marts.md": marts, "coverage.md": coverage}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page().rstrip() + "\n", encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
