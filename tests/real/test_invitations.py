"""Invitations on OpenSSH's sshd: the text works, the key does nothing else, and revoked means cut."""

from __future__ import annotations

import getpass
import http.server
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labeltui.hosts.agent.remote.invited.sshd import settings
from tests.real.conftest import PORT, Bench, write_config
from tests.sshd import RealSshd, free_port

WITHIN_S = 20.0
ANNOTATOR, OPERATOR = "labeltui-annotator", "labeltui-operator"
KEY_OPTIONS = 'restrict,port-forwarding,permitopen="127.0.0.1:8000",permitlisten="NONE:1",command="exit 1"'
THEIRS = "# a line without a newline at its end"


@dataclass
class Place:
    """A host with sshd, a labeltui that is pointed at it, and an annotator on another account."""

    bench: Bench
    keys: Path  # the operator's authorized_keys
    annotator: Path  # the annotator's home
    local: int
    exposes: bool  # sshd shows whose a connection is, and makes no UNIX sockets

    def invite(self, name: str = "anna", *more: str) -> dict[str, Any]:
        ran = self.bench.run("invite", name, *more)
        assert ran.code == 0, ran
        return ran.document

    def block(self, document: dict[str, Any]) -> str:
        """The lines for macOS and Linux, with another local port, because the host is this machine."""
        text = document["text"].partition("macOS and Linux (Terminal)\n")[2].partition("\n2. In 3D Slicer")[0]
        assert f"-L 127.0.0.1:{PORT}:127.0.0.1:{PORT} " in text
        return text.replace(f"-L 127.0.0.1:{PORT}:", f"-L 127.0.0.1:{self.local}:")

    def ssh(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The annotator's ssh, with the files that the pasted lines made."""
        program = [words[0]] if words[0] in ("sftp",) else ["ssh"]
        rest = list(words[1:] if program == ["sftp"] else words)
        key = self.annotator / ".ssh/labeltui-anna"
        command = [
            *program, "-F", "none", "-P" if program == ["sftp"] else "-p", str(self.bench.sshd.port), "-i", str(key),
            "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={key}.known_hosts", "-o", "BatchMode=yes", *rest,
        ]  # fmt: skip
        command.insert(len(command) - options.pop("after", 0), f"{self.bench.sshd.user}@127.0.0.1")
        return subprocess.run(
            command, user=ANNOTATOR, extra_groups=[], cwd="/", capture_output=True, text=True, check=False,
            timeout=WITHIN_S, stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], **options},
        )  # fmt: skip

    @contextmanager
    def pasted(self, block: str) -> Iterator[None]:
        """The annotator's terminal with the pasted lines, until the end of the block."""
        shell = subprocess.Popen(
            ["sh", "-c", block], user=ANNOTATOR, extra_groups=[], cwd="/", stdin=subprocess.DEVNULL,
            start_new_session=True, env={"PATH": os.environ["PATH"], "HOME": str(self.annotator)},
        )  # fmt: skip
        try:
            yield
        finally:
            os.killpg(shell.pid, 15)
            shell.wait()


def fetched(port: int) -> bytes:
    """What a server on this machine answers; empty without an answer."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError:
        return b""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"the server")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """What stands for MONAI Label on the host's loopback."""
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Answer)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield
    listening.shutdown()
    listening.server_close()


@pytest.fixture(scope="module")
def accounts() -> Iterator[None]:
    try:
        for name in (ANNOTATOR, OPERATOR):
            subprocess.run(["userdel", "-rf", name], capture_output=True, check=False)
            subprocess.run(
                ["useradd", "-m", "-p", "*", "-s", "/bin/sh", name], check=True, capture_output=True
            )
        yield
    finally:
        for name in (ANNOTATOR, OPERATOR):
            subprocess.run(["userdel", "-rf", name], capture_output=True, check=False)


