"""The reference pages say what the code says."""

import re
from pathlib import Path

import pytest

from docs import generate

PAGES = sorted([Path("README.md"), *Path("docs").rglob("*.md")])


@pytest.mark.parametrize("name", sorted(generate.PAGES))
def test_a_generated_page_is_fresh(name: str) -> None:
    written = (Path("docs/reference") / name).read_text(encoding="utf-8")
    assert written == generate.PAGES[name]().rstrip() + "\n", f"docs/reference/{name} is stale: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_in_the_docs_exists(page: Path) -> None:
    known = set(re.findall(r"^## `postlaunch ([a-z ]+)`$", generate.command_line(), flags=re.MULTILINE))
    words = {command.split()[0] for command in known}
    for line in re.findall(r"^\s*(?:\$ )?postlaunch ([a-z]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        assert line in words, f"{page} names `postlaunch {line}`"
