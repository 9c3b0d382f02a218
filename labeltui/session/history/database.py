"""The SQLite file of a profile's history.

Consoles and commands of one profile have the file open at the same time. Each process reads and writes in a
separate thread, never in the event loop's. Transactions last milliseconds, and wait for those of other
processes. A process that is killed loses only its unfinished transaction.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from labeltui.session.history.file_system import is_local
from labeltui.session.history.schema import MIGRATIONS
from labeltui.session.runtime.state_folder import StateFolder

T = TypeVar("T")
Connection = sqlite3.Connection

FILE = "history.db"
BUSY_S = 10.0  # waiting for another process's transaction
CLOSE_S = 15.0
SYNCED = "NORMAL"  # a power failure may cost the last transactions, and never the file

log = logging.getLogger(__name__)


class HistoryUnavailable(Exception):
    """The file can't be used. The text says why."""


class Database:
    """Runs changes and queries one after the other, in a thread of its own. The first of them opens the file.

    ``on_problem`` is called with the reason when the history can't be stored, and with "" when it can be again.
    The session works without it.
    """

    def __init__(self, state: StateFolder, migrations: Sequence[str] = MIGRATIONS) -> None:
        self.problem = ""
        self.on_problem: Callable[[str], None] = lambda _why: None
        self._state, self._migrations = state, migrations
        self._executor = ThreadPoolExecutor(1, "history")
        self._connection: Connection | None = None
        self._closed = False

    # --- on the event loop

    def write(self, change: Callable[[Connection], object]) -> None:
        """Queue a change, which becomes one transaction. A change that fails is dropped."""

        def in_transaction(connection: Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                change(connection)
                self._commit(connection)
            except BaseException:
                connection.rollback()
                raise

        self._run(in_transaction)

    async def read(self, query: Callable[[Connection], T]) -> T | None:
        """Return what ``query`` returns after all changes queued so far; None if the file can't be read."""
        return await self._run(query)

    async def close(self) -> None:
        """Wait up to 15 s for the queued changes, and close the file. Later changes are ignored."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await loop.run_in_executor(self._executor, self._disconnect)
        self._executor.shutdown(wait=False)

    def _run(self, work: Callable[[Connection], T]) -> asyncio.Future[T | None]:
        loop = asyncio.get_running_loop()
        if self._closed:
            ignored: asyncio.Future[T | None] = loop.create_future()
            ignored.set_result(None)
            return ignored

        def run() -> T | None:
            why, result = "", None
            try:
                result = self._attempt(work)
            except (HistoryUnavailable, OSError, sqlite3.Error) as error:
                why = _error_text(error)
                self._disconnect()  # the next change opens the file anew, which may work again
            except Exception:
                log.exception("a change of the history failed")
            if why != self.problem:
                self.problem = why
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self.on_problem, why)
            return result

        return loop.run_in_executor(self._executor, run)

    # --- in the thread

    def _commit(self, connection: Connection) -> None:
        connection.commit()

    def _attempt(self, work: Callable[[Connection], T]) -> T:
        """Do the work. If the file is damaged, rename it and do the work in a new file."""
        try:
            return work(self._connected())
        except sqlite3.DatabaseError as error:
            if _code(error) not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
        self._disconnect()
        _set_aside(self._state.ready() / FILE)
        return work(self._connected())

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._opened(self._state.ready() / FILE)
        return self._connection

    def _opened(self, path: Path) -> Connection:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would let the group read it
        # The thread changes when the event loop is replaced, as tests do. There is one at a time.
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            # WAL needs memory that all processes share, which a network file system does not have.
            local = is_local(path.parent)
            connection.execute(f"PRAGMA journal_mode = {'WAL' if local else 'TRUNCATE'}")
            connection.execute(f"PRAGMA synchronous = {SYNCED if local else 'FULL'}")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: Connection) -> None:
        """Bring the file to the newest version of the tables. Another process may do the same at this moment."""
        newest = len(self._migrations)
        if _version(connection) == newest:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = _version(connection)
            if version > newest:
                raise HistoryUnavailable("a newer version of labeltui has written the file")
            for statement in ";".join(self._migrations[version:]).split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {newest}")
            self._commit(connection)
        except BaseException:
            connection.rollback()
            raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _version(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _set_aside(path: Path) -> None:
    """Rename a damaged file, so that a new one can begin. Raises OSError."""
    damaged = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    path.replace(damaged)
    for suffix in ("-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(damaged.with_name(damaged.name + suffix))
    log.warning("the history was damaged, and begins anew; the old file is %s", damaged.name)


def _code(error: BaseException) -> int:
    """SQLite's primary result code; 0 for an error without one."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _error_text(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return {
        sqlite3.SQLITE_BUSY: "another labeltui has locked the file for too long",
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_READONLY: "the file is read-only",
        sqlite3.SQLITE_CANTOPEN: "the file can't be opened",
    }.get(_code(error), str(error))
