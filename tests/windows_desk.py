"""A pytest plugin that lets labeltui run as on Windows: ``python -m pytest -p tests.windows_desk``.

labeltui's own modules get no POSIX module and none of the POSIX names of ``os``, ``signal`` and ``asyncio``. Libraries
keep theirs, because asyncssh and Textual choose by the real system. A host's programs run in processes of their
own, without this plugin.
"""

from __future__ import annotations

import asyncio
import builtins
import fcntl
import os
import signal
import sys
from types import ModuleType
from typing import Any

import pytest
from textual.driver import Driver

from labeltui.support import desk

POSIX_ONLY = frozenset({"fcntl", "termios", "tty", "pty", "pwd", "grp", "resource"})
OF_OS = """
fork forkpty openpty setsid getsid getpgid setpgid getpgrp killpg tcgetpgrp tcsetpgrp getuid geteuid getgid getegid
getgroups chown lchown fchown fchmod chroot mkfifo mknod uname nice sysconf statvfs fstatvfs getloadavg ttyname
set_blocking wait wait3 wait4 waitid posix_spawn posix_spawnp sched_getaffinity sched_setaffinity pread pwrite sendfile
getpriority setpriority initgroups setuid setgid lockf O_NOCTTY O_NONBLOCK O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_SYNC
O_DSYNC WNOHANG WIFEXITED WEXITSTATUS
"""
OF_SIGNAL = """
SIGHUP SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGPIPE SIGALRM SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGWINCH alarm
setitimer getitimer pause pthread_kill pthread_sigmask sigpending sigwait siginterrupt
"""
HIDDEN = {"os": frozenset(OF_OS.split()), "signal": frozenset(OF_SIGNAL.split())}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about POSIX."""
    left_out = [item for item in items if item.get_closest_marker("posix")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


class WithoutPosix(ModuleType):
    """A module as it is on Windows."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        if name in HIDDEN[self.__name__]:
            raise AttributeError(f"module {self.__name__!r} of Windows has no attribute {name!r}")
        if name == "kill":
            return kill
        return getattr(self.__dict__["_module"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_module"], name, value)

    def __dir__(self) -> list[str]:
        return [name for name in dir(self.__dict__["_module"]) if name not in HIDDEN[self.__name__]]


def kill(pid: int, number: int) -> None:
    """Send a signal, but not 0: on Windows that is no question whether the process runs, but Ctrl-C."""
    assert number != 0, "Ctrl-C is sent to a process"
    os.kill(pid, number)


class FakeMsvcrt(ModuleType):
    """The functions of Windows' module that labeltui uses. ``keys`` are read, ``shown`` is what was written."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.keys: list[str] = []
        self.shown = ""

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        """Lock a file, as Windows does: a lock of another raises PermissionError."""
        assert (mode, count) == (self.LK_NBLCK, 1)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PermissionError(13, "Permission denied") from error

    def getwch(self) -> str:
        """Read one key."""
        return self.keys.pop(0)

    def putwch(self, character: str) -> None:
        """Write one character."""
        self.shown += character


class FakeDriver(ModuleType):
    """In place of Textual's driver, which loads libraries of Windows. Tests draw on no terminal."""

    WindowsDriver = Driver


class FakeProcesses(ModuleType):
    """In place of the module that asks Windows about processes."""

    @staticmethod
    def start_of(pid: int) -> str:
        """Return when a process began; empty if it has ended."""
        try:
            os.kill(pid, 0)
        except (OSError, OverflowError):
            return ""
        return "1"

    @staticmethod
    def is_running(pid: int, start: str) -> bool:
        """Whether the recorded process still runs."""
        return start == "1" == FakeProcesses.start_of(pid)


def is_ours(names: Any) -> bool:
    """Whether a module of labeltui imports, other than one that runs on hosts."""
    name = str((names or {}).get("__name__", ""))
    return name.startswith("labeltui.") and not name.startswith(
        ("labeltui.sandbox.", "labeltui.hosts.agent.remote.")
    )


def install() -> None:
    """Let labeltui find Windows. Nothing of it may be imported yet but the module that knows the system."""
    early = [
        name
        for name in sys.modules
        if name.startswith("labeltui.") and not name.startswith("labeltui.support")
    ]
    assert not early, early
    shown = {"os": WithoutPosix(os), "signal": WithoutPosix(signal)}
    vars(desk).update(WINDOWS=True, os=shown["os"])
    sys.modules["msvcrt"] = FakeMsvcrt()
    sys.modules["textual.drivers.windows_driver"] = FakeDriver("textual.drivers.windows_driver")
    sys.modules["labeltui.support.windows_processes"] = FakeProcesses("labeltui.support.windows_processes")
    real = builtins.__import__

    def imported(name: str, globals: Any = None, *rest: Any, **named: Any) -> ModuleType:
        if is_ours(globals) and name in POSIX_ONLY:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if is_ours(globals) and name in shown:
            return shown[name]
        return real(name, globals, *rest, **named)

    def refused(self: Any, *_: Any) -> None:
        raise NotImplementedError

    builtins.__import__ = imported
    for name in ("add_signal_handler", "remove_signal_handler"):
        setattr(asyncio.SelectorEventLoop, name, refused)


install()
