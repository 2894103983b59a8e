"""Figures -> PNG files, all in one run of Chromium (ten times faster than one run a figure), and without the network.

Kaleido is called directly: `plotly.io.write_images` cannot be told to leave MathJax out, which it would fetch from a CDN.
Chromium gets no sandbox of its own (choreographer's default), so it also starts as root in a container; it only ever sees our figures.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from postlaunch.errors import ReviewError
from postlaunch.reviews.figures.style import WIDTH, Chart

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SCALE = 2  # pixels of the picture to one of the page, for screens with twice as many
TIMEOUT_SECONDS = 60  # for one chart in Chromium
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NOWHERE = "http://127.0.0.1:9"  # a proxy that is not there: Chromium's own calls home end at once


def find_browser() -> str:
    """Path of the browser that draws the charts: BROWSER_PATH, or one on PATH. Raises ReviewError that names the fix."""
    named = os.environ.get("BROWSER_PATH")
    if named:
        if not os.access(named, os.X_OK):
            raise ReviewError(f"no Chromium at BROWSER_PATH={named}: correct it, or run `make system`")
        return named
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise ReviewError(f"no Chromium for the charts (BROWSER_PATH is not set; not on PATH: {', '.join(BROWSERS)}): run `make system`")


def draw(charts: Sequence[Chart]) -> dict[str, bytes]:
    """PNG of every chart by its name, 1200 px wide. Raises ReviewError if there is no Chromium or a file is missing."""
    if not charts:
        return {}
    browser = find_browser()
    import kaleido

    with tempfile.TemporaryDirectory(prefix="postlaunch-charts-") as folder:
        files = {chart.name: Path(folder) / f"{chart.name}.png" for chart in charts}
        orders = [{"fig": chart.figure, "path": str(files[chart.name]), "opts": _size(chart)} for chart in charts]
        options = {"mathjax": False, "path": browser, "proxy_server": _NOWHERE, "timeout": TIMEOUT_SECONDS}
        try:
            errors = kaleido.write_fig_from_object_sync(orders, kopts=options)
        except Exception as error:
            raise ReviewError(f"{browser} did not draw the charts: {_one_line(error)}; `make system` installs it anew") from error
        return {name: _written(name, file, errors) for name, file in files.items()}


def _size(chart: Chart) -> dict[str, object]:
    return {"format": "png", "width": WIDTH, "height": chart.height, "scale": SCALE}


def _written(name: str, file: Path, errors: Sequence[Exception]) -> bytes:
    content = file.read_bytes() if file.is_file() else b""
    if not content.startswith(_PNG_SIGNATURE):
        reason = "; ".join(_one_line(error) for error in errors) or "no file was written"
        raise ReviewError(f"chart {name!r} was not drawn: {reason}")
    return content


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
