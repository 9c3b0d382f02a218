"""Settings of a host from ssh's configuration, and settings that labeltui ignores."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeltui.domain.problems import Misused
from labeltui.hosts.ssh.address import Target, resolve


def resolved(tmp_path: Path, config: str, address: str = "pod") -> Target:
    file = tmp_path / "config"
    file.write_text(config)
    return resolve(address, file, None)


@pytest.mark.parametrize(
    ("config", "forwarded"),
    [
        ("Host *\n ForwardAgent yes\n", False),
        ("ForwardAgent yes\n", False),
        ("Match all\n ForwardAgent yes\n", False),
        ("Match user root\n ForwardAgent yes\n", False),
        ("Host *.* ?*\n ForwardAgent yes\n", False),
        ("Host other\n ForwardAgent yes\n", False),
        ("Host pod\n ForwardAgent yes\n", True),
        ("Host pod\n ForwardAgent /run/agent\n", "/run/agent"),
        ("Host lab-* pod*\n ForwardAgent yes\n", True),
        ("Match originalhost pod\n ForwardAgent yes\n", True),
        ("Host *\n ForwardAgent yes\nHost pod\n ForwardAgent yes\n", True),
        ("Host *\n ForwardAgent no\nHost pod\n ForwardAgent yes\n", False),
        ("Host pod\n User root\nHost * !other\n ForwardAgent yes\n", False),
    ],
)
def test_the_agent_is_forwarded_only_if_the_hosts_own_block_says_so(
    tmp_path: Path, config: str, forwarded: bool | str
) -> None:
    assert resolved(tmp_path, config).forward_agent == forwarded


def test_an_included_file_does_not_make_a_block_the_hosts_own(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host pod\n User root\n")
    config = f"Include {tmp_path / 'more'}\nForwardAgent yes\n"
    target = resolved(tmp_path, config)
    assert (target.user, target.forward_agent) == ("root", False)


@pytest.mark.parametrize(
    "condition",
    ["localnetwork 10.0.0.0/8", "!localnetwork 10.0.0.0/8", "version OpenSSH_1*", "sessiontype exec"],
)
def test_a_condition_that_cannot_be_checked_is_not_met_and_is_named(tmp_path: Path, condition: str) -> None:
    target = resolved(tmp_path, f"Match {condition}\n ProxyJump inside\nHost pod\n Port 2222\n")
    assert (target.jump, target.port) == (None, 2222)
    (warning,) = target.settings.warnings
    assert f"{tmp_path / 'config'}, line 1" in warning
    assert condition in warning


def test_a_condition_on_another_host_is_not_named(tmp_path: Path) -> None:
    target = resolved(tmp_path, "Match host other localnetwork 10.0.0.0/8\n ProxyJump inside\n")
    assert (target.jump, target.settings.warnings) == (None, [])


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("Host pod\n Port many\n", " line 2: Invalid Port integer value: many."),
        (
            "Host pod\n IdentityFile ${NOT_SET_AT_ALL}/key\n",
            ": Invalid environment expansion: NOT_SET_AT_ALL.",
        ),
        ("User 'root\n", " line 1: No closing quotation."),
        ("# ours\nMatch host\n", " line 2: Missing host match pattern."),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_configuration_error(
    tmp_path: Path, config: str, said: str
) -> None:
    with pytest.raises(Misused) as caught:
        resolved(tmp_path, config)
    problem = caught.value.problem
    assert problem.code == "ssh_config"
    assert f"{tmp_path / 'config'}{said}" in problem.message


def test_a_line_of_another_host_is_none_of_this_ones(tmp_path: Path) -> None:
    config = "Host other\n Port many\n IdentityFile ${NOT_SET_AT_ALL}/key\nHost pod\n ConnectTimeout 10s\n Port 22\n"
    assert resolved(tmp_path, config).port == 22


def test_blocks_for_the_final_pass_are_read(tmp_path: Path) -> None:
    assert resolved(tmp_path, "Match final host pod\n Port 2222\n").port == 2222


@pytest.mark.parametrize(
    "address", ["root@a;id", "root@$HOST", "`id`@host", "a|b@host", "root@host'", "$(id)@host"]
)
def test_an_address_for_a_shell_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(Misused) as caught:
        resolved(tmp_path, "Host *\n ProxyCommand relay %r %h\n", address)
    assert caught.value.problem.code == "bad_address"


@pytest.mark.parametrize(
    ("config", "agent"),
    [
        ("", "/run/mine"),
        ("Host pod\n IdentityAgent none\n", ""),
        ("Host pod\n IdentityAgent SSH_AUTH_SOCK\n", "/run/mine"),
        ("Host pod\n IdentityAgent $OTHER_AGENT\n", "/run/other"),
        ("Host pod\n IdentityAgent /run/third\n", "/run/third"),
    ],
)
def test_the_agent_is_the_one_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, agent: str
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/mine")
    monkeypatch.setenv("OTHER_AGENT", "/run/other")
    assert resolved(tmp_path, config).agent == agent


@pytest.mark.parametrize(
    ("config", "chosen", "count"),
    [
        ("", False, 5),
        ("Host pod\n IdentityFile none\n", True, 0),
        ("Host pod\n IdentityFile /mine\n", True, 1),
    ],
)
def test_identity_files_that_were_chosen_replace_the_default_ones(
    tmp_path: Path, config: str, chosen: bool, count: int
) -> None:
    target = resolved(tmp_path, config)
    assert (target.chosen, len(target.identities)) == (chosen, count)
