"""A session over fakes in memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from labeltui.config.model import Profile
from labeltui.monailabel.client import MonaiLabelClient
from labeltui.session.clients import Clients
from labeltui.session.demo import DemoPod
from labeltui.session.pod.account import PodAccount
from labeltui.session.pod.host import PodHost
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.session import Session
from tests.actions import FailingPrompter
from tests.fakes.account import KEY, EmulatedAccount, LoopClock
from tests.fakes.host import MemoryHost
from tests.fakes.monailabel import FakeMonaiLabel
from tests.unit.runpod.published_account import PublishedAccount

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43 + " memory\n"


@asynccontextmanager
async def memory_session(
    folder: Path,
    *,
    host: MemoryHost | None = None,
    server: FakeMonaiLabel | None = None,
    account: EmulatedAccount | PublishedAccount | None = None,
    profile: Mapping[str, Any] | None = None,
    read_only: bool = False,
    start: bool = True,
    hold: bool = True,
    demo: DemoPod | None = None,
) -> AsyncIterator[Session]:
    """Open a session whose state is in ``folder``, start it unless ``start`` is False, and close it at the end.

    With ``account``, the profile is on RunPod and names the pod "annot", and ``host`` is the machine at the
    pod's address. ``profile`` has further settings of the profile. The clocks of session and host are the
    loop's. They begin at ``tests.fakes.account.START``.
    """
    host, server = host or MemoryHost(), server or FakeMonaiLabel()
    loop = asyncio.get_running_loop()
    clock = account.clock if account is not None else LoopClock(loop.time)
    host.now = lambda: clock.now().timestamp()
    state = StateFolder(folder / "state")
    settings: dict[str, Any] = {
        "labels": {"folder": str(folder / "labels")},
        "models": {"folder": str(folder / "models")},
        **(profile or {}),
    }
    if account is not None:
        (folder / "key.pub").write_text(PUBLIC_KEY)
        settings = {"host": "runpod", "runpod": {"pod": "annot", "key": str(folder / "key")}, **settings}
    else:
        settings = {"host": "ssh", "ssh": {"address": host.address}, **settings}

    def host_of(pod_account: PodAccount) -> Any:
        if account is None:
            return host
        return PodHost(pod_account, state, FailingPrompter(), lambda _address, _known_hosts, _prompter: host)  # type: ignore[arg-type,return-value]

    with ExitStack() as stack:
        clients = Clients(server=partial(MonaiLabelClient, transport=server.transport))
        if account is not None:
            clients = replace(clients, runpod=account.client)
            stack.enter_context(patch.dict(os.environ, {"RUNPOD_API_KEY": KEY}))
        session = Session(
            "p",
            Profile.model_validate(settings),
            host_of,
            state,
            read_only=read_only,
            pod=demo,
            clock=clock.now,
            clients=clients,
        )
        passing = asyncio.create_task(account.run()) if account is not None else None
        if start:
            await session.start(hold=hold)
        try:
            yield session
        finally:
            await session.close()
            if passing is not None:
                passing.cancel()
                with suppress(asyncio.CancelledError):
                    await passing
