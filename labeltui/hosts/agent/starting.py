"""Sends the agent to a host, starts it, and waits for its hello."""

from __future__ import annotations

import asyncio
import re

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.hosts.agent.bootstrap import DEADLINE_S, put_package
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import AgentHello
from labeltui.hosts.agent.package import build_package
from labeltui.hosts.agent.parsing import json_object, parse
from labeltui.hosts.base import Channel, Host
from labeltui.hosts.quoting import quote_path

SENTINEL = b"LABELTUI-AGENT "
NOISE_ALLOWED = 1 << 20


async def start_agent(host: Host, folder: str, python: str = "python3") -> AgentClient:
    """Send the agent to ``folder`` on the host unless it exists there, start it and wait for its hello.

    Raises Failed with code ``no_python``, ``agent_send``, ``agent_start`` or ``login_shell``; Unreachable if the
    connection is lost.
    """
    package = await asyncio.to_thread(build_package)
    path = await put_package(host, package, folder, python)
    program = f"exec {quote_path(python)} -u {quote_path(path)}"
    command = f"{program} serve --folder {quote_path(folder)}"
    channel = await host.open(command)
    try:
        async with asyncio.timeout(DEADLINE_S):
            hello, rest = await _hello(channel, host)
    except TimeoutError:
        await channel.close()
        said = channel.stderr_tail().decode("utf-8", "replace").strip()
        raise Failed(
            Code.AGENT_START,
            f"The agent on {host.address} did not answer within {DEADLINE_S:g} s.",
            "Try again.",
            said,
        ) from None
    except BaseException:
        await channel.close()
        raise
    return AgentClient(channel, hello, rest, program)


async def _hello(channel: Channel, host: Host) -> tuple[AgentHello, bytes]:
    """Skip output before the hello. Returns the hello and the bytes after it."""
    received = b""
    while True:
        for start in re.finditer(b"\n" + SENTINEL, received):
            line, end, rest = received[start.end() :].partition(b"\n")
            if end and (said := json_object(line)) is not None:
                return parse(AgentHello, said), rest
        data = await channel.read()
        received += data
        if not data or len(received) > NOISE_ALLOWED:
            words = (channel.stderr_tail() or received[-2000:]).decode("utf-8", "replace").strip()
            last = words.splitlines()[-1].strip()[:200].rstrip(".") if words else "it printed nothing"
            raise Failed(
                Code.AGENT_START,
                f"The agent did not start on {host.address}: {last}.",
                "Its last output is in the details.",
                words,
            )
