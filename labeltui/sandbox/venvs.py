"""Replace ``python3 -m venv`` in a pod without MONAI Label: make a real venv with the stand-in's pip."""

from __future__ import annotations

import os
import sys
import sysconfig
import venv
from pathlib import Path

from labeltui.sandbox import standin

_PIP = "from labeltui.sandbox.pip import main\n\nmain()\n"
_HOOK = """\
import os; os.environ.setdefault("LABELTUI_STANDIN_SCENARIO", {settings!r})
import os; [os.environ.setdefault(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")]
{paths}
"""


def main(arguments: list[str]) -> None:
    """Make the venv. The first argument is the scenario file, the last is the folder. Options are ignored."""
    settings, folder = arguments[0], Path(arguments[-1])
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (site / "pip").mkdir(exist_ok=True)
    (site / "pip" / "__init__.py").write_text("")
    (site / "pip" / "__main__.py").write_text(_PIP)
    # The venv's own folder comes before labeltui's dependencies, so that the venv's pip and monailabel win.
    hook = _HOOK.format(settings=settings, paths=os.linesep.join(standin.import_paths()))
    (site / "labeltui_standin.pth").write_text(hook)


if __name__ == "__main__":
    main(sys.argv[1:])
