"""Builds the zip file that is sent to a host. It contains agent and guard, which the host's Python runs.

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
SHARED = (
    "domain/amounts.py",
    "domain/studies/datastore.py",
    *(f"domain/guard/{name}.py" for name in ("rules", "stopping", "wire")),
)
"""Modules of the console that the zip file contains too, because agent and guard use them."""
FOLDERS = ("", "domain/", "domain/guard/", "domain/studies/", "hosts/", "hosts/agent/")
EMPTY = tuple(f"{name}__init__.py" for name in FOLDERS)
MAIN = b"from labeltui.hosts.agent.remote.main import main\n\nmain()\n"
EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """The zip file: its bytes, and their SHA-256 in hex."""

    source: bytes
    sha256: str

    @property
    def version(self) -> str:
        """The first 12 hex digits of the SHA-256. The file on the host has them as its name."""
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
