"""The readings of a study that is read twice are stored on both machines, whatever ends in between."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.state import SessionState
from labeltui.domain.states import LinkState
from labeltui.monailabel.serving.rules import Edits
from labeltui.session.labels.readings import ALERT, tag_of
from labeltui.session.session import Session
from tests.fakes.monailabel import recorded
from tests.fakes.session import memory_session
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.labels.test_restore import Datastore
from tests.virtual_time import in_virtual_time

EDITS = "/root/labeltui/run/worklist-1.json"


class Twice(Datastore):
    """A datastore whose labels get the present time. ``puts`` has the tags that labeltui submitted."""

    def __init__(self, it: Desk) -> None:
        super().__init__(it)
        self.it, self.puts = it, list[str]()
        info = recorded("info")
        info["strategies"] = {"worklist": {"description": ""}, **info["strategies"]}
        it.server.documents["GET", "/info/"] = info

    def put_label(self, request: httpx.Request) -> Any:
        self.puts.append(request.url.params["tag"])
        answer = super().put_label(request)
        if answer != 500:
            entry = self.objects[request.url.params["image"]]["labels"][request.url.params["tag"]]
            entry["info"]["ts"] = int(self.it.session.clock().timestamp())
            if b'filename="label.seg.nrrd"' in request.content:  # the format follows the file's name
                study, tag = request.url.params["image"], request.url.params["tag"]
                entry["info"]["name"] = f"{study}.seg.nrrd"
                data = self.file(study, tag)
                assert data is not None
                self.files.remove(f"~/studies/labels/{tag}/{study}.nii.gz")
                self.files.write(f"~/studies/labels/{tag}/{study}.seg.nrrd", data)
        return answer

    def submit(self, client: str, data: bytes, study: str = "a") -> None:
        """A client submits a final label."""
        now = int(self.it.session.clock().timestamp())
        names = [{"name": "spleen", "idx": 1}]
        self.label(study, data, {"ts": now, "client_id": client, "label_info": names})
        self.it.session.pollers.queue.wake()

    @property
    def edits(self) -> Edits:
        """What the server would read."""
        file = self.files.get(EDITS)
        return Edits.of(None if file is None else json.loads(file.data))

    def readings(self, study: str = "a") -> dict[str, str]:
        """The recorded checksums, by client."""
        return {one.client: one.sha256 for one in self.edits.readings.get(study, ())}


@asynccontextmanager
async def doubled(folder: Path, **settings: Any) -> AsyncIterator[tuple[Desk, Twice]]:
    """A console on a server with a worklist; the study ``a`` is to be read twice, ``b`` is not."""
    async with desk(folder, **settings) as it:
        store = Twice(it)
        store.add("a")
        store.add("b")
        it.serve(worklist=EDITS, worklist_hold_s=5400.0)
        await it.session.readiness.need_server()
        if it.session.read_only:
            store.files.write(EDITS, b'{"doubled": ["a"]}')
        else:
            await it.run("studies.double", studies=["a"])
        yield it, store


async def recorded_by(session: Session, count: int, study: str = "a") -> SessionState:
    """Wait until a study has so many readings."""
    return await session.store.wait_for(
        lambda s: s.worklist.value is not None and len(s.worklist.value.readings.get(study, ())) == count, 120
    )


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def copies(session: Session) -> dict[str, str]:
    """The checksums of the newest copies on this machine, by tag."""
    return {entry.tag: sha((session.labels.folder.root / file).read_bytes())
            for entry, file in session.labels.folder.index.versions()}  # fmt: skip


@in_virtual_time
async def test_both_readings_are_on_the_host_and_on_this_machine(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("ana", b"of ana")
        state = await recorded_by(it.session, 1)
        assert state.worklist.value is not None
        assert store.readings() == {"ana": sha(b"of ana")}
        assert store.file("a", "final_ana") == b"of ana"
        info = store.objects["a"]["labels"]["final_ana"]["info"]
        assert (info["client_id"], info["label_info"]) == ("ana", [{"name": "spleen", "idx": 1}])
        await it.session.store.wait_for(
            lambda s: s.worklist.value is not None and s.worklist.value.second == {"a": ""}, 60
        )
        store.submit("ben", b"of ben")
        await recorded_by(it.session, 2)
        assert store.readings() == {"ana": sha(b"of ana"), "ben": sha(b"of ben")}
        assert [store.file("a", tag) for tag in ("final", "final_ana", "final_ben")] == [
            b"of ben", b"of ana", b"of ben",
        ]  # fmt: skip
        here = copies(it.session)
        assert (here["final_ana"], here["final_ben"], here["final"]) == (
            sha(b"of ana"), sha(b"of ben"), sha(b"of ben"),
        )  # fmt: skip
        assert store.puts == ["final_ana", "final_ben"]


@in_virtual_time
async def test_a_study_that_is_final_already_is_stored_when_it_is_marked(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("ana", b"of ana", "b")
        await it.session.store.wait_for(
            lambda s: s.queue.value is not None and any(one.tags for one in s.queue.value.studies), 60
        )
        assert store.puts == []
        document = await it.run("studies.double", studies=["b"])
        assert document["message"] == "b is read by two annotators."
        assert store.readings("b") == {"ana": sha(b"of ana")}
        undone = await it.run("studies.double", studies=["b"], undo=True)
        assert undone["doubled"] == ["a"]
        assert store.file("b", "final_ana") == b"of ana"


@in_virtual_time
async def test_readings_that_were_restored_to_a_new_pod_count_without_being_read_again(
    tmp_path: Path,
) -> None:
    async with doubled(tmp_path) as (it, store):
        now = int(it.session.clock().timestamp())
        store.label("a", b"of ana", {"ts": now, "client_id": "ana"}, "final_ana")
        store.label("a", b"whose", {"ts": now, "client_id": "[x]"}, "final_other")
        store.submit("ben", b"of ben")
        state = await recorded_by(it.session, 2)
        assert store.readings() == {"ana": sha(b"of ana"), "ben": sha(b"of ben")}
        assert store.puts == ["final_ben"]
        state = await it.session.store.wait_for(
            lambda s: s.worklist.value is not None and not s.worklist.value.second, 60
        )
        assert state.worklist.value is not None


@in_virtual_time
async def test_no_alert_is_raised_while_a_new_label_is_stored(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        raised: list[str] = []
        it.session.store.subscribe(lambda state, _changed: raised.extend(alert.key for alert in state.alerts))
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)
        assert ALERT not in raised


def alert_of(session: Session) -> str:
    return next((one.message for one in session.store.state.alerts if one.key == ALERT), "")


@in_virtual_time
async def test_a_lost_link_raises_no_alert_about_a_reading_that_is_stored(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)  # the list of studies does not have the reading's tag yet
        it.out_of_reach()
        it.host.drop()
        it.server.up = False  # the tunnel to it is lost too
        raised: list[str] = []
        it.session.store.subscribe(lambda _state, _changed: raised.append(alert_of(it.session)))
        await asyncio.sleep(120)
        assert it.session.store.state.queue.value is not None
        assert {*raised} == {""}


@in_virtual_time
async def test_a_reading_that_waits_for_the_link_is_named_and_stored_at_once_after_it(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        mend = cannot_list(it, store)
        store.submit("ana", b"of ana")
        await it.session.store.wait_for(lambda _state: bool(alert_of(it.session)), 60)
        assert alert_of(it.session).startswith("A reading of a is not stored yet")
        it.out_of_reach()
        it.host.drop()
        await asyncio.sleep(600)
        it.host.refusals.clear()
        await it.session.store.wait_for(
            lambda s: s.host.value is not None and s.host.value.state is LinkState.CONNECTED, 200
        )
        await asyncio.sleep(3)
        mend()
        it.session.labels.wake()
        began = asyncio.get_running_loop().time()
        await it.session.store.wait_for(lambda _state: not alert_of(it.session), 100)
        assert asyncio.get_running_loop().time() - began < 15
        assert store.readings() == {"ana": sha(b"of ana")}


@in_virtual_time
async def test_a_corrected_label_replaces_the_reading_and_stays_on_this_machine(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)
        store.submit("ana", b"better")
        await it.session.store.wait_for(lambda _s: store.readings() == {"ana": sha(b"better")}, 60)
        assert store.file("a", "final_ana") == b"better"
        contents = {
            entry.sha256 for entry, _ in it.session.labels.folder.index.versions() if entry.tag == "final_ana"
        }
        assert contents == {sha(b"of ana"), sha(b"better")}


def cannot_list(it: Desk, _store: Twice) -> Callable[[], None]:
    it.refuse_labels()
    return lambda: it.host.agent.answers.pop("labels.list") and None


def cannot_submit(it: Desk, store: Twice) -> Callable[[], None]:
    store.refuses.add("a")
    return store.refuses.clear


def stored_wrong(it: Desk, store: Twice) -> Callable[[], None]:
    """The server's disk is full while it writes the label of the reading, and it answers that all is well."""

    def torn(request: httpx.Request) -> Any:
        store.label("a", b"torn", {"ts": 1}, request.url.params["tag"])
        return {}

    it.server.documents["PUT", "/datastore/label"] = torn
    return lambda: it.server.documents.update({("PUT", "/datastore/label"): store.put_label})


