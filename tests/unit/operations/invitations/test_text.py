"""The text for an annotator: whole, safe to paste, and without a private key on a screen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.operations.invitations.text import HIDDEN, Place, Slicer, invitation_text, masked

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
HOST_KEYS = ("ssh-ed25519 AAAA1", "ecdsa-sha2-nistp256 AAAA2")
PLACE = Place("root", "192.0.2.7", 40022, HOST_KEYS)
SLICER = Slicer(8000, "anna", "worklist")


def test_the_text_has_all_that_an_annotator_enters() -> None:
    text = invitation_text(PLACE, SLICER, PRIVATE)
    for words in ("http://127.0.0.1:8000/", "Client/User-ID:      anna", "MONAI Label", "worklist"):
        assert words in text
    assert text.count("ssh -N -L 127.0.0.1:8000:127.0.0.1:8000 -p 40022 -i ~/.ssh/labeltui-anna ") == 2
    assert text.count("StrictHostKeyChecking=yes") == 2
    assert text.count("root@192.0.2.7; ") == 2
    assert text.count("icacls") == text.count("chmod 600") == 1
    assert text.count(PRIVATE) == 2
    assert r'icacls "$HOME\.ssh\labeltui-anna" /inheritance:r' in text
    assert "[192.0.2.7]:40022 ssh-ed25519 AAAA1" in text
    assert "the first of the list" in invitation_text(PLACE, Slicer(8000, "anna"), PRIVATE)


def test_an_unknown_host_key_is_not_invented() -> None:
    text = invitation_text(Place("root", "pod", 22), SLICER, PRIVATE)
    assert "StrictHostKeyChecking=accept-new" in text
    assert "cat > ~/.ssh/labeltui-anna.known_hosts" not in text


def test_the_lines_make_private_files(tmp_path: Path) -> None:
    text = invitation_text(PLACE, SLICER, PRIVATE)
    lines = text.partition("(Terminal)\n\n")[2].partition("\nwhile true")[0]
    for _ in range(2):  # a second paste replaces the files of the first
        subprocess.run(
            ["/bin/sh", "-ec", lines], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True
        )
    key, known = (tmp_path / ".ssh" / name for name in ("labeltui-anna", "labeltui-anna.known_hosts"))
    assert key.read_text() == PRIVATE
    assert key.stat().st_mode & 0o777 == 0o600
    assert known.read_text() == "".join(f"[192.0.2.7]:40022 {one}\n" for one in HOST_KEYS)


@pytest.mark.parametrize(
    ("user", "host"),
    [("ro;ot", "pod"), ("root", "pod$(id)"), ("root", "a b"), ("-l", "pod"), ("root", "-oX")],
)
def test_an_address_that_a_shell_would_read_as_more_is_refused(user: str, host: str) -> None:
    with pytest.raises(Failed) as failed:
        invitation_text(Place(user, host, 22), SLICER, PRIVATE)
    assert failed.value.problem.code == Code.BAD_ADDRESS


def test_a_hostile_host_key_is_left_out() -> None:
    assert Place("root", "pod", 22, ("ssh-ed25519 AAAA\nEND\nid", *HOST_KEYS)).known_hosts.count("\n") == 1


def test_a_screen_shows_the_text_without_the_key() -> None:
    shown = masked(invitation_text(PLACE, SLICER, PRIVATE))
    assert "c2VjcmV0" not in shown
    assert shown.count(HIDDEN) == 2
    assert "ssh -N -L" in shown
    assert "PRIVATE" not in invitation_text(PLACE, SLICER)
