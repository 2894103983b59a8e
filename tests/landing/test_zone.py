from __future__ import annotations

import datetime as dt
import errno
import gzip
import json
import os
import secrets
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postlaunch.dates import Dates, Interval
from postlaunch.errors import LandingError
from postlaunch.landing import writer as landing_writer
from postlaunch.landing.resume import mark_refused
from postlaunch.landing.writer import PartitionWriter
from postlaunch.landing.zone import ContentHash, Landing, Pull, new_pull_id, write_manifest

DAY = dt.date(2026, 1, 12)
WINDOW = Interval(dt.datetime(2026, 1, 12, tzinfo=dt.UTC), dt.datetime(2026, 1, 13, tzinfo=dt.UTC))


def writer(landing: Landing, partition: dt.date | Dates = DAY) -> PartitionWriter:
    return PartitionWriter(landing, "mixpanel", "shop", "events", partition, new_pull_id(), WINDOW)


def land(landing: Landing, *lines: bytes) -> Pull:
    target = writer(landing)
    target.write_all(lines)
    return target.finalise({"from_date": "2026-01-12"})


def lines_of(pull: Pull) -> list[bytes]:
    return [line for batch in pull.batches() for line in batch.lines]


def only_file(pull: Pull) -> Path:
    return Path(str(pull.path / pull.manifest.files[0].name))


