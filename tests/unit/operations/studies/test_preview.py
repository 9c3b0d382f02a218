"""``studies preview`` writes a PNG file, and says what it shows."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from labeltui.domain.problems import Refused
from labeltui.domain.studies.preview import AIR, WINDOWS, Plane, Slice, Volume, colour_of
from labeltui.operations.studies.picture import GAP, picture, png
from labeltui.operations.studies.preview import open_preview
from tests.fakes.host import MemoryChannel
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

VENV = "/root/labeltui/venv/bin/python"
RED, BLUE = colour_of(1), colour_of(2)


def pixels_of(path: Path) -> tuple[int, int, bytes]:
    """Decode a PNG file of red, green and blue."""
    data, at, parts = path.read_bytes(), 8, dict[bytes, bytes]()
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + content)
        parts[kind], at = content, at + 12 + size
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    rows = zlib.decompress(parts[b"IDAT"])
    step = width * 3 + 1
    assert all(rows[row * step] == 0 for row in range(height))
    return width, height, b"".join(rows[row * step + 1 : (row + 1) * step] for row in range(height))


def draws(it: Desk, *, problem: str = "", error: str = "") -> list[dict[str, Any]]:
    """Let the host draw 2 x 2 pixels for each request. Returns the requests."""
    asked: list[dict[str, Any]] = []

    def start(_command: str) -> MemoryChannel:
        channel = MemoryChannel()

        def answer(line: bytes) -> None:
            if not line.startswith(b'{"op"'):
                return
            request = json.loads(line)
            asked.append(request)
            if request["op"] == "slice":
                shown = len(next(one for one in reversed(asked) if one["op"] == "open")["labels"])
                channel.send({"index": request["index"], "width": 2, "height": 2, "bytes": 4 + 4 * shown})
                channel.print(b"\0\x40\x80\xff" + b"\0\1\0\0" * shown)
                return
            label = {"segments": [[1, 7]], "resampled": False, "fullest": dict.fromkeys(Plane, 2)}
            if any(str(one.get("path")).endswith(".dcm") for one in request["labels"]):
                label |= {"names": {"1": "portal vein"}, "colours": {"1": [10, 20, 30]}}
            channel.send({
                "size": [9, 9, 5], "spacing": [1, 1, 2], "percentiles": [-1000, 900], "oblique": 3.5, "bytes": 0,
                "labels": [{"problem": problem} if problem else label] * len(request["labels"]),
                **({"error": error} if error else {}),
            })  # fmt: skip

        channel.line = answer
        return channel

    it.host.programs[VENV] = start
    return asked


def has(it: Desk, *names: str, tags: Mapping[str, str] = {}) -> None:
    """Put images, and labels by tag, into the host's folder."""
    there = {name: [1, 1] for name in names}
    it.host.agent.answers["upload.compare"] = {"there": there, "parts": [], "free": 1}
    for tag, name in tags.items():
        it.host.files.write(f"~/studies/labels/{tag}/{name}", b"label")


@in_virtual_time
async def test_three_planes_are_written_at_the_slice_with_most_of_the_label(tmp_path: Path) -> None:
    out = tmp_path / "it's.png"
    async with desk(tmp_path, serves=True) as it:
        has(it, "a.nii.gz", tags={"original": "a.nii.gz", "final": "a.nii.gz"})
        asked = draws(it)
        document = await it.run("studies.preview", study="a", out=str(out))
        again = await it.failing("studies.preview", study="a", out=str(out))
        other = await it.failing("studies.preview", study="a", out=str(out.with_suffix(".txt")))
    assert (asked[0]["image"], asked[0]["labels"]) == (
        "/root/studies/a.nii.gz",
        [{"path": "/root/studies/labels/final/a.nii.gz"}],
    )
    assert [(one["plane"], one["index"]) for one in asked[1:]] == [(plane, 2) for plane in Plane]
    assert {(one["low"], one["high"]) for one in asked[1:]} == {WINDOWS["soft"]}
    width, height, pixels = pixels_of(out)
    assert (width, height) == (3 * 2 + 2 * GAP, 2)
    assert pixels[:6] == bytes((0, 0, 0, *RED))
    assert document["slices"][0] == {"plane": "axial", "slice": 3}
    assert document["labels"][0]["segments"] == [{"value": 1, "name": "spleen", "voxels": 7}]
    assert document["file"] == str(out)
    assert "axial 3 of 5, coronal 3 of 9, sagittal 3 of 9" in document["message"]
    assert "up to 3.5°" in document["message"]
    assert again.problem.code == "exists"
    assert "does not end with .png" in other.problem.message