@pytest.fixture(params=["root", "ordinary", "exposed"])
def place(request: pytest.FixtureRequest, accounts: None, server: None) -> Iterator[Place]:
    root = Path(tempfile.mkdtemp(prefix="labeltui-invited-"))
    root.chmod(0o755)
    ordinary = request.param != "root"
    exposes = request.param == "exposed"
    options = ["X11Forwarding yes"]
    options += ["AuthorizedKeysFile .ssh/authorized_keys"] if ordinary else []
    options += ["ExposeAuthInfo yes", "AllowStreamLocalForwarding local"] if exposes else []
    sshd = RealSshd(root / "sshd", options=tuple(options), own_homes=ordinary)
    sshd.user = OPERATOR if ordinary else getpass.getuser()
    keys = root / "sshd/authorized_keys"
    if ordinary:
        account = pwd.getpwnam(OPERATOR)
        keys = Path(account.pw_dir, ".ssh/authorized_keys")
        keys.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(root / "sshd/authorized_keys", keys)
        for path in (keys.parent, keys):
            os.chown(path, account.pw_uid, account.pw_gid)
    keys.write_text(keys.read_text() + THEIRS)
    keys.chmod(0o640)
    known_hosts = root / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {sshd.host_public_key}\n")
    write_config(root / "config.toml", sshd, known_hosts, python="python3")
    environment = {**os.environ, "LABELTUI_STATE": str(root / "state")}
    home = Path(pwd.getpwnam(ANNOTATOR).pw_dir)
    shutil.rmtree(home / ".ssh", ignore_errors=True)
    with sshd:
        bench = Bench(sshd, sshd.home, root / "config.toml", root / "state", environment)
        yield Place(bench, keys, home, free_port(), exposes)
    shutil.rmtree(root)


