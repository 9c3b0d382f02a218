"""Batch inference and scoring: what is sent, what is refused, and tasks that fail, stop or are forgotten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from labeltui.domain.failure_codes import Code
from labeltui.domain.problems import Failed, Unreachable
from labeltui.domain.training.tasks import Task, TaskState
from labeltui.operations.inference.output import at_work, progress_of, with_output
from labeltui.session.log.store import LogStore
from tests.fakes.monailabel import recorded
from tests.paths import MONAILABEL
from tests.unit.operations.desk import Desk, desk
from tests.virtual_time import in_virtual_time

LINE = "[2026-11-23 17:11:{at:02},100] [7] [MainThread] [INFO] (monailabel.interfaces.tasks.batch_infer:{no}) - {text}"
DONE = recorded("batch_infer_done")


class Batches:
    """The server's batch inferences. ``ends`` has the status of the next ones, after one poll that says RUNNING."""

    def __init__(self, it: Desk) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.ends, self.lines, self.ignored, self.refused = "DONE", list[str](), 0, False
        it.server.datastore = {
            "objects": {
                name: {
                    "image": {"ext": ".nii.gz", "info": {"ts": 1, "name": f"{name}.nii.gz"}},
                    "labels": {tag: {"ext": ".nii.gz", "info": {"ts": 2}} for tag in tags},
                }
                for name, tags in {"a b": [], "b": ["original"], "c": ["final"]}.items()
            }
        }
        documents = it.server.documents
        documents["GET", "/batch/infer"] = documents["GET", "/scoring/"] = self._list
        documents["POST", "/batch/infer/*"] = documents["POST", "/scoring/*"] = self._start
        documents["DELETE", "/batch/infer"] = self._stop

    @property
    def request(self) -> dict[str, Any]:
        """The parameters of the newest task."""
        return dict(self.tasks[-1]["request"])

    def _start(self, request: httpx.Request) -> Any:
        if self.refused:
            return httpx.Response(429, json={"detail": "++++++++++ Batch_infer Task is Already Running"})
        name = request.url.path.rsplit("/", 1)[-1]
        asked = {"model": name, "query": request.url.params.get("images"), **json.loads(request.content)}
        task = {
            "id": str(len(self.tasks)),
            "status": "SUBMITTED",
            "request": asked,
            "start_ts": "2026-11-23 17:11:00",
        }
        self.tasks.append(task)
        return dict(task)

    def _list(self, _request: httpx.Request) -> Any:
        answer = [
            {**task, "request": {"images": task["request"]["query"], **task["request"]}}
            for task in self.tasks
        ]
        for task in self.tasks:
            if task["status"] == "RUNNING" and self.ends:
                task["status"] = self.ends
            elif task["status"] == "SUBMITTED" and self.ends:
                task.update(status="RUNNING", details=self.lines)
        return answer or 404

    def _stop(self, _request: httpx.Request) -> Any:
        self.ignored -= 1
        if self.ignored < 0:
            self.tasks[-1]["status"] = "STOPPED"
        return httpx.Response(200, json=None)


@asynccontextmanager
async def batches(folder: Path) -> AsyncIterator[tuple[Desk, Batches]]:
    async with desk(folder, serves=True) as it:
        it.host.agent.answers["program.run"] = lambda request: {
            "answer": {"cut": [], "checked": len(request["arguments"]["names"])}
        }
        yield it, Batches(it)


def progress(study: str, done: int, total: int, at: int) -> str:
    return LINE.format(at=at, no=122, text=f"{done - 1} => {study} => cpu => {done} / {total}")


