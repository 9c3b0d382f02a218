"""Which lines of a server's output are errors, each once however many lines it takes. Pure."""

from __future__ import annotations

import re

from labeltui.domain.log.events import Killed
from labeltui.domain.log.lines import LineKind, LogRecord, event

GRAVE = frozenset({"ERROR", "CRITICAL", "FATAL"})
_TRACEBACK = re.compile(r"(?:[ |+]*|╭─+ )(?:Exception Group |Original )?Traceback \(most recent call last\)")
_SIGNALLED = re.compile(r"Return code: -\d")


class ErrorReader:
    """Reads lines in order. A traceback belongs to the error it follows; a child that somebody stopped is none."""

    def __init__(self) -> None:
        self.count = 0
        self._going_on = False
        self._stopped = 0

    def feed(self, record: LogRecord) -> bool:
        """True for the first line of an error."""
        if record.kind is LineKind.BARE:
            found = not self._going_on and _TRACEBACK.match(record.message) is not None
            self._going_on = self._going_on or found
        else:
            found = self._going_on = record.level in GRAVE or self._signalled(record)
        self.count += found
        return found

    def _signalled(self, record: LogRecord) -> bool:
        """A child was killed by the host; those that the server was told to stop are killed too."""
        if record.message.startswith("Killed") and isinstance(event(record), Killed):
            self._stopped += 1
        if not _SIGNALLED.match(record.message):
            return False
        if self._stopped:
            self._stopped -= 1
            return False
        return True
