"""A file is replaced whole or not at all, with the permissions it should have."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labeltui.support import atomic
from labeltui.support.atomic import PREFIX, move_file, remove_leftovers, replacing, write_file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "profile.toml"
    path.write_text("old")
    path.chmod(0o640)
    return path


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_readers_see_the_old_file_until_the_new_one_is_complete(target: Path) -> None:
    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names_in(target.parent) == [target.name]


def test_a_crash_before_the_replacement_leaves_the_old_file_and_blocks_no_later_write(target: Path) -> None:
    crashed = replacing(target)
    crashed.__enter__().write(b"ne")  # the process is killed here: nothing of the exit runs
    assert target.read_text() == "old"
    assert [name.startswith(PREFIX) for name in names_in(target.parent)] == [True, False]
    write_file(target, "newest")
    assert target.read_text() == "newest"


def test_what_a_killed_writer_left_can_be_removed(target: Path) -> None:
    killed = replacing(target)
    killed.__enter__()
    assert len(names_in(target.parent)) == 2
    remove_leftovers(target.parent)
    assert names_in(target.parent) == [target.name]


def test_a_failed_write_leaves_the_old_file_alone(target: Path) -> None:
    with pytest.raises(TypeError), replacing(target) as file:
        file.write("not bytes")
    assert (target.read_text(), names_in(target.parent)) == ("old", [target.name])


def test_a_failed_replacement_leaves_the_old_file_alone(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(target, "new")
    assert (target.read_text(), names_in(target.parent)) == ("old", [target.name])


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("mode", "there", "absent"), [(0o600, 0o600, 0o600), (None, 0o640, 0o640), (0o644, 0o644, 0o644)]
)
def test_the_new_file_has_the_mode_asked_for(target: Path, mode: int | None, there: int, absent: int) -> None:
    fresh = target.with_name("fresh")
    for path in (target, fresh):
        write_file(path, "new", mode=mode)
    assert (mode_of(target), mode_of(fresh)) == (there, absent)


def test_a_private_file_is_at_no_time_readable_by_others(target: Path) -> None:
    with replacing(target) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600


def test_the_file_that_a_link_points_to_is_replaced(target: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(target)
    write_file(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert names_in(link.parent) == ["link"]


def test_of_concurrent_writers_each_writes_a_whole_file_and_one_wins(target: Path) -> None:
    texts = [letter * 100_000 for letter in "abcdefgh"]
    together = threading.Barrier(len(texts))
    failures: list[BaseException] = []

    def write(text: str) -> None:
        try:
            together.wait()
            for _ in range(5):
                write_file(target, text)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(text,)) for text in texts]
    for writer in writers:
        writer.start()
    contents = {target.read_text() for _ in range(50)}
    for writer in writers:
        writer.join()
    assert not failures
    assert contents <= {"old", *texts}
    assert target.read_text() in texts
    assert names_in(target.parent) == [target.name]


def test_durable_writes_sync_the_file_before_and_its_folder_after_it_has_its_name(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, str]] = []

    def fsync(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), target.read_text()))

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    write_file(target, "not synced")
    assert not synced
    write_file(target, "new", durable=True)
    assert synced == [(False, "not synced"), (True, "new")]


def test_a_moved_file_is_synced_before_and_its_new_folder_after(
    target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = tmp_path / "arrived"
    arrived.write_text("new")
    synced: list[tuple[bool, str]] = []

    def fsync(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), target.read_text()))

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    move_file(arrived, target)
    assert synced == [(False, "old"), (True, "new")]
    assert not arrived.exists()