def cannot_record(it: Desk, _store: Twice) -> Callable[[], None]:
    it.host.agent.answers["write"] = Failed(Code.NOT_WRITTEN, "No space is left on the device.", "")
    return lambda: it.host.agent.answers.pop("write") and None


def server_ends(it: Desk, _store: Twice) -> Callable[[], None]:
    it.server.up = False
    return lambda: setattr(it.server, "up", True)


@pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("cut", [cannot_list, cannot_submit, stored_wrong, cannot_record, server_ends])
@in_virtual_time
async def test_what_was_cut_off_is_finished_by_the_next_console(
    tmp_path: Path, cut: Callable[[Desk, Twice], Callable[[], None]], second: bool
) -> None:
    async with doubled(tmp_path) as (it, store):
        if second:
            store.submit("ana", b"of ana")
            await recorded_by(it.session, 1)
        before = store.readings()
        mend = cut(it, store)
        store.submit("ben", b"of ben")
        await it.session.store.wait_for(
            lambda s: any(one.key == ALERT for one in s.alerts) or not it.server.up, 120
        )
        assert store.readings() == before
        await it.session.close()
        mend()
        async with memory_session(
            tmp_path, host=it.host, server=it.server, profile={"labels": {"folder": str(tmp_path / "labels")}}
        ) as session:
            it.session = session
            await recorded_by(session, len(before) + 1)
            assert store.readings() == {**before, "ben": sha(b"of ben")}
            assert store.file("a", "final_ben") == b"of ben"
            here = copies(session)
            assert {here[f"final_{client}"] for client in store.readings()} == set(store.readings().values())
            assert not any(one.key == ALERT for one in session.store.state.alerts)


