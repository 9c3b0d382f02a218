"""The keys that a login offers, beside what OpenSSH's own ssh offers to the same sshd."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labeltui.domain.problems import LabeltuiError, Refused
from labeltui.hosts.base import HostKey
from labeltui.hosts.ssh.host import SshHost
from tests.sshd import STARTS_WITHIN_S, RealSshd

PASSPHRASE = "open sesame"


class Operator:
    """Trusts every host key, and answers with the passphrase."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.noticed: list[str] = []

    async def secret(self, title: str, prompt: str) -> str | None:
        self.asked.append(title)
        return PASSPHRASE

    def notice(self, text: str) -> None:
        self.noticed.append(text)

    async def trust_host_key(self, key: HostKey) -> bool:
        return True


@dataclass
class Desk:
    """An operator's keys, agent and ssh configuration, and an sshd."""

    sshd: RealSshd
    folder: Path
    operator: Operator = field(default_factory=Operator)

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def key(self, name: str, passphrase: str = "") -> Path:
        path = self.folder / name
        self.sshd.make_key(path, passphrase)
        return path

    def lock(self, key: Path) -> None:
        """Give a key the passphrase; the agent's copy of it stays open."""
        subprocess.run(["ssh-keygen", "-q", "-p", "-N", PASSPHRASE, "-f", str(key)], check=True)

    def load(self, *keys: Path) -> None:
        """Add keys without a passphrase to the agent."""
        for key in keys:
            subprocess.run(["ssh-add", "-q", str(key)], check=True, stdin=subprocess.DEVNULL)

    def accept(self, *keys: Path) -> None:
        """Let in these keys only."""
        lines = [key.with_name(key.name + ".pub").read_text() for key in keys]
        (self.sshd.folder / "authorized_keys").write_text("".join(lines))

    def host(self, key: Path | None = None, address: str = "", **options: bool) -> SshHost:
        return SshHost(
            address or self.sshd.address, key=key, own_known_hosts=self.folder / "known_hosts", known_hosts=(),
            config=self.config, prompter=self.operator, **options,
        )  # fmt: skip

    async def offers(self, key: Path | None = None, address: str = "") -> list[str]:
        """The fingerprints that one login of labeltui offers, the accepted one last."""
        self.forget()
        host = self.host(key, address)
        await host.connect()
        await host.close()
        return self.offered()

    def ssh(
        self, *options: str, address: str = "127.0.0.1", command: str = "echo in"
    ) -> subprocess.CompletedProcess[str]:
        """Log in with OpenSSH's ssh."""
        return subprocess.run(
            ["ssh", "-F", str(self.config), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-p",
             str(self.sshd.port), "-o", f"UserKnownHostsFile={self.folder / 'theirs'}", *options, address, command],
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip

    def forget(self) -> None:
        (self.sshd.folder / "sshd.log").write_bytes(b"")

    @property
    def log(self) -> str:
        return (self.sshd.folder / "sshd.log").read_text()

    def offered(self) -> list[str]:
        """The fingerprints in sshd's log since ``forget``."""
        return re.findall(r"(?:Failed|Accepted) publickey for .* (SHA256:\S+)", self.log)


def fingerprint(key: Path) -> str:
    listed = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True)
    return listed.stdout.split()[1]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    socket = tmp_path / "agent"
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not socket.exists():
        assert time.monotonic() < deadline, "ssh-agent does not listen"
        time.sleep(0.01)
    home = tmp_path / "desk"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    monkeypatch.setenv("HOME", str(home))
    with RealSshd(tmp_path / "sshd") as sshd:
        made = Desk(sshd, home / ".ssh")
        made.config.write_text("")
        yield made
    agent.terminate()
    agent.wait()


async def test_a_default_key_gets_in_behind_three_foreign_keys_of_the_agent(desk: Desk) -> None:
    foreign = [desk.key(f"foreign{n}") for n in range(3)]
    desk.load(*foreign)
    right = desk.key("id_ed25519")
    desk.accept(right)
    assert desk.ssh("-i", str(right)).stdout == "in\n"
    assert await desk.offers() == [fingerprint(key) for key in (*foreign, right)]


