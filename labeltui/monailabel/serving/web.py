"""The web application of a server that labeltui starts: MONAI Label's own, with labeltui's changes.

MONAI Label is started with ``--uvicorn_app`` and the name of this module. Its processes, arguments, folders and
logs do not change. Every worker imports this module.
"""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import Any

from labeltui.monailabel.serving import datastore, own_labels

log = logging.getLogger("labeltui")


def use_own_labels() -> None:
    """Give the models the operator's own labels, if there are any.

    Errors are not caught, so that the server does not start: with other labels it would train useless networks.
    """
    if text := os.environ.get(own_labels.VARIABLE):
        config = import_module("monailabel.interfaces.config").TaskConfig
        own_labels.change_models(config, own_labels.names_of(text))
        own_labels.change_tasks(import_module("monailabel.utils.async_tasks.utils"))


def share_datastore() -> None:
    """Let the server and its tasks keep what the others write to the datastore. If that fails, they run without it."""
    try:
        datastore.change_datastore(import_module("monailabel.datastore.local"))
        own_labels.change_tasks(import_module("monailabel.utils.async_tasks.utils"))
    except Exception:
        log.exception("labeltui's change of the datastore failed. The server runs without it.")


def changed_app() -> Any:
    """Return the application. If labeltui's changes fail, return it without them; the log says why."""
    try:
        changes = import_module("labeltui.monailabel.serving.changes")
        changes.install(import_module("monailabel.interfaces.app").MONAILabelApp, changes.CHANGES)
    except Exception:
        log.exception("labeltui's changes failed. The server runs without them and has no worklist.")
        return import_module("monailabel.app").app
    return changes.noting(import_module("monailabel.app").app)


use_own_labels()
share_datastore()
app = changed_app()
