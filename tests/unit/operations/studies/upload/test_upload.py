"""``studies upload`` onto a host whose receiver is the real one."""

from __future__ import annotations

import asyncio
import errno
import os
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.remote.uploads.receive import Part
from labeltui.hosts.agent.remote.uploads.staging import make_staging, part_name
from labeltui.hosts.uploading import NEXT_CHANNEL_S
from tests.fakes.receiver import ReceiverChannel, receive_into
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time
from tests.volumes import nifti, nrrd, packed

AT = 1_700_000_000


def put(path: Path, data: bytes, at: float = AT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))
    return path


@asynccontextmanager
async def uploading(tmp_path: Path) -> AsyncIterator[tuple[Desk, Path, Path, list[ReceiverChannel]]]:
    """A desk, the folder of studies on its host, a folder of files here, and the channels that were used."""
    studies, here = tmp_path / "host" / "studies", tmp_path / "here"
    here.mkdir()
    async with desk(tmp_path) as it:
        yield it, studies, here, receive_into(it.host, studies)


@in_virtual_time
async def test_files_and_folders_are_sent_with_their_times(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        put(here / "a.NII.GZ", packed(nifti()))
        put(here / "liver" / "b.nrrd", nrrd(), AT + 5)
        put(here / ".hidden.nii", nifti())
        single = put(tmp_path / "c.nii", nifti())
        document = await it.run("studies.upload", paths=(str(here), str(single)))
    assert sorted(path.name for path in studies.iterdir()) == ["a.nii.gz", "c.nii", "liver_b.nrrd"]
    assert (studies / "a.nii.gz").read_bytes() == packed(nifti())
    assert (studies / "liver_b.nrrd").stat().st_mtime == AT + 5
    assert [row["study"] for row in document["sent"]] == ["a", "liver_b", "c"]
    assert document["message"].startswith("3 studies sent")
    assert list((tmp_path / "host").iterdir()) == [studies]  # nothing is left of the parts


@in_virtual_time
async def test_a_few_files_are_sent_without_waiting_for_further_channels(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, _studies, here, channels):
        for number in range(4):
            put(here / f"{number}.nii", nifti())
        loop = asyncio.get_running_loop()
        started = loop.time()
        document = await it.run("studies.upload", paths=(str(here),))
    assert (len(document["sent"]), len(channels)) == (4, 1)
    assert loop.time() - started < NEXT_CHANNEL_S


@in_virtual_time
async def test_what_is_there_is_not_sent_again(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, channels):
        put(here / "a.nii", nifti())
        put(here / "b.nii", nifti())
        await it.run("studies.upload", paths=(str(here),))
        os.utime(studies / "b.nii", (AT - 500, AT - 500))  # the same bytes with another time
        sent = len(channels)
        document = await it.run("studies.upload", paths=(str(here),))
    assert (document["same"], document["sent"], len(channels)) == (2, [], sent)


@in_virtual_time
async def test_other_versions_are_asked_about_then_replaced_or_skipped(tmp_path: Path) -> None:
    other = nifti(voxels=b"\1" * 96)
    async with uploading(tmp_path) as (it, studies, here, _channels):
        put(here / "a.nii", nifti())
        put(here / "new.nii", nifti())
        put(studies / "a.nii", other, AT - 500)
        error = await it.failing("studies.upload", paths=(str(here),))
        untouched = sorted(path.name for path in studies.iterdir())
        skipped = await it.run("studies.upload", paths=(str(here),), skip=True)
        after_skip = (studies / "a.nii").read_bytes()
        replaced = await it.run("studies.upload", paths=(str(here),), replace=True)
        both = await it.failing("studies.upload", paths=(str(here),), replace=True, skip=True)
    assert (error.problem.code, error.exit_code, untouched) == ("exists", 3, ["a.nii"])
    assert "a.nii" in error.problem.message
    assert ([row["study"] for row in skipped["sent"]], after_skip) == (["new"], other)
    assert [row["study"] for row in skipped["skipped"]] == ["a"]
    assert [row["replaced"] for row in replaced["sent"]] == [True]
    assert (studies / "a.nii").read_bytes() == nifti()
    assert both.problem.code == "bad_parameter"


@in_virtual_time
async def test_equal_size_and_time_are_trusted_unless_checksums_are_asked_for(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        put(here / "a.nii", nifti())
        put(studies / "a.nii", nifti(voxels=b"\1" * 96))
        trusted = await it.run("studies.upload", paths=(str(here),))
        error = await it.failing("studies.upload", paths=(str(here),), checksum=True)
    assert (trusted["same"], error.problem.code) == (1, "exists")


@in_virtual_time
async def test_what_would_be_misread_stays_here_and_is_named(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        put(here / "good.nii", nifti())
        put(here / "good_seg.nii", nifti())
        put(here / "film.nii", nifti((4, 4, 3, 9)))
        put(here / "twice.nii", nifti())
        put(here / "twice.nrrd", nrrd())
        put(here / "taken.nrrd", nrrd())
        put(here / "scan.mha", b"ObjectType = Image")
        put(here / "labels" / "final" / "good.nii", nifti())
        put(studies / "taken.nii", nifti())
        document = await it.run("studies.upload", paths=(str(here),))
        anyway = await it.run("studies.upload", paths=(str(here),), anyway=True)
    why = {Path(row["file"]).name: row["why"] for row in document["left_out"]}
    assert [row["study"] for row in document["sent"]] == ["good"]
    assert set(why) == {
        "good_seg.nii", "film.nii", "twice.nii", "twice.nrrd", "taken.nrrd", "scan.mha", "labels",
    }  # fmt: skip
    assert "label of good" in why["good_seg.nii"]
    assert "4x4x3x9" in why["film.nii"]
    assert "same study id" in why["twice.nii"]
    assert "taken.nii" in why["taken.nrrd"]
    assert sorted(row["study"] for row in anyway["sent"]) == ["film", "good_seg"]


@in_virtual_time
async def test_odd_files_and_names_stay_here(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        os.mkfifo(here / "pipe.nii")
        put(here / "esc\x1b[2J.nii", nifti())
        put(here / f"{'long' * 60}.nii", nifti())
        put(here / "--flag $(touch pwned) 'q\".nii", nifti())
        put(here / os.fsdecode(b"\xff.nii"), nifti())
        document = await it.run("studies.upload", paths=(str(here),))
    why = {Path(row["file"]).name[:4]: row["why"] for row in document["left_out"]}
    assert set(why) == {"pipe", "esc\x1b", "long", os.fsdecode(b"\xff.ni")}
    assert why["pipe"] == "it is no file"
    assert "\x1b" not in document["message"]
    assert [path.name for path in studies.iterdir()] == ["--flag $(touch pwned) 'q\".nii"]


@in_virtual_time
async def test_the_part_of_a_study_that_another_upload_has_stored_is_deleted(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        put(here / "a.nii", nifti())
        put(studies / "a.nii", nifti())
        staging = make_staging(studies)
        (staging / part_name("a.nii", len(nifti()), AT * 10**9)).write_bytes(b"cut")
        dry = await it.run("studies.upload", paths=(str(here),), dry_run=True)
        assert len(list(staging.iterdir())) == 1
        document = await it.run("studies.upload", paths=(str(here),))
    assert (dry["same"], document["same"]) == (1, 1)
    assert not staging.exists()


@in_virtual_time
async def test_a_dry_run_and_a_full_disk_send_nothing(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, channels):
        put(here / "a.nii", nifti())
        dry = await it.run("studies.upload", paths=(str(here),), dry_run=True)
        it.host.agent.answers["upload.compare"] = {"there": {}, "parts": [0], "free": 1000}
        full = await it.failing("studies.upload", paths=(str(here),))
    assert dry["message"].startswith("1 study would be sent")
    assert full.problem.code == "disk_full"
    assert "1 kB free" in full.problem.message
    assert (channels, studies.exists()) == ([], False)


@in_virtual_time
async def test_after_a_lost_connection_only_the_rest_is_sent(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, channels):
        voxels = os.urandom(5_000_000)
        shape = (100, 100, 250)
        put(here / "large.nii", nifti(shape, voxels=voxels))
        put(here / "small.nii", nifti())
        first: list[ReceiverChannel] = []

        def cut(_command: str) -> ReceiverChannel:
            it.host.programs.pop("receive --studies")
            first.append(ReceiverChannel(studies, cut_after=3_000_000))
            return first[-1]

        it.host.programs = {"receive --studies": cut, **it.host.programs}
        document = await it.run("studies.upload", paths=(str(here),))
    assert (studies / "large.nii").read_bytes() == nifti(shape, voxels=voxels)
    assert (studies / "small.nii").read_bytes() == nifti()
    assert first[0].received == 3_000_000
    assert sum(channel.received for channel in channels) < 2_010_000
    assert len(document["sent"]) == 2
    assert any("sends the rest" in line for line in it.report.lines)


@in_virtual_time
async def test_a_cancelled_upload_goes_on_with_the_next_command(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        source = put(here / "large.nii", nifti((100, 100, 250), voxels=os.urandom(5_000_000)))
        stuck = asyncio.Event()

        class Stuck(ReceiverChannel):
            async def write(self, data: bytes) -> None:
                await super().write(data)
                if self.received > 3_000_000:
                    stuck.set()
                    await asyncio.Event().wait()

        it.host.programs = {"receive --studies": lambda _command: Stuck(studies)}
        running = it.begin("studies.upload", paths=(str(here),))
        await stuck.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        nothing_yet = list(studies.iterdir())
        it.host.programs = {}
        again = receive_into(it.host, studies)
        await it.run("studies.upload", paths=(str(here),))
    assert nothing_yet == []
    assert (studies / "large.nii").read_bytes() == source.read_bytes()
    assert sum(channel.received for channel in again) < 2_000_000


@in_virtual_time
async def test_a_part_of_other_bytes_is_sent_again_from_the_start(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        source = put(here / "large.nii", nifti((100, 100, 250)))
        part = make_staging(studies) / part_name(
            "large.nii", source.stat().st_size, source.stat().st_mtime_ns
        )
        part.write_bytes(b"x" * 2_000_000)
        await it.run("studies.upload", paths=(str(here),))
    assert (studies / "large.nii").read_bytes() == source.read_bytes()
    assert not part.exists()


@in_virtual_time
async def test_a_missing_path_and_nothing_to_send_are_refused(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, _studies, here, _channels):
        missing = await it.failing("studies.upload", paths=(str(here / "none"),))
        nothing = await it.failing("studies.upload")
        put(here / "scan.mha", b"ObjectType = Image")
        useless = await it.failing("studies.upload", paths=(str(here),))
        (here / "empty").mkdir()
        empty = await it.failing("studies.upload", paths=(str(here / "empty"),))
        put(here / "Labels" / "final" / "a.nii", nifti())
        labels = await it.failing("studies.upload", paths=(str(here / "Labels"),))
    assert [one.problem.code for one in (missing, nothing, useless, empty, labels)] == [
        "no_file", "bad_parameter", "studies_left_out", "studies_left_out", "studies_left_out",
    ]  # fmt: skip
    assert "scan.mha" in useless.problem.message
    assert "no study" in empty.problem.message
    assert "folder of labels" in labels.problem.message


@in_virtual_time
async def test_files_of_a_zip_are_named_by_their_archive(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, _studies, here, _channels):
        with zipfile.ZipFile(here / "scans.zip", "w") as inner:
            inner.writestr("a.nii", nifti())
            inner.writestr("film.nii", nifti((4, 4, 3, 9)))
        with zipfile.ZipFile(here / "all.zip", "w") as outer:
            outer.write(here / "scans.zip", "scans.zip")
        (here / "scans.zip").unlink()
        document = await it.run("studies.upload", paths=(str(here),))
    inside = here / "all.zip" / "scans.zip"
    assert [row["file"] for row in document["sent"]] == [str(inside / "a.nii")]
    assert [row["file"] for row in document["left_out"]] == [str(inside / "film.nii")]


@in_virtual_time
async def test_a_label_of_a_study_that_the_host_has_stays_here(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        put(studies / "a.nii.gz", packed(nifti()))
        label = put(here / "a_seg.nii.gz", packed(nifti()))
        error = await it.failing("studies.upload", paths=(str(label),))
        anyway = await it.run("studies.upload", paths=(str(label),), anyway=True)
    assert "label of a," in error.problem.message
    assert [row["study"] for row in anyway["sent"]] == ["a_seg"]


@pytest.mark.parametrize("equal", [True, False])
@in_virtual_time
async def test_a_study_that_another_upload_stored_meanwhile_is_there_if_it_is_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, equal: bool
) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        path = put(here / "a.nii", nifti())
        stored = nifti() if equal else nifti(voxels=b"\1" * 96)
        finish = Part.put

        def too_late(part: Part, *given: Any) -> None:
            put(studies / "a.nii", stored, AT - 50)
            finish(part, *given)

        monkeypatch.setattr(Part, "put", too_late)
        if equal:
            document = await it.run("studies.upload", paths=(str(path),))
            assert (document["sent"], document["same"], document["failed"]) == ([], 1, [])
        else:
            error = await it.failing("studies.upload", paths=(str(path),))
            assert error.problem.code == "exists"


@in_virtual_time
async def test_studies_that_the_server_does_not_list_are_counted(tmp_path: Path) -> None:
    put(tmp_path / "a.nii", nifti())
    async with desk(tmp_path, serves=True) as it:
        receive_into(it.host, tmp_path / "host" / "studies")
        document = await it.run("studies.upload", paths=(str(tmp_path / "a.nii"),))
    assert document["unlisted"] == 1
    assert "the server does not list 1 of them yet" in document["message"]


@in_virtual_time
async def test_a_file_that_changes_while_it_is_sent_is_not_stored(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (it, studies, here, _channels):
        source = put(here / "large.nii", nifti((100, 100, 250)))
        put(here / "small.nii", nifti())

        def cut_short(_command: str) -> ReceiverChannel:
            source.write_bytes(b"short")
            return ReceiverChannel(studies)

        it.host.programs = {"receive --studies": cut_short}
        error = await it.failing("studies.upload", paths=(str(here),))
    assert error.problem.code == "checksum"
    assert "large.nii" in error.problem.message
    assert sorted(path.name for path in studies.iterdir()) == ["small.nii"]


@in_virtual_time
async def test_a_disk_that_fills_up_ends_the_upload_with_the_hosts_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_part: Part, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/studies/a.nii")

    monkeypatch.setattr(Part, "write", full)
    async with uploading(tmp_path) as (it, studies, here, _channels):
        put(here / "a.nii", nifti())
        error = await it.failing("studies.upload", paths=(str(here),))
    assert error.problem.code == "disk_full"
    assert "No space left" in error.problem.message
    assert list(studies.iterdir()) == []