@in_virtual_time
async def test_one_slice_in_a_window_without_a_label(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        has(it, "a.nrrd")
        asked = draws(it)
        document = await it.run(
            "studies.preview",
            study="a",
            out=str(tmp_path / "a.png"),
            plane="coronal",
            slice=9,
            window="-100.5,30",
        )
    assert asked[0]["labels"] == []
    assert [(one["plane"], one["index"], one["low"], one["high"]) for one in asked[1:]] == [
        ("coronal", 8, -100.5, 30)
    ]
    assert document["labels"] == []


@in_virtual_time
async def test_a_label_that_cannot_be_shown_is_named(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        has(it, "a.nii", tags={"final": "a.nii.gz"})
        draws(it, problem="its values are not whole numbers")
        out = str(tmp_path / "a.png")
        document = await it.run("studies.preview", study="a", out=out)
        missing = await it.failing("studies.preview", study="a", out=out, replace=True, tag="nobody's")
        version = await it.failing("studies.preview", study="a", out=out, replace=True, version="abc")
    assert "final is not shown: it can't be shown: its values are not whole numbers" in document["message"]
    assert "the host has no label nobody's" in missing.problem.message
    assert "no version abc" in version.problem.message


@in_virtual_time
async def test_what_cannot_be_drawn_is_refused_in_words(tmp_path: Path) -> None:
    out = str(tmp_path / "a.png")
    async with desk(tmp_path, serves=True) as it:
        has(it, "a.nii")
        draws(it, error="it has 4 dimensions")
        wrong = [
            await it.failing("studies.preview", study="a", out=out, **more)
            for more in (
                {}, {"window": "0,x"}, {"window": "9,1"}, {"window": "nan,1"}, {"slice": 3}, {"opacity": 101}
            )
        ]  # fmt: skip
        draws(it)
        beyond = await it.failing("studies.preview", study="a", out=out, plane="axial", slice=6)
        has(it)
        absent = await it.failing("studies.preview", study="a\x1b[31m", out=out)
    assert [one.problem.code for one in wrong] == ["program_failed", *["bad_parameter"] * 5]
    assert "a can't be shown: it has 4 dimensions." in wrong[0].problem.message
    assert beyond.problem.hint == "Choose from 1 to 5."
    assert "\x1b" not in absent.problem.message
    written = await asyncio.to_thread(Path(out).exists)
    assert not written


@in_virtual_time
async def test_a_series_of_a_dicomweb_server_is_read_from_the_cache_of_monai_label(tmp_path: Path) -> None:
    out = str(tmp_path / "a.png")
    async with desk(tmp_path, server={"studies": "http://pacs/dicom-web"}) as it:
        has(it, "1.2.3")
        asked = draws(it)
        await it.run("studies.preview", study="1.2.3", out=out)
        has(it, "1.2.3", "1.2.3.nii.gz")
        await it.run("studies.preview", study="1.2.3", out=out, replace=True)
        has(it)
        with pytest.raises(Refused) as unasked:
            await open_preview(it.session, "1.2.3", fetch=False)
        before = len(asked)
        await it.run("studies.preview", study="1.2.3", out=out, replace=True)
    assert (unasked.value.problem.code, asked[before]["op"]) == ("not_fetched", "open")
    assert unasked.value.problem.hint == "Press V to fetch it."
    cache = (
        "/root/.cache/monailabel/dicom/" + md5(b"http://pacs/dicom-web", usedforsecurity=False).hexdigest()
    )
    assert [one["image"] for one in asked if one["op"] == "open"] == [
        f"{cache}/1.2.3",
        f"{cache}/1.2.3.nii.gz",
        "",
    ]
    fetched = [one["series"] for one in asked if "series" in one]
    assert [(one["url"], one["uid"]) for one in fetched] == [("http://pacs/dicom-web", "1.2.3")]


@in_virtual_time
async def test_the_label_of_a_series_that_is_not_in_the_cache_is_the_seg_on_the_server(
    tmp_path: Path,
) -> None:
    out, seg = str(tmp_path / "a.png"), "1.2.3.seg.4.5.dcm"
    async with desk(tmp_path, server={"studies": "http://pacs/dicom-web"}) as it:
        has(it, "1.2.3")
        asked, programs = draws(it), list[dict[str, Any]]()

        def fetch(request: Mapping[str, Any]) -> Mapping[str, Any]:
            arguments = request["arguments"]
            if "folder" in arguments:
                programs.append(arguments)
                if arguments["search"]:
                    it.host.files.write(f"{arguments['folder']}/labels/dicom-seg/{seg}", b"seg")
            return {"answer": {"problem": "", "left": 0, "stored": [], "absent": [], "skipped": []}}

        it.host.agent.answers["program.run"] = fetch
        document = await it.run("studies.preview", study="1.2.3", out=out)
        for tag in ("final", "dicom-seg"):
            await it.run("studies.preview", study="1.2.3", out=out, replace=True, tag=tag)
        missing = await it.failing("studies.preview", study="1.2.4", out=out, replace=True, tag="final")
    opened = [one["labels"] for one in asked if one["op"] == "open"]
    assert [Path(one[0]["path"]).name for one in opened[:3]] == [seg] * 3
    assert [one["images"] for one in programs if one["search"]] == [["1.2.3"], ["1.2.4"]]
    (label,) = document["labels"]
    assert (label["tag"], label["segments"][0]["name"]) == ("dicom-seg", "portal vein")
    assert "and the DICOM server no SEG" in missing.problem.message
    assert pixels_of(Path(out))[2][3:6] == bytes((10, 20, 30))


def test_the_outline_is_full_and_the_area_as_opaque_as_asked(tmp_path: Path) -> None:
    segments = bytes(2 if 1 <= x <= 3 and 1 <= y <= 3 else 0 for y in range(5) for x in range(5))
    small = Slice(Plane.AXIAL, 0, 1, 1, b"\x09")
    width, height, pixels = picture([Slice(Plane.AXIAL, 0, 5, 5, bytes([100]) * 25, (segments,)), small], 0.5)
    (tmp_path / "a.png").write_bytes(png(width, height, pixels))
    assert pixels_of(tmp_path / "a.png") == (5 + GAP + 1, 5, pixels)

    def at(x: int, y: int) -> tuple[int, ...]:
        return tuple(pixels[(y * width + x) * 3 :][:3])

    assert (at(0, 0), at(1, 1), at(3, 2)) == ((100,) * 3, BLUE, BLUE)
    assert at(2, 2) == tuple(round(50 + strength / 2) for strength in BLUE)
    assert (at(5 + GAP, 2), at(5 + GAP, 0), at(6, 2)) == ((9,) * 3, (0,) * 3, (0,) * 3)


@pytest.mark.parametrize(
    ("modality", "lowest", "soft"),
    [("CT", 0.0, True), ("", AIR - 1, True), ("", 0.0, False), ("MR", -1000.0, False)],
)
def test_ct_begins_with_soft_tissue_and_the_rest_with_its_percentiles(
    modality: str, lowest: float, soft: bool
) -> None:
    volume = Volume("a", (1, 1, 1), (1.0, 1.0, 1.0), modality, (lowest, 500.0))
    assert volume.window == (WINDOWS["soft"] if soft else (lowest, 500.0))
