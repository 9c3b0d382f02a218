"""Runs a task of MONAI Label, such as a training, with labeltui's changes: ``python -m this MODULE ...``."""

from __future__ import annotations

import logging
import os
import runpy
import sys
from importlib import import_module

from labeltui.monailabel.serving.datastore import change_datastore
from labeltui.monailabel.serving.own_labels import VARIABLE, change_models, names_of

if __name__ == "__main__":
    try:
        change_datastore(import_module("monailabel.datastore.local"))
    except Exception:
        logging.getLogger("labeltui").exception("labeltui's change of the datastore failed")
    if text := os.environ.get(VARIABLE):
        change_models(import_module("monailabel.interfaces.config").TaskConfig, names_of(text))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
