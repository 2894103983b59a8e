"""Reviews with their charts, drawn by a real Chromium and laid out in one."""

import datetime as dt
import email
import email.policy
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import plotly.graph_objects as go
import pytest

from postlaunch.errors import ReviewError
from postlaunch.reviews import Review, render
from postlaunch.reviews.figures import operations, product, support
from postlaunch.reviews.figures.render import draw, find_browser
from postlaunch.reviews.figures.style import Chart, target_line
from postlaunch.reviews.period import Period
from postlaunch.reviews.rows import ActiveUsers, DailyValue, KpiValue, Tickets

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reviews")


@pytest.fixture(scope="module")
def monthly(published: ModuleType, folder: Path) -> Review:
    return render("monthly", published.EMR, "2026-03", out=folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; 'make setup' installs it")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", "--disable-background-networking"])
        yield browser
        browser.close()


def test_the_monthly_review_has_at_least_six_real_charts_and_fits_a_mail(monthly: Review) -> None:
    assert len(monthly.images) >= 6
    assert len(monthly.html.encode()) < 90_000
    for cid, png in monthly.images.items():
        width, height = struct.unpack(">II", png[16:24])
        assert width == 1200, cid
        assert 300 <= height <= 1400, cid
        assert len(png) > 10_000, f"{cid} looks empty"
        assert f"cid:{cid}" in monthly.html


def test_the_files_are_a_page_with_its_charts_beside_it_and_the_mail(monthly: Review, folder: Path) -> None:
    page, mail, *charts = monthly.paths
    assert page == folder / "monthly-emr-platform-2026-03.html"
    assert mail.suffix == ".eml"
    content = page.read_text(encoding="utf-8")
    assert "cid:" not in content
    assert all(f'src="{chart.name}"' in content for chart in charts)
    assert all(chart.read_bytes() in monthly.images.values() for chart in charts)
    message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
    assert message["To"] == "leadership@emr-platform.example"
    assert sum(part.get_content_type() == "image/png" for part in message.walk()) == len(charts)


@pytest.mark.parametrize("width", [360, 640, 1200])
def test_the_page_fits_its_screen_and_no_word_is_too_small_to_read(width: int, monthly: Review, browser: Any) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.goto(monthly.paths[0].as_uri())
    seen = tab.evaluate(
        """() => ({
            content: document.documentElement.scrollWidth,
            smallest: Math.min(...[...document.querySelectorAll('p, td, th, h1, h2, h3')].filter(e => e.innerText && e.innerText.trim())
                .map(e => parseFloat(getComputedStyle(e).fontSize))),
            images: [...document.images].map(i => [i.complete && i.naturalWidth, i.getBoundingClientRect().width]),
        })"""
    )
    tab.close()
    assert seen["content"] <= width
    assert seen["smallest"] >= 13
    assert len(seen["images"]) == len(monthly.images)
    for natural, shown in seen["images"]:
        assert natural == 1200
        # text in a chart is 22 px of a layout of 600 px
        assert 22 * shown / 600 >= 12


def test_text_keeps_its_contrast_in_a_dark_mail_program(monthly: Review, browser: Any) -> None:
    tab = browser.new_page(viewport={"width": 640, "height": 900}, color_scheme="dark")
    tab.goto(monthly.paths[0].as_uri())
    worst = tab.evaluate(
        """() => {
            const linear = n => (n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
            const light = c => {
                const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(n => linear(n / 255));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const paper = light(getComputedStyle(document.querySelector('.paper')).backgroundColor);
            const ratios = [...document.querySelectorAll('.paper p, .paper td, .paper th, .paper h1, .paper h2, .paper h3, .paper span')]
                .filter(e => e.innerText.trim()).map(e => light(getComputedStyle(e).color))
                .map(ink => (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05));
            return Math.min(...ratios);
        }"""
    )
    tab.close()
    assert worst >= 4.5, "WCAG AA"


