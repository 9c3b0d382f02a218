"""The text that an annotator gets: lines to paste into a terminal, and values to enter in Slicer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed

HIDDEN = "(the private key is not shown here)"
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_KEY = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class Place:
    """The address for annotators. ``host_keys`` are the pinned keys as ``TYPE KEY``; empty if none is known."""

    user: str
    host: str
    port: int
    host_keys: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise Failed ``bad_address`` for an address that can't be pasted safely into a shell."""
        if not _HOST.fullmatch(self.host) or not _USER.fullmatch(self.user):
            raise Failed(
                Code.BAD_ADDRESS, f"{self.user!r} at {self.host!r} can't be written into an invitation.",
                "Correct the address in the profile.",
            )  # fmt: skip

    @property
    def known_hosts(self) -> str:
        """The lines of a known_hosts file."""
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        return "\n".join(f"{name} {key}" for key in self.host_keys if _KEY.fullmatch(key))


@dataclass(frozen=True, slots=True)
class Slicer:
    """Values that the annotator enters in Slicer. ``strategy`` is empty if the server did not report its strategies."""

    port: int
    client_id: str
    strategy: str = ""


def invitation_text(place: Place, slicer: Slicer, private_key: str = "") -> str:
    """Return the text.

    Without ``private_key``, it only gives the new address to an annotator who has the key already.
    """
    place.check()
    first = (
        "The address of the labelling server" if not private_key else "How to connect to the labelling server"
    )
    return "\n".join((
        f"{first}, for {slicer.client_id}",
        "",
        "1. Paste the lines for your system into a terminal, and leave its window open while you label.",
        f"   They save your key as .ssh/{_file(slicer)} in your home folder, for you alone: give it to nobody.\n"
        "   After a pause, only the last line is needed again." if private_key else
        "   They replace the address that you used before; your key stays the same.",
        "",
        "Windows (PowerShell)",
        "",
        *_powershell(place, slicer, private_key),
        "",
        "macOS and Linux (Terminal)",
        "",
        *_posix(place, slicer, private_key),
        "",
        "2. In 3D Slicer, enter your name once: Edit, Application Settings, MONAI Label, Client/User-ID.",
        "   Then open the module MONAI Label, and enter the server's address.",
        "",
        f"   Client/User-ID:      {slicer.client_id}",
        "   Module:              MONAI Label",
        f"   MONAI Label server:  http://127.0.0.1:{slicer.port}/",
        f"   Strategy:            {slicer.strategy or 'the first of the list'}",
        "",
    ))  # fmt: skip


def masked(text: str) -> str:
    """The text without the lines of its private keys, for a screen."""
    return re.sub(r"(?s)(-----BEGIN [^\n]*\n).*?(\n-----END )", rf"\g<1>{HIDDEN}\g<2>", text)


def _file(slicer: Slicer) -> str:
    return f"labeltui-{slicer.client_id}"


def _tunnel(place: Place, slicer: Slicer) -> str:
    """The ssh command, quoted so that PowerShell and a POSIX shell read it alike."""
    file, address = f"~/.ssh/{_file(slicer)}", f"127.0.0.1:{slicer.port}"
    trust = "yes" if place.known_hosts else "accept-new"
    return (
        f"ssh -N -L {address}:{address} -p {place.port} -i {file} -o IdentitiesOnly=yes"
        f" -o 'UserKnownHostsFile={file}.known_hosts' -o StrictHostKeyChecking={trust}"
        f" -o ExitOnForwardFailure=yes -o ServerAliveInterval=15 {place.user}@{place.host}"
    )


def _powershell(place: Place, slicer: Slicer, private_key: str) -> list[str]:
    file = rf"$HOME\.ssh\{_file(slicer)}"
    lines = [r'New-Item -ItemType Directory -Force "$HOME\.ssh" | Out-Null']
    if private_key:
        lines += [
            "$key = @'", private_key.strip(), "'@",
            f"""[IO.File]::WriteAllText("{file}", ($key -replace "`r", "") + "`n")""",
            f'icacls "{file}" /inheritance:r /grant:r "${{env:USERNAME}}:F" | Out-Null',
        ]  # fmt: skip
    if place.known_hosts:
        known = place.known_hosts.replace("\n", "`n")
        lines += [f'[IO.File]::WriteAllText("{file}.known_hosts", "{known}`n")']
    return [*lines, f"while ($true) {{ {_tunnel(place, slicer)}; Start-Sleep 5 }}"]


def _posix(place: Place, slicer: Slicer, private_key: str) -> list[str]:
    file, lines = f"~/.ssh/{_file(slicer)}", ["mkdir -p ~/.ssh"]
    if private_key:
        lines += [
            "chmod 700 ~/.ssh", f"rm -f {file}", f"(umask 077; cat > {file}) << 'END'", private_key.strip(), "END",
            f"chmod 600 {file}",
        ]  # fmt: skip
    if place.known_hosts:
        lines += [f"cat > {file}.known_hosts << 'END'", place.known_hosts, "END"]
    return [*lines, f"while true; do {_tunnel(place, slicer)}; sleep 5; done"]
