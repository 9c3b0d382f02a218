"""The web application of a server that labeltui starts: MONAI Label's own, with labeltui's changes.

MONAI Label is started with ``--uvicorn_app`` and the name of this module, so its processes, arguments, folders and logs
are as without it. Every worker imports this module.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

log = logging.getLogger("labeltui")


def changed_app() -> Any:
    """Return the application. Without labeltui's changes if they fail; the log says why."""
    try:
        changes = import_module("labeltui.monailabel.serving.changes")
        changes.install(import_module("monailabel.interfaces.app").MONAILabelApp, changes.CHANGES)
    except Exception:
        log.exception("labeltui's changes failed. The server runs without them and has no worklist.")
        return import_module("monailabel.app").app
    return changes.noting(import_module("monailabel.app").app)


app = changed_app()
