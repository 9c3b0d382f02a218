"""What is put beside torchvision where its compiled operators cannot load, and how it is decided.

PyPI's torchvision is a CUDA build. Next to a CPU torch its library does not load, and from then on
``import torchvision`` fails with "operator torchvision::nms does not exist". MONAI Label never calls those
operators, it only needs the import: declaring their schemas is enough. The module is found through a ``.pth``
file, which runs at every start of the interpreter, so it imports nothing and only waits for torchvision.
"""

from __future__ import annotations

MODULE = "labeltui_torchvision_ops"

SHIM = '''"""Declares torchvision's operators where its library did not load (put here by labeltui)."""

import sys


class _Declare:
    library = None

    def find_spec(self, name, path=None, target=None):
        if not name.startswith("torchvision."):
            return None
        extension = sys.modules.get("torchvision.extension")
        if extension is None or getattr(extension.__spec__, "_initializing", False):
            return None
        sys.meta_path.remove(self)
        if not extension._has_ops():
            import torch

            library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _Declare.library = library
        return None


sys.meta_path.insert(0, _Declare())
'''

INSTALL = f'''
import os, subprocess, sys, sysconfig
site = sysconfig.get_paths()["purelib"]
trial = [sys.executable, "-c", "import torchvision"]
tried = subprocess.run(trial, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
said = tried.stdout.decode("utf-8", "replace")
if tried.returncode == 0:
    print("torchvision's operators load")
elif "torchvision::" not in said:
    print(said)
    sys.exit(1)
else:
    with open(os.path.join(site, "{MODULE}.py"), "w") as module:
        module.write({SHIM!r})
    with open(os.path.join(site, "{MODULE}.pth"), "w") as hook:
        hook.write("import {MODULE}\\n")
    print("torchvision's compiled operators do not load beside this torch: declared them")
    sys.exit(subprocess.run(trial).returncode)
'''
"""A program for the venv's Python: tries the import, and installs the shim where that is what is missing."""
