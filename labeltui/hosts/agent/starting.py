"""Sends the agent to a host, starts it, and waits for its hello."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.messages import AgentHello
from labeltui.hosts.agent.parsing import json_object
from labeltui.hosts.agent.sending import DEADLINE_S, digest_of, put_program
from labeltui.hosts.base import Channel, Host
from labeltui.hosts.quoting import quote_path

SOURCE = Path(__file__).with_name("agent.py")
SENTINEL = b"LABELTUI-AGENT "
NOISE_ALLOWED = 1 << 20


async def start_agent(host: Host, folder: str, python: str = "python3") -> AgentClient:
    """Send the agent to ``folder`` on the host where it is not yet, start it and wait for its hello.

    Raises Failed with code ``no_python``, ``agent_send`` or ``agent_start``; Unreachable when the host goes
    away.
    """
    source = await asyncio.to_thread(SOURCE.read_bytes)
    path = f"{folder.rstrip('/') or '/'}/agent/{digest_of(source)}.py"
    await put_program(host, source, path, python)
    command = f"exec {quote_path(python)} -u {quote_path(path)} serve --folder {quote_path(folder)}"
    channel = await host.open(command)
    try:
        async with asyncio.timeout(DEADLINE_S):
            hello, rest = await _hello(channel, host)
    except TimeoutError:
        await channel.close()
        raise Failed(
            Code.AGENT_START, f"The agent on {host.address} said nothing for {DEADLINE_S:g} s."
        ) from None
    except BaseException:
        await channel.close()
        raise
    return AgentClient(channel, hello, rest)


async def _hello(channel: Channel, host: Host) -> tuple[AgentHello, bytes]:
    """Skip what the login shell prints; returns the hello and what came after it."""
    seen = b""
    while True:
        for start in re.finditer(b"\n" + SENTINEL, seen):
            line, end, rest = seen[start.end() :].partition(b"\n")
            if end and (said := json_object(line)) is not None:
                return AgentHello(**{name: said[name] for name in AgentHello.__dataclass_fields__}), rest
        data = await channel.read()
        seen += data
        if not data or len(seen) > NOISE_ALLOWED:
            words = (channel.stderr_tail() or seen[-2000:]).decode("utf-8", "replace").strip()
            raise Failed(
                Code.AGENT_START, f"The agent did not start on {host.address}.", "See the details.", words
            )
