"""Labels leave the host as they are submitted: on the demo's pod, with what can go wrong during a copy."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labeltui.config.model import Profile
from labeltui.domain.labels.copies import LabelCopies
from labeltui.domain.problems import LabeltuiError, Unreachable
from labeltui.domain.state import Identity, Level, SessionState
from labeltui.hosts.agent.client import AgentClient
from labeltui.hosts.base import Progress
from labeltui.hosts.local import LocalHost
from labeltui.opening.autostart import CONFIRMED, FIRST_ACTIONS
from labeltui.opening.launch import Launch
from labeltui.opening.opening import open_session
from labeltui.operations.run import run_action
from labeltui.sandbox.pod import free_port
from labeltui.session.labels import copier as labelcopies
from labeltui.session.labels import copying
from labeltui.session.runtime.state_folder import StateFolder
from labeltui.session.runtime.store import Store
from labeltui.session.session import Session
from tests.actions import RecordingReport, RefusingPrompter, run_confirmed
from tests.fakes.store import put


@asynccontextmanager
async def on_the_pod(scenario: str) -> AsyncIterator[Session]:
    """The demo's pod, reached by SSH."""
    session = await open_session(Launch(demo=scenario), RefusingPrompter())
    await session.start()
    try:
        yield session
    finally:
        await session.close()


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    """A session on this machine, with six labels that were here before it began."""
    studies = tmp_path / "home/studies"
    profile = Profile.model_validate(
        {
            "host": "local",
            "server": {"studies": str(studies), "folder": str(tmp_path / "folder"), "port": free_port()},
            "labels": {"folder": str(tmp_path / "desk")},
        }
    )
    opened = Session("p", profile, lambda _account: LocalHost(), StateFolder(tmp_path / "state"))
    for number in range(5):
        submit(opened, f"s_{number}.nii.gz", b"label %d" % number)
    submit(opened, "s_5.nii.gz", b"of a model", tag="original")
    await opened.start()
    try:
        await all_here(opened, 6)
        yield opened
    finally:
        await opened.close()


def on_host(session: Session) -> Path:
    """The host's folder of labels: it is on this machine."""
    return Path(session.profile.server.studies) / "labels"


def submit(session: Session, name: str, content: bytes, *, tag: str = "final", age_s: float = 5.0) -> None:
    """Put a label into the datastore's folder as one that was saved a while ago."""
    path = on_host(session) / tag / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    at = time.time() - age_s
    os.utime(path, (at, at))
    session.labels.wake()


def files(session: Session) -> dict[str, bytes]:
    root = session.labels.folder.root
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*.nii.gz")}


async def until(session: Session, holds: Any, within: float = 20.0) -> LabelCopies:
    def is_copied(state: SessionState) -> bool:
        return (
            state.labels.value is not None and state.labels.error is None and bool(holds(state.labels.value))
        )

    state = await session.store.wait_for(is_copied, within)
    assert state.labels.value is not None
    return state.labels.value


async def all_here(session: Session, total: int) -> LabelCopies:
    return await until(session, lambda copies: copies.total == total and copies.safe)


@pytest.mark.slow
async def test_what_annotators_submit_is_here_within_seconds_and_the_same() -> None:
    async with on_the_pod("healthy") as session:
        first = await until(session, lambda copies: copies.total >= 6 and copies.safe)
        copies = await until(session, lambda copies: copies.here > first.here and bool(copies.last_by), 50)
        assert (copies.last.startswith("final/"), copies.last_by) in [(True, "ana"), (True, "ben")]
        for path, content in files(session).items():
            assert (labels_of(session) / path).read_bytes() == content
        listed = await run_confirmed(session, "labels.list")
        assert {row["who"] for row in listed["labels"]} & {"ana", "ben"}
        assert (await run_confirmed(session, "status"))["labels"]["reason"] is None


async def test_a_label_submitted_again_keeps_the_copy_before(session: Session) -> None:
    before = files(session)["final/s_2.nii.gz"]
    submit(session, "s_2.nii.gz", b"better")
    await until(session, lambda c: files(session).get("final/s_2.nii.gz") == b"better" and c.safe)
    assert [text for path, text in files(session).items() if path.startswith("versions/")] == [before]
    submit(session, "s_2.nii.gz", b"better", age_s=3.0)  # touched, not changed
    await run_confirmed(session, "labels.pull")
    assert len(files(session)) == 7
    verified = await run_confirmed(session, "labels.verify")
    assert (verified["same"], verified["differs"], verified["missing"], verified["older"]) == (6, 0, 0, 1)


