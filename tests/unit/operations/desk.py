"""A session for tests of operations, with all of its surroundings in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from labeltui.domain.deploy.catalogue import PodSpec
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, LabeltuiError, Unreachable
from labeltui.operations.pod.start import can_be_reached, wait_until
from labeltui.sandbox.runpod.world import timeline
from labeltui.sandbox.runpod.world.world import World
from labeltui.session.session import Session
from tests.actions import RecordingReport, failing, run_confirmed
from tests.fakes.account import EmulatedAccount
from tests.fakes.facts import INSTALLED, report_facts
from tests.fakes.host import MemoryHost
from tests.fakes.monailabel import FakeMonaiLabel
from tests.fakes.receiver import receive_in_memory
from tests.fakes.session import memory_session
from tests.unit.runpod.published_account import PublishedAccount

GPU = "NVIDIA RTX A5000"


class Desk:
    """A session with its host, its server and its RunPod account. ``report`` collects the reports of all actions.

    ``parts`` is the folder of what the host has received of files. ``cuts`` are numbers of bytes after which the
    next uploads are cut off, and ``receivers`` are the uploads.
    """

    def __init__(
        self,
        folder: Path,
        session: Session,
        host: MemoryHost,
        server: FakeMonaiLabel,
        account: EmulatedAccount | PublishedAccount | None,
    ) -> None:
        self.session, self.host, self.server, self.account = session, host, server, account
        self.report = RecordingReport()
        self.parts = folder / "received"
        self.cuts: list[int] = []
        self.receivers = receive_in_memory(host, self.parts, self.cuts)

    @property
    def world(self) -> World:
        """The emulated account. Fails without one."""
        assert isinstance(self.account, EmulatedAccount)
        return self.account.world

    async def run(self, action: str, **params: Any) -> Mapping[str, Any]:
        return await run_confirmed(self.session, action, self.report, **params)

    async def failing(self, action: str, **params: Any) -> LabeltuiError:
        return await failing(self.session, action, self.report, **params)

    def begin(self, action: str, **params: Any) -> asyncio.Task[Mapping[str, Any]]:
        return asyncio.create_task(self.run(action, **params))

    async def rent(self, name: str = "annot", **more: Any) -> str:
        """Rent a pod, wait until it can be reached, and return its id."""
        client = await self.session.account.client()
        spec = PodSpec(name, GPU, container_disk_gb=20, volume_disk_gb=more.pop("volume_disk_gb", 20), **more)
        pod = await client.create_once(spec)
        return (await wait_until(self.session, pod, can_be_reached, RecordingReport())).id

    def elsewhere(self, pod_id: str, action: str) -> None:
        """Cause an event of the pod, as another user does on RunPod's website."""
        timeline.act(self.world, pod_id, action)

    def pin(self, pod_id: str) -> Path:
        """Store the host key of the pod's container, as the first connection does."""
        path = self.session.state_folder.folder / f"known_hosts-{pod_id}"
        path.write_text("pod ssh-ed25519 AAAA\n")
        return path

    def put_label(self, name: str, data: bytes = b"label") -> None:
        """Add a final label on the host."""
        self.host.files.write(f"~/studies/labels/final/{name}", data)

    def refuse_labels(self) -> None:
        """Make the folder of labels on the host unreadable."""
        refusal = Failed(Code.LABELS_UNREAD, "Permission denied.", "")
        self.host.on("labeltui:labels", refusal)
        self.host.agent.answers["labels.list"] = refusal

    def out_of_reach(self) -> None:
        """Refuse every further connection to the host."""
        self.host.refusals.extend([Unreachable(Code.REFUSED, "Connection refused.", "")] * 1000)

    def serve(self, **meta: Any) -> None:
        """Start a server on the host, as labeltui does."""
        job = self.host.agent.start("server", meta={"app": "radiology", "studies": "/root/studies", **meta})
        job.print("INFO:     Uvicorn running on http://127.0.0.1:8000\n")
        self.server.up = True


@asynccontextmanager
async def desk(
    folder: Path,
    *,
    rents: bool = False,
    account: PublishedAccount | None = None,
    serves: bool = False,
    start: bool = True,
    read_only: bool = False,
    **settings: Any,
) -> AsyncIterator[Desk]:
    """Open a session on a host with MONAI Label installed.

    With ``rents``, the profile is on RunPod, and its pod is not rented yet. ``account`` replaces the emulated
    account. With ``serves``, a server runs already; otherwise ``server start`` can start it. ``settings`` are
    the profile's.
    """
    rented = account or (EmulatedAccount(asyncio.get_running_loop().time) if rents else None)
    host, server = MemoryHost(), FakeMonaiLabel()
    host.install()
    host.files.folders.add(host.files.expand("~/studies"))
    report_facts(host, lambda: INSTALLED)
    server.up = False
    host.agent.programs["server"] = server.run
    async with memory_session(
        folder, host=host, server=server, account=rented, start=start, read_only=read_only, profile=settings
    ) as session:
        it = Desk(folder, session, host, server, rented)
        if serves:
            it.serve()
        yield it


@asynccontextmanager
async def published(
    folder: Path, *, scope: str = "all", scope_first: bool = True, **settings: Any
) -> AsyncIterator[tuple[Desk, PublishedAccount]]:
    """A desk whose RunPod account is emulated from the published API. Every body is checked against that API."""
    account = PublishedAccount(asyncio.get_running_loop().time, scope=scope, scope_first=scope_first)
    async with desk(folder, account=account, start=False, **settings) as it:
        yield it, account
    assert not account.wrong
