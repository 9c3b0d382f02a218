"""The parts of sshd that an ordinary user can read: its settings, the connections that only forward, and its log."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from labeltui.hosts.agent.remote.invited import sshd
from labeltui.hosts.agent.remote.invited.sshd import Process

ME = pwd.getpwuid(os.getuid())
LISTENER = "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"


def table(*rows: tuple[int, int, int, str, str]) -> dict[int, Process]:
    return {row[0]: Process(*row) for row in rows}


def cut(uid: int, *rows: tuple[int, int, int, str, str]) -> list[tuple[int, tuple[int, ...]]]:
    base = table((1, 0, 0, "init", ""), (10, 1, 0, "sshd", LISTENER), *rows)
    return [(one.pid, one.pids) for one in sshd.forwarding(base, uid, 10)]


def test_only_connections_of_this_user_without_a_program_count() -> None:
    quiet = [(20, 10, 0, "sshd", "sshd: bob [priv]"), (21, 20, 1001, "sshd", "sshd: bob")]
    assert cut(1001, *quiet) == [(20, (21,))]
    assert cut(1001, *quiet, (22, 21, -1, "sh", "")) == []  # a shell, or labeltui's agent
    assert cut(1001, *quiet, (22, 21, 1001, "sshd", "sshd: bob@internal-sftp")) == []
    assert cut(1002, *quiet) == []
    assert cut(0, *quiet) == []  # root's agent cuts no other user's connection
    newer = [
        (20, 10, 0, "sshd-session", "sshd-session: bob [priv]"),
        (21, 20, 1001, "sshd-session", "sshd-session: bob"),
    ]
    assert cut(1001, *newer) == [(20, (21,))]


def test_a_connection_of_root_has_one_process_and_a_login_has_two() -> None:
    assert cut(0, (20, 10, 0, "sshd", "sshd: root")) == [(20, (20,))]
    assert cut(0, (20, 10, 0, "sshd", "sshd: [accepted]"), (21, 20, 105, "sshd", "sshd: [net]")) == []
    login = [
        (20, 10, 0, "sshd-session", "sshd-session: root [priv]"),
        (21, 20, 0, "sshd-auth", "sshd-auth: root [net]"),
    ]
    assert cut(0, *login) == []
    assert cut(0) == []


def test_connections_to_another_server_stay_and_those_of_a_restarted_server_are_found() -> None:
    other = (11, 1, 0, "sshd", "/usr/sbin/sshd -D -p 2222")
    assert cut(0, other, (20, 11, 0, "sshd", "sshd: root")) == []
    assert cut(0, other, (20, 1, 0, "sshd", "sshd: root")) == [(20, (20,))]


def test_the_server_is_the_one_that_a_process_descends_from() -> None:
    processes = table(
        (1, 0, 0, "init", ""), (9, 1, 0, "sshd", LISTENER),
        (10, 1, 0, "sshd", "sshd: /usr/sbin/sshd -D -f /srv/my config -o A=b [listener] 0 of 10-100 startups"),
        (20, 10, 0, "sshd", "sshd: bob [priv]"), (21, 20, 1001, "sshd", "sshd: bob@notty"), (30, 21, -1, "sh", ""),
    )  # fmt: skip
    found = sshd.listener(processes, 30)
    assert found is not None
    assert found.pid == 10
    assert sshd.config_of(found) == "/srv/my config"
    usual = sshd.any_listener(processes)
    assert usual is not None
    assert usual.pid == 9
    assert sshd.config_of(usual) == sshd.config_of(None) == sshd.CONFIG
    assert sshd.listener(processes, 1) is None
    assert sshd.any_listener(table((1, 0, 0, "init", ""))) is None


def settings(folder: Path, text: str) -> sshd.Settings:
    config = folder / "sshd_config"
    config.write_text(text)
    return sshd.settings(str(config))


def test_the_first_value_outside_a_match_block_counts(tmp_path: Path) -> None:
    (tmp_path / "10.conf").write_text("Port 2222\nMatch User x\nAllowTcpForwarding no\n")
    (tmp_path / "loop.conf").write_text(f"Include {tmp_path}/loop.conf\n")
    text = f"""
        # Port 1
        Include {tmp_path}/*.conf
        port = 3333
        AuthorizedKeysFile "/etc/keys of/%u" .ssh/authorized_keys
        AllowStreamLocalForwarding no
        ExposeAuthInfo yes
        an unclosed "quote
        Match all
        AllowTcpForwarding no
    """
    assert settings(tmp_path, text) == sshd.Settings(
        Path(f"/etc/keys of/{ME.pw_name}"), 2222, False, True, True
    )


@pytest.mark.parametrize(
    ("text", "sockets", "forwards"),
    [
        ("", True, True),
        ("AllowTcpForwarding local", False, True),
        ("AllowTcpForwarding no", False, False),
        ("PermitListen none", True, True),
        ("AllowTcpForwarding remote", True, False),
        ("DisableForwarding yes", False, False),
        ("AllowStreamLocalForwarding remote", True, True),
        ("AllowStreamLocalForwarding local", False, True),
    ],
)
def test_what_is_left_out_is_sshds_default(tmp_path: Path, text: str, sockets: bool, forwards: bool) -> None:
    found = settings(tmp_path, text)
    assert found == sshd.Settings(Path(ME.pw_dir, ".ssh/authorized_keys"), 22, sockets, forwards, False)
    assert sshd.settings(str(tmp_path / "missing")).port == 22


def test_the_log_names_the_key_of_each_process_and_no_user_name_can_imitate_it() -> None:
    log = """\
Nov 26 18:09:32 pod sshd[20]: Accepted publickey for bob from 192.0.2.1 port 5 ssh2: ED25519 SHA256:first
2026-11-26T18:09:33.1+00:00 pod sshd-session[21]: Accepted publickey for bob from ::1 port 6 ssh2: RSA SHA256:two
Nov 26 18:09:34 pod sshd[22]: Accepted password for bob from 192.0.2.1 port 7 ssh2
Nov 26 18:09:35 pod sshd[23]: Invalid user sshd[20]: Accepted publickey for x from y ssh2: ED25519 SHA256:false from
Nov 26 18:09:36 pod sshd[21]: Connection closed
"""
    assert sshd.logged_keys(log) == {20: "SHA256:first", 21: "SHA256:two", 22: ""}


def test_a_log_that_can_not_be_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secure").write_text("lines")
    assert sshd.log_text((str(tmp_path / "auth.log"), str(tmp_path / "secure"))) == "lines"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sshd.log_text(()) == ""


def test_exposed_keys_are_read_from_this_users_own_files_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sshauth.a").write_text("publickey ssh-ed25519 AAAA\npassword\n")
    (tmp_path / "other").write_text("publickey ssh-ed25519 BBBB\n")
    (tmp_path / "sshauth.b").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "sshauth.c")
    assert sshd.exposed_keys(str(tmp_path)) == {"ssh-ed25519 AAAA"}
    monkeypatch.setattr(os, "getuid", lambda: -5)
    assert sshd.exposed_keys(str(tmp_path)) == frozenset()
