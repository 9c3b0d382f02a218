"""Keys that ssh can't read are named with their conversion, and a key that waits for a touch says so."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest
from asyncssh.packet import Byte, SSHPacket, String, UInt32
from asyncssh.sk_eddsa import _SKEd25519Key

from labeltui.domain.problems import Misused, Refused
from labeltui.hosts.ssh.host import SshHost
from labeltui.hosts.ssh.own_keys import read_public
from tests.services.hosts.ssh_server import Answers, Server

Make = Callable[..., SshHost]
PPK = "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: eddsa-key\n"
SSH2 = '---- BEGIN SSH2 PUBLIC KEY ----\nComment: "rsa"\nAAAAB3NzaC1yc2E=\n---- END SSH2 PUBLIC KEY ----\n'
APPLICATION = b"ssh:"


class SecurityKey:
    """An agent with one key that is on a security key, as ssh-agent answers for it."""

    touched_after_s = 0.5

    def __init__(self) -> None:
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        raw = self._key.public_data[-32:]
        self.public = b"".join(String(part) for part in (b"sk-ssh-ed25519@openssh.com", raw, APPLICATION))
        self.line = asyncssh.public_key.decode_ssh_public_key(self.public).export_public_key().decode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                packet = SSHPacket(
                    await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
                )
                kind = packet.get_byte()
                if kind == 11:  # which keys there are
                    answer = Byte(12) + UInt32(1) + String(self.public) + String(b"yubi [red]\x1b[2J")
                else:  # sign
                    await asyncio.sleep(self.touched_after_s)
                    packet.get_string()
                    answer = Byte(14) + String(self._signature(packet.get_string()))
                writer.write(UInt32(len(answer)) + answer)
        except asyncio.IncompleteReadError:
            writer.close()

    def _signature(self, data: bytes) -> bytes:
        flags, counter = 1, 7
        signed = (
            hashlib.sha256(APPLICATION).digest()
            + Byte(flags)
            + UInt32(counter)
            + hashlib.sha256(data).digest()
        )
        packet = SSHPacket(self._key.sign(signed, b"ssh-ed25519"))
        packet.get_string()
        signature = packet.get_string()
        return String(b"sk-ssh-ed25519@openssh.com") + String(signature) + Byte(flags) + UInt32(counter)


async def test_a_key_that_waits_for_a_touch_says_so(
    server: Server, ssh: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = SecurityKey()
    server.user_key = asyncssh.import_public_key(key.line)
    agent = await asyncio.start_unix_server(key.serve, str(tmp_path / "agent"))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    monkeypatch.setenv("HOME", str(tmp_path / "desk"))
    answers = Answers()
    await ssh(server.address, prompter=answers, connect_timeout=0.4).connect()  # the touch takes longer
    assert answers.noticed == ["Touch the security key of the agent's yubi [red] [2J, if it blinks."]
    agent.close()


async def test_a_security_key_that_is_not_in_the_agent_is_named(
    server: Server, ssh: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    raw = asyncssh.generate_private_key("ssh-ed25519").public_data[-32:]
    path = tmp_path / "id_ed25519_sk"
    _SKEd25519Key(raw, "ssh:", 1, b"handle", b"").write_private_key(path)
    with pytest.raises(Refused) as caught:
        await ssh(server.address, key=path).connect()
    assert caught.value.problem.code == "bad_key"
    assert "security key" in caught.value.problem.message
    assert f"ssh-add {path}" in caught.value.problem.hint


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (PPK, "is a PuTTY key (.ppk).", "puttygen"),
        (SSH2, "is a public key in SSH2 format.", "ssh-keygen -i -f"),
        ("{public}", "is a public key.", "private key"),
        ("no key at all", "is not a private key", "another key"),
    ],
)
async def test_a_file_that_is_no_key_of_ssh_is_named_with_its_conversion(
    server: Server, ssh: Make, tmp_path: Path, text: str, message: str, hint: str
) -> None:
    path = tmp_path / "my key.ppk"
    path.write_text(text.format(public=server.user_key.export_public_key().decode()) if "{" in text else text)
    with pytest.raises(Refused) as caught:
        await ssh(server.address, key=path).connect()
    problem = caught.value.problem
    assert (problem.code, f"{path} {message}" in problem.message) == ("bad_key", True), problem
    assert hint in problem.hint
    if "PuTTY" in text or "SSH2" in text:
        assert f"'{path}'" in problem.hint  # quoted, to be pasted
        with pytest.raises(Misused) as refused:
            read_public(path)
        assert f"{path} {message}" in refused.value.problem.message
        assert hint in refused.value.problem.hint


async def test_a_refused_login_names_the_configured_key_that_could_not_be_used(
    server: Server, ssh: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    ppk, config = tmp_path / "id.ppk", tmp_path / "config"
    ppk.write_text(PPK)
    config.write_text(f"Host *\n IdentityFile {ppk}\n")
    with pytest.raises(Refused) as caught:
        await ssh(server.address, config=config).connect()
    problem = caught.value.problem
    assert (problem.code, f"{ppk} is a PuTTY key" in problem.message) == ("login_failed", True), problem
    assert "puttygen" in problem.hint
