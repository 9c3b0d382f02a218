"""Uploads to one sshd: large files and many small DICOM files, compared with rsync and scp in the same run.

The peers store files without a checksum of the whole file (scp) or without its rename (scp). All start with an
empty folder on the same disk; labeltui's time includes its login and the comparison with the host. The time to make
the files is not counted. The programs take turns, and the shortest time of each counts, so that other load on the
machine affects all alike. The CPU time is that of both ends, which other load affects least.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.base import HostKey
from labeltui.hosts.ssh.host import SshHost
from labeltui.hosts.uploading import Outgoing, Uploader
from tests.bench.figures import Row
from tests.dicom_files import write_series
from tests.sshd import RealSshd

NAME = "upload"
LARGE, QUICK_LARGE = (200, 10_000_000), (20, 10_000_000)
SMALL, QUICK_SMALL = (20_000, 6_000), (2_000, 6_000)
ROUNDS, QUICK_ROUNDS = 3, 1
SERIES, PIXELS = 100, 52  # DICOM files of one series, and rows and columns of each
LIMIT_S = 1800.0
TARGETS = {"scp -r": "1.0", "rsync -a": "1.2"}


class Trusting:
    """Trusts the sshd of the bench."""

    async def secret(self, _title: str, _prompt: str) -> str | None:
        return None

    def notice(self, _text: str) -> None:
        return

    async def trust_host_key(self, _key: HostKey) -> bool:
        return True


def run(quick: bool) -> list[Row]:
    """Upload both sets of files with each program, in turns."""
    sets = (QUICK_LARGE, QUICK_SMALL) if quick else (LARGE, SMALL)
    rows: list[Row] = []
    for count, size in sets:
        with tempfile.TemporaryDirectory() as folder, RealSshd(Path(folder) / "sshd") as sshd:
            rows += _compared(Path(folder), sshd, count, size, QUICK_ROUNDS if quick else ROUNDS)
    return rows


def _compared(folder: Path, sshd: RealSshd, count: int, size: int, rounds: int) -> list[Row]:
    source = folder / "scans"
    source.mkdir()
    _make(source, count, size)
    config = folder / "ssh_config"
    config.write_text(
        f"Host host\nHostName 127.0.0.1\nPort {sshd.port}\nUser {sshd.user}\nIdentityFile {sshd.client_key}\n"
        f"StrictHostKeyChecking no\nUserKnownHostsFile {folder}/known_hosts\nLogLevel ERROR\n"
    )
    target = sshd.home / "arrived"  # absolute, because sshd begins in the user's home, whatever HOME is
    peers = {
        "scp -r": ["scp", "-qr", "-F", str(config), str(source), f"host:{target}"],
        "rsync -a": ["rsync", "-a", "-e", f"ssh -F {config}", f"{source}/", f"host:{target}"],
    }
    stats = [(path, path.stat()) for path in sorted(source.iterdir())]
    files = [Outgoing(path, path.name, found.st_size, found.st_mtime_ns) for path, found in stats]
    asyncio.run(_ours(folder, sshd, "warm-up", files[:1]))  # sends the agent, which a host needs once
    programs = {name: partial(_theirs, argv) for name, argv in peers.items() if shutil.which(argv[0])}
    programs["ours"] = lambda: asyncio.run(_ours(folder, sshd, target.name, files))
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, upload in programs.items():
            times[name].append(_timed(upload, sshd))
            _check(source, target, count)
            shutil.rmtree(target)
    what = f"{count:,} {'DICOM ' * (size < 1_000_000)}files of {size / 1e6:g} MB"
    rows = []
    for at, which in enumerate(("", ", CPU of both ends")):
        shortest = {name: min(each[at] for each in found) for name, found in times.items()}
        for peer in peers:
            note = "" if peer in shortest else "(the peer is not installed)"
            limit = TARGETS[peer] if not at and (size > 1_000_000 or peer == "scp -r") else ""
            theirs = shortest.get(peer)
            rows.append(Row(NAME, what + which, "s", shortest["ours"], peer, theirs, limit, note))
    return rows


def _timed(upload: Callable[[], None], sshd: RealSshd) -> tuple[float, float]:
    """Seconds of an upload, and CPU seconds of this process, its programs and the ended sessions of sshd."""
    started, cpu = time.perf_counter(), _cpu_s(sshd)
    upload()
    return time.perf_counter() - started, _cpu_s(sshd) - cpu


def _cpu_s(sshd: RealSshd) -> float:
    """CPU seconds so far. Waits until sshd has no session, because only then are all of its programs counted."""
    listener = psutil.Process(sshd.pid)
    psutil.wait_procs(listener.children())
    return sum(sum(process.cpu_times()[:4]) for process in (psutil.Process(), listener))


def _make(source: Path, count: int, size: int) -> None:
    """Write large files of random bytes, or series of small DICOM files with random pixels."""
    if size > 1_000_000:
        block = os.urandom(size)
        for number in range(count):
            (source / f"case_{number:05}.nii.gz").write_bytes(block)
        return
    pixels = np.random.default_rng(1).integers(0, 2000, (SERIES, PIXELS, PIXELS), np.int16)
    for number in range(count // SERIES):
        write_series(source, pixels, number=number)


def _theirs(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode(errors='replace')[-300:]}")


async def _ours(folder: Path, sshd: RealSshd, target: str, files: list[Outgoing]) -> None:
    host = SshHost(
        sshd.address, key=sshd.client_key, own_known_hosts=folder / "own_known_hosts", known_hosts=(),
        config=None, prompter=Trusting(),
    )  # fmt: skip
    await host.connect()
    try:
        agent = await start_agent(host, "~/labeltui")
        versions = [(file.name, file.size, file.mtime_ns) for file in files]
        await agent.compare_upload(f"~/{target}", [file.name for file in files], versions)
        await Uploader(
            host, agent.program, f"~/{target}", files, lambda _n: None, lambda _file, _why: None
        ).run()
    finally:
        await host.close()


def _check(source: Path, target: Path, count: int) -> None:
    """Compare every file. Raises RuntimeError."""
    arrived = sorted(path.name for path in target.iterdir())
    if len(arrived) != count or any(
        (source / name).read_bytes() != (target / name).read_bytes() for name in arrived
    ):
        raise RuntimeError("the uploaded files differ from the source")