@pytest.mark.slow
async def test_a_copy_that_is_cut_in_the_middle_goes_on_and_is_whole(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = session.link.host
    whole = os.urandom(17 << 20)  # more than the agent is asked for
    real = type(host).download
    tries = 0

    async def download(self: Any, source: str, target: Path, *, progress: Progress | None = None) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            target.with_name(target.name + ".part").write_bytes(whole[:100_000])
            raise Unreachable("lost", "The connection was lost.")
        await real(self, source, target, progress=progress)

    monkeypatch.setattr(type(host), "download", download)
    submit(session, "big.nii.gz", whole)
    await session.store.wait_for(lambda s: s.labels.error == "The connection was lost.", 20)
    await all_here(session, 7)
    assert files(session)["final/big.nii.gz"] == whole
    assert tries == 2


@pytest.mark.slow
async def test_a_connection_that_goes_is_said_and_labels_come_when_it_is_back(session: Session) -> None:
    await (await session.link.ready()).close()
    state = await session.store.wait_for(lambda s: s.labels.error is not None, 20)
    assert state.labels.value is not None
    assert (state.labels.value.here, state.labels.is_stale(session.clock())) == (6, True)
    submit(session, "late.nii.gz", b"meanwhile")
    await all_here(session, 7)


async def test_a_folder_of_copies_that_cannot_be_used_is_named_and_counted(session: Session) -> None:
    root = session.labels.folder.root
    submit(session, "a.nii.gz", b"a")
    await all_here(session, 7)
    root.rename(root.with_name("aside"))
    root.write_text("a file")
    submit(session, "b.nii.gz", b"b")
    session.labels.wake()
    state = await session.store.wait_for(lambda s: any(a.key == "labels" for a in s.alerts), 20)
    alert = next(a for a in state.alerts if a.key == "labels")
    assert f"{root} can't be used: it is a file, not a folder" in alert.message
    assert "folder to another place" in alert.hint
    copies = state.labels.value
    assert copies is not None
    assert copies.total == 8
    assert not copies.safe


async def test_a_full_disk_is_named_with_what_to_do_and_tried_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True
    place = session.labels.folder.place

    def refuse(*arguments: Any) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        place(*arguments)

    monkeypatch.setattr(session.labels.folder, "place", refuse)
    submit(session, "a.nii.gz", b"a")
    submit(session, "b.nii.gz", b"b")
    state = await session.store.wait_for(lambda s: any(a.key == "labels" for a in s.alerts), 20)
    alert = next(a for a in state.alerts if a.key == "labels")
    assert alert.level is Level.ERROR
    assert alert.message == "2 labels are not copied to this machine: disk full."
    assert str(session.labels.folder.root) in alert.hint
    with pytest.raises(LabeltuiError) as failed:
        await run_confirmed(session, "labels.pull")
    assert failed.value.problem.code == "labels_not_copied"
    full = False
    await all_here(session, 8)
    assert not any(a.key == "labels" for a in session.store.state.alerts)


@pytest.mark.slow
async def test_a_label_that_changes_while_it_is_copied_is_taken_as_it_ends_up(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = AgentClient.read
    changed = False

    async def read(self: AgentClient, path: str, offset: int = 0, limit: int = 65536) -> bytes:
        nonlocal changed
        if not changed:
            changed = True
            submit(session, "moving.nii.gz", b"the second, and longer")
        return await real(self, path, offset, limit)

    monkeypatch.setattr(AgentClient, "read", read)
    submit(session, "moving.nii.gz", b"the first")
    await all_here(session, 7)
    assert changed
    assert files(session)["final/moving.nii.gz"] == b"the second, and longer"
    assert b"the first" not in files(session).values()


@pytest.mark.slow
async def test_a_file_that_is_still_written_is_not_taken_for_whole(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "YOUNG_NS", 3600 * 10**9)
    submit(session, "growing.nii.gz", b"half", age_s=0.0)
    copies = await session.labels.refresh()
    assert (copies.total, copies.here, copies.reason) == (7, 6, "")
    submit(session, "growing.nii.gz", b"half and half", age_s=5.0)
    monkeypatch.setattr(copying, "YOUNG_NS", 10**9)
    session.labels.wake()
    await all_here(session, 7)
    assert files(session)["final/growing.nii.gz"] == b"half and half"
    assert not any(path.startswith("versions/") for path in files(session))


async def test_hostile_names_stay_in_the_folder(session: Session) -> None:
    names = ["$(touch pwned) \x1b]0;t\x07.nii.gz", "`id`; \n..\\..\\x.nii.gz", "NUL.nii.gz", "-rf.nii.gz"]
    for name in names:
        submit(session, name, name.encode())
    submit(session, "a.nii.gz", b"tag", tag="versions")
    await all_here(session, 6 + len(names) + 1)
    root = session.labels.folder.root
    pulled = list(root.rglob("*.nii.gz"))
    assert {p.read_bytes() for p in pulled} >= {name.encode() for name in names} | {b"tag"}
    assert all(p.name.isprintable() for p in pulled)
    assert not list(on_host(session).parents[1].rglob("pwned"))


@pytest.mark.slow
async def test_through_the_servers_api_where_its_folder_is_not_known() -> None:
    async with on_the_pod("quiet") as session:
        await all_here(session, 6)
        state = await session.store.wait_for(
            lambda s: s.queue.value is not None and bool(s.queue.value.studies), 20
        )
        assert state.server.value is not None
        # As one that somebody else started: no process of ours, no folder known.
        found = replace(state.server.value, pid=None, run_id=None, studies=None)
        put(session.store, server=replace(state.server, value=found))
        (session.labels.folder.root / "final/spleen_002.nii.gz").unlink()
        copies = await session.labels.refresh()
        assert (copies.by_checksum, copies.here, copies.total) == (False, 6, 6)
        for path, content in files(session).items():
            assert (labels_of(session) / path).read_bytes() == content


def labels_of(session: Session) -> Path:
    """The demo's pod is on this machine, too."""
    (studies,) = Path(session.pod.root).glob("*/volumes/*/workspace/studies")  # type: ignore[union-attr]
    return studies / "labels"


@pytest.mark.slow
async def test_the_demo_deletes_a_label_and_a_study_and_brings_both_back() -> None:
    async with on_the_pod("quiet") as session:
        await all_here(session, 6)
        study, tags = FIRST_ACTIONS["delete"][1]["study"], ("final",)
        label = labels_of(session) / f"final/{study}.nii.gz"
        image, before = labels_of(session).parent / label.name, label.read_bytes()
        present = image.read_bytes()
        seen: list[bool] = []
        session.store.subscribe(lambda _state, _changed: seen.append(label.exists()))
        for step in ("delete", "restore"):
            action, params = FIRST_ACTIONS[step]
            await run_action(session, action, params, RecordingReport(), confirmed=step in CONFIRMED)
        assert (set(seen), label.read_bytes()) == ({True, False}, before)
        gone = await run_confirmed(session, "studies.delete", study=study)
        assert (gone["labels"].keys(), image.exists(), label.exists()) == (set(tags), False, False)
        back = await run_confirmed(session, "studies.restore", study=study)
        assert back["message"].startswith(f"{study} is back: 1 labels submitted")
        assert (image.read_bytes(), label.read_bytes()) == (present, before)
        label.unlink()
        await session.store.wait_for(
            lambda s: (
                s.queue.value is not None
                and any(one.id == study and not one.tags for one in s.queue.value.studies)
            ),
            20,
        )
        restored = await run_confirmed(session, "labels.restore", studies=(study,))
        assert [row["study"] for row in restored["restored"]] == [study]
        assert label.read_bytes() == before


@pytest.mark.slow
async def test_a_network_that_drops_again_and_again_loses_no_label() -> None:
    async with on_the_pod("network-drop") as session:
        await session.store.wait_for(lambda s: s.host.value.reconnects >= 1, 50)
        first = await until(session, lambda copies: copies.safe, 30)
        await until(session, lambda copies: copies.here > first.here and copies.safe, 50)
        newest = {path: text for path, text in files(session).items() if not path.startswith("versions/")}
        for path, content in newest.items():
            assert (labels_of(session) / path).read_bytes() == content


@pytest.mark.slow
async def test_what_was_here_when_the_console_closed_is_known_with_its_age(session: Session) -> None:
    store = Store(SessionState(Identity("later")))
    later = labelcopies.LabelCopier(
        store, session.profile.labels, session.labels.folder, session.state_folder,
        lambda: pytest.fail("the host was asked"), session.clock,
    )  # fmt: skip
    reading = store.state.labels
    assert later.folder is session.labels.folder
    assert reading.value is not None
    assert (reading.value.here, reading.value.total, reading.error) == (6, 6, "not read since")
