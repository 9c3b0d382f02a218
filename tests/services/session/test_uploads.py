"""Uploads into the demo's pod: its SSH server, its disk, and a server that lists what arrives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actions import RecordingReport, run_confirmed
from tests.services.session.test_session import opened
from tests.volumes import nifti, packed


@pytest.mark.slow
async def test_the_demos_server_lists_what_is_uploaded(tmp_path: Path) -> None:
    for name in ("one.nii.gz", "sub/TWO.NII.GZ"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(packed(nifti((48, 48, 32))))
    (tmp_path / "film.nii").write_bytes(nifti((4, 4, 3, 9)))
    report = RecordingReport()
    async with opened("healthy") as session:
        first = await run_confirmed(session, "studies.upload", report, paths=(str(tmp_path),))
        again = await run_confirmed(session, "studies.upload", report, paths=(str(tmp_path),))
        listed = await run_confirmed(session, "studies.list")
    assert (len(first["sent"]), first["unlisted"], len(first["left_out"])) == (2, 0, 1)
    assert (again["sent"], again["same"]) == ([], 2)
    assert {"one", "sub_TWO"} <= {study["id"] for study in listed["studies"]}
    assert report.state("send") == "done"
