"""The image's install steps, run as the Dockerfile says them, in a clean virtual environment."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

IMAGE_STEPS = re.compile(r"^(?:RUN| *&&) ((?:uv pip install|pip install|dbt parse) .*?)(?: \\)?$", re.MULTILINE)


def steps() -> list[str]:
    """Every `pip install`, `uv pip install` and `dbt parse` of the Dockerfile, in its order."""
    return [step.strip() for step in IMAGE_STEPS.findall(Path("Dockerfile").read_text(encoding="utf-8"))]


def copy_of_the_tracked_files(target: Path) -> Path:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if Path(name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target / name)
    return target


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_image_installs_from_hashed_requirements_and_runs(tmp_path: Path) -> None:
    image = copy_of_the_tracked_files(tmp_path / "image")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(tmp_path / "venv"),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
    }
    environment.pop("PYTHONPATH", None)
    assert len(steps()) == 4, "the Dockerfile's install steps were not found"
    for command in [*steps(), "uv pip check", "airflow version", "postlaunch launches check"]:
        done = subprocess.run(command.split(), cwd=image, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
