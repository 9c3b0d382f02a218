"""Sends the agent's package to a host, and runs programs there before the agent is started.

The host's Python reads the program from standard input. The program prints its answer between two marks, so
that output of a login shell can't be mistaken for the answer.
"""

from __future__ import annotations

import json
import re
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.hosts.agent.package import Package
from labeltui.hosts.base import Completed, Host
from labeltui.hosts.quoting import quote_path

DEADLINE_S = 20.0
SEND_S = 300.0
INSTALL = "Install Python 3.8 or newer there (apt-get install python3), or set server.python in the profile."
BEGIN, END = "<labeltui-answer>", "</labeltui-answer>"
_ANSWER = re.compile(re.escape(BEGIN) + "(.*?)" + re.escape(END), re.DOTALL)
_NO_PYTHON = 90  # exit code of the command line if there is no Python
_RUN = "command -v {python} >/dev/null 2>&1 || exit {none}; exec {python} - {arguments}"

# This program reports the version of Python, so it must run on every version.
_REPORT = """
import hashlib, json, sys
try:
    with open(sys.argv[1], "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
except (IOError, OSError):
    digest = None
answer = {"python": list(sys.version_info[:3]), "sha256": digest}
sys.stdout.write("\\n%s%s%s\\n" % (BEGIN, json.dumps(answer), END))
"""


async def put_package(host: Host, package: Package, folder: str, python: str = "python3") -> str:
    """Send the package to the host, in a file named after its content. Returns the file's path.

    Nothing is sent if the host has the complete file. Raises Failed ``no_python`` or ``agent_send``.
    """
    path = f"{folder.rstrip('/') or '/'}/agent/{package.version}.zip"
    if await _sum_of(host, python, path) != package.sha256:
        await _send(host, package.source, quote_path(path))
        if await _sum_of(host, python, path) != package.sha256:
            raise Failed(
                Code.AGENT_SEND,
                f"The agent's file was damaged while it was sent to {host.address}.",
                "Check the host's disk.",
            )
    return path


async def run_program(host: Host, python: str, source: str, *paths: str) -> Any:
    """Run a program with the host's Python and ``paths`` as arguments. Returns its answer, parsed from JSON.

    Raises Failed ``no_python`` with the host's output if there is no answer.
    """
    quoted = " ".join(quote_path(path) for path in paths)
    command = _RUN.format(python=quote_path(python), none=_NO_PYTHON, arguments=quoted)
    program = f"BEGIN, END = {BEGIN!r}, {END!r}\n{source}"
    done = await host.run(command, stdin=program.encode(), timeout=DEADLINE_S)
    answers = _ANSWER.findall(done.stdout.decode("utf-8", "replace"))
    try:
        return json.loads(answers[-1])
    except (IndexError, ValueError):
        raise _no_answer(host, python, done) from None


def _no_answer(host: Host, python: str, done: Completed) -> Failed:
    if done.exit_code == _NO_PYTHON:
        return Failed(Code.NO_PYTHON, f"There is no {python} on {host.address}.", INSTALL)
    said = "\n".join(part.decode("utf-8", "replace").strip() for part in (done.stdout, done.stderr)).strip()
    last = said.splitlines()[-1].strip()[:200] if said else f"it ended with exit code {done.exit_code}"
    return Failed(
        Code.NO_PYTHON, f"{python} on {host.address} does not run: {last.rstrip('.')}.", INSTALL, said[-2000:]
    )


async def _sum_of(host: Host, python: str, path: str) -> str | None:
    """Return the SHA-256 in hex of the package on the host. None if missing. Raises Failed ``no_python``."""
    answer = await run_program(host, python, _REPORT, path)
    try:
        version = tuple(int(part) for part in answer["python"])
        digest = answer["sha256"]
    except (TypeError, KeyError, ValueError):
        version, digest = (), None
    if version < (3, 8):
        shown = ".".join(map(str, version)) or "of no known version"
        raise Failed(Code.NO_PYTHON, f"Python {shown} on {host.address} is too old.", INSTALL)
    return digest if isinstance(digest, str) else None


async def _send(host: Host, source: bytes, path: str) -> None:
    # The temporary name contains the shell's pid, because two consoles may send at once.
    script = f'set -e; f={path}; mkdir -p "${{f%/*}}"; cat > "$f.$$"; mv -f "$f.$$" "$f"'
    done = await host.run(script, stdin=source, timeout=SEND_S)
    if done.exit_code != 0:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise Failed(
            Code.AGENT_SEND,
            f"labeltui's agent can't be copied to {host.address}: {(said or 'no reason given').splitlines()[-1]}",
            "Set server.folder to a folder that can be written, and check the host's disk.",
            said,
        )