@in_virtual_time
async def test_each_set_of_studies_is_sent_as_the_server_knows_it(tmp_path: Path) -> None:
    sets: list[tuple[Any, Any]] = []
    async with batches(tmp_path) as (it, server):
        for params in (
            {}, {"images": "labelled"}, {"images": "all"}, {"images": "all", "new": True}, {"new": True},
            {"images": "marked", "studies": ("a b", "c")},
        ):  # fmt: skip
            await it.run("infer.batch", **params)
            sets.append((server.request["query"], server.request.get("images")))
        alone = await it.run("infer", study="c")
        one = server.request
    assert sets == [
        ("unlabeled", None), ("labeled", None), ("all", None), ("all", ["a b", "c"]), ("unlabeled", ["a b"]),
        ("all", ["a b", "c"]),
    ]  # fmt: skip
    assert one["images"] == ["c"]
    assert any(line.startswith("Inference of c with deepedit_seg") for line in it.report.lines)
    assert alone["message"].startswith("deepedit_seg labelled")
    assert (one["model"], one["label_tag"], one["device"], one["multi_gpu"]) == (
        "deepedit_seg", "original", "cpu", False,
    )  # fmt: skip
    assert one["restore_label_idx"] is True  # else the segments get other values than the model's labels have


@in_virtual_time
async def test_a_study_that_is_cut_off_is_named_and_left_out(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        it.host.agent.answers["program.run"] = {"answer": {"cut": ["b.nii.gz"], "checked": 2}}
        done = await it.run("infer.batch")
        assert server.request["images"] == ["a b"]
        assert done["cut_off"] == ["b"]
        assert "1 study left out, because the image is cut off: b." in done["message"]
        error = await it.failing("infer", study="b")
    assert (error.problem.code, len(server.tasks)) == ("unreadable", 1)
    assert "cut off on the host: b" in error.problem.message


@in_virtual_time
async def test_a_studys_details_say_whether_its_image_is_cut_off(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, _server):
        answers = it.host.agent.answers
        for kind in ("image", "label"):
            it.server.documents["GET", f"/datastore/{kind}/info"] = {}
        whole = await it.run("studies.show", study="c")
        answers["program.run"] = lambda request: {
            "answer": {"cut": request["arguments"]["names"], "checked": 1}
        }
        cut = await it.run("studies.show", study="c")
        answers["program.run"] = lambda _request: {"answer": {}}
        unknown = await it.run("studies.show", study="c")
    assert (whole["cut_off"], cut["cut_off"], unknown["cut_off"]) == (False, True, None)


@in_virtual_time
async def test_a_batch_goes_on_when_images_could_not_be_checked(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        it.host.agent.answers["program.run"] = Failed(Code.PROGRAM_FAILED, "There is no Python.", "")
        await it.run("infer.batch")
        it.host.agent.answers["program.run"] = {"answer": {"cut": [], "checked": 1}}
        await it.run("infer.batch")
    assert "could not be checked" in it.report.lines[0]
    assert any("checked for 1 of 2 studies only" in line for line in it.report.lines)
    assert "images" not in server.request


@in_virtual_time
async def test_the_progress_of_a_study_with_a_space_and_the_time_left_are_reported(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        server.lines = [progress("a b", 1, 4, 30), progress("b", 2, 4, 35)]
        done = await it.run("infer.batch")
        server.lines = [progress("a b", 1, 2, 30), progress("b", 2, 2, 35)]
        await it.run("infer.batch")
    assert "Batch inference with deepedit_seg: 2 of 4 studies, about 10 s left" in it.report.lines
    assert "Batch inference with deepedit_seg: 2 of 2 studies" in it.report.lines
    assert "which 1 of them has" in it.report.lines[0]
    assert (done["state"], done["done"], done["total"]) == ("done", 2, 4)
    assert "tag original" in done["message"]


@in_virtual_time
async def test_the_announcement_says_that_the_model_is_untrained(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, _server):
        await it.run("infer", study="a b")
        untrained, start = it.report.lines[0], len(it.report.lines)
        it.host.files.write("~/labeltui/apps/radiology/model/deepedit_dynunet.pt", b"weights")
        await it.session.models.refresh()
        await it.run("infer", study="a b")
        trained = it.report.lines[start]
    assert untrained.startswith("deepedit_seg is untrained: its labels are noise")
    assert trained.startswith("deepedit_seg labels 1 study")


@in_virtual_time
async def test_weights_that_are_unknown_are_not_called_untrained(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, _server):
        it.host.agent.answers["models.list"] = Failed(Code.UNREADABLE, "The folder can't be read.", "")
        await it.run("infer", study="a b")
    assert it.report.lines[0].startswith("deepedit_seg labels 1 study")


@in_virtual_time
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"images": "marked"}, "bad_parameter"),
        ({"studies": ("c",)}, "bad_parameter"),
        ({"images": "marked", "studies": ("x",)}, "unknown_study"),
        ({"model": "deepedit"}, "unknown_model"),
        ({"model": "nope"}, "unknown_model"),
        ({"images": "labelled", "model": "Histogram+GraphCut"}, "unknown_model"),
    ],
)
async def test_what_can_not_work_is_refused_before_it_is_sent(
    tmp_path: Path, params: dict[str, Any], code: str
) -> None:
    async with batches(tmp_path) as (it, server):
        error = await it.failing("infer.batch", **params)
    assert (error.problem.code, server.tasks) == (code, [])


