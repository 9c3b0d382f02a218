"""``invite``, its list, its revocation, and the invitations of earlier hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from labeltui.cli.output import dumps
from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from labeltui.domain.state import Alert
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    return folder


def on_host(it: Desk) -> list[str]:
    return [one["name"] for one in it.host.agent.invited]


def key_body(text: str) -> str:
    """The secret part of the private key in a text."""
    return str(text.partition("PRIVATE KEY-----\n")[2].partition("\n-----END")[0])


def contents(folder: Path) -> list[bytes]:
    """What this desk has stored."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def alert(it: Desk) -> Alert | None:
    return next((one for one in it.session.store.state.alerts if one.key == "invitations"), None)


@in_virtual_time
async def test_an_invitation_lets_in_a_new_key_and_only_the_text_has_its_private_half(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, server={"port": 8123}) as it:
        document = await it.run("invite", name="anna")
        (key,) = it.host.agent.invited
        assert (key["name"], key["port"], key["key"].split()[0]) == ("anna", 8123, "ssh-ed25519")
        assert document["url"] == "http://127.0.0.1:8123/"
        assert "PRIVATE KEY" in document["text"]
        secret = key_body(document["text"])
        assert len(secret) > 200
        assert it.session.journal.entries[-1].command == "labeltui invite anna"
        assert not [request for request in it.host.agent.asked if "PRIVATE" in str(request)]
        other = await it.run("invite", name="ben")
        assert key_body(other["text"]) != secret
    for content in contents(tmp_path):
        assert b"PRIVATE KEY" not in content
        assert secret.splitlines()[1].encode() not in content


@in_virtual_time
async def test_a_name_is_invited_once_unless_its_key_is_replaced(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("invite", name="anna")
        first = it.host.agent.invited[0]["key"]
        assert (await it.failing("invite", name="ANNA")).problem.code == Code.EXISTS
        assert it.host.agent.invited[0]["key"] == first
        assert "revoked" in (await it.run("invite", name="Anna", replace=True))["message"]
        assert on_host(it) == ["Anna"]
        assert it.host.agent.invited[0]["key"] != first
        asked = [one["ask"] for one in it.host.agent.requests("invitations")]
        assert asked.index("revoke") < len(asked) - asked[::-1].index("add")  # its connections are cut
        assert (await it.failing("invite", name="a b")).problem.code == Code.BAD_NAME


@in_virtual_time
async def test_the_list_says_who_is_let_in_and_what_is_unknown(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("invite", name="anna")
        await it.run("invite", name="ben")
        it.host.agent.invited[0]["connected"] = None
        del it.host.agent.invited[1]
        rows = (await it.run("invite.list"))["invitations"]
        assert [(one["name"], one["on_this_host"], one["connected"]) for one in rows] == [
            ("anna", True, None),
            ("ben", False, False),
        ]
        assert all(one["since"] for one in rows)


@in_virtual_time
async def test_a_revocation_is_forgotten_everywhere_and_reports_what_was_cut(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("invite", name="anna")
        document = await it.run("invite.revoke", name="Anna")
        assert document["was_installed"]
        assert on_host(it) == []
        assert (await it.run("invite.list"))["invitations"] == []
        assert (await it.failing("invite.revoke", name="anna")).problem.code == Code.NOT_FOUND


@in_virtual_time
async def test_a_connection_that_was_not_cut_fails_the_revocation(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        await it.run("invite", name="anna")
        host = {"file": "f", "ssh_port": 22, "sockets": False, "forwards": True, "connections": 1}
        answer = {"host": host, "invitations": [], "removed": 1, "cut": 0, "unclear": 1, "left": 1}
        listed = {"host": host, "invitations": it.host.agent.invited}
        it.host.agent.answers["invitations"] = lambda asked: answer if asked["ask"] == "revoke" else listed
        error = await it.failing("invite.revoke", name="anna")
        assert error.problem.code == Code.STILL_ALIVE
        assert error.document is not None
        assert error.document["left"] == 1


@in_virtual_time
async def test_a_new_host_offers_the_invitations_of_the_last_and_installs_their_public_keys(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as it:
        await it.run("invite", name="anna")
        key = it.host.agent.invited[0]["key"]
    async with desk(tmp_path) as it:
        await it.session.store.wait_for(lambda state: state.invitations.value is not None)
        raised = alert(it)
        assert raised is not None
        assert "anna" in raised.message
        await it.run("server.start")
        assert any("No access to this host yet: anna" in line for line in it.report.lines)
        document = await it.run("invite.install")
        assert document["installed"] == ["anna"]
        assert "PRIVATE" not in dumps(document)
        assert "ssh -N -L" in document["text"]
        assert it.host.agent.invited[0]["key"] == key
        await it.session.store.wait_for(lambda _state: alert(it) is None)
        assert (await it.run("invite.install"))["installed"] == []


@in_virtual_time
async def test_this_machine_needs_an_ssh_server(tmp_path: Path) -> None:
    async with desk(tmp_path) as it:
        refusal = Failed(Code.NO_SSHD, "No SSH server runs on this machine.", "Install one.")
        listed = {
            "host": {"file": "f", "ssh_port": 22, "sockets": False, "forwards": True}, "invitations": [],
        }  # fmt: skip

        def answer(asked: dict[str, object]) -> dict[str, object]:
            if asked["ask"] == "add":
                raise refusal
            return listed

        it.host.agent.answers["invitations"] = answer  # type: ignore[assignment]
        assert (await it.failing("invite", name="anna")).problem.code == Code.NO_SSHD
        assert (await it.run("invite.list"))["connections"] is None
        assert (await it.run("invite.list"))["invitations"] == []


@in_virtual_time
async def test_a_read_only_session_invites_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path, read_only=True) as it:
        for action, params in (
            ("invite", {"name": "a"}),
            ("invite.revoke", {"name": "a"}),
            ("invite.install", {}),
        ):
            assert (await it.failing(action, **params)).problem.code == Code.READ_ONLY
        assert {one["ask"] for one in it.host.agent.requests("invitations")} <= {"list"}
