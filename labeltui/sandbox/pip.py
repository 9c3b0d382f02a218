"""``pip install`` in a pod that has nothing installed: prints what pip would print, and downloads nothing.

Afterwards everything exists that ``setup`` and its checks need: metadata of every requirement, importable torch
and torchvision, and MONAI Label's stand-in with its apps.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from pathlib import Path

from labeltui.sandbox import standin

_WITH_VALUE = ("--index-url", "--extra-index-url", "--find-links", "-i", "-f")
_IMPORTABLE = ("torch", "torchvision")
_PACE_S = 0.02  # a line at a time, as a download would


def main() -> None:
    """Install what the command line names; raises SystemExit with pip's exit codes."""
    words = sys.argv[1:]
    if words[:1] != ["install"]:
        sys.exit("labeltui's stand-in for pip can only install")
    site = Path(sysconfig.get_paths()["purelib"])
    wanted = list(_requirements(words[1:]))
    for name, version in wanted:
        print(f"Collecting {name}=={version}  (labeltui's stand-in: nothing is downloaded)", flush=True)
        time.sleep(_PACE_S)
        _install(site, name, version)
    print("Installing collected packages: " + ", ".join(name for name, _ in wanted))
    print("Successfully installed " + " ".join(f"{name}-{version}" for name, version in wanted), flush=True)


def _requirements(words: list[str]) -> list[tuple[str, str]]:
    found = []
    skip = False
    for word in words:
        if skip or word.startswith("-"):
            skip = not skip and word in _WITH_VALUE
            continue
        name, _, version = word.partition("==")
        found.append((name, version.replace(".*", ".0") or "1.0"))
    return found


def _install(site: Path, name: str, version: str) -> None:
    standin.write_metadata(site, name, version)
    if name in _IMPORTABLE:
        (site / name).mkdir(exist_ok=True)
        (site / name / "__init__.py").write_text(
            f'"""labeltui\'s stand-in."""\n\n__version__ = "{version}"\n'
        )
    if name == "monailabel" and not (site / "monailabel").exists():
        standin.write_package(site / "monailabel")
        standin.write_apps(Path(sys.prefix) / "monailabel" / "sample-apps")
        script = Path(sys.prefix) / "bin" / "monailabel"
        script.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m monailabel.main "$@"\n')
        script.chmod(0o755)


if __name__ == "__main__":
    main()
