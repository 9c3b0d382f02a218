"""The history's file: what two processes write, what a failure costs, and what is found at the next start."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from labeltui.session.history.database import FILE, Connection, Database
from labeltui.session.history.file_system import is_local
from labeltui.session.runtime.state_folder import StateFolder

FIRST = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"
SECOND = "ALTER TABLE notes ADD COLUMN read INTEGER NOT NULL DEFAULT 0; CREATE TABLE others (id INTEGER)"


def note(text: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute("INSERT INTO notes (text) VALUES (?)", (text,))


async def notes(database: Database) -> list[str]:
    query = "SELECT text FROM notes ORDER BY id"
    return await database.read(lambda connection: [text for (text,) in connection.execute(query)]) or []


def opened(folder: Path, *migrations: str) -> Database:
    return Database(StateFolder(folder), migrations or (FIRST,))


async def add(folder: Path, *texts: str, migrations: tuple[str, ...] = ()) -> list[str]:
    """Write and close, as a process that ends; what the file holds then."""
    database = opened(folder, *migrations)
    for text in texts:
        database.write(note(text))
    found = await notes(database)
    await database.close()
    return found


async def test_the_next_start_finds_what_was_written(tmp_path: Path) -> None:
    await add(tmp_path, "one", "two")
    assert await add(tmp_path, "three") == ["one", "two", "three"]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


async def test_the_event_loops_thread_is_never_used(tmp_path: Path) -> None:
    database, threads = opened(tmp_path), set()
    database.write(lambda _: threads.add(threading.get_ident()))
    await database.read(lambda _: threads.add(threading.get_ident()))
    await database.close()
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_console_and_command_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    console, command = opened(tmp_path), opened(tmp_path)
    for number in range(100):
        console.write(note(f"console {number}"))
        command.write(note(f"command {number}"))
    await asyncio.gather(notes(console), notes(command))
    found = await notes(console)
    await asyncio.gather(console.close(), command.close())
    assert sorted(found) == sorted(f"{who} {n}" for who in ("console", "command") for n in range(100))


async def test_another_processs_transaction_is_waited_for(tmp_path: Path) -> None:
    await add(tmp_path)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = opened(tmp_path)
    database.write(note("later"))
    written = asyncio.ensure_future(notes(database))
    await asyncio.sleep(0.05)
    assert not written.done()
    other.execute("COMMIT")
    assert await written == ["later"]
    other.close()
    await database.close()


async def test_a_change_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    database = opened(tmp_path)

    def half(connection: Connection) -> None:
        note("half")(connection)
        raise ValueError("a mistake")

    database.write(half)
    database.write(
        lambda connection: (note("half")(connection), connection.execute("INSERT INTO nowhere VALUES (1)"))
    )
    database.write(note("whole"))
    assert await notes(database) == ["whole"]
    await database.close()


async def test_a_file_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    await add(tmp_path, "old")
    assert await add(tmp_path, "new", migrations=(FIRST, SECOND)) == ["old", "new"]
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("SELECT text, read FROM notes").fetchall() == [("old", 0), ("new", 0)]
    connection.close()


async def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    await add(tmp_path, "old")
    wrong = opened(tmp_path, FIRST, "CREATE TABLE more (id INTEGER); CREATE TABLE notes (id INTEGER)")
    assert await notes(wrong) == []
    assert "already exists" in wrong.problem
    await wrong.close()
    assert await add(tmp_path, "new") == ["old", "new"]


async def test_two_processes_that_start_at_once_make_the_tables_once(tmp_path: Path) -> None:
    many = [opened(tmp_path, FIRST, SECOND) for _ in range(6)]
    for number, database in enumerate(many):
        database.write(note(str(number)))
    assert await asyncio.gather(*(_settled(database) for database in many)) == [""] * 6
    assert len(await notes(many[0])) == 6
    await asyncio.gather(*(database.close() for database in many))


async def _settled(database: Database) -> str:
    await notes(database)
    return database.problem


async def test_a_newer_versions_file_is_left_alone(tmp_path: Path) -> None:
    await add(tmp_path, "new", migrations=(FIRST, SECOND))
    before = (tmp_path / FILE).read_bytes()
    older = opened(tmp_path)
    older.write(note("lost"))
    assert await notes(older) == []
    assert "newer version of labeltui" in older.problem
    await older.close()
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [b"not a database, but long enough to look like one " * 40, b"SQLite format 3\0" + b"\xff" * 4000],
)
async def test_a_damaged_file_is_set_aside_and_the_history_begins_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    assert await add(tmp_path, "anew") == ["anew"]
    assert _set_aside(tmp_path) == [damage]


def _set_aside(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob(f"{FILE}.damaged-*")]


async def test_a_page_that_is_damaged_later_is_noticed_too(tmp_path: Path) -> None:
    await add(tmp_path, *("x" * 3000 for _ in range(20)))
    content = bytearray((tmp_path / FILE).read_bytes())
    content[4096:8192] = b"\xff" * 4096  # the root of the table's pages
    (tmp_path / FILE).write_bytes(content)
    assert await add(tmp_path, "anew") == ["anew"]


async def test_where_nothing_can_be_written_the_reason_is_reported_until_it_can(tmp_path: Path) -> None:
    place, reported = tmp_path / "state", asyncio.Queue[str]()
    place.write_text("a file, where a folder should be")
    database = opened(place)
    database.on_problem = reported.put_nowait
    database.write(note("lost"))
    assert "exists" in await asyncio.wait_for(reported.get(), 5)
    assert await notes(database) == []
    place.unlink()
    database.write(note("stored"))
    assert await asyncio.wait_for(reported.get(), 5) == ""
    assert await notes(database) == ["stored"]
    await database.close()


async def test_a_closed_history_ignores_changes(tmp_path: Path) -> None:
    database = opened(tmp_path)
    database.write(note("stored"))
    await database.close()
    await database.close()
    database.write(note("late"))
    assert await notes(database) == []
    assert await add(tmp_path) == ["stored"]


async def _journal_mode(folder: Path) -> str:
    database = opened(folder)
    mode = await database.read(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0])
    await database.close()
    return str(mode)


async def test_on_a_network_file_system_no_memory_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labeltui.session.history.database.is_local", lambda _folder: True)
    assert await _journal_mode(tmp_path) == "wal"
    await add(tmp_path, "on the disk")
    monkeypatch.setattr("labeltui.session.history.database.is_local", lambda _folder: False)
    assert await _journal_mode(tmp_path) == "truncate"
    assert await add(tmp_path, "elsewhere") == ["on the disk", "elsewhere"]


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / {home} rw,relatime shared:9 master:1 - {kind} filer:/home rw
41 22 0:36 / {home}/with\\040space rw - ext4 /dev/sdb1 rw
not a mount
"""


@pytest.mark.parametrize(
    ("kind", "local"),
    [("nfs4", False), ("cifs", False), ("fuse.sshfs", False), ("9p", False), ("btrfs", True)],
)
def test_the_kind_of_file_system_is_that_of_the_nearest_mount(tmp_path: Path, kind: str, local: bool) -> None:
    mounts, home = tmp_path / "mountinfo", tmp_path.resolve() / "home"
    mounts.write_text(MOUNTS.format(home=home, kind=kind))
    assert is_local(home / "state" / "labeltui", mounts) is local
    assert is_local(home / "with space" / "labeltui", mounts)
    assert is_local(tmp_path / "homer", mounts)


def test_where_the_system_names_no_file_systems_none_is_known_to_be_local(tmp_path: Path) -> None:
    assert not is_local(tmp_path, tmp_path / "missing")