@in_virtual_time
async def test_a_second_one_is_refused_and_more_ids_than_an_argument_holds(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        server.refused = True
        it.server.documents["GET", "/info/"] = {**recorded("info"), "scoring": {"dice": {}}}
        it.session.pollers.wake()
        await it.session.store.wait_for(lambda s: s.info.value is not None and bool(s.info.value.scoring), 60)
        second = await it.failing("infer.batch")
        scored = await it.failing("score", method="dice")
        assert it.report.lines == []  # nothing is announced that the server has refused
        objects = it.server.datastore["objects"]
        objects.update({f"{number:0300}": objects["a b"] for number in range(400)})
        many = await it.failing("infer.batch", images="all", new=True)
    assert (second.problem.code, second.exit_code, many.problem.code) == ("already_inferring", 3, "bad_size")
    assert (scored.problem.code, scored.exit_code) == ("already_scoring", 3)


@in_virtual_time
async def test_a_second_one_is_answered_with_who_began_the_first_and_when(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        server.ends, server.lines = "", [progress("a b", 4, 20, 10)]
        request = {"query": "all", "model": "deepedit_seg", "requested_by": "anna\x1b[2J@ward3"}
        server.tasks = [{
            "id": "7", "status": "RUNNING", "request": request, "details": server.lines,
            "start_ts": "2026-11-23 17:11:00",
        }]  # fmt: skip
        server.refused = True
        second = await it.failing("infer.batch")
        server.refused, server.ends = False, "DONE"
        await it.run("infer.batch")
    assert second.problem.message == (
        "A batch inference with deepedit_seg runs since 2026-11-23 17:11 by the host's clock, "
        "begun by anna [2J@ward3 (4 of 20 studies done)."
    )
    assert "`labeltui infer stop`" in second.problem.hint
    assert server.request["requested_by"] == it.session.consoles.who


@in_virtual_time
async def test_a_batch_that_fails_names_study_and_reason(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        server.ends = "ERROR"
        server.lines = [
            progress("a b", 1, 3, 10),
            LINE.format(at=11, no=133, text="Running inference for image id b\x1b[2J"),
            "RuntimeError: applying transform LoadImaged",
        ]
        error = await it.failing("infer.batch")
        shown = await it.run("infer.status")
    assert error.problem.code == "program_failed"
    for part in ("at b", "after 1 of 3 studies", "applying transform"):
        assert part in error.problem.message
    assert "\x1b" not in error.problem.message
    assert "--new" in error.problem.hint
    assert shown["error"]["message"] == error.problem.message


def running(study: str, at: int) -> str:
    return LINE.format(at=at, no=133, text=f"Running inference for image id {study}")


@in_virtual_time
async def test_progress_and_study_come_from_the_log_when_the_tasks_own_lines_lack_them(
    tmp_path: Path,
) -> None:
    """The server lists 20 lines of a task. One study prints more than that, and so does a traceback."""
    async with batches(tmp_path) as (it, server):
        job = it.host.agent.jobs["server"]
        job.print(progress("x", 9, 9, 10).replace(" 17:11", " 17:10") + "\n")  # of an earlier batch
        server.ends = ""
        begun = it.begin("infer.batch")
        await it.report.wait_for("waits in")
        server.tasks[-1]["status"] = "RUNNING"
        await it.report.wait_for("loads libraries")
        job.print("\n".join((progress("c", 19, 23, 21), running("case_024", 22), "  File loading.py", "")))
        server.tasks[-1]["details"] = ["  File loading.py"] * 20
        await it.report.wait_for("19 of 23 studies")
        server.tasks[-1].update(status="ERROR", details=["RuntimeError: cut short"])
        with pytest.raises(Exception, match="at case_024 after 19 of 23 studies: RuntimeError: cut short"):
            await begun
        shown = await it.run("infer.status")
    assert (shown["done"], shown["total"], shown["study"]) == (19, 23, "case_024")


@pytest.mark.parametrize(
    ("lines", "progress", "study"), [(60, None, "case_005"), (100, 1, "case_006"), (220, 5, "")]
)
def test_progress_is_read_from_the_log_of_a_real_server(lines: int, progress: int | None, study: str) -> None:
    text = (MONAILABEL / "log_batch_infer.txt").read_bytes()
    log = LogStore()
    log.begin("run", "stdout.log")
    log.feed(0, b"\n".join(text.splitlines()[:lines]) + b"\n")
    task = Task("t", TaskState.ERROR, {}, datetime(2026, 11, 23, 17, 11, 40), details=("RuntimeError: x",))
    whole = with_output(task, log)
    assert (progress_of(whole)[0], at_work(whole)) == (progress, study)
    left = progress_of(replace(whole, state=TaskState.RUNNING))[2]
    assert left == (0.0 if progress == 5 else None), (
        "no time left is known while the model's loading is part of it"
    )
    later = replace(task, started_at=datetime(2026, 11, 23, 17, 12))
    earlier = replace(task, ended_at=datetime(2026, 11, 23, 17, 11, 30))
    assert with_output(later, log) == later
    assert with_output(earlier, log) == earlier


@in_virtual_time
@pytest.mark.parametrize(
    ("action", "params", "says"),
    [
        ("infer", {"study": "a b"}, "`labeltui infer 'a b' --model deepedit_seg`"),
        (
            "infer.batch",
            {"images": "marked", "studies": ("c", "b", "a b")},
            "`labeltui infer batch marked b c --model",
        ),
        ("infer.batch", {"images": "all"}, "`labeltui infer batch all --model deepedit_seg` starts over"),
        (
            "infer.batch",
            {"images": "labelled"},
            "`labeltui infer batch labelled --model deepedit_seg` starts over",
        ),
        ("infer.batch", {}, "with --new, it leaves out studies that had a label original before"),
    ],
)
async def test_the_hint_after_a_failure_names_studies_that_are_left_or_the_same_set(
    tmp_path: Path, action: str, params: dict[str, Any], says: str
) -> None:
    async with batches(tmp_path) as (it, server):
        server.ends, server.lines = "ERROR", ["RuntimeError: applying transform LoadImaged"]
        if params.get("studies"):
            server.lines.insert(0, progress("a b", 1, 3, 10))  # the server takes them in order
        error = await it.failing(action, **params)
    assert says in error.problem.hint
    assert "goes on with the rest" not in error.problem.hint or params.get("studies")


@in_virtual_time
async def test_a_restarted_server_has_forgotten_the_batch(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        it.server.documents["GET", "/batch/infer"] = lambda _request: 404
        error = await it.failing("infer.batch")
        idle = await it.run("infer.status")
    assert (error.problem.code, idle["state"], len(server.tasks)) == ("server_gone", "idle", 1)


@in_virtual_time
async def test_a_poll_that_fails_does_not_end_the_following_but_five_do(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        lists, asked = it.server.documents["GET", "/batch/infer"], list[int]()

        def answer(request: httpx.Request) -> Any:
            asked.append(1)
            return lists(request) if len(asked) > 4 else 500

        it.server.documents["GET", "/batch/infer"] = answer
        done = await it.run("infer.batch")
        it.server.documents["GET", "/batch/infer"] = lambda _request: 500
        error = await it.failing("infer.batch")
    assert done["state"] == "done"
    assert error.problem.code != "server_gone"
    assert len(server.tasks) == 2


@in_virtual_time
async def test_a_batch_is_followed_again_after_a_lost_connection(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        lists, asked = it.server.documents["GET", "/batch/infer"], list[int]()

        def answer(request: httpx.Request) -> Any:
            asked.append(1)
            if len(asked) == 2:
                it.host.refusals += [Unreachable(Code.CONNECTION_LOST, "no route", "")] * 4
                it.host.drop()
            return lists(request) if it.session.link.is_connected and len(asked) != 2 else 500

        it.server.documents["GET", "/batch/infer"] = answer
        done = await it.run("infer.batch")
    assert (done["state"], len(server.tasks)) == ("done", 1)
    assert any("goes on there" in text for text in it.report.texts)


@in_virtual_time
async def test_a_batch_whose_server_is_stopped_says_how_far_it_was_and_how_to_go_on(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        server.ends, server.lines = "", [progress("/s/a b.nii.gz", 1, 2, 10)]
        follower = it.begin("infer.batch")
        await asyncio.sleep(1)
        server.tasks[-1].update(status="RUNNING", details=server.lines)
        await asyncio.sleep(5)
        await it.run("server.stop")
        it.server.documents["GET", "/batch/infer"] = lambda _request: 500
        with pytest.raises(Failed) as failed:
            await follower
    assert any("runs (1 of 2 studies done). It is stopped too" in text for text in it.report.texts)
    assert failed.value.problem.code == Code.SERVER_GONE
    assert failed.value.problem.message == (
        "The server ended, and the batch inference with it after 1 of 2 studies."
    )
    assert failed.value.problem.hint.startswith("Start the server. Then `labeltui infer batch ")


@in_virtual_time
async def test_a_stop_is_repeated_until_the_process_has_begun_and_needs_one(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        none = await it.failing("infer.stop")
        server.ends, server.ignored = "", 2
        running = it.begin("infer.batch")
        await it.session.store.wait_for(lambda _: bool(server.tasks), 60)
        stopped = await it.run("infer.stop")
        with pytest.raises(Exception, match="stopped"):
            await running
    assert (none.problem.code, stopped["state"], len(it.server.asked("DELETE", "/batch/infer"))) == (
        "not_found", "stopped", 3,
    )  # fmt: skip


@in_virtual_time
async def test_a_scoring_needs_a_method_of_the_server_and_gives_its_results(tmp_path: Path) -> None:
    async with batches(tmp_path) as (it, server):
        refused = await it.failing("score", method="dice")
        it.server.documents["GET", "/info/"] = {
            **recorded("info"),
            "scoring": {"dice": {}, "deepedit_epistemic": {}},
        }
        it.session.pollers.wake()
        await it.session.store.wait_for(lambda s: s.info.value is not None and bool(s.info.value.scoring), 60)
        server.lines = [
            '[2026-11-23 17:13:52,608] [7] [MainThread] [INFO] (__main__:61) - Result: {"a": 0.5}'
        ]
        done = await it.run("score", method="epistemic")
    assert refused.problem.code == "bad_parameter"
    assert "skip_scoring" in refused.problem.hint
    assert (server.request["model"], done["results"]) == ("deepedit_epistemic", {"a": 0.5})
