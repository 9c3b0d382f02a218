"""The guide over a real sshd and a real MONAI Label: each tick goes on with its thing, and off when the thing goes."""

from __future__ import annotations

import asyncio
import functools
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from labeltui.domain.guide.step import Mark
from labeltui.opening.launch import Launch
from labeltui.session.session import Session
from labeltui.ui.app import Console
from labeltui.ui.presentation.guide import MARKS
from labeltui.ui.screens.dialogs.confirm import ConfirmScreen
from labeltui.ui.screens.guide import GuideScreen
from tests.actions import run_confirmed
from tests.real.conftest import PROFILE, Bench
from tests.real.volumes import make_studies

LONGEST_S = 120.0  # for each wait, on a busy machine
SOON_S = 10.0  # for what must follow from what is known
LABELS = 5  # one for each study
TRAININGS = 4
FETCH = """
import sys
from monailabel.client import MONAILabelClient
MONAILabelClient(server_url=sys.argv[1], client_id="ana").next_sample("first", {})
"""

SUBMIT = """
import sys
from pathlib import Path
from monailabel.client import MONAILabelClient
client = MONAILabelClient(server_url=sys.argv[1], client_id="ana")
for label in sorted(Path(sys.argv[2]).iterdir()):
    study = label.name.removesuffix(".nii.gz")
    client.save_label(study, str(label), params={"label_info": [{"name": "spleen", "idx": 1}]})
"""


class Guide:
    """The guide, open in a console, as it is on screen."""

    def __init__(self, pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, Console)
        self._pilot, self._app = pilot, pilot.app

    @property
    def session(self) -> Session:
        """The console's session."""
        assert self._app.session is not None
        return self._app.session

    @property
    def rows(self) -> list[str]:
        """The guide's rows, each with the cursor's column; empty while the guide is not open."""
        screen = self._app.screen
        return [line.plain for line in screen._list.lines] if isinstance(screen, GuideScreen) else []

    async def open(self) -> None:
        """Open the guide of a console that has just been started."""
        ready = self._app.frame_screen
        await self._until(lambda: self._app.session is not None and ready.focused is not None, "a session")
        await self._pilot.press("H")
        await self._until(lambda: self.rows, "the guide")

    async def shows(self, mark: Mark, *titles: str, text: str = "", within: float = LONGEST_S) -> None:
        """Wait until each of the steps has the mark, and ``text`` in its row."""
        for title in titles:
            head = f"{MARKS[mark]!s:<{GuideScreen.WORD_WIDTH}}{title} "
            holds = functools.partial(self._has, head, text)
            await self._until(holds, f"{head}{text}", within)

    def _has(self, head: str, text: str) -> bool:
        return any(row[1:].startswith(head) and text in row for row in self.rows)

    async def do(self, title: str, *, confirm: bool = False) -> None:
        """Choose a step, press enter, and open the guide again."""
        steps = [row[1 + GuideScreen.WORD_WIDTH :].startswith(f"{title} ") for row in self.rows]
        chosen = next(at for at, row in enumerate(self.rows) if row.startswith("›"))
        way = steps.index(True) - chosen
        await self._pilot.press(*("j" if way > 0 else "k",) * abs(way), "enter")
        if confirm:
            await self._until(lambda: isinstance(self._app.screen, ConfirmScreen), "the question")
            await self._pilot.press("y")
        await self._until(lambda: self._app.screen is self._app.frame_screen, "the console")
        await self._pilot.press("H")
        await self._until(lambda: self.rows, "the guide")

    async def client(self, bench: Bench, program: str, *arguments: str) -> None:
        """Run a program with MONAI Label's client, the one in Slicer, at this machine's end of the tunnel."""
        tunnel = self.session.store.state.tunnel.value
        assert tunnel is not None
        address = f"http://127.0.0.1:{tunnel.local_port}/"
        await asyncio.to_thread(bench.python, program, address, *arguments)

    async def _until(self, holds: Callable[[], object], what: str, within: float = LONGEST_S) -> None:
        end = time.monotonic() + within
        while not holds():
            rows = "\n".join(self.rows)
            assert time.monotonic() < end, f"never: {what}; last said: {self._app.last_flash}\n{rows}"
            await self._pilot.pause(0.05)


@pytest.fixture
def bare(deepedit: Bench) -> Iterator[Bench]:
    """A host on which no server was ever started, without studies, and with its environment moved away."""
    shutil.rmtree(deepedit.home / "my studies")
    shutil.rmtree(deepedit.folder / "runs", ignore_errors=True)
    (deepedit.folder / "jobs/server.json").unlink(missing_ok=True)
    move(deepedit, "venv", "elsewhere")
    yield deepedit
    if not (deepedit.folder / "venv").exists():
        move(deepedit, "elsewhere", "venv")


def move(bench: Bench, name: str, to: str) -> None:
    """Rename a folder of the installation."""
    (bench.folder / name).rename(bench.folder / to)


