"""The images that Slicer sent for an inference, read from MONAI Label's folder of sessions."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import desk
from tests.virtual_time import in_virtual_time

FOLDER = "~/.cache/monailabel/sessions"


@in_virtual_time
async def test_sessions_are_listed_newest_first_and_unreadable_ones_are_left_out(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        none = await it.run("sessions")
        began = int(it.session.clock().timestamp())
        for name, at in (("old", began - 400), ("new", began - 10)):
            info = {**recorded("session_get"), "create_ts": at, "last_access_ts": at, "expiry": 120}
            it.host.files.write(f"{FOLDER}/{name}/meta.info", json.dumps(info).encode())
            it.host.files.write(f"{FOLDER}/{name}/case_006.nii.gz", b"image")
        it.host.files.write(f"{FOLDER}/torn/meta.info", b'{"name": ')
        it.host.files.write(f"{FOLDER}/wrong/meta.info", b"[]")
        found = await it.run("sessions")
    assert none["sessions"] == []
    assert [(one["id"], one["image"], one["size"], one["expired"]) for one in found["sessions"]] == [
        ("new", "case_006.nii.gz", 5, False),
        ("old", "case_006.nii.gz", 5, True),
    ]
    assert found["message"] == f"2 sessions in {FOLDER}"


@in_virtual_time
async def test_the_profile_names_another_folder(tmp_path: Path) -> None:
    server = {"env": {"MONAI_LABEL_SESSION_PATH": "/data/sessions"}}
    async with desk(tmp_path, server=server) as it:
        found = await it.run("sessions")
    assert found["folder"] == "/data/sessions"
