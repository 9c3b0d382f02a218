"""Copies files from a host. An interrupted copy is resumed; the checksum is compared at the end.

Bytes go through the stdout of one command, in order, into ``NAME.part``. Its size is therefore the progress of an
interrupted copy. The copy is resumed only if those bytes are the beginning of the source. A copy with another
checksum is deleted. SFTP is not used: it may be disabled, and its parallel writes would leave holes. How files are
sent to a host: ``uploading.py``.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.hosts.base import Channel, Host, Progress
from labeltui.hosts.quoting import quote_path

BLOCK = 256 * 1024
_SUM = """labeltui_sum() {
if command -v sha256sum >/dev/null 2>&1; then sha256sum; else python3 -c '
import hashlib, sys
digest = hashlib.sha256()
for block in iter(lambda: sys.stdin.buffer.read(1 << 20), b""): digest.update(block)
print(digest.hexdigest())'; fi; }
"""


async def download(host: Host, source: str, target: Path, *, progress: Progress | None = None) -> None:
    """Copy ``source`` on the host to the local file ``target``.

    Raises Failed ``no_file``, ``copy_failed`` or ``checksum``, and Unreachable if the connection is lost.
    """
    remote = quote_path(source)
    size = await _remote_size(host, remote, source)
    part = target.with_name(target.name + ".part")
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
    done = await asyncio.to_thread(_local_size, part)
    if done and (
        done > size or await _remote_sum(host, remote, done) != await asyncio.to_thread(local_sum, part, None)
    ):
        await asyncio.to_thread(part.unlink)
        done = 0
    await _receive(host, remote, part, done=done, size=size, progress=progress, source=source)
    if await _remote_sum(host, remote, size) != await asyncio.to_thread(local_sum, part, None):
        await asyncio.to_thread(part.unlink)
        raise _mismatch(source)
    await asyncio.to_thread(part.replace, target)


async def _receive(
    host: Host, remote: str, part: Path, *, done: int, size: int, progress: Progress | None, source: str
) -> None:
    if progress is not None:
        progress(done, size)
    with await asyncio.to_thread(part.open, "ab") as file:
        if done == size:
            return
        channel = await host.open(f"tail -c +{done + 1} < {remote} | head -c {size - done}")
        try:
            while block := await channel.read(BLOCK):
                done += len(block)
                if done > size:  # a host that sends more could fill this disk
                    await asyncio.to_thread(part.unlink)
                    raise _mismatch(source)
                await asyncio.to_thread(file.write, block)
                if progress is not None:
                    progress(done, size)
            if await channel.wait() != 0 or done != size:
                raise _copy_failed(source, channel)
        finally:
            await channel.close()


def local_sum(path: Path, limit: int | None) -> str:
    """Return the SHA-256 in hex of the first ``limit`` bytes (None for all) of a local file."""
    return local_digest(path, limit).hexdigest()


def local_digest(path: Path, limit: int | None) -> hashlib._Hash:
    """Return the hash object of the first ``limit`` bytes of a file. Callers may add further bytes to it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20 if limit is None else min(1 << 20, limit)):
            digest.update(block)
            if limit is not None:
                limit -= len(block)
    return digest


def _local_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


async def _remote_size(host: Host, quoted: str, source: str) -> int:
    done = await host.run(f"if [ -f {quoted} ]; then wc -c < {quoted}; else echo none; fi")
    text = done.stdout.strip()
    if not text.isdigit():
        raise Failed(Code.NO_FILE, f"{source} is not on {host.address}.", "Check the path.")
    return int(text)


async def _remote_sum(host: Host, quoted: str, limit: int | None = None) -> str:
    feed = f"labeltui_sum < {quoted}" if limit is None else f"head -c {limit} < {quoted} | labeltui_sum"
    done = await host.run(_SUM + feed, timeout=None)
    found = done.stdout.decode("ascii", "replace").partition(" ")[0].strip()
    if done.exit_code != 0 or len(found) != 64:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise Failed(
            Code.COPY_FAILED,
            f"The checksum of a copy could not be computed on {host.address}.",
            "Install coreutils or python3 on that host.",
            said,
        )
    return found


def _copy_failed(name: str, channel: Channel) -> Failed:
    said = channel.stderr_tail().decode("utf-8", "replace").strip()
    return Failed(
        Code.COPY_FAILED,
        f"{name} could not be copied.",
        "Check the disk and try again. The copy continues where it stopped.",
        said,
    )


def _mismatch(name: str) -> Failed:
    return Failed(
        Code.CHECKSUM,
        f"The copy of {name} differs from the original, so it was removed.",
        "Copy the file again. If a program still writes it, wait until it is complete.",
    )