@pytest.fixture(params=["path", "file", "memory"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Landing:
    roots = {"path": str(tmp_path), "file": tmp_path.as_uri(), "memory": f"memory://{tmp_path.name}"}
    return Landing(roots[request.param])


def test_what_is_landed_is_read_back_wherever_the_landing_zone_lies(anywhere: Landing) -> None:
    land(anywhere, b'{"n":1}', b'{"n":2}')
    pull = anywhere.newest("mixpanel", "shop", "events", DAY)
    assert pull is not None
    assert lines_of(pull) == [b'{"n":1}', b'{"n":2}']
    assert (pull.manifest.rows, pull.manifest.partition_date) == (2, DAY)


def test_a_partition_without_manifest_does_not_exist(landing: Landing) -> None:
    target = writer(landing)
    target.write(b'{"n":1}')
    target.close_part()
    assert landing.newest("mixpanel", "shop", "events", DAY) is None


def test_the_newest_pull_is_the_truth(landing: Landing) -> None:
    land(landing, b'{"n":1}')
    newer = land(landing, b'{"n":2}')
    found = landing.newest("mixpanel", "shop", "events", DAY)
    assert found is not None
    assert found.manifest.pull_id == newer.manifest.pull_id


def test_an_aborted_pull_leaves_nothing_behind(landing: Landing, tmp_path: Path) -> None:
    target = writer(landing)
    target.write(b'{"n":1}')
    target.close_part()
    target.write(b'{"n":2}')
    target.abort()
    assert [path for path in (tmp_path / "landing").rglob("*") if path.is_file()] == []


def test_aborting_a_pull_whose_manifest_is_written_changes_nothing(anywhere: Landing) -> None:
    target = writer(anywhere)
    target.write(b'{"n":1}')
    target.finalise({})
    target.abort()
    pull = anywhere.newest("mixpanel", "shop", "events", DAY)
    assert pull is not None
    assert lines_of(pull) == [b'{"n":1}']


def interrupted(*arguments: Any) -> None:
    """Writes the manifest and is ended before anybody knows of it."""
    write_manifest(*arguments)
    raise KeyboardInterrupt


def test_a_pull_that_is_interrupted_as_its_manifest_is_written_leaves_nothing(anywhere: Landing, monkeypatch) -> None:
    monkeypatch.setattr(landing_writer, "write_manifest", interrupted)
    target = writer(anywhere)
    target.write(b'{"n":1}')
    with pytest.raises(KeyboardInterrupt):
        target.finalise({})
    target.abort()
    assert anywhere.newest("mixpanel", "shop", "events", DAY) is None
    assert not target.folder.exists()


def test_a_manifest_that_cannot_be_removed_keeps_its_files(landing: Landing, monkeypatch) -> None:
    monkeypatch.setattr(landing_writer, "write_manifest", interrupted)
    target = writer(landing)
    target.write(b'{"n":1}')
    with pytest.raises(KeyboardInterrupt):
        target.finalise({})

    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path.name == "manifest.json":
            raise OSError(errno.EBUSY, "busy", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(type(target.folder), "unlink", refused)
        target.abort()
    pull = landing.newest("mixpanel", "shop", "events", DAY)
    assert pull is not None
    assert lines_of(pull) == [b'{"n":1}']


always_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")


@always_full
@pytest.mark.parametrize("count", [1, 5000])
def test_a_full_disk_ends_the_pull_with_its_reason_and_nothing_stays(landing: Landing, count: int) -> None:
    """At once, where a block is written beside the lines that come; at the end, where all of them fit into one."""
    target = writer(landing)
    (folder := Path(str(target.folder))).mkdir(parents=True)
    (folder / "part-0000.jsonl.gz").symlink_to("/dev/full")

    def pull() -> None:
        for _ in range(count):
            target.write(secrets.token_hex(500).encode())
        target.finalise({})

    with pytest.raises(LandingError, match=r"cannot write to the landing zone at .*No space left on device"):
        pull()
    target.abort()
    assert not folder.exists()


def test_lines_without_an_end_leave_room_for_everybody_else_on_the_disk(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    target = writer(landing)
    usage = shutil.disk_usage
    gone = 0

    def shrinking(path: Any) -> Any:
        """A disk that has 1.5 GiB left, of which each block takes a tenth."""
        nonlocal gone
        gone += 1
        return usage(path)._replace(free=(3 << 29) - gone * (1 << 30) // 10)

    monkeypatch.setattr("postlaunch.landing.writer.shutil.disk_usage", shrinking)

    def endless() -> None:
        while True:
            target.write(secrets.token_hex(500).encode())

    with pytest.raises(
        LandingError, match=r"has 0\.9 GiB left, and the last 1 GiB are not filled: .* is given up after [\d,]+ rows; make room"
    ):
        endless()
    target.abort()
    assert not Path(str(target.folder)).exists()


@always_full
def test_a_part_that_cannot_be_closed_is_removed_all_the_same(landing: Landing) -> None:
    target = writer(landing)
    (folder := Path(str(target.folder))).mkdir(parents=True)
    (folder / "part-0000.jsonl.gz").symlink_to("/dev/full")
    target.write(b'{"n":1}')
    assert target._part is not None
    target._part._file.write(b"zip")  # waits in the buffer until the file is closed, as what a full disk refuses does
    target.abort()
    assert not folder.exists()


@always_full
def test_a_full_disk_at_the_manifest_leaves_nothing(landing: Landing) -> None:
    target = writer(landing)
    (folder := Path(str(target.folder))).mkdir(parents=True)
    (folder / "manifest.json.partial").symlink_to("/dev/full")
    target.write(b'{"n":1}')
    with pytest.raises(LandingError, match="No space left on device"):
        target.finalise({})
    target.abort()
    assert not folder.exists()


def test_a_part_that_cannot_be_opened_leaves_nothing(landing: Landing) -> None:
    target = writer(landing)
    (folder := Path(str(target.folder))).mkdir(parents=True)
    (folder / "part-0000.jsonl.gz").symlink_to("/nowhere/at/all")
    threads = threading.active_count()
    with pytest.raises(LandingError, match="cannot write to the landing zone"):
        target.write(b'{"n":1}')
    target.abort()
    assert not folder.exists()
    assert threading.active_count() == threads


def test_a_dropped_part_takes_only_its_own_lines_with_it(landing: Landing) -> None:
    target = writer(landing)
    target.write(b"kept 1")
    target.close_part()
    target.write(b"dropped")
    target.drop_part()
    target.write(b"kept 2")
    pull = target.finalise({})
    assert lines_of(pull) == [b"kept 1", b"kept 2"]
    assert (pull.manifest.rows, len(pull.manifest.files)) == (2, 2)


def test_a_quiet_date_has_a_manifest_with_no_rows(landing: Landing) -> None:
    pull = land(landing)
    assert (pull.manifest.rows, pull.manifest.files, lines_of(pull)) == (0, [], [])


@pytest.mark.parametrize(
    ("mutilate", "says"),
    [
        (lambda data: gzip.compress(gzip.decompress(data).split(b"\n", 1)[1]), "another checksum"),
        (lambda data: data + data, "another checksum"),
        (lambda data: data[: len(data) // 2], "it ends in the middle"),
        (lambda _: b"<html>no gzip at all</html>", "no whole gzip"),
    ],
)
def test_a_file_that_was_changed_is_refused_and_named(landing: Landing, mutilate, says: str) -> None:
    pull = land(landing, b'{"n":1}', b'{"n":2}')
    file = only_file(pull)
    file.write_bytes(mutilate(file.read_bytes()))
    with pytest.raises(LandingError, match=says) as caught:
        lines_of(pull)
    assert str(pull.path) in str(caught.value)


def test_a_refused_file_names_the_command_that_takes_it_on_purpose(landing: Landing) -> None:
    pull = land(landing, b'{"n":1}')
    only_file(pull).write_bytes(gzip.compress(b'{"n":9}\n'))
    with pytest.raises(LandingError, match="postlaunch load mixpanel --launch shop --from 2026-01-12 --to 2026-01-12 --accept-changed"):
        lines_of(pull)


def test_a_missing_file_is_named(landing: Landing) -> None:
    pull = land(landing, b'{"n":1}')
    only_file(pull).unlink()
    with pytest.raises(LandingError, match=r"part-0000\.jsonl\.gz: missing"):
        lines_of(pull)


def test_a_fixed_file_is_taken_and_its_manifest_keeps_what_it_said_before(landing: Landing) -> None:
    pull = land(landing, b'{"n":1}', b'{"n":2}')
    only_file(pull).write_bytes(gzip.compress(b'{"n":9}\n'))
    pull.accept_changes(lambda _: 1)
    fixed = landing.newest("mixpanel", "shop", "events", DAY)
    assert fixed is not None
    assert lines_of(fixed) == [b'{"n":9}']
    assert fixed.manifest.rows == 1
    assert fixed.manifest.accepted_changes[0]["before"]["rows"] == 2


def test_accepting_what_nobody_changed_changes_nothing(landing: Landing) -> None:
    pull = land(landing, b'{"n":1}')
    assert pull.accept_changes(lambda _: 1).manifest.accepted_changes == []


def test_a_manifest_that_is_no_json_is_named(landing: Landing) -> None:
    pull = land(landing, b'{"n":1}')
    (pull.path / "manifest.json").write_text("{")
    with pytest.raises(LandingError, match=r"manifest\.json: not a readable manifest"):
        landing.newest("mixpanel", "shop", "events", DAY)


def test_a_manifest_lists_its_files_and_their_checksum(landing: Landing) -> None:
    pull = land(landing, b'{"n":1}')
    manifest = json.loads((pull.path / "manifest.json").read_text())
    assert manifest["files"][0]["sha256"] == manifest["sha256"]
    assert manifest["bytes"] == only_file(pull).stat().st_size


def test_a_url_without_a_driver_says_so() -> None:
    with pytest.raises(LandingError, match="POSTLAUNCH_LANDING=nosuch://bucket"):
        Landing("nosuch://bucket")


@given(st.lists(st.binary(max_size=20)), st.randoms(use_true_random=False), st.integers(0, 30))
def test_the_content_hash_knows_neither_order_nor_batches(lines: list[bytes], random, cut: int) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)
    one, two = ContentHash(), ContentHash()
    one.add(lines)
    two.add(shuffled[:cut])
    two.add(shuffled[cut:])
    assert one.hex == two.hex


def test_the_content_hash_counts_repetitions() -> None:
    once, twice = ContentHash(), ContentHash()
    once.add([b"a"])
    twice.add([b"a", b"a"])
    assert once.hex != twice.hex


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o022, 0o640, 0o750), (0o077, 0o600, 0o700), (0, 0o640, 0o750)])
def test_only_the_owner_and_the_group_read_what_is_landed(tmp_path: Path, umask: int, file_mode: int, folder_mode: int) -> None:
    before = os.umask(umask)
    try:
        writer = PartitionWriter(Landing(str(tmp_path / "a" / "landing")), "zendesk", "shop", "tickets", DAY, new_pull_id(), WINDOW)
        writer.write(b"{}")
        pull = writer.finalise({})
        mark_refused(pull, "because")
    finally:
        os.umask(before)
    found = list((tmp_path / "a").rglob("*"))
    assert {path.name.partition(".")[2] for path in found if path.is_file()} == {"json", "jsonl.gz"}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {file_mode}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {folder_mode}
    assert len([path for path in found if path.is_file()]) == 3