def test_the_pasted_text_reaches_the_server_and_revoked_means_cut(place: Place) -> None:
    before, mode = place.keys.read_bytes(), place.keys.stat().st_mode
    document = place.invite()
    assert place.keys.read_bytes().startswith(before)
    assert place.keys.stat().st_mode == mode

    operator = subprocess.Popen(
        ["ssh", "-F", "none", "-i", str(place.bench.sshd.client_key), "-p", str(place.bench.sshd.port), "-o",
         f"UserKnownHostsFile={place.bench.config.parent / 'known_hosts'}",
         f"{place.bench.sshd.user}@127.0.0.1", "echo in; cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert operator.stdout is not None
    assert operator.stdout.readline() == b"in\n"
    with place.pasted(place.block(document)):
        wait_until(lambda: b"the server" in fetched(place.local))
        (row,) = place.bench.run("invite", "list").document["invitations"]
        assert (row["name"], row["on_this_host"]) == ("anna", True)
        assert row["connected"] is (True if place.exposes else None)

        revoked = place.bench.run("invite", "revoke", "anna", "--yes")
        assert revoked.code == 0, revoked
        assert revoked.document["cut"] == 1
        wait_until(lambda: fetched(place.local) == b"")
        assert "Permission denied" in place.ssh("-N").stderr
        assert fetched(place.local) == b""
    assert operator.poll() is None  # the operator's own session was not cut
    operator.communicate(timeout=WITHIN_S)
    assert place.keys.read_bytes().rstrip(b"\n") == before
    assert place.keys.stat().st_mode == mode
    listed = place.bench.run("invite", "list").document
    assert (listed["invitations"], listed["connections"]) == ([], 0)


def test_the_key_does_nothing_else(place: Place) -> None:
    document = place.invite()
    with place.pasted(place.block(document)):
        wait_until(lambda: b"the server" in fetched(place.local))
    taken = free_port()

    shell = place.ssh("-tt")
    assert shell.returncode != 0
    assert shell.stdout == ""
    command = place.ssh("echo in", after=1)
    assert (command.returncode, command.stdout) == (1, "")
    assert place.ssh("sftp").returncode != 0
    for refused in ("-A", "-X"):
        asked = place.ssh("-v", refused, "echo in", after=1, DISPLAY=":0", SSH_AUTH_SOCK="/nowhere")
        assert asked.stdout == "", refused
        assert "in\n" not in asked.stdout
    for remote in (
        f"{taken}:127.0.0.1:22",
        "none:1:127.0.0.1:22",
        "NONE:1:127.0.0.1:22",
        "127.0.0.1:1:127.0.0.1:22",
    ):
        asked = place.ssh("-N", "-o", "ExitOnForwardFailure=yes", "-R", remote)
        assert "remote port forwarding failed" in asked.stderr, remote
    for other in (f"127.0.0.1:{place.bench.sshd.port}", f"localhost:{PORT}", "127.0.0.1:22"):
        asked = place.ssh("-W", other)
        assert asked.returncode != 0, other
        assert "prohibited" in asked.stderr, other
    works = place.ssh("-W", f"127.0.0.1:{PORT}")
    assert "prohibited" not in works.stderr
    with socket.socket(socket.AF_UNIX) as listening:
        path = place.bench.config.parent / "socket"
        listening.bind(str(path))
        path.chmod(0o777)
        listening.listen()
        block = place.block(document).replace(f":127.0.0.1:{PORT} ", f":{path} ")
        with place.pasted(block):
            wait_until(lambda: listens(place.local))
            assert fetched(place.local) == b""
    assert any("UNIX sockets" in one for one in document["warnings"]) is not place.exposes
    made = place.keys.parent / "made"
    remote = f"-R {made}:127.0.0.1:22"
    if place.exposes:
        asked = place.ssh("-N", "-o", "ExitOnForwardFailure=yes", *remote.split())
        assert "remote port forwarding failed" in asked.stderr
    else:  # sshd can't refuse it to one key
        block = place.block(document)
        with place.pasted(block.replace(f"-L 127.0.0.1:{place.local}:127.0.0.1:{PORT}", remote)):
            wait_until(made.exists)


def test_a_second_invitation_of_a_name_revokes_the_first(place: Place) -> None:
    first = place.invite()
    again = place.bench.run("invite", "Anna")
    assert (again.code, again.document["error"]["code"]) == (3, "exists")
    second = place.invite("Anna", "--replace")
    assert place.keys.read_text().count("labeltui-invitation:") == 1
    block = place.block(second).replace("labeltui-Anna", "labeltui-anna")
    for text, works in ((place.block(first), False), (block, True)):
        with place.pasted(text):
            wait_until((place.annotator / ".ssh/labeltui-anna.known_hosts").exists)
            if works:
                wait_until(lambda: b"the server" in fetched(place.local))
        assert ("Permission denied" in place.ssh("-W", f"127.0.0.1:{PORT}").stderr) is not works


def test_a_host_without_the_keys_gets_them_back_and_the_text_needs_no_private_key(place: Place) -> None:
    with place.pasted(place.block(place.invite())):
        wait_until(lambda: b"the server" in fetched(place.local))
    lines = place.keys.read_text().splitlines(keepends=True)
    place.keys.write_text("".join(one for one in lines if "labeltui" not in one))  # as on a new pod
    (row,) = place.bench.run("invite", "list").document["invitations"]
    assert (row["name"], row["on_this_host"]) == ("anna", False)
    document = place.bench.run("invite", "install").document
    assert document["installed"] == ["anna"]
    assert "PRIVATE KEY" not in document["text"]
    with place.pasted(place.block(document)):
        wait_until(lambda: b"the server" in fetched(place.local))


def test_a_read_only_profile_refuses_before_it_connects(place: Place) -> None:
    place.bench.sshd.stop()
    ran = place.bench.run("--read-only", "invite", "anna")
    assert (ran.code, ran.document["error"]["code"]) == (3, "read_only")


@pytest.mark.parametrize(
    "option",
    ["", "PermitListen none", "AllowTcpForwarding local", "AllowStreamLocalForwarding local"],
)
def test_whether_a_key_may_make_sockets_is_known_from_the_configuration(tmp_path: Path, option: str) -> None:
    server = RealSshd(tmp_path, options=(option,))
    keys = tmp_path / "authorized_keys"
    keys.write_text(f"{KEY_OPTIONS} {keys.read_text()}")
    made = tmp_path / "made"
    with server:
        asked = subprocess.Popen(
            ["ssh", "-F", "none", "-i", str(server.client_key), "-p", str(server.port), "-o",
             "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes",
             "-N", "-R", f"{made}:127.0.0.1:22", f"{server.user}@127.0.0.1"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: made.exists() or asked.poll() is not None)
        is_made = made.exists()
        asked.kill()
        asked.wait()
    assert settings(str(tmp_path / "sshd_config")).sockets is is_made
