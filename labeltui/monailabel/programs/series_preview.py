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
from typing import Any, Callable, Iterator

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
from labeltui.monailabel.programs.multipart import Broken, Multipart
from labeltui.monailabel.programs.preview import WORK_S, Drawing
from labeltui.monailabel.programs.preview import serve as serve_requests
from labeltui.monailabel.programs.volumes import Undecodable, Unreadable

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
    with removed_folder() as folder:
        fetch_within_time(request["series"], folder, send)
        try:
            return Drawing({**request, "image": str(folder)}, content)
        except Undecodable as problem:
            for path in folder.iterdir():
                path.unlink()
            try:
                fetch_within_time(request["series"], folder, send, stored=False)
            except Unreadable:
                raise problem from None
            return Drawing({**request, "image": str(folder)}, content)


def fetch_within_time(series: dict[str, Any], folder: Path, send: Send, stored: bool = True) -> None:
    """Fetch a series, then give the usual time to read it. Raises Unreadable."""
    signal.alarm(FETCH_S + WORK_S)
    try:
        fetch(series, folder, send, stored)
    except (requests.RequestException, OSError, ValueError, KeyError) as error:
        raise Unreadable(error_text(error, shown(series["url"]))) from None
    signal.alarm(WORK_S)


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


def fetch(series: dict[str, Any], folder: Path, send: Send, stored: bool = True) -> None:
    """Write the files of a series to ``folder``, as they are stored or without compression.

    Raises Unreadable, ValueError, OSError and RequestException.
    """
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
    with request(client._session, url, stored) as response:
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


def request(session: Any, url: str, stored: bool = True) -> Any:
    """Request a series as it is stored; from a server that refuses this, in its default transfer syntax.

    The default is no compression, if the server can decode its files.
    """
    accept = 'multipart/related; type="application/dicom"'
    response = session.get(url, headers={"Accept": accept + "; transfer-syntax=*" * stored}, stream=True)
    if stored and response.status_code in (400, 406, 415):
        response.close()
        return request(session, url, False)
    response.raise_for_status()
    return response


def parts(response: Any) -> Iterator[bytes | bytearray]:
    """Yield the files of a multipart answer. Raises Unreadable for another answer, and for a file that is too long."""
    try:
        split = Multipart(response.headers.get("Content-Type", ""), MOST_PART)
        for chunk in response.iter_content(CHUNK):
            yield from split.feed(chunk)
        yield from split.end()
    except Broken as error:
        raise Unreadable(str(error)) from None
