"""Which packets of asyncssh are not sent."""

from __future__ import annotations

from typing import Any, cast

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_IGNORE

from labeltui.hosts.ssh.packets import spare_empty_packets


class Connection:
    """What an asyncssh connection does to send, with the empty packet before each."""

    def __init__(self, cipher: str) -> None:
        self._cipher = cipher
        self.sent: list[int] = []

    def get_extra_info(self, name: str) -> str | None:
        return self._cipher if name == "send_cipher" else None

    def send_packet(self, kind: int, *_parts: bytes, handler: Any = None) -> None:
        if kind != MSG_IGNORE:
            self.send_packet(MSG_IGNORE, b"")
        self.sent.append(kind)


@pytest.mark.parametrize(
    ("cipher", "sent"),
    [
        ("aes128-gcm@openssh.com", [MSG_CHANNEL_DATA]),
        ("chacha20-poly1305@openssh.com", [MSG_CHANNEL_DATA]),
        ("aes256-ctr", [MSG_CHANNEL_DATA]),
        ("aes256-cbc", [MSG_IGNORE, MSG_CHANNEL_DATA]),
    ],
)
def test_only_a_cipher_that_chains_blocks_gets_empty_packets(cipher: str, sent: list[int]) -> None:
    connection = Connection(cipher)
    spare_empty_packets(cast(asyncssh.SSHClientConnection, connection))
    connection.send_packet(MSG_CHANNEL_DATA, b"data")
    assert connection.sent == sent
