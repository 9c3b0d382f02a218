"""Runs a task of MONAI Label, such as a training, with the operator's own labels: ``python -m this MODULE ...``."""

from __future__ import annotations

import os
import runpy
import sys
from importlib import import_module

from labeltui.monailabel.serving.own_labels import VARIABLE, change_models, names_of

if __name__ == "__main__":
    change_models(import_module("monailabel.interfaces.config").TaskConfig, names_of(os.environ[VARIABLE]))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
