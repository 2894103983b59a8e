"""Peers that run beside us, each installed into an environment of its own from benchmarks/<name>/requirements.txt.

Where that cannot be made, the peer's figures are absent and the reason is shown.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.context import Context
from postlaunch.config.settings import REPOSITORY


def installed(context: Context, name: str) -> Path | None:
    """The Python interpreter of a peer's environment; None, with a note that says why, if it cannot be made."""
    context.say(f"{name}: installing it into an environment of its own")
    try:
        return _install(REPOSITORY / ".local" / f"bench-{name}", Path(__file__).parent / name / "requirements.txt")
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        context.note(f"no figures of {name}: its environment cannot be made: {' '.join(reason.split())[-300:]}")
        return None


def _install(environment: Path, requirements: Path) -> Path:
    """Make the environment unless it is there already, as requirements.txt says. Raises OSError or CalledProcessError."""
    python = environment / "bin" / "python"
    stamp, digest = environment / ".requirements", hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return python
    found = shutil.which("uv", path=str(REPOSITORY / ".local" / "uv" / "bin")) or shutil.which("uv")
    if found is None:
        raise FileNotFoundError("uv is missing: run `make setup`")
    for command in (
        [found, "venv", "--quiet", "--clear", "--python", sys.executable, "--no-python-downloads", str(environment)],
        [found, "pip", "sync", "--quiet", "--python", str(python), str(requirements)],
    ):
        subprocess.run(command, check=True, capture_output=True, text=True)
    stamp.write_text(digest, encoding="ascii")
    return python
