"""labeltui's own log: what went wrong inside, in a file beside the session's state, never on the screen."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

KEPT_BYTES = 1_000_000
KEPT_FILES = 2
LOGGERS = ("labeltui", "asyncio", "asyncssh", "httpx")


class _Quiet(RotatingFileHandler):
    """A log that can't be written (the demo's folder is gone by then) is no reason to write on the screen."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in the standard library
        """Let the record go."""


def log_to(folder: Path) -> Path:
    """Send warnings and errors of labeltui and its libraries to a file in ``folder``, and nowhere else.

    Libraries are kept to warnings: below that they write addresses and requests down.
    """
    path = folder / "labeltui.log"
    handler = _Quiet(path, maxBytes=KEPT_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    return path