async def test_a_key_of_the_profile_is_the_only_one_that_is_offered(desk: Desk) -> None:
    desk.load(*(desk.key(f"foreign{n}") for n in range(6)))
    right = desk.key("mine")
    desk.accept(right)
    assert desk.ssh("-i", str(right), "-o", "IdentitiesOnly=yes").stdout == "in\n"
    assert await desk.offers(right) == [fingerprint(right)]


async def test_identities_only_offers_the_agents_copy_once_and_asks_for_no_passphrase(desk: Desk) -> None:
    foreign = [desk.key(f"foreign{n}") for n in range(6)]
    locked = desk.key("locked")
    desk.load(*foreign, locked)
    desk.lock(locked)
    desk.accept(locked)
    desk.config.write_text(
        f"Host pod\n  HostName 127.0.0.1\n  Port {desk.sshd.port}\n  User {desk.sshd.user}\n"
        f"  IdentityFile {locked}\n  IdentitiesOnly yes\n"
    )
    assert desk.ssh(address="pod").stdout == "in\n"
    assert await desk.offers(address="pod") == [fingerprint(locked)]
    assert await desk.offers(locked) == [fingerprint(locked)]
    assert not desk.operator.asked


async def test_a_passphrase_is_asked_for_only_if_the_host_accepts_the_key(desk: Desk) -> None:
    locked, right = desk.key("id_ecdsa", PASSPHRASE), desk.key("id_rsa", PASSPHRASE)
    desk.accept(right)
    assert await desk.offers() == [fingerprint(locked), fingerprint(right)]
    assert desk.operator.asked == [f"Key {right}"]


async def test_a_chosen_key_comes_before_the_agents_others(desk: Desk) -> None:
    desk.load(*(desk.key(f"foreign{n}") for n in range(6)))
    right = desk.key("mine")
    desk.accept(right)
    desk.config.write_text(f"Host *\n  IdentityFile {right}\n")
    assert await desk.offers() == [fingerprint(right)]


async def test_a_refusal_after_too_many_keys_names_them_and_is_not_a_network_fault(desk: Desk) -> None:
    foreign = [desk.key(f"foreign{n}") for n in range(6)]
    desk.load(*foreign)
    right = desk.key("id_ed25519")
    desk.accept(right)
    theirs = desk.ssh("-i", str(right))
    assert "Too many authentication failures" in theirs.stderr
    desk.forget()
    with pytest.raises(Refused) as caught:
        await desk.host().connect()
    problem = caught.value.problem
    assert problem.code == "login_failed"
    assert "Too many authentication failures" in problem.message
    assert "6 keys were offered" in problem.message
    for key in foreign:
        assert fingerprint(key) in problem.message
    assert fingerprint(right) not in problem.message
    assert len(desk.offered()) == 6


async def test_a_refusal_of_every_key_names_each_once(desk: Desk) -> None:
    in_both, file_only = desk.key("id_ed25519"), desk.key("id_rsa")
    desk.load(in_both)
    desk.accept(desk.key("another"))
    desk.forget()
    with pytest.raises(Refused) as caught:
        await desk.host().connect()
    message = caught.value.problem.message
    assert "2 keys were offered" in message
    assert desk.offered() == [fingerprint(in_both), fingerprint(file_only)]
    assert str(file_only) in message
    os.environ.pop("SSH_AUTH_SOCK")
    in_both.unlink()
    file_only.unlink()
    with pytest.raises(Refused) as caught:
        await desk.host().connect()
    assert "No key was offered" in caught.value.problem.message


