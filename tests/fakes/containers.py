"""Containers that are only ports and host keys, which change at each start as real ones do.

For tests that start pods often under a fake clock and never log in.
"""

from __future__ import annotations

import base64
import hashlib

from labeltui.sandbox.runpod.world.pods import Pod
from labeltui.sandbox.runpod.world.world import World

_KINDS = (("RSA", 2048), ("ECDSA", 256), ("ED25519", 256))


class FakeContainers:
    """Answers the world's requests at once; ``discarded`` lists the volumes that were destroyed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._port = 40000
        self.discarded: list[str] = []
        world.hardware = self

    def container_up(self, pod: Pod) -> None:
        """Map every port to a new one, and print new host keys."""
        mapping = {int(port.partition("/")[0]): self._next_port() for port in pod.spec.ports}
        lines = ["Pod Started", "Setting up SSH..."]
        if "no_fingerprints" not in pod.start_faults:
            lines.append("SSH host keys:")
            lines += [f"{bits} {fingerprint(pod, kind)} root@{pod.id} ({kind})" for kind, bits in _KINDS]
        lines.append("Start script(s) finished, Pod is ready to use.")
        self._world.container_ready(pod, pod.starts, mapping, lines)

    def container_down(self, pod: Pod) -> None:
        """Do nothing, because nothing runs."""

    def move(self, pod: Pod) -> None:
        """Give the pod other public ports."""
        pod.mapping = {private: self._next_port() for private in pod.mapping}

    def discard(self, volume_key: str) -> None:
        """Add the volume to ``discarded``."""
        self.discarded.append(volume_key)

    def _next_port(self) -> int:
        self._port = self._port + 1 if self._port < 60000 else 40001
        return self._port


def fingerprint(pod: Pod, kind: str) -> str:
    """The fingerprint of a pod's host key in its present start."""
    digest = hashlib.sha256(f"{pod.id}/{pod.starts}/{kind}".encode()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
