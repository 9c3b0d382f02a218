"""The worklist's two files on the host: the operator's edits, and the server's own state."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labeltui.monailabel.serving.rules import Edits
from labeltui.monailabel.serving.state import STATE, State

log = logging.getLogger("labeltui")

LOCK_S = 2.0


class Storage:
    """Reads and writes both files. A failure is logged, and the server continues with the values in memory."""

    def __init__(self, edits: Path) -> None:
        self._edits, self._state = edits, edits.with_name(edits.name + STATE)

    def edits(self) -> Edits:
        """Read the operator's edits. Empty if there is no file."""
        return Edits.of(_read(self._edits))

    def state(self) -> State | None:
        """Read the state that the server has stored. None if there is no file, or if it can't be read."""
        document = _read(self._state)
        return None if document is None else State(document)

    def write(self, state: State) -> None:
        """Replace the stored state in one step, so that no reader gets a part of it."""
        try:
            handle, temporary = tempfile.mkstemp(prefix=".", dir=self._state.parent)
            with os.fdopen(handle, "w") as file:
                json.dump(state.document(), file)
            Path(temporary).replace(self._state)
        except OSError as error:
            log.warning(f"Worklist: {self._state} can't be written: {error}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within the block, other processes of the same server wait."""
        handle = None
        with suppress(OSError):
            handle = os.open(self._state.with_name(self._state.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            _lock(handle)
        try:
            yield
        finally:
            if handle is not None:
                os.close(handle)


def _lock(handle: int) -> None:
    """Take the lock. Gives up after 2 seconds, because on a network volume a lock may never be released."""
    end = time.monotonic() + LOCK_S
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return log.warning("Worklist: another process has the lock; continuing without it")
        time.sleep(0.02)


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning(f"Worklist: {path} can't be read: {error}")
        return None
