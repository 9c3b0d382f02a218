"""Downloads pretrained weights to this machine, for hosts that can't reach the internet."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from labeltui.domain.failure_codes import Code
from labeltui.domain.labels.names import file_name
from labeltui.domain.problems import Failed
from labeltui.hosts.transfer import local_sum
from labeltui.operations.models.commands import of_model
from labeltui.session.models.folder import ModelFolder
from labeltui.session.studies.dicomweb import shown_url
from labeltui.support.atomic import replacing, write_file

if TYPE_CHECKING:
    from labeltui.operations.progress import Report

FOLDER = "pretrained"
WAIT_S = 30.0


async def fetch_weights(
    folder: ModelFolder,
    url: str,
    sha256: str | None,
    report: Report,
    transport: httpx.AsyncBaseTransport | None = None,
) -> tuple[Path, str]:
    """Return the file of ``url`` and its SHA-256. A file that was downloaded before is not downloaded again.

    MONAI publishes no checksums of these files. So unless ``sha256`` is given, a file is compared with the
    checksum of its first download. Raises Failed ``download_failed``, or ``checksum`` if the file is not the
    expected one.
    """
    name = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{file_name(url.rpartition('/')[2])}"
    path = folder.root / FOLDER / name
    known = path.with_name(name + ".sha256")
    async with folder.locked():
        is_new = not await asyncio.to_thread(path.exists)
        if is_new:
            report.progress(f"Downloading {shown_url(url)}")
            await _download(url, path, known, report, transport)
        digest = await asyncio.to_thread(local_sum, path, None)
        expected = sha256 or (await asyncio.to_thread(known.read_text)).strip()
        is_right = digest == expected.lower()
        if is_new and not is_right:
            await asyncio.to_thread(path.unlink)
    if not is_right:
        raise Failed(
            Code.CHECKSUM, f"{path} is another file: its SHA-256 is {digest}.", f"Delete {path}, then try again."
        )  # fmt: skip
    return path, digest


async def _download(
    url: str, path: Path, known: Path, report: Report, transport: httpx.AsyncBaseTransport | None
) -> None:
    """Download to ``path``, which gets its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, progress = hashlib.sha256(), of_model(report, "Downloading")
    try:
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=WAIT_S, transport=transport) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            answer.raise_for_status()
            size, done = int(answer.headers.get("content-length") or 0), 0
            with replacing(path, durable=True) as file:
                async for block in answer.aiter_raw():
                    await asyncio.to_thread(file.write, block)
                    digest.update(block)
                    done += len(block)
                    progress(done, max(size, done))
                if size and done != size:
                    raise httpx.ReadError(f"{done} of {size} bytes arrived")
                await asyncio.to_thread(write_file, known, digest.hexdigest())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        why = str(error) or type(error).__name__
        if isinstance(error, httpx.HTTPStatusError):  # its text has the URL, perhaps with a password
            why = f"HTTP {error.response.status_code}"
        raise Failed(
            Code.DOWNLOAD_FAILED, f"{shown_url(url)} could not be downloaded: {why}.",
            "Check this machine's network, or [profiles.NAME.server] conf pretrained_path.",
        ) from None  # fmt: skip
