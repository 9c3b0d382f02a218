"""Builds the zip file that is sent to a host: agent and guard, run by the host's Python.

The same sources give the same bytes, so the file's digest is its version.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
REMOTE = "hosts/agent/remote"
SHARED = ("domain/guard/rules.py", "domain/guard/stopping.py")  # the guard's rules, not copied but shared
EMPTY = tuple(f"{name}__init__.py" for name in ("", "domain/", "domain/guard/", "hosts/", "hosts/agent/"))
MAIN = b"from labeltui.hosts.agent.remote.main import main\n\nmain()\n"
EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """The zip file: its bytes, their SHA-256 in hex, and the version, which is the beginning of that."""

    source: bytes
    sha256: str

    @property
    def version(self) -> str:
        """The first characters of the SHA-256; part of the file's name on the host."""
        return self.sha256[:12]


@cache
def build_package() -> Package:
    """Read the modules and pack them."""
    own = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / REMOTE).rglob("*.py"))
    parts = {f"labeltui/{name}": b"" for name in EMPTY}
    parts |= {f"labeltui/{name}": (ROOT / name).read_bytes() for name in (*SHARED, *own)}
    parts["__main__.py"] = MAIN
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(parts.items()):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    source = target.getvalue()
    return Package(source, hashlib.sha256(source).hexdigest())
