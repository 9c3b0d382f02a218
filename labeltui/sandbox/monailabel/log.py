"""The log of MONAI Label: its format, its two destinations, and records that name the original source line."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any

FORMAT = "[%(asctime)s] [%(process)s] [%(threadName)s] [%(levelname)s] (%(name)s:%(lineno)d) - %(message)s"


def say(origin: str, message: str, *, level: int = logging.INFO) -> None:
    """Log ``message`` with the source ``origin`` (``logger:line``), to imitate a log line of the real server."""
    name, _, line = origin.rpartition(":")
    logger = logging.getLogger(name)
    if logger.isEnabledFor(level):
        logger.handle(logger.makeRecord(name, level, name, int(line), message, (), None))


def plain(message: str, *, level: int = logging.INFO) -> None:
    """Log in the short format of the statistics handler: time, level, message."""
    logger = logging.getLogger("standin.stats")
    logger.handle(logger.makeRecord(logger.name, level, logger.name, 0, message, (), None))


def server_config(app_dir: Path, level: str) -> dict[str, Any]:
    """Return the server's logging configuration. ``app.log`` gets all lines of the console except uvicorn's."""
    log_file = str(app_dir / "logs" / "app.log")
    rotating = {
        "class": "logging.handlers.RotatingFileHandler",
        "filename": log_file,
        "backupCount": 10,
        "maxBytes": 10_485_760,
        "encoding": "utf-8",
    }
    task = {"level": "INFO", "propagate": False, "handlers": ["task_console", "task_file"]}
    console = {"propagate": False, "handlers": ["console"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"simple": {"format": FORMAT}, "single": {"format": "%(message)s"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "simple"},
            "task_console": {"class": "logging.StreamHandler", "formatter": "single"},
            "file": {**rotating, "formatter": "simple"},
            "task_file": {**rotating, "formatter": "single"},
        },
        "root": {"level": level, "handlers": ["console", "file"]},
        "loggers": {
            "task_train": task,
            "task_scoring": task,
            "task_batch_infer": task,
            "uvicorn": {"level": "INFO", **console},
            "uvicorn.access": {"level": "WARNING", **console},
        },
    }


def to_console(level: str = "INFO") -> None:
    """Log to the console only. Used before the server configures its logging, and in child processes."""
    logging.basicConfig(level=level, format=FORMAT, stream=sys.stderr, force=True)
    stats = logging.getLogger("standin.stats")
    stats.propagate = False
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s - %(levelname)s - %(message)s"))
    stats.handlers[:] = [handler]