def test_a_launch_with_mixpanel_alone_renders_every_review(published: ModuleType, folder: Path) -> None:
    review = render("monthly", published.SHOP, "2026-03", out=folder)
    assert [cid.partition(".")[0] for cid in review.images] == ["active-users", "retention-cohorts"]


def test_a_folder_that_cannot_be_written_is_named(published: ModuleType, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ReviewError, match=r"cannot write .*file.*choose another folder"):
        render("daily", published.SHOP, "2026-03-12", out=blocked)


def test_without_chromium_the_review_fails_with_the_line_that_fixes_it(
    published: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReviewError, match="no Chromium for the charts .*run `make system`"):
        render("daily", published.SHOP, "2026-03-12")
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "gone"))
    with pytest.raises(ReviewError, match="no Chromium at BROWSER_PATH=.*gone"):
        find_browser()


def test_a_browser_that_only_pretends_is_an_error_and_no_empty_picture(
    published: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(fake))
    with pytest.raises(ReviewError, match=r"did not draw the charts|was not drawn"):
        render("daily", published.SHOP, "2026-03-12")
    assert draw([]) == {}


DAYS = [dt.date(2026, 3, 1) + dt.timedelta(days=number) for number in range(31)]


def _with_incidents(days: list[dt.date]) -> list[Chart]:
    """Every kind of chart that marks the days of grave incidents, over March, with a P1 on some of its days."""
    month, grave = Period("monthly", DAYS[0], DAYS[-1], "2026-03", "March 2026"), [(day, "P1") for day in days]
    facts = (
        "error_rate",
        "Error rate",
        "reliability",
        "ratio",
        "lower",
        "ratio",
        0.001,
        1.0,
        1000.0,
        None,
        "no_data",
        None,
        0.001,
        "<=",
        "met",
    )
    return [
        product.active_users([ActiveUsers(day, 100, 400, 900, 9) for day in DAYS], month, grave),
        support.tickets([Tickets(day, 9, 8, 20) for day in DAYS], month, grave),
        operations.threshold(
            "error-rate", KpiValue(*facts, True), [DailyValue("error_rate", day, 0, 0.001, 1, 1000) for day in DAYS], month, grave
        ),
    ]


@pytest.mark.parametrize("number", [0, 1, 15, 29, 30])
def test_the_label_of_a_grave_day_lies_within_the_picture_on_every_day_of_it(number: int, browser: Any, tmp_path: Path) -> None:
    for chart in _with_incidents([DAYS[number]]):
        page = tmp_path / f"{chart.name}.html"
        page.write_text(chart.figure.to_html(include_plotlyjs=True, config={"staticPlot": True}), encoding="utf-8")
        tab = browser.new_page(viewport={"width": 700, "height": 600})
        tab.goto(page.as_uri())
        tab.wait_for_selector(".annotation-text")
        label, picture = tab.evaluate(
            """() => {
                const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
                const label = [...document.querySelectorAll('.annotation-text')].filter(e => e.textContent === 'P1');
                return [label.map(box), box(document.querySelector('.main-svg'))];
            }"""
        )
        tab.close()
        assert len(label) == 1, chart.name
        left, top, right, bottom = label[0]
        assert right - left > 20, "the letters have a width"
        assert picture[0] <= left < right <= picture[2], (chart.name, label, picture)
        assert picture[1] <= top < bottom <= picture[3], (chart.name, label, picture)


@pytest.mark.parametrize(
    ("values", "end"), [([0.08] + [0.02] * 26 + [1.2], "start"), ([1.2] + [0.02] * 26 + [0.08], "end")], ids=["last-day", "first-day"]
)
def test_the_label_of_a_target_stands_where_the_values_do_not_cross_it(values: list[float], end: str) -> None:
    chart = go.Figure()
    target_line(chart, 0.1, "target ≤ 0.1 %", values)
    assert chart.layout.shapes[0].label.textposition == end
