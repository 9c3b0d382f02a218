"""A module that lets torchvision be imported where its compiled operators cannot load.

PyPI's torchvision is a CUDA build. With a CPU torch its library does not load, and ``import torchvision`` fails
with "operator torchvision::nms does not exist". MONAI Label only imports torchvision and never calls these
operators, so it is enough to declare their schemas. A ``.pth`` file loads the module at every start of the
interpreter, so the module imports nothing until torchvision is imported.
"""

from __future__ import annotations

MODULE = "labeltui_torchvision_ops"

SHIM = '''"""Declares torchvision's operators when its library did not load (installed by labeltui)."""

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
check = [sys.executable, "-c", "import torchvision"]
result = subprocess.run(check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
output = result.stdout.decode("utf-8", "replace")
if result.returncode == 0:
    print("torchvision's operators work")
elif "torchvision::" not in output:
    print(output)
    sys.exit(1)
else:
    with open(os.path.join(site, "{MODULE}.py"), "w") as module:
        module.write({SHIM!r})
    with open(os.path.join(site, "{MODULE}.pth"), "w") as hook:
        hook.write("import {MODULE}\\n")
    print("torchvision's compiled operators do not load with this torch: declared them")
    sys.exit(subprocess.run(check).returncode)
'''
"""A program for the venv's Python. It imports torchvision, and installs the shim if only the operators are missing."""
