"""Draws slices of a series that MONAI Label has not fetched from its DICOMweb server.

The series is fetched to a folder that is removed once it was read, even if this process is killed. Else it is the
program ``preview.py``. A request to open has ``series``: ``uid``, and the arguments of ``connect``. Lines with
``progress``, the numbers of fetched and of all files, or null, come before the answer.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

import requests

from labeltui.monailabel.programs.dicomweb import (
    IMAGES,
    SERIES_UID,
    STUDY_UID,
    connect,
    error_text,
    plain,
    take_environment,
    text,
    value,
)
from labeltui.monailabel.programs.preview import WORK_S, Drawing
from labeltui.monailabel.programs.preview import serve as serve_requests
from labeltui.monailabel.programs.volumes import Unreadable

REQUEST_S = 60.0
FETCH_S = 600
EVERY_S = 0.5  # between two lines of progress
CHUNK = 1 << 20
MOST_PART = 1 << 30  # bytes of one file
MOST_BYTES = 8 << 30  # of a series
SPARE_BYTES = 1 << 30  # of the disk
Send = Callable[..., None]


def serve() -> None:
    """Answer requests, see ``preview.serve``."""
    serve_requests(draw)


def draw(request: dict[str, Any], content: list[bytes], send: Send) -> Drawing:
    """Fetch the series, and open it. Raises Unreadable."""
    signal.alarm(FETCH_S + WORK_S)
    with removed_folder() as folder:
        try:
            fetch(request["series"], folder, send)
        except (requests.RequestException, OSError, ValueError, KeyError) as error:
            raise Unreadable(error_text(error, shown(request["series"]["url"]))) from None
        signal.alarm(WORK_S)
        return Drawing({**request, "image": str(folder)}, content)


def shown(url: str) -> str:
    """Return a URL without a password."""
    return re.sub("//[^/@]*@", "//", url)


@contextmanager
def removed_folder() -> Iterator[Path]:
    """Make a folder. A process of its own removes it, so that no patient's data stays if this one is killed."""
    folder = Path(tempfile.mkdtemp(prefix="labeltui-preview-"))
    reader, writer = os.pipe()  # neither is inherited by programs
    remover = os.fork()
    if remover == 0:
        try:
            os.setsid()  # not ended with this process's group
            signal.alarm(0)
            os.closerange(0, reader)
            os.closerange(reader + 1, 256)
            os.read(reader, 1)  # until the other end is closed, by whatever
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os._exit(0)
    os.close(reader)
    try:
        yield folder
    finally:
        os.close(writer)
        with suppress(ChildProcessError):
            os.waitpid(remover, 0)


def fetch(series: dict[str, Any], folder: Path, send: Send) -> None:
    """Write the files of a series to ``folder``. Raises Unreadable, ValueError, OSError and RequestException."""
    client: Any = connect(series, take_environment(series["pid"]), REQUEST_S)
    uid, end = plain(series["uid"]), time.monotonic() + FETCH_S
    found = [
        one
        for one in client.search_for_series(search_filters={"SeriesInstanceUID": uid}, fields=[IMAGES])
        if text(one, SERIES_UID) == uid
    ]
    if not found:
        raise Unreadable(f"the DICOM server {shown(series['url'])} has no such series")
    count = value(found[0], IMAGES)
    total = int(count) if str(count).isdigit() else None
    prefix = f"/{client.wado_url_prefix}" if client.wado_url_prefix else ""
    url = f"{client.base_url}{prefix}/studies/{plain(text(found[0], STUDY_UID))}/series/{uid}"
    most, size, reported = min(MOST_BYTES, shutil.disk_usage(folder).free - SPARE_BYTES), 0, 0.0
    with request(client._session, url) as response:
        for number, part in enumerate(parts(response), 1):
            size += len(part)
            if size > most:
                raise Unreadable(f"it has more than {most / 1e9:.1f} GB, which the host has no room for")
            if time.monotonic() > end:
                raise Unreadable(f"the DICOM server sent only {size / 1e6:.0f} MB in {FETCH_S} s")
            (folder / f"{number}.dcm").write_bytes(part)
            if time.monotonic() - reported > EVERY_S:
                reported = time.monotonic()
                send({"progress": [number, total]})


def request(session: Any, url: str) -> Any:
    """Request a series as it is stored; from a server that refuses this, in its default transfer syntax."""
    accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    response = session.get(url, headers=accept, stream=True)
    if response.status_code in (400, 406, 415):
        response.close()
        accept = {"Accept": 'multipart/related; type="application/dicom"'}
        response = session.get(url, headers=accept, stream=True)
    response.raise_for_status()
    return response


def parts(response: Any) -> Iterator[bytes | bytearray]:
    """Yield the files of a multipart answer. Raises Unreadable for another answer, and for a file that is too long."""
    kind = response.headers.get("Content-Type", "")
    boundary = re.search(r'boundary="?([^";]+)', kind)
    if boundary is None:
        if not kind.startswith("application/dicom"):
            raise Unreadable("the DICOM server's answer has no DICOM files")
        yield b"".join(bounded(response.iter_content(CHUNK)))  # some servers send a single file so
        return
    delimiter = b"\r\n--" + boundary[1].strip().encode("latin-1")
    pending, start, first = bytearray(b"\r\n"), 0, True
    for chunk in response.iter_content(CHUNK):
        pending += chunk
        while (at := pending.find(delimiter, start)) >= 0:
            body = pending.find(b"\r\n\r\n", 0, at) + 4
            if body > 3 and not first:
                yield pending[body:at]
            del pending[: at + len(delimiter)]
            start, first = 0, False
        start = max(0, len(pending) - len(delimiter))
        if len(pending) > MOST_PART:
            raise Unreadable(f"one of its files has more than {MOST_PART >> 30} GB")
    if not pending.startswith(b"--"):
        raise Unreadable("the DICOM server's answer ended early")


def bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks. Raises Unreadable if they are longer than a file may be."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MOST_PART:
            raise Unreadable(f"one of its files has more than {MOST_PART >> 30} GB")
        yield chunk