@pytest.mark.parametrize("stored", [False, True], ids=["before it is stored", "before the answer"])
@in_virtual_time
async def test_a_connection_that_is_lost_on_the_way_is_made_again_and_the_reading_is_recorded(
    tmp_path: Path, stored: bool
) -> None:
    async with doubled(tmp_path) as (it, store):
        dropped: list[bool] = []

        def dropping(request: httpx.Request) -> Any:
            if stored or dropped:
                store.put_label(request)
            if not dropped:
                dropped.append(True)
                it.host.drop()
                raise httpx.ReadError("The connection was lost.", request=request)
            return {}

        it.server.documents["PUT", "/datastore/label"] = dropping
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)
        assert (store.readings(), store.file("a", "final_ana")) == ({"ana": sha(b"of ana")}, b"of ana")
        assert store.puts == ["final_ana"]
        assert dropped


@in_virtual_time
async def test_a_recorded_reading_is_not_submitted_again(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)
        await it.session.close()
        async with memory_session(tmp_path, host=it.host, server=it.server) as session:
            await recorded_by(session, 1)
            await session.store.wait_for(
                lambda s: s.worklist.value is not None and s.worklist.value.second, 60
            )
            assert await session.readings.settle(["a"])
        assert store.puts == ["final_ana"]


@in_virtual_time
async def test_a_label_that_another_replaces_meanwhile_is_not_recorded_under_the_wrong_name(
    tmp_path: Path,
) -> None:
    labels = {"folder": str(tmp_path / "labels"), "copy": False}  # so that only the reading is fetched
    async with doubled(tmp_path, labels=labels) as (it, store):
        info = store.label_info

        def overtaken(request: httpx.Request) -> Any:
            answer = dict(info(request))
            if answer.get("client_id") == "ana" and not store.puts and store.file("a") == b"of ana":
                now = int(it.session.clock().timestamp()) + 1
                store.label("a", b"of ben", {"ts": now, "client_id": "ben"})
                path = "~/studies/labels/final/a.nii.gz"  # by the host's clock, it is complete
                store.files.write(path, b"of ben", mtime_ns=(now - 10) * 10**9)
            return answer

        it.server.documents["GET", "/datastore/label/info"] = overtaken
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)
        assert store.readings() == {"ben": sha(b"of ben")}
        assert store.puts == ["final_ben"]


