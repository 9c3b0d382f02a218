"""Putting our programs on a host: under a name made of what is in them, checked, and only where they are not yet."""

from __future__ import annotations

import hashlib

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.hosts.base import Host
from labeltui.hosts.quoting import quote_path

DEADLINE_S = 20.0
_PROBE = """echo
command -v {python} >/dev/null 2>&1 || {{ echo labeltui:no-python; exit 0; }}
{python} -c 'import sys
if sys.version_info < (3, 8): print("labeltui:old-python", sys.version.split()[0]); sys.exit()
import hashlib
try:
    print("labeltui:" + hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())
except OSError:
    print("labeltui:absent")' {path}
"""


def digest_of(source: bytes) -> str:
    """The version of a program: the beginning of its SHA-256."""
    return hashlib.sha256(source).hexdigest()[:12]


async def put_program(host: Host, source: bytes, path: str, python: str = "python3") -> None:
    """Have the program at ``path`` of the host. Raises Failed ``no_python`` or ``agent_send``."""
    digest = hashlib.sha256(source).hexdigest()
    command, quoted = quote_path(python), quote_path(path)
    if await _probe(host, command, quoted) != digest:
        await _send(host, source, quoted)
        if await _probe(host, command, quoted) != digest:
            raise Failed(
                Code.AGENT_SEND,
                f"The agent arrived changed on {host.address}.",
                "Check the disk of the host.",
            )


async def _probe(host: Host, python: str, path: str) -> str:
    """The checksum of the agent that lies on the host, or "absent"."""
    done = await host.run(_PROBE.format(python=python, path=path), timeout=DEADLINE_S)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    told = next((line for line in reversed(lines) if line.startswith("labeltui:")), "")
    if told.startswith("labeltui:no-python"):
        raise Failed(
            Code.NO_PYTHON, f"There is no {python} on {host.address}.", "Install Python 3.8 or newer there."
        )
    if told.startswith("labeltui:old-python"):
        version = told.partition(" ")[2]
        raise Failed(
            Code.NO_PYTHON,
            f"Python {version} on {host.address} is too old.",
            "Install Python 3.8 or newer there.",
        )
    if not told:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise Failed(
            Code.NO_PYTHON,
            f"{python} on {host.address} does not run.",
            "Repair or install Python there.",
            said,
        )
    return told.partition(":")[2]


async def _send(host: Host, source: bytes, path: str) -> None:
    # the temporary name holds the shell's pid: two consoles may send at once
    script = f'set -e; f={path}; mkdir -p "${{f%/*}}"; cat > "$f.$$"; mv -f "$f.$$" "$f"'
    done = await host.run(script, stdin=source)
    if done.exit_code != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise Failed(
            Code.AGENT_SEND,
            f"The agent can't be put on {host.address}: {(said or 'no reason given').splitlines()[-1]}",
            "Choose a folder that can be written, and check the disk of the host.",
            said,
        )