async def test_each_tick_goes_on_with_its_thing_and_off_when_the_thing_goes(
    bare: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABELTUI_STATE", str(tmp_path / "state"))  # no training of an earlier test
    app = Console(Launch(config=str(bare.config), profile=PROFILE))
    async with app.run_test(size=(80, 24)) as pilot:
        guide = Guide(pilot)
        await guide.open()
        for part in (prepared, served, labelled, trained, lost, emptied):
            began = time.monotonic()
            await part(guide, bare, tmp_path)
            print(f"\n{part.__name__}: {time.monotonic() - began:.1f} s")


async def prepared(guide: Guide, bench: Bench, _folder: Path) -> None:
    """The host is reached; MONAI Label is installed, and studies are sent."""
    await guide.shows(Mark.DONE, "SSH key", "connection")
    await guide.shows(Mark.TODO, "MONAI Label", text="not installed")
    move(bench, "elsewhere", "venv")
    await guide.shows(Mark.DONE, "MONAI Label")
    await guide.shows(Mark.TODO, "studies", "server")
    make_studies(bench.home / "my studies", LABELS)
    await guide.shows(Mark.DONE, "studies", text="the folder has files")
    await guide.shows(Mark.UNKNOWN, "Slicer", "first label", "labels here", "model here")


async def served(guide: Guide, _bench: Bench, _folder: Path) -> None:
    """The server starts by the guide's own row."""
    await guide.do("server")
    await guide.shows(Mark.BUSY, "server", text="starting")
    await guide.shows(Mark.DONE, "server", text="running")
    await guide.shows(Mark.DONE, "studies", text=f"{LABELS} on the host")
    await guide.shows(Mark.TODO, "Slicer", "first label")


async def labelled(guide: Guide, bench: Bench, folder: Path) -> None:
    """An annotator fetches a study and submits labels. A copy that goes takes its tick along."""
    await guide.client(bench, FETCH)
    await guide.shows(Mark.DONE, "Slicer", text="ana connected")
    await guide.shows(Mark.TODO, "first label")
    make_studies(folder / "made", LABELS, labelled=LABELS)
    await guide.client(bench, SUBMIT, str(folder / "made/labels/final"))
    await guide.shows(Mark.DONE, "first label", text=f"{LABELS} submitted")
    await guide.shows(Mark.DONE, "labels here", text=f"{LABELS} of {LABELS} on this machine")
    copies = guide.session.labels.folder.root / "final"
    shutil.rmtree(copies)
    copies.write_text("no folder")
    await guide.shows(Mark.WRONG, "labels here")
    copies.unlink()
    await guide.do("labels here")
    await guide.shows(Mark.DONE, "labels here", text=f"{LABELS} of {LABELS} on this machine")


async def trained(guide: Guide, _bench: Bench, _folder: Path) -> None:
    """A training is done and its model copied here; the copy goes, and comes again; another training is stopped."""
    session = guide.session
    await guide.shows(Mark.TODO, "training", text="none was run")
    await guide.shows(Mark.UNKNOWN, "model here", text="no model was trained")
    await run_confirmed(session, "train.start", max_epochs=1)
    await guide.shows(Mark.BUSY, "training")
    await guide.shows(Mark.DONE, "training", "model here")
    await guide.shows(Mark.TODO, "better model", text="two trainings")
    shutil.rmtree(session.models.folder.root / "deepedit")
    await guide.shows(Mark.TODO, "model here", text="deepedit not on this machine")
    await guide.do("model here")
    await guide.shows(Mark.DONE, "model here")
    await improved(guide)
    await run_confirmed(session, "train.start", max_epochs=50)
    await guide.shows(Mark.BUSY, "training")
    await run_confirmed(session, "train.stop")
    await guide.shows(Mark.TODO, "training", text="stopped")
    await guide.shows(Mark.UNKNOWN, "better model")


async def improved(guide: Guide) -> None:
    """A training that goes on from the published model is better; one with another split can't be compared."""
    for _ in range(TRAININGS):
        await run_confirmed(guide.session, "train.start", max_epochs=3)
        await guide.shows(Mark.BUSY, "training")
        await guide.shows(Mark.DONE, "training")
        with suppress(AssertionError):
            await guide.shows(Mark.DONE, "better model", text="val_mean_dice", within=SOON_S)
            break
    else:
        raise AssertionError(f"no training of {TRAININGS} was better than the one before: {guide.rows}")
    await run_confirmed(guide.session, "train.start", max_epochs=1, param={"val_split": "0.4"})
    await guide.shows(Mark.BUSY, "training")
    await guide.shows(Mark.DONE, "training")
    await guide.shows(Mark.UNKNOWN, "better model", text="not measured yet: the trainings were val")


async def lost(guide: Guide, bench: Bench, _folder: Path) -> None:
    """The host's sshd is killed, and comes again; then the server is stopped, and started again."""
    bench.sshd.kill()
    await guide.shows(Mark.BUSY, "SSH key", "connection")
    await guide.shows(
        Mark.UNKNOWN, "MONAI Label", "server", "Slicer", "first label", "labels here", "model here"
    )
    bench.sshd.start()
    await guide.do("connection")
    reached = ("SSH key", "connection", "MONAI Label", "studies", "server", "Slicer", "first label")
    await guide.shows(Mark.DONE, *reached, "labels here", "model here")
    await guide.shows(Mark.TODO, "training", text="stopped")
    await run_confirmed(guide.session, "server.stop")
    await guide.shows(Mark.TODO, "server", text="stopped")
    await guide.shows(Mark.UNKNOWN, "Slicer", "first label")
    await guide.shows(Mark.DONE, "MONAI Label", "studies", "labels here", "end of the day")
    await guide.do("server")
    await guide.shows(Mark.DONE, "server", "first label")
    await guide.shows(Mark.TODO, "Slicer", text="nobody has fetched")
    await guide.shows(Mark.UNKNOWN, "end of the day", text="running")


async def emptied(guide: Guide, bench: Bench, _folder: Path) -> None:
    """The labels, the studies, and MONAI Label are removed from the host."""
    shutil.rmtree(bench.home / "my studies/labels/final")
    await guide.shows(Mark.TODO, "first label", text="none was submitted")
    await guide.shows(Mark.DONE, "studies")
    for study in (bench.home / "my studies").glob("*.nii.gz"):
        study.unlink()
    await guide.shows(Mark.TODO, "studies", text="none on the host")
    move(bench, "venv", "elsewhere")
    await run_confirmed(guide.session, "server.stop")
    await guide.shows(Mark.TODO, "MONAI Label", text="not installed")
