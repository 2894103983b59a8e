"""What YAML can do to a launch file: surprise, hang, or end in a traceback. Each case is a ConfigError that names file and place."""

import datetime as dt
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postlaunch.config.load import load_launch_file, read_launches
from postlaunch.config.yaml_file import MOST_BYTES, read_yaml
from postlaunch.errors import ConfigError

HEAD = "launch: shop\nowner: {name: Ann, email: ann@shop.example}\ndate: 2026-01-12\ntimezone: UTC\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def fault_of(folder: Path, text: str | bytes) -> str:
    file = folder / "shop.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    started = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load_launch_file(file)
    assert time.process_time() - started < 5
    assert str(file) in str(caught.value)
    assert len(str(caught.value)) < 2000
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{BOMB}name: *i\n{HEAD}", "more than 100,000 values once its aliases are followed"),
        (f"{HEAD}name: &a [*a]\n", "an alias that contains itself"),
        (HEAD + "name: " + "[" * 50_000, "too deeply nested"),
        (HEAD + "name: " + "9" * 5_000, "a number of 5,000 digits"),
        (HEAD + "name: x\ndate: 2026-02-01\n", "shop.yaml:6: the key 'date' stands twice, first in line 3"),
        (HEAD + "name: x\nmixpanel: {project_id: 1, project_id: 2}\n", "shop.yaml:6: the key 'project_id' stands twice"),
        (HEAD.replace("2026-01-12", "2025-13-40") + "name: x", "date: Input should be a valid date"),
        (HEAD.replace("2026-01-12", "0001-01-01") + "name: x", "date: a date from 1980 to 2200 is expected; found '0001-01-01'"),
        (HEAD + 'name: "a\\0b"', "a control character (U+0000)"),
        (HEAD + 'name: "\\ud800"', "shop.yaml"),
        (HEAD + "name: !!bool maybe", "not readable as YAML"),
        (HEAD + "name: !!timestamp nonsense", "shop.yaml:5: the tag tag:yaml.org,2002:timestamp has no place"),
        (HEAD + "name: !!python/object/apply:os.system [ls]", "shop.yaml:5: the tag tag:yaml.org,2002:python/object"),
        (HEAD + "name: x\n? [1, 2]\n: 3\n", "not readable as YAML"),
        (b"\xff\xfe\x00", "not readable as YAML"),
        (b"a: " + b"x" * MOST_BYTES, "a launch file has at most 1,000,000"),
        ("- a list", "expected keys and values at the top, found list"),
        ("", "name: missing"),
    ],
    ids=lambda value: None if isinstance(value, bytes) or len(value) > 60 else value,
)
def test_a_file_that_is_no_launch_file_is_a_clear_error_in_little_time(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert expected in fault_of(tmp_path, text)


def test_times_dates_and_country_codes_stay_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(f"{HEAD}name: no\nzendesk: {{support_hours: [{{hours: {{mon: [08:00, 22:00], tue: [00:00, 24:00]}}}}]}}\n")
    launch = load_launch_file(file)
    assert launch.name == "no"  # YAML 1.1 reads false
    assert launch.date == dt.date(2026, 1, 12)
    assert launch.zendesk is not None
    assert launch.zendesk.support_hours[0].hours["mon"] == (dt.time(8), dt.time(22))  # YAML 1.1 reads 22:00 as 1,320
    assert launch.zendesk.support_hours[0].hours["tue"] == (dt.time(0), "24:00")


def test_anchors_and_merge_keys_still_work(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text("day: &day {open: 1, close: 2}\nother: {<<: *day, close: 3}\nsame: *day\n")
    assert read_yaml(file) == {"day": {"open": 1, "close": 2}, "other": {"open": 1, "close": 3}, "same": {"open": 1, "close": 2}}


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str | bytes) -> None:
    folder = tmp_path_factory.mktemp("launches")
    (folder / "shop.yaml").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    assert len(read_launches(folder).faults) == 1
