"""What `make` promises: every target is explained, and missing programs are named where they cannot be installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
NOBODY = 65534
FONT_PACKAGES = ("fonts-liberation", "fonts-dejavu-core")


def test_help_explains_every_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)[0].split())
    shown = subprocess.run(["make", "help"], check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout
    explained = dict(re.findall(r"^  \S*?([a-z-]+)\s*\S*\s+(\S.*)$", re.sub(r"\x1b\[\d*m", "", shown), flags=re.MULTILINE))
    assert targets == explained.keys()
    assert {"help", "setup", "system", "demo", "down", "test", "lint", "bench", "bench-quick", "requirements"} <= targets


def test_without_root_missing_programs_are_named_with_the_line_that_installs_them(server_folder: Path) -> None:
    """The machine of somebody without rights: a PATH with nothing but what the script itself calls."""
    programs = server_folder / "bin"
    programs.mkdir()
    for name in ("id",):
        (programs / name).symlink_to(shutil.which(name) or name)
    script = shutil.copy(REPOSITORY / "sandbox" / "system-packages.sh", server_folder)
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(  # type: ignore[call-overload]
        ["/bin/bash", script], check=False, capture_output=True, text=True, cwd="/", env={"PATH": str(programs)}, **identity
    )
    assert done.returncode == 0, done.stderr
    assert "missing: chromium prometheus prometheus-node-exporter fontconfig fonts-liberation fonts-dejavu-core\n" in done.stdout
    assert "sudo apt-get install --yes --no-install-recommends chromium prometheus" in done.stdout
    assert "skipped" in done.stdout


@pytest.mark.parametrize(
    ("here", "missing"),
    [("DejaVu Sans", ["fonts-liberation"]), ("Liberation Sans", ["fonts-dejavu-core"]), ("Noto Sans", [*FONT_PACKAGES])],
)
def test_fonts_are_installed_by_name_whatever_others_there_are(here: str, missing: list[str], server_folder: Path) -> None:
    """Programs that are there in name alone, and a fontconfig that has one family."""
    programs = server_folder / "bin"
    programs.mkdir()
    for name in ("chromium", "prometheus", "prometheus-node-exporter"):
        (programs / name).symlink_to("/bin/true")
    (programs / "id").symlink_to(shutil.which("id") or "id")
    (programs / "fc-list").write_text(f'#!/bin/bash\nif [ "$1" = ":family={here}" ] || [ $# = 0 ]; then echo "font.ttf: {here}"; fi\n')
    (programs / "fc-list").chmod(0o755)
    script = shutil.copy(REPOSITORY / "sandbox" / "system-packages.sh", server_folder)
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(  # type: ignore[call-overload]
        ["/bin/bash", script], check=False, capture_output=True, text=True, cwd="/", env={"PATH": str(programs)}, **identity
    )
    assert done.stdout.splitlines()[0] == f"system packages missing: {' '.join(missing)}"


def test_the_image_has_the_fonts_that_a_machine_gets() -> None:
    installed = re.search(r"apt-get install (.+?)\\?$", (REPOSITORY / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert installed
    assert {"fontconfig", *FONT_PACKAGES} <= set(installed[1].split())
