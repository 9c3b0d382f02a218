"""Uploads of studies over OpenSSH, cut at random moments, and into a folder that MONAI Label watches."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil

from labeltui.domain.problems import LabeltuiError
from labeltui.hosts.agent.starting import start_agent
from labeltui.hosts.ssh.host import SshHost
from labeltui.hosts.uploading import Outgoing, Uploader
from tests.real.conftest import Bench, write_config
from tests.real.test_hosts_sshd import Trusting
from tests.real.test_main_job import until
from tests.real.test_restore import Served, served  # noqa: F401 (a fixture)
from tests.real.volumes import make_volume, save
from tests.sshd import RealSshd
from tests.volumes import nifti

CUTS = 30
OVERHEAD = 1.02  # SSH's own bytes
LOGIN = 60_000  # bytes of a login, and of the agent's requests


class Forwarder:
    """Forwards to sshd, and counts what clients send. After ``cut_after`` bytes all connections are lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.sent = 0
        self.cut_after: int | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, there = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, there]
        await asyncio.gather(self._pump(reader, there, counts=True), self._pump(back, writer, counts=False))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool
    ) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                if counts:
                    self.sent += len(data)
                    if self.cut_after is not None and self.sent >= self.cut_after:
                        self.cut()
                        return
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        """End all connections. What sshd has received reaches its sessions, as when a network fails."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()


@asynccontextmanager
async def connected(sshd: RealSshd, port: int, folder: Path) -> AsyncIterator[SshHost]:
    host = SshHost(
        f"{sshd.user}@127.0.0.1:{port}", key=sshd.client_key, own_known_hosts=folder / "known_hosts",
        known_hosts=(), config=None, prompter=Trusting(), known_as="upload",
    )  # fmt: skip
    await host.connect()
    try:
        yield host
    finally:
        await host.close()


async def upload(host: SshHost, files: list[Outgoing], folder: str) -> None:
    """What one attempt of ``studies upload`` does."""
    agent = await start_agent(host, "~/labeltui")
    found = await agent.compare_upload(
        folder, [file.name for file in files], [file.version for file in files]
    )
    left = [
        Outgoing(file.source, file.name, file.size, file.mtime_ns, part=part)
        for file, part in zip(files, found.parts, strict=True)
        if file.name not in found.there
    ]
    await Uploader(host, agent.program, folder, left, lambda _count: None, lambda _file, _problem: None).run()
    await agent.tidy_upload(folder)


async def received(folder: Path) -> int:
    """Bytes of studies that the host has of an upload into ``folder`` that was cut, once its receiver has ended.

    A file that is being put in its place has two names.
    """
    end = time.monotonic() + 60
    while any("receive" in line and str(folder) in line for line in command_lines()):
        assert time.monotonic() < end, "the receiver stays after the connection is lost"
        await asyncio.sleep(0.02)
    found = (path.stat() for path in folder.parent.rglob("case*"))
    return sum({one.st_ino: one.st_size for one in found}.values())


def command_lines() -> Iterator[list[str]]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            yield process.cmdline()


async def test_thirty_cuts_leave_whole_files_and_only_the_rest_is_sent_again(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number, size in enumerate([0, 1, 400, 5000, 5000, 70_000, 300_000, 1_500_000, 3_000_000]):
        (source / f"case {number}.nii").write_bytes(os.urandom(size))
    content = {path.name: path.read_bytes() for path in source.iterdir()}
    stats = [(path, path.stat()) for path in sorted(source.iterdir())]
    files = [Outgoing(path, path.name, found.st_size, found.st_mtime_ns) for path, found in stats]
    total = sum(file.size for file in files)
    chance = random.Random(12)
    kept = 0
    with RealSshd(tmp_path / "sshd") as sshd:
        for number in range(CUTS):
            forwarder = Forwarder(sshd.port)
            server = await forwarder.serve()
            port, folder = server.sockets[0].getsockname()[1], sshd.home / f"studies {number}"
            async with connected(sshd, port, tmp_path) as host:
                await start_agent(host, "~/labeltui")  # sends the zip once
                forwarder.sent, forwarder.cut_after = 0, chance.randrange(total)
                with suppress(LabeltuiError):
                    await upload(host, files, str(folder))
            stored = {path.name: path.read_bytes() for path in folder.glob("*.nii")}
            assert all(content[name] == data for name, data in stored.items())
            there = await received(folder)
            kept += there
            forwarder.sent, forwarder.cut_after = 0, None
            async with connected(sshd, port, tmp_path) as host:
                await upload(host, files, str(folder))
            server.close()
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == content
            assert forwarder.sent < (total - there) * OVERHEAD + LOGIN, (number, forwarder.sent, total, there)
            assert not list(sshd.home.glob(".studies*"))
            shutil.rmtree(folder)
    print(f"{kept / total / CUTS:.0%} of the bytes were there after a cut")
    assert kept > total * CUTS / 20


async def test_a_small_write_is_one_packet(tmp_path: Path) -> None:
    with RealSshd(tmp_path / "sshd") as sshd:
        forwarder = Forwarder(sshd.port)
        server = await forwarder.serve()
        async with connected(sshd, server.sockets[0].getsockname()[1], tmp_path) as host:
            channel = await host.open("head -c 500 | wc -c")
            forwarder.sent = 0
            for _ in range(500):
                await channel.write(b"x")
            assert b"500" in await channel.read()
            await channel.close()
        server.close()
    assert 500 * 36 <= forwarder.sent < 500 * 60  # with an empty packet before each, twice as many


async def test_two_uploads_of_one_study_at_once_leave_one_whole_file_and_nothing_else(tmp_path: Path) -> None:
    with RealSshd(tmp_path / "sshd") as sshd:
        folder = sshd.home / "studies"
        versions = []
        for number in range(2):  # the same image, copied to two machines at other times
            path = tmp_path / str(number) / "case.nii"
            path.parent.mkdir()
            path.write_bytes(b"x" * 5_000_000)
            os.utime(path, (1_700_000_000, 1_700_000_000 + number))
            found = path.stat()
            versions.append(Outgoing(path, path.name, found.st_size, found.st_mtime_ns))
        async with connected(sshd, sshd.port, tmp_path) as one, connected(sshd, sshd.port, tmp_path) as other:
            for files in ([versions[0]] * 2, versions):
                await asyncio.gather(
                    *(
                        upload(host, [file], str(folder))
                        for host, file in zip((one, other), files, strict=True)
                    )
                )
                assert [path.stat().st_size for path in folder.iterdir()] == [5_000_000]
                assert not list(sshd.home.glob(".studies*"))
                shutil.rmtree(folder)


def test_the_server_lists_what_was_uploaded_as_soon_as_it_is_whole(served: Served, tmp_path: Path) -> None:  # noqa: F811
    scans = tmp_path / "scans"
    for number in range(3):
        save(make_volume(50 + number)[0], scans / f"sub {number}" / "NEW.nii.gz")
    (scans / "sub 1" / "NEW.nii.gz").rename(scans / "sub 1" / "NEW.NII.GZ")
    dry = served.bench.run("studies", "upload", str(scans), "--dry-run")
    assert (dry.code, len(dry.document["sent"])) == (0, 3)
    uploaded = served.bench.run("studies", "upload", str(scans))
    assert uploaded.code == 0, uploaded.stdout + uploaded.stderr
    assert (len(uploaded.document["sent"]), uploaded.document["unlisted"]) == (3, 0)
    assert {f"sub {number}_NEW" for number in range(3)} <= set(served.datastore())
    again = served.bench.run("studies", "upload", str(scans))
    assert (again.document["same"], again.document["sent"]) == (3, [])

    save(make_volume(99)[0], scans / "sub 1" / "NEW.NII.GZ".lower())
    (scans / "sub 1" / "NEW.NII.GZ").unlink()
    (scans / "sub 1" / "new.nii.gz").rename(scans / "sub 1" / "NEW.nii.gz")
    refused = served.bench.run("studies", "upload", str(scans))
    assert (refused.code, refused.document["error"]["code"]) == (3, "exists")
    replaced = served.bench.run("studies", "upload", str(scans), "--replace")
    assert [row["replaced"] for row in replaced.document["sent"]] == [True]
    on_host = served.studies / "sub 1_NEW.nii.gz"
    assert on_host.read_bytes() == (scans / "sub 1" / "NEW.nii.gz").read_bytes()


def test_a_command_connects_again_and_sends_the_rest(bench: Bench, tmp_path: Path) -> None:
    scans, studies = tmp_path / "scans", tmp_path / "studies"
    scans.mkdir()
    (scans / "large.nii").write_bytes(nifti((512, 512, 300), voxels=os.urandom(512 * 512 * 300 * 2)))
    config = tmp_path / "config.toml"
    write_config(config, bench.sshd, bench.sshd.folder.parent / "known_hosts", studies=str(studies))
    desk = replace(bench, config=config)
    with (tmp_path / "said").open("wb") as said:
        command = subprocess.Popen(
            desk.argv("studies", "upload", str(scans), "--json"),
            env=desk.environment,
            stdout=said,
            stderr=said,
        )
        try:
            until(
                "10 MB",
                lambda: sum(path.stat().st_size for path in tmp_path.glob(".studies*/*")) > 10_000_000,
            )
            bench.sshd.drop_sessions()
            assert command.wait(120) == 0, (tmp_path / "said").read_text()
        finally:
            command.kill()
            command.wait()
    assert "sends the rest" in (tmp_path / "said").read_text()
    assert (studies / "large.nii").read_bytes() == (scans / "large.nii").read_bytes()
    assert not list(tmp_path.glob(".studies*"))
