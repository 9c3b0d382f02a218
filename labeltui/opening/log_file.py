"""labeltui's own log: a file in the session's state folder. Nothing is logged to the screen."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 1_000_000
BACKUPS = 2
LOGGERS = ("labeltui", "asyncio", "asyncssh", "httpx")


class _Quiet(RotatingFileHandler):
    """Ignores errors of writing the log, for example after the demo's folder was deleted."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in the standard library
        """Drop the record."""


def log_to(folder: Path) -> Path:
    """Send warnings and errors of labeltui and its libraries to a file in ``folder`` only. Returns the file.

    Levels below WARNING are not logged, because libraries would log addresses and requests.
    """
    path = folder / "labeltui.log"
    handler = _Quiet(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    return path
