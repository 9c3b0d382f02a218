"""What must be true on the host before the server is started, asked in one go."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.hosts.base import Host

# The server itself notices some of these only after six seconds, and silently makes a missing studies folder.
PROBE = r"""
import json, os, socket, sys
folder, app, studies, port = sys.argv[1:5]
home = os.path.expanduser("~")
def path(p):
    return os.path.join(home, os.path.expanduser(p))
python = os.path.join(path(folder), "venv", "bin", "python")
app = path(app) if "/" in app or app.startswith("~") else os.path.join(path(folder), "apps", app)
free = True
try:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", int(port)))
except OSError:
    free = False
print("\n" + json.dumps({
    "home": home,
    "path": os.environ.get("PATH", ""),
    "python": python if os.access(python, os.X_OK) else "",
    "app": app if os.path.isfile(os.path.join(app, "main.py")) else "",
    "studies": os.path.isdir(path(studies)) if studies else True,
    "port_free": free,
}))
"""


@dataclass(frozen=True, slots=True)
class Preflight:
    """The host's answers. ``home`` is what ``~`` means there; ``python`` and ``app`` are empty when missing."""

    home: str
    path: str
    python: str
    app: str
    studies: bool
    port_free: bool


async def ask(host: Host, interpreter: str, *, folder: str, app: str, studies: str, port: int) -> Preflight:
    """Ask with the host's ``interpreter``; ``studies`` is empty for a DICOMweb server."""
    words = [interpreter, "-c", PROBE, folder, app, studies, str(port)]
    done = await host.run(shlex.join(words), timeout=30)
    try:
        return Preflight(**json.loads(done.stdout.decode("utf-8", "replace").strip().splitlines()[-1]))
    except (ValueError, IndexError, TypeError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Failed(
            Code.PREFLIGHT, f"The host could not be asked what is there: {said[-1] if said else 'no answer'}.",
            "Run `labeltui doctor`.",
        ) from None  # fmt: skip
