"""The grammar of ``invite NAME`` beside its group of commands, its question, and its text."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from labeltui.cli.confirming import confirm_replacement
from labeltui.cli.output import Output
from labeltui.cli.parser import parse
from labeltui.domain.invitations import Invitation, Invitations
from labeltui.domain.problems import Misused
from labeltui.domain.state import Identity, SessionState


@pytest.mark.parametrize(
    ("argv", "action", "params"),
    [
        (["invite", "anna"], "invite", {"name": "anna"}),
        (["--profile", "invite", "invite", "--json", "anna", "--replace"], "invite", {"name": "anna", "replace": True}),
        (["invite", "--profile", "list", "anna"], "invite", {"name": "anna"}),
        (["invite", "list"], "invite.list", {}),
        (["invite", "--json", "revoke", "anna", "--yes"], "invite.revoke", {"name": "anna"}),
        (["invite", "install"], "invite.install", {}),
    ],
)  # fmt: skip
def test_a_name_that_is_no_command_is_an_annotator(
    argv: list[str], action: str, params: dict[str, Any]
) -> None:
    request = parse(argv)
    assert request.action is not None
    assert (request.action.id, request.params) == (action, params)


@pytest.mark.parametrize("argv", [["invite"], ["invite", "anna", "ben"], ["invite", "revoke"], ["list"]])
def test_anything_else_is_refused(argv: list[str]) -> None:
    with pytest.raises(Misused):
        parse(argv)


class Answering:
    def __init__(self, answer: str | None) -> None:
        self.answer, self.asked = answer, list[str]()

    async def ask(self, question: str) -> str | None:
        self.asked.append(question)
        return self.answer


def session(*, demo: bool = False) -> Any:
    async def refresh() -> Invitations:
        return Invitations((Invitation("anna", "key"),))

    state = SessionState(Identity("p", demo=demo))
    return SimpleNamespace(store=SimpleNamespace(state=state), invitations=SimpleNamespace(refresh=refresh))


@pytest.mark.parametrize(
    ("name", "yes", "answer", "replaces", "asks"),
    [
        ("ben", None, None, False, 0),
        ("Anna", None, "y", True, 1),
        ("anna", None, "n", False, 1),
        ("anna", None, None, False, 1),
        ("anna", "", None, True, 0),
    ],
)
async def test_a_second_invitation_of_a_name_asks(
    name: str, yes: str | None, answer: str | None, replaces: bool, asks: int
) -> None:
    prompter: Any = Answering(answer)
    params = await confirm_replacement(session(), {"name": name}, yes, prompter)
    assert bool(params.get("replace")) is replaces
    assert len(prompter.asked) == asks


async def test_a_demo_is_not_asked() -> None:
    prompter: Any = Answering("y")
    assert await confirm_replacement(session(demo=True), {"name": "anna"}, None, prompter) == {"name": "anna"}
    assert prompter.asked == []


def test_the_text_alone_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "as_of": "now",
        "message": "anna is invited.",
        "warnings": ["beware \x1b[2J"],
        "text": "a\n\x1b b\n",
    }
    Output().document(document)
    printed = capsys.readouterr()
    assert printed.out == "a\n\\x1b b\n"
    assert printed.err == "anna is invited.\nbeware \\x1b[2J\n"
    Output(as_json=True).document(document)
    assert json.loads(capsys.readouterr().out) == document