async def test_the_agent_is_forwarded_only_by_the_hosts_own_block_and_never_to_a_pod(desk: Desk) -> None:
    right = desk.key("id_ed25519")
    desk.load(right)
    desk.accept(right)
    pod = f"Host pod\n  HostName 127.0.0.1\n  Port {desk.sshd.port}\n  User {desk.sshd.user}\n"
    shows_agent = 'echo "[$SSH_AUTH_SOCK]"'

    async def shown(config: str, **options: bool) -> str:
        desk.config.write_text(config)
        host = desk.host(address="pod", **options)
        await host.connect()
        done = await host.run(shows_agent)
        await host.close()
        return done.stdout.decode().strip()

    for_every_host = f"Host *\n  ForwardAgent yes\n{pod}"
    assert await shown(for_every_host) == "[]"
    assert desk.ssh(address="pod", command=shows_agent).stdout != "[]\n"  # ssh forwards it there
    assert (await shown(f"{pod}  ForwardAgent yes\n")).startswith("[/tmp/ssh-")
    assert await shown(f"{pod}  ForwardAgent yes\n", forward_agent=False) == "[]"


async def test_a_condition_that_cannot_be_checked_is_noticed_and_other_blocks_go_on(desk: Desk) -> None:
    right = desk.key("id_ed25519")
    desk.accept(right)
    desk.config.write_text(
        f"Match localnetwork 10.0.0.0/8\n  ProxyJump nowhere.invalid\nHost pod\n  HostName 127.0.0.1\n"
        f"  Port {desk.sshd.port}\n  User {desk.sshd.user}\n"
    )
    host = desk.host(address="pod")
    for _ in range(2):
        await host.connect()
    await host.close()
    (noticed,) = desk.operator.noticed
    assert f"{desk.config}, line 1" in noticed
    assert "localnetwork" in noticed


def pod(desk: Desk, *lines: str) -> None:
    """Write a Host pod with these lines into the configuration."""
    settings = (
        "HostName 127.0.0.1", f"Port {desk.sshd.port}", f"User {desk.sshd.user}", "StrictHostKeyChecking no", *lines
    )  # fmt: skip
    desk.config.write_text("Host pod\n" + "".join(f"  {line}\n" for line in settings))


@pytest.mark.posix
async def test_a_proxy_command_works_as_in_ssh_also_when_it_prints(desk: Desk) -> None:
    right = desk.key("id_ed25519")
    desk.accept(right)
    relay = (
        f"ssh -F none -i {right} -p {desk.sshd.port} -o StrictHostKeyChecking=no "
        f"-o UserKnownHostsFile={desk.folder / 'theirs'} -W %h:%p {desk.sshd.user}@127.0.0.1"
    )
    noise = "echo begun >&2; (for n in 1 2 3 4 5 6 7 8 9; do sleep 0.1; echo noise >&2; done) &"
    pod(desk, f"ProxyCommand sh -c '{noise} exec {relay}'")
    assert desk.ssh("-i", str(right), address="pod").stdout == "in\n"
    host = desk.host(address="pod")
    await host.connect()
    for _ in range(5):
        assert (await host.run("head -c 200000 /dev/zero | wc -c")).stdout.strip() == b"200000"
    await host.close()


@pytest.mark.posix
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-relay --to %h %p", ("'no-such-relay'", "not installed")),
        (
            "sh -c 'echo first >&2; echo the gate is shut >&2; exit 3'",
            ("'sh'", "exit code 3", "the gate is shut"),
        ),
        ("sh -c 'exit 0'", ("exit code 0",)),
    ],
)
async def test_a_proxy_command_that_fails_is_named_with_its_reason(
    desk: Desk, command: str, words: tuple[str, ...]
) -> None:
    pod(desk, f"ProxyCommand {command}")
    with pytest.raises(LabeltuiError) as caught:
        await desk.host(address="pod").connect()
    problem = caught.value.problem
    assert problem.code == "proxy_command"
    assert "127.0.0.1" in problem.message
    for word in words:
        assert word in problem.message, problem.message


async def test_identities_only_without_a_file_means_the_default_files(desk: Desk) -> None:
    desk.load(*(desk.key(f"foreign{n}") for n in range(6)))
    right = desk.key("id_ed25519")
    desk.accept(right)
    pod(desk, "IdentitiesOnly yes")
    assert await desk.offers(address="pod") == [fingerprint(right)]
