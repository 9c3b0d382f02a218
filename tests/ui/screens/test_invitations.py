"""Invited annotators in the console: the list, its keys, and a text whose private key is never on screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from labeltui.domain.invitations import Invitation, Invitations
from labeltui.domain.state import Identity, SessionState
from labeltui.operations.invitations.text import HIDDEN
from labeltui.ui.presentation.invitations import about, invited_line
from labeltui.ui.screens.action_form import FormScreen
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.invitations import InvitationScreen, InvitationsScreen
from labeltui.ui.widgets.table.rows import Table
from tests.fakes.store import put
from tests.ui.fake_session import NOW, ago, connected, console, fresh, settled, wait_for

SECRET = "c2VjcmV0IGtleQ"
TEXT = f"[b]for anna[/b]\n-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n-----END OPENSSH PRIVATE KEY-----\nssh -N"
ALL = (
    Invitation("anna", "k", ago(3600), 8000, True, True),
    Invitation("ben", "k", ago(7200), 8000, True, None),
    Invitation("eve", "k", ago(86400)),
)
Ran = list[tuple[str, Mapping[str, Any]]]


def inviting(*invitations: Invitation) -> SessionState:
    return replace(connected(), invitations=fresh(Invitations(invitations)))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    done: Ran = []

    async def run(_session: Any, action: str, params: Mapping[str, Any], _report: Any, **_: Any) -> Any:
        done.append((action, dict(params)))
        return (
            {"message": "anna is invited.", "warnings": ["beware"], "text": TEXT}
            if action == "invite"
            else {}
        )

    monkeypatch.setattr("labeltui.operations.run.run_action", run)
    return done


async def opened(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("p", "i")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, InvitationsScreen), "the list")
    await wait_for(pilot, lambda: bool(pilot.app.screen.query_one(".box").border_title), "its rows")


def rows(pilot: Pilot[Any]) -> str:
    return str(pilot.app.screen.query_one(Table).render())


async def test_the_list_shows_who_is_let_in_and_changes(ran: Ran) -> None:
    app = console(inviting(*ALL))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await wait_for(pilot, lambda: "not on this host" in rows(pilot), "the states")
        assert "connected" in rows(pilot)
        assert "unknown" in rows(pilot)
        assert app.session is not None
        put(app.session.store, invitations=fresh(Invitations(ALL[:1])))
        await wait_for(pilot, lambda: "eve" not in rows(pilot), "the change")


async def test_its_keys_revoke_the_chosen_and_install_the_missing_after_a_question(ran: Ran) -> None:
    app = console(inviting(*ALL))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await wait_for(pilot, lambda: "ben" in rows(pilot), "the rows")
        await pilot.press("j", "x")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("y")
        await wait_for(pilot, lambda: bool(ran), "the action")
        await pilot.press("i")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the second question")
        assert "eve" in str(app.screen.query_one(".message", Static).content)
        await pilot.press("y")
        await wait_for(pilot, lambda: len(ran) == 2, "the second action")
        assert ran == [("invite.revoke", {"name": "ben"}), ("invite.install", {})]


async def typed(pilot: Pilot[Any], name: str) -> None:
    await pilot.press("n")
    await wait_for(pilot, lambda: isinstance(pilot.app.screen, FormScreen), "the form")
    await pilot.press(*name, "enter")


async def test_the_text_is_copied_whole_and_shown_without_its_key(
    ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = console(inviting())
    copied: list[str] = []
    monkeypatch.setattr(app, "copy_to_clipboard", copied.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await typed(pilot, "carl")
        await wait_for(pilot, lambda: isinstance(app.screen, InvitationScreen), "the text")
        assert ran == [("invite", {"name": "carl"})]
        shown = "\n".join(str(one.content) for one in app.screen.query(Static))
        assert HIDDEN in shown
        assert "[b]for anna[/b]" in shown
        assert SECRET not in shown
        assert SECRET not in app.export_screenshot()
        await pilot.press("y")
        await pilot.pause()
        assert copied == [TEXT]
        assert SECRET not in app.last_flash
        await pilot.press("escape")
        assert isinstance(app.screen, InvitationsScreen)
        assert SECRET not in repr(vars(app.dispatcher))


async def test_a_name_that_is_invited_gets_a_new_key_only_after_a_question(ran: Ran) -> None:
    app = console(inviting(*ALL))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await typed(pilot, "ANNA")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("n")
        await pilot.pause()
        assert ran == []
        await typed(pilot, "ANNA")
        await wait_for(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("y")
        await wait_for(pilot, lambda: bool(ran), "the action")
        assert ran == [("invite", {"name": "ANNA", "replace": True})]


async def test_a_demo_invites_nobody() -> None:
    app = console(replace(connected(), identity=Identity("p", demo=True)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("p", "i")
        await wait_for(pilot, lambda: "folder on this machine" in app.last_flash, "the refusal")


def test_the_pod_pane_names_the_invited_and_dims_what_is_old() -> None:
    (line,) = invited_line(inviting(*ALL), NOW, 100)
    assert line.plain == "invited  anna ● connected · ben ? unknown · eve ▲ not on this host"
    old = replace(inviting(*ALL), invitations=replace(fresh(Invitations(ALL)), as_of=ago(130), error="lost"))
    assert invited_line(old, NOW, 100)[0].plain.endswith("2m old")
    assert invited_line(connected(), NOW, 100) == []
    assert invited_line(inviting(), NOW, 100) == []
    hostile = invited_line(inviting(Invitation("a\x1b[2J", "k")), NOW, 100)
    assert "\x1b" not in hostile[0].plain


def test_the_list_says_what_can_be_done() -> None:
    assert "Press n to make an SSH key" in about(Invitations())
    assert "Press i to install" in about(Invitations(ALL))
    assert "ExposeAuthInfo" in about(Invitations(ALL[:2]))
    assert about(Invitations(ALL[:1])) == ""
