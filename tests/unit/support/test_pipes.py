"""The streams of a child process, typed."""

import asyncio
import sys

import pytest

from labeltui.support.pipes import piped


async def test_a_pipe_is_the_stream_and_no_pipe_is_an_error() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print(1)", stdout=asyncio.subprocess.PIPE
    )
    assert await piped(process.stdout).readline() == b"1\n"
    with pytest.raises(ValueError, match="without this pipe"):
        piped(process.stdin)
    await process.wait()
