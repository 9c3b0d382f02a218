"""The list of studies: from the datastore's file if the agent can read it, else from the server, and why."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labeltui.config.model import ServerSection
from labeltui.domain.problems import Failed
from labeltui.domain.reading import Reading
from labeltui.domain.server.server import ServerInfo, ServerStatus
from labeltui.domain.state import Identity, SessionState
from labeltui.domain.states import ServerState
from labeltui.domain.studies.study import QueueSource, StudyQueue
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.agent.remote import studies as remote_studies
from labeltui.monailabel import convert
from labeltui.session.runtime.store import Store
from labeltui.session.studies import folder as folder_module
from labeltui.session.studies.annotators import Annotators
from labeltui.session.studies.listing import StudyListing
from tests.fakes.studies_agent import StudiesChannel, studies_agent

PLAIN: dict[str, Any] = {"image": {"ext": ".nii.gz", "info": {"ts": 1, "name": "x"}}, "labels": {}}
FINAL = {**PLAIN, "labels": {"final": {"ext": ".nrrd", "info": {"ts": 9, "client_id": "ana"}}}}


@dataclass
class FakeServer:
    """What the server's API lists; ``asked`` counts the requests."""

    objects: dict[str, Any] = field(default_factory=dict)
    asked: int = 0

    async def studies(self, *, dicomweb: bool = False) -> StudyQueue:
        self.asked += 1
        return convert.study_queue({"objects": self.objects}, dicomweb=dicomweb)


@dataclass
class Desk:
    """A console's list over a folder of studies."""

    folder: Path
    store: Store
    agent: AgentClient
    channel: StudiesChannel
    server: FakeServer
    now: list[datetime]
    changes: int = 0
    change: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.listing = StudyListing(
            self.store, lambda: self.server, Annotators("labeltui", lambda: UTC),  # type: ignore[arg-type, return-value]
            lambda: self.now[0], self.on_change,
            settings=ServerSection(), process=self.process, ready=self.ready,
        )  # fmt: skip

    async def process(self) -> int | None:
        return None

    async def ready(self) -> AgentClient:
        return self.agent

    def write(self, objects: dict[str, Any]) -> None:
        document = {"name": "new-dataset", "objects": objects}
        (self.folder / "datastore_v2.json").write_text(json.dumps(document, indent=2))

    def serve(self, **changes: Any) -> None:
        status = ServerStatus(ServerState.RUNNING, pid=7, studies=str(self.folder))
        self.store.publish(replace(self.store.state, server=Reading(replace(status, **changes), self.now[0])))

    def count(self, total: int, completed: int, at: datetime) -> None:
        info = ServerInfo("x", "0.8.5", total=total, completed=completed)
        self.store.publish(replace(self.store.state, info=Reading(info, at)))

    def on_change(self) -> None:
        self.changes += 1
        self.change.set()

    async def changed(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.changes < count:
                self.change.clear()
                await self.change.wait()


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    async with studies_agent() as (agent, channel):
        store = Store(SessionState(Identity("p")))
        made = Desk(folder, store, agent, channel, FakeServer(), [datetime(2026, 11, 26, tzinfo=UTC)])
        following = asyncio.create_task(made.listing.folder.run(agent))
        try:
            yield made
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def ids(queue: StudyQueue) -> list[str]:
    return [study.id for study in queue.studies]


async def test_a_folder_of_our_server_is_read_without_asking_the_server(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.write({"b": PLAIN, "a": FINAL})
        here.serve()
        queue = await here.listing.read()
        assert (queue.source, queue.source_problem) == (QueueSource.FILE, "")
        assert (ids(queue), queue.total, queue.completed) == (["a", "b"], 2, 1)
        assert (queue.label_tags, queue.studies[0].authors) == ({"final": 1}, {"final": "ana"})
        assert here.server.asked == 0


async def test_a_change_of_the_file_is_reported_and_listed(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN, "b": PLAIN})
        here.serve()
        before = await here.listing.read()
        await here.changed(1)
        here.write(
            {"a": FINAL, "c": PLAIN, "b": PLAIN}
        )  # a label came, and an image was copied to the folder
        await here.changed(2)
        after = await here.listing.read()
        assert (ids(after), after.completed) == (["a", "b", "c"], 1)
        assert after.studies[1] is before.studies[1]
        here.write({"c": PLAIN})
        assert ids(await here.listing.read()) == ["c"]  # a read waits for the file as it is now


async def test_the_sizes_of_images_follow_the_list(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        (tmp_path / "a.nii.gz").write_bytes(bytes(2_000_000))
        (tmp_path / "b.nii.gz").mkdir()
        here.write({"a": PLAIN, "b": PLAIN, "gone": PLAIN})
        here.serve()
        before = await here.listing.read()  # a command reads the list once
        await here.changed(2)  # the list, then the sizes
        assert [study.size for study in before.studies] == [2_000_000, None, None]
        here.write({"a": FINAL, "b": PLAIN, "gone": PLAIN})
        await here.changed(3)
        assert (await here.listing.read()).studies[0].size == 2_000_000
        (tmp_path / "a.nii.gz").write_bytes(b"other")
        here.write({"a": {**PLAIN, "image": {"ext": ".nii.gz", "info": {"ts": 2, "name": "x"}}}, "b": PLAIN})
        await here.changed(5)
        assert [study.size for study in (await here.listing.read()).studies] == [5, None]
        other = tmp_path / "other"
        other.mkdir()
        (other / "datastore_v2.json").write_text(json.dumps({"objects": {"a": PLAIN}}))
        here.serve(studies=str(other))
        await here.changed(6)
        assert [study.size for study in (await here.listing.read()).studies] == [None]


async def test_sizes_that_take_long_come_after_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_studies, "SIZES_S", 0.0)
    async with desk(tmp_path) as here:
        for name in "abc":
            (tmp_path / f"{name}.nii.gz").write_bytes(b"12345")
        here.write(dict.fromkeys("abc", PLAIN))
        here.serve()
        assert len((await here.listing.read()).studies) == 3
        await here.changed(2)
        assert [study.size for study in (await here.listing.read()).studies] == [5, 5, 5]


async def test_a_half_written_file_leaves_the_list_and_is_read_when_it_is_whole(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN})
        here.serve()
        await here.listing.read()
        file = tmp_path / "datastore_v2.json"
        whole = json.dumps({"objects": {"a": FINAL}}, indent=2)
        for cut in (0, len(whole) // 2):
            file.write_text(whole[:cut])
            reading = asyncio.create_task(here.listing.read())
            await asyncio.sleep(0.1)
            assert not reading.done()
            file.write_text(whole)
            assert (await reading).completed == 1
        assert here.server.asked == 0


async def test_before_the_server_has_written_the_file_its_own_list_counts(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.serve()
        queue = await here.listing.read()
        assert (queue.total, queue.source, queue.source_problem) == (0, QueueSource.SERVER, "")
        here.server.objects = {"a": PLAIN}
        queue = await here.listing.read()
        assert (ids(queue), queue.source) == (["a"], QueueSource.SERVER)
        assert "There is no" in queue.source_problem
        here.write({"a": PLAIN, "b": PLAIN})
        await here.changed(1)
        queue = await here.listing.read()
        assert (ids(queue), queue.source, queue.source_problem) == (["a", "b"], QueueSource.FILE, "")


async def test_a_folder_that_the_agent_lost_is_listed_by_the_server_and_later_by_the_agent_again(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN, "b": FINAL})
        here.serve()
        await here.listing.read()
        (tmp_path / "datastore_v2.json").unlink()
        here.server.objects = {"z": PLAIN}
        assert ids(await here.listing.read()) == ["z"]
        here.write({"a": FINAL, "b": FINAL})
        queue = await here.listing.read()
        assert (ids(queue), queue.completed, queue.source) == (["a", "b"], 2, QueueSource.FILE)


@pytest.mark.parametrize("changes", [{"pid": None}, {"studies": None}])
async def test_other_servers_are_asked_themselves(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN})
        here.serve(**changes)
        here.server.objects = {"z": PLAIN}
        queue = await here.listing.read()
        assert (ids(queue), queue.source, queue.source_problem) == (["z"], QueueSource.SERVER, "")
        assert here.channel.requests == []


