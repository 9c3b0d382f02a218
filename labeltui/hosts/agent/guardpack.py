"""The guard as one zip file that Python runs: the rules, the agent's file and the guard's own, under their names.

The same sources give the same bytes, so that the version is their digest.
"""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

from labeltui.hosts.agent.sending import digest_of

ROOT = Path(__file__).parents[2]
EMPTY = tuple(f"{name}__init__.py" for name in ("", "domain/", "domain/guard/", "hosts/", "hosts/agent/"))
FILES = ("domain/guard/rules.py", "hosts/agent/agent.py")
OWN = "hosts/agent/guard"
MAIN = b"from labeltui.hosts.agent.guard.program import main\n\nmain()\n"


@cache
def packed() -> tuple[bytes, str]:
    """(the zip file, its version)."""
    own = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / OWN).glob("*.py"))
    parts = {f"labeltui/{name}": b"" for name in EMPTY}
    parts |= {f"labeltui/{name}": (ROOT / name).read_bytes() for name in (*FILES, *own)}
    parts["__main__.py"] = MAIN
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(parts.items()):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    source = target.getvalue()
    return source, digest_of(source)
