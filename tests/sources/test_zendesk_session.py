"""Zenpy carries the calls where it is installed; without it, as in an image that is passed on, every answer is the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from postlaunch.config.connections import get_connection
from postlaunch.errors import ConfigError
from postlaunch.sources.budget import UNLIMITED
from postlaunch.sources.zendesk.http import ZendeskApi
from postlaunch.sources.zendesk.session import open_session

REPOSITORY = Path(__file__).parents[2]
START = {"start_time": "1775600000"}


@pytest.fixture
def without_zenpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zenpy", None)


@pytest.fixture
def carried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that Zenpy called."""
    from zenpy.lib.api import BaseApi

    urls, call = [], BaseApi._call_api
    monkeypatch.setattr(BaseApi, "_call_api", lambda api, method, url, **options: (urls.append(url), call(api, method, url, **options))[1])
    return urls


def pages() -> list[Any]:
    api = ZendeskApi(get_connection("postlaunch_zendesk"), UNLIMITED)
    return [*api.changes("incremental/tickets/cursor.json", START), *api.listed("slas/policies.json")]


def test_zenpy_carries_every_call(apis: str, carried: list[str]) -> None:
    assert len(pages()) == len(carried) > 1
    assert all(url.startswith(f"{apis}/api/v2/") for url in carried)


def test_without_zenpy_every_answer_is_the_same(apis: str, carried: list[str], request: pytest.FixtureRequest) -> None:
    with_it = pages()
    count = len(carried)
    request.getfixturevalue("without_zenpy")
    assert pages() == with_it
    assert len(carried) == count


class Answers(BaseAdapter):
    """One answer to everything."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status, self.calls = status, 0

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        self.calls += 1
        response = requests.Response()
        response.status_code, response.headers["retry-after"], response._content = self.status, "86400", b"{}"
        response.request = request
        return response

    def close(self) -> None:
        pass


@pytest.mark.parametrize("status", [200, 302, 401, 404, 422, 429, 503])
def test_every_status_is_ours_to_judge_and_zenpy_sleeps_out_none(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_ZENDESK", "https://agent%40shop.example:token@shop.zendesk.com")
    session, adapter = open_session(get_connection("postlaunch_zendesk")), Answers(status)
    session._api.session.mount("https://", adapter)  # type: ignore[attr-defined]
    assert session.get("https://shop.zendesk.com/api/v2/tickets.json", allow_redirects=False).status_code == status
    assert adapter.calls == 1


@pytest.mark.parametrize("address", ["https://shop.zendesk.com", "https://agent%40shop.example@shop.zendesk.com"])
@pytest.mark.parametrize("fixture", ["carried", "without_zenpy"])
def test_missing_credentials_are_told_with_and_without_it(
    address: str, fixture: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(fixture)
    monkeypatch.setenv("AIRFLOW_CONN_POSTLAUNCH_ZENDESK", address)
    with pytest.raises(ConfigError, match="needs login .* and password"):
        open_session(get_connection("postlaunch_zendesk"))


def test_one_module_knows_zenpy() -> None:
    package = REPOSITORY / "plugins" / "postlaunch"
    users = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"^\s*(from|import) zenpy", path.read_text(), flags=re.MULTILINE)
    ]
    assert users == ["sources/zendesk/session.py"]


def test_the_image_can_be_built_without_it(tmp_path: Path) -> None:
    """The line of the Dockerfile, run on the requirements."""
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert "ARG WITH_ZENPY=true" in dockerfile
    step = re.search(r"^RUN (if .*WITH_ZENPY.*; fi)", dockerfile, flags=re.MULTILINE)
    assert step
    requirements = (REPOSITORY / "requirements.txt").read_text()
    (tmp_path / "requirements.txt").write_text(requirements)
    for wanted, missing in (("true", set()), ("false", {"zenpy"})):
        subprocess.run(["sh", "-c", step[1]], check=True, cwd=tmp_path, env={"WITH_ZENPY": wanted, "PATH": "/usr/bin:/bin"})
        left = (tmp_path / "requirements.txt").read_text()
        assert _names(requirements) - _names(left) == missing
        assert left.count("--hash") == requirements.count("--hash") - (_hashes(requirements) if missing else 0)


def _names(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", text, flags=re.MULTILINE))


def _hashes(text: str) -> int:
    block = re.search(r"^zenpy==(?:.*\\\n)+.*$", text, flags=re.MULTILINE)
    assert block
    return block[0].count("--hash")
