"""Runs a program of :mod:`labeltui.imaging` on this desk. A damaged file may crash the program, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from labeltui.operations.progress import Report

LONGEST_LINE = 1 << 20
SHOWN_ERROR = 200
_SECRET = re.compile("KEY|TOKEN|SECRET|PASS", re.IGNORECASE)


async def run_program(
    module: str, request: bytes, receive: Callable[[dict[str, Any]], None], report: Report
) -> str:
    """Run a program on a request.

    ``receive`` gets each answer, except those that report progress. Cancelling kills the program. Returns why
    the program ended early; empty if it has not.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=LONGEST_LINE, env=_environment(),
    )  # fmt: skip
    try:
        return await _converse(process, request, receive, report)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _environment() -> dict[str, str]:
    """Return the environment without keys and passwords, because the program reads files from anywhere."""
    return {name: value for name, value in os.environ.items() if not _SECRET.search(name)}


async def _converse(
    process: asyncio.subprocess.Process,
    request: bytes,
    receive: Callable[[dict[str, Any]], None],
    report: Report,
) -> str:
    stdin = cast(asyncio.StreamWriter, process.stdin)
    errors = asyncio.create_task(cast(asyncio.StreamReader, process.stderr).read())
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(request)
        await stdin.drain()
    stdin.close()
    async for line in cast(asyncio.StreamReader, process.stdout):
        answer = json.loads(line)
        if "progress" in answer:
            report.progress(str(answer["progress"]))
        else:
            receive(answer)
    said = (await errors).decode("utf-8", "replace").strip().splitlines()
    code = await process.wait()
    if not code:
        return ""
    return said[-1][:SHOWN_ERROR] if said else f"exit code {code}"
