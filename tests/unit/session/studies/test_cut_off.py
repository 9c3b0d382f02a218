"""The studies whose image files are cut off: which files are read, when again, and what becomes of a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time


class Images:
    """The images of the host: ``cut`` has those that are cut off, ``asked`` the names of each program's run."""

    def __init__(self, it: Desk, *names: str) -> None:
        self.it, self.names = it, names
        self.cut: set[str] = set()
        self.asked: list[list[str]] = []
        self.fails = 0
        it.host.agent.answers["program.run"] = self._run
        self.list(names)

    def list(self, names: Sequence[str]) -> None:
        objects = {
            name: {"image": {"ext": ".nii.gz", "info": {"name": name}}, "labels": {}} for name in names
        }
        self.it.server.datastore = {**self.it.server.datastore, "objects": objects}
        self.it.session.pollers.queue.wake()

    def _run(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.fails:
            self.fails -= 1
            raise Failed(Code.PROGRAM_FAILED, "There is no Python.", "")
        names = request["arguments"]["names"]
        self.asked.append(names)
        return {"answer": {"cut": [name for name in names if name in self.cut], "checked": len(names)}}

    async def known(self, *cut: str) -> None:
        await self.it.session.store.wait_for(lambda state: state.cut_off == frozenset(cut), 300)

    async def read(self, count: int) -> None:
        await self.it.session.store.wait_for(lambda _: len(self.asked) == count, 300)


@in_virtual_time
async def test_each_image_is_read_once_and_one_that_is_cut_off_until_it_is_whole(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        images = Images(it, "a", "b")
        images.cut = {"b.nii.gz"}
        await images.known("b")
        images.list(("a", "b", "c"))
        await images.read(2)
        assert images.asked == [["a.nii.gz", "b.nii.gz"], ["b.nii.gz", "c.nii.gz"]]
        images.cut = set()
        await images.known()
        assert images.asked[-1] == ["b.nii.gz"], "it was read again without a change of the list"
        images.list(("a", "c", "d"))
        await images.read(4)
        assert images.asked[-1] == ["d.nii.gz"]


@in_virtual_time
async def test_a_study_that_is_gone_has_no_mark_and_a_failure_is_tried_again(tmp_path: Path) -> None:
    async with desk(tmp_path, serves=True) as it:
        images = Images(it, "a", "b")
        images.cut, images.fails = {"b.nii.gz"}, 1
        await images.known("b")
        images.list(("a",))
        await images.known()
