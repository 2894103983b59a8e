"""docs/reference/extending.md lists every file that something new touches: held against what today's things touch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path("docs/reference/extending.md").read_text(encoding="utf-8")
CODE = [*Path("plugins/postlaunch").rglob("*.py"), *Path("dags").glob("*.py")]


def listed(section: str) -> set[str]:
    """The paths that a section names."""
    text = PAGE.split(f"\n## {section}")[1].split("\n## ")[0]
    return set(re.findall(r"`([\w./<>*-]+/[\w./<>*-]*|\.env\.example)`", text))


def naming(word: str) -> set[str]:
    """Files of the product that name a thing."""
    return {str(file) for file in CODE if re.search(word, file.read_text(encoding="utf-8"))}


def unlisted(found: set[str], section: str, **words: str) -> set[str]:
    patterns = listed(section)
    for word, meant in words.items():
        patterns = {pattern.replace(f"<{word}>", meant) for pattern in patterns}
    return {file for file in found if not any(Path(file).match(pattern.rstrip("/")) for pattern in patterns)}


def test_a_file_that_names_a_source_is_on_the_list_of_a_fifth_source() -> None:
    # What the reviews say of incidents belongs to the domain, whoever fills it.
    found = {file for file in naming("(?i)pagerduty") if "/reviews/" not in file}
    assert "plugins/postlaunch/sources/pagerduty/extract.py" in found
    assert unlisted(found, "A fifth source", name="pagerduty") == set()


def test_a_file_that_names_a_kind_of_review_is_on_the_list_of_a_report() -> None:
    found = naming(r"\bmonthly\b|\bmonths_to_review\b")
    assert "plugins/postlaunch/reviews/period.py" in found
    assert (
        unlisted({file.replace("monthly.py", "quarterly.py").replace("monthly_business", "quarterly") for file in found}, "A report")
        == set()
    )


def test_a_file_that_names_the_rows_of_a_chart_is_on_the_list_of_a_chart() -> None:
    found = naming(r"\bSlaCount\b")
    assert "plugins/postlaunch/reviews/figures/support.py" in found
    assert unlisted(found, "A chart", domain="support") == set()


@pytest.mark.parametrize(
    "path", sorted({path for path in re.findall(r"`((?:plugins|dags|dbt_project|sandbox)/[\w./-]+)`", PAGE) if "quarterly" not in path})
)
def test_a_file_that_the_page_names_is_there(path: str) -> None:
    assert Path(path).exists(), path
