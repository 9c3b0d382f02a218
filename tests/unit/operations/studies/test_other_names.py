"""Labels made with other label names than the server's: the operator reads both lists before they go there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from labeltui.actions import BY_ID
from labeltui.cli.asking import TerminalPrompter
from labeltui.cli.running import confirm
from labeltui.domain.problems import LabeltuiError
from tests.fakes.monailabel import recorded
from tests.unit.operations.desk import Desk, desk
from tests.unit.operations.labels.restored_datastore import Datastore
from tests.virtual_time import in_virtual_time

SPLEEN = {"ts": 5, "client_id": "ben", "label_info": [{"name": "spleen", "idx": 1}]}


class NoTerminal:
    """A prompter without a terminal, as with ``--json`` in a pipe."""

    present = False

    async def ask(self, _prompt: str) -> None:
        return None


class Terminal:
    """A prompter that agrees; ``asked`` has the questions."""

    present = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ask(self, prompt: str) -> str:
        self.asked.append(prompt)
        return "y"


async def served_with(it: Desk, labels: dict[str, int]) -> None:
    """Let the server's models have these labels."""
    info = recorded("info")
    for model in info["models"].values():
        model["labels"] = labels
    it.server.documents["GET", "/info/"] = info
    await it.session.pollers.info.poll()


async def asked(it: Desk, action: str, **params: Any) -> list[str]:
    terminal = Terminal()
    assert await confirm(it.session, BY_ID[action], params, None, cast(TerminalPrompter, terminal))
    return terminal.asked


@in_virtual_time
@pytest.mark.parametrize("action", ["labels.restore", "studies.restore"])
async def test_both_lists_are_in_the_question_and_in_the_refusal(tmp_path: Path, action: str) -> None:
    params: dict[str, Any] = {"studies": ("s1",)} if action == "labels.restore" else {"study": "s1"}
    async with desk(tmp_path, serves=True, labels={"folder": str(tmp_path / "l"), "copy": False}) as it:
        store = Datastore(it)
        store.add("s1")
        store.label("s1", b"of ben", SPLEEN)
        await it.run("labels.pull")
        await it.run("studies.delete", study="s1", label="final")
        await served_with(it, {"spleen": 1, "liver": 2})
        fits = await asked(it, action, **params)
        await served_with(it, {"liver": 1, "tumour": 2})
        differs = await asked(it, action, **params)
        with pytest.raises(LabeltuiError) as refused:
            await confirm(it.session, BY_ID[action], params, None, cast(TerminalPrompter, NoTerminal()))
        with_yes = await confirm(it.session, BY_ID[action], params, "", cast(TerminalPrompter, NoTerminal()))
    said = "1 label was made with 1 spleen. The server has 1 liver, 2 tumour, and each number will mean"
    assert (said in fits[0], differs[0].startswith(said)) == (False, True)
    assert (refused.value.problem.code, refused.value.exit_code) == ("unconfirmed", 3)
    assert said in refused.value.problem.message
    assert with_yes


@in_virtual_time
async def test_labels_that_stay_and_labels_without_names_ask_nothing_more(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True, labels={"folder": str(tmp_path / "l"), "copy": False}) as it:
        store = Datastore(it)
        for study, info in (("s1", SPLEEN), ("s2", {"ts": 5, "client_id": "ana"})):
            store.add(study)
            store.label(study, study.encode(), info)
        await it.run("labels.pull")
        await it.run("studies.delete", study="s2", label="final")
        await served_with(it, {"liver": 1})
        left = await asked(it, "labels.restore")
        replaced = await asked(it, "labels.restore", replace=True)
        store.label("s2", b"s2", SPLEEN)
        await served_with(it, {})
        unknown = await asked(it, "labels.restore")
        with pytest.raises(LabeltuiError) as none:
            await asked(it, "labels.restore", studies=("s9",))
    assert (left[0].startswith("Submit"), unknown[0].startswith("Submit")) == (True, True)
    assert replaced[0].startswith("1 label was made with 1 spleen. The server has 1 liver,")
    assert none.value.problem.code == "not_found"
