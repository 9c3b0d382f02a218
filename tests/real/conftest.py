"""Real parts: OpenSSH's sshd on loopback, MONAI Label installed on it by labeltui's own ``setup``, and Orthanc.

A missing part fails here; nothing is skipped. While working on the suite, set ``LABELTUI_TEST_HOME`` to a
folder for the host's home (2.8 GB), which later runs use again. Without it, a new home is made and deleted.

Each file of tests has a host of its own. The first installs MONAI Label and leaves a copy of the installation to
the others, also to those of another process (``-n 2 --dist loadfile``).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.real.volumes import make_studies
from tests.sshd import RealSshd, free_ports

PROFILE = "real"
FOLDER = "~/label tui"  # a space on purpose: paths with spaces must work
PORT = free_ports(2)  # the tunnel has the next one, because the host is this machine
KILLS = int(os.environ.get("LABELTUI_KILLS", "6"))
"""How often a test cuts each kind of copy off. Each time takes seconds."""
SMALL = ("(128, 128, 128)", "(64, 64, 32)")
"""A change of DeepEdit's source: smaller volumes."""
THIN = ("deep_supervision=False,", "deep_supervision=False, filters=[8, 16, 32, 64, 64, 64],")
"""Another one: a smaller network."""


@dataclass
class Ran:
    """One command line that ended."""

    code: int
    documents: list[dict[str, Any]]
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The only (or last) JSON document on stdout."""
        return self.documents[-1]


ASKS_FIRST = "import sys, tempfile; tempfile.gettempdir(); exec(compile(sys.stdin.read(), '-', 'exec'))"
"""Runs the program on stdin, which may begin with an import from the future."""


@dataclass
class Bench:
    """The host, and a profile with which labeltui uses it."""

    sshd: RealSshd
    home: Path
    config: Path
    state: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The server's folder on the host."""
        return self.home / FOLDER.removeprefix("~/")

    def argv(self, *words: str) -> list[str]:
        """The command line, as a person would type it."""
        return [sys.executable, "-m", "labeltui", "--config", str(self.config), "--profile", PROFILE, *words]

    def run(self, *words: str, timeout: float = 600) -> Ran:
        """Run labeltui with ``--json`` to its end; everything on stdout must be JSON."""
        done = subprocess.run(
            self.argv(*words, "--json"),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        documents = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
        return Ran(done.returncode, documents, done.stdout, done.stderr)

    def python(self, program: str, *arguments: str) -> str:
        """Run a program in the host's venv, where the monailabel package (and its client) is installed."""
        python = self.folder / "venv/bin/python"
        # The client gives its files the names of the server's, which the server deletes, and here both would be in
        # /tmp: it has a folder of its own, which it knows only if Python was asked for it before.
        folder = self.state.with_name("client files")
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [str(python), "-c", ASKS_FIRST, *arguments],
            input=program,
            env={**os.environ, "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def pip_arguments() -> list[str]:
    """Return pip's arguments for the package index here. A login over sshd does not inherit the environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = dict(line.split("=", 1) for line in listed.splitlines() if "=" in line)

    def setting(name: str) -> list[str]:
        for where in (":env:", "global", "user", "site"):
            if value := settings.get(f"{where}.{name}", "").strip("'\""):
                return value.split()
        return []

    index = (setting("index-url") or ["https://pypi.org/simple"])[0]
    arguments = ["--index-url", index]
    for flag in ("find-links", "extra-index-url"):
        for value in setting(flag):
            arguments += [f"--{flag}", value]
    return arguments


def write_config(path: Path, sshd: RealSshd, known_hosts: Path, **server: Any) -> None:
    """A profile over the sshd."""
    values = {
        "folder": FOLDER, "studies": "~/my studies", "models": ["deepedit"], "port": PORT, "torch": "cpu",
        "pip_args": pip_arguments(), "conf": {"use_pretrained_model": "false"},
        "python": sys.base_prefix + "/bin/python3", **server,
    }  # fmt: skip
    lines = [
        f"[profiles.{PROFILE}]", 'host = "ssh"', 'client_id = "console"', f"[profiles.{PROFILE}.ssh]",
        f"address = {json.dumps(sshd.address)}", f"key = {json.dumps(str(sshd.client_key))}",
        f"known_hosts = {json.dumps(str(known_hosts))}", 'config = "none"', f"[profiles.{PROFILE}.server]",
    ]  # fmt: skip
    for key, value in values.items():
        if isinstance(value, dict):
            table = ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.items())
            lines.append(f"{key} = {{ {table} }}")
        else:
            lines.append(f"{key} = {json.dumps(value)}")
    path.write_text("\n".join(lines) + "\n")


def copied(source: str, target: str) -> str:
    """Copy a file of the installation. What installs packages replaces files and changes none, so links will do."""
    copy = os.link if "/venv/" in source else shutil.copy2
    copy(source, target)
    return target


def installed(made: Bench, shared: Path) -> None:
    """Copy the installation that an earlier file of tests made, or make it and leave a copy."""
    kept = shared / made.folder.name
    with (shared / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        source, target = kept, made.folder
        if not kept.exists():
            setup = made.run("setup", timeout=1200)
            assert setup.code == 0, setup.stdout + setup.stderr
            source, target = made.folder, shared / "partial"
        shutil.copytree(source, target, symlinks=True, copy_function=copied)
        if target == made.folder:
            rewrite_commands(made.folder / "venv/bin", str(kept), str(made.folder))
        else:
            rewrite_commands(target / "venv/bin", str(made.folder), str(kept))
            target.rename(kept)


def rewrite_commands(folder: Path, before: str, now: str) -> None:
    """Let pip's commands (MONAI Label runs one of them to make a SEG) use the Python of the environment's new place."""
    for path in folder.iterdir():
        if path.is_symlink() or before.encode() not in (content := path.read_bytes()):
            continue
        mode = path.stat().st_mode
        path.unlink()  # it is a link, and the other environment keeps its own
        path.write_bytes(content.replace(before.encode(), now.encode()))
        path.chmod(mode)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which all processes of this run keep one installation of MONAI Label (2.8 GB)."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "installation"
    shared.mkdir(exist_ok=True)
    with (shared / "users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield shared
        with contextlib.suppress(BlockingIOError):  # another process still uses it, and removes it later
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(shared, ignore_errors=True)


@pytest.fixture(scope="module")
def bench(installation: Path) -> Iterator[Bench]:
    """A host of its own for each file of tests (see LABELTUI_TEST_HOME): 8 small studies, 5 of them labelled."""
    existing = os.environ.get("LABELTUI_TEST_HOME")
    root = Path(tempfile.mkdtemp(prefix="labeltui-real-"))
    home = Path(existing) if existing else root / "home"
    home.mkdir(parents=True, exist_ok=True)
    # Two processes of tests on two cores: more threads of torch would wait for each other, four times as long.
    threads = {"OMP_NUM_THREADS": "1"} if "PYTEST_XDIST_WORKER" in os.environ else {}
    sshd = RealSshd(root / "sshd", env={"HOME": str(home), **threads})
    sshd.start()
    known_hosts = root / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_public_key}\n")
    config, state = root / "config.toml", root / "state"
    write_config(config, sshd, known_hosts)
    environment = {**os.environ, "LABELTUI_STATE": str(state)}
    shutil.rmtree(home / "my studies", ignore_errors=True)
    make_studies(home / "my studies", 8, labelled=5)
    made = Bench(sshd, home, config, state, environment)
    try:
        if not existing:
            installed(made, installation)
        yield made
    finally:
        subprocess.run(
            made.argv("server", "stop", "--yes", "--json"),
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        sshd.stop()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def labeltui(bench: Bench) -> Callable[..., Ran]:
    """Run a labeltui command against the host."""
    return bench.run


@pytest.fixture
def deepedit(bench: Bench) -> Iterator[Bench]:
    """DeepEdit with small volumes, never trained and not running; untrained again afterwards."""
    assert bench.run("setup", timeout=1200).code == 0
    bench.run("server", "stop", "--yes")
    app = bench.folder / "apps/radiology/lib/configs/deepedit.py"
    source = app.read_text()
    app.write_text(source.replace(*SMALL).replace(*THIN))
    model = bench.folder / "apps/radiology/model"
    earlier = model.rename(model.with_name("model of before")) if model.exists() else None
    records = [(path, path.read_bytes()) for path in (bench.folder / "run").glob("labels-*.json")]
    for path, _ in records:
        path.unlink()
    yield bench
    bench.run("server", "stop", "--yes")
    app.write_text(source)
    shutil.rmtree(model, ignore_errors=True)
    for path in (bench.folder / "run").glob("labels-*.json"):
        path.unlink()
    for path, text in records:
        path.write_bytes(text)
    if earlier is not None:
        earlier.rename(model)
