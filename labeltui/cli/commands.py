"""Commands that need a session. Importing this module takes more than half a second; --help avoids that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from labeltui.actions.server import SERVER_LOGS
from labeltui.actions.session import DOCTOR, SSH_CONFIG, TUNNEL
from labeltui.cli.output import Output
from labeltui.cli.parser import Request
from labeltui.cli.running import Opener, run_command
from labeltui.cli.shell import run_shell
from labeltui.opening.opening import open_session

STREAMS = frozenset({TUNNEL.id})  # runs until it is interrupted, so its records are a stream
LIVE = frozenset({DOCTOR.id})  # people read each record as it comes, scripts the document at the end
LISTS = frozenset({SERVER_LOGS.id, SSH_CONFIG.id})  # the records are the result, not progress


def run(request: Request, output: Output, opener: Opener | None = None) -> int:
    """Run an action of the registry, or a shell. Returns the exit code. Raises LabeltuiError and KeyboardInterrupt."""
    opener = opener or open_session
    if request.action is None:
        return _run(run_shell(request, output, opener))
    output.stream = bool(request.params.get("follow")) or request.action.id in STREAMS
    output.action = request.action.id
    output.lists = request.action.id in LISTS
    output.live = request.action.id in LIVE
    return _run(run_command(request, request.action, output, opener))


def _run(command: Coroutine[None, None, int]) -> int:
    """Run to the end.

    A cancellation becomes KeyboardInterrupt, because the caller does not import asyncio, to start fast.
    """
    try:
        return asyncio.run(command)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
