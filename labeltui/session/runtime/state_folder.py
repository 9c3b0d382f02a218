"""labeltui's own files on this machine, one folder per profile."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Problem
from labeltui.support.atomic import write_file
from labeltui.support.file_errors import advice, reason

CHECKED_BYTES = 8192
LOST_WITH_SESSION = (
    "Until then, history, accepted host keys, costs and the tunnel's port are lost when labeltui ends."
)


class StateFolder:
    """A folder that no other user of the machine can read.

    If it can't be written, a temporary folder with copies of its files takes its place until :meth:`close`, and
    :attr:`problem` says why.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problem: Problem | None = None
        self._unwritten: dict[str, dict[str, Any]] = {}
        self._temporary: Path | None = None

    @classmethod
    def of_profile(cls, name: str) -> StateFolder:
        """Return the folder of one profile, below ``LABELTUI_STATE`` or in the platform's folder for state.

        If it can't be written, a temporary folder replaces it. Raises Failed if that can't be written either.
        """
        state = cls(_root(platformdirs.user_state_path) / "profiles" / _folder_name(name))
        state._make_usable()
        return state

    @property
    def known_hosts(self) -> Path:
        """The file of host keys that the operator accepted."""
        return self.ready() / "known_hosts"

    def ready(self) -> Path:
        """Return the folder. Creates it with mode 0700 if it is missing."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.folder

    def read(self, name: str) -> dict[str, Any]:
        """Return the document stored as ``NAME.json``; empty if it is missing, unreadable or not an object."""
        if name in self._unwritten:
            return self._unwritten[name]
        try:
            document = json.loads((self.folder / f"{name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def write(self, name: str, document: dict[str, Any], *, durable: bool = False) -> None:
        """Store a document as ``NAME.json``. If the file can't be written, store it until the session ends.

        After a crash the file has either the old document or the new one, complete. With ``durable`` the same
        holds after a power failure, and Failed is raised if the document can't outlive the session.
        """
        if durable and self.problem is not None:
            raise Failed(self.problem.code, self.problem.message, self.problem.hint)
        try:
            write_file(self.ready() / f"{name}.json", json.dumps(document), durable=durable)
        except OSError as error:
            if durable:
                raise Failed(*_explained(error, self.folder)) from None
            self._unwritten[name] = document
        else:
            self._unwritten.pop(name, None)

    def close(self) -> None:
        """Delete the temporary folder, if there is one."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _make_usable(self) -> None:
        wanted = self.folder
        try:
            _check(self.ready())
            return
        except OSError as error:
            code, message, hint = _explained(error, wanted)
        for place in (None, "/dev/shm", os.environ.get("XDG_RUNTIME_DIR")):  # noqa: S108 - mkdtemp makes it safe
            with suppress(OSError):
                self.folder = self._temporary = Path(tempfile.mkdtemp(prefix="labeltui-state-", dir=place))
                _check(self.folder)
                break
        else:
            raise Failed(code, f"{message} labeltui can't write to a temporary folder either.", hint)
        self.problem = Problem(code, message, f"{hint} {LOST_WITH_SESSION}")
        with suppress(OSError):
            for file in wanted.iterdir():
                if file.is_file():
                    with suppress(OSError):
                        shutil.copy2(file, self.folder)


def _check(folder: Path) -> None:
    """Raise OSError unless new files can be written in ``folder``, and its files be changed."""
    for file in folder.iterdir():
        if file.is_file() and not os.access(file, os.R_OK | os.W_OK):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    attempt = folder / f".labeltui-check-{os.getpid()}"
    try:
        attempt.write_bytes(bytes(CHECKED_BYTES))  # the name alone fits on a full disk
    finally:
        with suppress(OSError):
            attempt.unlink()


def _explained(error: OSError, folder: Path) -> tuple[Code, str, str]:
    path = Path(error.filename) if isinstance(error.filename, str) else folder
    return Code.NOT_WRITTEN, f"{folder} can't be used: {reason(error, path)}.", advice(error, path)


def copies_folder(kind: str, name: str) -> Path:
    """Return the folder for copies of a profile's labels or models. ``kind`` is ``labels`` or ``models``.

    It is below ``LABELTUI_STATE`` if that is set, else in the platform's folder for user data.
    """
    return _root(platformdirs.user_data_path) / kind / _folder_name(name)


def _root(platform: Callable[[str], Path]) -> Path:
    chosen = os.environ.get("LABELTUI_STATE")
    return Path(chosen) if chosen else platform("labeltui")


def _folder_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "_"
