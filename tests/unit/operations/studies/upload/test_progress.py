"""The text of an upload's progress: what is sent, how fast, and how long the rest takes."""

from __future__ import annotations

import asyncio

import pytest

from labeltui.operations.studies.upload.progress import UploadProgress, files_text, size_text, time_text
from tests.actions import RecordingReport
from tests.virtual_time import in_virtual_time

MB = 10**6


@in_virtual_time
async def test_the_rate_is_of_the_last_seconds_and_reported_once_a_second() -> None:
    report = RecordingReport()
    progress = UploadProgress(report, 3, 400 * MB)
    for _ in range(8):  # 10 MB/s for two seconds
        await asyncio.sleep(0.25)
        progress.on_bytes(2_500_000)
    progress.files = 1
    assert report.lines == [
        "0 of 3 studies, 10.0 MB of 400 MB, 10.0 MB/s, 39 s left",
        "0 of 3 studies, 20.0 MB of 400 MB, 10.0 MB/s, 38 s left",
    ]
    for _ in range(40):  # 2 MB/s, for longer than the rate looks back
        await asyncio.sleep(1)
        progress.on_bytes(2 * MB)
    assert progress.text() == "1 of 3 studies, 100 MB of 400 MB, 2.0 MB/s, 2 min left"
    assert progress.seconds == pytest.approx(42)


@in_virtual_time
async def test_another_attempt_counts_what_the_host_has_and_has_no_rate_yet() -> None:
    progress = UploadProgress(RecordingReport(), 3, 400 * MB)
    await asyncio.sleep(1)
    progress.on_bytes(90 * MB)
    progress.again(1, 50 * MB)
    assert progress.text() == "1 of 3 studies, 50.0 MB of 400 MB"
    assert progress.sent == 90 * MB


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (size_text(999), "999 B"), (size_text(1500), "2 kB"), (size_text(1.25e9), "1.2 GB"),
        (size_text(250e9), "250 GB"), (size_text(3.5e12), "3.5 TB"),
        (files_text(1), "1 file"), (files_text(0), "0 files"),
        (time_text(-3), "0 s"), (time_text(99), "99 s"), (time_text(180), "3 min"), (time_text(7800), "2 h 10 min"),
    ],
)  # fmt: skip
def test_amounts(shown: str, text: str) -> None:
    assert shown == text