async def test_another_server_of_ours_brings_its_own_folder(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN})
        here.serve()
        await here.listing.read()
        (tmp_path / "other").mkdir()
        here.folder = tmp_path / "other"
        here.write({"b": FINAL})
        here.serve()
        queue = await here.listing.read()
        assert (ids(queue), queue.completed) == (["b"], 1)


async def test_an_agent_that_garbles_the_list_leaves_it_to_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN})
        here.server.objects = {"z": PLAIN}
        send: Callable[..., None] = here.channel.studies.send

        def garble(message: dict[str, Any], bulk: bool = False) -> None:
            send({**message, "data": "eA=="} if "data" in message else message, bulk)

        monkeypatch.setattr(here.channel.studies, "send", garble)
        here.serve()
        queue = await here.listing.read()
        assert ids(queue) == ["z"]
        assert "can't be read" in queue.source_problem


async def test_a_file_that_is_broken_after_many_studies_leaves_them_out_and_the_collector_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_studies, "BROKEN_AFTER_S", 0.0)
    async with desk(tmp_path) as here:
        here.write({f"{number:05}": PLAIN for number in range(1500)})
        file = tmp_path / "datastore_v2.json"
        file.write_text(file.read_text().replace('"01400": {', '"01400": {,'))
        here.server.objects = {"z": PLAIN}
        here.serve()
        queue = await here.listing.read()
        assert (ids(queue), "not valid JSON" in queue.source_problem) == (["z"], True)
        await here.changed(1)
        assert gc.isenabled()


async def test_an_agent_that_could_not_start_leaves_the_list_to_the_server(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.serve()
        here.server.objects = {"z": PLAIN}

        async def no_agent() -> AgentClient:
            raise Failed("agent_start", "The host has no Python.", "Install it.")  # type: ignore[arg-type]

        here.listing._ready = no_agent
        queue = await here.listing.read()
        assert (ids(queue), queue.source_problem) == (["z"], "The host has no Python.")


async def test_the_servers_counts_that_differ_are_shown_only_if_they_are_newer(tmp_path: Path) -> None:
    early, late = datetime(2026, 11, 26, 1, tzinfo=UTC), datetime(2026, 11, 26, 3, tzinfo=UTC)
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN})
        here.serve()
        assert (await here.listing.read()).server_total is None
        here.count(2, 0, early)
        assert (await here.listing.read()).server_total == 2
        here.now[0] = datetime(2026, 11, 26, 2, tzinfo=UTC)
        here.write({"a": FINAL})
        assert (await here.listing.read()).server_total is None
        here.count(2, 0, late)
        queue = await here.listing.read()
        assert (queue.server_total, queue.server_completed, queue.server_differs) == (2, 0, True)


async def test_after_the_agent_has_gone_a_new_one_replaces_only_what_changed(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.write({"a": PLAIN, "b": PLAIN})
        here.serve()
        before = await here.listing.read()
    here.write({"a": PLAIN, "b": FINAL})
    async with studies_agent() as (agent, _channel):
        here.agent = agent
        following = asyncio.create_task(here.listing.folder.run(agent))
        after = await here.listing.read()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert after.studies[0] is before.studies[0]
    assert after.completed == 1
    assert folder_module.folder_of(here.store.state) == str(tmp_path)