@in_virtual_time
async def test_an_older_label_in_another_format_is_not_taken_for_the_reading(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("ana", b"of ana")
        await recorded_by(it.session, 1)
        now = int(it.session.clock().timestamp()) + 1
        info = {"ts": now, "client_id": "ben", "name": "a.seg.nrrd"}
        store.objects["a"]["labels"]["final"] = {"ext": ".seg.nrrd", "info": info}
        store.files.write("~/studies/labels/final/a.seg.nrrd", b"of ben")
        it.session.pollers.queue.wake()
        await recorded_by(it.session, 2)
        assert store.readings() == {"ana": sha(b"of ana"), "ben": sha(b"of ben")}
        assert store.files.read("~/studies/labels/final_ben/a.seg.nrrd") == b"of ben"


@in_virtual_time
async def test_a_label_without_a_name_is_no_reading_and_the_reason_is_known(tmp_path: Path) -> None:
    async with doubled(tmp_path) as (it, store):
        store.submit("user-xyz", b"whose")
        state = await it.session.store.wait_for(
            lambda s: s.worklist.value is not None and "a" in s.worklist.value.second, 60
        )
        assert state.worklist.value is not None
        assert "unknown" in state.worklist.value.second["a"]
        document = await it.run("studies.double", studies=["a"])
        assert "a is not handed out yet: the annotator of the first reading is unknown" in document["message"]
        assert store.puts == []


@in_virtual_time
async def test_a_read_only_console_stores_nothing_on_the_host(tmp_path: Path) -> None:
    async with doubled(tmp_path, read_only=True) as (it, store):
        store.submit("ana", b"of ana")
        await it.session.store.wait_for(
            lambda s: s.worklist.value is not None and s.worklist.value.second, 60
        )
        await it.session.store.wait_for(lambda s: s.labels.value is not None and s.labels.value.here == 1, 60)
        assert (store.puts, store.readings()) == ([], {})


@pytest.mark.parametrize(
    ("client", "others", "tag"),
    [
        ("ana", {}, "final_ana"),
        ("../x/é\n", {}, "final_%2E./x"),
        ("ana", {"ana": "final_old"}, "final_old"),
    ],
)
def test_the_tag_of_a_reading_names_its_client_and_is_one_safe_folder(
    client: str, others: dict[str, str], tag: str
) -> None:
    found = tag_of(client, others)
    assert "/" not in found
    assert found.isprintable()
    if client == "ana":
        assert found == tag


def test_names_that_differ_in_case_get_different_tags() -> None:
    assert tag_of("Ana", {"ana": "final_ana"}).casefold() != "final_ana"
