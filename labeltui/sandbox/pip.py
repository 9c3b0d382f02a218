"""Replace ``pip install`` in a pod without MONAI Label: print pip's messages, and download nothing.

The install creates all files that ``setup`` and its checks need: metadata of every requirement, importable torch
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
_PACE_S = 0.02  # pause between lines, as during a download


def main() -> None:
    """Install the requirements on the command line. Raises SystemExit with pip's exit codes."""
    arguments = sys.argv[1:]
    if arguments[:1] != ["install"]:
        sys.exit("labeltui's stand-in for pip can only install")
    site = Path(sysconfig.get_paths()["purelib"])
    requirements = list(_requirements(arguments[1:]))
    for name, version in requirements:
        print(f"Collecting {name}=={version}  (labeltui's stand-in: nothing is downloaded)", flush=True)
        time.sleep(_PACE_S)
        _install(site, name, version)
    print("Installing collected packages: " + ", ".join(name for name, _ in requirements))
    print(
        "Successfully installed " + " ".join(f"{name}-{version}" for name, version in requirements),
        flush=True,
    )


def _requirements(arguments: list[str]) -> list[tuple[str, str]]:
    found = []
    skip = False
    for argument in arguments:
        if skip or argument.startswith("-"):
            skip = not skip and argument in _WITH_VALUE
            continue
        name, _, version = argument.partition("==")
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
        standin.write_command(Path(sys.prefix) / "bin" / "monailabel")


if __name__ == "__main__":
    main()
