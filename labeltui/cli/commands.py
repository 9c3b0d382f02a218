"""The commands that need a session. Importing this costs more than half a second, so the help does without it."""

from __future__ import annotations

import asyncio

from labeltui.cli.output import Output
from labeltui.cli.parser import Request
from labeltui.cli.running import Opener, run_command
from labeltui.cli.shell import run_shell
from labeltui.opening.opening import open_session

STREAMS = frozenset({"tunnel"})  # hold until interrupted, so what they say is a stream
TELLS = frozenset({"doctor"})  # each part as it is found, for people; the whole for scripts
LISTS = frozenset({"server.logs", "ssh-config"})  # their records are the answer, not news on the way to it


def run(request: Request, output: Output, opener: Opener | None = None) -> int:
    """Run an action of the registry, or a shell; returns the exit code. Raises LabeltuiError."""
    opener = opener or open_session
    if request.action is None:
        return asyncio.run(run_shell(request, output, opener))
    output.stream = bool(request.params.get("follow")) or request.action.id in STREAMS
    output.lists = request.action.id in LISTS
    output.tells = request.action.id in TELLS
    return asyncio.run(run_command(request, request.action, output, opener))
