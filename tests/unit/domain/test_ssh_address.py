"""An address is understood in every form in which people have it, and nothing else is."""

from __future__ import annotations

import pytest

from labeltui.domain.problems import Misused
from labeltui.domain.ssh_address import SshAddress, parse

RUNPOD = SshAddress("203.0.113.7", "root", 40022, "~/.ssh/id_ed25519")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("gpu", SshAddress("gpu")),
        ("ssh", SshAddress("ssh")),
        ("root@203.0.113.7:40022", SshAddress("203.0.113.7", "root", 40022)),
        ("anna@corp@host", SshAddress("host", "anna@corp")),
        ("fe80::1%eth0", SshAddress("fe80::1%eth0")),
        ("root@[fe80::1]:22", SshAddress("fe80::1", "root", 22)),
        ("ssh root@203.0.113.7 -p 40022 -i ~/.ssh/id_ed25519", RUNPOD),
        ("  ssh -i ~/.ssh/id_ed25519 -p40022 root@203.0.113.7 ", RUNPOD),
        ("ssh -a -tt -N -l root 203.0.113.7", SshAddress("203.0.113.7", "root")),
        ("ssh -J ops@gate:22 -i '/my key' root@pod", SshAddress("pod", "root", None, "/my key", "ops@gate:22")),
        ("ssh://root@pod:22", SshAddress("pod", "root", 22)),
        ("ssh://pod/", SshAddress("pod")),
        ("ssh://root@[fe80::1]:2222", SshAddress("fe80::1", "root", 2222)),
        ("ssh ssh://root@pod -p 2222", SshAddress("pod", "root", 2222)),
    ],
)  # fmt: skip
def test_what_is_understood(text: str, address: SshAddress) -> None:
    assert parse(text) == address
    assert parse(address.text) == SshAddress(address.host, address.user, address.port)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not an SSH address"),
        ("root@pod:99999", "'99999' is not a port"),
        ("root@pod:0", "'0' is not a port"),
        ("ssh root@pod -p 99999", "'99999' is not a port"),
        ("ssh://root@pod:99999", "'99999' is not a port"),
        ("ssh root@pod nvidia-smi", "one host and no command"),
        ("ssh -p 22", "one host and no command"),
        ("ssh root@pod -p", "-p requires argument"),
        ("ssh root@pod 'open", "is not an SSH address"),
        ("https://pod", "is not an SSH address"),
        ("root@-oProxyCommand=x", "is not an SSH address"),
        ("-oProxyCommand=x@pod", "is not an SSH address"),
        ("root@pod;id", "is not an SSH address"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(Misused) as caught:
        parse(text)
    assert why in caught.value.problem.message
    assert "user@host:port" in caught.value.problem.hint


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ("-L 8000:localhost:8000", "-L 8000:localhost:8000 is not needed: labeltui opens the tunnel"),
        ("-D 1080", "-D 1080 is not needed"),
        ("-R 9000:localhost:9000", "-R 9000:localhost:9000 is not needed"),
        ("-A", "-A belongs in ssh's configuration, as ForwardAgent in a block of this host"),
        ("-6", "-6 belongs in ssh's configuration, as AddressFamily"),
        ("-C", "-C belongs in ssh's configuration, as Compression"),
        ("-X", "-X has no effect: labeltui opens no windows"),
        ("-o ProxyCommand=relay", "-o ProxyCommand=relay belongs in ssh's configuration."),
        ("-F other", "-F other belongs in ssh's configuration."),
    ],
)
def test_an_option_that_labeltui_does_not_follow_is_refused_with_the_command_to_write(
    option: str, why: str
) -> None:
    with pytest.raises(Misused) as caught:
        parse(f"ssh -N {option} -p 40022 -i '/my key' root@pod")
    assert why in caught.value.problem.message
    command = caught.value.problem.hint.partition("write: ")[2]
    assert command == "ssh -p 40022 -i '/my key' root@pod"
    assert parse(command) == SshAddress("pod", "root", 40022, "/my key")
